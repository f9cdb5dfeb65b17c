"""Operators on JSON."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sqlglot import exp

from cdc_agent.expressions import documents, terms
from cdc_agent.expressions.coercion import as_text, literal_as, name_of
from cdc_agent.expressions.compiler.base import Compiler, Handlers
from cdc_agent.expressions.dialect import Scope
from cdc_agent.expressions.terms import Term
from cdc_agent.model.values import Kind


def _json(compiler: Compiler, node: exp.Expression) -> Term:
    """-> and ->>"""
    value = _document(compiler.scope, compiler.term(node.this))
    as_scalar = isinstance(node, exp.JSONExtractScalar)
    path = _path(compiler.scope, node.expression, node)
    type_ = replace(terms.TEXT, collation="utf8mb4_bin") if as_scalar else terms.JSON
    return compiler.scope.dialect.json_at(compiler.scope, value, path, as_text=as_scalar, type_=type_, node=node)


def _document(scope: Scope, term: Term) -> Term:
    if term.untyped:
        return literal_as(scope, term, terms.JSON)
    if term.kind is Kind.JSON or (term.kind is Kind.TEXT and scope.dialect.text_is_json):
        return term
    raise scope.error(f"a {name_of(term.kind)} is no JSON", term.node, "use CAST")


def _path(scope: Scope, node: exp.Expression, whole: exp.Expression) -> tuple[documents.Step, ...]:
    if not isinstance(node, exp.JSONPath):
        raise scope.error("a JSON path must be a constant", whole)
    steps: list[documents.Step] = []
    for part in node.expressions:
        if isinstance(part, exp.JSONPathRoot):
            continue
        if isinstance(part, exp.JSONPathKey) and isinstance(part.this, str):
            steps.append(part.this)
        elif isinstance(part, exp.JSONPathSubscript) and (part.this is None or isinstance(part.this, int)):
            steps.append(part.this or 0)
        else:
            raise scope.error("only names and indexes are supported in a JSON path", whole)
    return tuple(steps)


def _json_path(compiler: Compiler, node: exp.Expression) -> Term:
    """#> and #>> with a constant path."""
    value = _document(compiler.scope, compiler.term(node.this))
    path = compiler.term(node.expression).constant
    if not isinstance(path, str) or not path.startswith("{"):
        raise compiler.scope.error("the path must be a constant such as '{a,b}'", node)
    steps = tuple(part.strip().strip('"') for part in path.strip("{}").split(",") if part.strip())
    as_scalar = isinstance(node, exp.JSONBExtractScalar)
    function = documents.at_path_text if as_scalar else documents.at_path
    type_ = terms.TEXT if as_scalar else terms.JSON
    return compiler.scope.call(
        function, [value, compiler.scope.constant(steps, terms.JSON, node)], type_, node, may_be_null=True
    )


def _has_key(compiler: Compiler, node: exp.Expression) -> Term:
    pair = [
        _document(compiler.scope, compiler.term(node.this)),
        as_text(compiler.scope, compiler.term(node.expression)),
    ]
    return compiler.scope.call(documents.has_key, pair, terms.BOOL, node)


def _contains(compiler: Compiler, node: exp.Expression) -> Term:
    pair = [_document(compiler.scope, compiler.term(part)) for part in (node.this, node.expression)]
    return compiler.scope.call(documents.contains, pair, terms.BOOL, node)


HANDLERS: Final[Handlers] = {
    exp.JSONExtract: _json,
    exp.JSONExtractScalar: _json,
    exp.JSONBExtract: _json_path,
    exp.JSONBExtractScalar: _json_path,
    exp.JSONBContainsTopKey: _has_key,
    exp.JSONBContains: _has_key,
    exp.ArrayContainsAll: _contains,
}
