"""Compiles one tree of SQL to a `Term`: literals, columns, operators, predicates, CASE, calls and casts.

NULL follows SQL: a strict operation with NULL is NULL, AND and OR are three-valued, and what CASE, COALESCE and the
like do not choose is not computed. Each module handles the nodes of one idea; what a function compiles to is in
`functions`.
"""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from cdc_agent.expressions.compiler import (
    calls,
    choice,
    comparison,
    document,
    leaves,
    logic,
    moment,
    numeric,
    text,
)
from cdc_agent.expressions.compiler.base import Compiler, Handler
from cdc_agent.expressions.compiler.leaves import UnknownColumnError
from cdc_agent.expressions.dialect import Scope
from cdc_agent.expressions.terms import Term

__all__ = ["UnknownColumnError", "compile_tree"]

_HANDLERS: Final[dict[type[exp.Expression], Handler]] = {
    node: handler
    for part in (leaves, logic, comparison, choice, numeric, moment, text, document, calls)
    for node, handler in part.HANDLERS.items()
}


def compile_tree(scope: Scope, tree: exp.Expression) -> Term:
    """The term of a tree. Raises ExpressionError for what is not supported, UnknownColumnError for a column."""
    return Compiler(scope, _HANDLERS).term(tree)
