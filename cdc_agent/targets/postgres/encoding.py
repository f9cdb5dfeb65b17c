r"""Rows of canonical text as PostgreSQL reads them: COPY's text format, and one array literal for a column.

Rows in (tuples of bytes, None for NULL), bytes out. Everything is done by joins and replacements over whole buffers,
since a loop over values in Python would cost more than the server does. Separators are told from data by NUL, which no
PostgreSQL text can hold: a value with a NUL byte is refused here, before it is sent.

https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.2,
https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final

from cdc_agent.errors import RowRefused

_NULL: Final = b"\0N"
_COLUMN: Final = b"\0C"
_ROW: Final = b"\0R"
_TAB: Final = b"\t".join
_SAMPLE: Final = 16
_CHUNK_BYTES: Final = 64 * 1024
"""Small enough to stay in a processor's cache from one join to the next."""


def nul_refused(doing: str) -> RowRefused:
    """The error for a value that PostgreSQL cannot store in any text."""
    return RowRefused(f"{doing}: a value holds a NUL byte, which PostgreSQL cannot store")


def bytes_of(rows: Sequence[Sequence[Any]]) -> int:
    """About how many bytes the values of these rows have, judged by a few of them."""
    some = rows[:: max(1, len(rows) // _SAMPLE)]
    return sum([len(value) for row in some for value in row if value is not None]) * len(rows) // max(1, len(some))


def copy_text(rows: Sequence[Sequence[Any]]) -> bytes:
    r"""All rows in COPY's text format: tabs between columns, a newline after each row, ``\N`` for NULL.

    Raises `errors.RowRefused` for a NUL byte.
    """
    return b"".join(copy_chunks(rows))


def copy_chunks(rows: Sequence[Sequence[Any]]) -> Iterator[bytes]:
    """`copy_text` in pieces of whole rows, so that the server reads one while the next is made."""
    if not rows:
        return
    step = max(1, _CHUNK_BYTES * len(rows) // (bytes_of(rows) + 1))
    for start in range(0, len(rows), step):
        yield _copy_chunk(rows[start : start + step])


def _copy_chunk(rows: Sequence[Sequence[Any]]) -> bytes:
    """Most rows hold nothing that needs an escape: the values, joined without separators, tell so at one look each."""
    plain, nulls = rows, 0
    try:
        bare = b"".join(chain.from_iterable(rows))
    except TypeError:  # a NULL
        plain, nulls = _without_nulls(rows)
        bare = b"".join(chain.from_iterable(plain))
    if (
        b"\t" in bare
        or b"\n" in bare
        or b"\r" in bare
        or b"\0" in bare
        or (b"\\" in bare and bare.count(b"\\") != nulls)
    ):
        return _escaped_copy_text(rows)
    lines = list(map(_TAB, plain))
    lines.append(b"")
    return b"\n".join(lines)


def _without_nulls(rows: Sequence[Sequence[Any]]) -> tuple[Sequence[Sequence[Any]], int]:
    r"""The rows with ``\N`` in place of each NULL, and how many there were."""
    nulls = sum([row.count(None) for row in rows])
    return [[b"\\N" if value is None else value for value in row] if None in row else row for row in rows], nulls


def _escaped_copy_text(rows: Sequence[Sequence[Any]]) -> bytes:
    nulls = 0
    lines = []
    for row in rows:
        if None in row:
            nulls += row.count(None)
            row = [_NULL if value is None else value for value in row]
        lines.append(_COLUMN.join(row))
    text = _ROW.join(lines)
    if text.count(b"\0") != nulls + len(rows) * (len(rows[0]) - 1) + len(rows) - 1:
        raise nul_refused("encoding rows")
    text = text.replace(b"\\", b"\\\\").replace(b"\t", b"\\t").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    return text.replace(_NULL, b"\\N").replace(_COLUMN, b"\t").replace(_ROW, b"\n") + b"\n"


def array_text(values: Sequence[bytes | None]) -> bytes:
    """The values as a one-dimensional array literal, ``{"a",NULL,"b c"}``.

    Raises `errors.RowRefused` for a NUL byte.
    """
    if not values:
        return b"{}"
    nulls = values.count(None)
    text = _COLUMN.join([_NULL if value is None else value for value in values])
    if text.count(b"\0") != nulls + len(values) - 1:
        raise nul_refused("encoding rows")
    text = text.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    quoted = b'"' + text.replace(_COLUMN, b'","') + b'"'
    return b"{" + (quoted.replace(b'"\0N"', b"NULL") if nulls else quoted) + b"}"


def column_arrays(rows: Sequence[Sequence[Any]]) -> list[bytes]:
    """One array literal for each column of the rows (which are at least one)."""
    return [array_text(column) for column in zip(*rows, strict=True)]
