"""AND, OR, XOR and NOT of three values."""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from cdc_agent.expressions import terms
from cdc_agent.expressions.compiler.base import Compiler, Handlers, negated
from cdc_agent.expressions.dialect import Scope
from cdc_agent.expressions.terms import Term


def _and(compiler: Compiler, node: exp.Expression) -> Term:
    return both(compiler.scope, compiler.condition(node.this), compiler.condition(node.expression), node)


def _or(compiler: Compiler, node: exp.Expression) -> Term:
    return either(compiler.scope, compiler.condition(node.this), compiler.condition(node.expression), node)


def both(scope: Scope, a: Term, b: Term, node: exp.Expression) -> Term:
    if not a.nullable and not b.nullable:
        return Term(f"({a.source} and {b.source})", terms.BOOL, False, node)
    one, other = scope.temporary(), scope.temporary()
    source = (
        f"(False if ({one} := {a.source}) is False else False if ({other} := {b.source}) is False "
        f"else None if {one} is None or {other} is None else True)"
    )
    return Term(source, terms.BOOL, True, node)


def either(scope: Scope, a: Term, b: Term, node: exp.Expression) -> Term:
    if not a.nullable and not b.nullable:
        return Term(f"({a.source} or {b.source})", terms.BOOL, False, node)
    one, other = scope.temporary(), scope.temporary()
    source = (
        f"(True if ({one} := {a.source}) is True else True if ({other} := {b.source}) is True "
        f"else None if {one} is None or {other} is None else False)"
    )
    return Term(source, terms.BOOL, True, node)


def _xor(compiler: Compiler, node: exp.Expression) -> Term:
    pair = [compiler.condition(node.this), compiler.condition(node.expression)]
    return compiler.scope.operator("{0} is not {1}", pair, terms.BOOL, node)


def _not(compiler: Compiler, node: exp.Expression) -> Term:
    return negated(compiler.scope, compiler.condition(node.this), node)


HANDLERS: Final[Handlers] = {
    exp.And: _and,
    exp.Or: _or,
    exp.Xor: _xor,
    exp.Not: _not,
}
