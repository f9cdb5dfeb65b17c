"""What a function accepts: terms turned into the type of a parameter, or an ExpressionError."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from cdc_agent.conversions.texts import CODECS
from cdc_agent.expressions import documents, numbers, terms, texts, times
from cdc_agent.expressions.coercion import as_text, literal_as, name_of, to_moment, to_number, truth
from cdc_agent.expressions.dialect import Scope
from cdc_agent.expressions.terms import MOMENTS, NUMBERS, TEXTS, Term
from cdc_agent.model.values import Kind


def text_value(scope: Scope, term: Term) -> Term:
    return as_text(scope, term)


def integer_value(scope: Scope, term: Term) -> Term:
    if term.kind is Kind.DECIMAL and scope.dialect.converts:
        return scope.call(numbers.integer_of_decimal, [term], terms.BIG, term.node)
    return to_number(scope, term, Kind.INTEGER)


def number_value(scope: Scope, term: Term) -> Term:
    if term.kind in NUMBERS:
        return term
    return to_number(scope, term, Kind.INTEGER if term.kind is Kind.BOOL else Kind.FLOAT)


def float_value(scope: Scope, term: Term) -> Term:
    return to_number(scope, term, Kind.FLOAT)


def decimal_value(scope: Scope, term: Term) -> Term:
    if term.kind is Kind.FLOAT and scope.dialect.converts:
        return scope.call(numbers.mysql_decimal_of_float, [term], terms.DECIMAL, term.node)
    return to_number(scope, term, Kind.DECIMAL)


def moment_value(scope: Scope, term: Term) -> Term:
    """A date or timestamp with its time of day; MySQL reads texts as well."""
    if term.kind in (Kind.TIMESTAMP, Kind.INSTANT):
        return term
    if term.kind is Kind.DATE:
        return to_moment(scope, term, terms.TIMESTAMP)
    if term.untyped and (term.is_null or not scope.dialect.converts):
        return literal_as(scope, term, terms.TIMESTAMP)
    if term.kind in TEXTS and scope.dialect.converts:
        return scope.call(
            times.mysql_moment, [replace(term, untyped=False)], terms.TIMESTAMP, term.node, may_be_null=True
        )
    raise scope.error(f"a {name_of(term.kind)} where a date is needed", term.node, "use CAST")


def date_value(scope: Scope, term: Term) -> Term:
    return to_moment(scope, term if term.kind in MOMENTS else moment_value(scope, term), terms.DATE)


def bytes_value(scope: Scope, term: Term) -> Term:
    """Bytes; of a text the bytes in its column's character set."""
    if term.kind is Kind.BYTES:
        return term
    if not scope.dialect.converts and term.untyped and not term.is_null:
        return scope.constant(texts.bytes_of_text(term.constant), terms.BYTES, term.node)
    if not scope.dialect.converts:
        raise scope.error("text where bytes are needed", term.node, "use CONVERT_TO(text, 'UTF8')")
    return text_bytes(scope, term)


def text_bytes(scope: Scope, term: Term) -> Term:
    codec = CODECS.get(term.type.charset or "", "utf-8")
    encode = str.encode if codec == "utf-8" else (lambda text: text.encode(codec))
    return scope.call(encode, [as_text(scope, term)], terms.BYTES, term.node)


def json_value(scope: Scope, term: Term) -> Term:
    if term.untyped and not scope.dialect.converts:
        return literal_as(scope, term, terms.JSON)
    if term.kind is Kind.JSON or (scope.dialect.converts and term.kind in TEXTS):
        return replace(term, untyped=False)
    raise scope.error(f"a {name_of(term.kind)} where JSON is needed", term.node, "use CAST")


def time_value(scope: Scope, term: Term) -> Term:
    if term.kind is Kind.TIME:
        return term
    return scope.call(times.clock_of, [moment_value(scope, term)], terms.TIME, term.node)


def path_value(scope: Scope, term: Term) -> Term:
    """A constant JSON path of names and indexes, as steps."""
    if not isinstance(term.constant, str):
        raise scope.error("a JSON path must be a constant", term.node)
    steps = documents.steps(term.constant)
    if steps is None:
        raise scope.error("only names and indexes are supported in a JSON path", term.node)
    return scope.constant(steps, terms.JSON, term.node)


def any_value(scope: Scope, term: Term) -> Term:
    return replace(term, untyped=False)


ACCEPT: Final[dict[str, Callable[[Scope, Term], Term]]] = {
    "text": text_value, "integer": integer_value, "number": number_value, "float": float_value,
    "decimal": decimal_value, "moment": moment_value, "date": date_value, "bytes": bytes_value, "json": json_value,
    "time": time_value, "boolean": truth, "path": path_value, "any": any_value,
}  # fmt: skip


def accepted(scope: Scope, parts: Sequence[Term], parameters: tuple[str, ...]) -> list[Term]:
    names = [parameter.rstrip("?.") for parameter in parameters]
    return [ACCEPT[names[min(place, len(names) - 1)]](scope, term) for place, term in enumerate(parts)]
