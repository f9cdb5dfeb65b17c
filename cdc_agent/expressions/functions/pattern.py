"""Functions of regular expressions. Importing this registers them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from cdc_agent.expressions import patterns, terms, texts
from cdc_agent.expressions.coercion import as_text, text_like
from cdc_agent.expressions.dialect import Scope
from cdc_agent.expressions.functions import arguments
from cdc_agent.expressions.functions.registry import register
from cdc_agent.expressions.terms import TEXTS, Term


def _case_flag(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    return scope.constant(texts.ignores_case(text_like(parts)) is not None, terms.BOOL, node)


def _matched(scope: Scope, parts: list[Term], node: exp.Expression) -> list[Term]:
    """(text, pattern, flags)"""
    given = [as_text(scope, term) for term in parts]
    return given if len(given) == 3 else [*given, scope.constant("", terms.TEXT, node)]


def _postgres_like(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    return scope.call(patterns.postgres_like, _matched(scope, parts, node), terms.BOOL, node)


def _mysql_like(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    given = _matched(scope, parts, node)
    return scope.call(patterns.mysql_like, [*given, _case_flag(scope, given[:2], node)], terms.BOOL, node)


def _postgres_replace(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    given = [as_text(scope, term) for term in parts[:3]]
    flags = as_text(scope, parts[3]) if len(parts) > 3 else scope.constant("", terms.TEXT, node)
    if flags.kind not in TEXTS or (len(parts) > 3 and parts[3].kind not in TEXTS):
        raise scope.error("REGEXP_REPLACE with a start is not supported", node, "use flags: 'g', 'i'")
    return scope.call(patterns.postgres_replace, [*given, flags], text_like(given), node)


def _mysql_replace(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    given = [as_text(scope, term) for term in parts[:3]]
    places = _places(scope, parts[3:], (1, 0), node, given)
    return scope.call(patterns.mysql_replace, [*given, *places], text_like(given), node)


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


def _postgres_substr(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    given = [as_text(scope, term) for term in parts[:2]]
    places = _places(scope, parts[2:], (1, 1), node, given)[:3]
    return scope.call(patterns.postgres_substr, [*given, *places], text_like(given), node, may_be_null=True)


def _mysql_substr(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    given = [as_text(scope, term) for term in parts[:2]]
    places = _places(scope, parts[2:], (1, 1), node, given)
    return scope.call(patterns.mysql_substr, [*given, *places], text_like(given), node, may_be_null=True)


def _mysql_instr(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    given = [as_text(scope, term) for term in parts[:2]]
    return scope.call(patterns.mysql_instr, [*given, *_places(scope, parts[2:], (1, 1), node, given)], terms.BIG, node)


register("P", "REGEXP_LIKE", "text, text, text?", _postgres_like)
register("M", "REGEXP_LIKE", "text, text, text?", _mysql_like)
register("P", "REGEXP_REPLACE", "text, text, text, text?", _postgres_replace)
register("M", "REGEXP_REPLACE", "text, text, text, integer?, integer?, text?", _mysql_replace)
register("P", "REGEXP_SUBSTR", "text, text, integer?, integer?, text?", _postgres_substr)
register("M", "REGEXP_SUBSTR", "text, text, integer?, integer?, text?", _mysql_substr)
register("M", "REGEXP_INSTR", "text, text, integer?, integer?", _mysql_instr)
