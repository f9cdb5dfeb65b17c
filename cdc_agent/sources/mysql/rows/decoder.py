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
from typing import Any, Final, NamedTuple, TypeAlias

from cdc_agent.errors import DecodeError, LogUnusable
from cdc_agent.model.changes import DELETE, INSERT, UPDATE, Change, Direct, Plainly, Projection
from cdc_agent.model.values import Row
from cdc_agent.sources.mysql.rows import reference
from cdc_agent.sources.mysql.rows.charsets import Charsets
from cdc_agent.sources.mysql.rows.columns import Logged
from cdc_agent.sources.mysql.rows.program import Scope, compile_projection, compile_reader

Read: TypeAlias = Callable[..., Any]
"""(message, where the values begin) → (row, where they end); for projections see `program.compile_projection`."""

_WRITE_V1, _UPDATE_V1, _DELETE_V1 = 23, 24, 25
_WRITE_V2, _UPDATE_V2, _DELETE_V2, _PARTIAL_UPDATE = 30, 31, 32, 39
_OPERATIONS: Final = {
    _WRITE_V1: INSERT, _UPDATE_V1: UPDATE, _DELETE_V1: DELETE,
    _WRITE_V2: INSERT, _UPDATE_V2: UPDATE, _DELETE_V2: DELETE, _PARTIAL_UPDATE: UPDATE,
}  # fmt: skip
_HEADER: Final = 9
"""Bytes of the event type, table id and flags before the rest of a message."""
FULL_IMAGE_HINT: Final = (
    "run SET GLOBAL binlog_row_image = FULL on the source, then copy the table's rows again; what was logged before "
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
        except DecodeError as error:
            named = error.message if self._label in error.message else f"{self._label}: {error.message}"
            raise DecodeError(named) from None
        except (struct.error, IndexError, ValueError, RecursionError, zlib.error) as error:
            kind = type(error).__name__
            raise DecodeError(f"a rows event of {self._label} is not understood ({kind})") from None
        return changes

    def project(self, projection: Projection, plainly: Plainly) -> Direct:
        """`Table.project`."""
        return _Projected(self, projection, plainly)

    def head(self, message: bytes) -> tuple[int, int, int]:
        """(operation, where the bits of the columns present begin, where they end)."""
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
        return operation, width_end, width_end + self._mask

    def usual_end(self, kind: int) -> int:
        """Where the rows of a message of this type begin if it has no extra data; 0 for a type that is read plainly."""
        operation = _OPERATIONS.get(kind)
        if operation is None or kind == _PARTIAL_UPDATE:
            return 0
        extra = 2 if kind >= _WRITE_V2 else 0
        return _HEADER + extra + len(self._width) + self._mask * (2 if operation == UPDATE else 1)

    def projected(self, mask: bytes, projection: Projection, *, adds: int | None, key_only: bool) -> _Image | None:
        """The readers for an image with these columns; None when it lacks one that may be needed."""
        reads = projection.key_reads if key_only else range(len(self._columns))
        if not set(reads).issubset(_present(mask, len(self._columns))):
            return None
        return _Image(
            self._columns,
            mask,
            lambda present, nulls: compile_projection(
                self._columns, present, nulls, self._scope, projection, adds=adds, key_only=key_only
            ),
        )

    def _event(self, message: bytes, changes: list[Change]) -> None:
        operation, width_end, mask_end = self.head(message)
        image = self._image(message[width_end:mask_end])
        if not image.size:
            raise self._empty()
        if operation != UPDATE:
            end = _read_single(operation, image, message, mask_end, changes)
        else:
            rows = mask_end + self._mask
            after = self._image(message[mask_end:rows])
            if message[0] == _PARTIAL_UPDATE:
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
            image = self._images[mask] = _Image(
                self._columns,
                mask,
                lambda present, nulls: compile_reader(self._columns, present, nulls, self._scope),
            )
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

    __slots__ = ("_compile", "_general", "_seen", "present", "size")

    def __init__(
        self, columns: tuple[Logged, ...], mask: bytes, compile_: Callable[[Sequence[int], bytes | None], Read]
    ) -> None:
        super().__init__()
        self._compile = compile_
        self._seen: dict[bytes, int] = {}
        self.present = _present(mask, len(columns))
        self.size = (len(self.present) + 7) // 8
        self._general = compile_(self.present, None)

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
        reader = self[nulls] = self._compile(self.present, nulls)
        return reader


def _present(mask: bytes, width: int) -> list[int]:
    return [index for index in range(width) if mask[index >> 3] >> (index & 7) & 1]


class _Head(NamedTuple):
    """What stands before the rows of a message; images are None where rows must go the plain way."""

    operation: int
    before: _Image | None
    image: _Image | None
    begin: int
    """Where the rows begin."""


class _Projected:
    """Decodes and maps at one go; a message that is out of the ordinary is decoded, then mapped, as any other."""

    __slots__ = ("_decoder", "_ends", "_heads", "_images", "_plainly", "_projection", "_unusual")

    def __init__(self, decoder: RowsDecoder, projection: Projection, plainly: Plainly) -> None:
        self._decoder = decoder
        self._projection = projection
        self._unusual: tuple[type[Exception], ...] = projection.unusual
        self._unusual += (struct.error, IndexError, ValueError, RecursionError, zlib.error)
        self._plainly = plainly
        self._images: dict[tuple[int | None, bool, bytes], _Image | None] = {}
        self._ends = [decoder.usual_end(kind) for kind in range(256)]
        self._heads: dict[bytes, _Head] = {}

    def __call__(self, messages: Sequence[bytes], rejections: list[Any]) -> list[tuple[int, Row, Row | None]]:
        writes: list[tuple[int, Row, Row | None]] = []
        append, heads, ends = writes.append, self._heads, self._ends
        for message in messages:
            mark = len(writes)
            try:
                head = heads.get(message[: ends[message[0]]]) or self._head(message)
                operation, before, image, begin = head
                if image is None:
                    end = None
                elif operation != UPDATE:
                    end = _project(image, message, begin, append)
                else:
                    end = None if before is None else _project_updates(before, image, message, begin, append)
            except self._unusual:
                end = None
            if end != len(message):
                del writes[mark:]
                writes += self._plainly(self._decoder([message]), rejections)
        return writes

    def _head(self, message: bytes) -> _Head:
        operation, mask_begin, begin = self._decoder.head(message)
        mask = message[mask_begin:begin]
        before = None
        if message[0] == _PARTIAL_UPDATE:
            return _Head(operation, None, None, begin)
        if operation != UPDATE:
            image = self._image(operation, operation == DELETE, mask)
        else:
            before = self._image(None, True, mask)
            end = begin + len(mask)
            image = self._image(None, False, message[begin:end])
            begin = end
        found = _Head(operation, before, image, begin)
        if begin == self._ends[message[0]]:
            if len(self._heads) >= _IMAGES:
                self._heads.clear()
            self._heads[message[:begin]] = found
        return found

    def _image(self, adds: int | None, key_only: bool, mask: bytes) -> _Image | None:
        kind = (adds, key_only, mask)
        try:
            return self._images[kind]
        except KeyError:
            if len(self._images) >= _IMAGES:
                self._images.clear()
            image = self._decoder.projected(mask, self._projection, adds=adds, key_only=key_only)
            self._images[kind] = image
            return image


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


def _project(image: _Image, message: bytes, position: int, append: Callable[[Any], None]) -> int:
    """The rows of an insert or delete; a reader goes on for as long as the NULLs are the same."""
    end, size = len(message), image.size
    while position < end:
        values = position + size
        position = image[message[position:values]](message, values, end, append)
    return position


def _project_updates(
    before: _Image, after: _Image, message: bytes, position: int, append: Callable[[Any], None]
) -> int:
    """The key is the old row's, the row the new one."""
    end = len(message)
    old_size, new_size = before.size, after.size
    while position < end:
        values = position + old_size
        key, position = before[message[position:values]](message, values)
        values = position + new_size
        _, row, position = after[message[position:values]](message, values)
        append((UPDATE, key, row))
    return position
