"""Types among each other: which type operands share, and how a term becomes another type.

What the engines do differently is asked of the scope's `Dialect`. What MySQL would convert in a surprising way (a date
compared with any text, a text as a condition) is refused with a hint instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import reduce
from typing import Any, Final

from sqlglot import exp

from cdc_agent.conversions.base import Context, ImpossibleError, MisfitError
from cdc_agent.conversions.convert import conversion
from cdc_agent.expressions import numbers, pyvalues, terms, times
from cdc_agent.expressions.dialect import Scope
from cdc_agent.expressions.terms import MOMENTS, NUMBERS, TEXTS, Term
from cdc_agent.expressions.texts import bytes_of_text
from cdc_agent.model.values import Kind, Type

_ODD_MOMENT: Final = re.compile(r"-?infinity|\d{4,7}-\d\d-\d\d(?: \d\d:\d\d:\d\d)?(?: BC)?")
RANK: Final = {Kind.BOOL: 0, Kind.YEAR: 1, Kind.INTEGER: 1, Kind.DECIMAL: 2, Kind.FLOAT: 3}
"""Of two kinds of numbers the one of the higher rank holds both."""
NUMBER_TYPES: Final = {Kind.INTEGER: terms.BIG, Kind.DECIMAL: terms.DECIMAL, Kind.FLOAT: terms.FLOAT}
_NAMES: Final = {Kind.BOOL: "boolean", Kind.TEXT: "text", Kind.INSTANT: "timestamp with time zone"}


def name_of(kind: Kind) -> str:
    return _NAMES.get(kind, kind.value)


# --- literals ----------------------------------------------------------------------------------------------------


def literal_as(scope: Scope, term: Term, type_: Type) -> Term:
    """An untyped literal as a value of a type."""
    if term.is_null:
        return scope.constant(None, type_, term.node)
    text: str = term.constant
    if type_.kind in TEXTS or type_.kind is Kind.TEXT:
        return replace(term, untyped=False)
    return scope.constant(_parsed(scope, text, type_, term.node), type_, term.node)


def _parsed(scope: Scope, text: str, type_: Type, node: exp.Expression) -> Any:
    if type_.kind is Kind.BYTES:
        return bytes_of_text(text)
    if type_.kind in MOMENTS and _ODD_MOMENT.fullmatch(text.strip()):
        return pyvalues.reader(type_)(text.strip().encode())
    if type_.kind is Kind.INTERVAL and (span := times.parse_span(text)) is not None:
        return span
    wide = replace(type_, length=None, precision=None if type_.kind is Kind.DECIMAL else type_.precision, scale=None)
    try:
        convert = conversion(terms.TEXT, wide, Context()).convert
        raw = convert(text.encode()) if convert else text.encode()
    except (MisfitError, ImpossibleError) as error:
        raise scope.error(f"{node.sql()} is no {name_of(type_.kind)}: {error}", node) from error
    return None if raw is None else pyvalues.reader(type_)(raw)


# --- conversions -------------------------------------------------------------------------------------------------


def to_type(scope: Scope, term: Term, type_: Type) -> Term:
    """An implicit conversion; an ExpressionError where the engine has none."""
    if term.untyped:
        return literal_as(scope, term, type_)
    kind = type_.kind
    if term.kind is kind:
        return term
    if kind in (Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT):
        return to_number(scope, term, kind)
    if kind is Kind.TEXT:
        return as_text(scope, term)
    if kind in MOMENTS and term.kind in MOMENTS:
        return to_moment(scope, term, type_)
    if kind is Kind.BOOL:
        return truth(scope, term)
    raise scope.error(f"a {name_of(term.kind)} where a {name_of(kind)} is needed", term.node, "use CAST")


def to_number(scope: Scope, term: Term, kind: Kind) -> Term:
    """Upwards from integer over decimal to float; MySQL reads texts as floats."""
    if term.untyped:
        return scope.dialect.literal_number(scope, term, kind)
    term = scope.dialect.numeric(scope, term)
    if term.kind is kind or (kind is Kind.INTEGER and term.kind is Kind.YEAR):
        return term
    found = scope.dialect.as_number(scope, term, kind)
    if found is not None:
        return found
    if term.kind in NUMBERS and RANK[term.kind] < RANK[kind]:
        if term.is_constant:
            value = Decimal(term.constant) if kind is Kind.DECIMAL else float(term.constant)
            return scope.constant(value, terms.DECIMAL if kind is Kind.DECIMAL else terms.FLOAT, term.node)
        if kind is Kind.DECIMAL:
            return scope.call(Decimal, [term], terms.DECIMAL, term.node)
        return scope.call(float, [term], terms.FLOAT, term.node)
    raise scope.error(f"a {name_of(term.kind)} where a number is needed", term.node, "use CAST")


def to_moment(scope: Scope, term: Term, type_: Type) -> Term:
    if term.kind is type_.kind:
        return term
    if type_.kind is Kind.DATE:
        return scope.call(times.day_of, [term], terms.DATE, term.node)
    if term.kind is Kind.DATE:
        return scope.call(times.midnight, [term], type_, term.node)
    return replace(term, type=type_)


def truth(scope: Scope, term: Term) -> Term:
    """A condition."""
    if term.kind is Kind.BOOL:
        return term
    if term.is_null:
        return scope.constant(None, terms.BOOL, term.node)
    found = scope.dialect.condition(scope, scope.dialect.numeric(scope, term))
    if found is not None:
        return found
    hint = "compare it with something; to join texts use CONCAT" if term.kind in TEXTS else "compare it with something"
    raise scope.error(f"a {name_of(term.kind)} is no condition", term.node, hint)


def as_text(scope: Scope, term: Term) -> Term:
    """The engine's text of a value."""
    if term.kind in TEXTS or term.kind not in _PRINTED:
        return (
            replace(term, untyped=False, type=text_like([term]))
            if term.kind is not Kind.BYTES
            else _refuse(scope, term)
        )
    if term.kind is Kind.BOOL:
        printer: Callable[[Any], str] = scope.dialect.print_bool()
    else:
        printer = _PRINTED[term.kind]
    if term.is_null:
        return scope.constant(None, terms.TEXT, term.node)
    if term.is_constant:
        return scope.constant(printer(term.constant), terms.TEXT, term.node)
    return scope.call(printer, [term], terms.TEXT, term.node)


def _refuse(scope: Scope, term: Term) -> Term:
    raise scope.error("bytes where text is needed", term.node, scope.dialect.bytes_hint)


def _printer(render: Callable[[Any], bytes | None]) -> Callable[[Any], str]:
    return lambda value: (render(value) or b"").decode()


_PRINTED: Final[dict[Kind, Callable[[Any], str]]] = {
    Kind.BOOL: str,
    Kind.INTEGER: str,
    Kind.YEAR: "{:04d}".format,
    **{
        kind: _printer(pyvalues.renderer(Type(kind, kind.value)))
        for kind in (
            Kind.DECIMAL, Kind.FLOAT, Kind.DATE, Kind.TIMESTAMP, Kind.INSTANT, Kind.TIME, Kind.INTERVAL,
        )
    },
}  # fmt: skip


def text_like(parts: Sequence[Term]) -> Type:
    """Text in the collation that is written there, else in that of the first column among the parts."""
    for term in sorted(parts, key=lambda term: term.type.native != terms.COLLATED.native):
        if term.kind in TEXTS and term.type.collation:
            explicit = term.type.native == terms.COLLATED.native
            base = terms.COLLATED if explicit else terms.TEXT
            return replace(base, collation=term.type.collation, charset=term.type.charset)
    return terms.TEXT


# --- common types ------------------------------------------------------------------------------------------------


def common_type(scope: Scope, parts: Sequence[Term]) -> Type:
    """The type of CASE, COALESCE, GREATEST … over these; raises ExpressionError where PostgreSQL has none."""
    typed = [term for term in parts if not term.untyped]
    if not typed:
        return terms.NOTHING if all(term.is_null for term in parts) else text_like(parts)
    typed = scope.dialect.decisive(parts, typed)
    return reduce(lambda one, term: _joined(scope, one, term), typed[1:], typed[0].type)


def _joined(scope: Scope, one: Type, term: Term) -> Type:
    other = term.type
    if one.kind is other.kind and one.kind not in (Kind.INTEGER, Kind.TEXT):
        return one if one.native == other.native or one.kind not in (Kind.ENUM, Kind.SET) else terms.TEXT
    if one.kind in TEXTS and other.kind in TEXTS:
        return one if one.collation or not other.collation else other
    if _are_numbers(scope, one.kind, other.kind):
        return _wider(one, other)
    if one.kind in MOMENTS and other.kind in MOMENTS:
        instant = Kind.INSTANT in (one.kind, other.kind) and scope.dialect.keeps_instants
        return terms.INSTANT if instant else terms.TIMESTAMP
    if scope.dialect.common_type is not None:
        return scope.dialect.common_type
    raise scope.error(f"{name_of(one.kind)} and {name_of(other.kind)} have no common type", term.node, "use CAST")


def _are_numbers(scope: Scope, one: Kind, other: Kind) -> bool:
    if one not in RANK or other not in RANK:
        return False
    return scope.dialect.booleans_are_numbers or Kind.BOOL not in (one, other)


def _wider(one: Type, other: Type) -> Type:
    rank = max(RANK[one.kind], RANK[other.kind])
    if rank == RANK[Kind.FLOAT]:
        return terms.FLOAT
    if rank == RANK[Kind.DECIMAL]:
        return terms.DECIMAL
    bits = max(one.precision or 64, other.precision or 64)
    unsigned = one.unsigned and other.unsigned
    return replace(terms.BIG, precision=bits, unsigned=unsigned, native="bigint unsigned" if unsigned else "bigint")


def unify(scope: Scope, parts: Sequence[Term]) -> tuple[list[Term], Type]:
    """The parts as one type."""
    type_ = common_type(scope, parts)
    if type_.native == "null":
        return [replace(term, untyped=False) for term in parts], terms.TEXT
    return [convert_to(scope, term, type_) for term in parts], type_


def convert_to(scope: Scope, term: Term, type_: Type) -> Term:
    if term.is_null:
        return scope.constant(None, type_, term.node)
    if type_.kind in RANK and term.kind in RANK and not term.untyped and RANK[term.kind] == RANK[type_.kind]:
        return term
    return to_type(scope, term, type_)


# --- comparisons -------------------------------------------------------------------------------------------------


def comparable(scope: Scope, a: Term, b: Term) -> tuple[Term, Term]:
    """Two terms in the form in which Python's operators compare them as the engine does."""
    a, b = _same_kind(scope, a, b)
    if a.kind in TEXTS or b.kind in TEXTS:
        return _collated(scope, a, b)
    if not scope.dialect.nan_kinds.isdisjoint((a.kind, b.kind)):
        return _keyed(scope, numbers.order, a), _keyed(scope, numbers.order, b)
    if a.kind is Kind.INTERVAL:
        return scope.operator("{0}.order", [a], terms.BIG, a.node), scope.operator("{0}.order", [b], terms.BIG, b.node)
    return a, b


def _same_kind(scope: Scope, a: Term, b: Term) -> tuple[Term, Term]:
    if a.is_null or b.is_null:
        return a, b
    if a.untyped and b.untyped:
        return replace(a, untyped=False), replace(b, untyped=False)
    if a.untyped or b.untyped:
        return _with_literal(scope, a, b)
    if a.kind is b.kind:
        return a, b
    if a.kind in TEXTS and b.kind in TEXTS:
        return a, b
    if _are_numbers(scope, a.kind, b.kind):
        type_ = _wider(a.type, b.type)
        return convert_to(scope, a, type_), convert_to(scope, b, type_)
    if a.kind in MOMENTS and b.kind in MOMENTS:
        return to_moment(scope, a, terms.TIMESTAMP), to_moment(scope, b, terms.TIMESTAMP)
    pair = scope.dialect.mixed(scope, a, b)
    if pair is None:
        raise scope.error(
            f"a {name_of(a.kind)} cannot be compared with a {name_of(b.kind)}", a.node, "use CAST on one of them"
        )
    return pair


def _with_literal(scope: Scope, a: Term, b: Term) -> tuple[Term, Term]:
    literal, other = (a, b) if a.untyped else (b, a)
    if other.kind not in TEXTS:
        typed, other = scope.dialect.beside_literal(scope, literal, other)
    elif other.type.fixed:
        typed = scope.constant(str(literal.constant).rstrip(" "), terms.TEXT, literal.node)
    else:
        typed = replace(literal, untyped=False)
    return (typed, other) if a.untyped else (other, typed)


def _collated(scope: Scope, a: Term, b: Term) -> tuple[Term, Term]:
    key = scope.dialect.collation_key(text_like([a, b]))
    return (a, b) if key is None else (_keyed(scope, key, a), _keyed(scope, key, b))


def _keyed(scope: Scope, key: Callable[[Any], Any], term: Term) -> Term:
    if term.is_null:
        return term
    if term.is_constant:
        return scope.constant(key(term.constant), term.type, term.node)
    return scope.call(key, [term], term.type, term.node)
