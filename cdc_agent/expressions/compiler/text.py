"""Operators on texts, and the functions of texts that have a grammar of their own."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from sqlglot import exp

from cdc_agent.conversions.base import MisfitError
from cdc_agent.expressions import terms, texts
from cdc_agent.expressions.coercion import as_text, text_like
from cdc_agent.expressions.compiler.base import Compiler, Handlers, negated
from cdc_agent.expressions.compiler.calls import named
from cdc_agent.expressions.dialect import Scope
from cdc_agent.expressions.functions import FUNCTIONS
from cdc_agent.expressions.terms import Term
from cdc_agent.model.values import Kind


def _join(compiler: Compiler, node: exp.Expression) -> Term:
    pair = [compiler.term(node.this), compiler.term(node.expression)]
    if any(term.kind is Kind.JSON for term in pair):
        raise compiler.scope.error("|| of JSON is not supported in expressions", node)
    if all(term.kind is Kind.BYTES for term in pair):
        return compiler.scope.operator("{0} + {1}", pair, terms.BYTES, node)
    return compiler.scope.operator("{0} + {1}", [as_text(compiler.scope, t) for t in pair], text_like(pair), node)


def _like(compiler: Compiler, node: exp.Expression, escape: str = "\\") -> Term:
    value, pattern = (as_text(compiler.scope, compiler.term(part)) for part in (node.this, node.expression))
    key = compiler.scope.dialect.search_key(text_like([value, pattern]), any_case=isinstance(node, exp.ILike))
    if key is not None:
        value, pattern = (_folded(compiler.scope, term, key) for term in (value, pattern))
        escape = key(escape)
    return _matched(compiler.scope, value, pattern, escape, node)


def _folded(scope: Scope, term: Term, key: Callable[[str], str]) -> Term:
    if term.is_constant:
        return term if term.is_null else scope.constant(key(term.constant), term.type, term.node)
    return scope.call(key, [term], term.type, term.node)


def _matched(scope: Scope, value: Term, pattern: Term, escape: str, node: exp.Expression) -> Term:
    if pattern.is_constant and not pattern.is_null:
        match = scope.bind(_compiled(scope, lambda: texts.like_pattern(pattern.constant, escape), node))
        return scope.operator(f"{match}.fullmatch({{0}}) is not None", [value], terms.BOOL, node)
    mark = scope.constant(escape, terms.TEXT, node)
    return scope.call(texts.like, [value, pattern, mark], terms.BOOL, node)


def _escape(compiler: Compiler, node: exp.Expression) -> Term:
    mark = compiler.term(node.expression).constant
    if not isinstance(node.this, exp.Like | exp.ILike) or not isinstance(mark, str) or len(mark) > 1:
        raise compiler.scope.error("ESCAPE needs one character", node)
    found = _like(compiler, node.this, mark)
    return negated(compiler.scope, found, node) if node.this.args.get("negate") else found


def _regular(compiler: Compiler, node: exp.Expression) -> Term:
    flags = "i" if isinstance(node, exp.RegexpILike) else ""
    parts = [compiler.term(node.this), compiler.term(node.expression)]
    if flags:
        parts.append(compiler.scope.constant(flags, terms.TEXT, node))
    return FUNCTIONS[compiler.scope.dialect.name]["REGEXP_LIKE"].build(compiler.scope, parts, node)


def _collate(compiler: Compiler, node: exp.Expression) -> Term:
    term = as_text(compiler.scope, compiler.term(node.this))
    return compiler.scope.dialect.collate(compiler.scope, term, node.expression.name, node)


def _substring(compiler: Compiler, node: exp.Expression) -> Term:
    start, length = node.args.get("start"), node.args.get("length")
    parts = compiler.terms([part for part in (node.this, start, length) if part is not None])
    if start is None:
        parts.insert(1, compiler.scope.constant(1, terms.SMALL, node))
    return named(compiler.scope, "SUBSTRING", parts, node)


def _trim(compiler: Compiler, node: exp.Expression) -> Term:
    name = {"LEADING": "LTRIM", "TRAILING": "RTRIM"}.get(str(node.args.get("position") or "").upper(), "BTRIM")
    parts = compiler.terms([part for part in (node.this, node.args.get("expression")) if part is not None])
    return named(compiler.scope, name, parts, node)


def _position(compiler: Compiler, node: exp.Expression) -> Term:
    return named(compiler.scope, "POSITION", compiler.terms([node.args["substr"], node.this]), node)


def _overlay(compiler: Compiler, node: exp.Expression) -> Term:
    parts = [node.args.get(name) for name in ("this", "expression", "from_", "for_")]
    return named(compiler.scope, "OVERLAY", compiler.terms([part for part in parts if part is not None]), node)


def _compiled(scope: Scope, compile_: Callable[[], re.Pattern[str]], node: exp.Expression) -> re.Pattern[str]:
    try:
        return compile_()
    except MisfitError as error:
        raise scope.error(error.reason, node) from error


HANDLERS: Final[Handlers] = {
    exp.DPipe: _join,
    exp.Like: _like,
    exp.ILike: _like,
    exp.Escape: _escape,
    exp.RegexpLike: _regular,
    exp.RegexpILike: _regular,
    exp.Collate: _collate,
    exp.Substring: _substring,
    exp.Trim: _trim,
    exp.StrPosition: _position,
    exp.Overlay: _overlay,
}
