"""What PostgreSQL's SQL means where MySQL's means something else.

Types are strict: only untyped literals and numbers mix. https://www.postgresql.org/docs/current/typeconv.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar, Final

from sqlglot import exp

from cdc_agent.conversions.base import Code, Context, MisfitError, misfit
from cdc_agent.conversions.convert import conversion
from cdc_agent.expressions import documents, numbers, pyvalues, terms, texts, times
from cdc_agent.expressions.casts import number_of_json, reading, refused
from cdc_agent.expressions.coercion import NUMBER_TYPES, as_text, literal_as, name_of, to_moment
from cdc_agent.expressions.dialect import Dialect, Scope
from cdc_agent.expressions.terms import MOMENTS, TEXTS, Term
from cdc_agent.model.values import Kind, Type

_SMALL_LIMIT: Final = 1 << 31
_BYTE_ORDER: Final = frozenset({"C", "POSIX", "ucs_basic", "C.utf8"})


class Postgres(Dialect):
    """PostgreSQL 14 and newer."""

    name: ClassVar = "postgres"
    converts: ClassVar = False

    # --- literals and columns

    exponents_are_floats: ClassVar = False
    quoted_names_are_exact: ClassVar = True

    def integer_literal(self, value: int) -> Type:
        return terms.SMALL if value < _SMALL_LIMIT else terms.BIG

    def hexadecimal(self, scope: Scope, digits: str, node: exp.Expression) -> Term:
        raise scope.error("a bit string is not supported in expressions", node)

    def column_type(self, type_: Type) -> Type:
        return type_

    def reader(self, type_: Type) -> Callable[[bytes], Any]:
        return pyvalues.reader(type_)

    # --- implicit conversion

    booleans_are_numbers: ClassVar = False
    condition_type: ClassVar = None
    keeps_instants: ClassVar = True
    common_type: ClassVar = None
    count_type: ClassVar = terms.SMALL
    bytes_hint: ClassVar = "use ENCODE(column, 'hex')"

    def print_bool(self) -> Callable[[bool], str]:
        return _print_word

    def literal_number(self, scope: Scope, term: Term, kind: Kind) -> Term:
        return literal_as(scope, term, NUMBER_TYPES[kind])

    def as_number(self, scope: Scope, term: Term, kind: Kind) -> Term | None:
        return None

    def condition(self, scope: Scope, term: Term) -> Term | None:
        return literal_as(scope, term, terms.BOOL) if term.untyped else None

    def decisive(self, parts: Sequence[Term], typed: list[Term]) -> list[Term]:
        return typed

    # --- comparison

    nan_kinds: ClassVar = frozenset({Kind.DECIMAL, Kind.FLOAT})

    def beside_literal(self, scope: Scope, literal: Term, other: Term) -> tuple[Term, Term]:
        return literal_as(scope, literal, other.type), other

    def mixed(self, scope: Scope, a: Term, b: Term) -> tuple[Term, Term] | None:
        return None

    def collation_key(self, type_: Type) -> Callable[[str], str] | None:
        return None

    def search_key(self, type_: Type, *, any_case: bool = False) -> Callable[[str], str] | None:
        return texts.lower if any_case else None

    def collate(self, scope: Scope, term: Term, name: str, node: exp.Expression) -> Term:
        if name not in _BYTE_ORDER:
            raise scope.error("texts are compared by code points here", node, 'use COLLATE "C"')
        return term

    # --- arithmetic

    def beside_number(self, scope: Scope, a: Term, b: Term) -> tuple[Term, Term]:
        a = literal_as(scope, a, b.type) if a.untyped and not b.untyped else a
        b = literal_as(scope, b, a.type) if b.untyped and not a.untyped else b
        return a, b

    def integer_type(self, a: Term, b: Term) -> Type:
        return replace(terms.BIG, precision=max(a.type.precision or 64, b.type.precision or 64))

    def integer_quotient(self, scope: Scope, sign: str, a: Term, b: Term, node: exp.Expression) -> Term:
        function = numbers.remainder_integers if sign == "%" else numbers.divide_integers
        return scope.call(function, [a, b], self.integer_type(a, b), node)

    def decimal_quotient(self, scope: Scope, sign: str, a: Term, b: Term, node: exp.Expression) -> Term:
        return scope.call(numbers.remainder if sign == "%" else numbers.divide, [a, b], terms.DECIMAL, node)

    def float_quotient(self, sign: str) -> Callable[[float, float], float | None] | None:
        return None

    def float_form(self, scope: Scope, form: str) -> str:
        return form

    def bitwise(self, scope: Scope, sign: str, pair: list[Term], node: exp.Expression) -> Term:
        if sign in ("<<", ">>"):
            raise scope.error(f"{sign} is not supported in expressions", node)
        return scope.operator(f"{{0}} {sign} {{1}}", pair, self.integer_type(*pair), node)

    # --- dates and times

    fraction_digits: ClassVar = 6

    def days(self, scope: Scope, sign: str, a: Term, b: Term, node: exp.Expression) -> Term | None:
        if sign not in ("+", "-"):
            return None
        if a.untyped or b.untyped:
            a, b = (literal_as(scope, t, o.type) if t.untyped else t for t, o in ((a, b), (b, a)))
        if a.kind is Kind.DATE and b.kind is Kind.INTEGER:
            return scope.call(times.add_days if sign == "+" else times.subtract_days, [a, b], terms.DATE, node)
        if b.kind is Kind.DATE and a.kind is Kind.INTEGER and sign == "+":
            return scope.call(times.add_days, [b, a], terms.DATE, node)
        if sign == "-" and a.kind is b.kind is Kind.DATE:
            return scope.call(times.days_between, [a, b], terms.SMALL, node)
        if sign == "-" and a.kind in MOMENTS and b.kind in MOMENTS:
            pair = [to_moment(scope, term, terms.TIMESTAMP) for term in (a, b)]
            return scope.call(times.span_between, pair, terms.INTERVAL, node)
        raise scope.error(f"{sign} between {name_of(a.kind)} and {name_of(b.kind)} is not supported", node)

    def moment_operand(self, scope: Scope, term: Term, node: exp.Expression) -> Term:
        return term

    def moved_day(self, scope: Scope, day: Term, span: Term, sign: str, node: exp.Expression) -> Term | None:
        return None

    def moved(
        self, scope: Scope, move: Callable[..., Any], moment: Term, span: Term, type_: Type, node: exp.Expression
    ) -> Term:
        return scope.call(move, [moment, span], type_, node)

    def at_zone(self, scope: Scope, moment: Term, zone: Term, node: exp.Expression) -> Term:
        if zone.is_constant and zone.constant is not None and times.zone(zone.constant) is None:
            raise scope.error(f"unknown time zone {zone.constant}", node)
        if moment.untyped:
            moment = literal_as(scope, moment, terms.INSTANT)
        if moment.kind is Kind.TIMESTAMP:
            return scope.call(times.local_to_instant, [moment, zone], terms.INSTANT, node)
        if moment.kind in (Kind.INSTANT, Kind.DATE):
            instant = to_moment(scope, moment, terms.INSTANT)
            return scope.call(times.instant_to_local, [instant, zone], terms.TIMESTAMP, node)
        raise scope.error(f"AT TIME ZONE of a {name_of(moment.kind)}", node)

    # --- JSON

    timestamps_in_json: ClassVar = False
    text_is_json: ClassVar = False

    def json_at(
        self, scope: Scope, value: Term, path: Sequence[str | int], *, as_text: bool, type_: Type, node: exp.Expression
    ) -> Term:
        function: Callable[..., Any] = documents.arrow_text if as_text else documents.arrow
        step = scope.constant(path[0], terms.TEXT, node)
        return scope.call(function, [value, step], type_, node, may_be_null=True)

    # --- casts

    def to_integer(self, scope: Scope, term: Term, bits: int, unsigned: bool, node: exp.Expression) -> Term:
        type_ = replace(terms.UNSIGNED if unsigned else terms.BIG, precision=bits)
        check = numbers.in_range(bits, unsigned)
        if term.kind is Kind.INTEGER:
            narrower = (term.type.precision or 64) <= bits
            return replace(term, type=type_) if narrower else scope.call(check, [term], type_, node)
        function = _INTEGERS.get(Kind.TEXT if term.kind in TEXTS else term.kind)
        if function is None:
            raise refused(scope, term, "an integer", node)
        return scope.call(lambda value: check(function(value)), [replace(term, untyped=False)], type_, node)

    def sized_decimal(self, scope: Scope, number: Term, sizes: list[int], node: exp.Expression) -> Term:
        if not sizes:
            return number
        precision, scale = (*sizes, 0)[:2]
        return scope.call(numbers.to_scale(precision, scale, clamp=False), [number], terms.DECIMAL, node)

    def decimal_of(self, kind: Kind) -> Callable[..., Any]:
        return numbers.decimal_of_float if kind is Kind.FLOAT else decimal_of_text

    def float_of_text(self) -> Callable[[str], float] | None:
        return float_of_text

    def text_of_bytes(self) -> Callable[[bytes], str] | None:
        return None

    def to_bytes(self, scope: Scope, term: Term, node: exp.Expression) -> Term:
        return scope.call(texts.bytes_of_text, [as_text(scope, term)], terms.BYTES, node)

    def text_to_day(self, scope: Scope, term: Term, node: exp.Expression) -> Term:
        moment = scope.call(reading(terms.TIMESTAMP), [term], terms.TIMESTAMP, node)
        return to_moment(scope, moment, terms.DATE)

    def text_to_moment(self, scope: Scope, term: Term, type_: Type, node: exp.Expression) -> Term:
        return scope.call(reading(type_), [term], type_, node)

    def shortened_moment(self, digits: int) -> Callable[[Any], Any]:
        return times.rounded_moment(digits)

    def shortened_clock(self, digits: int) -> Callable[[Any], Any]:
        return times.rounded_clock(digits)


# --- what its casts compute ----------------------------------------------------------------------------------------


def _print_word(value: bool) -> str:
    return "true" if value else "false"


def integer_of_text(text: str) -> int:
    plain = text.strip()
    if not plain.lstrip("+-").isdigit() or not plain.isascii():
        misfit(Code.EXPRESSION, "a text that is no integer")
    return int(plain)


_INTEGERS: Final[dict[Kind, Callable[[Any], int]]] = {
    Kind.BOOL: int,
    Kind.DECIMAL: numbers.integer_of_decimal,
    Kind.FLOAT: numbers.integer_of_float,
    Kind.TEXT: integer_of_text,
    Kind.JSON: lambda text: numbers.integer_of_decimal(number_of_json(text)),
    Kind.BIT: lambda text: int(text or "0", 2),
}


def decimal_of_text(text: str) -> Decimal:
    raw = conversion(terms.TEXT, terms.DECIMAL, Context()).convert
    plain = text.strip()
    if plain.lower() in ("nan", "infinity", "-infinity", "inf", "-inf"):
        return Decimal(plain)
    try:
        return Decimal(((raw(text.encode()) if raw else None) or b"").decode())
    except MisfitError:
        misfit(Code.EXPRESSION, "a text that is no number")


def float_of_text(text: str) -> float:
    try:
        if "_" in text:
            raise ValueError
        return float(text)
    except ValueError:
        misfit(Code.EXPRESSION, "a text that is no number")
