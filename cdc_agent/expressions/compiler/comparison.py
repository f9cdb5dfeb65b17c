"""What compares values: =, <, IS, BETWEEN, IN."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from sqlglot import exp

from cdc_agent.expressions import terms
from cdc_agent.expressions.coercion import comparable
from cdc_agent.expressions.compiler.base import Compiler, Handlers, negated
from cdc_agent.expressions.compiler.logic import both, either
from cdc_agent.expressions.dialect import Scope
from cdc_agent.expressions.terms import Term

_OPERATORS: Final[dict[type[exp.Expression], str]] = {
    exp.EQ: "==", exp.NEQ: "!=", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
}  # fmt: skip


def _comparison(compiler: Compiler, node: exp.Expression) -> Term:
    return compare(
        compiler.scope, _OPERATORS[type(node)], compiler.term(node.this), compiler.term(node.expression), node
    )


def compare(scope: Scope, operator: str, a: Term, b: Term, node: exp.Expression) -> Term:
    a, b = comparable(scope, a, b)
    return scope.operator(f"{{0}} {operator} {{1}}", [a, b], terms.BOOL, node)


def _same(compiler: Compiler, node: exp.Expression) -> Term:
    return not_distinct(compiler.scope, compiler.term(node.this), compiler.term(node.expression), node)


def _distinct(compiler: Compiler, node: exp.Expression) -> Term:
    return negated(compiler.scope, _same(compiler, node), node)


def not_distinct(scope: Scope, a: Term, b: Term, node: exp.Expression) -> Term:
    """Equal, or both NULL."""
    a, b = comparable(scope, a, b)
    return Term(f"({a.source} == {b.source})", terms.BOOL, False, node)


def _is(compiler: Compiler, node: exp.Expression) -> Term:
    right = node.expression
    if isinstance(right, exp.Null):
        term = compiler.term(node.this)
        return Term(f"({term.source} is None)", terms.BOOL, False, node)
    if isinstance(right, exp.Boolean):
        term = compiler.condition(node.this)
        return Term(f"({term.source} is {bool(right.this)})", terms.BOOL, False, node)
    raise compiler.scope.error(f"IS {right.sql()} is not supported in expressions", node)


def _between(compiler: Compiler, node: exp.Expression) -> Term:
    value, low, high = (compiler.term(node.args[name]) for name in ("this", "low", "high"))
    inside = _range(compiler.scope, value, low, high, node)
    return (
        either(compiler.scope, inside, _range(compiler.scope, value, high, low, node), node)
        if node.args.get("symmetric")
        else inside
    )


def _range(scope: Scope, value: Term, low: Term, high: Term, node: exp.Expression) -> Term:
    return both(scope, compare(scope, ">=", value, low, node), compare(scope, "<=", value, high, node), node)


def _in(compiler: Compiler, node: exp.Expression) -> Term:
    choices = node.expressions
    if not choices:
        raise compiler.scope.error("IN needs a list of values here", node)
    value = compiler.term(node.this)
    listed = compiler.terms(choices)
    return _in_set(compiler.scope, value, listed, node) or _in_turn(compiler.scope, value, listed, node)


def _in_set(scope: Scope, value: Term, listed: list[Term], node: exp.Expression) -> Term | None:
    """All constants of one type: a look-up."""
    if value.is_constant or not all(term.is_constant for term in listed):
        return None
    known = [term for term in listed if not term.is_null]
    pairs = [comparable(scope, value, term) for term in known]
    if not pairs or len({(_shape(left), left.kind, right.kind) for left, right in pairs}) != 1:
        return None
    if any(not right.is_constant for _, right in pairs):
        return None
    members = scope.bind(frozenset(right.constant for _, right in pairs))
    missing = "None" if len(known) < len(listed) else "False"
    found = scope.operator(f"True if {{0}} in {members} else {missing}", [pairs[0][0]], terms.BOOL, node)
    return replace(found, nullable=found.nullable or missing == "None")


def _in_turn(scope: Scope, value: Term, listed: list[Term], node: exp.Expression) -> Term:
    result: Term | None = None
    for term in listed:
        equal = compare(scope, "==", value, term, node)
        result = equal if result is None else either(scope, result, equal, node)
    assert result is not None
    return result


def _shape(term: Term) -> str:
    """A term's source whatever its temporaries are called."""
    return re.sub(r"\bt\d+\b", "t", term.source)


HANDLERS: Final[Handlers] = {
    **dict.fromkeys(_OPERATORS, _comparison),
    exp.NullSafeEQ: _same,
    exp.NullSafeNEQ: _distinct,
    exp.Is: _is,
    exp.Between: _between,
    exp.In: _in,
}
