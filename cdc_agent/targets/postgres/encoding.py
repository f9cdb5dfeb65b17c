r"""Rows of canonical text as PostgreSQL reads them: COPY's text format, and one array literal for a column.

Rows in (tuples of bytes, None for NULL), one bytes object out. Everything is done by joins and replacements over whole
buffers, since a loop over values in Python would cost more than the server does. Separators are told from data by NUL,
which no PostgreSQL text can hold: a value with a NUL byte is refused here, before anything is sent.

https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.2,
https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from cdc_agent.errors import RowRefused

_NULL: Final = b"\0N"
_COLUMN: Final = b"\0C"
_ROW: Final = b"\0R"


def nul_refused(doing: str) -> RowRefused:
    """The error for a value that PostgreSQL cannot store in any text."""
    return RowRefused(f"{doing}: a value holds a NUL byte, which PostgreSQL cannot store")


def copy_text(rows: Sequence[Sequence[Any]]) -> bytes:
    r"""All rows in COPY's text format: tabs between columns, a newline after each row, ``\N`` for NULL.

    Raises `errors.RowRefused` for a NUL byte.
    """
    if not rows:
        return b""
    nulls = 0
    lines = []
    for row in rows:
        if None in row:
            nulls += row.count(None)
            row = [b"\\N" if value is None else value for value in row]
        lines.append(b"\t".join(row))
    text = b"\n".join(lines)
    if _plain(text, nulls, len(rows), len(rows[0])):
        return text + b"\n"
    return _escaped_copy_text(rows)


def _plain(text: bytes, nulls: int, rows: int, columns: int) -> bool:
    """Whether the only characters with a meaning are those that the joins put there."""
    return (
        text.count(b"\\") == nulls
        and text.count(b"\t") == rows * (columns - 1)
        and text.count(b"\n") == rows - 1
        and b"\r" not in text
        and b"\0" not in text
    )


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
