"""Reads the small parts of the binlog's wire format: bytes in, integers and strings out; never guesses past the end.

Integers are little-endian; "packed" ones are MySQL's length-encoded integers
(https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_dt_integers.html). Used where a table map or a
JSON document is taken apart, not for rows, whose decoder is generated.
"""

from __future__ import annotations

from cdc_agent.errors import DecodeError

_PACKED_SIZES = {0xFC: 2, 0xFD: 3, 0xFE: 8}


class Cursor:
    """Walks once over `data`; every step past its end raises DecodeError that names `what` is being read."""

    __slots__ = ("data", "position", "what")

    def __init__(self, data: bytes, what: str, position: int = 0) -> None:
        self.data = data
        self.what = what
        self.position = position

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return len(self.data) - self.position

    def take(self, size: int) -> bytes:
        end = self.position + size
        if end > len(self.data):
            raise DecodeError(f"{self.what} is cut short at byte {self.position}")
        part = self.data[self.position : end]
        self.position = end
        return part

    def integer(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def packed(self) -> int:
        first = self.integer(1)
        if first < 0xFB:
            return first
        if first not in _PACKED_SIZES:
            raise DecodeError(f"{self.what} has a length that starts with 0x{first:02x}")
        return self.integer(_PACKED_SIZES[first])

    def packed_bytes(self) -> bytes:
        return self.take(self.packed())

    def packed_all(self) -> list[int]:
        """Every packed integer up to the end."""
        numbers = []
        while self.left:
            numbers.append(self.packed())
        return numbers
