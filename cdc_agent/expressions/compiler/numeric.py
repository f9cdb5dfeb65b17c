"""Arithmetic and bits."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sqlglot import exp

from cdc_agent.expressions import numbers, terms, times
from cdc_agent.expressions.arithmetic import calculate
from cdc_agent.expressions.coercion import to_number
from cdc_agent.expressions.compiler.base import Compiler, Handlers
from cdc_agent.expressions.functions import FUNCTIONS
from cdc_agent.expressions.terms import TEXTS, Term
from cdc_agent.model.values import Kind

_SIGNS: Final[dict[type[exp.Expression], str]] = {
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%", exp.IntDiv: "DIV",
}  # fmt: skip
_BITS: Final[dict[type[exp.Expression], str]] = {
    exp.BitwiseAnd: "&", exp.BitwiseOr: "|", exp.BitwiseXor: "^",
    exp.BitwiseLeftShift: "<<", exp.BitwiseRightShift: ">>",
}  # fmt: skip


def _arithmetic(compiler: Compiler, node: exp.Expression) -> Term:
    return calculate(compiler.scope, _SIGNS[type(node)], compiler.term(node.this), compiler.term(node.expression), node)


def _negative(compiler: Compiler, node: exp.Expression) -> Term:
    term = compiler.scope.dialect.numeric(compiler.scope, compiler.term(node.this))
    if term.is_constant and type(term.constant) in (int, float):
        return compiler.scope.constant(-term.constant, term.type, node)
    if term.kind is Kind.INTERVAL:
        return compiler.scope.call(times.negated, [term], terms.INTERVAL, node)
    if term.kind is Kind.DECIMAL:
        return compiler.scope.call(numbers.negate, [term], terms.DECIMAL, node)
    kind = Kind.FLOAT if term.kind in TEXTS or term.kind is Kind.FLOAT else Kind.INTEGER
    number = to_number(compiler.scope, term, kind)
    type_ = replace(number.type, unsigned=False, precision=64) if number.type.unsigned else number.type
    return compiler.scope.operator("-{0}", [number], type_, node)


def _power(compiler: Compiler, node: exp.Expression) -> Term:
    return FUNCTIONS[compiler.scope.dialect.name]["POWER"].build(
        compiler.scope, [compiler.term(node.this), compiler.term(node.expression)], node
    )


def _bitwise(compiler: Compiler, node: exp.Expression) -> Term:
    pair = [to_number(compiler.scope, compiler.term(part), Kind.INTEGER) for part in (node.this, node.expression)]
    return compiler.scope.dialect.bitwise(compiler.scope, _BITS[type(node)], pair, node)


HANDLERS: Final[Handlers] = {
    **dict.fromkeys(_SIGNS, _arithmetic),
    **dict.fromkeys(_BITS, _bitwise),
    exp.Neg: _negative,
    exp.Pow: _power,
}
