"""Dates, times and intervals as the engines compute with them, in a session whose zone is UTC. No argument is None.

Dates are `date`, timestamps and instants naive `datetime`s (instants in UTC), MySQL's TIME a `timedelta`, intervals
`Span`. A date that Python cannot hold (`OddMoment`) becomes a misfit at its first attribute.

https://www.postgresql.org/docs/current/functions-datetime.html,
https://dev.mysql.com/doc/refman/8.4/en/date-and-time-functions.html
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cdc_agent.conversions.base import Code, MisfitError, misfit
from cdc_agent.expressions.pyvalues import OddMoment, Span

EPOCH: Final = dt.datetime(1970, 1, 1)
MICROSECOND: Final = dt.timedelta(microseconds=1)
_OFFSET: Final = re.compile(r"([+-])(\d{1,2}):(\d\d)")
_MYSQL_MOMENT: Final = re.compile(
    r"\s*(\d{4}|\d{2})\D(\d{1,2})\D(\d{1,2})(?:[T ]+(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{0,6})\d*)?)?)?\s*"
)
_MYSQL_COMPACT: Final = re.compile(r"\s*(\d{4})(\d\d)(\d\d)(?:T?(\d\d)(\d\d)(\d\d)(?:\.(\d{0,6})\d*)?)?\s*")


# --- casts -------------------------------------------------------------------------------------------------------


def midnight(day: Any) -> Any:
    """A date as a timestamp."""
    return day if isinstance(day, OddMoment) else dt.datetime(day.year, day.month, day.day)


def day_of(moment: Any) -> Any:
    if isinstance(moment, OddMoment):
        return moment if "infinity" in moment.text else moment.date()
    return moment.date() if isinstance(moment, dt.datetime) else moment


def clock_of(moment: Any) -> dt.timedelta:
    return dt.timedelta(
        hours=moment.hour, minutes=moment.minute, seconds=moment.second, microseconds=moment.microsecond
    )


def rounded_moment(digits: int) -> Callable[[Any], Any]:
    """To so many fractional digits, half upwards."""
    step = 10 ** (6 - digits)

    def rounded(moment: Any) -> Any:
        whole = (moment.microsecond + step // 2) // step * step
        return moment.replace(microsecond=0) + dt.timedelta(microseconds=whole)

    return rounded


def rounded_clock(digits: int) -> Callable[[dt.timedelta], dt.timedelta]:
    step = 10 ** (6 - digits)

    def rounded(clock: dt.timedelta) -> dt.timedelta:
        size = (abs(clock) // MICROSECOND + step // 2) // step * step
        return dt.timedelta(microseconds=size if clock >= dt.timedelta(0) else -size)

    return rounded


def exact_moment(digits: int) -> Callable[[Any], Any]:
    """MySQL would round what MariaDB would cut: a moment with more fractional digits is a misfit."""
    step = 10 ** (6 - digits)

    def exact(moment: Any) -> Any:
        if moment.microsecond % step:
            misfit(Code.DIGITS, "a fraction of a second that MySQL rounds and MariaDB cuts")
        return moment

    return exact


def exact_clock(digits: int) -> Callable[[dt.timedelta], dt.timedelta]:
    step = 10 ** (6 - digits)

    def exact(clock: dt.timedelta) -> dt.timedelta:
        if clock.microseconds % step:
            misfit(Code.DIGITS, "a fraction of a second that MySQL rounds and MariaDB cuts")
        return clock

    return exact


def mysql_moment(text: str) -> dt.datetime | None:
    """A text where MySQL expects a date or time; NULL when it is none."""
    match = _MYSQL_MOMENT.fullmatch(text) or _MYSQL_COMPACT.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction = match.groups()
    full_year = int(year) if len(year) == 4 else int(year) + (2000 if int(year) < 70 else 1900)
    micro = int((fraction or "").ljust(6, "0"))
    try:
        return dt.datetime(full_year, int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), micro)
    except ValueError:
        return None


def mysql_day(text: str) -> dt.date | None:
    moment = mysql_moment(text)
    return None if moment is None else moment.date()


# --- arithmetic --------------------------------------------------------------------------------------------------


def towards_zero(number: int, by: int) -> int:
    """The whole part of a quotient."""
    return abs(number) // by * (1 if number >= 0 else -1)


def add_months(moment: Any, months: int) -> Any:
    """The same day of another month, or its last one."""
    number = moment.year * 12 + moment.month - 1 + months
    year, month = divmod(number, 12)
    if not 1 <= year <= 9999:
        misfit(Code.OUT_OF_RANGE, "outside the years 1 to 9999")
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def add_span(moment: dt.datetime, span: Span) -> dt.datetime:
    if span.months:
        moment = add_months(moment, span.months)
    return moment + dt.timedelta(days=span.days, microseconds=span.microseconds)


def subtract_span(moment: dt.datetime, span: Span) -> dt.datetime:
    return add_span(moment, negated(span))


def add_span_to_day(day: dt.date, span: Span) -> dt.date:
    """MySQL keeps a DATE when the interval has no time of day."""
    moved: dt.date = add_months(day, span.months) if span.months else day
    return moved + dt.timedelta(days=span.days)


def subtract_span_from_day(day: dt.date, span: Span) -> dt.date:
    return add_span_to_day(day, negated(span))


def or_null(move: Callable[[Any, Span], Any]) -> Callable[[Any, Span], Any]:
    """MySQL gives NULL for a date outside its range."""

    def moved(moment: Any, span: Span) -> Any:
        try:
            return move(moment, span)
        except (OverflowError, MisfitError):
            return None

    return moved


def negated(span: Span) -> Span:
    return Span(-span.months, -span.days, -span.microseconds)


def add_spans(one: Span, other: Span) -> Span:
    return Span(one.months + other.months, one.days + other.days, one.microseconds + other.microseconds)


def subtract_spans(one: Span, other: Span) -> Span:
    return add_spans(one, negated(other))


def times_span(span: Span, factor: int) -> Span:
    return Span(span.months * factor, span.days * factor, span.microseconds * factor)


def add_days(day: dt.date, days: int) -> dt.date:
    return day + dt.timedelta(days=days)


def subtract_days(day: dt.date, days: int) -> dt.date:
    return day - dt.timedelta(days=days)


def days_between(one: dt.date, other: dt.date) -> int:
    return (one - other).days


def span_between(one: dt.datetime, other: dt.datetime) -> Span:
    """Days and the rest, with one sign."""
    micro = (one - other) // MICROSECOND
    days = towards_zero(micro, 86_400_000_000)
    return Span(0, days, micro - days * 86_400_000_000)


UNITS: Final[dict[str, Span]] = {
    "MICROSECOND": Span(0, 0, 1), "MILLISECOND": Span(0, 0, 1000), "SECOND": Span(0, 0, 1_000_000),
    "MINUTE": Span(0, 0, 60_000_000), "HOUR": Span(0, 0, 3_600_000_000), "DAY": Span(0, 1, 0), "WEEK": Span(0, 7, 0),
    "MONTH": Span(1, 0, 0), "QUARTER": Span(3, 0, 0), "YEAR": Span(12, 0, 0), "DECADE": Span(120, 0, 0),
    "CENTURY": Span(1200, 0, 0),
}  # fmt: skip
_UNIT_NAMES: Final = {
    "us": "MICROSECOND", "ms": "MILLISECOND", "sec": "SECOND", "s": "SECOND", "min": "MINUTE", "m": "MINUTE",
    "hr": "HOUR", "h": "HOUR", "d": "DAY", "w": "WEEK", "mon": "MONTH", "y": "YEAR", "yr": "YEAR",
    "centurie": "CENTURY",
}  # fmt: skip
_SPAN_PART: Final = re.compile(
    r"\s*(?:([+-]?)(\d+):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?|([+-]?\d+)(?:\.(\d{1,6}))?\s*([A-Za-z]+))\s*"
)


def parse_span(text: str) -> Span | None:
    """PostgreSQL's ``1 year 2 days 03:04:05``; None when it is none."""
    total = Span(0, 0, 0)
    place = 0
    ago = text.strip().lower().endswith(" ago")
    text = text.strip()[:-4] if ago else text
    while match := _SPAN_PART.match(text, place):
        part = _clock_span(match) if match[3] else _unit_span(match)
        if part is None:
            return None
        total = add_spans(total, part)
        place = match.end()
    if place != len(text) or not text.strip():
        return None
    return negated(total) if ago else total


def _clock_span(match: re.Match[str]) -> Span:
    micro = int((match[5] or "").ljust(6, "0"))
    size = (int(match[2]) * 3600 + int(match[3]) * 60 + int(match[4] or 0)) * 1_000_000 + micro
    return Span(0, 0, -size if match[1] == "-" else size)


def _unit_span(match: re.Match[str]) -> Span | None:
    unit = unit_named(match[8])
    if unit is None:
        return None
    whole = times_span(unit, int(match[6]))
    if not match[7]:
        return whole
    if not unit.microseconds:
        return None
    part = unit.microseconds * int(match[7]) // 10 ** len(match[7])
    return add_spans(whole, Span(0, 0, -part if match[6].startswith("-") else part))


def unit_named(name: str) -> Span | None:
    plain = name.lower()
    for candidate in (plain, plain.removesuffix("s")):
        found = UNITS.get(candidate.upper()) or UNITS.get(_UNIT_NAMES.get(candidate, ""))
        if found is not None:
            return found
    return None


def months_between(later: dt.datetime, earlier: dt.datetime) -> int:
    """Whole months, towards zero."""
    months = (later.year - earlier.year) * 12 + later.month - earlier.month
    tail_later = (later.day, later.time())
    tail_earlier = (earlier.day, earlier.time())
    if months > 0 and tail_later < tail_earlier:
        return months - 1
    return months + 1 if months < 0 and tail_later > tail_earlier else months


def difference(unit: str) -> Callable[[dt.datetime, dt.datetime], int] | None:
    """TIMESTAMPDIFF(unit, from, to)."""
    span = UNITS.get(unit)
    if span is None:
        return None
    if span.months:
        return lambda start, end: towards_zero(months_between(end, start), span.months)
    size = span.days * 86_400_000_000 + span.microseconds
    return lambda start, end: towards_zero((end - start) // MICROSECOND, size)


# --- Unix time and zones -----------------------------------------------------------------------------------------


def epoch_decimal(moment: dt.datetime) -> Decimal:
    """Seconds since the epoch, with six digits."""
    return Decimal((moment - EPOCH) // MICROSECOND).scaleb(-6)


def from_unix_float(seconds: float) -> dt.datetime:
    return EPOCH + dt.timedelta(microseconds=round(seconds * 1_000_000))


def mysql_from_unix(seconds: Decimal) -> dt.datetime | None:
    if seconds < 0:
        return None
    return EPOCH + dt.timedelta(microseconds=int((seconds * 1_000_000).to_integral_value()))


def mysql_from_unix_integer(seconds: int) -> dt.datetime | None:
    return EPOCH + dt.timedelta(seconds=seconds) if seconds >= 0 else None


def unix_seconds(moment: dt.datetime) -> int:
    return max((moment - EPOCH) // dt.timedelta(seconds=1), 0)


def unix_decimal(moment: dt.datetime) -> Decimal:
    return max(epoch_decimal(moment), Decimal(0))


@lru_cache(maxsize=64)
def zone(name: str) -> dt.tzinfo | None:
    """A zone by name or offset; None when there is none."""
    match = _OFFSET.fullmatch(name.strip())
    if match:
        span = dt.timedelta(hours=int(match[2]), minutes=int(match[3]))
        return dt.timezone(-span if match[1] == "-" else span)
    try:
        return dt.UTC if name.upper() in ("UTC", "GMT", "Z", "SYSTEM") else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _known_zone(name: str) -> dt.tzinfo:
    found = zone(name)
    if found is None:
        misfit(Code.EXPRESSION, "unknown time zone")
    return found


def instant_to_local(moment: dt.datetime, name: str) -> dt.datetime:
    return moment.replace(tzinfo=dt.UTC).astimezone(_known_zone(name)).replace(tzinfo=None)


def local_to_instant(moment: dt.datetime, name: str) -> dt.datetime:
    """A local time that happens twice is the later one; one that is skipped counts from the hour before it."""
    return _to_utc(moment, _known_zone(name), twice=1)


def _to_utc(moment: dt.datetime, info: dt.tzinfo, *, twice: int) -> dt.datetime:
    first = moment.replace(tzinfo=info, fold=0)
    other = moment.replace(tzinfo=info, fold=1)
    ambiguous = (first.utcoffset() or dt.timedelta(0)) > (other.utcoffset() or dt.timedelta(0))
    chosen = other if ambiguous and twice else first
    return chosen.astimezone(dt.UTC).replace(tzinfo=None)


def convert_zone(moment: dt.datetime, from_: str, to: str) -> dt.datetime | None:
    """CONVERT_TZ: NULL for a zone that does not exist."""
    source, target = zone(from_), zone(to)
    if source is None or target is None:
        return None
    return _to_utc(moment, source, twice=0).replace(tzinfo=dt.UTC).astimezone(target).replace(tzinfo=None)


# --- making ------------------------------------------------------------------------------------------------------


def make_date(year: int, month: int, day: int) -> dt.date:
    return dt.date(year, month, day)


def make_timestamp(year: int, month: int, day: int, hour: int, minute: int, second: float) -> dt.datetime:
    whole = dt.datetime(year, month, day, hour, minute)
    return whole + dt.timedelta(microseconds=round(second * 1_000_000))


def mysql_make_date(year: int, day: int) -> dt.date | None:
    full = year + (2000 if year < 70 else 1900) if year < 100 else year
    return dt.date(full, 1, 1) + dt.timedelta(days=day - 1) if day > 0 else None


def seconds_to_clock(seconds: int) -> dt.timedelta:
    limit = dt.timedelta(hours=838, minutes=59, seconds=59)
    return max(min(dt.timedelta(seconds=seconds), limit), -limit)


def clock_to_seconds(clock: dt.timedelta) -> int:
    return towards_zero(clock // MICROSECOND, 1_000_000)


def to_days(day: dt.date) -> int:
    return day.toordinal() + 365
