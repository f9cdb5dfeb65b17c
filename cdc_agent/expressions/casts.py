"""CAST, CONVERT and ``::``, explicit and therefore wider than implicit conversion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from sqlglot import exp

from cdc_agent.conversions.base import Code, Context, misfit
from cdc_agent.conversions.convert import conversion
from cdc_agent.expressions import documents, pyvalues, terms, texts, times
from cdc_agent.expressions.coercion import as_text, literal_as, name_of, to_moment, to_number
from cdc_agent.expressions.dialect import Scope
from cdc_agent.expressions.terms import MOMENTS, TEXTS, Term
from cdc_agent.model.values import Kind, Type

_T = exp.DataType.Type
_INTEGERS: Final = {
    _T.SMALLINT: 16, _T.INT: 32, _T.BIGINT: 64, _T.TINYINT: 8, _T.MEDIUMINT: 24,
}  # fmt: skip
_TEXT: Final = frozenset({_T.TEXT, _T.VARCHAR, _T.CHAR, _T.NCHAR, _T.NVARCHAR, _T.BPCHAR, _T.CHARACTER_SET, _T.NAME})
_FLOATS: Final = {_T.DOUBLE: 64, _T.FLOAT: 32}
_TRUE: Final = frozenset({"t", "true", "y", "yes", "on", "1"})
_FALSE: Final = frozenset({"f", "false", "n", "no", "off", "0"})


def cast(scope: Scope, term: Term, node: exp.Expression) -> Term:
    """CAST(term AS the node's type). Raises ExpressionError for a type that expressions do not have."""
    to = node.args["to"]
    kind = to.this
    sizes = [int(part.name) for part in to.expressions if part.name.isdigit()]
    if term.is_null:
        term = replace(term, untyped=False)
    if kind in _INTEGERS or kind is _T.UBIGINT:
        return _to_integer(scope, term, _INTEGERS.get(kind, 64), kind is _T.UBIGINT, node)
    if kind is _T.DECIMAL:
        return _to_decimal(scope, term, sizes, node)
    if kind in _FLOATS:
        return _to_float(scope, term, _FLOATS[kind], node)
    if kind in _TEXT:
        _check_charset(scope, to, node)
        return _to_text(scope, term, sizes, node)
    other = _OTHERS.get(kind)
    if other is None:
        raise scope.error(f"CAST to {to.sql(dialect=scope.dialect.name)} is not supported in expressions", node)
    return other(scope, term, node)


def refused(scope: Scope, term: Term, to: str, node: exp.Expression) -> Exception:
    """The error of a cast that there is not."""
    return scope.error(f"a {name_of(term.kind)} cannot be cast to {to}", node)


# --- numbers -----------------------------------------------------------------------------------------------------


def _to_integer(scope: Scope, term: Term, bits: int, unsigned: bool, node: exp.Expression) -> Term:
    if term.is_null:
        return scope.constant(None, replace(terms.UNSIGNED if unsigned else terms.BIG, precision=bits), node)
    return scope.dialect.to_integer(scope, scope.dialect.numeric(scope, term), bits, unsigned, node)


def number_of_json(text: str) -> Decimal:
    """A JSON number with its digits; anything else is a misfit."""
    value = documents.parse(text)
    if not isinstance(value, documents.Number):
        misfit(Code.EXPRESSION, "JSON that is no number")
    return Decimal(value)


def _to_decimal(scope: Scope, term: Term, sizes: list[int], node: exp.Expression) -> Term:
    if term.is_null:
        return scope.constant(None, terms.DECIMAL, node)
    number = _any_decimal(scope, scope.dialect.numeric(scope, term), node)
    return scope.dialect.sized_decimal(scope, number, sizes, node)


def _any_decimal(scope: Scope, term: Term, node: exp.Expression) -> Term:
    if term.kind is Kind.FLOAT or term.kind in TEXTS:
        function = scope.dialect.decimal_of(Kind.FLOAT if term.kind is Kind.FLOAT else Kind.TEXT)
        return scope.call(function, [replace(term, untyped=False)], terms.DECIMAL, node)
    if term.kind is Kind.JSON:
        return scope.call(number_of_json, [term], terms.DECIMAL, node)
    return to_number(scope, term, Kind.DECIMAL)


def _to_float(scope: Scope, term: Term, bits: int, node: exp.Expression) -> Term:
    type_ = replace(terms.FLOAT, precision=bits)
    if term.is_null:
        return scope.constant(None, type_, node)
    if bits == 32:
        raise scope.error("CAST to a single-precision float is not supported", node, "use DOUBLE PRECISION")
    read = scope.dialect.float_of_text()
    if term.kind in TEXTS and read is not None:
        return scope.call(read, [replace(term, untyped=False)], type_, node)
    if term.kind is Kind.JSON:
        return scope.call(lambda text: float(number_of_json(text)), [term], type_, node)
    return to_number(scope, replace(term, untyped=term.untyped and not term.is_constant), Kind.FLOAT)


# --- texts, bytes, booleans, JSON, UUIDs ------------------------------------------------------------------------


def _check_charset(scope: Scope, to: exp.Expression, node: exp.Expression) -> None:
    """Another character set than Unicode's may lose characters."""
    named = to.args.get("kind") or to.find(exp.CharacterSet)
    if named is not None and named.name.lower() not in ("utf8mb4", "utf8mb3", "utf8"):
        raise scope.error(f"CONVERT to {named.name} is not supported in expressions", node, "use utf8mb4")


def _to_text(scope: Scope, term: Term, sizes: list[int], node: exp.Expression) -> Term:
    if term.is_null:
        return scope.constant(None, terms.TEXT, node)
    read = scope.dialect.text_of_bytes()
    if term.kind is Kind.BYTES and read is not None:
        return scope.call(read, [term], terms.TEXT, node)
    text = as_text(scope, term)
    if not sizes:
        return text
    limit = scope.constant(sizes[0], terms.SMALL, node)
    return scope.call(texts.left, [text, limit], text.type, node)


def _to_bytes(scope: Scope, term: Term, node: exp.Expression) -> Term:
    if term.kind is Kind.BYTES:
        return term
    if term.is_null:
        return scope.constant(None, terms.BYTES, node)
    return scope.dialect.to_bytes(scope, term, node)


def _to_bool(scope: Scope, term: Term, node: exp.Expression) -> Term:
    if term.is_null:
        return scope.constant(None, terms.BOOL, node)
    if term.kind is Kind.INTEGER:
        return scope.operator("{0} != 0", [term], terms.BOOL, node)
    if term.kind in TEXTS:
        return scope.call(bool_of_text, [replace(term, untyped=False)], terms.BOOL, node)
    if term.kind is Kind.JSON:
        return scope.call(bool_of_text, [term], terms.BOOL, node)
    if term.kind is Kind.BOOL:
        return term
    raise refused(scope, term, "a boolean", node)


def bool_of_text(text: str) -> bool:
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word not in _FALSE:
        misfit(Code.EXPRESSION, "a text that is no boolean")
    return False


def _to_json(scope: Scope, term: Term, node: exp.Expression) -> Term:
    if term.is_null:
        return scope.constant(None, terms.JSON, node)
    if term.kind is Kind.JSON:
        return scope.call(documents.normal, [term], terms.JSON, node)
    if term.kind in TEXTS:
        return scope.call(documents.normal, [replace(term, untyped=False)], terms.JSON, node)
    raise refused(scope, term, "JSON", node)


def _to_uuid(scope: Scope, term: Term, node: exp.Expression) -> Term:
    if term.kind is Kind.UUID:
        return term
    if term.is_null:
        return scope.constant(None, terms.UUID, node)
    convert = conversion(terms.TEXT, terms.UUID, Context()).convert
    assert convert is not None
    return scope.call(lambda text: (convert(text.encode()) or b"").decode(), [as_text(scope, term)], terms.UUID, node)


# --- dates and times ---------------------------------------------------------------------------------------------


def _to_date(scope: Scope, term: Term, node: exp.Expression) -> Term:
    if term.kind in MOMENTS:
        return to_moment(scope, term, terms.DATE)
    if term.is_null:
        return scope.constant(None, terms.DATE, node)
    if term.untyped:
        return _literal_day(scope, term, node)
    if term.kind not in TEXTS:
        raise refused(scope, term, "a date", node)
    return scope.dialect.text_to_day(scope, term, node)


def _literal_day(scope: Scope, term: Term, node: exp.Expression) -> Term:
    text = str(term.constant).strip()
    if len(text) <= 10 or not text[:4].isdigit():
        return literal_as(scope, term, terms.DATE)
    return to_moment(scope, literal_as(scope, term, terms.TIMESTAMP), terms.DATE)


def _to_moment_type(wanted: Type) -> Callable[[Scope, Term, exp.Expression], Term]:
    def make(scope: Scope, term: Term, node: exp.Expression) -> Term:
        type_ = wanted if scope.dialect.keeps_instants else terms.TIMESTAMP
        if term.is_null:
            return scope.constant(None, type_, node)
        if term.kind in MOMENTS:
            moment = to_moment(scope, term, type_)
        elif term.untyped:
            moment = literal_as(scope, term, type_)
        elif term.kind not in TEXTS:
            raise refused(scope, term, name_of(type_.kind), node)
        else:
            moment = scope.dialect.text_to_moment(scope, term, type_, node)
        digits = _fraction_digits(scope, node)
        if digits >= 6 or term.kind is Kind.DATE:
            return moment
        return scope.call(scope.dialect.shortened_moment(digits), [moment], type_, node)

    return make


def _fraction_digits(scope: Scope, node: exp.Expression) -> int:
    """Of the cast's type."""
    sizes = [int(part.name) for part in node.args["to"].expressions if part.name.isdigit()]
    return sizes[0] if sizes else scope.dialect.fraction_digits


def reading(type_: Type) -> Callable[[str], Any]:
    """Text in the ISO form as a value."""
    convert = conversion(terms.TEXT, type_, Context()).convert
    read = pyvalues.reader(type_)
    assert convert is not None

    def cast_text(text: str) -> Any:
        return read(convert(text.encode()) or b"")

    return cast_text


def _to_time(scope: Scope, term: Term, node: exp.Expression) -> Term:
    if term.is_null:
        return scope.constant(None, terms.TIME, node)
    clock = _any_time(scope, term, node)
    digits = _fraction_digits(scope, node)
    if digits >= 6:
        return clock
    return scope.call(scope.dialect.shortened_clock(digits), [clock], terms.TIME, node)


def _any_time(scope: Scope, term: Term, node: exp.Expression) -> Term:
    if term.kind is Kind.TIME:
        return term
    if term.kind in (Kind.TIMESTAMP, Kind.INSTANT):
        return scope.call(times.clock_of, [term], terms.TIME, node)
    if term.kind in TEXTS:
        return scope.call(reading(terms.TIME), [replace(term, untyped=False)], terms.TIME, node)
    raise refused(scope, term, "a time", node)


def _to_interval(scope: Scope, term: Term, node: exp.Expression) -> Term:
    if term.kind is Kind.INTERVAL:
        return term
    if term.untyped:
        return literal_as(scope, term, terms.INTERVAL)
    if term.kind in TEXTS:
        return scope.call(_span_of_text, [term], terms.INTERVAL, node)
    raise refused(scope, term, "an interval", node)


def _span_of_text(text: str) -> Any:
    span = times.parse_span(text)
    return pyvalues.read_interval(text.encode()) if span is None else span


_TO_TIMESTAMP: Final = _to_moment_type(terms.TIMESTAMP)
_TO_INSTANT: Final = _to_moment_type(terms.INSTANT)
_OTHERS: Final[dict[Any, Callable[[Scope, Term, exp.Expression], Term]]] = {
    _T.BOOLEAN: _to_bool,
    _T.VARBINARY: _to_bytes,
    _T.BINARY: _to_bytes,
    _T.JSON: _to_json,
    _T.JSONB: _to_json,
    _T.UUID: _to_uuid,
    _T.DATE: _to_date,
    _T.TIMESTAMP: _TO_TIMESTAMP,
    _T.TIMESTAMPNTZ: _TO_TIMESTAMP,
    _T.DATETIME: _TO_TIMESTAMP,
    _T.TIMESTAMPTZ: _TO_INSTANT,
    _T.TIME: _to_time,
    _T.INTERVAL: _to_interval,
}
