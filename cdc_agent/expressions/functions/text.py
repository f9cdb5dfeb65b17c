"""Text functions. Importing this registers them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from sqlglot import exp

from cdc_agent.expressions import patterns, terms, texts
from cdc_agent.expressions.coercion import as_text, comparable, text_like
from cdc_agent.expressions.dialect import Scope
from cdc_agent.expressions.functions import arguments
from cdc_agent.expressions.functions.registry import BOTH, FUNCTIONS, Build, register, strict
from cdc_agent.expressions.terms import TEXTS, Term
from cdc_agent.model.values import Kind

strict(BOTH, "UPPER", "text", text_like, texts.upper)
strict(BOTH, "LOWER", "text", text_like, texts.lower)
strict("M", "UCASE", "text", text_like, texts.upper)
strict("M", "LCASE", "text", text_like, texts.lower)
strict("P", "INITCAP", "text", text_like, texts.initcap)
strict(BOTH, "REVERSE", "text", text_like, texts.reverse)
strict(BOTH, "REPEAT", "text, integer", text_like, texts.repeat)
strict(BOTH, "REPLACE", "text, text, text", text_like, texts.replace)
strict("P", "TRANSLATE", "text, text, text", text_like, texts.translate)
strict("P", "LEFT", "text, integer", text_like, texts.left)
strict("P", "RIGHT", "text, integer", text_like, texts.right)
strict("M", "LEFT", "text, integer", text_like, texts.mysql_left)
strict("M", "RIGHT", "text, integer", text_like, texts.mysql_right)
strict("P", "LPAD", "text, integer, text?", text_like, texts.lpad, defaults=(" ",))
strict("P", "RPAD", "text, integer, text?", text_like, texts.rpad, defaults=(" ",))
strict("M", "LPAD", "text, integer, text", text_like, texts.mysql_lpad, null=True)
strict("M", "RPAD", "text, integer, text", text_like, texts.mysql_rpad, null=True)
strict("P", "SPLIT_PART", "text, text, integer", text_like, texts.split_part)
strict("M", "SUBSTRING_INDEX", "text, text, integer", text_like, texts.substring_index)
strict("P", "STARTS_WITH", "text, text", terms.BOOL, texts.starts_with)
strict("P", "CHR", "integer", terms.TEXT, texts.character)
strict("P", "ASCII", "text", terms.SMALL, texts.first_code)
strict("M", "ASCII", "bytes", terms.BIG, texts.first_byte)
strict("M", "SPACE", "integer", terms.TEXT, lambda count: " " * max(count, 0))
strict("M", "INSERT", "text, integer, integer, text", text_like, texts.insert)
strict("M", "FORMAT", "decimal, integer", terms.TEXT, texts.format_number)
strict(BOTH, "CHAR_LENGTH CHARACTER_LENGTH", "text", terms.BIG, len)
strict("P", "TO_HEX", "integer", terms.TEXT, texts.to_hex)
strict("P", "QUOTE_LITERAL", "text", terms.TEXT, texts.quote_literal)


def _trimming(engines: str, name: str, method: str, function: Any) -> None:
    def build(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
        given = [as_text(scope, term) for term in parts]
        if len(given) == 1:
            return scope.operator(f"{{0}}.{method}(' ')", given, text_like(given), node)
        return scope.call(function, given, text_like(given), node)

    register(engines, name, "text, text?", build)


_trimming("P", "BTRIM", "strip", texts.trim_characters)
_trimming("P", "LTRIM", "lstrip", texts.ltrim_characters)
_trimming("P", "RTRIM", "rstrip", texts.rtrim_characters)
_trimming("M", "BTRIM", "strip", texts.trim_text)
_trimming("M", "LTRIM", "lstrip", texts.ltrim_text)
_trimming("M", "RTRIM", "rstrip", texts.rtrim_text)
register(BOTH, "TRIM", "text", FUNCTIONS["mysql"]["BTRIM"].build, "[LEADING | TRAILING | BOTH] [text FROM] text")


def _postgres_substring(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    """By places, or by a pattern."""
    if len(parts) == 2 and parts[1].kind in TEXTS:
        given = [as_text(scope, part) for part in parts]
        return scope.call(patterns.postgres_substring, given, text_like(given), node, may_be_null=True)
    return _substring(scope, parts, node, {2: texts.substring, 3: texts.substring_for})


def _mysql_substring(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    return _substring(scope, parts, node, {2: texts.mysql_substring, 3: texts.mysql_substring_for})


def _substring(scope: Scope, parts: list[Term], node: exp.Expression, functions: dict[int, Callable[..., str]]) -> Term:
    text = as_text(scope, parts[0])
    given = [text, *(arguments.integer_value(scope, part) for part in parts[1:])]
    if all(type(term.constant) is int and term.constant > 0 for term in given[1:]):
        start = given[1].constant - 1
        end = start + given[2].constant if len(given) == 3 else ""
        return scope.operator(f"{{0}}[{start}:{end}]", [text], text_like(given), node)
    return scope.call(functions[len(given)], given, text_like(given), node)


register("P", "SUBSTRING SUBSTR", "text, integer, integer?", _postgres_substring)
register("M", "SUBSTRING SUBSTR", "text, integer, integer?", _mysql_substring)
register("M", "MID", "text, integer, integer", _mysql_substring)


def _overlay(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    given = [
        as_text(scope, parts[0]),
        as_text(scope, parts[1]),
        *(arguments.integer_value(scope, part) for part in parts[2:]),
    ]
    function: Callable[..., str] = texts.overlay if len(given) == 3 else texts.overlay_for
    return scope.call(function, given, text_like(given), node)


register("P", "OVERLAY", "text, text, integer, integer?", _overlay)


def _searched(scope: Scope, parts: list[Term]) -> list[Term]:
    """Texts in the form in which the engine searches them."""
    given = [as_text(scope, term) for term in parts]
    key = scope.dialect.search_key(text_like(given))
    return given if key is None else [scope.call(key, [term], term.type, term.node) for term in given]


def _position(swapped: bool) -> Build:
    def build(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
        found = _searched(scope, parts[:2])
        pair = found[::-1] if swapped else found
        if len(parts) == 3:
            return scope.call(texts.locate, [*pair, arguments.integer_value(scope, parts[2])], terms.BIG, node)
        return scope.call(texts.position, pair, scope.dialect.count_type, node)

    return build


register(BOTH, "POSITION", "text, text", _position(False), "text IN text")
register("P", "STRPOS", "text, text", _position(True))
register("M", "INSTR", "text, text", _position(True))
register("M", "LOCATE", "text, text, integer?", _position(False))


def _set_function(function: Callable[..., int]) -> Build:
    def build(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
        return scope.call(function, _searched(scope, parts), terms.BIG, node)

    return build


register("M", "FIND_IN_SET", "text, text", _set_function(texts.find_in_set))
register("M", "STRCMP", "text, text", _set_function(texts.strcmp))


def _field(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    """FIELD: 0 when nothing is equal, NULL included."""
    found = scope.constant(0, terms.BIG, node)
    source = found.source
    for place, choice in reversed(list(enumerate(parts[1:], 1))):
        a, b = comparable(scope, parts[0], choice)
        equal = scope.operator("{0} == {1}", [a, b], terms.BOOL, node)
        source = f"({place} if {equal.source} else {source})"
    return Term(source, terms.BIG, False, node)


def _elt(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    index = arguments.integer_value(scope, parts[0])
    choices = [as_text(scope, term) for term in parts[1:]]
    name = scope.temporary()
    source = "None"
    for place, choice in reversed(list(enumerate(choices, 1))):
        source = f"({choice.source} if {name} == {place} else {source})"
    return Term(f"(None if ({name} := {index.source}) is None else {source})", text_like(choices), True, node)


register("M", "FIELD", "any, any...", _field)
register("M", "ELT", "integer, text...", _elt)


def _characters(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    """LENGTH of PostgreSQL; of bytes their number."""
    if parts[0].kind is not Kind.BYTES:
        return scope.call(len, [as_text(scope, parts[0])], terms.SMALL, node)
    return _bytes(scope, parts, node)


def _bytes(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    """LENGTH of MySQL."""
    return scope.call(len, [arguments.bytes_value(scope, parts[0])], terms.BIG, node)


def _octet_length(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    data = parts[0] if parts[0].kind is Kind.BYTES else arguments.text_bytes(scope, parts[0])
    return scope.call(len, [data], scope.dialect.count_type, node)


register("P", "LENGTH", "text", _characters)
register("M", "LENGTH", "text", _bytes)
register(BOTH, "OCTET_LENGTH", "text", _octet_length)
strict("M", "BIT_LENGTH", "bytes", terms.BIG, lambda data: 8 * len(data))


def _printed(scope: Scope, term: Term) -> Term:
    """CONCAT prints PostgreSQL's booleans as t and f."""
    if term.kind is Kind.BOOL and not term.is_null:
        return scope.operator("'t' if {0} else 'f'", [term], terms.TEXT, term.node)
    return as_text(scope, term)


def _mysql_concat(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    """One NULL makes the whole NULL."""
    given = [as_text(scope, term) for term in parts]
    return scope.operator(" + ".join(f"{{{i}}}" for i in range(len(given))), given, text_like(given), node)


def _postgres_concat(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    """NULLs are left out."""
    given = [_printed(scope, term) for term in parts]
    joined = " + ".join(f"({term.source} or '')" if term.nullable else term.source for term in given)
    return Term(f"({joined})", text_like(given), False, node)


def _join(separator: str, *parts: str | None) -> str:
    return separator.join([part for part in parts if part is not None])


def _concat_ws(
    scope: Scope, parts: list[Term], node: exp.Expression, printed: Callable[[Scope, Term], Term] = as_text
) -> Term:
    separator, *rest = (printed(scope, term) for term in parts)
    join = scope.bind(_join)
    listed = ", ".join(term.source for term in rest)
    name = scope.temporary()
    source = f"(None if ({name} := {separator.source}) is None else {join}({name}, {listed}))"
    return Term(source, text_like(rest), separator.nullable, node)


register("P", "CONCAT", "any...", _postgres_concat)
register("M", "CONCAT", "any...", _mysql_concat)
register("P", "CONCAT_WS", "text, any...", partial(_concat_ws, printed=_printed))
register("M", "CONCAT_WS", "text, any...", _concat_ws)
