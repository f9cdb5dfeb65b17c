"""The functions that expressions may call, by engine: their signatures, and what each compiles to.

docs/mapping.md lists them from here. A parameter is written ``text``, ``text?`` (may be left out) or ``text...`` (any
number). All functions are strict unless they say otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from sqlglot import exp

from cdc_agent.mapping.conversions.texts import CODECS
from cdc_agent.mapping.sql import documents, formats, numbers, patterns, terms, texts, times
from cdc_agent.mapping.sql.coercion import (
    as_text,
    comparable,
    literal_as,
    name_of,
    text_like,
    to_moment,
    to_number,
    truth,
    unify,
)
from cdc_agent.mapping.sql.terms import MOMENTS, MYSQL, NUMBERS, POSTGRES, TEXTS, Scope, Term
from cdc_agent.values import Kind, Type

Build = Callable[[Scope, list[Term], exp.Expression], Term]
_ANY_NUMBER: Final = 1_000


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    parameters: tuple[str, ...]
    build: Build
    grammar: str = ""
    """How it is written when its arguments are not simply listed."""

    @property
    def signature(self) -> str:
        return f"{self.name}({self.grammar or ', '.join(self.parameters)})"

    @property
    def least(self) -> int:
        return sum(not parameter.endswith(("?", "...")) for parameter in self.parameters)

    @property
    def most(self) -> int:
        return _ANY_NUMBER if any(p.endswith("...") for p in self.parameters) else len(self.parameters)


FUNCTIONS: Final[dict[str, dict[str, Function]]] = {POSTGRES: {}, MYSQL: {}}
"""dialect → upper-case name → function"""
VOLATILE: Final = frozenset(
    {
        "NOW", "CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME", "LOCALTIME", "LOCALTIMESTAMP", "CURDATE", "CURTIME",
        "SYSDATE", "UTC_DATE", "UTC_TIME", "UTC_TIMESTAMP", "CLOCK_TIMESTAMP", "STATEMENT_TIMESTAMP", "TIMEOFDAY",
        "TRANSACTION_TIMESTAMP", "RANDOM", "RAND", "SETSEED", "UUID", "UUID_SHORT", "GEN_RANDOM_UUID", "UUIDV4",
        "UUIDV7", "GEN_RANDOM_BYTES", "RANDOM_BYTES", "NEXTVAL", "CURRVAL", "LASTVAL", "LAST_INSERT_ID", "USER",
        "CURRENT_USER", "SESSION_USER", "CONNECTION_ID", "DATABASE", "SCHEMA", "VERSION", "TXID_CURRENT", "SLEEP",
        "PG_SLEEP", "BENCHMARK", "GET_LOCK", "ROW_COUNT", "FOUND_ROWS",
    }
)  # fmt: skip
"""Functions whose result is not a matter of the row."""

# --- arguments ---------------------------------------------------------------------------------------------------


def _text(scope: Scope, term: Term) -> Term:
    return as_text(scope, term)


def _integer(scope: Scope, term: Term) -> Term:
    if term.kind is Kind.DECIMAL and not scope.is_postgres:
        return scope.call(numbers.integer_of_decimal, [term], terms.BIG, term.node)
    return to_number(scope, term, Kind.INTEGER)


def _number(scope: Scope, term: Term) -> Term:
    if term.kind in NUMBERS:
        return term
    return to_number(scope, term, Kind.INTEGER if term.kind is Kind.BOOL else Kind.FLOAT)


def _float(scope: Scope, term: Term) -> Term:
    return to_number(scope, term, Kind.FLOAT)


def _decimal(scope: Scope, term: Term) -> Term:
    if term.kind is Kind.FLOAT and not scope.is_postgres:
        return scope.call(numbers.mysql_decimal_of_float, [term], terms.DECIMAL, term.node)
    return to_number(scope, term, Kind.DECIMAL)


def _moment(scope: Scope, term: Term) -> Term:
    """A date or timestamp with its time of day; MySQL reads texts as well."""
    if term.kind in (Kind.TIMESTAMP, Kind.INSTANT):
        return term
    if term.kind is Kind.DATE:
        return to_moment(scope, term, terms.TIMESTAMP)
    if term.untyped and (term.is_null or scope.is_postgres):
        return literal_as(scope, term, terms.TIMESTAMP)
    if term.kind in TEXTS and not scope.is_postgres:
        return scope.call(
            times.mysql_moment, [replace(term, untyped=False)], terms.TIMESTAMP, term.node, may_be_null=True
        )
    raise scope.error(f"a {name_of(term.kind)} where a date is needed", term.node, "use CAST")


def _date(scope: Scope, term: Term) -> Term:
    return to_moment(scope, term if term.kind in MOMENTS else _moment(scope, term), terms.DATE)


def _bytes(scope: Scope, term: Term) -> Term:
    """Bytes; of a text the bytes in its column's character set."""
    if term.kind is Kind.BYTES:
        return term
    if scope.is_postgres and term.untyped and not term.is_null:
        return scope.constant(texts.bytes_of_text(term.constant), terms.BYTES, term.node)
    if scope.is_postgres:
        raise scope.error("text where bytes are needed", term.node, "use CONVERT_TO(text, 'UTF8')")
    return text_bytes(scope, term)


def text_bytes(scope: Scope, term: Term) -> Term:
    codec = CODECS.get(term.type.charset or "", "utf-8")
    encode = str.encode if codec == "utf-8" else (lambda text: text.encode(codec))
    return scope.call(encode, [as_text(scope, term)], terms.BYTES, term.node)


def _json(scope: Scope, term: Term) -> Term:
    if term.untyped and scope.is_postgres:
        return literal_as(scope, term, terms.JSON)
    if term.kind is Kind.JSON or (not scope.is_postgres and term.kind in TEXTS):
        return replace(term, untyped=False)
    raise scope.error(f"a {name_of(term.kind)} where JSON is needed", term.node, "use CAST")


def _time(scope: Scope, term: Term) -> Term:
    if term.kind is Kind.TIME:
        return term
    return scope.call(times.clock_of, [_moment(scope, term)], terms.TIME, term.node)


def _path(scope: Scope, term: Term) -> Term:
    """A constant JSON path of names and indexes, as steps."""
    if not isinstance(term.constant, str):
        raise scope.error("a JSON path must be a constant", term.node)
    steps = documents.steps(term.constant)
    if steps is None:
        raise scope.error("only names and indexes are supported in a JSON path", term.node)
    return scope.constant(steps, terms.JSON, term.node)


def _any(scope: Scope, term: Term) -> Term:
    return replace(term, untyped=False)


_ACCEPT: Final[dict[str, Callable[[Scope, Term], Term]]] = {
    "text": _text, "integer": _integer, "number": _number, "float": _float, "decimal": _decimal, "moment": _moment,
    "date": _date, "bytes": _bytes, "json": _json, "time": _time, "boolean": truth, "path": _path, "any": _any,
}  # fmt: skip


def _accepted(scope: Scope, parts: Sequence[Term], parameters: tuple[str, ...]) -> list[Term]:
    names = [parameter.rstrip("?.") for parameter in parameters]
    return [_ACCEPT[names[min(place, len(names) - 1)]](scope, term) for place, term in enumerate(parts)]


# --- definitions -------------------------------------------------------------------------------------------------

Result = "Type | Callable[[list[Term]], Type]"


def _split(parameters: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in parameters.split(",") if part.strip())


def _register(engines: str, names: str, parameters: str, build: Build, grammar: str = "") -> None:
    for engine, letter in ((POSTGRES, "P"), (MYSQL, "M")):
        if letter in engines:
            for name in names.split():
                FUNCTIONS[engine][name] = Function(name, _split(parameters), build, grammar)


def _strict(
    engines: str,
    names: str,
    parameters: str,
    result: Any,
    function: Callable[..., Any],
    *,
    null: bool = False,
    defaults: tuple[Any, ...] = (),
) -> None:
    """A function that is NULL for NULL; `null` when it can return NULL itself; `defaults` of optional parameters."""
    wanted = _split(parameters)

    def build(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
        missing = len(wanted) - len(parts) if defaults else 0
        filled = (
            [*parts, *(scope.constant(value, terms.TEXT, node) for value in defaults[len(defaults) - missing :])]
            if missing
            else parts
        )
        given = [
            term if place >= len(parts) else _ACCEPT[wanted[min(place, len(wanted) - 1)].rstrip("?.")](scope, term)
            for place, term in enumerate(filled)
        ]
        type_ = result(given) if callable(result) else result
        return scope.call(function, given, type_, node, may_be_null=null)

    _register(engines, names, parameters, build)


def _by_kind(engines: str, names: str, parameters: str, choices: dict[Kind, tuple[Any, Any]]) -> None:
    """A strict function of a number first, chosen by the number's kind."""
    wanted = _split(parameters)

    def build(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
        given = _accepted(scope, parts, wanted)
        kind = Kind.INTEGER if given[0].kind is Kind.YEAR else given[0].kind
        choice = choices.get(kind)
        if choice is None:
            raise scope.error(
                f"{names.split()[0]} of a {name_of(kind)} with {len(parts)} arguments is not supported",
                node,
                "CAST to another numeric type",
            )
        function, type_ = choice
        if function is None:
            return replace(given[0], node=node)
        return scope.call(function, given, type_ or given[0].type, node)

    _register(engines, names, parameters, build)


def _overloaded(engines: str, names: str, parameters: str, choose: Build) -> None:
    _register(engines, names, parameters, choose)


_BOTH: Final = "PM"

# --- text --------------------------------------------------------------------------------------------------------

_strict(_BOTH, "UPPER", "text", text_like, texts.upper)
_strict(_BOTH, "LOWER", "text", text_like, texts.lower)
_strict("M", "UCASE", "text", text_like, texts.upper)
_strict("M", "LCASE", "text", text_like, texts.lower)
_strict("P", "INITCAP", "text", text_like, texts.initcap)
_strict(_BOTH, "REVERSE", "text", text_like, texts.reverse)
_strict(_BOTH, "REPEAT", "text, integer", text_like, texts.repeat)
_strict(_BOTH, "REPLACE", "text, text, text", text_like, texts.replace)
_strict("P", "TRANSLATE", "text, text, text", text_like, texts.translate)
_strict("P", "LEFT", "text, integer", text_like, texts.left)
_strict("P", "RIGHT", "text, integer", text_like, texts.right)
_strict("M", "LEFT", "text, integer", text_like, texts.mysql_left)
_strict("M", "RIGHT", "text, integer", text_like, texts.mysql_right)
_strict("P", "LPAD", "text, integer, text?", text_like, texts.lpad, defaults=(" ",))
_strict("P", "RPAD", "text, integer, text?", text_like, texts.rpad, defaults=(" ",))
_strict("M", "LPAD", "text, integer, text", text_like, texts.mysql_lpad, null=True)
_strict("M", "RPAD", "text, integer, text", text_like, texts.mysql_rpad, null=True)
_strict("P", "SPLIT_PART", "text, text, integer", text_like, texts.split_part)
_strict("M", "SUBSTRING_INDEX", "text, text, integer", text_like, texts.substring_index)
_strict("P", "STARTS_WITH", "text, text", terms.BOOL, texts.starts_with)
_strict("P", "CHR", "integer", terms.TEXT, texts.character)
_strict("P", "ASCII", "text", terms.SMALL, texts.first_code)
_strict("M", "ASCII", "bytes", terms.BIG, texts.first_byte)
_strict("M", "SPACE", "integer", terms.TEXT, lambda count: " " * max(count, 0))
_strict("M", "INSERT", "text, integer, integer, text", text_like, texts.insert)
_strict("M", "FORMAT", "decimal, integer", terms.TEXT, texts.format_number)
_strict(_BOTH, "CHAR_LENGTH CHARACTER_LENGTH", "text", terms.BIG, len)
_strict("P", "TO_HEX", "integer", terms.TEXT, texts.to_hex)
_strict("P", "QUOTE_LITERAL", "text", terms.TEXT, texts.quote_literal)


def _trimming(name: str, plain: Any, characters: Any, whole: Any) -> None:
    def build(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
        given = [as_text(scope, term) for term in parts]
        function = plain if len(given) == 1 else characters if scope.is_postgres else whole
        return scope.call(function, given, text_like(given), node)

    _register(_BOTH, name, "text, text?", build)


_trimming("BTRIM", texts.trim, texts.trim_characters, texts.trim_text)
_trimming("LTRIM", texts.ltrim, texts.ltrim_characters, texts.ltrim_text)
_trimming("RTRIM", texts.rtrim, texts.rtrim_characters, texts.rtrim_text)
_register(_BOTH, "TRIM", "text", FUNCTIONS[MYSQL]["BTRIM"].build, "[LEADING | TRAILING | BOTH] [text FROM] text")


def _substring(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    text = as_text(scope, parts[0])
    pattern = scope.is_postgres and len(parts) == 2 and parts[1].kind in TEXTS
    if pattern:
        given = [text, as_text(scope, parts[1])]
        return scope.call(patterns.postgres_substring, given, text_like(given), node, may_be_null=True)
    given = [text, *(_integer(scope, part) for part in parts[1:])]
    postgres, mysql = _SUBSTRINGS[len(given)]
    return scope.call(postgres if scope.is_postgres else mysql, given, text_like(given), node)


_SUBSTRINGS: Final[dict[int, tuple[Callable[..., str], Callable[..., str]]]] = {
    2: (texts.substring, texts.mysql_substring),
    3: (texts.substring_for, texts.mysql_substring_for),
}
_register(_BOTH, "SUBSTRING SUBSTR", "text, integer, integer?", _substring)
_register("M", "MID", "text, integer, integer", _substring)


def _overlay(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    given = [as_text(scope, parts[0]), as_text(scope, parts[1]), *(_integer(scope, part) for part in parts[2:])]
    function: Callable[..., str] = texts.overlay if len(given) == 3 else texts.overlay_for
    return scope.call(function, given, text_like(given), node)


_register("P", "OVERLAY", "text, text, integer, integer?", _overlay)


def _searched(scope: Scope, parts: list[Term]) -> list[Term]:
    """Texts in the form in which MySQL searches them."""
    given = [as_text(scope, term) for term in parts]
    key = None if scope.is_postgres else texts.ignores_case(text_like(given))
    return given if key is None else [scope.call(key, [term], term.type, term.node) for term in given]


def _position(swapped: bool) -> Build:
    def build(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
        found = _searched(scope, parts[:2])
        pair = found[::-1] if swapped else found
        if len(parts) == 3:
            return scope.call(texts.locate, [*pair, _integer(scope, parts[2])], terms.BIG, node)
        return scope.call(texts.position, pair, terms.SMALL if scope.is_postgres else terms.BIG, node)

    return build


_register(_BOTH, "POSITION", "text, text", _position(False), "text IN text")
_register("P", "STRPOS", "text, text", _position(True))
_register("M", "INSTR", "text, text", _position(True))
_register("M", "LOCATE", "text, text, integer?", _position(False))


def _set_function(function: Callable[..., int]) -> Build:
    def build(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
        return scope.call(function, _searched(scope, parts), terms.BIG, node)

    return build


_register("M", "FIND_IN_SET", "text, text", _set_function(texts.find_in_set))
_register("M", "STRCMP", "text, text", _set_function(texts.strcmp))


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
    index = _integer(scope, parts[0])
    choices = [as_text(scope, term) for term in parts[1:]]
    name = scope.temporary()
    source = "None"
    for place, choice in reversed(list(enumerate(choices, 1))):
        source = f"({choice.source} if {name} == {place} else {source})"
    return Term(f"(None if ({name} := {index.source}) is None else {source})", text_like(choices), True, node)


_register("M", "FIELD", "any, any...", _field)
_register("M", "ELT", "integer, text...", _elt)


def _length(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    """Characters in PostgreSQL, bytes in MySQL."""
    if scope.is_postgres and parts[0].kind is not Kind.BYTES:
        return scope.call(len, [as_text(scope, parts[0])], terms.SMALL, node)
    return scope.call(len, [_bytes(scope, parts[0])], terms.BIG, node)


def _octet_length(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    data = parts[0] if parts[0].kind is Kind.BYTES else text_bytes(scope, parts[0])
    return scope.call(len, [data], terms.SMALL if scope.is_postgres else terms.BIG, node)


_register(_BOTH, "LENGTH", "text", _length)
_register(_BOTH, "OCTET_LENGTH", "text", _octet_length)
_strict("M", "BIT_LENGTH", "bytes", terms.BIG, lambda data: 8 * len(data))


def _printed(scope: Scope, term: Term) -> Term:
    """CONCAT prints PostgreSQL's booleans as t and f."""
    if scope.is_postgres and term.kind is Kind.BOOL and not term.is_null:
        return scope.operator("'t' if {0} else 'f'", [term], terms.TEXT, term.node)
    return as_text(scope, term)


def _concat(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    """PostgreSQL leaves NULLs out, in MySQL one makes the whole NULL."""
    given = [_printed(scope, term) for term in parts]
    if not scope.is_postgres:
        return scope.operator(" + ".join(f"{{{i}}}" for i in range(len(given))), given, text_like(given), node)
    joined = " + ".join(f"({term.source} or '')" if term.nullable else term.source for term in given)
    return Term(f"({joined})", text_like(given), False, node)


def _join(separator: str, *parts: str | None) -> str:
    return separator.join([part for part in parts if part is not None])


def _concat_ws(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    separator, *rest = (_printed(scope, term) for term in parts)
    join = scope.bind(_join)
    listed = ", ".join(term.source for term in rest)
    name = scope.temporary()
    source = f"(None if ({name} := {separator.source}) is None else {join}({name}, {listed}))"
    return Term(source, text_like(rest), separator.nullable, node)


_register(_BOTH, "CONCAT", "any...", _concat)
_register(_BOTH, "CONCAT_WS", "text, any...", _concat_ws)

# --- NULL and choice ---------------------------------------------------------------------------------------------


def _coalesce(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    given, type_ = unify(scope, parts)
    source = given[-1].source
    for term in reversed(given[:-1]):
        if not term.nullable:
            source = term.source
            continue
        name = scope.temporary()
        source = f"({name} if ({name} := {term.source}) is not None else {source})"
    return Term(source, type_, all(term.nullable for term in given), node)


def _nullif(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    first, second = parts
    if first.untyped and not first.is_null and not second.untyped:
        first = literal_as(scope, first, second.type)
    a, b = comparable(scope, first, second)
    equal = scope.operator("{0} == {1}", [a, b], terms.BOOL, node)
    result = replace(first, untyped=False)
    return Term(f"(None if {equal.source} else {result.source})", result.type, True, node)


def _if(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    condition = truth(scope, parts[0])
    (yes, no), type_ = unify(scope, parts[1:])
    test = f"{condition.source} is True" if condition.nullable else condition.source
    return Term(f"({yes.source} if {test} else {no.source})", type_, yes.nullable or no.nullable, node)


def _is_null(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    return Term(f"({parts[0].source} is None)", terms.BOOL, False, node)


def _extreme(choose: Callable[..., Any]) -> Build:
    """GREATEST and LEAST: PostgreSQL leaves NULLs out, in MySQL one makes the whole NULL."""

    def build(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
        given, type_ = unify(scope, parts)
        key = _order_key(scope, type_)
        if scope.is_postgres:
            return Term(
                f"{scope.bind(partial(_known, choose, key))}({', '.join(term.source for term in given)})",
                type_,
                all(term.nullable for term in given),
                node,
            )
        return scope.call(partial(choose, key=key), given, type_, node)

    return build


def _known(choose: Callable[..., Any], key: Callable[[Any], Any] | None, *values: Any) -> Any:
    known = [value for value in values if value is not None]
    return choose(known, key=key) if known else None


def _order_key(scope: Scope, type_: Type) -> Callable[[Any], Any] | None:
    if type_.kind in (Kind.DECIMAL, Kind.FLOAT):
        return numbers.order
    if type_.kind is Kind.INTERVAL:
        return lambda span: span.order
    return texts.collation_key(type_) if type_.kind in TEXTS and not scope.is_postgres else None


_register(_BOTH, "COALESCE", "any...", _coalesce)
_register(_BOTH, "NULLIF", "any, any", _nullif)
_register("M", "IFNULL NVL", "any, any", _coalesce)
_register("M", "IF", "boolean, any, any", _if)
_register("M", "ISNULL", "any", _is_null)
_register(_BOTH, "GREATEST", "any, any...", _extreme(max))
_register(_BOTH, "LEAST", "any, any...", _extreme(min))


def _count_nulls(counted: str) -> Build:
    def build(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
        return Term("(" + " + ".join(f"({t.source} {counted} None)" for t in parts) + ")", terms.SMALL, False, node)

    return build


_register("P", "NUM_NULLS", "any...", _count_nulls("is"))
_register("P", "NUM_NONNULLS", "any...", _count_nulls("is not"))

# --- numbers -----------------------------------------------------------------------------------------------------

_by_kind(_BOTH, "ABS", "number", {
    Kind.INTEGER: (abs, None), Kind.DECIMAL: (numbers.absolute, terms.DECIMAL), Kind.FLOAT: (abs, terms.FLOAT),
})  # fmt: skip
_by_kind("P", "CEIL CEILING", "number", {
    Kind.INTEGER: (float, terms.FLOAT), Kind.DECIMAL: (numbers.ceil_decimal, terms.DECIMAL),
    Kind.FLOAT: (numbers.ceil_float, terms.FLOAT),
})  # fmt: skip
_by_kind("P", "FLOOR", "number", {
    Kind.INTEGER: (float, terms.FLOAT), Kind.DECIMAL: (numbers.floor_decimal, terms.DECIMAL),
    Kind.FLOAT: (numbers.floor_float, terms.FLOAT),
})  # fmt: skip
_by_kind("M", "CEIL CEILING", "number", {
    Kind.INTEGER: (None, None), Kind.DECIMAL: (math.ceil, terms.BIG), Kind.FLOAT: (numbers.ceil_float, terms.FLOAT),
})  # fmt: skip
_by_kind("M", "FLOOR", "number", {
    Kind.INTEGER: (None, None), Kind.DECIMAL: (math.floor, terms.BIG), Kind.FLOAT: (numbers.floor_float, terms.FLOAT),
})  # fmt: skip
_by_kind("P", "SIGN", "number", {
    Kind.INTEGER: (lambda n: float(numbers.sign(n)), terms.FLOAT), Kind.DECIMAL: (numbers.sign_decimal, terms.DECIMAL),
    Kind.FLOAT: (numbers.sign_float, terms.FLOAT),
})  # fmt: skip
_by_kind("M", "SIGN", "number", dict.fromkeys((Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT), (numbers.sign, terms.BIG)))
_by_kind("P", "SQRT", "number", {
    Kind.INTEGER: (numbers.square_root, terms.FLOAT), Kind.DECIMAL: (numbers.square_root_decimal, terms.DECIMAL),
    Kind.FLOAT: (numbers.square_root, terms.FLOAT),
})  # fmt: skip
_strict("M", "SQRT", "float", terms.FLOAT, numbers.mysql_square_root, null=True)


def _rounding(scope: Scope, parts: list[Term], node: exp.Expression, choices: dict[str, Any]) -> Term:
    number = _number(scope, parts[0])
    if len(parts) == 1:
        function, type_ = choices[f"{number.kind.value}"]
        return scope.call(function, [number], type_ or number.type, node)
    digits = _integer(scope, parts[1])
    choice = choices.get(f"{number.kind.value} to")
    if choice is None and number.kind is Kind.INTEGER:
        number, choice = to_number(scope, number, Kind.DECIMAL), choices["decimal to"]
    if choice is None:
        raise scope.error(f"a {name_of(number.kind)} cannot be rounded to a number of digits", node, "CAST to NUMERIC")
    return scope.call(choice[0], [number, digits], choice[1] or number.type, node)


_POSTGRES_ROUND: Final[dict[str, Any]] = {
    "integer": (float, terms.FLOAT),
    "decimal": (lambda n: numbers.round_decimal(n, 0), terms.DECIMAL),
    "float": (numbers.round_float, terms.FLOAT),
    "decimal to": (numbers.round_decimal, terms.DECIMAL),
}
_POSTGRES_TRUNC: Final[dict[str, Any]] = {
    "integer": (float, terms.FLOAT),
    "decimal": (lambda n: numbers.truncate_decimal(n, 0), terms.DECIMAL),
    "float": (numbers.truncate_float, terms.FLOAT),
    "decimal to": (numbers.truncate_decimal, terms.DECIMAL),
}
_MYSQL_ROUND: Final[dict[str, Any]] = {
    "integer": (lambda n: n, None),
    "decimal": (lambda n: numbers.round_decimal(n, 0), terms.DECIMAL),
    "float": (numbers.round_float, terms.FLOAT),
    "integer to": (numbers.round_integer, None),
    "decimal to": (numbers.mysql_round, terms.DECIMAL),
    "float to": (numbers.round_float_to, terms.FLOAT),
}
_MYSQL_TRUNCATE: Final[dict[str, Any]] = {
    "integer to": (numbers.truncate_integer, None),
    "decimal to": (numbers.mysql_truncate, terms.DECIMAL),
    "float to": (numbers.truncate_float_to, terms.FLOAT),
}
_register("P", "ROUND", "number, integer?", partial(_rounding, choices=_POSTGRES_ROUND))
_register("P", "TRUNC", "number, integer?", partial(_rounding, choices=_POSTGRES_TRUNC))
_register("M", "ROUND", "number, integer?", partial(_rounding, choices=_MYSQL_ROUND))
_register("M", "TRUNCATE", "number, integer", partial(_rounding, choices=_MYSQL_TRUNCATE))


def _modulo(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    from cdc_agent.mapping.sql.compiler import Compiler

    return Compiler(scope).calculate("%", parts[0], parts[1], node)


def _divide(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    pair = [to_number(scope, term, Kind.DECIMAL) for term in parts]
    whole = scope.call(numbers.divide_whole, pair, terms.DECIMAL, node)
    return whole


def _float_function(engines: str, names: str, function: Callable[..., float], parameters: str = "float") -> None:
    """Of floats only: PostgreSQL has other rules for numeric."""

    def build(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
        if scope.is_postgres and any(term.kind is Kind.DECIMAL for term in parts):
            raise scope.error(f"{names.split()[0]} of numeric is not supported", node, "CAST to DOUBLE PRECISION first")
        return scope.call(function, [to_number(scope, term, Kind.FLOAT) for term in parts], terms.FLOAT, node)

    _register(engines, names, parameters, build)


_register(_BOTH, "MOD", "number, number", _modulo)
_register("P", "DIV", "number, number", _divide)
_float_function("P", "POWER POW", numbers.power, "float, float")
_float_function("P", "EXP", math.exp)
_float_function("P", "LN", math.log)
_float_function("P", "LOG LOG10", math.log10)
_float_function("P", "CBRT", math.cbrt)
_strict("M", "POWER POW", "float, float", terms.FLOAT, numbers.power)
_strict("M", "EXP", "float", terms.FLOAT, math.exp)
_strict("M", "LN", "float", terms.FLOAT, numbers.mysql_logarithm, null=True)
_strict("M", "LOG10", "float", terms.FLOAT, numbers.mysql_logarithm_10, null=True)
_strict("M", "LOG2", "float", terms.FLOAT, numbers.mysql_logarithm_2, null=True)


def _mysql_log(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    given = [to_number(scope, term, Kind.FLOAT) for term in parts]
    function: Callable[..., Any] = numbers.mysql_logarithm if len(given) == 1 else numbers.mysql_logarithm_to
    return scope.call(function, given, terms.FLOAT, node, may_be_null=True)


_register("M", "LOG", "float, float?", _mysql_log)

# --- dates -------------------------------------------------------------------------------------------------------


def _fields(names: str, field: str) -> None:
    _strict("M", names, "moment", terms.BIG, times.MYSQL_FIELDS[field])


for _name in ("YEAR", "MONTH", "QUARTER"):
    _fields(_name, _name)
_fields("DAY DAYOFMONTH", "DAY")


def _clock_field(name: str) -> None:
    def build(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
        if parts[0].kind is Kind.TIME:
            return scope.call(times.CLOCK_FIELDS[name], parts, terms.BIG, node)
        return scope.call(times.MYSQL_FIELDS[name], [_moment(scope, parts[0])], terms.BIG, node)

    _register("M", name, "moment", build)


for _name in ("HOUR", "MINUTE", "SECOND", "MICROSECOND"):
    _clock_field(_name)

_strict("M", "DAYOFWEEK", "moment", terms.BIG, lambda m: m.isoweekday() % 7 + 1)
_strict("M", "WEEKDAY", "moment", terms.BIG, lambda m: m.weekday())
_strict("M", "DAYOFYEAR", "moment", terms.BIG, lambda m: m.timetuple().tm_yday)
_strict("M", "DAYNAME", "moment", terms.TEXT, partial(formats.date_format, template="%W"))
_strict("M", "MONTHNAME", "moment", terms.TEXT, partial(formats.date_format, template="%M"))
_strict("M", "WEEK", "moment, integer?", terms.BIG, times.week, defaults=(0,))
_strict("M", "WEEKOFYEAR", "moment", terms.BIG, partial(times.week, mode=3))
_strict("M", "YEARWEEK", "moment, integer?", terms.BIG, times.year_week, defaults=(0,))
_strict("M", "LAST_DAY", "moment", terms.DATE, times.last_day)
_strict("M", "DATE", "date", terms.DATE, lambda day: day)
_strict("M", "TIME", "time", terms.TIME, lambda clock: clock)
_strict("M", "TIMESTAMP", "moment", terms.TIMESTAMP, lambda moment: moment)
_strict("P", "DATE", "date", terms.DATE, lambda day: day)
_strict("M", "TO_DAYS", "date", terms.BIG, times.to_days)
_strict("M", "DATEDIFF", "date, date", terms.BIG, times.days_between)
_strict("M", "CONVERT_TZ", "moment, text, text", terms.TIMESTAMP, times.convert_zone, null=True)
_strict("M", "MAKEDATE", "integer, integer", terms.DATE, times.mysql_make_date, null=True)
_strict("M", "SEC_TO_TIME", "integer", terms.TIME, times.seconds_to_clock)
_strict("M", "TIME_TO_SEC", "time", terms.BIG, times.clock_to_seconds)
_strict("P", "MAKE_DATE", "integer, integer, integer", terms.DATE, times.make_date)
_strict(
    "P", "MAKE_TIMESTAMP", "integer, integer, integer, integer, integer, float", terms.TIMESTAMP, times.make_timestamp
)


def _formatted(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    """TO_CHAR and DATE_FORMAT; a constant template is compiled now."""
    if scope.is_postgres and (parts[0].kind in NUMBERS or parts[0].kind is Kind.INTERVAL):
        raise scope.error(f"TO_CHAR of a {name_of(parts[0].kind)} is not supported", node, "use ROUND and CAST")
    moment, template = _moment(scope, parts[0]), as_text(scope, parts[1])
    compile_ = formats.compile_to_char if scope.is_postgres else formats.compile_date_format
    if template.is_constant and not template.is_null:
        try:
            return scope.call(compile_(template.constant), [moment], terms.TEXT, node)
        except ValueError as error:
            raise scope.error(f"the pattern {error} is not supported", template.node) from error
    function = formats.to_char if scope.is_postgres else formats.date_format
    return scope.call(function, [moment, template], terms.TEXT, node)


_register("P", "TO_CHAR", "moment, text", _formatted)
_register("M", "DATE_FORMAT", "moment, text", _formatted)


def _constant_template(scope: Scope, term: Term) -> str:
    if not isinstance(term.constant, str):
        raise scope.error("the format must be a constant", term.node)
    return term.constant


def _read_by(scope: Scope, parts: list[Term], node: exp.Expression, *, as_date: bool) -> Term:
    """TO_DATE and TO_TIMESTAMP with a template."""
    template = _constant_template(scope, parts[1])
    try:
        formats.compile_to_timestamp(template)
    except ValueError as error:
        raise scope.error(f"the pattern {error} is not supported", parts[1].node) from error
    function = formats.to_date if as_date else formats.to_timestamp
    given = [as_text(scope, parts[0]), scope.constant(template, terms.TEXT, node)]
    return scope.call(function, given, terms.DATE if as_date else terms.INSTANT, node)


def _to_timestamp(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    if len(parts) == 1:
        return scope.call(times.from_unix_float, [_float(scope, parts[0])], terms.INSTANT, node)
    return _read_by(scope, parts, node, as_date=False)


def _str_to_date(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    try:
        read, with_time = formats.compile_str_to_date(_constant_template(scope, parts[1]))
    except ValueError as error:
        raise scope.error(f"the specifier %{error} is not supported", parts[1].node) from error
    moment = scope.call(read, [as_text(scope, parts[0])], terms.TIMESTAMP, node, may_be_null=True)
    return moment if with_time else to_moment(scope, moment, terms.DATE)


_register("P", "TO_DATE", "text, text", partial(_read_by, as_date=True))
_register("P", "TO_TIMESTAMP", "text, text?", _to_timestamp)
_register("M", "STR_TO_DATE", "text, text", _str_to_date)


def _date_trunc(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    unit = parts[0].constant
    function = times.truncator(unit) if isinstance(unit, str) else None
    if function is None:
        raise scope.error("the unit must be a constant such as 'month'", parts[0].node)
    type_ = terms.TIMESTAMP if parts[1].kind is Kind.TIMESTAMP or parts[1].untyped else terms.INSTANT
    return scope.call(function, [_moment(scope, parts[1])], type_, node)


def _extract(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    """EXTRACT is numeric in PostgreSQL, an integer in MySQL."""
    name = parts[0].constant.upper() if isinstance(parts[0].constant, str) else ""
    name = {"YEARS": "YEAR", "MONTHS": "MONTH", "DAYS": "DAY", "HOURS": "HOUR", "MINUTES": "MINUTE",
            "SECONDS": "SECOND"}.get(name, name)  # fmt: skip
    term = parts[1]
    function: Callable[..., Any] | None
    if term.kind is Kind.TIME:
        function = times.clock_decimal(name) if scope.is_postgres else times.CLOCK_FIELDS.get(name)
    elif term.kind is Kind.INTERVAL:
        function = times.span_field(name)
    else:
        only = times.DATE_FIELDS if term.kind is Kind.DATE and scope.is_postgres else None
        fields: dict[str, Any] = times.POSTGRES_FIELDS if scope.is_postgres else times.MYSQL_FIELDS
        function = fields.get(name) if only is None or name in only else None
        term = _moment(scope, term)
    if function is None:
        raise scope.error(f"{name or 'this'} cannot be extracted from a {name_of(parts[1].kind)}", node)
    return scope.call(function, [term], terms.DECIMAL if scope.is_postgres else terms.BIG, node)


def _date_part(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    return to_number(scope, _extract(scope, parts, node), Kind.FLOAT)


_register("P", "DATE_TRUNC", "text, moment", _date_trunc)
_register(_BOTH, "EXTRACT", "text, moment", _extract, "field FROM moment")
_register("P", "DATE_PART", "text, moment", _date_part)


def _moved(sign: str) -> Build:
    def build(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
        from cdc_agent.mapping.sql.compiler import Compiler

        span = parts[1]
        if span.kind is not Kind.INTERVAL:
            day = scope.constant(times.UNITS["DAY"], terms.INTERVAL, exp.Interval(this=None, unit=exp.var("DAY")))
            source = scope.call(times.times_span, [day, _integer(scope, span)], terms.INTERVAL, day.node)
            span = source
        return Compiler(scope).move(parts[0], span, sign, node)

    return build


def _timestamp_diff(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    function = times.difference(str(parts[0].constant))
    if function is None:
        raise scope.error(f"unknown unit {parts[0].constant}", node)
    return scope.call(function, [_moment(scope, term) for term in parts[1:]], terms.BIG, node)


def _timestamp_add(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    size = times.UNITS.get(str(parts[0].constant))
    if size is None:
        raise scope.error(f"unknown unit {parts[0].constant}", node)
    unit = exp.Interval(this=None, unit=exp.var(str(parts[0].constant)))
    base = scope.constant(size, terms.INTERVAL, unit)
    span = scope.call(times.times_span, [base, _integer(scope, parts[1])], terms.INTERVAL, unit)
    return _moved("+")(scope, [parts[2], span], node)


_register("M", "DATE_ADD ADDDATE", "moment, INTERVAL", _moved("+"))
_register("M", "DATE_SUB SUBDATE", "moment, INTERVAL", _moved("-"))
_register("M", "TIMESTAMPDIFF", "unit, moment, moment", _timestamp_diff)
_register("M", "TIMESTAMPADD", "unit, integer, moment", _timestamp_add)


def _from_unix(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    number = _number(scope, parts[0])
    if number.kind is Kind.INTEGER:
        moment = scope.call(times.mysql_from_unix_integer, [number], terms.TIMESTAMP, node, may_be_null=True)
    else:
        moment = scope.call(times.mysql_from_unix, [_decimal(scope, number)], terms.TIMESTAMP, node, may_be_null=True)
    return moment if len(parts) == 1 else _formatted(scope, [moment, parts[1]], node)


def _unix(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    moment = _moment(scope, parts[0])
    exact = moment.kind in (Kind.TIMESTAMP, Kind.INSTANT) and bool(parts[0].type.precision) and parts[0].kind in MOMENTS
    if exact and parts[0].kind is not Kind.DATE:
        return scope.call(times.unix_decimal, [moment], terms.DECIMAL, node)
    return scope.call(times.unix_seconds, [moment], terms.BIG, node)


_register("M", "FROM_UNIXTIME", "number, text?", _from_unix)
_register("M", "UNIX_TIMESTAMP", "moment", _unix)

# --- regular expressions -----------------------------------------------------------------------------------------


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
        _integer(scope, parts[i]) if len(parts) > i else scope.constant(default, terms.BIG, node)
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


_register(_BOTH, "REGEXP_LIKE", "text, text, text?", _regexp_like)
_register("P", "REGEXP_REPLACE", "text, text, text, text?", _regexp_replace)
_register("M", "REGEXP_REPLACE", "text, text, text, integer?, integer?, text?", _regexp_replace)
_register("P", "REGEXP_SUBSTR", "text, text, integer?, integer?, text?", _regexp_substr)
_register("M", "REGEXP_SUBSTR", "text, text, integer?, integer?, text?", _regexp_substr)
_register("M", "REGEXP_INSTR", "text, text, integer?, integer?", _regexp_instr)

# --- JSON --------------------------------------------------------------------------------------------------------

_UTF8_BIN: Final = replace(terms.TEXT, collation="utf8mb4_bin")


def _as_json(scope: Scope, term: Term) -> Term:
    """A value as JSON text: numbers and booleans bare, JSON as it is, all else a string."""
    if term.is_null or term.kind is Kind.JSON:
        return replace(term, untyped=False, type=terms.JSON)
    if term.kind is Kind.BOOL:
        return scope.operator("'true' if {0} else 'false'", [term], terms.JSON, term.node)
    if term.kind in NUMBERS:
        return replace(as_text(scope, term), type=terms.JSON)
    if term.kind in (Kind.TIMESTAMP, Kind.INSTANT) and scope.is_postgres:
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
        given = [_json(scope, parts[0]), scope.constant(steps, terms.JSON, node)]
        return scope.call(function, given, terms.TEXT if as_text_ else terms.JSON, node, may_be_null=True)

    return build


_register("P", "JSONB_BUILD_OBJECT", "any...", _object(documents.make_object))
_register("P", "JSON_BUILD_OBJECT", "any...", _object(documents.make_plain_object))
_register("P", "JSONB_BUILD_ARRAY JSON_BUILD_ARRAY", "any...", _array)
_register("P", "TO_JSONB TO_JSON", "any", _to_json)
_register("M", "JSON_OBJECT", "any...", _object(documents.make_object))
_register("M", "JSON_ARRAY", "any...", _array)
_strict("P", "JSONB_TYPEOF JSON_TYPEOF", "json", terms.TEXT, documents.type_of)
_strict("P", "JSONB_ARRAY_LENGTH JSON_ARRAY_LENGTH", "json", terms.SMALL, documents.array_length)
_register(
    "P", "JSONB_EXTRACT_PATH JSON_EXTRACT_PATH", "json, text...", _path_function(documents.at_path, as_text_=False)
)
_register(
    "P", "JSONB_EXTRACT_PATH_TEXT JSON_EXTRACT_PATH_TEXT", "json, text...",
    _path_function(documents.at_path_text, as_text_=True),
)  # fmt: skip
_strict("M", "JSON_EXTRACT", "json, path", terms.JSON, documents.mysql_extract, null=True)
_strict("M", "JSON_VALUE", "json, path", _UTF8_BIN, documents.json_value, null=True)
_strict("M", "JSON_UNQUOTE", "json", _UTF8_BIN, documents.unquote)
_strict("M", "JSON_QUOTE", "text", terms.TEXT, documents.quote)
_strict("M", "JSON_VALID", "json", terms.BOOL, documents.valid)
_strict("M", "JSON_TYPE", "json", terms.TEXT, documents.mysql_type_of)


def _json_length(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    given = [_json(scope, parts[0])]
    if len(parts) == 1:
        return scope.call(documents.length, given, terms.BIG, node)
    return scope.call(documents.length_at, [*given, _path(scope, parts[1])], terms.BIG, node, may_be_null=True)


_register("M", "JSON_LENGTH", "json, path?", _json_length)

# --- digests and encodings ---------------------------------------------------------------------------------------


def _md5(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    data = parts[0] if parts[0].kind is Kind.BYTES else text_bytes(scope, parts[0])
    return scope.call(texts.md5, [data], terms.TEXT, node)


def _digest(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    data = parts[0] if parts[0].kind is Kind.BYTES else text_bytes(scope, parts[0])
    return scope.call(texts.digest_by, [data, as_text(scope, parts[1])], terms.BYTES, node)


def _hex(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    if parts[0].kind in NUMBERS:
        return scope.call(texts.hexadecimal_number, [_integer(scope, parts[0])], terms.TEXT, node)
    return scope.call(texts.hexadecimal, [_bytes(scope, parts[0])], terms.TEXT, node)


def _converted(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    """CONVERT_TO and CONVERT_FROM know UTF-8 only."""
    if str(parts[1].constant).replace("-", "").upper() != "UTF8":
        raise scope.error("only the encoding 'UTF8' is supported", node)
    if parts[0].kind is Kind.BYTES:
        return scope.call(texts.utf8, [parts[0]], terms.TEXT, node)
    return text_bytes(scope, parts[0])


_register(_BOTH, "MD5", "text", _md5)
_register("P", "DIGEST", "bytes, text", _digest)
for _bits in ("224", "256", "384", "512"):
    _strict("P", f"SHA{_bits}", "bytes", terms.BYTES, texts.digest(f"sha{_bits}"))
_strict("P", "ENCODE", "bytes, text", terms.TEXT, texts.encode)
_strict("P", "DECODE", "text, text", terms.BYTES, texts.decode)
_register("P", "CONVERT_TO", "text, text", _converted)
_register("P", "CONVERT_FROM", "bytes, text", _converted)
_strict("M", "SHA1 SHA", "bytes", terms.TEXT, texts.sha1)
_strict("M", "SHA2", "bytes, integer", terms.TEXT, texts.sha2, null=True)
_strict("M", "CRC32", "bytes", terms.BIG, texts.crc32)
_register("M", "HEX", "any", _hex)
_strict("M", "UNHEX", "text", terms.BYTES, texts.unhex, null=True)
_strict("M", "TO_BASE64", "bytes", terms.TEXT, texts.base64_lines)
_strict("M", "FROM_BASE64", "text", terms.BYTES, texts.from_base64, null=True)
