"""Parts of dates, times and intervals: years, weeks, fractions, and what DATE_TRUNC leaves. Arguments are never None.

The values are those of `times`.

https://www.postgresql.org/docs/current/functions-datetime.html#FUNCTIONS-DATETIME-EXTRACT,
https://dev.mysql.com/doc/refman/8.4/en/date-and-time-functions.html
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from cdc_agent.expressions.pyvalues import Span
from cdc_agent.expressions.times import MICROSECOND, epoch_decimal, towards_zero


def _seconds(moment: dt.datetime) -> Decimal:
    return Decimal(moment.second * 1_000_000 + moment.microsecond).scaleb(-6)


def _sunday_week_day(moment: Any) -> int:
    return int(moment.isoweekday()) % 7


POSTGRES_FIELDS: Final[dict[str, Callable[[Any], Any]]] = {
    "YEAR": lambda m: Decimal(m.year),
    "MONTH": lambda m: Decimal(m.month),
    "DAY": lambda m: Decimal(m.day),
    "HOUR": lambda m: Decimal(m.hour),
    "MINUTE": lambda m: Decimal(m.minute),
    "SECOND": _seconds,
    "MILLISECONDS": lambda m: Decimal(m.second * 1_000_000 + m.microsecond).scaleb(-3),
    "MICROSECONDS": lambda m: Decimal(m.second * 1_000_000 + m.microsecond),
    "QUARTER": lambda m: Decimal((m.month + 2) // 3),
    "WEEK": lambda m: Decimal(m.isocalendar().week),
    "ISOYEAR": lambda m: Decimal(m.isocalendar().year),
    "DOW": lambda m: Decimal(_sunday_week_day(m)),
    "ISODOW": lambda m: Decimal(m.isoweekday()),
    "DOY": lambda m: Decimal(m.timetuple().tm_yday),
    "EPOCH": epoch_decimal,
    "DECADE": lambda m: Decimal(m.year // 10),
    "CENTURY": lambda m: Decimal((m.year + 99) // 100),
    "MILLENNIUM": lambda m: Decimal((m.year + 999) // 1000),
}
DATE_FIELDS: Final = frozenset(POSTGRES_FIELDS) - {"HOUR", "MINUTE", "SECOND", "MILLISECONDS", "MICROSECONDS"}
"""What PostgreSQL takes from a date."""


def span_field(name: str) -> Callable[[Span], Decimal] | None:
    return _SPAN_FIELDS.get(name)


def _span_rest(number: int, by: int) -> int:
    return number - towards_zero(number, by) * by


_SPAN_FIELDS: Final[dict[str, Callable[[Span], Decimal]]] = {
    "YEAR": lambda s: Decimal(towards_zero(s.months, 12)),
    "MONTH": lambda s: Decimal(_span_rest(s.months, 12)),
    "DAY": lambda s: Decimal(s.days),
    "HOUR": lambda s: Decimal(towards_zero(s.microseconds, 3_600_000_000)),
    "MINUTE": lambda s: Decimal(towards_zero(_span_rest(s.microseconds, 3_600_000_000), 60_000_000)),
    "SECOND": lambda s: Decimal(_span_rest(s.microseconds, 60_000_000)).scaleb(-6),
    "EPOCH": lambda s: Decimal(
        (towards_zero(s.months, 12) * 31_557_600 + _span_rest(s.months, 12) * 2_592_000 + s.days * 86_400) * 1_000_000
        + s.microseconds
    ).scaleb(-6),
}

MYSQL_FIELDS: Final[dict[str, Callable[[Any], int]]] = {
    "YEAR": lambda m: m.year,
    "MONTH": lambda m: m.month,
    "DAY": lambda m: m.day,
    "HOUR": lambda m: m.hour,
    "MINUTE": lambda m: m.minute,
    "SECOND": lambda m: m.second,
    "MICROSECOND": lambda m: m.microsecond,
    "QUARTER": lambda m: (m.month + 2) // 3,
    "WEEK": lambda m: week(m, 0),
    "YEAR_MONTH": lambda m: m.year * 100 + m.month,
    "DAY_HOUR": lambda m: m.day * 100 + m.hour,
    "DAY_MINUTE": lambda m: m.day * 10_000 + m.hour * 100 + m.minute,
    "DAY_SECOND": lambda m: m.day * 1_000_000 + m.hour * 10_000 + m.minute * 100 + m.second,
    "HOUR_MINUTE": lambda m: m.hour * 100 + m.minute,
    "HOUR_SECOND": lambda m: m.hour * 10_000 + m.minute * 100 + m.second,
    "MINUTE_SECOND": lambda m: m.minute * 100 + m.second,
}
CLOCK_FIELDS: Final[dict[str, Callable[[dt.timedelta], int]]] = {
    "HOUR": lambda s: abs(s) // dt.timedelta(hours=1),
    "MINUTE": lambda s: abs(s) // dt.timedelta(minutes=1) % 60,
    "SECOND": lambda s: abs(s) // dt.timedelta(seconds=1) % 60,
    "MICROSECOND": lambda s: abs(s).microseconds,
}


def clock_decimal(name: str) -> Callable[[dt.timedelta], Decimal] | None:
    """A field of PostgreSQL's time."""
    if name == "EPOCH":
        return lambda s: Decimal(s // MICROSECOND).scaleb(-6)
    if name == "SECOND":
        return lambda s: Decimal(s // MICROSECOND % 60_000_000).scaleb(-6)
    field = CLOCK_FIELDS.get(name) if name in ("HOUR", "MINUTE") else None
    return None if field is None else lambda s: Decimal(field(s))


def week(moment: Any, mode: int) -> int:
    """MySQL's WEEK(date, mode)."""
    return _week_and_year(moment, mode)[0]


def year_week(moment: Any, mode: int) -> int:
    number, year = _week_and_year(moment, mode | 2)
    return year * 100 + number


def _week_and_year(moment: Any, mode: int) -> tuple[int, int]:
    """Bit 0: weeks start on Monday; bit 1: weeks count from 1; modes 0, 2, 5, 7: week 1 starts in the year."""
    day = dt.date(moment.year, moment.month, moment.day)
    monday, wide, first_day = bool(mode & 1), bool(mode & 2), mode % 8 in (0, 2, 5, 7)
    year = day.year
    start = _first_week(year, monday, first_day)
    if day < start:
        if not wide:
            return 0, year
        year -= 1
        start = _first_week(year, monday, first_day)
    elif wide and day >= (following := _first_week(year + 1, monday, first_day)):
        year, start = year + 1, following
    return (day - start).days // 7 + 1, year


def _first_week(year: int, monday: bool, first_day: bool) -> dt.date:
    first = dt.date(year, 1, 1)
    weekday = first.weekday() if monday else (first.weekday() + 1) % 7
    if first_day:
        return first + dt.timedelta(days=(7 - weekday) % 7)
    return first - dt.timedelta(days=weekday) if weekday <= 3 else first + dt.timedelta(days=7 - weekday)


def last_day(moment: Any) -> dt.date:
    return dt.date(moment.year, moment.month, calendar.monthrange(moment.year, moment.month)[1])


def truncator(unit: str) -> Callable[[dt.datetime], Any] | None:
    """DATE_TRUNC for one unit."""
    return _TRUNCATORS.get(unit.lower().removesuffix("s") if unit.lower() not in _TRUNCATORS else unit.lower())


def _start_of_day(m: Any) -> Any:
    return m.replace(hour=0, minute=0, second=0, microsecond=0)


def _start_of_month(m: Any) -> Any:
    return m.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


_TRUNCATORS: Final[dict[str, Callable[[Any], Any]]] = {
    "microsecond": lambda m: m,
    "millisecond": lambda m: m.replace(microsecond=m.microsecond // 1000 * 1000),
    "second": lambda m: m.replace(microsecond=0),
    "minute": lambda m: m.replace(second=0, microsecond=0),
    "hour": lambda m: m.replace(minute=0, second=0, microsecond=0),
    "day": _start_of_day,
    "week": lambda m: _start_of_day(m) - dt.timedelta(days=m.weekday()),
    "month": _start_of_month,
    "quarter": lambda m: _start_of_month(m).replace(month=(m.month - 1) // 3 * 3 + 1),
    "year": lambda m: _start_of_month(m).replace(month=1),
    "decade": lambda m: _start_of_month(m).replace(month=1, year=max(m.year // 10 * 10, 1)),
    "century": lambda m: _start_of_month(m).replace(month=1, year=(m.year - 1) // 100 * 100 + 1),
    "millennium": lambda m: _start_of_month(m).replace(month=1, year=(m.year - 1) // 1000 * 1000 + 1),
}
