"""Operators on numbers, dates and intervals: which function of `numbers` or `times` two terms need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from sqlglot import exp

from cdc_agent.expressions import numbers, terms, times
from cdc_agent.expressions.coercion import literal_as, name_of, to_moment, to_number
from cdc_agent.expressions.terms import MOMENTS, TEXTS, Scope, Term
from cdc_agent.model.values import Kind, Type


def calculate(scope: Scope, sign: str, a: Term, b: Term, node: exp.Expression) -> Term:
    moved = _with_time(scope, sign, a, b, node)
    if moved is not None:
        return moved
    a, b = _numbers(scope, a, b, node)
    if a.kind is Kind.FLOAT:
        return _float_arithmetic(scope, sign, a, b, node)
    if a.kind is Kind.DECIMAL:
        return _decimal_arithmetic(scope, sign, a, b, node)
    return _integer_arithmetic(scope, sign, a, b, node)


def _numbers(scope: Scope, a: Term, b: Term, node: exp.Expression) -> tuple[Term, Term]:
    """Both as the wider of the two numeric types."""
    if a.is_null or b.is_null:
        other = b if a.is_null else a
        type_ = terms.BIG if other.is_null or other.untyped else other.type
        return scope.constant(None, type_, a.node), scope.constant(None, type_, b.node)
    if scope.is_postgres:
        a = literal_as(scope, a, b.type) if a.untyped and not b.untyped else a
        b = literal_as(scope, b, a.type) if b.untyped and not a.untyped else b
    kinds = [Kind.FLOAT if term.kind in TEXTS else term.kind for term in (a, b)]
    for kind in (Kind.FLOAT, Kind.DECIMAL, Kind.INTEGER):
        if kind in kinds or kind is Kind.INTEGER:
            return to_number(scope, a, kind), to_number(scope, b, kind)
    raise AssertionError(kinds)


def _integer_arithmetic(scope: Scope, sign: str, a: Term, b: Term, node: exp.Expression) -> Term:
    type_ = integer_type(scope, a, b)
    if sign == "/" and not scope.is_postgres:
        pair = [to_number(scope, term, Kind.DECIMAL) for term in (a, b)]
        return scope.call(numbers.mysql_divide, pair, terms.DECIMAL, node, may_be_null=True)
    if sign in ("/", "DIV", "%"):
        postgres, mysql = _INTEGER_QUOTIENTS[sign]
        if scope.is_postgres:
            return scope.call(postgres, [a, b], type_, node)
        return scope.call(mysql, [a, b], type_, node, may_be_null=True)
    low, high = numbers.bounds(type_.precision or 64, type_.unsigned)
    refuse, result = scope.bind(numbers.out_of_range), scope.temporary()
    form = f"{result} if {low} <= ({result} := {{0}} {sign} {{1}}) <= {high} else {refuse}()"
    return scope.operator(form, [a, b], type_, node)


def integer_type(scope: Scope, a: Term, b: Term) -> Type:
    if not scope.is_postgres:
        return terms.UNSIGNED if a.type.unsigned or b.type.unsigned else terms.BIG
    return replace(terms.BIG, precision=max(a.type.precision or 64, b.type.precision or 64))


def _decimal_arithmetic(scope: Scope, sign: str, a: Term, b: Term, node: exp.Expression) -> Term:
    if sign in _DECIMAL_QUOTIENTS and not (scope.is_postgres and sign == "DIV"):
        postgres, mysql = _DECIMAL_QUOTIENTS[sign]
        if scope.is_postgres:
            return scope.call(postgres, [a, b], terms.DECIMAL, node)
        type_ = terms.BIG if sign == "DIV" else terms.DECIMAL
        return scope.call(mysql, [a, b], type_, node, may_be_null=True)
    return scope.call(_DECIMAL_OPERATIONS[sign], [a, b], terms.DECIMAL, node)


def _float_arithmetic(scope: Scope, sign: str, a: Term, b: Term, node: exp.Expression) -> Term:
    if not scope.is_postgres and sign in ("/", "%"):
        function = numbers.mysql_divide_floats if sign == "/" else numbers.mysql_remainder_floats
        return scope.call(function, [a, b], terms.FLOAT, node, may_be_null=True)
    if sign in ("%", "DIV"):
        raise scope.error(f"{sign} of floats is not supported", node, "CAST to DECIMAL first")
    form = f"{{0}} {sign} {{1}}"
    if not scope.is_postgres:
        form = f"{scope.bind(numbers.finite)}({form})"
    return scope.operator(form, [a, b], terms.FLOAT, node)


def _with_time(scope: Scope, sign: str, a: Term, b: Term, node: exp.Expression) -> Term | None:
    """Arithmetic with dates and intervals; None when neither is one."""
    kinds = (a.kind, b.kind)
    if Kind.INTERVAL not in kinds and not MOMENTS & {*kinds}:
        return None
    if kinds == (Kind.INTERVAL, Kind.INTERVAL) and sign in ("+", "-"):
        operation = times.add_spans if sign == "+" else times.subtract_spans
        return scope.call(operation, [a, b], terms.INTERVAL, node)
    if sign == "*" and Kind.INTERVAL in kinds and Kind.INTEGER in kinds:
        pair = [a, b] if a.kind is Kind.INTERVAL else [b, a]
        return scope.call(times.times_span, pair, terms.INTERVAL, node)
    if b.kind is Kind.INTERVAL and sign in ("+", "-"):
        return move(scope, a, b, sign, node)
    if a.kind is Kind.INTERVAL and sign == "+":
        return move(scope, b, a, sign, node)
    if scope.is_postgres and sign in ("+", "-"):
        return _postgres_days(scope, sign, a, b, node)
    raise scope.error(
        f"{sign} between {name_of(a.kind)} and {name_of(b.kind)} is not supported", node, "use DATEDIFF or INTERVAL"
    )


def move(scope: Scope, moment: Term, span: Term, sign: str, node: exp.Expression) -> Term:
    """A date or timestamp plus or minus an interval."""
    if moment.untyped:
        moment = literal_as(scope, moment, terms.TIMESTAMP)
    if moment.kind in TEXTS and not scope.is_postgres:
        moment = scope.call(times.mysql_moment, [moment], terms.TIMESTAMP, node, may_be_null=True)
    if moment.kind not in MOMENTS:
        raise scope.error(f"an interval added to a {name_of(moment.kind)}", node, "use CAST")
    if moment.kind is Kind.DATE and not scope.is_postgres and _whole_days(span):
        move = times.add_span_to_day if sign == "+" else times.subtract_span_from_day
        return scope.call(times.or_null(move), [moment, span], terms.DATE, node, may_be_null=True)
    type_ = terms.TIMESTAMP if moment.kind is Kind.DATE else moment.type
    wide, type_ = to_moment(scope, moment, type_), replace(type_, precision=6)
    operation = times.add_span if sign == "+" else times.subtract_span
    if scope.is_postgres:
        return scope.call(operation, [wide, span], type_, node)
    return scope.call(times.or_null(operation), [wide, span], type_, node, may_be_null=True)


def _postgres_days(scope: Scope, sign: str, a: Term, b: Term, node: exp.Expression) -> Term:
    if a.untyped or b.untyped:
        a, b = (literal_as(scope, t, o.type) if t.untyped else t for t, o in ((a, b), (b, a)))
    if a.kind is Kind.DATE and b.kind is Kind.INTEGER:
        return scope.call(times.add_days if sign == "+" else times.subtract_days, [a, b], terms.DATE, node)
    if b.kind is Kind.DATE and a.kind is Kind.INTEGER and sign == "+":
        return scope.call(times.add_days, [b, a], terms.DATE, node)
    if sign == "-" and a.kind is b.kind is Kind.DATE:
        return scope.call(times.days_between, [a, b], terms.SMALL, node)
    if sign == "-" and a.kind in MOMENTS and b.kind in MOMENTS:
        pair = [to_moment(scope, term, terms.TIMESTAMP) for term in (a, b)]
        return scope.call(times.span_between, pair, terms.INTERVAL, node)
    raise scope.error(f"{sign} between {name_of(a.kind)} and {name_of(b.kind)} is not supported", node)


def _whole_days(span: Term) -> bool:
    """Whether an interval is made of days, months or years: its literal or its unit says so."""
    if span.is_constant:
        return not span.constant.microseconds
    unit = span.node.args.get("unit")
    size = None if unit is None else times.UNITS.get(unit.name.upper())
    return size is not None and not size.microseconds


_INTEGER_QUOTIENTS: Final[dict[str, tuple[Callable[..., Any], Callable[..., Any]]]] = {
    "/": (numbers.divide_integers, numbers.mysql_div_integers),
    "DIV": (numbers.divide_integers, numbers.mysql_div_integers),
    "%": (numbers.remainder_integers, numbers.mysql_remainder_integers),
}
_DECIMAL_QUOTIENTS: Final[dict[str, tuple[Callable[..., Any], Callable[..., Any]]]] = {
    "/": (numbers.divide, numbers.mysql_divide),
    "DIV": (numbers.divide, numbers.mysql_div),
    "%": (numbers.remainder, numbers.mysql_remainder),
}
_DECIMAL_OPERATIONS: Final = {"+": numbers.EXACT.add, "-": numbers.EXACT.subtract, "*": numbers.EXACT.multiply}
