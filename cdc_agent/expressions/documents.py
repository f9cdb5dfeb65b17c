"""JSON functions. A JSON value is its text; it is parsed where a function looks inside. Arguments are never None.

Numbers keep their digits. Text is written as jsonb and MySQL's JSON print it, with keys in their order (by length,
then by bytes).

https://www.postgresql.org/docs/current/functions-json.html,
https://dev.mysql.com/doc/refman/8.4/en/json-functions.html
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any, Final

from cdc_agent.conversions.base import Code, misfit

Step = str | int

_TYPES: Final = {dict: "object", list: "array", bool: "boolean", type(None): "null", str: "string"}


class Number(str):
    """A JSON number with its digits as they stand."""

    __slots__ = ()


class _Absent:
    """What a path does not lead to, as against a JSON null."""


ABSENT: Final = _Absent()


@lru_cache(maxsize=1024)
def parse(text: str) -> Any:
    """Parsed JSON, shared: never change it. A misfit when it is none."""
    try:
        return json.loads(text, parse_int=Number, parse_float=Number)
    except (ValueError, RecursionError):
        misfit(Code.EXPRESSION, "not JSON")


def dump(value: Any) -> str:
    """JSON text in the engines' own spacing."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(key)}: {dump(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join([dump(item) for item in value]) + "]"
    return _quoted(value)


def _quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def sorted_dump(value: Any) -> str:
    """Keys ordered as jsonb and MySQL order them, the last of equal keys kept."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
        return "{" + ", ".join(f"{_quoted(key)}: {sorted_dump(value[key])}" for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ", ".join([sorted_dump(item) for item in value]) + "]"
    return dump(value)


def find(value: Any, path: tuple[Step, ...]) -> Any:
    """What a path leads to, or ABSENT."""
    for step in path:
        if isinstance(step, str) and isinstance(value, dict):
            value = value.get(step, ABSENT)
        elif isinstance(value, list) and _index(step) is not None:
            value = _item(value, _index(step))
        elif step == 0 and isinstance(step, int) and not isinstance(value, list | dict | _Absent):
            continue
        else:
            return ABSENT
    return value


def _index(step: Step) -> int | None:
    if isinstance(step, int):
        return step
    return int(step) if step.lstrip("-").isdigit() else None


def _item(items: list[Any], index: int | None) -> Any:
    if index is None or not -len(items) <= index < len(items):
        return ABSENT
    return items[index]


def strictly(value: Any, path: tuple[Step, ...]) -> Any:
    """PostgreSQL's steps: a scalar has no element 0, an array no element by name."""
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step, ABSENT)
        elif isinstance(value, list) and isinstance(step, int):
            value = _item(value, step)
        else:
            return ABSENT
    return value


def arrow(text: str, step: Step) -> str | None:
    found = strictly(parse(text), (step,))
    return None if found is ABSENT else dump(found)


def arrow_text(text: str, step: Step) -> str | None:
    return _as_text(strictly(parse(text), (step,)))


def at_path(text: str, path: tuple[Step, ...]) -> str | None:
    found = find(parse(text), path)
    return None if found is ABSENT else dump(found)


def at_path_text(text: str, path: tuple[Step, ...]) -> str | None:
    return _as_text(find(parse(text), path))


def _as_text(found: Any) -> str | None:
    if found is ABSENT or found is None:
        return None
    return str(found) if isinstance(found, str) else dump(found)


def mysql_extract(text: str, path: tuple[Step, ...]) -> str | None:
    return at_path(text, path)


def mysql_extract_text(text: str, path: tuple[Step, ...]) -> str | None:
    """``->>``: a JSON null is the text null."""
    found = find(parse(text), path)
    if found is ABSENT:
        return None
    return str(found) if isinstance(found, str) else dump(found)


def json_value(text: str, path: tuple[Step, ...]) -> str | None:
    """JSON_VALUE: a scalar as text, NULL for JSON null, for objects and for arrays."""
    found = find(parse(text), path)
    if found is ABSENT or found is None or isinstance(found, dict | list):
        return None
    return str(found) if isinstance(found, str) else dump(found)


def unquote(text: str) -> str:
    """JSON_UNQUOTE of a text."""
    if len(text) >= 2 and text[0] == text[-1] == '"':
        value = parse(text)
        return str(value)
    return text


def quote(text: str) -> str:
    return _quoted(text)


def valid(text: str) -> bool:
    try:
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(name: str) -> None:
    raise ValueError(name)


def type_of(text: str) -> str:
    value = parse(text)
    return "number" if isinstance(value, Number) else _TYPES[type(value)]


def mysql_type_of(text: str) -> str:
    value = parse(text)
    if isinstance(value, Number):
        return "DOUBLE" if any(char in value for char in ".eE") else "INTEGER"
    return _TYPES[type(value)].upper()


def array_length(text: str) -> int:
    value = parse(text)
    if not isinstance(value, list):
        misfit(Code.EXPRESSION, "not a JSON array")
    return len(value)


def length(text: str) -> int:
    value = parse(text)
    return len(value) if isinstance(value, dict | list) else 1


def length_at(text: str, path: tuple[Step, ...]) -> int | None:
    found = find(parse(text), path)
    if found is ABSENT:
        return None
    return len(found) if isinstance(found, dict | list) else 1


def has_key(text: str, key: str) -> bool:
    value = parse(text)
    if isinstance(value, list):
        return any(item == key and not isinstance(item, Number) for item in value)
    return key in value if isinstance(value, dict) else False


def contains(text: str, part: str) -> bool:
    """``@>``"""
    return _contains(parse(text), parse(part), top=True)


def _contains(whole: Any, part: Any, *, top: bool = False) -> bool:
    if isinstance(whole, dict) and isinstance(part, dict):
        return all(key in whole and _contains(whole[key], item) for key, item in part.items())
    if isinstance(whole, list) and isinstance(part, list):
        return all(any(_contains(one, item) for one in whole) for item in part)
    if top and isinstance(whole, list) and not isinstance(part, dict):
        return any(_equal(one, part) for one in whole)
    return _equal(whole, part)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, Number) and isinstance(other, Number):
        return float(one) == float(other)
    return type(one) is type(other) and bool(one == other)


# --- making ------------------------------------------------------------------------------------------------------


def make_object(*parts: str | None) -> str:
    """Keys as text and values as JSON, in turn; sorted, as jsonb_build_object and JSON_OBJECT print."""
    pairs: dict[str, str] = {}
    for key, value in zip(parts[::2], parts[1::2], strict=True):
        if key is None:
            misfit(Code.EXPRESSION, "a JSON key must not be NULL")
        pairs[key] = "null" if value is None else value
    keys = sorted(pairs, key=lambda key: (len(key.encode()), key.encode()))
    return "{" + ", ".join(f"{_quoted(key)}: {pairs[key]}" for key in keys) + "}"


def make_plain_object(*parts: str | None) -> str:
    """json_build_object: in the order given, with PostgreSQL's space before the colon."""
    if None in parts[::2]:
        misfit(Code.EXPRESSION, "a JSON key must not be NULL")
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return "{" + ", ".join(f"{_quoted(key)} : {'null' if value is None else value}" for key, value in pairs) + "}"


def make_array(*items: str | None) -> str:
    return "[" + ", ".join(["null" if item is None else item for item in items]) + "]"


def normal(text: str) -> str:
    """A JSON text as jsonb prints it."""
    return sorted_dump(parse(text))


def steps(path: str) -> tuple[Step, ...] | None:
    """A MySQL path ``$.a[0]."b c"`` as its steps; None for wildcards, ranges and what is no path."""
    plain = path.strip()
    if not plain.startswith("$"):
        return None
    found: list[Step] = []
    place = 1
    while place < len(plain):
        match = _STEP.match(plain, place)
        if match is None:
            return None
        name, quoted, index = match.groups()
        found.append(int(index) if index is not None else name if name is not None else str(json.loads(quoted)))
        place = match.end()
    return tuple(found)


_STEP: Final = re.compile(r"\s*(?:\.\s*(?:([^\W\d][\w$]*)|(\"(?:[^\"\\]|\\.)*\"))|\[\s*(\d+)\s*\])\s*")
