"""Operators on numbers, dates and intervals: which function of `numbers` or `times` two terms need."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sqlglot import exp

from cdc_agent.expressions import numbers, terms, times
from cdc_agent.expressions.coercion import literal_as, name_of, to_moment, to_number
from cdc_agent.expressions.dialect import Scope
from cdc_agent.expressions.terms import MOMENTS, TEXTS, Term
from cdc_agent.model.values import Kind


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
    a, b = (scope.dialect.numeric(scope, term) for term in scope.dialect.beside_number(scope, a, b))
    kinds = [Kind.FLOAT if term.kind in TEXTS else term.kind for term in (a, b)]
    for kind in (Kind.FLOAT, Kind.DECIMAL, Kind.INTEGER):
        if kind in kinds or kind is Kind.INTEGER:
            return to_number(scope, a, kind), to_number(scope, b, kind)
    raise AssertionError(kinds)


def _integer_arithmetic(scope: Scope, sign: str, a: Term, b: Term, node: exp.Expression) -> Term:
    if sign in ("/", "DIV", "%"):
        return scope.dialect.integer_quotient(scope, sign, a, b, node)
    type_ = scope.dialect.integer_type(a, b)
    low, high = numbers.bounds(type_.precision or 64, type_.unsigned)
    refuse, result = scope.bind(numbers.out_of_range), scope.temporary()
    form = f"{result} if {low} <= ({result} := {{0}} {sign} {{1}}) <= {high} else {refuse}()"
    return scope.operator(form, [a, b], type_, node)


def _decimal_arithmetic(scope: Scope, sign: str, a: Term, b: Term, node: exp.Expression) -> Term:
    operation = _DECIMAL_OPERATIONS.get(sign)
    if operation is None:
        return scope.dialect.decimal_quotient(scope, sign, a, b, node)
    return scope.call(operation, [a, b], terms.DECIMAL, node)


def _float_arithmetic(scope: Scope, sign: str, a: Term, b: Term, node: exp.Expression) -> Term:
    quotient = scope.dialect.float_quotient(sign)
    if quotient is not None:
        return scope.call(quotient, [a, b], terms.FLOAT, node, may_be_null=True)
    if sign in ("%", "DIV"):
        raise scope.error(f"{sign} of floats is not supported", node, "CAST to DECIMAL first")
    return scope.operator(scope.dialect.float_form(scope, f"{{0}} {sign} {{1}}"), [a, b], terms.FLOAT, node)


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
    found = scope.dialect.days(scope, sign, a, b, node)
    if found is not None:
        return found
    raise scope.error(
        f"{sign} between {name_of(a.kind)} and {name_of(b.kind)} is not supported", node, "use DATEDIFF or INTERVAL"
    )


def move(scope: Scope, moment: Term, span: Term, sign: str, node: exp.Expression) -> Term:
    """A date or timestamp plus or minus an interval."""
    if moment.untyped:
        moment = literal_as(scope, moment, terms.TIMESTAMP)
    moment = scope.dialect.moment_operand(scope, moment, node)
    if moment.kind not in MOMENTS:
        raise scope.error(f"an interval added to a {name_of(moment.kind)}", node, "use CAST")
    day = scope.dialect.moved_day(scope, moment, span, sign, node) if moment.kind is Kind.DATE else None
    if day is not None:
        return day
    type_ = terms.TIMESTAMP if moment.kind is Kind.DATE else moment.type
    wide, type_ = to_moment(scope, moment, type_), replace(type_, precision=6)
    operation = times.add_span if sign == "+" else times.subtract_span
    return scope.dialect.moved(scope, operation, wide, span, type_, node)


_DECIMAL_OPERATIONS: Final = {"+": numbers.EXACT.add, "-": numbers.EXACT.subtract, "*": numbers.EXACT.multiply}
