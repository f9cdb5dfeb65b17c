"""Each MySQL type's bytes in a row image, made by hand from the documentation, and the text that they stand for."""

from __future__ import annotations

import struct
import zlib

import pytest

from cdc_agent.errors import DecodeError, LogUnusable
from cdc_agent.model.changes import Change
from cdc_agent.model.values import UNSENT
from cdc_agent.sources.mysql.rows import Charsets, TableMaps
from cdc_agent.sources.mysql.rows.json_binary import apply_diffs, json_text
from tests.support.table_maps import (
    BINARY,
    COLLATIONS,
    LATIN1,
    UCS2,
    UTF16,
    UTF32,
    Wire,
    charsets,
    image,
    insert,
    rows_event,
    sized,
    table_map,
)

INT = Wire(3)


def changes(columns: list[Wire], *messages: bytes) -> list[Change]:
    return TableMaps(charsets(), "mysql").define(table_map(columns)).table().decode(messages)


def one(wire: Wire, data: bytes) -> object:
    """The text of one value; the same with NULLs around it."""
    [(_, _, row)] = changes([wire], insert([data]))
    [(_, _, among)] = changes([INT, wire, INT], insert([None, data, b"\1\0\0\0"]))
    assert row is not None
    assert among == (None, row[0], b"1")
    return row[0]


def datetime2(year: int, month: int, day: int, clock: int = 0) -> bytes:
    return (1 << 39 | (year * 13 + month) << 22 | day << 17 | clock).to_bytes(5, "big")


def time2(hour: int, minute: int, second: int, *, micro: int = 0, negative: bool = False) -> bytes:
    number = (hour << 12 | minute << 6 | second) << 24 | micro
    return ((1 << 47) + (-number if negative else number)).to_bytes(6, "big")


VALUES = [
    ("TINYINT", Wire(1), b"\x80", b"-128"),
    ("TINYINT UNSIGNED", Wire(1, unsigned=True), b"\xff", b"255"),
    ("SMALLINT", Wire(2), b"\x00\x80", b"-32768"),
    ("SMALLINT UNSIGNED", Wire(2, unsigned=True), b"\xff\xff", b"65535"),
    ("MEDIUMINT", Wire(9), b"\x00\x00\x80", b"-8388608"),
    ("MEDIUMINT -1", Wire(9), b"\xff\xff\xff", b"-1"),
    ("MEDIUMINT UNSIGNED", Wire(9, unsigned=True), b"\xff\xff\xff", b"16777215"),
    ("INT", Wire(3), b"\x00\x00\x00\x80", b"-2147483648"),
    ("INT UNSIGNED", Wire(3, unsigned=True), b"\xff\xff\xff\xff", b"4294967295"),
    ("BIGINT", Wire(8), b"\x00" * 7 + b"\x80", b"-9223372036854775808"),
    ("BIGINT UNSIGNED", Wire(8, unsigned=True), b"\xff" * 8, b"18446744073709551615"),
    ("FLOAT 1.1", Wire(4, b"\x04"), struct.pack("<f", 1.1), b"1.1"),
    ("FLOAT 1e6", Wire(4, b"\x04"), struct.pack("<f", 1e6), b"1e+06"),
    ("FLOAT smallest", Wire(4, b"\x04"), b"\x01\x00\x00\x00", b"1e-45"),
    ("FLOAT largest", Wire(4, b"\x04"), b"\xff\xff\x7f\x7f", b"3.4028235e+38"),
    ("FLOAT halfway", Wire(4, b"\x04"), struct.pack("<f", 67108944), b"6.7108944e+07"),
    ("DOUBLE 0.1", Wire(5, b"\x08"), struct.pack("<d", 0.1), b"0.1"),
    ("DOUBLE 100000", Wire(5, b"\x08"), struct.pack("<d", 100000), b"100000"),
    ("DOUBLE 1e20", Wire(5, b"\x08"), struct.pack("<d", 1e20), b"1e+20"),
    ("DOUBLE 1e15", Wire(5, b"\x08"), struct.pack("<d", 1e15), b"1e+15"),
    ("DOUBLE 1234567890123456", Wire(5, b"\x08"), struct.pack("<d", 1234567890123456), b"1.234567890123456e+15"),
    ("DOUBLE 1e-5", Wire(5, b"\x08"), struct.pack("<d", 1e-5), b"1e-05"),
    ("DOUBLE -0.0", Wire(5, b"\x08"), struct.pack("<d", -0.0), b"-0"),
    ("DOUBLE halfway", Wire(5, b"\x08"), struct.pack("<d", 1e23), b"9.999999999999999e+22"),
    ("DECIMAL(14,4)", Wire(246, b"\x0e\x04"), bytes.fromhex("810dfb38d204d2"), b"1234567890.1234"),
    ("DECIMAL(14,4) negative", Wire(246, b"\x0e\x04"), bytes.fromhex("7ef204c72dfb2d"), b"-1234567890.1234"),
    ("DECIMAL(5,2) zero", Wire(246, b"\x05\x02"), bytes.fromhex("800000"), b"0.00"),
    ("DECIMAL(2,2)", Wire(246, b"\x02\x02"), b"\x8c", b"0.12"),
    ("YEAR 0000", Wire(13), b"\x00", b"0"),
    ("YEAR 1901", Wire(13), b"\x01", b"1901"),
    ("YEAR 2155", Wire(13), b"\xff", b"2155"),
    ("DATE", Wire(10), (2024 << 9 | 2 << 5 | 29).to_bytes(3, "little"), b"2024-02-29"),
    ("DATE zero", Wire(10), b"\0\0\0", b"0000-00-00"),
    ("DATE partial", Wire(10), (2020 << 9 | 15).to_bytes(3, "little"), b"2020-00-15"),
    ("DATETIME", Wire(18, b"\0"), datetime2(2024, 2, 29, 23 << 12 | 59 << 6 | 58), b"2024-02-29 23:59:58"),
    ("DATETIME zero", Wire(18, b"\0"), datetime2(0, 0, 0), b"0000-00-00 00:00:00"),
    ("DATETIME partial", Wire(18, b"\0"), datetime2(2020, 0, 15), b"2020-00-15 00:00:00"),
    ("DATETIME(2)", Wire(18, b"\2"), datetime2(1, 1, 1) + b"\x32", b"0001-01-01 00:00:00.5"),
    ("DATETIME(3)", Wire(18, b"\3"), datetime2(1, 1, 1) + b"\x00\x0a", b"0001-01-01 00:00:00.001"),
    ("DATETIME(6)", Wire(18, b"\6"), datetime2(1, 1, 1) + b"\0\0\1", b"0001-01-01 00:00:00.000001"),
    ("DATETIME(6) trimmed", Wire(18, b"\6"), datetime2(1, 1, 1) + b"\x03\xd0\x90", b"0001-01-01 00:00:00.25"),
    ("TIMESTAMP", Wire(17, b"\0"), b"\x7f\xff\xff\xff", b"2038-01-19 03:14:07+00"),
    ("TIMESTAMP zero", Wire(17, b"\0"), b"\0\0\0\0", b"0000-00-00 00:00:00+00"),
    ("TIMESTAMP(6) zero", Wire(17, b"\6"), b"\0" * 7, b"0000-00-00 00:00:00+00"),
    ("TIMESTAMP beyond 2038", Wire(17, b"\0"), b"\xff\xff\xff\xff", b"2106-02-07 06:28:15+00"),
    ("TIMESTAMP(6)", Wire(17, b"\6"), b"\0\0\0\1\0\0\1", b"1970-01-01 00:00:01.000001+00"),
    ("TIME(6)", Wire(19, b"\6"), time2(838, 59, 59), b"838:59:59"),
    ("TIME(6) negative", Wire(19, b"\6"), time2(1, 0, 0, micro=1, negative=True), b"-01:00:00.000001"),
    ("TIME(6) -0.000001", Wire(19, b"\6"), time2(0, 0, 0, micro=1, negative=True), b"-00:00:00.000001"),
    ("TIME negative", Wire(19, b"\0"), ((1 << 23) - 1).to_bytes(3, "big"), b"-00:00:01"),
    ("TIME(1) negative", Wire(19, b"\1"), bytes.fromhex("7ffffecd"), b"-00:00:01.51"),
    ("old TIMESTAMP", Wire(7), b"\1\0\0\0", b"1970-01-01 00:00:01+00"),
    ("old DATETIME", Wire(12), struct.pack("<Q", 20240229123456), b"2024-02-29 12:34:56"),
    ("old TIME", Wire(11), (8385959).to_bytes(3, "little"), b"838:59:59"),
    ("old TIME negative", Wire(11), (-10203).to_bytes(3, "little", signed=True), b"-01:02:03"),
    ("BIT(10)", Wire(16, b"\x02\x01"), b"\x02\x05", b"1000000101"),
    ("BIT(1)", Wire(16, b"\x01\x00"), b"\x00", b"0"),
    ("ENUM", Wire(254, b"\xf7\x01", labels=(b"a", b"b")), b"\x02", b"b"),
    ("ENUM error value", Wire(254, b"\xf7\x01", labels=(b"a", b"b")), b"\x00", b""),
    ("ENUM of bytes", Wire(254, b"\xf7\x01", labels=(b"a",), collation=BINARY), b"\x01", b"a"),
    ("SET", Wire(254, b"\xf8\x01", labels=(b"a", b"b", b"c")), b"\x05", b"a,c"),
    ("SET empty", Wire(254, b"\xf8\x01", labels=(b"a", b"b")), b"\x00", b""),
    ("VARCHAR", Wire(15, b"\xff\x00"), b"\x03\xc3\xbcx", "üx".encode()),
    ("VARCHAR of 256 bytes", Wire(15, b"\x00\x01"), b"\x01\x00x", b"x"),
    ("CHAR(255)", Wire(254, b"\xce\xfc"), b"\x01\x00x", b"x"),
    ("latin1", Wire(15, b"\xff\x00", collation=LATIN1), b"\x02\x81\x80", "\x81€".encode()),
    ("utf16 emoji", Wire(15, b"\xff\x00", collation=UTF16), b"\x04\xd8\x3d\xde\x00", "😀".encode()),
    ("ucs2 half", Wire(15, b"\xff\x00", collation=UCS2), b"\x04\x00a\xd8\x00", b"a\xed\xa0\x80"),
    ("ucs2 halves", Wire(15, b"\xff\x00", collation=UCS2), b"\x04\xd8\x3d\xde\x00", b"\xed\xa0\xbd\xed\xb8\x80"),
    ("utf32 half", Wire(15, b"\xff\x00", collation=UTF32), b"\x04\x00\x00\xd8\x00", b"\xed\xa0\x80"),
    ("BINARY(8) padded", Wire(254, b"\xfe\x08", collation=BINARY), b"\x02\x01\x02", b"\\x0102000000000000"),
    ("VARBINARY", Wire(15, b"\x08\x00", collation=BINARY), b"\x02\x00\xff", b"\\x00ff"),
    ("BLOB empty", Wire(252, b"\x02", collation=BINARY), b"\x00\x00", b"\\x"),
    ("MEDIUMTEXT", Wire(252, b"\x03"), b"\x01\x00\x00x", b"x"),
    ("LONGTEXT", Wire(252, b"\x04"), b"\x01\x00\x00\x00x", b"x"),
    ("JSON", Wire(245, b"\x04"), b"\x02\x00\x00\x00\x04\x01", b"true"),
    ("VECTOR", Wire(242, b"\x04"), b"\x04\x00\x00\x00\x00\x00\x80\x3f", b"\\x0000803f"),
    ("TEXT COMPRESSED, kept", Wire(140, b"\x02"), b"\x02\x00\x00x", b"x"),
    ("TEXT COMPRESSED", Wire(140, b"\x01"), sized(b"\x81\x64" + zlib.compress(b"x" * 100)), b"x" * 100),
    ("VARCHAR COMPRESSED", Wire(141, b"\x0b\x00"), b"\x00", b""),
    (
        "POINT",
        Wire(255, b"\x04", geometry=1),
        b"\x19\0\0\0" + b"\xe6\x10\0\0" + b"\1" + struct.pack("<Idd", 1, 1.0, 2.0),
        b"0101000020E6100000000000000000F03F0000000000000040",
    ),
]


@pytest.mark.parametrize(("wire", "data", "text"), [value[1:] for value in VALUES], ids=[value[0] for value in VALUES])
def test_a_value_has_its_canonical_text(wire: Wire, data: bytes, text: bytes) -> None:
    """The bytes of a row image give the text, alone and among NULLs."""
    assert one(wire, data) == text


def small(kind: int, *parts: bytes) -> bytes:
    return bytes((kind,)) + b"".join(parts)


def test_json_containers_are_printed_as_mysql_does() -> None:
    """`{"a": 1, "b": [1, 2.5]}`: a space after colon and comma, inlined and pointed-to values alike."""
    array = struct.pack("<HH", 2, 18) + b"\x05\x01\x00" + b"\x0b\x0a\x00" + struct.pack("<d", 2.5)
    entries = b"\x05\x01\x00" + b"\x02\x14\x00"
    keys = struct.pack("<HHHH", 18, 1, 19, 1)
    document = small(0, struct.pack("<HH", 2, 20 + len(array)), keys, entries, b"ab", array)
    assert json_text(document) == b'{"a": 1, "b": [1, 2.5]}'


def test_json_strings_escape_what_mysql_escapes() -> None:
    """Quotes, backslashes and control characters are escaped, and nothing else."""
    text = 'é"\\\x00\x1f\n\x7f'.encode()
    assert json_text(small(12, sized(text))) == 'é\\"\\\\\\u0000\\u001f\\n\x7f'.join('""').encode()


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.0, b"1.0"), (-0.0, b"-0.0"), (1e14, b"100000000000000.0"), (1e15, b"1e15"), (1.5e300, b"1.5e300"),
        (1e-15, b"0.000000000000001"), (1e-16, b"1e-16"), (123.456, b"123.456"),
    ],
)  # fmt: skip
def test_json_doubles_are_printed_as_mysql_does(number: float, text: bytes) -> None:
    """A double in JSON has a point or an exponent, without zeros or a plus sign in the latter."""
    assert json_text(small(11, struct.pack("<d", number))) == text


@pytest.mark.parametrize(
    ("code", "data", "text"),
    [
        (246, b"\x05\x02\x80\x01\x32", b"1.50"),
        (10, ((2020 * 13 + 1) << 46 | 2 << 41).to_bytes(8, "little"), b'"2020-01-02"'),
        (11, (-(12 << 36 | 34 << 30 | 56 << 24 | 700000)).to_bytes(8, "little", signed=True), b'"-12:34:56.700000"'),
        (16, b"\x05", b'"base64:type16:BQ=="'),
        (252, b"\xff" * 60, b'"base64:type252:' + b"/" * 76 + rb"\n////" + b'"'),
    ],
)
def test_json_opaque_values_are_printed_as_mysql_does(code: int, data: bytes, text: bytes) -> None:
    """Decimals are numbers, times have six digits of fraction, and everything else is base64 with its type."""
    assert json_text(small(15, bytes((code,)), sized(data))) == text


@pytest.mark.parametrize(
    "document", [b"\x20", b"\x04\x07", b"\x05\x01", b"\x0c\x05ab", b"\x02\x01\x00\x07\x00\x00\x00\x00"]
)
def test_json_that_is_not_understood_is_refused(document: bytes) -> None:
    """Unknown types and literals, values cut short, and a container that points to itself are errors."""
    with pytest.raises(DecodeError, match="JSON document"):
        json_text(document)


def test_an_empty_json_document_is_null() -> None:
    """A NULL that was forced into a NOT NULL column is JSON's null."""
    assert json_text(b"") == b"null"


EMPTY_OBJECT = small(0, struct.pack("<HH", 0, 4))


def diff(operation: int, path: bytes, value: bytes | None = None) -> bytes:
    return bytes((operation,)) + sized(path) + (b"" if value is None else sized(value))


def test_json_diffs_are_applied_in_order() -> None:
    """Insert, replace and remove change the document one after the other; new keys go to MySQL's place."""
    one_, two = small(5, b"\x01\x00"), small(5, b"\x02\x00")
    steps = [diff(1, b'$."key b"', one_), diff(1, b"$.a", EMPTY_OBJECT), diff(1, b"$.a.x", one_), diff(1, b"$.c", one_)]
    assert apply_diffs(EMPTY_OBJECT, b"".join(steps)) == b'{"a": {"x": 1}, "c": 1, "key b": 1}'
    steps += [diff(0, b"$.a", two), diff(2, b'$."key b"')]
    assert apply_diffs(EMPTY_OBJECT, b"".join(steps)) == b'{"a": 2, "c": 1}'


@pytest.mark.parametrize("path", [b"$.a", b"$[0]", b"$.a.b", b"$*", b"$.a[last]"])
def test_json_diffs_that_do_not_fit_are_refused(path: bytes) -> None:
    """A path that leads nowhere is an error, since the old document must then be another one."""
    with pytest.raises(DecodeError, match="partial JSON update"):
        apply_diffs(EMPTY_OBJECT, diff(2, path))


# --- images ------------------------------------------------------------------------------------------------------


def test_columns_that_were_not_sent_are_unsent() -> None:
    """A column outside the image is UNSENT, not NULL, and the old row's value is taken over into the new one."""
    columns = [INT, INT, INT]
    masks = [[True, False, False], [False, True, False]]
    message = rows_event(31, 3, masks, image([b"\1\0\0\0"]) + image([None]))
    assert changes(columns, message) == [(2, (b"1", UNSENT, UNSENT), (b"1", None, UNSENT))]


def test_messages_keep_their_order_and_may_hold_many_rows() -> None:
    """Rows come out in the order of the log, over several messages of both versions."""
    rows = [image([struct.pack("<i", number)]) for number in range(5)]
    mask = [[True]]
    messages = [
        rows_event(23, 1, mask, rows[0] + rows[1]),
        rows_event(31, 1, mask * 2, rows[1] + rows[2] + rows[3] + rows[4], extra=b"\x01\x02\x03"),
        rows_event(25, 1, mask, rows[0]),
    ]
    assert changes([INT], *messages) == [
        (1, None, (b"0",)),
        (1, None, (b"1",)),
        (2, (b"1",), (b"2",)),
        (2, (b"3",), (b"4",)),
        (3, (b"0",), None),
    ]


def test_a_partial_update_without_the_old_document_is_refused() -> None:
    """Diffs need the document that they change; without it the error names the setting to change."""
    columns = [INT, Wire(245, b"\x04")]
    masks = [[True, False], [False, True]]
    rows = image([b"\1\0\0\0"]) + b"\x01\x01" + image([b"\0\0\0\0"])
    with pytest.raises(LogUnusable, match=r"c1 of shop\.things") as raised:
        changes(columns, rows_event(39, 2, masks, rows))
    assert "binlog_row_value_options" in raised.value.advice


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([INT], insert([b"\1\0\0"])),
        ([INT], insert([b"\1\0\0\0\0\0"])),
        ([INT, INT], insert([b"\1\0\0\0"])),
        ([INT], b"\x21" + insert([b"\1\0\0\0"])[1:]),
        ([INT], insert([b"\1\0\0\0"])[:9]),
        ([Wire(15, b"\xff\x00")], insert([b"\x09secret"])),
        ([Wire(15, b"\xff\x00", collation=UTF16)], insert([b"\x07secret!"])),
        ([Wire(254, b"\xf7\x01", labels=(b"secret",))], insert([b"\x02"])),
        ([Wire(254, b"\xf8\x01", labels=(b"secret",))], insert([b"\x02"])),
        ([Wire(140, b"\x01")], insert([sized(b"\x81\x64secret")])),
        ([Wire(140, b"\x01")], insert([sized(b"\x11\x64secret")])),
        ([Wire(140, b"\x01")], insert([sized(b"\x81\x65" + zlib.compress(b"secret"))])),
        ([Wire(255, b"\x04")], insert([b"\x06\0\0\0secret"])),
        ([Wire(245, b"\x04")], insert([b"\x07\0\0\0\x20secret"])),
    ],
)
def test_rows_that_do_not_add_up_are_refused_without_their_values(columns: list[Wire], message: bytes) -> None:
    """Cut or overlong rows, unknown labels and broken values are errors that name no value."""
    with pytest.raises(DecodeError) as raised:
        changes(columns, message)
    assert "secret" not in str(raised.value)
    assert raised.value.__cause__ is None or "secret" not in repr(raised.value.__cause__)


# --- character sets that the server is asked for -------------------------------------------------------------------


def test_a_set_that_python_does_not_know_is_asked_for_once() -> None:
    """The table of a set comes from the server, when a column first needs it, and serves all columns after that."""
    asked = []

    def ask(sql: str) -> list[tuple[str, str]]:
        asked.append(sql)
        return [
            (f"{code:02X}", "C396" if code == 0x5C else f"{code:02X}" if code < 128 else "3F") for code in range(256)
        ]

    swe7 = Charsets(COLLATIONS, ask)
    decode = swe7.decoder("swe7")
    assert decode is not None
    assert decode(b"a\\?") == "aÖ?".encode()
    assert swe7.decoder("swe7") is decode
    assert all("swe7" in sql for sql in asked)
    with pytest.raises(DecodeError, match="swe7"):
        decode(b"\xff")


def test_codes_of_two_and_three_bytes_are_told_apart() -> None:
    """In ujis, 0x8F introduces three bytes, and others two; what is left over at the end is an error."""
    answers = {
        "CONCAT(a.x, b.x)": [(f"{code:02X}", f"{code:02X}") for code in range(128)],
        "CONCAT(a.x, b.x, c.x, d.x)": [("B0A1", "E4BA9C"), ("8EB1", "EFBDB1")],
        "CONCAT('8f', a.x, b.x, c.x, d.x)": [("8FB0A1", "E4B882")],
    }

    def ask(sql: str) -> list[tuple[str, str]]:
        return next(rows for form, rows in answers.items() if sql.startswith(f"SELECT {form}, HEX("))

    decode = Charsets(COLLATIONS, ask).decoder("ujis")
    assert decode is not None
    assert decode(bytes.fromhex("61 B0A1 8FB0A1 8EB1 62")) == "a亜七ｱb".replace("七", "\u4e02").encode()
    for broken in ("B0", "8FB0", "B0A2", "FFFF"):
        with pytest.raises(DecodeError, match="ujis"):
            decode(bytes.fromhex(broken))
