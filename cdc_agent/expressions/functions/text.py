"""Text functions. Importing this registers them."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from typing import Any, Final

from sqlglot import exp

from cdc_agent.conversions.base import Code, misfit
from cdc_agent.expressions import patterns, terms, texts
from cdc_agent.expressions.coercion import as_text, text_like
from cdc_agent.expressions.dialect import Scope
from cdc_agent.expressions.functions import arguments
from cdc_agent.expressions.functions.registry import BOTH, FUNCTIONS, register, strict
from cdc_agent.expressions.terms import TEXTS, Term
from cdc_agent.model.values import Kind

_WORD: Final = re.compile(r"[^\W_]+")


# --- what they compute -----------------------------------------------------------------------------------------------


def substring(text: str, start: int) -> str:
    return text[max(start - 1, 0) :]


def substring_for(text: str, start: int, length: int) -> str:
    if length < 0:
        misfit(Code.EXPRESSION, "negative substring length")
    return text[max(start - 1, 0) : max(start - 1 + length, 0)]


def mysql_substring(text: str, start: int) -> str:
    if start == 0 or -start > len(text):
        return ""
    return text[start - 1 :] if start > 0 else text[start:]


def mysql_substring_for(text: str, start: int, length: int) -> str:
    return mysql_substring(text, start)[: max(length, 0)]


def right(text: str, length: int) -> str:
    if length >= 0:
        return text[max(len(text) - length, 0) :]
    return text[-length:]


def mysql_left(text: str, length: int) -> str:
    return text[: max(length, 0)]


def mysql_right(text: str, length: int) -> str:
    return text[max(len(text) - length, 0) :] if length > 0 else ""


def split_part(text: str, delimiter: str, place: int) -> str:
    if place == 0:
        misfit(Code.EXPRESSION, "SPLIT_PART counts from 1")
    parts = text.split(delimiter) if delimiter else [text]
    index = place - 1 if place > 0 else len(parts) + place
    return parts[index] if 0 <= index < len(parts) else ""


def substring_index(text: str, delimiter: str, count: int) -> str:
    if not delimiter or not count:
        return ""
    parts = text.split(delimiter) if count > 0 else text.rsplit(delimiter, -count)
    if count > 0:
        return delimiter.join(parts[:count])
    return delimiter.join(parts[count:]) if len(parts) > -count else text


def overlay(text: str, new: str, start: int) -> str:
    return overlay_for(text, new, start, len(new))


def overlay_for(text: str, new: str, start: int, length: int) -> str:
    if start <= 0:
        misfit(Code.EXPRESSION, "OVERLAY counts from 1")
    return text[: start - 1] + new + text[max(start - 1 + length, 0) :]


def insert(text: str, start: int, length: int, new: str) -> str:
    if not 1 <= start <= len(text):
        return text
    end = len(text) if length < 0 else start - 1 + length
    return text[: start - 1] + new + text[end:]


def lpad(text: str, length: int, fill: str) -> str:
    if length <= len(text) or not fill:
        return text[: max(length, 0)]
    return _filling(fill, length - len(text)) + text


def rpad(text: str, length: int, fill: str) -> str:
    if length <= len(text) or not fill:
        return text[: max(length, 0)]
    return text + _filling(fill, length - len(text))


def mysql_lpad(text: str, length: int, fill: str) -> str | None:
    if length < 0 or (not fill and length > len(text)):
        return None if length < 0 else ""
    return lpad(text, length, fill)


def mysql_rpad(text: str, length: int, fill: str) -> str | None:
    if length < 0 or (not fill and length > len(text)):
        return None if length < 0 else ""
    return rpad(text, length, fill)


def _filling(fill: str, length: int) -> str:
    return (fill * (length // len(fill) + 1))[:length]


def trim_characters(text: str, characters: str) -> str:
    """PostgreSQL removes any of the characters."""
    return text.strip(characters) if characters else text


def ltrim_characters(text: str, characters: str) -> str:
    return text.lstrip(characters) if characters else text


def rtrim_characters(text: str, characters: str) -> str:
    return text.rstrip(characters) if characters else text


def trim_text(text: str, removed: str) -> str:
    """MySQL removes the text as a whole, as often as it stands there."""
    return rtrim_text(ltrim_text(text, removed), removed)


def ltrim_text(text: str, removed: str) -> str:
    while removed and text.startswith(removed):
        text = text[len(removed) :]
    return text


def rtrim_text(text: str, removed: str) -> str:
    while removed and text.endswith(removed):
        text = text[: -len(removed)]
    return text


def replace(text: str, old: str, new: str) -> str:
    return text.replace(old, new) if old else text


def translate(text: str, old: str, new: str) -> str:
    table: dict[int, str | None] = {}
    for place, char in enumerate(old):
        table.setdefault(ord(char), new[place] if place < len(new) else None)
    return text.translate(table)


def reverse(text: str) -> str:
    return text[::-1]


def repeat(text: str, times: int) -> str:
    if len(text) * max(times, 0) > 1 << 28:
        misfit(Code.EXPRESSION, "REPEAT of more than 256 MB")
    return text * max(times, 0)


def initcap(text: str) -> str:
    return _WORD.sub(lambda match: texts.upper(match[0][0]) + texts.lower(match[0][1:]), text)


def quote_literal(text: str) -> str:
    quoted = text.replace("'", "''")
    return f"'{quoted}'" if "\\" not in text else "E'" + quoted.replace("\\", "\\\\") + "'"


def first_code(text: str) -> int:
    return ord(text[0]) if text else 0


def first_byte(text: bytes) -> int:
    return text[0] if text else 0


def character(code: int) -> str:
    if not 1 <= code <= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        misfit(Code.EXPRESSION, "not a character's code")
    return chr(code)


def to_hex(number: int) -> str:
    return f"{number & 0xFFFFFFFFFFFFFFFF:x}" if number >= 0 or number < -(1 << 31) else f"{number & 0xFFFFFFFF:x}"


def format_number(number: Decimal, digits: int) -> str:
    """FORMAT(n, d) of MySQL in its default locale."""
    rounded = number.quantize(Decimal(1).scaleb(-max(digits, 0)), rounding=ROUND_HALF_UP)
    return f"{rounded if rounded else abs(rounded):,f}"


# --- how they are called ---------------------------------------------------------------------------------------------


strict(BOTH, "UPPER", "text", text_like, texts.upper)
strict(BOTH, "LOWER", "text", text_like, texts.lower)
strict("M", "UCASE", "text", text_like, texts.upper)
strict("M", "LCASE", "text", text_like, texts.lower)
strict("P", "INITCAP", "text", text_like, initcap)
strict(BOTH, "REVERSE", "text", text_like, reverse)
strict(BOTH, "REPEAT", "text, integer", text_like, repeat)
strict(BOTH, "REPLACE", "text, text, text", text_like, replace)
strict("P", "TRANSLATE", "text, text, text", text_like, translate)
strict("P", "LEFT", "text, integer", text_like, texts.left)
strict("P", "RIGHT", "text, integer", text_like, right)
strict("M", "LEFT", "text, integer", text_like, mysql_left)
strict("M", "RIGHT", "text, integer", text_like, mysql_right)
strict("P", "LPAD", "text, integer, text?", text_like, lpad, defaults=(" ",))
strict("P", "RPAD", "text, integer, text?", text_like, rpad, defaults=(" ",))
strict("M", "LPAD", "text, integer, text", text_like, mysql_lpad, null=True)
strict("M", "RPAD", "text, integer, text", text_like, mysql_rpad, null=True)
strict("P", "SPLIT_PART", "text, text, integer", text_like, split_part)
strict("M", "SUBSTRING_INDEX", "text, text, integer", text_like, substring_index)
strict("P", "CHR", "integer", terms.TEXT, character)
strict("P", "ASCII", "text", terms.SMALL, first_code)
strict("M", "ASCII", "bytes", terms.BIG, first_byte)
strict("M", "SPACE", "integer", terms.TEXT, lambda count: " " * max(count, 0))
strict("M", "INSERT", "text, integer, integer, text", text_like, insert)
strict("M", "FORMAT", "decimal, integer", terms.TEXT, format_number)
strict(BOTH, "CHAR_LENGTH CHARACTER_LENGTH", "text", terms.BIG, len)
strict("P", "TO_HEX", "integer", terms.TEXT, to_hex)
strict("P", "QUOTE_LITERAL", "text", terms.TEXT, quote_literal)


def _trimming(engines: str, name: str, method: str, function: Any) -> None:
    def build(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
        given = [as_text(scope, term) for term in parts]
        if len(given) == 1:
            return scope.operator(f"{{0}}.{method}(' ')", given, text_like(given), node)
        return scope.call(function, given, text_like(given), node)

    register(engines, name, "text, text?", build)


_trimming("P", "BTRIM", "strip", trim_characters)
_trimming("P", "LTRIM", "lstrip", ltrim_characters)
_trimming("P", "RTRIM", "rstrip", rtrim_characters)
_trimming("M", "BTRIM", "strip", trim_text)
_trimming("M", "LTRIM", "lstrip", ltrim_text)
_trimming("M", "RTRIM", "rstrip", rtrim_text)
register(BOTH, "TRIM", "text", FUNCTIONS["mysql"]["BTRIM"].build, "[LEADING | TRAILING | BOTH] [text FROM] text")


def _postgres_substring(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    """By places, or by a pattern."""
    if len(parts) == 2 and parts[1].kind in TEXTS:
        given = [as_text(scope, part) for part in parts]
        return scope.call(patterns.postgres_substring, given, text_like(given), node, may_be_null=True)
    return _substring(scope, parts, node, {2: substring, 3: substring_for})


def _mysql_substring(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    return _substring(scope, parts, node, {2: mysql_substring, 3: mysql_substring_for})


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
    function: Callable[..., str] = overlay if len(given) == 3 else overlay_for
    return scope.call(function, given, text_like(given), node)


register("P", "OVERLAY", "text, text, integer, integer?", _overlay)


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
