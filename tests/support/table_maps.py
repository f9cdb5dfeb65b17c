"""Writes TABLE_MAP bodies by hand, as a server with full metadata would; shares no code with the product's parser."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cdc_agent.sources.mysql.rows import Charsets, Collation

UTF8MB4, LATIN1, UTF16, BINARY, UCS2, UTF32 = 45, 8, 54, 63, 35, 60
COLLATIONS = {
    UTF8MB4: Collation("utf8mb4_general_ci", "utf8mb4", 4),
    LATIN1: Collation("latin1_swedish_ci", "latin1", 1),
    UTF16: Collation("utf16_general_ci", "utf16", 4),
    BINARY: Collation("binary", "binary", 1),
    UCS2: Collation("ucs2_general_ci", "ucs2", 2),
    UTF32: Collation("utf32_general_ci", "utf32", 4),
}
NUMERIC = {1, 2, 3, 4, 5, 8, 9, 13, 246}
TEXT = {15, 140, 141, 249, 250, 251, 252, 253}


def charsets() -> Charsets:
    def ask(sql: str) -> Sequence[Sequence[object]]:
        raise AssertionError("no server here")

    return Charsets(COLLATIONS, ask)


@dataclass(frozen=True)
class Wire:
    """A column as it stands on the wire: type code, metadata, and what the optional metadata says."""

    code: int
    metadata: bytes = b""
    unsigned: bool = False
    collation: int = UTF8MB4
    labels: tuple[bytes, ...] = ()
    nullable: bool = True
    geometry: int = 0

    @property
    def real(self) -> int:
        """ENUM and SET hide in STRING."""
        return self.metadata[0] if self.code == 254 and self.metadata[0] in (247, 248) else self.code


def packed(number: int) -> bytes:
    if number < 0xFB:
        return bytes((number,))
    return b"\xfc" + struct.pack("<H", number) if number < 1 << 16 else b"\xfd" + struct.pack("<I", number)[:3]


def sized(data: bytes) -> bytes:
    return packed(len(data)) + data


def field(kind: int, data: bytes) -> bytes:
    return bytes((kind,)) + sized(data)


def bits_high_first(flags: Sequence[bool]) -> bytes:
    text = "".join("01"[flag] for flag in flags)
    text += "0" * (-len(text) % 8)
    return bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8))


def bits_low_first(flags: Sequence[bool]) -> bytes:
    number = sum(1 << place for place, flag in enumerate(flags) if flag)
    return number.to_bytes((len(flags) + 7) // 8, "little")


def labels(columns: Sequence[Wire]) -> bytes:
    return b"".join(packed(len(one.labels)) + b"".join(map(sized, one.labels)) for one in columns)


def collations(columns: Sequence[Wire]) -> bytes:
    return b"".join(packed(one.collation) for one in columns)


def metadata(columns: Sequence[Wire], key: Sequence[int], names: Sequence[str] | None) -> dict[int, bytes]:
    """The optional fields by their kind."""
    numeric = [one.unsigned for one in columns if one.real in NUMERIC]
    texts = [one for one in columns if one.real in TEXT or one.real in (242, 254)]  # MySQL counts VECTOR among them
    enums = [one for one in columns if one.real == 247]
    sets = [one for one in columns if one.real == 248]
    geometries = [one for one in columns if one.real == 255]
    found = {
        1: bits_high_first(numeric),
        3: collations(texts),
        4: b"".join(sized(name.encode()) for name in names or [f"c{index}" for index in range(len(columns))]),
        5: labels(sets),
        6: labels(enums),
        7: b"".join(packed(one.geometry) for one in geometries),
        8: b"".join(map(packed, key)),
        11: collations([one for one in columns if one.real in (247, 248)]),
    }
    return {kind: data for kind, data in found.items() if data}


def table_map(
    columns: Sequence[Wire],
    *,
    key: Sequence[int] = (0,),
    names: Sequence[str] | None = None,
    fields: Mapping[int, bytes | None] | None = None,
    table_id: int = 7,
    schema: str = "shop",
    table: str = "things",
) -> bytes:
    """A body; `fields` replaces optional fields by their kind, or removes them with None."""
    optional = metadata(columns, key, names) | dict(fields or {})
    return b"".join(
        (
            table_id.to_bytes(6, "little"),
            b"\x01\x00",
            sized(schema.encode()) + b"\0",
            sized(table.encode()) + b"\0",
            packed(len(columns)),
            bytes(one.code for one in columns),
            sized(b"".join(one.metadata for one in columns)),
            bits_low_first([one.nullable for one in columns]),
            *(field(kind, data) for kind, data in optional.items() if data is not None),
        )
    )


def rows_event(kind: int, width: int, masks: Sequence[Sequence[bool]], rows: bytes, extra: bytes = b"") -> bytes:
    """A message as the stream hands it over."""
    head = bytes((kind,)) + struct.pack("<IHH", 7, 0, 1)
    if kind >= 30:
        head += struct.pack("<H", len(extra) + 2) + extra
    return head + packed(width) + b"".join(map(bits_low_first, masks)) + rows


def image(values: Sequence[bytes | None]) -> bytes:
    """A row image of the values' bytes; None is NULL."""
    return bits_low_first([value is None for value in values]) + b"".join(value or b"" for value in values)


def insert(values: Sequence[bytes | None]) -> bytes:
    """An insert of one full row."""
    return rows_event(30, len(values), [[True] * len(values)], image(values))
