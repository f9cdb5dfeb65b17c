"""Functions of dates, times and intervals. Importing this registers them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from sqlglot import exp

from cdc_agent.expressions import fields, formats, terms, times
from cdc_agent.expressions.arithmetic import move
from cdc_agent.expressions.coercion import as_text, name_of, to_moment, to_number
from cdc_agent.expressions.dialect import Scope
from cdc_agent.expressions.functions import arguments
from cdc_agent.expressions.functions.registry import Build, register, strict
from cdc_agent.expressions.terms import MOMENTS, NUMBERS, Term
from cdc_agent.model.values import Kind, Type


def _fields(names: str, field: str) -> None:
    strict("M", names, "moment", terms.BIG, fields.MYSQL_FIELDS[field])


for _name in ("YEAR", "MONTH", "QUARTER"):
    _fields(_name, _name)
_fields("DAY DAYOFMONTH", "DAY")


def _clock_field(name: str) -> None:
    def build(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
        if parts[0].kind is Kind.TIME:
            return scope.call(fields.CLOCK_FIELDS[name], parts, terms.BIG, node)
        return scope.call(fields.MYSQL_FIELDS[name], [arguments.moment_value(scope, parts[0])], terms.BIG, node)

    register("M", name, "moment", build)


for _name in ("HOUR", "MINUTE", "SECOND", "MICROSECOND"):
    _clock_field(_name)

strict("M", "DAYOFWEEK", "moment", terms.BIG, lambda m: m.isoweekday() % 7 + 1)
strict("M", "WEEKDAY", "moment", terms.BIG, lambda m: m.weekday())
strict("M", "DAYOFYEAR", "moment", terms.BIG, lambda m: m.timetuple().tm_yday)
strict("M", "DAYNAME", "moment", terms.TEXT, partial(formats.date_format, template="%W"))
strict("M", "MONTHNAME", "moment", terms.TEXT, partial(formats.date_format, template="%M"))
strict("M", "WEEK", "moment, integer?", terms.BIG, fields.week, defaults=(0,))
strict("M", "WEEKOFYEAR", "moment", terms.BIG, partial(fields.week, mode=3))
strict("M", "YEARWEEK", "moment, integer?", terms.BIG, fields.year_week, defaults=(0,))
strict("M", "LAST_DAY", "moment", terms.DATE, fields.last_day)
strict("M", "DATE", "date", terms.DATE, lambda day: day)
strict("M", "TIME", "time", terms.TIME, lambda clock: clock)
strict("M", "TIMESTAMP", "moment", terms.TIMESTAMP, lambda moment: moment)
strict("P", "DATE", "date", terms.DATE, lambda day: day)
strict("M", "TO_DAYS", "date", terms.BIG, times.to_days)
strict("M", "DATEDIFF", "date, date", terms.BIG, times.days_between)
strict("M", "CONVERT_TZ", "moment, text, text", terms.TIMESTAMP, times.convert_zone, null=True)
strict("M", "MAKEDATE", "integer, integer", terms.DATE, times.mysql_make_date, null=True)
strict("M", "SEC_TO_TIME", "integer", terms.TIME, times.seconds_to_clock)
strict("M", "TIME_TO_SEC", "time", terms.BIG, times.clock_to_seconds)
strict("P", "MAKE_DATE", "integer, integer, integer", terms.DATE, times.make_date)
strict(
    "P", "MAKE_TIMESTAMP", "integer, integer, integer, integer, integer, float", terms.TIMESTAMP, times.make_timestamp
)


def _to_char(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    if parts[0].kind in NUMBERS or parts[0].kind is Kind.INTERVAL:
        raise scope.error(f"TO_CHAR of a {name_of(parts[0].kind)} is not supported", node, "use ROUND and CAST")
    return _formatted(scope, parts, node, formats.compile_to_char, formats.to_char)


def _date_format(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    return _formatted(scope, parts, node, formats.compile_date_format, formats.date_format)


def _formatted(
    scope: Scope,
    parts: list[Term],
    node: exp.Expression,
    compile_: Callable[[str], Callable[[Any], str]],
    function: Callable[[Any, str], str],
) -> Term:
    """A constant template is compiled now."""
    moment, template = arguments.moment_value(scope, parts[0]), as_text(scope, parts[1])
    if template.is_constant and not template.is_null:
        try:
            return scope.call(compile_(template.constant), [moment], terms.TEXT, node)
        except ValueError as error:
            raise scope.error(f"the pattern {error} is not supported", template.node) from error
    return scope.call(function, [moment, template], terms.TEXT, node)


register("P", "TO_CHAR", "moment, text", _to_char)
register("M", "DATE_FORMAT", "moment, text", _date_format)


def _constant_template(scope: Scope, term: Term) -> str:
    if not isinstance(term.constant, str):
        raise scope.error("the format must be a constant", term.node)
    return term.constant


def _read_by(scope: Scope, parts: list[Term], node: exp.Expression, *, as_date: bool) -> Term:
    """TO_DATE and TO_TIMESTAMP with a template."""
    template = _constant_template(scope, parts[1])
    try:
        formats.compile_to_timestamp(template)
    except ValueError as error:
        raise scope.error(f"the pattern {error} is not supported", parts[1].node) from error
    function = formats.to_date if as_date else formats.to_timestamp
    given = [as_text(scope, parts[0]), scope.constant(template, terms.TEXT, node)]
    return scope.call(function, given, terms.DATE if as_date else terms.INSTANT, node)


def _to_timestamp(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    if len(parts) == 1:
        return scope.call(times.from_unix_float, [arguments.float_value(scope, parts[0])], terms.INSTANT, node)
    return _read_by(scope, parts, node, as_date=False)


def _str_to_date(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    try:
        read, with_time = formats.compile_str_to_date(_constant_template(scope, parts[1]))
    except ValueError as error:
        raise scope.error(f"the specifier %{error} is not supported", parts[1].node) from error
    moment = scope.call(read, [as_text(scope, parts[0])], terms.TIMESTAMP, node, may_be_null=True)
    return moment if with_time else to_moment(scope, moment, terms.DATE)


register("P", "TO_DATE", "text, text", partial(_read_by, as_date=True))
register("P", "TO_TIMESTAMP", "text, text?", _to_timestamp)
register("M", "STR_TO_DATE", "text, text", _str_to_date)


def _date_trunc(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    unit = parts[0].constant
    function = fields.truncator(unit) if isinstance(unit, str) else None
    if function is None:
        raise scope.error("the unit must be a constant such as 'month'", parts[0].node)
    type_ = terms.TIMESTAMP if parts[1].kind is Kind.TIMESTAMP or parts[1].untyped else terms.INSTANT
    return scope.call(function, [arguments.moment_value(scope, parts[1])], type_, node)


def _postgres_extract(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    """EXTRACT is numeric."""
    name, term = _field_name(parts[0]), parts[1]
    function: Callable[..., Any] | None
    if term.kind is Kind.TIME:
        function = fields.clock_decimal(name)
    elif term.kind is Kind.INTERVAL:
        function = fields.span_field(name)
    else:
        known = term.kind is not Kind.DATE or name in fields.DATE_FIELDS
        function = fields.POSTGRES_FIELDS.get(name) if known else None
        term = arguments.moment_value(scope, term)
    return _field_of(scope, function, term, terms.DECIMAL, parts, node)


def _mysql_extract(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    """EXTRACT is an integer."""
    name, term = _field_name(parts[0]), parts[1]
    function: Callable[..., Any] | None
    if term.kind is Kind.TIME:
        function = fields.CLOCK_FIELDS.get(name)
    elif term.kind is Kind.INTERVAL:
        function = fields.span_field(name)
    else:
        function = fields.MYSQL_FIELDS.get(name)
        term = arguments.moment_value(scope, term)
    return _field_of(scope, function, term, terms.BIG, parts, node)


def _field_name(term: Term) -> str:
    name = term.constant.upper() if isinstance(term.constant, str) else ""
    return {"YEARS": "YEAR", "MONTHS": "MONTH", "DAYS": "DAY", "HOURS": "HOUR", "MINUTES": "MINUTE",
            "SECONDS": "SECOND"}.get(name, name)  # fmt: skip


def _field_of(
    scope: Scope,
    function: Callable[..., Any] | None,
    term: Term,
    type_: Type,
    parts: list[Term],
    node: exp.Expression,
) -> Term:
    if function is None:
        raise scope.error(
            f"{_field_name(parts[0]) or 'this'} cannot be extracted from a {name_of(parts[1].kind)}", node
        )
    return scope.call(function, [term], type_, node)


def _date_part(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    return to_number(scope, _postgres_extract(scope, parts, node), Kind.FLOAT)


register("P", "DATE_TRUNC", "text, moment", _date_trunc)
register("P", "EXTRACT", "text, moment", _postgres_extract, "field FROM moment")
register("M", "EXTRACT", "text, moment", _mysql_extract, "field FROM moment")
register("P", "DATE_PART", "text, moment", _date_part)


def _moved(sign: str) -> Build:
    def build(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
        span = parts[1]
        if span.kind is not Kind.INTERVAL:
            day = scope.constant(times.UNITS["DAY"], terms.INTERVAL, exp.Interval(this=None, unit=exp.var("DAY")))
            count = arguments.integer_value(scope, span)
            span = scope.call(times.times_span, [day, count], terms.INTERVAL, day.node)
        return move(scope, parts[0], span, sign, node)

    return build


def _timestamp_diff(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    function = times.difference(str(parts[0].constant))
    if function is None:
        raise scope.error(f"unknown unit {parts[0].constant}", node)
    return scope.call(function, [arguments.moment_value(scope, term) for term in parts[1:]], terms.BIG, node)


def _timestamp_add(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    size = times.UNITS.get(str(parts[0].constant))
    if size is None:
        raise scope.error(f"unknown unit {parts[0].constant}", node)
    unit = exp.Interval(this=None, unit=exp.var(str(parts[0].constant)))
    base = scope.constant(size, terms.INTERVAL, unit)
    span = scope.call(times.times_span, [base, arguments.integer_value(scope, parts[1])], terms.INTERVAL, unit)
    return _moved("+")(scope, [parts[2], span], node)


register("M", "DATE_ADD ADDDATE", "moment, INTERVAL", _moved("+"))
register("M", "DATE_SUB SUBDATE", "moment, INTERVAL", _moved("-"))
register("M", "TIMESTAMPDIFF", "unit, moment, moment", _timestamp_diff)
register("M", "TIMESTAMPADD", "unit, integer, moment", _timestamp_add)


def _from_unix(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    number = arguments.number_value(scope, parts[0])
    if number.kind is Kind.INTEGER:
        moment = scope.call(times.mysql_from_unix_integer, [number], terms.TIMESTAMP, node, may_be_null=True)
    else:
        exact = arguments.decimal_value(scope, number)
        moment = scope.call(times.mysql_from_unix, [exact], terms.TIMESTAMP, node, may_be_null=True)
    return moment if len(parts) == 1 else _date_format(scope, [moment, parts[1]], node)


def _unix(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    moment = arguments.moment_value(scope, parts[0])
    exact = moment.kind in (Kind.TIMESTAMP, Kind.INSTANT) and bool(parts[0].type.precision) and parts[0].kind in MOMENTS
    if exact and parts[0].kind is not Kind.DATE:
        return scope.call(times.unix_decimal, [moment], terms.DECIMAL, node)
    return scope.call(times.unix_seconds, [moment], terms.BIG, node)


register("M", "FROM_UNIXTIME", "number, text?", _from_unix)
register("M", "UNIX_TIMESTAMP", "moment", _unix)
