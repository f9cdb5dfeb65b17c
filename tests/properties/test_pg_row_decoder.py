"""The compiled row decoder and the plain one agree on every row, and on what is no row."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cdc_agent.errors import DecodeError
from cdc_agent.model.changes import UPDATE
from cdc_agent.model.values import UNSENT, Kind, Row, Type, Value
from cdc_agent.sources.postgres.row_decoder import WIDE, Shape, compile_decoder, decode_plainly
from tests.support.thorough import examples

TEXT = Type(Kind.TEXT, "text")
CHAR = Type(Kind.TEXT, "character(8)", length=8, fixed=True)
INTEGER = Type(Kind.INTEGER, "integer", precision=32)

sizes = st.sampled_from([0, 1, 254, 255, 256, 257, 511, 512, 65_530, 65_536, 70_000])
values = st.one_of(
    st.none(),
    st.just(UNSENT),
    st.binary(max_size=12),
    st.builds(lambda text, blanks: text + b" " * blanks, st.binary(max_size=3), st.integers(0, 5)),
    st.builds(lambda size: b"x" * size, sizes),
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Shape, list[bytes]]:
    count = draw(st.integers(0, 6) | st.integers(WIDE, WIDE + 2))
    types = tuple(draw(st.sampled_from([TEXT, CHAR, INTEGER])) for _ in range(count))
    key = frozenset(draw(st.sets(st.integers(0, count - 1)))) if count else frozenset()
    rows = st.tuples(*[values] * count)
    return Shape("public.t", types, key, draw(st.booleans())), draw(st.lists(messages(rows), max_size=4))


def messages(rows: st.SearchStrategy[Row]) -> st.SearchStrategy[bytes]:
    old = st.sampled_from([b"K", b"O"])
    return st.one_of(
        st.builds(lambda new: b"I" + OID + b"N" + tuple_data(new), rows),
        st.builds(lambda new: b"U" + OID + b"N" + tuple_data(new), rows),
        st.builds(lambda m, o, n: b"U" + OID + m + tuple_data(o) + b"N" + tuple_data(n), old, rows, rows),
        st.builds(lambda m, o: b"D" + OID + m + tuple_data(o), old, rows),
    )


OID = struct.pack(">I", 16_400)


def tuple_data(row: Row) -> bytes:
    return struct.pack(">H", len(row)) + b"".join(map(column, row))


def column(value: Value) -> bytes:
    if value is None:
        return b"n"
    if value is UNSENT:
        return b"u"
    assert isinstance(value, bytes)
    return b"t" + struct.pack(">I", len(value)) + value


def outcome(decode: Any, *arguments: Any) -> Any:
    try:
        return decode(*arguments)
    except DecodeError as error:
        return error.message


@settings(max_examples=examples(200), deadline=None)
@given(cases())
def test_the_compiled_decoder_equals_the_plain_one(case: tuple[Shape, list[bytes]]) -> None:
    """Whatever rows there are, both give the same changes."""
    shape, rows = case
    assert compile_decoder(shape)(rows) == [decode_plainly(row, shape) for row in rows]


@settings(max_examples=examples(200), deadline=None)
@given(cases(), st.data())
def test_damaged_messages_are_errors_in_both(case: tuple[Shape, list[bytes]], data: st.DataObject) -> None:
    """A message that is cut, extended or of another shape is the same error in both, and never a wrong row."""
    shape, rows = case
    for row in rows:
        end = data.draw(st.integers(0, len(row) - 1))
        for damaged in (row[:end], row + b"n", b"X" + row[1:], row[:5] + b"N" + row[6:], row[:6] + b"\1\1" + row[8:]):
            plain = outcome(decode_plainly, damaged, shape)
            compiled = outcome(compile_decoder(shape), [damaged])
            assert compiled == (plain if isinstance(plain, str) else [plain])


plain_values = st.binary(max_size=5) | st.sampled_from([b"t\0\0\0", b"t\0\0\0\1", b"\0", b"t", b"x" * 255, b"a  "])


@st.composite
def wide_rows(draw: st.DrawFn) -> list[Row]:
    """Rows of a table with many columns, most of them without anything odd."""
    count = draw(st.integers(WIDE, WIDE + 2))
    rows: list[Row] = []
    for _ in range(draw(st.integers(1, 3))):
        row: list[Value] = [*draw(st.lists(plain_values, min_size=count, max_size=count))]
        for place, value in draw(st.dictionaries(st.integers(0, count - 1), values, max_size=1)).items():
            row[place] = value
        rows.append(tuple(row))
    return rows


@settings(max_examples=examples(200), deadline=None)
@given(wide_rows(), st.sampled_from([b"I", b"U"]), st.data())
def test_wide_rows_are_split_as_they_are_decoded_plainly(rows: list[Row], tag: bytes, data: st.DataObject) -> None:
    """With values that look like what separates them as well, and with any one byte another."""
    shape = Shape("public.t", (TEXT, CHAR, *[INTEGER] * (len(rows[0]) - 2)), frozenset([0]), False)
    decode = compile_decoder(shape)
    messages = [tag + OID + b"N" + tuple_data(row) for row in rows]
    assert decode(messages) == [decode_plainly(message, shape) for message in messages]
    for message in messages:
        at, byte = data.draw(st.integers(5, len(message) - 1)), data.draw(st.sampled_from(b"\0\1\5tnuN"))
        damaged = message[:at] + bytes([byte]) + message[at + 1 :]
        plain = outcome(decode_plainly, damaged, shape)
        assert outcome(decode, [damaged]) == (plain if isinstance(plain, str) else [plain])


def test_a_length_that_no_message_can_hold_is_an_error() -> None:
    """One of 64 KiB in a message that ends behind it: its low bytes alone would be those of an empty value."""
    shape = Shape("public.t", (TEXT,), frozenset(), False)
    with pytest.raises(DecodeError):
        compile_decoder(shape)([b"I" + OID + b"N" + tuple_data((b"x" * 65_536,))[:7]])


@given(st.tuples(values, values, values), st.tuples(values, values, values))
@example((b"1", UNSENT, UNSENT), (b"1", b"long", None))
def test_unsent_columns_come_from_a_full_old_row(new: Row, old: Row) -> None:
    """A full old row gives an unchanged TOAST column its value, a key-only one gives only the key."""
    shape = Shape("public.t", (TEXT, TEXT, TEXT), frozenset([0]), True)
    full, keyed = (
        compile_decoder(shape)([b"U" + OID + mark + tuple_data(old) + b"N" + tuple_data(new)])[0]
        for mark in (b"O", b"K")
    )
    assert full == (UPDATE, old, tuple(o if n is UNSENT else n for n, o in zip(new, old, strict=True)))
    assert keyed[1] == (old[0], UNSENT, UNSENT)
    assert keyed[2] == (old[0] if new[0] is UNSENT else new[0], *new[1:])


@pytest.mark.parametrize("count", [0, 1, 1600])
def test_any_number_of_columns(count: int) -> None:
    """From no column to as many as PostgreSQL allows."""
    shape = Shape("public.wide", (TEXT,) * count, frozenset(), True)
    row = tuple(str(number).encode() for number in range(count))
    assert compile_decoder(shape)([b"I" + OID + b"N" + tuple_data(row)]) == [(1, None, row)]
