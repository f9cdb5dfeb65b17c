"""Function calls by name, and casts."""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from cdc_agent.errors import ExpressionError
from cdc_agent.expressions import terms
from cdc_agent.expressions.casts import cast
from cdc_agent.expressions.compiler.base import Compiler, Handlers, spelling
from cdc_agent.expressions.dialect import Scope
from cdc_agent.expressions.functions import FUNCTIONS, VOLATILE
from cdc_agent.expressions.terms import Term


def _function(compiler: Compiler, node: exp.Expression) -> Term:
    name = str(node.this).upper()
    if name in VOLATILE:
        raise _volatile(compiler.scope, name, node)
    if name == "TIMESTAMPDIFF" or name == "TIMESTAMPADD":
        unit = compiler.scope.constant(node.expressions[0].name.upper(), terms.TEXT, node)
        return named(compiler.scope, name, [unit, *compiler.terms(node.expressions[1:])], node)
    return named(compiler.scope, name, compiler.terms(node.expressions), node)


def _clock(compiler: Compiler, node: exp.Expression) -> Term:
    raise _volatile(compiler.scope, spelling(node), node)


def named(scope: Scope, name: str, parts: list[Term], node: exp.Expression) -> Term:
    function = FUNCTIONS[scope.dialect.name].get(name)
    if function is None:
        raise scope.error(f"unknown function {name}", node, _elsewhere(name, scope.dialect.name))
    if not function.least <= len(parts) <= function.most:
        raise scope.error(f"wrong number of arguments: {function.signature}", node)
    return function.build(scope, parts, node)


def _volatile(scope: Scope, name: str, node: exp.Expression) -> ExpressionError:
    return scope.error(
        f"{name} gives another value at each call", node, "a row that is mapped twice must give the same result"
    )


def _cast(compiler: Compiler, node: exp.Expression) -> Term:
    return cast(compiler.scope, compiler.term(node.this), node)


def _elsewhere(name: str, dialect: str) -> str:
    other = "mysql" if dialect == "postgres" else "postgres"
    if name in FUNCTIONS[other]:
        return f"it is a function of {'MySQL' if other == 'mysql' else 'PostgreSQL'}; expressions use the source's SQL"
    return "docs/mapping.md lists the functions"


HANDLERS: Final[Handlers] = {
    exp.Anonymous: _function,
    exp.Cast: _cast,
    **dict.fromkeys(
        (exp.CurrentTimestamp, exp.CurrentDate, exp.CurrentTime, exp.CurrentUser, exp.CurrentDatetime), _clock
    ),
}
