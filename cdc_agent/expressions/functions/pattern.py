"""Functions of regular expressions. Importing this registers them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from cdc_agent.expressions import patterns, terms, texts
from cdc_agent.expressions.coercion import as_text, text_like
from cdc_agent.expressions.functions import arguments
from cdc_agent.expressions.functions.registry import BOTH, register
from cdc_agent.expressions.terms import TEXTS, Scope, Term


def _case_flag(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    return scope.constant(texts.ignores_case(text_like(parts)) is not None, terms.BOOL, node)


def _regexp_like(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    given = [as_text(scope, term) for term in parts]
    if len(given) == 2:
        given.append(scope.constant("", terms.TEXT, node))
    if scope.is_postgres:
        return scope.call(patterns.postgres_like, given, terms.BOOL, node)
    return scope.call(patterns.mysql_like, [*given, _case_flag(scope, given[:2], node)], terms.BOOL, node)


def _regexp_replace(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    given = [as_text(scope, term) for term in parts[:3]]
    type_ = text_like(given)
    if scope.is_postgres:
        flags = as_text(scope, parts[3]) if len(parts) > 3 else scope.constant("", terms.TEXT, node)
        if len(parts) > 4 or flags.kind not in TEXTS or (len(parts) > 3 and parts[3].kind not in TEXTS):
            raise scope.error("REGEXP_REPLACE with a start is not supported", node, "use flags: 'g', 'i'")
        return scope.call(patterns.postgres_replace, [*given, flags], type_, node)
    return scope.call(patterns.mysql_replace, [*given, *_places(scope, parts[3:], (1, 0), node, given)], type_, node)


def _places(
    scope: Scope, parts: Sequence[Term], defaults: tuple[int, int], node: exp.Expression, given: list[Term]
) -> list[Term]:
    """(start, occurrence, flags, whether the collation ignores case)"""
    start, occurrence = (
        arguments.integer_value(scope, parts[i]) if len(parts) > i else scope.constant(default, terms.BIG, node)
        for i, default in enumerate(defaults)
    )
    flags = as_text(scope, parts[2]) if len(parts) > 2 else scope.constant("", terms.TEXT, node)
    return [start, occurrence, flags, _case_flag(scope, given[:2], node)]


def _regexp_substr(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    given = [as_text(scope, term) for term in parts[:2]]
    places = _places(scope, parts[2:], (1, 1), node, given)
    if scope.is_postgres:
        return scope.call(patterns.postgres_substr, [*given, *places[:3]], text_like(given), node, may_be_null=True)
    return scope.call(patterns.mysql_substr, [*given, *places], text_like(given), node, may_be_null=True)


def _regexp_instr(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    given = [as_text(scope, term) for term in parts[:2]]
    return scope.call(patterns.mysql_instr, [*given, *_places(scope, parts[2:], (1, 1), node, given)], terms.BIG, node)


register(BOTH, "REGEXP_LIKE", "text, text, text?", _regexp_like)
register("P", "REGEXP_REPLACE", "text, text, text, text?", _regexp_replace)
register("M", "REGEXP_REPLACE", "text, text, text, integer?, integer?, text?", _regexp_replace)
register("P", "REGEXP_SUBSTR", "text, text, integer?, integer?, text?", _regexp_substr)
register("M", "REGEXP_SUBSTR", "text, text, integer?, integer?, text?", _regexp_substr)
register("M", "REGEXP_INSTR", "text, text, integer?, integer?", _regexp_instr)
