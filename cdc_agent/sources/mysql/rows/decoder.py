"""Decodes rows events: raw messages in, `Change` tuples of canonical text out, through functions compiled per table.

Each row image begins with the bits of its NULL columns. For one set of columns present and one set of NULLs, what
follows is a fixed program: `program` writes it and `exec` compiles it. So `_Image` keeps a reader for each pattern of
NULLs that occurs often, and one that tests each bit for the others. Nothing is looked up for each value.

`reference` is the plain version.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from cdc_agent.changes import DELETE, INSERT, UPDATE, Change
from cdc_agent.errors import DecodeError, LogUnusable
from cdc_agent.sources.mysql.rows import reference
from cdc_agent.sources.mysql.rows.charsets import Charsets
from cdc_agent.sources.mysql.rows.columns import Logged
from cdc_agent.sources.mysql.rows.program import Scope, compile_reader
from cdc_agent.values import Row

Read: TypeAlias = Callable[[bytes, int], "tuple[Row, int]"]
"""(message, where the values begin) → (row, where they end)."""

_WRITE_V1, _UPDATE_V1, _DELETE_V1 = 23, 24, 25
_WRITE_V2, _UPDATE_V2, _DELETE_V2, _PARTIAL_UPDATE = 30, 31, 32, 39
_OPERATIONS: Final = {
    _WRITE_V1: INSERT, _UPDATE_V1: UPDATE, _DELETE_V1: DELETE,
    _WRITE_V2: INSERT, _UPDATE_V2: UPDATE, _DELETE_V2: DELETE, _PARTIAL_UPDATE: UPDATE,
}  # fmt: skip
_HEADER: Final = 9
"""Bytes of the event type, table id and flags before the rest of a message."""
FULL_IMAGE_HINT: Final = (
    "run SET GLOBAL binlog_row_image = FULL on the source, then repair the table with verify; what was logged before "
    "that cannot be read"
)
_OFTEN: Final = 64
"""Rows of one pattern of NULLs before it gets a reader of its own."""
_PATTERNS: Final = 64
"""Readers that one image may have."""
_IMAGES: Final = 1000
"""Sets of columns present that are remembered; only a MINIMAL row image has more than a few."""


class RowsDecoder:
    """`Table.decode` of one table version. Two threads may use it: one maps, the other reads rows again."""

    __slots__ = ("_columns", "_images", "_label", "_mask", "_scope", "_width")

    def __init__(self, label: str, columns: Sequence[Logged], charsets: Charsets) -> None:
        self._label = label
        self._columns = tuple(columns)
        self._scope = Scope(columns, charsets)
        self._width = packed(len(columns))
        self._mask = (len(columns) + 7) // 8
        self._images: dict[bytes, _Image] = {}

    def __call__(self, messages: Sequence[bytes]) -> list[Change]:
        changes: list[Change] = []
        try:
            for message in messages:
                self._event(message, changes)
        except (struct.error, IndexError, ValueError, RecursionError, zlib.error) as error:
            kind = type(error).__name__
            raise DecodeError(f"a rows event of {self._label} is not understood ({kind})") from None
        return changes

    def _event(self, message: bytes, changes: list[Change]) -> None:
        kind = message[0]
        operation = _OPERATIONS.get(kind)
        if operation is None:
            raise DecodeError(f"an event of type {kind} was taken for a rows event of {self._label}")
        begin = _HEADER
        if kind >= _WRITE_V2:
            begin += message[begin] | message[begin + 1] << 8
        width_end = begin + len(self._width)
        if message[begin:width_end] != self._width:
            raise DecodeError(f"a rows event of {self._label} has another number of columns than its table map")
        mask_end = width_end + self._mask
        image = self._image(message[width_end:mask_end])
        if not image.size:
            raise self._empty()
        if operation != UPDATE:
            end = _read_single(operation, image, message, mask_end, changes)
        else:
            rows = mask_end + self._mask
            after = self._image(message[mask_end:rows])
            if kind == _PARTIAL_UPDATE:
                end = self._read_partial(image, after, message, rows, changes)
            else:
                end = _read_pairs(image, after, message, rows, changes)
        if end != len(message):
            raise DecodeError(f"a rows event of {self._label} does not end with its last row")

    def _empty(self) -> LogUnusable:
        """An insert of nothing but defaults under binlog_row_image = MINIMAL: the log holds no value of it."""
        return LogUnusable(
            f"a row of {self._label} is logged without any column (binlog_row_image is not FULL)",
            hint=FULL_IMAGE_HINT,
        )

    def _image(self, mask: bytes) -> _Image:
        image = self._images.get(mask)
        if image is None:
            if len(mask) != self._mask:
                raise DecodeError(f"a rows event of {self._label} is cut short")
            if len(self._images) >= _IMAGES:
                self._images.clear()
            image = self._images[mask] = _Image(self._columns, self._scope, mask)
        return image

    def _read_partial(self, before: _Image, after: _Image, message: bytes, position: int, changes: list[Change]) -> int:
        """Rows with JSON diffs take the plain way: MySQL sends them only when asked to."""
        end = len(message)
        while position < end:
            change, position = reference.read_partial_update(
                self._label, self._columns, before.present, after.present, message, position, self._scope.charsets
            )
            changes.append(change)
        return position


class _Image(dict[bytes, Read]):
    """The readers of one set of columns present, by the bits of their NULLs."""

    __slots__ = ("_columns", "_general", "_scope", "_seen", "present", "size")

    def __init__(self, columns: tuple[Logged, ...], scope: Scope, mask: bytes) -> None:
        super().__init__()
        self._columns = columns
        self._scope = scope
        self._seen: dict[bytes, int] = {}
        self.present = [index for index in range(len(columns)) if mask[index >> 3] >> (index & 7) & 1]
        self.size = (len(self.present) + 7) // 8
        self._general = compile_reader(columns, self.present, None, scope)

    def __missing__(self, nulls: bytes) -> Read:
        """Called until a pattern has been met often enough to be worth compiling."""
        if len(nulls) != self.size:
            raise IndexError
        if len(self) >= _PATTERNS:
            return self._general
        seen = self._seen[nulls] = self._seen.get(nulls, 0) + 1
        if seen < _OFTEN:
            if len(self._seen) > _OFTEN * _PATTERNS:
                self._seen.clear()
            return self._general
        reader = self[nulls] = compile_reader(self._columns, self.present, nulls, self._scope)
        return reader


def packed(number: int) -> bytes:
    """A number of columns as a rows event spells it (MySQL allows 4,096 of them)."""
    return bytes((number,)) if number < 0xFB else b"\xfc" + number.to_bytes(2, "little")


def _read_single(operation: int, image: _Image, message: bytes, position: int, changes: list[Change]) -> int:
    """The rows of an insert or delete."""
    end = len(message)
    size = image.size
    append = changes.append
    inserting = operation == INSERT
    while position < end:
        values = position + size
        row, position = image[message[position:values]](message, values)
        append((INSERT, None, row) if inserting else (DELETE, row, None))
    return position


def _read_pairs(before: _Image, after: _Image, message: bytes, position: int, changes: list[Change]) -> int:
    """The old and new rows of an update.

    What the log left out of the new row has not changed, so it is taken over where the old row has it.
    """
    end = len(message)
    old_size, new_size = before.size, after.size
    append = changes.append
    carried = not set(before.present) <= set(after.present)
    while position < end:
        values = position + old_size
        old, position = before[message[position:values]](message, values)
        values = position + new_size
        new, position = after[message[position:values]](message, values)
        if carried:
            new = reference.carry_over(old, new)
        append((UPDATE, old, new))
    return position
