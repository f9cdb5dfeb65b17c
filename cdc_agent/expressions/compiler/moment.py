"""Intervals, time zones and the fields of dates."""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from cdc_agent.expressions import terms, times
from cdc_agent.expressions.coercion import as_text, to_number
from cdc_agent.expressions.compiler.base import Compiler, Handlers
from cdc_agent.expressions.functions import FUNCTIONS
from cdc_agent.expressions.terms import Term
from cdc_agent.model.values import Kind


def _interval(compiler: Compiler, node: exp.Expression) -> Term:
    unit = node.args.get("unit")
    inner = node.this
    if isinstance(inner, exp.Literal):
        text = f"{inner.this} {unit.name}" if unit is not None else str(inner.this)
        span = times.parse_span(text)
        if span is None:
            raise compiler.scope.error(f"{node.sql()} is no interval", node)
        return compiler.scope.constant(span, terms.INTERVAL, node)
    size = None if unit is None else times.UNITS.get(unit.name.upper())
    if size is None or inner is None:
        raise compiler.scope.error(f"{node.sql()} is not supported in expressions", node)
    count = to_number(compiler.scope, compiler.term(inner), Kind.INTEGER)
    span_term = compiler.scope.constant(size, terms.INTERVAL, node)
    return compiler.scope.call(times.times_span, [span_term, count], terms.INTERVAL, node)


def _at_zone(compiler: Compiler, node: exp.Expression) -> Term:
    moment, zone = compiler.term(node.this), as_text(compiler.scope, compiler.term(node.args["zone"]))
    return compiler.scope.dialect.at_zone(compiler.scope, moment, zone, node)


def _extract(compiler: Compiler, node: exp.Expression) -> Term:
    unit = compiler.scope.constant(node.this.name.upper(), terms.TEXT, node)
    return FUNCTIONS[compiler.scope.dialect.name]["EXTRACT"].build(
        compiler.scope, [unit, compiler.term(node.expression)], node
    )


HANDLERS: Final[Handlers] = {
    exp.Interval: _interval,
    exp.AtTimeZone: _at_zone,
    exp.Extract: _extract,
}
