"""What MySQL's and MariaDB's SQL means where PostgreSQL's means something else.

Types mix: numbers are read out of texts, conditions are numbers, and what cannot be computed is often NULL.
https://dev.mysql.com/doc/refman/8.4/en/type-conversion.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final

from sqlglot import exp

from cdc_agent.expressions import documents, numbers, pyvalues, terms, texts, times
from cdc_agent.expressions.casts import refused
from cdc_agent.expressions.coercion import NUMBER_TYPES, RANK, as_text, literal_as, to_moment, to_number
from cdc_agent.expressions.dialect import Dialect, Scope
from cdc_agent.expressions.terms import NUMBERS, TEXTS, Term
from cdc_agent.model.values import Kind, Type


class MySQL(Dialect):
    """MySQL 8.0 and MariaDB 10.6, and newer."""

    name: ClassVar = "mysql"
    converts: ClassVar = True

    # --- literals and columns

    exponents_are_floats: ClassVar = True
    quoted_names_are_exact: ClassVar = False

    def absent(self, node: exp.Expression) -> str:
        if isinstance(node, exp.Between) and node.args.get("symmetric") is not None:
            return "BETWEEN SYMMETRIC"
        return _ABSENT.get(type(node), "")

    def integer_literal(self, value: int) -> Type:
        return terms.BIG

    def hexadecimal(self, scope: Scope, digits: str, node: exp.Expression) -> Term:
        return scope.constant(bytes.fromhex(digits), terms.BYTES, node)

    def column_type(self, type_: Type) -> Type:
        return terms.UNSIGNED if type_.kind in (Kind.BIT, Kind.YEAR) else type_

    def reader(self, type_: Type) -> Callable[[bytes], Any]:
        return (lambda text: int(text or b"0", 2)) if type_.kind is Kind.BIT else pyvalues.reader(type_)

    # --- implicit conversion

    booleans_are_numbers: ClassVar = True
    condition_type: ClassVar = Type(Kind.INTEGER, "int", precision=8)
    keeps_instants: ClassVar = False
    common_type: ClassVar = terms.TEXT
    count_type: ClassVar = terms.BIG
    bytes_hint: ClassVar = "use HEX(column)"

    def print_bool(self) -> Callable[[bool], str]:
        return _print_digit

    def literal_number(self, scope: Scope, term: Term, kind: Kind) -> Term:
        if term.is_null:
            return literal_as(scope, term, NUMBER_TYPES[kind])
        return scope.constant(texts.mysql_number(term.constant), terms.FLOAT, term.node)

    def numeric(self, scope: Scope, term: Term) -> Term:
        """Of a column of ENUM the label's place, of SET its labels' bits."""
        if term.kind not in _PLACES:
            return term
        if not isinstance(term.node, exp.Column):
            hint = "MySQL takes its place there, MariaDB its label: write the column itself as a number"
            raise scope.error(f"a computed {term.kind.value} as a number", term.node, hint)
        if "" in term.type.labels:
            raise scope.error("an enum with an empty label as a number", term.node, "compare it with its labels")
        return scope.call(_PLACES[term.kind](term.type.labels), [term], terms.UNSIGNED, term.node)

    def as_number(self, scope: Scope, term: Term, kind: Kind) -> Term | None:
        if term.kind is Kind.BOOL:
            return to_number(scope, replace(term, type=terms.BIG), kind)
        if term.kind in TEXTS and kind is Kind.FLOAT:
            return scope.call(texts.mysql_number, [term], terms.FLOAT, term.node)
        return None

    def condition(self, scope: Scope, term: Term) -> Term | None:
        return scope.operator("{0} != 0", [term], terms.BOOL, term.node) if term.kind in NUMBERS else None

    def decisive(self, parts: Sequence[Term], typed: list[Term]) -> list[Term]:
        if any(term.untyped and not term.is_null for term in parts):
            return [term for term in parts if not term.is_null]
        return typed

    # --- comparison

    nan_kinds: ClassVar = frozenset({Kind.FLOAT})

    def beside_literal(self, scope: Scope, literal: Term, other: Term) -> tuple[Term, Term]:
        if other.kind is Kind.JSON:
            raise scope.error("JSON compared with a text", literal.node, "use ->> to compare the text inside")
        if other.kind in RANK:
            return to_number(scope, literal, Kind.FLOAT), to_number(scope, other, Kind.FLOAT)
        if other.kind is Kind.DATE and len(str(literal.constant).strip()) > 10:
            return literal_as(scope, literal, terms.TIMESTAMP), to_moment(scope, other, terms.TIMESTAMP)
        return literal_as(scope, literal, other.type), other

    def mixed(self, scope: Scope, a: Term, b: Term) -> tuple[Term, Term] | None:
        for text, number, swapped in ((a, b, False), (b, a, True)):
            if text.kind in TEXTS and number.kind in RANK:
                pair = to_number(scope, text, Kind.FLOAT), to_number(scope, number, Kind.FLOAT)
                return pair[::-1] if swapped else pair
        return None

    def collation_key(self, type_: Type) -> Callable[[str], str] | None:
        return texts.collation_key(type_)

    def search_key(self, type_: Type, *, any_case: bool = False) -> Callable[[str], str] | None:
        return texts.ignores_case(type_)

    def collate(self, scope: Scope, term: Term, name: str, node: exp.Expression) -> Term:
        return replace(term, type=replace(terms.COLLATED, collation=name.lower()))

    # --- arithmetic

    def beside_number(self, scope: Scope, a: Term, b: Term) -> tuple[Term, Term]:
        return a, b

    def integer_type(self, a: Term, b: Term) -> Type:
        return terms.UNSIGNED if a.type.unsigned or b.type.unsigned else terms.BIG

    def integer_quotient(self, scope: Scope, sign: str, a: Term, b: Term, node: exp.Expression) -> Term:
        if sign == "/":
            pair = [to_number(scope, term, Kind.DECIMAL) for term in (a, b)]
            return scope.call(numbers.mysql_divide, pair, terms.DECIMAL, node, may_be_null=True)
        function = numbers.mysql_remainder_integers if sign == "%" else numbers.mysql_div_integers
        return scope.call(function, [a, b], self.integer_type(a, b), node, may_be_null=True)

    def decimal_quotient(self, scope: Scope, sign: str, a: Term, b: Term, node: exp.Expression) -> Term:
        type_ = terms.BIG if sign == "DIV" else terms.DECIMAL
        return scope.call(_DECIMAL_QUOTIENTS[sign], [a, b], type_, node, may_be_null=True)

    def float_quotient(self, sign: str) -> Callable[[float, float], float | None] | None:
        return {"/": numbers.mysql_divide_floats, "%": numbers.mysql_remainder_floats}.get(sign)

    def float_form(self, scope: Scope, form: str) -> str:
        return f"{scope.bind(numbers.finite)}({form})"

    def bitwise(self, scope: Scope, sign: str, pair: list[Term], node: exp.Expression) -> Term:
        return scope.operator(f"({{0}} {sign} {{1}}) & 0xFFFFFFFFFFFFFFFF", pair, terms.UNSIGNED, node)

    # --- dates and times

    fraction_digits: ClassVar = 0

    def days(self, scope: Scope, sign: str, a: Term, b: Term, node: exp.Expression) -> Term | None:
        return None

    def moment_operand(self, scope: Scope, term: Term, node: exp.Expression) -> Term:
        if term.kind not in TEXTS:
            return term
        return scope.call(times.mysql_moment, [term], terms.TIMESTAMP, node, may_be_null=True)

    def moved_day(self, scope: Scope, day: Term, span: Term, sign: str, node: exp.Expression) -> Term | None:
        if not _whole_days(span):
            return None
        move = times.add_span_to_day if sign == "+" else times.subtract_span_from_day
        return scope.call(times.or_null(move), [day, span], terms.DATE, node, may_be_null=True)

    def moved(
        self, scope: Scope, move: Callable[..., Any], moment: Term, span: Term, type_: Type, node: exp.Expression
    ) -> Term:
        return scope.call(times.or_null(move), [moment, span], type_, node, may_be_null=True)

    def at_zone(self, scope: Scope, moment: Term, zone: Term, node: exp.Expression) -> Term:
        raise scope.error("AT TIME ZONE is not supported for MySQL", node, "use CONVERT_TZ")

    # --- JSON

    timestamps_in_json: ClassVar = True
    text_is_json: ClassVar = True

    def json_at(
        self, scope: Scope, value: Term, path: Sequence[str | int], *, as_text: bool, type_: Type, node: exp.Expression
    ) -> Term:
        function = documents.mysql_extract_text if as_text else documents.mysql_extract
        return scope.call(function, [value, scope.constant(path, terms.JSON, node)], type_, node, may_be_null=True)

    # --- casts

    def to_integer(self, scope: Scope, term: Term, bits: int, unsigned: bool, node: exp.Expression) -> Term:
        type_ = terms.UNSIGNED if unsigned else terms.BIG
        wrap = _wrapped(unsigned)
        if term.kind in (Kind.INTEGER, Kind.BOOL, Kind.YEAR):
            same = term.type.unsigned == unsigned or term.kind is Kind.BOOL
            return replace(term, type=type_) if same else scope.call(wrap, [term], type_, node)
        function = _INTEGERS.get(Kind.TEXT if term.kind in TEXTS else term.kind)
        if function is None:
            raise refused(scope, term, "an integer", node)
        return scope.call(lambda value: wrap(function(value)), [replace(term, untyped=False)], type_, node)

    def sized_decimal(self, scope: Scope, number: Term, sizes: list[int], node: exp.Expression) -> Term:
        precision, scale = (*(sizes or [10]), 0)[:2]
        type_ = Type(Kind.DECIMAL, f"numeric({precision},{scale})", precision=precision, scale=scale)
        return scope.call(numbers.to_scale(precision, scale, clamp=True), [number], type_, node)

    def decimal_of(self, kind: Kind) -> Callable[..., Any]:
        return numbers.mysql_decimal_of_float if kind is Kind.FLOAT else texts.mysql_decimal

    def float_of_text(self) -> Callable[[str], float] | None:
        return None

    def text_of_bytes(self) -> Callable[[bytes], str] | None:
        return texts.utf8

    def to_bytes(self, scope: Scope, term: Term, node: exp.Expression) -> Term:
        return replace(as_text(scope, term), type=replace(terms.COLLATED, collation="binary"))

    def text_to_day(self, scope: Scope, term: Term, node: exp.Expression) -> Term:
        return scope.call(times.mysql_day, [term], terms.DATE, node, may_be_null=True)

    def text_to_moment(self, scope: Scope, term: Term, type_: Type, node: exp.Expression) -> Term:
        return scope.call(times.mysql_moment, [term], type_, node, may_be_null=True)

    def shortened_moment(self, digits: int) -> Callable[[Any], Any]:
        return times.exact_moment(digits)

    def shortened_clock(self, digits: int) -> Callable[[Any], Any]:
        return times.exact_clock(digits)


_ABSENT: Final[dict[type[exp.Expression], str]] = {
    exp.ILike: "ILIKE",
    exp.RegexpILike: "~*",
    exp.NullSafeNEQ: "IS DISTINCT FROM",
}


def _whole_days(span: Term) -> bool:
    """Whether an interval is made of days, months or years: its literal or its unit says so."""
    if span.is_constant:
        return not span.constant.microseconds
    unit = span.node.args.get("unit")
    size = None if unit is None else times.UNITS.get(unit.name.upper())
    return size is not None and not size.microseconds


_DECIMAL_QUOTIENTS: Final[dict[str, Callable[..., Any]]] = {
    "/": numbers.mysql_divide,
    "DIV": numbers.mysql_div,
    "%": numbers.mysql_remainder,
}


def _places(labels: Sequence[str]) -> Callable[[str], int]:
    """From 1; the value for what an ENUM once refused is 0."""
    places = {"": 0, **{label: place for place, label in enumerate(labels, 1)}}
    return places.__getitem__


def _bits(labels: Sequence[str]) -> Callable[[str], int]:
    bits = {"": 0, **{label: 1 << place for place, label in enumerate(labels)}}
    return lambda text: sum([bits[label] for label in text.split(",")])


_PLACES: Final = {Kind.ENUM: _places, Kind.SET: _bits}


# --- what its casts compute ----------------------------------------------------------------------------------------


def _print_digit(value: bool) -> str:
    return "1" if value else "0"


def _wrapped(unsigned: bool) -> Callable[[int], int]:
    """MySQL reads the bits of the other kind of integer."""
    if unsigned:
        return lambda value: value & 0xFFFFFFFFFFFFFFFF
    return lambda value: value - (1 << 64) if value >= 1 << 63 else value


def mysql_integer_of_text(text: str) -> int:
    """The digits that a text starts with, else 0."""
    plain = text.lstrip()
    sign = -1 if plain.startswith("-") else 1
    digits = plain[1:] if plain[:1] in ("+", "-") else plain
    length = next((i for i, char in enumerate(digits) if not "0" <= char <= "9"), len(digits))
    return sign * int(digits[:length] or 0)


def _clock_number(clock: Any) -> int:
    seconds = times.clock_to_seconds(clock)
    size = abs(seconds)
    number = size // 3600 * 10_000 + size // 60 % 60 * 100 + size % 60
    return -number if seconds < 0 else number


_INTEGERS: Final[dict[Kind, Callable[[Any], int]]] = {
    Kind.DECIMAL: numbers.integer_of_decimal,
    Kind.FLOAT: numbers.mysql_integer_of_float,
    Kind.TEXT: mysql_integer_of_text,
    Kind.DATE: lambda day: day.year * 10_000 + day.month * 100 + day.day,
    Kind.TIMESTAMP: lambda m: int(times.exact_moment(0)(m).strftime("%Y%m%d%H%M%S")),
    Kind.INSTANT: lambda m: int(times.exact_moment(0)(m).strftime("%Y%m%d%H%M%S")),
    Kind.TIME: _clock_number,
    Kind.JSON: lambda text: round(float(documents.parse(text))),
}
