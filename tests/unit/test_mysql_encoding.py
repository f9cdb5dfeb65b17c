"""Canonical text as LOAD DATA fields and as SQL literals: what each kind becomes, and that nothing can break out."""

from __future__ import annotations

import pytest

from cdc_agent.model.values import UNSENT, Kind, Type
from cdc_agent.targets.mysql.encoding import (
    exact_condition,
    geometry_hexadecimal,
    key_literal,
    literal,
    load_cell,
    load_column,
    load_encoder,
    tuple_encoder,
)

TEXT = Type(Kind.TEXT, "text", charset="utf8mb4")


@pytest.mark.parametrize(
    ("kind", "value", "field", "written"),
    [
        (Kind.TEXT, None, b"\\N", b"NULL"),
        (Kind.TEXT, b"", b"", b"''"),
        (Kind.TEXT, b"\\N", b"\\\\N", b"'\\\\N'"),
        (Kind.TEXT, b"a\tb\nc\0d\\e'f\"g\r", b"a\\tb\\nc\\0d\\\\e'f\"g\r", b"'a\tb\nc\\0d\\\\e\\'f\"g\r'"),
        (Kind.INTEGER, b"-12", b"-12", b"-12"),
        (Kind.DECIMAL, b"-12.50", b"-12.50", b"'-12.50'"),
        (Kind.BOOL, b"t", b"1", b"'1'"),
        (Kind.BOOL, b"f", b"0", b"'0'"),
        (Kind.BYTES, b"\\x00ff", b"00ff", b"x'00ff'"),
        (Kind.BYTES, b"\\x", b"", b"x''"),
        (Kind.BIT, b"0101", b"5", b"5"),
        (Kind.YEAR, b"0", b"0000", b"'0000'"),
        (Kind.INSTANT, b"2024-02-29 12:00:00.5+00", b"2024-02-29 12:00:00.5", b"'2024-02-29 12:00:00.5'"),
    ],
)
def test_each_kind_has_its_field_and_its_literal(kind: Kind, value: bytes | None, field: bytes, written: bytes) -> None:
    """The reference writes what the servers read back as the value."""
    type_ = Type(kind, "any")
    assert load_cell(type_, value) == field
    assert literal(type_, value) == written


@pytest.mark.parametrize(("bits", "written"), [(32, b"-3.4028234663852886e+38"), (64, b"-3.4028235e+38")])
def test_the_greatest_single_is_written_in_full(bits: int, written: bytes) -> None:
    """MySQL takes the shortest digits of FLT_MAX for a number that is out of a FLOAT's range."""
    type_ = Type(Kind.FLOAT, "any", precision=bits)
    value = b"-3.4028235e+38"
    assert load_cell(type_, value) == written
    assert load_encoder([type_])([(value,)]) == written + b"\n"
    assert literal(type_, value) == b"'%b'" % written
    assert tuple_encoder([type_])([(value,)]) == [b"('%b')" % written]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.INTEGER, b"1); DROP TABLE t"),
        (Kind.BYTES, b"\\x00'"),
        (Kind.BYTES, b"\\x0"),
        (Kind.BYTES, b"00"),
        (Kind.BIT, b"2"),
        (Kind.BOOL, b"yes"),
        (Kind.GEOMETRY, b"00000000013FF00000000000004000000000000000"),
        (Kind.GEOMETRY, b"0101"),
    ],
)
def test_a_value_in_no_canonical_form_is_an_error(kind: Kind, value: bytes) -> None:
    """What is not quoted is checked, so that no value can become SQL."""
    type_ = Type(kind, "any")
    for rendered in (literal, key_literal):
        with pytest.raises(ValueError):
            rendered(type_, value)
    with pytest.raises(ValueError):
        tuple_encoder([type_])([(value,)])


def test_a_geometry_becomes_srid_and_little_endian_wkb() -> None:
    """EWKB carries its SRID inside, MySQL's storage form before the WKB."""
    point = "000000000000f03f0000000000000040"
    assert geometry_hexadecimal(f"0101000020E6100000{point}".upper().encode()) == f"e61000000101000000{point}".encode()
    assert geometry_hexadecimal(f"0101000000{point}".upper().encode()) == f"000000000101000000{point}".encode()


def test_half_of_a_surrogate_pair_is_written_by_its_bytes() -> None:
    """In a column of ucs2 or utf32; LOAD DATA, which is read as utf8mb4, cannot carry it."""
    half, narrow = b"a\xed\xa0\x80", Type(Kind.TEXT, "varchar(9)", length=9, charset="ucs2")
    assert literal(narrow, half) == b"_ucs2 x'0061d800'"
    assert tuple_encoder([narrow])([(half,), (b"it's",)]) == [b"(_ucs2 x'0061d800')", b"('it\\'s')"]
    assert literal(Type(Kind.TEXT, "text", charset="utf32"), half) == b"_utf32 x'000000610000d800'"
    with pytest.raises(ValueError):
        load_encoder([narrow])([(half,)])
    assert load_encoder([narrow])([(b"a",)]) == b"a\n"


def test_keys_are_compared_as_their_column_stores_them() -> None:
    """Padding, numbers as numbers, and floats in the column's own precision."""
    assert key_literal(Type(Kind.BYTES, "binary(4)", length=4, fixed=True), b"\\x01") == b"x'01000000'"
    assert key_literal(Type(Kind.TEXT, "char(4)", length=4, fixed=True), b"a  ") == b"'a'"
    assert key_literal(Type(Kind.FLOAT, "float", precision=32), b"0.1") == b"CAST('0.1' AS FLOAT)"
    assert key_literal(Type(Kind.DECIMAL, "decimal(5,2)"), b"1.50") == b"1.50"
    assert key_literal(Type(Kind.DECIMAL, "decimal(5,2)"), b"1 OR 1") == b"'1 OR 1'"
    assert key_literal(TEXT, None) == b"NULL"


def test_a_row_without_a_key_is_compared_exactly() -> None:
    """Texts by their bytes, JSON by value where it is a type, NULL as NULL."""
    assert exact_condition(TEXT, b"`c`", None, native_json=True) == b"`c` IS NULL"
    assert b"AS BINARY" in exact_condition(TEXT, b"`c`", b"x", native_json=True)
    assert exact_condition(Type(Kind.JSON, "json"), b"`c`", b"{}", native_json=True) == b"`c` = CAST('{}' AS JSON)"


def test_binary_columns_are_loaded_through_variables() -> None:
    """LOAD DATA reads every field as utf8mb4 text, which bytes need not be."""
    assert load_column(Type(Kind.BYTES, "blob"), "`b`", "@v") == ("@v", "`b` = UNHEX(@v)")
    assert load_column(Type(Kind.BIT, "bit(3)"), "`b`", "@v") == ("@v", "`b` = CAST(@v AS UNSIGNED)")
    assert load_column(TEXT, "`b`", "@v") == ("`b`", "")


def test_encoders_write_every_row_and_end_every_line() -> None:
    """One column, several rows, and none at all."""
    assert load_encoder([TEXT])([(b"a",), (None,)]) == b"a\n\\N\n"
    assert load_encoder([TEXT, TEXT])([]) == b""
    assert tuple_encoder([TEXT])([(b"a",), (None,)]) == [b"('a')", b"(NULL)"]


def test_an_unsent_value_is_never_written() -> None:
    """A full row holds no UNSENT; if one does, nothing is rendered."""
    with pytest.raises((TypeError, AttributeError)):
        load_encoder([TEXT])([(UNSENT,)])
    with pytest.raises((TypeError, AttributeError)):
        tuple_encoder([TEXT])([(UNSENT,)])
