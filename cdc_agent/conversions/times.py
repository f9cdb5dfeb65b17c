"""Values that become dates, times, timestamps, instants and intervals.

Between a timestamp without zone and an instant stands the zone that the configuration gives the database with the
zoneless type. MySQL's zero and partial dates follow the route's policy where the target is not MySQL.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Final
from zoneinfo import ZoneInfo

from cdc_agent.conversions.base import PASS, Code, Context, Convert, Maker, MisfitError, Usual, Way, misfit, then, way
from cdc_agent.model.values import Kind, Type

_DATE: Final = re.compile(rb"\d{4,7}-\d\d-\d\d(?: BC)?")
_PLAIN_DATE: Final = re.compile(rb"(\d{4})-(\d\d)-(\d\d)")
_PLAIN_STAMP: Final = re.compile(rb"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?")
_PLAIN_INSTANT: Final = re.compile(rb"(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d(?::?\d\d)?)")
_PLAIN_TIME: Final = re.compile(rb"(-?)(\d{1,4}):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?")
_INTERVAL: Final = re.compile(
    rb"P(?:(-?\d+)Y)?(?:(-?\d+)M)?(?:(-?\d+)W)?(?:(-?\d+)D)?"
    rb"(?:T(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?)(\d+)(?:\.(\d{1,6}))?S)?)?"
)
_INFINITE: Final = frozenset((b"infinity", b"-infinity"))
_FIRST_TIMESTAMP: Final = b"1970-01-01 00:00:01.000000+00"
_LAST_TIMESTAMP: Final = b"2038-01-19 03:14:07.999999+00"
_MYSQL_TIME_LIMIT: Final = timedelta(hours=838, minutes=59, seconds=59)
_MIDNIGHT: Final = b" 00:00:00"
_FINITE_YEAR: Final = "{v}[-1] < 58"
"""Neither an infinity nor a year before Christ: the last character is a digit."""
_PLAIN_YEAR: Final = Usual(f"{_FINITE_YEAR} and {{v}}[4] == 45")
_NO_ZERO: Final = Usual('{v}.find(b"-00") < 0 and {v} > b"0001"')
_UNIX_TIME: Final = Usual('b"1970-01-02" < {v} < b"2038-01-19"')
_WHOLE_SECONDS: Final = Usual("46 not in {v}")


# --- zero dates, the calendar's ends and fractions ----------------------------------------------------------------


def _zero_dates(source: Type, target: Type, context: Context) -> Way:
    """MySQL's zero and partial dates on their way to PostgreSQL."""
    if context.from_postgres or not context.to_postgres:
        return PASS
    replacement = _replacement(target, context.zero_dates)

    def convert(text: bytes) -> bytes | None:
        if text[5:7] == b"00" or text[8:10] == b"00" or text[:4] == b"0000":
            if replacement == b"":
                misfit(Code.ZERO_DATE, "a zero or partial date")
            return replacement
        return text

    return way(convert, *([Code.ZERO_DATE] if replacement == b"" else []), usual=_NO_ZERO)


def _replacement(target: Type, policy: str) -> bytes | None:
    """What is written for a zero date: b'' for nothing at all, None for NULL."""
    if policy == "quarantine":
        return b""
    if policy == "null":
        return None
    day = policy.strip().encode()
    tails = {Kind.TIMESTAMP: _MIDNIGHT, Kind.INSTANT: _MIDNIGHT + b"+00"}
    return day + tails.get(target.kind, b"") if _PLAIN_DATE.fullmatch(day) else day


def _calendar(source: Type, target: Type, context: Context) -> Way:
    """MySQL has the years 0 to 9999 and no infinity."""
    if context.to_postgres or not context.from_postgres:
        return PASS

    def convert(text: bytes) -> bytes:
        if text in _INFINITE:
            misfit(Code.NOT_FINITE, f"{target.native} holds no infinity")
        if text.endswith(b"BC") or text[4:5] != b"-":
            misfit(Code.OUT_OF_RANGE, f"outside the years of {target.native}")
        return text

    return way(convert, Code.NOT_FINITE, Code.OUT_OF_RANGE, usual=_PLAIN_YEAR)


def _timestamp_range(source: Type, target: Type, context: Context) -> Way:
    """MySQL's TIMESTAMP ends in 2038, and its zero is not the epoch."""
    if context.to_postgres or target.kind is not Kind.INSTANT or _is_mysql_timestamp(source, context):
        return PASS

    def convert(text: bytes) -> bytes:
        whole = text if b"." in text else text.replace(b"+00", b".000000+00")
        if not _FIRST_TIMESTAMP <= whole <= _LAST_TIMESTAMP:
            misfit(Code.OUT_OF_RANGE, f"{target.native} holds 1970 to 2038 only")
        return text

    return way(convert, Code.OUT_OF_RANGE, usual=_UNIX_TIME)


def _is_mysql_timestamp(source: Type, context: Context) -> bool:
    return source.kind is Kind.INSTANT and not context.from_postgres


def _fraction(source: Type, target: Type, context: Context) -> Way:
    digits = 6 if target.precision is None else target.precision
    if digits >= 6 or (source.kind in _CLOCKED and source.precision is not None and source.precision <= digits):
        return PASS
    reason = f"more fractional digits than {target.native} keeps"

    def convert(text: bytes) -> bytes:
        point = text.find(b".")
        if point >= 0:
            fraction = text[point + 1 :].split(b"+")[0].split(b" ")[0]
            if len(fraction.rstrip(b"0")) > digits:
                misfit(Code.DIGITS, reason)
        return text

    return way(convert, Code.DIGITS, usual=_WHOLE_SECONDS)


def _checked(source: Type, target: Type, context: Context) -> Way:
    """All the checks of a date or timestamp, none of them where both ends are alike."""
    result = PASS
    for step in (_zero_dates, _calendar, _timestamp_range, _fraction):
        result = then(result, step(source, target, context))
    return result


# --- dates and timestamps ----------------------------------------------------------------------------------------


def _date_to_timestamp(source: Type, target: Type, context: Context) -> Way:
    def convert(text: bytes) -> bytes:
        if text in _INFINITE:
            return text
        return text[:-3] + _MIDNIGHT + b" BC" if text.endswith(b" BC") else text + _MIDNIGHT

    return then(_checked(source, source, context), then(way(convert), _calendar(target, target, context)))


def _timestamp_to_date(source: Type, target: Type, context: Context) -> Way:
    def convert(text: bytes) -> bytes:
        if text in _INFINITE:
            return text
        day, _, rest = text.partition(b" ")
        if not rest.startswith(b"00:00:00") or b"." in rest:
            misfit(Code.DIGITS, f"a time of day does not fit into {target.native}")
        return day + b" BC" if rest.endswith(b"BC") else day

    return then(way(convert, Code.DIGITS), _checked(Type(Kind.DATE, "date"), target, context))


def _timestamp_to_instant(source: Type, target: Type, context: Context) -> Way:
    to_utc = _zoned(context.source_zone, _to_utc)
    usual = Usual(_FINITE_YEAR, '{v} + b"+00"') if to_utc is _append_utc else None
    local = way(to_utc, Code.ZONE, Code.OUT_OF_RANGE, usual=usual)
    first = then(_zero_dates(source, target, context), local)
    return then(first, _fit_instant(source, target, context))


def _fit_instant(source: Type, target: Type, context: Context) -> Way:
    end = then(_timestamp_range(source, target, context), _fraction(source, target, context))
    return then(_calendar(source, target, context), end)


def _instant_to_timestamp(source: Type, target: Type, context: Context) -> Way:
    zero = _zero_dates(source, target, context)
    checked = _calendar(source, target, context)
    to_local = _zoned(context.target_zone, _to_local)
    usual = Usual('{v}.endswith(b"+00")', "{v}[:-3]") if to_local is _remove_utc else None
    local = way(to_local, Code.OUT_OF_RANGE, usual=usual)
    return then(then(then(zero, checked), local), _fraction(source, target, context))


def _zoned(zone: str, convert: Callable[[bytes, ZoneInfo], bytes]) -> Convert:
    """In UTC the texts differ by their tail alone."""
    if zone.upper() in ("UTC", "ETC/UTC", "GMT", "Z", "+00:00"):
        return _append_utc if convert is _to_utc else _remove_utc
    info = ZoneInfo(zone)
    return lambda text: convert(text, info)


def _append_utc(text: bytes) -> bytes:
    if text in _INFINITE:
        return text
    return text[:-3] + b"+00 BC" if text.endswith(b" BC") else text + b"+00"


def _remove_utc(text: bytes) -> bytes:
    return text.replace(b"+00", b"") if text not in _INFINITE else text


def _to_utc(text: bytes, zone: ZoneInfo) -> bytes:
    """A local time as an instant; a time that happens twice is the later one, as PostgreSQL reads it."""
    if text in _INFINITE:
        return text
    local = _datetime(text)
    instant = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != local:
        misfit(Code.ZONE, f"a local time that {zone.key} skips")
    return stamp(instant.replace(tzinfo=None)) + b"+00"


def _to_local(text: bytes, zone: ZoneInfo) -> bytes:
    if text in _INFINITE:
        return text
    instant = _datetime(text.removesuffix(b"+00"))
    try:
        return stamp(instant.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None))
    except OverflowError:
        misfit(Code.OUT_OF_RANGE, "outside the years 1 to 9999")


def _datetime(text: bytes) -> datetime:
    try:
        return datetime.fromisoformat(text.decode())
    except ValueError:
        misfit(Code.OUT_OF_RANGE, "outside the years 1 to 9999, for which zones are known")


def stamp(moment: datetime) -> bytes:
    """The canonical text of a naive datetime."""
    text = moment.isoformat(" ")
    return (text.rstrip("0") if moment.microsecond else text).encode()


def _date_to_instant(source: Type, target: Type, context: Context) -> Way:
    timestamp = Type(Kind.TIMESTAMP, target.native, precision=target.precision)
    return then(
        _date_to_timestamp(source, timestamp, context),
        _timestamp_to_instant(timestamp, target, context),
    )


def _instant_to_date(source: Type, target: Type, context: Context) -> Way:
    timestamp = Type(Kind.TIMESTAMP, "timestamp", precision=6)
    return then(
        _instant_to_timestamp(source, timestamp, context),
        _timestamp_to_date(timestamp, target, context),
    )


# --- times of day and intervals ----------------------------------------------------------------------------------


def _time_to_time(source: Type, target: Type, context: Context) -> Way:
    if not context.to_postgres or context.from_postgres:
        return _fraction(source, target, context)
    return then(way(_within_a_day, Code.OUT_OF_RANGE), _fraction(source, target, context))


def _within_a_day(text: bytes) -> bytes:
    if text.startswith(b"-") or text[2:3] != b":" or text > b"24:00:00":
        misfit(Code.OUT_OF_RANGE, "PostgreSQL's time has 0 to 24 hours")
    return text


def _time_to_interval(source: Type, target: Type, context: Context) -> Way:
    def convert(text: bytes) -> bytes:
        return interval_text(0, 0, round(parse_clock(text) / timedelta(microseconds=1)))

    return then(_fraction(source, target, context), way(convert))


def _interval_to_time(source: Type, target: Type, context: Context) -> Way:
    def convert(text: bytes) -> bytes:
        months, days, microseconds = parse_interval(text)
        if months:
            misfit(Code.OUT_OF_RANGE, f"months do not fit into {target.native}")
        span = timedelta(days=days, microseconds=microseconds)
        if not context.to_postgres and abs(span) > _MYSQL_TIME_LIMIT:
            misfit(Code.OUT_OF_RANGE, f"{target.native} holds less than 839 hours")
        return time_text(span)

    result = then(way(convert, Code.OUT_OF_RANGE, Code.FORM), _fraction(source, target, context))
    return then(result, way(_within_a_day, Code.OUT_OF_RANGE)) if context.to_postgres else result


def parse_clock(text: bytes) -> timedelta:
    """[-]HHH:MM[:SS[.ffffff]] as a span."""
    match = _PLAIN_TIME.fullmatch(text.strip())
    if match is None:
        misfit(Code.FORM, "not a time")
    sign, hours, minutes, seconds, fraction = match.groups()
    micro = int((fraction or b"").ljust(6, b"0")[:6])
    span = timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds or 0), microseconds=micro)
    return -span if sign else span


def time_text(span: timedelta) -> bytes:
    """The canonical text of a time of day or of MySQL's TIME."""
    total = round(abs(span) / timedelta(microseconds=1))
    seconds, micro = divmod(total, 1_000_000)
    text = f"{'-' if span < timedelta(0) else ''}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return (f"{text}.{micro:06d}".rstrip("0") if micro else text).encode()


def parse_interval(text: bytes) -> tuple[int, int, int]:
    """(months, days, microseconds) of an ISO 8601 interval. MisfitError when it is none."""
    match = _INTERVAL.fullmatch(text.strip())
    if match is None or text.strip() in (b"P", b"PT"):
        misfit(Code.FORM, "not an ISO 8601 interval")
    years, months, weeks, days, hours, minutes, sign, seconds, fraction = match.groups()
    small = int(seconds or 0) * 1_000_000 + int((fraction or b"").ljust(6, b"0"))
    micro = (int(hours or 0) * 60 + int(minutes or 0)) * 60_000_000 + (-small if sign else small)
    return int(years or 0) * 12 + int(months or 0), int(weeks or 0) * 7 + int(days or 0), micro


def interval_text(months: int, days: int, microseconds: int) -> bytes:
    """ISO 8601 as PostgreSQL prints it."""
    years, months = _divide(months, 12)
    hours, rest = _divide(microseconds, 3_600_000_000)
    minutes, rest = _divide(rest, 60_000_000)
    day_part = "".join(f"{n}{unit}" for n, unit in ((years, "Y"), (months, "M"), (days, "D")) if n)
    time_part = "".join(f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M")) if n)
    if rest:
        whole, micro = divmod(abs(rest), 1_000_000)
        tail = f".{micro:06d}".rstrip("0") if micro else ""
        time_part += f"{'-' if rest < 0 else ''}{whole}{tail}S"
    if not day_part and not time_part:
        return b"PT0S"
    return f"P{day_part}{'T' + time_part if time_part else ''}".encode()


def _divide(number: int, by: int) -> tuple[int, int]:
    """Quotient and rest, both with the number's sign."""
    quotient, rest = divmod(abs(number), by)
    return (-quotient, -rest) if number < 0 else (quotient, rest)


def _interval_to_interval(source: Type, target: Type, context: Context) -> Way:
    return PASS if (target.precision or 6) >= (source.precision or 6) else _interval_fraction(target)


def _interval_fraction(target: Type) -> Way:
    digits = target.precision or 0

    def convert(text: bytes) -> bytes:
        point = text.find(b".")
        if point >= 0 and len(text[point + 1 :].rstrip(b"S").rstrip(b"0")) > digits:
            misfit(Code.DIGITS, f"more fractional digits than {target.native} keeps")
        return text

    return way(convert, Code.DIGITS)


# --- from text ---------------------------------------------------------------------------------------------------


def _text_to_date(source: Type, target: Type, context: Context) -> Way:
    def convert(text: bytes) -> bytes:
        day = text.strip()
        match = _PLAIN_DATE.fullmatch(day)
        if match is None or not _exists(day):
            misfit(Code.FORM, "not a date of the form YYYY-MM-DD")
        return day

    return way(convert, Code.FORM)


def _exists(day: bytes) -> bool:
    try:
        datetime.fromisoformat(day.decode())
    except ValueError:
        return False
    return True


def _text_to_timestamp(source: Type, target: Type, context: Context) -> Way:
    def convert(text: bytes) -> bytes:
        match = _PLAIN_STAMP.fullmatch(text.strip())
        if match is None:
            if _PLAIN_DATE.fullmatch(text.strip()) and _exists(text.strip()):
                return text.strip() + _MIDNIGHT
            misfit(Code.FORM, "not a timestamp of the form YYYY-MM-DD HH:MM:SS")
        return _clean(match[1] + b" " + match[2], match[3])

    return then(way(convert, Code.FORM, Code.DIGITS), _fraction(source, target, context))


def _clean(seconds: bytes, fraction: bytes | None) -> bytes:
    if not _exists(seconds):
        misfit(Code.FORM, "no such day or time")
    digits = (fraction or b"").rstrip(b"0")
    if len(digits) > 6:
        misfit(Code.DIGITS, "more than six fractional digits")
    return seconds + b"." + digits if digits else seconds


def _text_to_instant(source: Type, target: Type, context: Context) -> Way:
    """With an offset from UTC as it says; without one, local to the source."""
    plain = _text_to_timestamp(source, Type(Kind.TIMESTAMP, target.native, precision=6), context).convert
    to_utc = _zoned(context.source_zone, _to_utc)

    def convert(text: bytes) -> bytes | None:
        match = _PLAIN_INSTANT.fullmatch(text.strip())
        if match is None:
            local = plain(text) if plain else text
            return None if local is None else to_utc(local)
        seconds = _clean(match[1].replace(b"T", b" "), match[2])
        moment = _datetime(seconds).replace(tzinfo=_offset(match[3]))
        return stamp(moment.astimezone(UTC).replace(tzinfo=None)) + b"+00"

    read = way(convert, Code.FORM, Code.ZONE, Code.DIGITS, Code.OUT_OF_RANGE)
    return then(read, _fit_instant(source, target, context))


def _offset(text: bytes) -> timezone:
    """``Z``, ``+02``, ``+0230`` or ``+02:30``."""
    digits = text.lstrip(b"Z+-").replace(b":", b"")
    span = timedelta(hours=int(digits[:2] or 0), minutes=int(digits[2:] or 0))
    return timezone(-span if text.startswith(b"-") else span)


def _text_to_time(source: Type, target: Type, context: Context) -> Way:
    def convert(text: bytes) -> bytes:
        span = parse_clock(text)
        if abs(span) > _MYSQL_TIME_LIMIT:
            misfit(Code.OUT_OF_RANGE, f"outside the range of {target.native}")
        return time_text(span)

    day = way(_within_a_day, Code.OUT_OF_RANGE) if context.to_postgres else PASS
    return then(then(way(convert, Code.FORM, Code.OUT_OF_RANGE), day), _fraction(source, target, context))


def _text_to_interval(source: Type, target: Type, context: Context) -> Way:
    def convert(text: bytes) -> bytes:
        try:
            return interval_text(*parse_interval(text))
        except MisfitError:
            return interval_text(0, 0, round(parse_clock(text) / timedelta(microseconds=1)))

    return way(convert, Code.FORM)


def _date_or_time(source: Type, target: Type, context: Context) -> Way:
    return _checked(source, target, context)


_CLOCKED: Final = frozenset({Kind.TIME, Kind.TIMESTAMP, Kind.INSTANT})

MAKERS: Final[dict[tuple[Kind, Kind], Maker]] = {
    (Kind.DATE, Kind.DATE): _date_or_time,
    (Kind.TIMESTAMP, Kind.TIMESTAMP): _date_or_time,
    (Kind.INSTANT, Kind.INSTANT): _date_or_time,
    (Kind.DATE, Kind.TIMESTAMP): _date_to_timestamp,
    (Kind.DATE, Kind.INSTANT): _date_to_instant,
    (Kind.TIMESTAMP, Kind.DATE): _timestamp_to_date,
    (Kind.TIMESTAMP, Kind.INSTANT): _timestamp_to_instant,
    (Kind.INSTANT, Kind.TIMESTAMP): _instant_to_timestamp,
    (Kind.INSTANT, Kind.DATE): _instant_to_date,
    (Kind.TIME, Kind.TIME): _time_to_time,
    (Kind.TIME, Kind.INTERVAL): _time_to_interval,
    (Kind.INTERVAL, Kind.TIME): _interval_to_time,
    (Kind.INTERVAL, Kind.INTERVAL): _interval_to_interval,
    (Kind.TEXT, Kind.DATE): _text_to_date,
    (Kind.TEXT, Kind.TIMESTAMP): _text_to_timestamp,
    (Kind.TEXT, Kind.INSTANT): _text_to_instant,
    (Kind.TEXT, Kind.TIME): _text_to_time,
    (Kind.TEXT, Kind.INTERVAL): _text_to_interval,
}
