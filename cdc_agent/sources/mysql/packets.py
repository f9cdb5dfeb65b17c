"""Splits the bytes of a replication connection into packets.

In: what `recv` returned. Out: whole payloads, those of 16 MiB and more joined again. Never touches a socket. The frame
is that of https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_packets.html: three bytes of length,
one of sequence. Raises SourceUnavailable when a packet is missing, since a new connection mends that.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from cdc_agent.errors import SourceUnavailable

_WHOLE: Final = 0xFFFFFF
_FRAME: Final = Struct("<I").unpack_from


class PacketSplitter:
    """Holds what is left of an incomplete packet; a large one is joined once, when its last byte is there."""

    def __init__(self, *, sequence: int = 1) -> None:
        """`sequence` is the number that the first packet must have: 1 after a command."""
        self._sequence = sequence
        self._chunks: list[bytes] = []
        self._held = 0
        self._needed = 4
        self._parts: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads that are complete with `data`, in order."""
        self._chunks.append(data)
        self._held += len(data)
        if self._held < self._needed:
            return []
        return self._split(b"".join(self._chunks) if len(self._chunks) > 1 else data)

    def _split(self, buffer: bytes) -> list[bytes]:
        payloads: list[bytes] = []
        at, size, sequence, needed = 0, len(buffer), self._sequence, 4
        while size - at >= 4:
            (frame,) = _FRAME(buffer, at)
            length = frame & _WHOLE
            end = at + 4 + length
            if end > size:
                needed = 4 + length
                break
            if frame >> 24 != sequence:
                raise SourceUnavailable(f"packet {sequence} is missing from the source's log stream")
            sequence = sequence + 1 & 0xFF
            payload = buffer[at + 4 : end]
            if length == _WHOLE:
                self._parts.append(payload)
            elif self._parts:
                payloads.append(b"".join((*self._parts, payload)))
                self._parts = []
            else:
                payloads.append(payload)
            at = end
        self._sequence, self._needed = sequence, needed
        self._held = size - at
        self._chunks = [buffer[at:]] if at < size else []
        return payloads
