"""TABLE_MAP events are taken apart as a server writes them, and refused when they say too little or too much."""

from __future__ import annotations

import pytest

from cdc_agent.errors import DecodeError, LogUnusable
from cdc_agent.model.changes import Identity
from cdc_agent.model.values import Kind
from cdc_agent.sources.mysql.rows import TableMap, TableMaps
from tests.support.table_maps import BINARY, LATIN1, UTF8MB4, UTF16, Wire, charsets, field, packed, sized, table_map

INT = Wire(3, nullable=False)
TEXT = Wire(252, b"\x02")


def define(body: bytes, flavor: str = "mysql") -> TableMap:
    return TableMaps(charsets(), flavor).define(body)


def test_a_table_map_names_its_table() -> None:
    """Id, schema and name are there without the columns being looked at."""
    found = define(table_map([INT], table_id=0x0102030405))
    assert (found.table_id, found.schema, found.name) == (0x0102030405, "shop", "things")


def test_the_same_bytes_are_the_same_table_map() -> None:
    """A table map that was seen before costs one look-up."""
    maps = TableMaps(charsets(), "mysql")
    assert maps.define(table_map([INT])) is maps.define(table_map([INT]))


def test_a_new_table_id_alone_makes_no_new_version() -> None:
    """A server that reopens its tables gives them new ids; plans made for the table stay."""
    maps = TableMaps(charsets(), "mysql")
    first, second = maps.define(table_map([INT], table_id=7)), maps.define(table_map([INT], table_id=8))
    assert first is not second
    assert first.table() is second.table()
    assert maps.define(table_map([INT, INT])).table() is not first.table()


def test_columns_have_names_types_and_nullability() -> None:
    """Every kind of column gets the canonical type with its native spelling."""
    columns = [
        (INT, "int", Kind.INTEGER),
        (Wire(1, unsigned=True), "tinyint unsigned", Kind.INTEGER),
        (Wire(246, b"\x0c\x03", unsigned=True), "decimal(12,3) unsigned", Kind.DECIMAL),
        (Wire(4, b"\x04"), "float", Kind.FLOAT),
        (Wire(5, b"\x08"), "double", Kind.FLOAT),
        (Wire(13), "year", Kind.YEAR),
        (Wire(10), "date", Kind.DATE),
        (Wire(18, b"\x06"), "datetime(6)", Kind.TIMESTAMP),
        (Wire(17, b"\x00"), "timestamp", Kind.INSTANT),
        (Wire(19, b"\x03"), "time(3)", Kind.TIME),
        (Wire(16, b"\x02\x01"), "bit(10)", Kind.BIT),
        (Wire(15, b"\x50\x00"), "varchar(20)", Kind.TEXT),
        (Wire(15, b"\x50\x00", collation=LATIN1), "varchar(80)", Kind.TEXT),
        (Wire(15, b"\x50\x00", collation=BINARY), "varbinary(80)", Kind.BYTES),
        (Wire(254, b"\xfe\x50"), "char(20)", Kind.TEXT),
        (Wire(254, b"\xce\xfc"), "char(255)", Kind.TEXT),
        (Wire(254, b"\xfe\x10", collation=BINARY), "binary(16)", Kind.BYTES),
        (Wire(254, b"\xf7\x01", labels=(b"a", b"it's")), "enum('a','it''s')", Kind.ENUM),
        (Wire(254, b"\xf8\x01", labels=("ü".encode("latin1"),), collation=LATIN1), "set('ü')", Kind.SET),
        (Wire(252, b"\x01"), "tinytext", Kind.TEXT),
        (TEXT, "text", Kind.TEXT),
        (Wire(252, b"\x03", collation=BINARY), "mediumblob", Kind.BYTES),
        (Wire(252, b"\x04", collation=UTF16), "longtext", Kind.TEXT),
        (Wire(245, b"\x04"), "json", Kind.JSON),
        (Wire(255, b"\x04", geometry=1), "point", Kind.GEOMETRY),
        (Wire(242, b"\x04"), "vector", Kind.BYTES),
    ]
    table = define(table_map([wire for wire, _, _ in columns])).table()
    assert [(column.name, column.type.native, column.type.kind) for column in table.columns] == [
        (f"c{index}", native, kind) for index, (_, native, kind) in enumerate(columns)
    ]
    assert [column.nullable for column in table.columns] == [False] + [True] * (len(columns) - 1)
    assert table.identity is Identity.FULL


def test_a_key_keeps_its_own_order() -> None:
    """The primary key's columns come in the key's order, whether whole or prefixes."""
    assert define(table_map([INT, TEXT, INT], key=(2, 0))).table().key == (2, 0)
    prefixes = table_map([INT, TEXT, INT], fields={8: None, 9: packed(1) + packed(10) + packed(0) + packed(0)})
    assert define(prefixes).table().key == (1, 0)
    assert define(table_map([INT], key=())).table().key == ()


def test_a_default_character_set_has_exceptions() -> None:
    """A default collation and the columns that differ, counted among the text columns, give each column its own."""
    body = table_map([INT, TEXT, INT, TEXT, TEXT], fields={3: None, 2: packed(UTF8MB4) + packed(1) + packed(LATIN1)})
    assert [column.type.charset for column in define(body).table().columns] == [
        None, "utf8mb4", None, "latin1", "utf8mb4",
    ]  # fmt: skip


def test_mariadb_counts_geometries_among_the_texts() -> None:
    """MariaDB gives a geometry a collation too, so that the texts behind it are not shifted."""
    columns = [Wire(255, b"\x04"), TEXT]
    body = table_map(columns, fields={3: packed(BINARY) + packed(LATIN1)})
    assert define(body, "mariadb").table().columns[1].type.charset == "latin1"
    with pytest.raises(DecodeError, match="2 character sets for 1 columns"):
        define(body, "mysql").table()


def test_missing_names_are_refused_when_the_table_is_wanted() -> None:
    """An unwanted table without full metadata costs nothing; a wanted one says what to run."""
    found = define(table_map([INT], fields={4: None}))
    assert found.name == "things"
    with pytest.raises(LogUnusable, match=r"shop\.things") as raised:
        found.table()
    assert "SET GLOBAL binlog_row_metadata = FULL" in raised.value.advice


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (table_map([Wire(200)]), "type 200"),
        (table_map([Wire(243)]), "type 243"),
        (table_map([INT]) + field(99, b""), "kind 99"),
        (table_map([INT], fields={1: b""}), "flags"),
        (table_map([TEXT], fields={3: None}), "lacks the character sets"),
        (table_map([Wire(252, b"\x02", collation=250)]), "collation 250"),
        (table_map([INT], key=(3,)), "column that does not exist"),
        (table_map([INT], fields={4: sized(b"\xff")}), "not UTF-8"),
        (table_map([INT], fields={4: b"\x05a"}), "cut short"),
        (table_map([INT])[:-1], "cut short"),
        (table_map([Wire(3, b"\x00")]), "too many"),
    ],
)
def test_what_is_not_understood_is_refused(body: bytes, complaint: str) -> None:
    """Unknown types and metadata, and bodies that do not add up, are errors and never guesses."""
    with pytest.raises(DecodeError, match=complaint):
        define(body).table()


def test_a_cut_name_is_refused_at_once() -> None:
    """A body that ends inside its names is no table map."""
    with pytest.raises(DecodeError, match="cut short"):
        define(table_map([INT])[:12])


def test_old_table_maps_are_forgotten_in_the_end() -> None:
    """A server that makes tables for ever does not fill the agent's memory."""
    maps = TableMaps(charsets(), "mysql")
    first = maps.define(table_map([INT], table_id=0))
    for number in range(1, 10_001):
        maps.define(table_map([INT], table_id=number))
    assert maps.define(table_map([INT], table_id=0)) is not first
