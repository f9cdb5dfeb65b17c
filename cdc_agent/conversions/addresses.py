"""Network addresses that come as bytes: MariaDB's INET4 and INET6, which its binlog writes as BINARY(4) and BINARY(16).

Only the type of the target says that such bytes are an address, so every other use of them is left to `texts`.
"""

from __future__ import annotations

import ipaddress
from typing import Final

from cdc_agent.conversions.base import PASS, Code, Context, ImpossibleError, Maker, Way, misfit, native, way
from cdc_agent.model.values import Kind, Type

_SIZES: Final = {"inet4": (4,), "inet6": (16,), "inet": (4, 16)}
"""Bytes of an address of each native type."""


def _bytes_to_address(source: Type, target: Type, context: Context) -> Way:
    sizes = _SIZES.get(native(target))
    if sizes is None or (source.length is not None and source.length not in sizes):
        raise ImpossibleError(f"{source.native} does not convert to {target.native}")

    def convert(text: bytes) -> bytes:
        content = bytes.fromhex(text[2:].decode())
        if len(content) not in sizes:
            misfit(Code.FORM, f"not as many bytes as an address of {target.native} has")
        return str(ipaddress.ip_address(content)).encode()

    return way(convert, Code.FORM)


def _address_to_bytes(source: Type, target: Type, context: Context) -> Way:
    """For check, which sees the column's declared type; its values come as bytes."""
    sizes = _SIZES.get(native(source))
    if sizes is None or context.from_postgres or (target.length or sizes[0]) < sizes[0]:
        raise ImpossibleError(f"{source.native} does not convert to {target.native}")
    return PASS


MAKERS: Final[dict[tuple[Kind, Kind], Maker]] = {
    (Kind.BYTES, Kind.OTHER): _bytes_to_address,
    (Kind.OTHER, Kind.BYTES): _address_to_bytes,
}
