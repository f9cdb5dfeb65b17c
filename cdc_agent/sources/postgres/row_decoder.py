"""The step from pgoutput's row messages to changes, compiled into one function for each relation version.

`compile_decoder` writes a Python function in which every column has its own three statements, so that nothing is
looked up for each value; a row of many columns is split at one go where it holds neither a NULL nor a long value. A
malformed message goes through `decode_plainly`, the reference that a property test compares it with. Raises
`errors.DecodeError`; never does I/O.

Old rows: a key-only one (``K``) has UNSENT outside the key, where pgoutput sends nulls. A TOAST column that the
update left unchanged takes its value from the old row where the log has it, else it is UNSENT.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cdc_agent.engines.postgres.texts import canonical, needs_trimming
from cdc_agent.errors import DecodeError
from cdc_agent.model.changes import DELETE, INSERT, UPDATE, Cells, Change, Direct, Plainly, Projection
from cdc_agent.model.generated import define
from cdc_agent.model.values import UNSENT, Row, Type
from cdc_agent.sources.postgres.pgoutput import Delete, Insert, Update, parse

Decoder = Callable[[Sequence[bytes]], list[Change]]
WIDE: Final = 16
"""Columns from which a row is split at one go."""
_RESTS: Final = 100
"""Rows that are read column by column after one that could not be split."""
_SPLIT: Final = re.compile(rb"t\0\0\0(.)", re.DOTALL).split
"""Before each value of less than 256 bytes stand a ``t`` and its length; no PostgreSQL text holds a NUL."""
_MALFORMED = (LookupError, struct.error)
"""What generated code meets in a message that it leaves to the reference."""


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


def compile_decoder(shape: Shape) -> Decoder:
    """The decoder of one relation version."""
    decode: Decoder = define(_decoder(shape), "<row decoder>", _names(shape))["decode"]
    return decode


def compile_projection(shape: Shape, projection: Projection, plainly: Plainly) -> Direct:
    """`Table.project`: the decoder with a plan in it.

    What needs more than that goes change by change to `plainly`: rows with UNSENT columns, values that do not fit, and
    all that the decoder leaves to the reference.
    """
    namespace = {**_names(shape), **projection.names, "UNUSUAL": (*_MALFORMED, *projection.unusual), "one": plainly}
    direct: Direct = define(_projected(shape, projection), "<row projection>", namespace)["decode"]
    return direct


def _names(shape: Shape) -> dict[str, Any]:
    return {
        "UNSENT": UNSENT,
        "MALFORMED": _MALFORMED,
        "size_at": struct.Struct(">I").unpack_from,
        "count": len(shape.types).to_bytes(2),
        "head": b"N" + len(shape.types).to_bytes(2),
        "plainly": lambda message: decode_plainly(message, shape),
        "fill": _fill,
        "split": _SPLIT,
        "length": {size: bytes([size]) for size in range(256)}.get,
    }


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
def decode({parameters}):
    result = []
    append = result.append
    rest = 0
    for m in messages:
        try:
            tag = m[0]
            old = None
{begin}
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
{deleted}
                    continue
                p += 3
            elif tag != {insert} and tag != {update}:
                raise LookupError
            if m[p - 3:p] != head:
                raise LookupError
{new_columns}
            if p != len(m):
                raise LookupError
{written}
        except {unusual}:
            {mend}
    return result
"""

_WIDE = """\
values = ()
if rest:
    rest -= 1
elif p == 8:
    parts = split(m)
    values = parts[2::2]
    if len(values) != {count} or len(parts[0]) != 8 or parts[1::2] != list(map(length, map(len, values))):
        values = ()
        rest = {rests}
if values:
    {names} = values
    p = len(m)
{trims}
else:
{columns}
"""
"""A row without NULLs, unsent or long values in one piece: what `split` found is right if every length is."""

_COLUMN = """\
k = m[p]
if k == 116:
    s = p + 5
    p = s + size_at(m, p + 1)[0]
    {name} = m[s:p]{trim}
elif k == 110:
    {name} = None
    p += 1
elif k == 117:
    {name} = UNSENT{note}
    p += 1
else:
    raise LookupError
"""


def _decoder(shape: Shape) -> str:
    row = f"row = {_tuple(_cells(shape))}"
    return _source(
        shape,
        parameters="messages",
        begin=[],
        deleted=[f"append(({DELETE}, old, None))"],
        written=[
            row,
            f"if tag == {ord('I')}:",
            f"    append(({INSERT}, None, row))",
            "else:",
            *_filled("    "),
            f"    append(({UPDATE}, old, row))",
        ],
        unusual="MALFORMED",
        mend="append(plainly(m))",
    )


def _projected(shape: Shape, projection: Projection) -> str:
    """An old row without the key's columns is mapped the plain way, which says what is missing."""
    lines, key_and_row = projection.row(Cells({i: f"c{i}" for i in projection.reads}))
    key_lines, key = projection.key(Cells({i: f"old[{i}]" for i in projection.key_reads}))
    keyed = "unsent" if projection.key_reads <= shape.key else f"unsent or m[5] != {ord('O')}"
    if not (projection.key_reads <= shape.key or shape.full):
        keyed = "True"
    return _source(
        shape,
        parameters="messages, rejections",
        begin=["unsent = False"],
        deleted=[f"if {keyed}:", "    raise LookupError", *key_lines, f"append(({DELETE}, {key}, None))"],
        written=[
            f"if unsent or old is not None and ({keyed}):",
            f"    row = {_tuple(_cells(shape))}",
            *_filled("    "),
            f"    result += one([({INSERT} if tag == {ord('I')} else {UPDATE}, old, row)], rejections)",
            "    continue",
            *lines,
            "if old is None:",
            f"    append(({INSERT} if tag == {ord('I')} else {UPDATE}, {key_and_row}))",
            "else:",
            f"    _, row = {key_and_row}",
            *(f"    {line}" for line in key_lines),
            f"    append(({UPDATE}, {key}, row))",
        ],
        unusual="UNUSUAL",
        mend="result += one([plainly(m)], rejections)",
        note="; unsent = True",
    )


def _filled(indent: str) -> list[str]:
    return [f"{indent}if old is not None and UNSENT in row:", f"{indent}    row = fill(row, old)"]


def _source(
    shape: Shape,
    *,
    parameters: str,
    begin: Sequence[str],
    deleted: Sequence[str],
    written: Sequence[str],
    unusual: str,
    mend: str,
    note: str = "",
) -> str:
    names = _cells(shape)
    masked = [name if index in shape.key else "UNSENT" for index, name in enumerate(names)]
    return _TEMPLATE.format(
        insert=ord("I"),
        update=ord("U"),
        delete=ord("D"),
        new_mark=ord("N"),
        full_mark=ord("O"),
        key_mark=ord("K"),
        parameters=parameters,
        begin=_indented(begin, 12),
        old_columns=_columns(shape, 16, note),
        new_columns=_new_columns(shape, 12, note),
        full_row=_tuple(names if shape.full else masked),
        key_row=_tuple(masked),
        deleted=_indented(deleted, 20),
        written=_indented(written, 12),
        unusual=unusual,
        mend=mend,
    )


def _new_columns(shape: Shape, indent: int, note: str) -> str:
    if len(shape.types) < WIDE:
        return _columns(shape, indent, note)
    trims = [f"{name} = {name}{trim}" for name, trim in zip(_cells(shape), _trims(shape), strict=True) if trim]
    text = _WIDE.format(
        count=len(shape.types),
        rests=_RESTS,
        names=", ".join(_cells(shape)),
        trims=_indented(trims, 4),
        columns=_columns(shape, 4, note),
    )
    return _indented(text.splitlines(), indent)


def _cells(shape: Shape) -> list[str]:
    return [f"c{index}" for index in range(len(shape.types))]


def _indented(lines: Iterable[str], width: int) -> str:
    return "\n".join(" " * width + line for line in lines)


def _columns(shape: Shape, indent: int, note: str) -> str:
    blocks = (
        _COLUMN.format(name=name, trim=trim, note=note) for name, trim in zip(_cells(shape), _trims(shape), strict=True)
    )
    return _indented((line for block in blocks for line in block.splitlines()), indent)


def _trims(shape: Shape) -> list[str]:
    return ['.rstrip(b" ")' if needs_trimming(type_) else "" for type_ in shape.types]


def _tuple(names: Sequence[str]) -> str:
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"
