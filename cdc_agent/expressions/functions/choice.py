"""Functions that choose among their arguments, or look at their NULLs. Importing this registers them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from sqlglot import exp

from cdc_agent.expressions import numbers, terms
from cdc_agent.expressions.coercion import comparable, literal_as, truth, unify
from cdc_agent.expressions.dialect import Scope
from cdc_agent.expressions.functions.registry import BOTH, Build, register
from cdc_agent.expressions.terms import TEXTS, Term
from cdc_agent.model.values import Kind, Type


def _coalesce(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    given, type_ = unify(scope, parts)
    source = given[-1].source
    for term in reversed(given[:-1]):
        if not term.nullable:
            source = term.source
            continue
        name = scope.temporary()
        source = f"({name} if ({name} := {term.source}) is not None else {source})"
    return Term(source, type_, all(term.nullable for term in given), node)


def _nullif(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    first, second = parts
    if first.untyped and not first.is_null and not second.untyped:
        first = literal_as(scope, first, second.type)
    a, b = comparable(scope, first, second)
    equal = scope.operator("{0} == {1}", [a, b], terms.BOOL, node)
    result = replace(first, untyped=False)
    return Term(f"(None if {equal.source} else {result.source})", result.type, True, node)


def _if(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    condition = truth(scope, parts[0])
    (yes, no), type_ = unify(scope, parts[1:])
    test = f"{condition.source} is True" if condition.nullable else condition.source
    return Term(f"({yes.source} if {test} else {no.source})", type_, yes.nullable or no.nullable, node)


def _is_null(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    return Term(f"({parts[0].source} is None)", terms.BOOL, False, node)


def _extreme(choose: Callable[..., Any]) -> Build:
    """GREATEST and LEAST of MySQL, where one NULL makes the whole NULL."""

    def build(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
        given, type_ = unify(scope, parts)
        return scope.call(partial(choose, key=_order_key(scope, type_)), given, type_, node)

    return build


def _known_extreme(choose: Callable[..., Any]) -> Build:
    """Those of PostgreSQL, which leave NULLs out."""

    def build(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
        given, type_ = unify(scope, parts)
        function = scope.bind(partial(_known, choose, _order_key(scope, type_)))
        source = f"{function}({', '.join(term.source for term in given)})"
        return Term(source, type_, all(term.nullable for term in given), node)

    return build


def _known(choose: Callable[..., Any], key: Callable[[Any], Any] | None, *values: Any) -> Any:
    known = [value for value in values if value is not None]
    return choose(known, key=key) if known else None


def _order_key(scope: Scope, type_: Type) -> Callable[[Any], Any] | None:
    if type_.kind in (Kind.DECIMAL, Kind.FLOAT):
        return numbers.order
    if type_.kind is Kind.INTERVAL:
        return lambda span: span.order
    return scope.dialect.collation_key(type_) if type_.kind in TEXTS else None


register(BOTH, "COALESCE", "any...", _coalesce)
register(BOTH, "NULLIF", "any, any", _nullif)
register("M", "IFNULL NVL", "any, any", _coalesce)
register("M", "IF", "boolean, any, any", _if)
register("M", "ISNULL", "any", _is_null)
register("P", "GREATEST", "any, any...", _known_extreme(max))
register("P", "LEAST", "any, any...", _known_extreme(min))
register("M", "GREATEST", "any, any...", _extreme(max))
register("M", "LEAST", "any, any...", _extreme(min))


def _count_nulls(counted: str) -> Build:
    def build(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
        return Term("(" + " + ".join(f"({t.source} {counted} None)" for t in parts) + ")", terms.SMALL, False, node)

    return build


register("P", "NUM_NULLS", "any...", _count_nulls("is"))
register("P", "NUM_NONNULLS", "any...", _count_nulls("is not"))
