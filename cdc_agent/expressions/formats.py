"""Dates as text and back: TO_CHAR, TO_DATE and TO_TIMESTAMP of PostgreSQL, DATE_FORMAT and STR_TO_DATE of MySQL.

A format is compiled once. Templates that are not listed here make `compile_…` raise ValueError with their name.

https://www.postgresql.org/docs/current/functions-formatting.html,
https://dev.mysql.com/doc/refman/8.4/en/date-and-time-functions.html#function_date-format
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from cdc_agent.conversions.base import Code, misfit
from cdc_agent.expressions.fields import week, year_week

Part = Callable[[Any], str]

_MONTHS: Final = tuple(calendar.month_name)
_DAYS: Final = tuple(calendar.day_name)
_FULL: Final = 9
"""Characters to which PostgreSQL pads the names of months and days."""


def _padded(width: int, number: Callable[[Any], int]) -> tuple[Part, Part]:
    """With leading zeros, and without for FM."""
    return (lambda m: f"{number(m):0{width}d}"), (lambda m: str(number(m)))


def _name(names: tuple[str, ...], index: Callable[[Any], int], case: Callable[[str], str]) -> tuple[Part, Part]:
    return (lambda m: case(names[index(m)]).ljust(_FULL)), (lambda m: case(names[index(m)]))


def _short(names: tuple[str, ...], index: Callable[[Any], int], case: Callable[[str], str]) -> tuple[Part, Part]:
    part: Part = lambda m: case(names[index(m)][:3])  # noqa: E731 -- one of a pair
    return part, part


def _hour_12(m: Any) -> int:
    return int((m.hour + 11) % 12 + 1)


def _half(am: str, pm: str) -> tuple[Part, Part]:
    part: Part = lambda m: am if m.hour < 12 else pm  # noqa: E731 -- one of a pair
    return part, part


def _month(m: Any) -> int:
    return int(m.month)


def _week_day(m: Any) -> int:
    return int(m.weekday())


_POSTGRES: Final[dict[str, tuple[Part, Part]]] = {
    "YYYY": _padded(4, lambda m: m.year),
    "YYY": _padded(3, lambda m: m.year % 1000),
    "YY": _padded(2, lambda m: m.year % 100),
    "Y": _padded(1, lambda m: m.year % 10),
    "IYYY": _padded(4, lambda m: m.isocalendar().year),
    "IW": _padded(2, lambda m: m.isocalendar().week),
    "ID": _padded(1, lambda m: m.isoweekday()),
    "MM": _padded(2, _month),
    "DDD": _padded(3, lambda m: m.timetuple().tm_yday),
    "DD": _padded(2, lambda m: m.day),
    "D": _padded(1, lambda m: m.isoweekday() % 7 + 1),
    "HH24": _padded(2, lambda m: m.hour),
    "HH12": _padded(2, _hour_12),
    "HH": _padded(2, _hour_12),
    "MI": _padded(2, lambda m: m.minute),
    "SSSS": _padded(1, lambda m: m.hour * 3600 + m.minute * 60 + m.second),
    "SS": _padded(2, lambda m: m.second),
    "MS": _padded(3, lambda m: m.microsecond // 1000),
    "US": _padded(6, lambda m: m.microsecond),
    "Q": _padded(1, lambda m: (m.month + 2) // 3),
    "WW": _padded(2, lambda m: (m.timetuple().tm_yday - 1) // 7 + 1),
    "W": _padded(1, lambda m: (m.day - 1) // 7 + 1),
    "CC": _padded(2, lambda m: (m.year + 99) // 100),
    "Month": _name(_MONTHS, _month, str),
    "MONTH": _name(_MONTHS, _month, str.upper),
    "month": _name(_MONTHS, _month, str.lower),
    "Mon": _short(_MONTHS, _month, str),
    "MON": _short(_MONTHS, _month, str.upper),
    "mon": _short(_MONTHS, _month, str.lower),
    "Day": _name(_DAYS, _week_day, str),
    "DAY": _name(_DAYS, _week_day, str.upper),
    "day": _name(_DAYS, _week_day, str.lower),
    "Dy": _short(_DAYS, _week_day, str),
    "DY": _short(_DAYS, _week_day, str.upper),
    "dy": _short(_DAYS, _week_day, str.lower),
    "AM": _half("AM", "PM"),
    "PM": _half("AM", "PM"),
    "am": _half("am", "pm"),
    "pm": _half("am", "pm"),
    "A.M.": _half("A.M.", "P.M."),
    "P.M.": _half("A.M.", "P.M."),
    "a.m.": _half("a.m.", "p.m."),
    "p.m.": _half("a.m.", "p.m."),
}
_UNKNOWN: Final = (
    "TH", "th", "SP", "TM", "FX", "TZH", "TZM", "TZ", "tz", "OF", "J", "RM", "rm", "BC", "AD", "bc", "ad", "Y,YYY",
    "IYY", "IDDD", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6", "B.C.", "A.D.",
)  # fmt: skip
_CASELESS: Final = {
    name
    for name in _POSTGRES
    if name.isupper() and name not in ("MONTH", "MON", "DAY", "DY", "AM", "PM", "A.M.", "P.M.")
}
_TOKEN: Final = re.compile(
    "|".join(
        [
            r'"(?P<quoted>[^"]*)"',
            "(?P<fm>FM|fm)",
            *(
                re.escape(name)
                for name in sorted({*_POSTGRES, *_UNKNOWN, *(n.lower() for n in _CASELESS)}, key=len, reverse=True)
            ),
            "(?P<other>.)",
        ]
    ),
    re.DOTALL,
)


@lru_cache(maxsize=256)
def compile_to_char(template: str) -> Part:
    """TO_CHAR of a timestamp. Raises ValueError naming a pattern that is not supported."""
    parts: list[Part] = []
    unpadded = False
    for match in _TOKEN.finditer(template):
        if match["fm"]:
            unpadded = True
            continue
        if match["other"] is not None or match["quoted"] is not None:
            parts.append(_constant(match["quoted"] if match["quoted"] is not None else match["other"]))
        else:
            parts.append(_postgres_part(match[0])[unpadded])
        unpadded = False
    return _joined(parts)


def _postgres_part(token: str) -> tuple[Part, Part]:
    found = _POSTGRES.get(token) or (_POSTGRES.get(token.upper()) if token.upper() in _CASELESS else None)
    if found is None:
        raise ValueError(token)
    return found


def _constant(text: str) -> Part:
    return lambda m: text


def _joined(parts: list[Part]) -> Part:
    return lambda moment: "".join([part(moment) for part in parts])


def to_char(moment: Any, template: str) -> str:
    try:
        return compile_to_char(template)(moment)
    except ValueError:
        misfit(Code.EXPRESSION, "a pattern of TO_CHAR that is not supported")


# --- MySQL -------------------------------------------------------------------------------------------------------

_ORDINALS: Final = {1: "st", 2: "nd", 3: "rd"}


def _ordinal(m: Any) -> str:
    return f"{m.day}{'th' if 11 <= m.day <= 13 else _ORDINALS.get(m.day % 10, 'th')}"


_MYSQL: Final[dict[str, Part]] = {
    "Y": lambda m: f"{m.year:04d}",
    "y": lambda m: f"{m.year % 100:02d}",
    "m": lambda m: f"{m.month:02d}",
    "c": lambda m: str(m.month),
    "d": lambda m: f"{m.day:02d}",
    "e": lambda m: str(m.day),
    "D": _ordinal,
    "H": lambda m: f"{m.hour:02d}",
    "k": lambda m: str(m.hour),
    "h": lambda m: f"{_hour_12(m):02d}",
    "I": lambda m: f"{_hour_12(m):02d}",
    "l": lambda m: str(_hour_12(m)),
    "i": lambda m: f"{m.minute:02d}",
    "s": lambda m: f"{m.second:02d}",
    "S": lambda m: f"{m.second:02d}",
    "f": lambda m: f"{m.microsecond:06d}",
    "p": lambda m: "AM" if m.hour < 12 else "PM",
    "r": lambda m: f"{_hour_12(m):02d}:{m.minute:02d}:{m.second:02d} {'AM' if m.hour < 12 else 'PM'}",
    "T": lambda m: f"{m.hour:02d}:{m.minute:02d}:{m.second:02d}",
    "W": lambda m: _DAYS[m.weekday()],
    "a": lambda m: _DAYS[m.weekday()][:3],
    "M": lambda m: _MONTHS[m.month],
    "b": lambda m: _MONTHS[m.month][:3],
    "j": lambda m: f"{m.timetuple().tm_yday:03d}",
    "w": lambda m: str(m.isoweekday() % 7),
    "u": lambda m: f"{week(m, 1):02d}",
    "U": lambda m: f"{week(m, 0):02d}",
    "v": lambda m: f"{week(m, 3):02d}",
    "V": lambda m: f"{week(m, 2):02d}",
    "x": lambda m: f"{year_week(m, 3) // 100:04d}",
    "X": lambda m: f"{year_week(m, 2) // 100:04d}",
}


@lru_cache(maxsize=256)
def compile_date_format(template: str) -> Part:
    """DATE_FORMAT: an unknown ``%x`` is the character itself."""
    parts: list[Part] = []
    for match in re.finditer(r"%(.)|([^%]+|%$)", template, re.DOTALL):
        letter = match[1]
        parts.append(_constant(match[2]) if letter is None else _MYSQL.get(letter) or _constant(letter))
    return _joined(parts)


def date_format(moment: Any, template: str) -> str:
    return compile_date_format(template)(moment)


# --- reading -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    pattern: str


_NAME_PATTERN: Final = r"[A-Za-z]+"
_MYSQL_FIELDS: Final = {
    "Y": _Field("year", r"\d{4}"), "y": _Field("short_year", r"\d{1,2}"), "m": _Field("month", r"\d{1,2}"),
    "c": _Field("month", r"\d{1,2}"), "d": _Field("day", r"\d{1,2}"), "e": _Field("day", r"\d{1,2}"),
    "H": _Field("hour", r"\d{1,2}"), "k": _Field("hour", r"\d{1,2}"), "h": _Field("hour_12", r"\d{1,2}"),
    "I": _Field("hour_12", r"\d{1,2}"), "l": _Field("hour_12", r"\d{1,2}"), "i": _Field("minute", r"\d{1,2}"),
    "s": _Field("second", r"\d{1,2}"), "S": _Field("second", r"\d{1,2}"), "f": _Field("fraction", r"\d{1,6}"),
    "p": _Field("half", r"[AaPp][Mm]"), "b": _Field("month_name", _NAME_PATTERN),
    "M": _Field("month_name", _NAME_PATTERN), "j": _Field("year_day", r"\d{1,3}"), "a": _Field("", _NAME_PATTERN),
    "W": _Field("", _NAME_PATTERN),
}  # fmt: skip
_POSTGRES_FIELDS: Final = {
    "YYYY": _Field("year", r"\d{1,4}"), "YY": _Field("short_year", r"\d{1,2}"), "MM": _Field("month", r"\d{1,2}"),
    "DD": _Field("day", r"\d{1,2}"), "DDD": _Field("year_day", r"\d{1,3}"), "HH24": _Field("hour", r"\d{1,2}"),
    "HH12": _Field("hour_12", r"\d{1,2}"), "HH": _Field("hour_12", r"\d{1,2}"), "MI": _Field("minute", r"\d{1,2}"),
    "SS": _Field("second", r"\d{1,2}"), "MS": _Field("fraction", r"\d{1,3}"), "US": _Field("fraction", r"\d{1,6}"),
    "MON": _Field("month_name", r"[A-Za-z]{3}"), "MONTH": _Field("month_name", _NAME_PATTERN),
    "AM": _Field("half", r"[AaPp][Mm]"), "PM": _Field("half", r"[AaPp][Mm]"), "DY": _Field("", r"[A-Za-z]{3}"),
    "DAY": _Field("", _NAME_PATTERN),
}  # fmt: skip
_TIME_FIELDS: Final = frozenset({"hour", "hour_12", "minute", "second", "fraction", "half"})
Read = Callable[[str], "dt.datetime | None"]


@lru_cache(maxsize=256)
def compile_str_to_date(template: str) -> tuple[Read, bool]:
    """STR_TO_DATE: the reader (None when the text does not match), and whether a time of day is read.

    Raises ValueError naming a specifier that is not supported.
    """
    expanded = template.replace("%T", "%H:%i:%s").replace("%r", "%h:%i:%s %p")
    names: list[str] = []
    pattern = r"\s*"
    for match in re.finditer(r"%(.)|(\s+)|([^%\s])", expanded, re.DOTALL):
        if match[1] == "%":
            pattern += "%"
        elif match[1] is not None:
            pattern += rf"\s*({_taken(_MYSQL_FIELDS, match[1], names)})"
        else:
            pattern += r"\s*" + ("" if match[2] else re.escape(match[3]))
    return _reader(pattern + r"(?:\s.*)?", names, default_year=None), bool(_TIME_FIELDS & set(names))


@lru_cache(maxsize=256)
def compile_to_timestamp(template: str) -> Read:
    """TO_DATE and TO_TIMESTAMP. Raises ValueError naming a pattern that is not supported."""
    names: list[str] = []
    pattern = r"\s*"
    for match in _TOKEN.finditer(template):
        if match["fm"]:
            continue
        if match["quoted"] is not None:
            pattern += f".{{{len(match['quoted'])}}}"
        elif match["other"] is not None:
            pattern += r"\s*[^\w]?\s*" if not match["other"].isalnum() else "."
        else:
            pattern += rf"\s*({_taken(_POSTGRES_FIELDS, match[0].upper(), names)})"
    return _reader(pattern + ".*", names, default_year=1)


def _taken(fields: dict[str, _Field], token: str, names: list[str]) -> str:
    field = fields.get(token)
    if field is None:
        raise ValueError(token)
    names.append(field.name)
    return field.pattern


def _reader(pattern: str, names: list[str], *, default_year: int | None) -> Read:
    compiled = re.compile(pattern, re.DOTALL)

    def read(text: str) -> dt.datetime | None:
        match = compiled.fullmatch(text)
        if match is None:
            return None
        values = {name: value for name, value in zip(names, match.groups(), strict=True) if name}
        return _assembled(values, default_year)

    return read


def _assembled(values: dict[str, str], default_year: int | None) -> dt.datetime | None:
    year = _year(values, default_year)
    month = _month_of(values)
    if year is None or month is None:
        return None
    hour = int(values.get("hour", values.get("hour_12", "0")))
    if "hour_12" in values:
        afternoon = values.get("half", "am").lower() == "pm"
        hour = hour % 12 + (12 if afternoon else 0)
    micro = int(values.get("fraction", "").ljust(6, "0"))
    try:
        day = _day(values, year, month)
        return dt.datetime(
            day.year, day.month, day.day, hour, int(values.get("minute", 0)), int(values.get("second", 0)), micro
        )
    except ValueError:
        return None


def _year(values: dict[str, str], default: int | None) -> int | None:
    if "year" in values:
        return int(values["year"])
    if "short_year" in values:
        short = int(values["short_year"])
        return short + (2000 if short < 70 else 1900)
    return default


def _month_of(values: dict[str, str]) -> int | None:
    if "month_name" in values:
        short = values["month_name"][:3].capitalize()
        return next((i for i, name in enumerate(_MONTHS) if name[:3] == short and i), None)
    return int(values.get("month", 1))


def _day(values: dict[str, str], year: int, month: int) -> dt.date:
    if "year_day" in values:
        return dt.date(year, 1, 1) + dt.timedelta(days=int(values["year_day"]) - 1)
    return dt.date(year, month, int(values.get("day", 1)))


def to_timestamp(text: str, template: str) -> dt.datetime:
    try:
        moment = compile_to_timestamp(template)(text)
    except ValueError:
        misfit(Code.EXPRESSION, "a pattern of TO_TIMESTAMP that is not supported")
    if moment is None:
        misfit(Code.EXPRESSION, "the text does not match the pattern")
    return moment


def to_date(text: str, template: str) -> dt.date:
    return to_timestamp(text, template).date()
