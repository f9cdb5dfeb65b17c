"""Other kinds as JSON and back: the documented forms, each of which can be read again.

Arrays, ranges, hstore and composites have the forms of their modules; a set is an array of labels. Inside them
integers and finite decimals are JSON numbers, booleans are true and false, JSON stays JSON, and all else is a string of
canonical text. A decimal in a JSON number keeps its digits.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from cdc_agent.conversions.arrays import array_reader, array_writer
from cdc_agent.conversions.base import Code, Context, Maker, Way, misfit, then, way
from cdc_agent.conversions.json_values import Number, Read, Write, dump_json, json_string, json_to_json, no_constant
from cdc_agent.conversions.ranges import range_reader, range_writer
from cdc_agent.conversions.records import composite_reader, composite_writer, hstore_json, hstore_text
from cdc_agent.model.values import Kind, Type

_JSON_NUMBER: Final = re.compile(rb"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")


# --- to JSON ---------------------------------------------------------------------------------------------------------


def _json_writer(type_: Type) -> Write:
    """Canonical text of a type → JSON."""
    match type_.kind:
        case Kind.BOOL:
            return lambda text: b"true" if text == b"t" else b"false"
        case Kind.INTEGER | Kind.DECIMAL | Kind.FLOAT | Kind.YEAR:
            return lambda text: text if _JSON_NUMBER.fullmatch(text) else json_string(text)
        case Kind.JSON:
            return lambda text: text
        case Kind.ARRAY:
            return array_writer(type_, _json_writer)
        case Kind.RANGE:
            return range_writer(type_, _json_writer)
        case Kind.HSTORE:
            return hstore_json
        case Kind.COMPOSITE:
            return composite_writer(type_, _json_writer)
        case _:
            return json_string


def _scalar_to_json(source: Type, target: Type, context: Context) -> Way:
    render = _json_writer(source)
    return way(lambda text: render(text))


def _set_to_json(source: Type, target: Type, context: Context) -> Way:
    def convert(text: bytes) -> bytes:
        return b"[" + b", ".join(map(json_string, text.split(b",") if text else ())) + b"]"

    return way(convert)


def _to_json(source: Type, target: Type, context: Context) -> Way:
    return then(way(_json_writer(source), Code.FORM), json_to_json(Type(Kind.JSON, "json"), target, context))


# --- from JSON -------------------------------------------------------------------------------------------------------


def _json_to(source: Type, target: Type, context: Context) -> Way:
    """The same forms back."""
    read = _json_reader(target)

    def convert(text: bytes) -> bytes | None:
        try:
            value = json.loads(text, parse_int=Number, parse_float=Number, parse_constant=no_constant)
        except (ValueError, RecursionError):
            misfit(Code.FORM, "not JSON")
        try:
            return read(value)
        except (TypeError, KeyError, ValueError, AttributeError):
            misfit(Code.FORM, f"not in the JSON form of {target.native}")

    return way(convert, Code.FORM)


def _json_reader(type_: Type) -> Read:
    """A parsed JSON value → canonical text of a type; None for null."""
    match type_.kind:
        case Kind.ARRAY:
            return array_reader(type_, _json_reader)
        case Kind.RANGE:
            return range_reader(type_, _json_reader)
        case Kind.HSTORE:
            return hstore_text
        case Kind.COMPOSITE:
            return composite_reader(type_, _json_reader)
        case Kind.JSON:
            return lambda value: None if value is None else dump_json(value).encode()
        case Kind.BOOL:
            return _read_bool
        case Kind.INTEGER | Kind.DECIMAL | Kind.FLOAT | Kind.YEAR:
            return _read_number
        case _:
            return _read_string


def _read_bool(value: Any) -> bytes | None:
    if value is None:
        return None
    if value is not True and value is not False:
        raise TypeError
    return b"t" if value else b"f"


def _read_number(value: Any) -> bytes | None:
    if value is None:
        return None
    if not isinstance(value, Number) and value not in ("NaN", "Infinity", "-Infinity"):
        raise TypeError
    return value.encode() if isinstance(value, str) else None


def _read_string(value: Any) -> bytes | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError
    return value.encode()


_TO_JSON: Final = (Kind.ARRAY, Kind.RANGE, Kind.HSTORE, Kind.COMPOSITE)
_SCALARS: Final = (Kind.BOOL, Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT)
MAKERS: Final[dict[tuple[Kind, Kind], Maker]] = {
    (Kind.SET, Kind.JSON): _set_to_json,
    **{(kind, Kind.JSON): _scalar_to_json for kind in _SCALARS},
    **{(kind, Kind.JSON): _to_json for kind in _TO_JSON},
    **{(Kind.JSON, kind): _json_to for kind in _TO_JSON},
    **{(Kind.TEXT, kind): _json_to for kind in _TO_JSON},  # MariaDB's JSON is LONGTEXT in its log
    (Kind.SET, Kind.ARRAY): lambda source, target, context: then(
        _set_to_json(source, target, context), _json_to(source, target, context)
    ),
}
