"""CAST, CONVERT and ``::``, explicit and therefore wider than implicit conversion, as each engine does them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from sqlglot import exp

from cdc_agent.conversions.base import Code, Context, MisfitError, misfit
from cdc_agent.conversions.convert import conversion
from cdc_agent.expressions import documents, numbers, pyvalues, terms, texts, times
from cdc_agent.expressions.coercion import as_text, literal_as, name_of, to_moment, to_number
from cdc_agent.expressions.terms import MOMENTS, TEXTS, Scope, Term
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
        raise scope.error(f"CAST to {to.sql(dialect=scope.dialect)} is not supported in expressions", node)
    return other(scope, term, node)


def _refused(scope: Scope, term: Term, to: str, node: exp.Expression) -> Exception:
    return scope.error(f"a {name_of(term.kind)} cannot be cast to {to}", node)


# --- numbers -----------------------------------------------------------------------------------------------------


def _to_integer(scope: Scope, term: Term, bits: int, unsigned: bool, node: exp.Expression) -> Term:
    type_ = replace(terms.UNSIGNED if unsigned else terms.BIG, precision=bits)
    if term.is_null:
        return scope.constant(None, type_, node)
    if not scope.is_postgres:
        return _to_mysql_integer(scope, term, unsigned, node)
    check = numbers.in_range(bits, unsigned)
    if term.kind is Kind.INTEGER:
        narrower = (term.type.precision or 64) <= bits
        return replace(term, type=type_) if narrower else scope.call(check, [term], type_, node)
    function = _POSTGRES_INTEGERS.get(Kind.TEXT if term.kind in TEXTS else term.kind)
    if function is None:
        raise _refused(scope, term, "an integer", node)
    return scope.call(lambda value: check(function(value)), [replace(term, untyped=False)], type_, node)


def integer_of_text(text: str) -> int:
    plain = text.strip()
    if not plain.lstrip("+-").isdigit() or not plain.isascii():
        misfit(Code.EXPRESSION, "a text that is no integer")
    return int(plain)


_POSTGRES_INTEGERS: Final[dict[Kind, Callable[[Any], int]]] = {
    Kind.BOOL: int,
    Kind.DECIMAL: numbers.integer_of_decimal,
    Kind.FLOAT: numbers.integer_of_float,
    Kind.TEXT: integer_of_text,
    Kind.JSON: lambda text: numbers.integer_of_decimal(_number_of_json(text)),
    Kind.BIT: lambda text: int(text or "0", 2),
}


def _number_of_json(text: str) -> Decimal:
    value = documents.parse(text)
    if not isinstance(value, documents.Number):
        misfit(Code.EXPRESSION, "JSON that is no number")
    return Decimal(value)


def _to_mysql_integer(scope: Scope, term: Term, unsigned: bool, node: exp.Expression) -> Term:
    type_ = terms.UNSIGNED if unsigned else terms.BIG
    if term.kind in (Kind.INTEGER, Kind.BOOL, Kind.YEAR):
        same = term.type.unsigned == unsigned or term.kind is Kind.BOOL
        return replace(term, type=type_) if same else scope.call(_wrapped(unsigned), [term], type_, node)
    function = _MYSQL_INTEGERS.get(Kind.TEXT if term.kind in TEXTS else term.kind)
    if function is None:
        raise _refused(scope, term, "an integer", node)
    wrap = _wrapped(unsigned)
    return scope.call(lambda value: wrap(function(value)), [replace(term, untyped=False)], type_, node)


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


_MYSQL_INTEGERS: Final[dict[Kind, Callable[[Any], int]]] = {
    Kind.DECIMAL: numbers.integer_of_decimal,
    Kind.FLOAT: numbers.mysql_integer_of_float,
    Kind.TEXT: mysql_integer_of_text,
    Kind.DATE: lambda day: day.year * 10_000 + day.month * 100 + day.day,
    Kind.TIMESTAMP: lambda m: int(times.exact_moment(0)(m).strftime("%Y%m%d%H%M%S")),
    Kind.INSTANT: lambda m: int(times.exact_moment(0)(m).strftime("%Y%m%d%H%M%S")),
    Kind.TIME: _clock_number,
    Kind.JSON: lambda text: round(float(documents.parse(text))),
}


def _to_decimal(scope: Scope, term: Term, sizes: list[int], node: exp.Expression) -> Term:
    if term.is_null:
        return scope.constant(None, terms.DECIMAL, node)
    number = _any_decimal(scope, term, node)
    if not sizes and scope.is_postgres:
        return number
    precision, scale = (*(sizes or [10]), 0)[:2]
    fit = numbers.to_scale(precision, scale, clamp=not scope.is_postgres)
    type_ = Type(Kind.DECIMAL, f"numeric({precision},{scale})", precision=precision, scale=scale)
    if scope.is_postgres:
        type_ = terms.DECIMAL
    return scope.call(fit, [number], type_, node)


def _any_decimal(scope: Scope, term: Term, node: exp.Expression) -> Term:
    if term.kind is Kind.FLOAT:
        function = numbers.decimal_of_float if scope.is_postgres else numbers.mysql_decimal_of_float
        return scope.call(function, [term], terms.DECIMAL, node)
    if term.kind in TEXTS:
        reader = decimal_of_text if scope.is_postgres else texts.mysql_decimal
        return scope.call(reader, [replace(term, untyped=False)], terms.DECIMAL, node)
    if term.kind is Kind.JSON:
        return scope.call(_number_of_json, [term], terms.DECIMAL, node)
    return to_number(scope, term, Kind.DECIMAL)


def decimal_of_text(text: str) -> Decimal:
    raw = conversion(terms.TEXT, terms.DECIMAL, Context()).convert
    plain = text.strip()
    if plain.lower() in ("nan", "infinity", "-infinity", "inf", "-inf"):
        return Decimal(plain)
    try:
        return Decimal(((raw(text.encode()) if raw else None) or b"").decode())
    except MisfitError:
        misfit(Code.EXPRESSION, "a text that is no number")


def _to_float(scope: Scope, term: Term, bits: int, node: exp.Expression) -> Term:
    type_ = replace(terms.FLOAT, precision=bits)
    if term.is_null:
        return scope.constant(None, type_, node)
    if bits == 32:
        raise scope.error("CAST to a single-precision float is not supported", node, "use DOUBLE PRECISION")
    if term.kind in TEXTS and scope.is_postgres:
        return scope.call(float_of_text, [replace(term, untyped=False)], type_, node)
    if term.kind is Kind.JSON:
        return scope.call(lambda text: float(_number_of_json(text)), [term], type_, node)
    return to_number(scope, replace(term, untyped=term.untyped and not term.is_constant), Kind.FLOAT)


def float_of_text(text: str) -> float:
    try:
        if "_" in text:
            raise ValueError
        return float(text)
    except ValueError:
        misfit(Code.EXPRESSION, "a text that is no number")


# --- texts, bytes, booleans, JSON, UUIDs ------------------------------------------------------------------------


def _check_charset(scope: Scope, to: exp.Expression, node: exp.Expression) -> None:
    """Another character set than Unicode's may lose characters."""
    named = to.args.get("kind") or to.find(exp.CharacterSet)
    if named is not None and named.name.lower() not in ("utf8mb4", "utf8mb3", "utf8"):
        raise scope.error(f"CONVERT to {named.name} is not supported in expressions", node, "use utf8mb4")


def _to_text(scope: Scope, term: Term, sizes: list[int], node: exp.Expression) -> Term:
    if term.is_null:
        return scope.constant(None, terms.TEXT, node)
    if term.kind is Kind.BYTES and not scope.is_postgres:
        return scope.call(texts.utf8, [term], terms.TEXT, node)
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
    if scope.is_postgres:
        return scope.call(texts.bytes_of_text, [as_text(scope, term)], terms.BYTES, node)
    return replace(as_text(scope, term), type=replace(terms.COLLATED, collation="binary"))


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
    raise _refused(scope, term, "a boolean", node)


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
    raise _refused(scope, term, "JSON", node)


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
        raise _refused(scope, term, "a date", node)
    if scope.is_postgres:
        moment = scope.call(_reading(terms.TIMESTAMP), [term], terms.TIMESTAMP, node)
        return to_moment(scope, moment, terms.DATE)
    return scope.call(times.mysql_day, [term], terms.DATE, node, may_be_null=True)


def _literal_day(scope: Scope, term: Term, node: exp.Expression) -> Term:
    text = str(term.constant).strip()
    if len(text) <= 10 or not text[:4].isdigit():
        return literal_as(scope, term, terms.DATE)
    return to_moment(scope, literal_as(scope, term, terms.TIMESTAMP), terms.DATE)


def _to_moment_type(postgres: Type, mysql: Type) -> Callable[[Scope, Term, exp.Expression], Term]:
    def make(scope: Scope, term: Term, node: exp.Expression) -> Term:
        type_ = postgres if scope.is_postgres else mysql
        if term.is_null:
            return scope.constant(None, type_, node)
        if term.kind in MOMENTS:
            moment = to_moment(scope, term, type_)
        elif term.untyped:
            moment = literal_as(scope, term, type_)
        elif term.kind not in TEXTS:
            raise _refused(scope, term, name_of(type_.kind), node)
        elif scope.is_postgres:
            moment = scope.call(_reading(type_), [term], type_, node)
        else:
            moment = scope.call(times.mysql_moment, [term], type_, node, may_be_null=True)
        digits = _fraction_digits(scope, node)
        if digits >= 6 or term.kind is Kind.DATE:
            return moment
        shorten = times.rounded_moment(digits) if scope.is_postgres else times.exact_moment(digits)
        return scope.call(shorten, [moment], type_, node)

    return make


def _fraction_digits(scope: Scope, node: exp.Expression) -> int:
    """Of the cast's type: all six in PostgreSQL and none in MySQL, unless it says so."""
    sizes = [int(part.name) for part in node.args["to"].expressions if part.name.isdigit()]
    return sizes[0] if sizes else 6 if scope.is_postgres else 0


def _reading(type_: Type) -> Callable[[str], Any]:
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
    shorten = times.rounded_clock(digits) if scope.is_postgres else times.exact_clock(digits)
    return scope.call(shorten, [clock], terms.TIME, node)


def _any_time(scope: Scope, term: Term, node: exp.Expression) -> Term:
    if term.kind is Kind.TIME:
        return term
    if term.kind in (Kind.TIMESTAMP, Kind.INSTANT):
        return scope.call(times.clock_of, [term], terms.TIME, node)
    if term.kind in TEXTS:
        return scope.call(_reading(terms.TIME), [replace(term, untyped=False)], terms.TIME, node)
    raise _refused(scope, term, "a time", node)


def _to_interval(scope: Scope, term: Term, node: exp.Expression) -> Term:
    if term.kind is Kind.INTERVAL:
        return term
    if term.untyped:
        return literal_as(scope, term, terms.INTERVAL)
    if term.kind in TEXTS:
        return scope.call(_span_of_text, [term], terms.INTERVAL, node)
    raise _refused(scope, term, "an interval", node)


def _span_of_text(text: str) -> Any:
    span = times.parse_span(text)
    return pyvalues.read_interval(text.encode()) if span is None else span


_TO_TIMESTAMP: Final = _to_moment_type(terms.TIMESTAMP, terms.TIMESTAMP)
_TO_INSTANT: Final = _to_moment_type(terms.INSTANT, terms.TIMESTAMP)
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
