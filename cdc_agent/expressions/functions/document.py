"""JSON functions. Importing this registers them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from sqlglot import exp

from cdc_agent.expressions import documents, terms
from cdc_agent.expressions.coercion import as_text
from cdc_agent.expressions.dialect import Scope
from cdc_agent.expressions.functions import arguments
from cdc_agent.expressions.functions.registry import Build, register, strict
from cdc_agent.expressions.terms import NUMBERS, Term
from cdc_agent.model.values import Kind

_UTF8_BIN: Final = replace(terms.TEXT, collation="utf8mb4_bin")


def _as_json(scope: Scope, term: Term) -> Term:
    """A value as JSON text: numbers and booleans bare, JSON as it is, all else a string."""
    if term.is_null or term.kind is Kind.JSON:
        return replace(term, untyped=False, type=terms.JSON)
    if term.kind is Kind.BOOL:
        return scope.operator("'true' if {0} else 'false'", [term], terms.JSON, term.node)
    if term.kind in NUMBERS:
        return replace(as_text(scope, term), type=terms.JSON)
    if term.kind in (Kind.TIMESTAMP, Kind.INSTANT) and not scope.dialect.timestamps_in_json:
        raise scope.error("a timestamp inside JSON", term.node, "use TO_CHAR for the form that you want")
    text = as_text(scope, term)
    return scope.call(documents.quote, [text], terms.JSON, term.node)


def _object(function: Callable[..., str]) -> Build:
    def build(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
        if len(parts) % 2:
            raise scope.error("keys and values must come in pairs", node)
        listed = [
            (as_text(scope, term) if place % 2 == 0 else _as_json(scope, term)).source
            for place, term in enumerate(parts)
        ]
        return Term(f"{scope.bind(function)}({', '.join(listed)})", terms.JSON, False, node)

    return build


def _array(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    listed = ", ".join(_as_json(scope, term).source for term in parts)
    return Term(f"{scope.bind(documents.make_array)}({listed})", terms.JSON, False, node)


def _to_json(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    return _as_json(scope, replace(parts[0], untyped=False))


def _path_function(function: Callable[..., Any], *, as_text_: bool) -> Build:
    """JSONB_EXTRACT_PATH(json, step…)"""

    def build(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
        steps = tuple(term.constant for term in parts[1:])
        if not all(isinstance(step, str) for step in steps):
            raise scope.error("a JSON path must be constant", node)
        given = [arguments.json_value(scope, parts[0]), scope.constant(steps, terms.JSON, node)]
        return scope.call(function, given, terms.TEXT if as_text_ else terms.JSON, node, may_be_null=True)

    return build


register("P", "JSONB_BUILD_OBJECT", "any...", _object(documents.make_object))
register("P", "JSON_BUILD_OBJECT", "any...", _object(documents.make_plain_object))
register("P", "JSONB_BUILD_ARRAY JSON_BUILD_ARRAY", "any...", _array)
register("P", "TO_JSONB TO_JSON", "any", _to_json)
register("M", "JSON_OBJECT", "any...", _object(documents.make_object))
register("M", "JSON_ARRAY", "any...", _array)
strict("P", "JSONB_TYPEOF JSON_TYPEOF", "json", terms.TEXT, documents.type_of)
strict("P", "JSONB_ARRAY_LENGTH JSON_ARRAY_LENGTH", "json", terms.SMALL, documents.array_length)
register(
    "P", "JSONB_EXTRACT_PATH JSON_EXTRACT_PATH", "json, text...", _path_function(documents.at_path, as_text_=False)
)
register(
    "P", "JSONB_EXTRACT_PATH_TEXT JSON_EXTRACT_PATH_TEXT", "json, text...",
    _path_function(documents.at_path_text, as_text_=True),
)  # fmt: skip
strict("M", "JSON_EXTRACT", "json, path", terms.JSON, documents.mysql_extract, null=True)
strict("M", "JSON_VALUE", "json, path", _UTF8_BIN, documents.json_value, null=True)
strict("M", "JSON_UNQUOTE", "json", _UTF8_BIN, documents.unquote)
strict("M", "JSON_QUOTE", "text", terms.TEXT, documents.quote)
strict("M", "JSON_VALID", "json", terms.BOOL, documents.valid)
strict("M", "JSON_TYPE", "json", terms.TEXT, documents.mysql_type_of)


def _json_length(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    given = [arguments.json_value(scope, parts[0])]
    if len(parts) == 1:
        return scope.call(documents.length, given, terms.BIG, node)
    return scope.call(
        documents.length_at, [*given, arguments.path_value(scope, parts[1])], terms.BIG, node, may_be_null=True
    )


register("M", "JSON_LENGTH", "json, path?", _json_length)
