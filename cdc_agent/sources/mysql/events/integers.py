"""Integers of varying length: those of the protocol, and those of MySQL's libs/mysql/serialization.

https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_dt_integers.html
"""

from __future__ import annotations

from cdc_agent.errors import DecodeError


def packed(body: bytes, at: int) -> tuple[int, int]:
    """A length-encoded integer and where it ends."""
    first = body[at]
    if first < 0xFB:
        return first, at + 1
    size = {0xFC: 2, 0xFD: 3, 0xFE: 8}.get(first, 0)
    if not size or at + 1 + size > len(body):
        raise DecodeError(f"a length in the log starts with 0x{first:02x}")
    return int.from_bytes(body[at + 1 : at + 1 + size], "little"), at + 1 + size


def varint(body: bytes, at: int) -> tuple[int, int]:
    """A number and where it ends; the trailing ones of its first byte say how many follow, its low bits come first."""
    first = body[at]
    size = 1
    while size < 9 and first >> (size - 1) & 1:
        size += 1
    if at + size > len(body):
        raise IndexError(at)
    whole = int.from_bytes(body[at : at + size], "little")
    return (whole >> 8 if size == 9 else whole >> size), at + size


def varint_bytes(body: bytes, at: int, count: int) -> tuple[bytes, int]:
    """So many bytes, each of them a number, and where they end."""
    found = bytearray()
    for _ in range(count):
        value, at = varint(body, at)
        found.append(value)
    return bytes(found), at


def zigzag(value: int) -> int:
    """The signed number for an unsigned one: 0, -1, 1, -2 …"""
    return value >> 1 ^ -(value & 1)
