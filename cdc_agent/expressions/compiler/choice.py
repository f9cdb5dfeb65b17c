"""CASE and IF: only the result that is chosen is computed."""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from cdc_agent.expressions.coercion import truth, unify
from cdc_agent.expressions.compiler.base import Compiler, Handlers
from cdc_agent.expressions.compiler.comparison import compare
from cdc_agent.expressions.dialect import Scope
from cdc_agent.expressions.terms import Term


def _case(compiler: Compiler, node: exp.Expression) -> Term:
    subject = None if node.this is None else compiler.term(node.this)
    conditions: list[Term] = []
    results: list[Term] = []
    for branch in node.args["ifs"]:
        test = compiler.term(branch.this)
        conditions.append(
            truth(compiler.scope, test) if subject is None else compare(compiler.scope, "==", subject, test, branch)
        )
        results.append(compiler.term(branch.args["true"]))
    default = node.args.get("default")
    results.append(compiler.scope.null(node) if default is None else compiler.term(default))
    return choose(compiler.scope, conditions, results, node)


def _if(compiler: Compiler, node: exp.Expression) -> Term:
    otherwise = node.args.get("false")
    results = [
        compiler.term(node.args["true"]),
        compiler.scope.null(node) if otherwise is None else compiler.term(otherwise),
    ]
    return choose(compiler.scope, [compiler.condition(node.this)], results, node)


def choose(scope: Scope, conditions: list[Term], results: list[Term], node: exp.Expression) -> Term:
    """The result of the first condition that is true, else the last one; only that one is computed."""
    results, type_ = unify(scope, results)
    source = results[-1].source
    for condition, result in zip(reversed(conditions), reversed(results[:-1]), strict=True):
        test = f"{condition.source} is True" if condition.nullable else condition.source
        source = f"({result.source} if {test} else {source})"
    return Term(source, type_, any(term.nullable for term in results), node)


HANDLERS: Final[Handlers] = {
    exp.Case: _case,
    exp.If: _if,
}
