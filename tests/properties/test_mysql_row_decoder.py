"""The generated row decoder and the plain one make the same changes of the same bytes, whatever the table."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from cdc_agent.errors import DecodeError, LogUnusable
from cdc_agent.sources.mysql.rows import TableMaps
from cdc_agent.sources.mysql.rows.reference import decode_event
from cdc_agent.sources.mysql.rows.table_map import parse
from tests.support.table_maps import BINARY, LATIN1, UTF16, Wire, bits_low_first, charsets, rows_event, sized, table_map
from tests.support.thorough import examples

OFTEN = 70
"""Rows after which the decoder has compiled a reader for a pattern of NULLs."""


@dataclass(frozen=True)
class Kind:
    """A column, and the bytes that its values may have."""

    wire: Wire
    data: st.SearchStrategy[bytes]


def numbers(code: int, size: int, metadata: bytes = b"") -> st.SearchStrategy[Kind]:
    data = st.binary(min_size=size, max_size=size)
    return st.booleans().map(lambda unsigned: Kind(Wire(code, metadata, unsigned=unsigned), data))


@st.composite
def decimals(draw: st.DrawFn) -> Kind:
    precision = draw(st.integers(1, 65))
    scale = draw(st.integers(0, min(precision, 30)))
    return Kind(Wire(246, bytes((precision, scale))), decimal_bytes(precision, scale))


@st.composite
def decimal_bytes(draw: st.DrawFn, precision: int, scale: int) -> bytes:
    sizes = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4)
    whole, rest = divmod(precision - scale, 9)
    full, last = divmod(scale, 9)
    groups = [digits for digits in (rest, *[9] * whole, *[9] * full, last) if digits]
    raw = b"".join(draw(st.integers(0, 10**digits - 1)).to_bytes(sizes[digits], "big") for digits in groups)
    raw = bytes((raw[0] ^ 0x80,)) + raw[1:]
    return bytes(byte ^ 0xFF for byte in raw) if draw(st.booleans()) else raw


clocks = st.builds(lambda h, m, s: h << 12 | m << 6 | s, st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))


def fractions(digits: int) -> st.SearchStrategy[bytes]:
    size = (digits + 1) // 2
    return st.integers(0, 100**size - 1).map(lambda number: number.to_bytes(size, "big"))


def datetimes(digits: int) -> Kind:
    seconds = st.builds(
        lambda year, month, day, clock: (1 << 39 | (year * 13 + month) << 22 | day << 17 | clock).to_bytes(5, "big"),
        st.integers(0, 9999), st.integers(0, 12), st.integers(0, 31), clocks,
    )  # fmt: skip
    return Kind(Wire(18, bytes((digits,))), st.builds(bytes.__add__, seconds, fractions(digits)))


def timestamps(digits: int) -> Kind:
    seconds = st.integers(0, 2**32 - 1).map(lambda number: number.to_bytes(4, "big"))
    return Kind(Wire(17, bytes((digits,))), st.builds(bytes.__add__, seconds, fractions(digits)))


def times(digits: int) -> Kind:
    size = (digits + 1) // 2

    def data(hours: int, clock: int, part: int, negative: bool) -> bytes:
        number = (hours << 12 | clock & 0xFFF) << 8 * size | part
        return ((1 << (23 + 8 * size)) + (-number if negative else number)).to_bytes(3 + size, "big")

    parts = st.integers(0, 100**size - 1)
    return Kind(Wire(19, bytes((digits,))), st.builds(data, st.integers(0, 838), clocks, parts, st.booleans()))


@st.composite
def labelled(draw: st.DrawFn) -> Kind:
    texts = st.text(st.characters(codec="utf-8"), max_size=3)
    labels = tuple(text.encode() for text in draw(st.lists(texts, min_size=1, max_size=64)))
    if draw(st.booleans()):
        values = st.integers(0, len(labels)).map(lambda number: number.to_bytes(1, "little"))
        return Kind(Wire(254, b"\xf7\x01", labels=labels), values)
    size = next(size for size in (1, 2, 3, 4, 8) if len(labels) <= 8 * size)
    values = st.integers(0, 2 ** len(labels) - 1).map(lambda number: number.to_bytes(size, "little"))
    return Kind(Wire(254, bytes((0xF8, size)), labels=labels), values)


def bits(count: int) -> Kind:
    values = st.integers(0, 2**count - 1).map(lambda number: number.to_bytes((count + 7) // 8, "big"))
    return Kind(Wire(16, bytes((count % 8, count // 8))), values)


def prefixed(size: int, data: bytes) -> bytes:
    return len(data).to_bytes(size, "little") + data


def strings(wire: Wire, prefix: int, data: st.SearchStrategy[bytes]) -> Kind:
    return Kind(wire, data.map(lambda value: prefixed(prefix, value)))


utf8 = st.text(st.characters(codec="utf-8"), max_size=20).map(str.encode)
raw = st.binary(max_size=30)
utf16 = st.text(st.characters(codec="utf-16"), max_size=20).map(lambda text: text.encode("utf-16-be"))

kinds = st.one_of(
    numbers(1, 1), numbers(2, 2), numbers(9, 3), numbers(3, 4), numbers(8, 8),
    numbers(4, 4, b"\x04"), numbers(5, 8, b"\x08"), decimals(),
    numbers(13, 1), numbers(10, 3),
    st.integers(0, 6).map(datetimes), st.integers(0, 6).map(timestamps), st.integers(0, 6).map(times),
    st.integers(1, 64).map(bits),
    labelled(),
    st.just(strings(Wire(15, b"\x50\x00"), 1, utf8)),
    st.just(strings(Wire(15, b"\x00\x04"), 2, utf8)),
    st.just(strings(Wire(15, b"\x50\x00", collation=LATIN1), 1, raw)),
    st.just(strings(Wire(252, b"\x02", collation=UTF16), 2, utf16)),
    st.just(strings(Wire(252, b"\x03", collation=BINARY), 3, raw)),
    st.just(strings(Wire(252, b"\x04"), 4, utf8)),
    st.just(strings(Wire(254, b"\xfe\x1e", collation=BINARY), 1, raw)),
    st.just(strings(Wire(140, b"\x02"), 2, utf8.map(lambda text: b"\0" + text))),
    st.just(strings(Wire(245, b"\x04"), 4, utf8.map(lambda text: b"\x0c" + sized(text)))),
    st.just(strings(Wire(255, b"\x04"), 4, raw.map(lambda data: b"\xe6\x10\0\0\1" + struct.pack("<I", 1) + data))),
)  # fmt: skip


@st.composite
def events(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A table map, and a rows event of that table with any image."""
    columns = draw(st.lists(kinds, min_size=1, max_size=12))
    kind = draw(st.sampled_from([23, 24, 25, 30, 31, 32]))
    masks = [draw(masks_of(len(columns))) for _ in range(2 if kind in (24, 31) else 1)]
    rows = draw(st.lists(st.tuples(*(images(columns, mask) for mask in masks)), min_size=1, max_size=4))
    data = b"".join(b"".join(row) for row in rows) * draw(st.sampled_from([1, OFTEN]))
    return table_map([column.wire for column in columns]), rows_event(kind, len(columns), masks, data)


def masks_of(width: int) -> st.SearchStrategy[list[bool]]:
    some = st.lists(st.booleans(), min_size=width, max_size=width).filter(any)
    return st.one_of(st.just([True] * width), some)


@st.composite
def images(draw: st.DrawFn, columns: list[Kind], mask: list[bool]) -> bytes:
    values = [draw(st.none() | column.data) for column, present in zip(columns, mask, strict=True) if present]
    return bits_low_first([value is None for value in values]) + b"".join(value or b"" for value in values)


@settings(max_examples=examples(200))
@given(events())
def test_both_decoders_agree(event: tuple[bytes, bytes]) -> None:
    """Every change, value for value, and the second time as the first."""
    body, message = event
    table = TableMaps(charsets(), "mysql").define(body).table()
    plain = decode_event(message, parse(body, charsets(), mariadb=False).columns, charsets())
    assert table.decode([message]) == plain
    assert table.decode([message, message]) == plain * 2


@settings(max_examples=examples(100))
@given(events(), st.data())
def test_a_damaged_event_is_an_error_or_other_rows(event: tuple[bytes, bytes], data: st.DataObject) -> None:
    """Cut anywhere or with any byte changed, an event gives changes or an error of the agent, nothing else."""
    body, message = event
    table = TableMaps(charsets(), "mysql").define(body).table()
    place = data.draw(st.integers(0, len(message) - 1))
    other = bytes((data.draw(st.integers(0, 255)),))
    damaged = data.draw(st.sampled_from([message[: place + 1], message[:place] + other + message[place + 1 :]]))
    try:
        table.decode([damaged])
    except (DecodeError, LogUnusable):
        return
