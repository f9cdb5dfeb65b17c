"""The step from pgoutput's row messages to changes, compiled into one function for each relation version.

`compile_decoder` writes a Python function in which every column has its own three statements, so that nothing is
looked up for each value; what is out of the ordinary (a message above 64 KiB, a malformed one) goes through
`decode_plainly`, the reference that a property test compares it with. Raises `errors.DecodeError`; never does I/O.

Old rows: a key-only one (``K``) has UNSENT outside the key, where pgoutput sends nulls. A TOAST column that the
update left unchanged takes its value from the old row where the log has it, else it is UNSENT.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cdc_agent.changes import DELETE, INSERT, UPDATE, Change
from cdc_agent.errors import DecodeError
from cdc_agent.sources.postgres.pgoutput import Delete, Insert, Update, parse
from cdc_agent.values import UNSENT, Kind, Row, Type, Value

Decoder = Callable[[Sequence[bytes]], list[Change]]


@dataclass(frozen=True, slots=True)
class Shape:
    """What of a relation the decoder depends on."""

    name: str
    """For error messages."""
    types: tuple[Type, ...]
    key: frozenset[int]
    """Indexes of the columns that an old key holds."""
    full: bool
    """Whether an old row (``O``) is one: not so where a partition's replica identity is less than its root's."""


def needs_trimming(type_: Type) -> bool:
    """Whether the type prints blanks that are no part of its value: char(n)."""
    return type_.fixed and type_.kind is Kind.TEXT


def canonical(value: Value, type_: Type) -> Value:
    """PostgreSQL's output as canonical text; under the agent's session settings only char(n) differs."""
    return value.rstrip(b" ") if isinstance(value, bytes) and needs_trimming(type_) else value


def compile_decoder(shape: Shape) -> Decoder:
    """The decoder of one relation version."""
    namespace: dict[str, Any] = {
        "UNSENT": UNSENT,
        "count": len(shape.types).to_bytes(2),
        "head": b"N" + len(shape.types).to_bytes(2),
        "plainly": lambda message: decode_plainly(message, shape),
        "fill": _fill,
    }
    exec(compile(_source(shape), f"<row decoder of {shape.name}>", "exec"), namespace)  # noqa: S102
    decode: Decoder = namespace["decode"]
    return decode


def decode_plainly(message: bytes, shape: Shape) -> Change:
    """The reference: one message through `pgoutput.parse`."""
    match parse(message):
        case Insert(_, new):
            return INSERT, None, _row(new, shape)
        case Delete(_, mark, old):
            return DELETE, _old(mark, old, shape), None
        case Update(_, _, None, new):
            return UPDATE, None, _row(new, shape)
        case Update(_, mark, tuple(sent), new):
            old_row = _old(mark, sent, shape)
            return UPDATE, old_row, _fill(_row(new, shape), old_row)
        case other:
            raise DecodeError(f"{shape.name}: {type(other).__name__} is not a row message")


def _row(sent: Row, shape: Shape) -> Row:
    if len(sent) != len(shape.types):
        raise DecodeError(f"{shape.name}: a row has {len(sent)} columns, its relation {len(shape.types)}")
    return tuple(map(canonical, sent, shape.types))


def _old(mark: str, sent: Row, shape: Shape) -> Row:
    row = _row(sent, shape)
    if mark == "O" and shape.full:
        return row
    return tuple(value if index in shape.key else UNSENT for index, value in enumerate(row))


def _fill(new: Row, old: Row) -> Row:
    return tuple(before if value is UNSENT else value for value, before in zip(new, old, strict=True))


_TEMPLATE = """\
def decode(messages):
    changes = []
    append = changes.append
    for m in messages:
        try:
            tag = m[0]
            if len(m) > 65535:
                raise LookupError
            old = None
            p = 8
            if tag != {insert} and m[5] != {new_mark}:
                mark = m[5]
                if m[6:8] != count or tag != {update} and tag != {delete}:
                    raise LookupError
{old_columns}
                if mark == {full_mark}:
                    old = {full_row}
                elif mark == {key_mark}:
                    old = {key_row}
                else:
                    raise LookupError
                if tag == {delete}:
                    if p != len(m):
                        raise LookupError
                    append(({DELETE}, old, None))
                    continue
                p += 3
            elif tag != {insert} and tag != {update}:
                raise LookupError
            if m[p - 3:p] != head:
                raise LookupError
{new_columns}
            if p != len(m):
                raise LookupError
            row = {new_row}
            if tag == {insert}:
                append(({INSERT}, None, row))
            else:
                if old is not None and UNSENT in row:
                    row = fill(row, old)
                append(({UPDATE}, old, row))
        except LookupError:
            append(plainly(m))
    return changes
"""

_COLUMN = """\
k = m[p]
if k == 116:
    s = p + 5
    p = s + (m[p + 3] << 8 | m[p + 4]) if m[p + 3] else s + m[p + 4]
    {name} = m[s:p]{trim}
elif k == 110:
    {name} = None
    p += 1
elif k == 117:
    {name} = UNSENT
    p += 1
else:
    raise LookupError
"""
"""Indexing the length's two low bytes beats slicing or unpacking them; the 64 KiB limit makes the others zero."""


def _source(shape: Shape) -> str:
    names = [f"c{index}" for index in range(len(shape.types))]
    masked = [name if index in shape.key else "UNSENT" for index, name in enumerate(names)]
    return _TEMPLATE.format(
        insert=ord("I"),
        update=ord("U"),
        delete=ord("D"),
        new_mark=ord("N"),
        full_mark=ord("O"),
        key_mark=ord("K"),
        INSERT=INSERT,
        UPDATE=UPDATE,
        DELETE=DELETE,
        old_columns=_columns(shape, 16),
        new_columns=_columns(shape, 12),
        full_row=_tuple(names if shape.full else masked),
        key_row=_tuple(masked),
        new_row=_tuple(names),
    )


def _columns(shape: Shape, indent: int) -> str:
    blocks = (
        _COLUMN.format(name=f"c{index}", trim='.rstrip(b" ")' if needs_trimming(type_) else "")
        for index, type_ in enumerate(shape.types)
    )
    return "\n".join(" " * indent + line for block in blocks for line in block.splitlines())


def _tuple(names: Sequence[str]) -> str:
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"
