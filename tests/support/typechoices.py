"""Columns whose target type a person has chosen, and values that a target cannot hold: for `tests/contract/test_types.py`.

A `Choice` is one column and one row that holds a value in it. The target shows the value as `shown`, or else the row
is refused with `code`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.support.servers import Database
from tests.support.typecases import Family, family


@dataclass(frozen=True)
class Choice:
    """`declared` on the source becomes `target`; "" is what ``setup --create-tables`` makes of it."""

    declared: str
    target: str
    literal: str
    shown: str = ""
    code: str = ""
    as_text: str = "CAST({} AS CHAR)"
    """How MySQL shows it."""


def _refused(declared: str, target: str, literal: str, code: str) -> Choice:
    return Choice(declared, target, literal, code=code)


REFUSED_BY_SERVER = "TG004"
UUID = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
HEX_UUID = UUID.replace("-", "").upper()

CHOSEN: Mapping[tuple[Family, Family], Sequence[Choice]] = {
    ("postgres", "mysql"): (
        Choice("boolean", "bit(1)", "true", "1", as_text="CAST({} + 0 AS CHAR)"),
        Choice("boolean", "varchar(5)", "false", "false"),
        Choice("boolean", "decimal(3,1)", "true", "1.0"),
        Choice("uuid", "binary(16)", f"'{UUID}'", HEX_UUID, as_text="HEX({})"),
        Choice("uuid", "varchar(36)", f"'{UUID}'", UUID),
        Choice("json", "longtext", """'{"b": 1,  "a": 1.0}'""", '{"b": 1,  "a": 1.0}'),
        Choice("text", "json", "'[1, 2]'", "[1, 2]"),
        Choice("interval", "time(6)", "'1 day 02:03:04.5'", "26:03:04.500000"),
        Choice("interval", "time", "'-02:00'", "-02:00:00"),
        Choice("text[]", "text", "ARRAY['a', 'b c', NULL]", '{a,"b c",NULL}'),
        Choice("int", "varchar(20)", "-12", "-12"),
        Choice("text", "int", "' 12 '", "12"),
        Choice("text", "decimal(10,3)", "'1e2'", "100.000"),
        Choice("int", "year", "2024", "2024"),
        Choice("int", "bit(8)", "5", "5", as_text="CAST({} + 0 AS CHAR)"),
        Choice("int", "decimal(10,2)", "7", "7.00"),
        Choice("int", "double", "7", "7"),
        Choice("bit(8)", "smallint unsigned", "B'10000001'", "129"),
        Choice("bit(8)", "binary(1)", "B'10000001'", "81", as_text="HEX({})"),
        Choice("double precision", "decimal(10,3)", "0.125", "0.125"),
        Choice("double precision", "varchar(30)", "1e20", "1e+20"),
        Choice("numeric(4,2)", "int", "12.00", "12"),
        Choice("timestamptz", "timestamp(6)", "'2024-01-01 00:00:00.5+02'", "2023-12-31 22:00:00.500000"),
        Choice("timestamp", "timestamp(3)", "'2024-01-01 00:00:00.5'", "2024-01-01 00:00:00.500"),
        Choice("timestamp", "date", "'2024-01-01 00:00'", "2024-01-01"),
        Choice("date", "datetime", "'2024-01-01'", "2024-01-01 00:00:00"),
        Choice("text", "date", "'2024-02-29'", "2024-02-29"),
        Choice("text", "time", "'12:30'", "12:30:00"),
        Choice("text", "set('a','b','c')", "'c,a'", "a,c"),
        Choice("text", "enum('a','b')", "'b'", "b"),
        Choice("mood", "varchar(20)", "'sad'", "sad"),
        Choice("mood", "enum('glad, very','it''s \"fine\"','sad')", "'glad, very'", "glad, very"),
        Choice("timestamptz", "varchar(40)", "'2024-01-01 00:00+02'", "2023-12-31 22:00:00+00"),
        Choice("char(5)", "varchar(5)", "'ab'", "ab"),
        Choice("money", "varchar(20)", "'1.50'", "$1.50"),
        _refused("text", "varchar(3)", "'abcd'", "too_long"),
        _refused("text", "tinytext", "repeat('é', 128)", "too_long"),
        _refused("text", "varchar(9) CHARACTER SET latin1", "'中'", "encoding"),
        _refused("text", "varchar(9) CHARACTER SET utf8mb3", "'😀'", "encoding"),
        _refused("bigint", "int", "2147483648", "out_of_range"),
        _refused("int", "tinyint unsigned", "-1", "out_of_range"),
        _refused("int", "year", "1900", "out_of_range"),
        _refused("timestamptz", "timestamp", "'2040-01-01 00:00Z'", "out_of_range"),
        _refused("timestamptz", "timestamp", "'1970-01-01 00:00Z'", "out_of_range"),
        _refused("timestamp", "datetime", "'2024-01-01 00:00:00.5'", "digits"),
        _refused("timestamp", "date", "'2024-01-01 00:01'", "digits"),
        _refused("time", "time(3)", "'00:00:00.0001'", "digits"),
        _refused("numeric", "decimal(6,2)", "1.005", "digits"),
        _refused("numeric", "decimal(6,2) unsigned", "-1", "out_of_range"),
        _refused("double precision", "float", "0.1", "digits"),
        _refused("double precision", "int", "1.5", "digits"),
        _refused("double precision", "decimal(6,2)", "'NaN'", "not_finite"),
        _refused("interval", "time", "'1 mon'", "out_of_range"),
        _refused("interval", "time", "'839 h'", "out_of_range"),
        _refused("text", "int", "'x'", "form"),
        _refused("text", "date", "'2024-02-30'", "form"),
        _refused("text", "json", "'{'", "form"),
        _refused("text", "enum('a')", "'b'", "label"),
        _refused("text", "set('a')", "'a,b'", "label"),
        _refused("bytea", "varbinary(2)", r"'\x000102'", "too_long"),
        _refused("bytea", "binary(4)", r"'\x0001'", "too_short"),
        _refused("varbit", "bit(2)", "B'111'", "too_long"),
    ),
    ("mysql", "postgres"): (
        Choice("tinyint(1)", "boolean", "1", "true"),
        Choice("bit(1)", "boolean", "b'0'", "false"),
        Choice("int", "boolean", "0", "false"),
        Choice("varchar(5)", "boolean", "'YES'", "true"),
        Choice("char(36)", "uuid", f"'{UUID.upper()}'", UUID),
        Choice("binary(16)", "uuid", f"x'{HEX_UUID}'", UUID),
        Choice("varchar(40)", "jsonb", "'[1,2]'", "[1, 2]"),
        Choice("longtext", "json", "'[1,  2]'", "[1,  2]"),
        Choice("json", "json", "'[1, 2]'", "[1, 2]"),
        Choice("json", "text", "'[1, 2]'", "[1, 2]"),
        Choice("json", "int[]", "'[1, null, 2]'", "{1,NULL,2}"),
        Choice("json", "int[]", "'[[1, 2], [3, 4]]'", "{{1,2},{3,4}}"),
        Choice("json", "text[]", """'["a b", "NULL", null, ""]'""", '{"a b","NULL",NULL,""}'),
        Choice("json", "int4range", """'{"lower": 1, "upper": 5, "bounds": "[]"}'""", "[1,6)"),
        Choice("json", "int4multirange", """'[{"lower": 1, "upper": 3, "bounds": "[)"}]'""", "{[1,3)}"),
        Choice("json", "public.hstore", """'{"a": "1", "b": null}'""", '"a"=>"1", "b"=>NULL'),
        Choice("json", "public.address", """'{"street": "x, y", "number": 3, "since": null}'""", '("x, y",3,)'),
        Choice("set('x','y','z')", "text[]", "'z,x'", "{x,z}"),
        Choice("set('x','y','z')", "jsonb", "'z,x'", '["x", "z"]'),
        Choice("enum('sad','it''s \"fine\"')", "public.mood", "'sad'", "sad"),
        Choice("time", "time", "'23:59:59'", "23:59:59"),
        Choice("time(6)", "text", "'-00:00:00.5'", "-00:00:00.5"),
        Choice("datetime(6)", "timestamptz", "'2024-01-01 00:00:00.5'", "2024-01-01 00:00:00.5+00"),
        Choice("timestamp NULL", "timestamp", "'2024-01-01 00:00:00'", "2024-01-01 00:00:00"),
        Choice("datetime", "date", "'2024-01-01 00:00:00'", "2024-01-01"),
        Choice("date", "timestamp", "'2024-01-01'", "2024-01-01 00:00:00"),
        Choice("varchar(20)", "int", "'-7'", "-7"),
        Choice("varchar(20)", "numeric", "'1.50'", "1.50"),
        Choice("varchar(20)", "interval", "'P1DT2H'", "1 day 02:00:00"),
        Choice("varchar(30)", "timestamptz", "'2024-01-01T00:00:00+02:00'", "2023-12-31 22:00:00+00"),
        Choice("varchar(20)", "inet", "'10.0.0.1'", "10.0.0.1/32"),
        Choice("varchar(20)", "bit(3)", "'101'", "101"),
        Choice("int", "text", "-12", "-12"),
        Choice("int unsigned", "int", "7", "7"),
        Choice("year", "int", "2024", "2024"),
        Choice("bit(8)", "bytea", "b'10000001'", r"\x81"),
        Choice("bit(8)", "int", "b'10000001'", "129"),
        Choice("bit(8)", "varbit", "b'101'", "00000101"),
        Choice("float", "double precision", "1.5", "1.5"),
        Choice("decimal(10,2)", "bigint", "12.00", "12"),
        Choice("decimal(10,2)", "text", "12.00", "12.00"),
        Choice("point", "bytea", "ST_GeomFromText('POINT(1 2)')", r"\x0101000000000000000000f03f0000000000000040"),
        Choice("point", "text", "ST_GeomFromText('POINT(1 2)')", "0101000000000000000000F03F0000000000000040"),
        _refused("bigint unsigned", "bigint", "18446744073709551615", "out_of_range"),
        _refused("tinyint(1)", "boolean", "2", "out_of_range"),
        _refused("time", "time", "'25:00:00'", "out_of_range"),
        _refused("time", "time", "'-01:00:00'", "out_of_range"),
        _refused("char(36)", "uuid", "'x'", "form"),
        _refused("varbinary(16)", "uuid", "x'00'", "form"),
        _refused("varchar(9)", "varchar(2)", "'abc'", "too_long"),
        _refused("varchar(9)", "int", "'x'", "form"),
        _refused("varchar(9)", "jsonb", "'{'", "form"),
        _refused("json", "int[]", """'{"a": 1}'""", "form"),
        _refused("json", "int[]", "'[[1], [2, 3]]'", "form"),
        _refused("json", "int4range", "'[1]'", "form"),
        _refused("enum('a')", "public.mood", "'a'", "label"),
        _refused("varchar(9)", "public.mood", "'a'", "label"),
        _refused("decimal(10,5)", "numeric(6,2)", "1.005", "digits"),
        _refused("datetime", "date", "'2024-01-01 00:00:01'", "digits"),
        _refused("bit(8)", "boolean", "b'10'", "out_of_range"),
        _refused("bit(8)", "bit(4)", "b'10'", "too_long"),
        _refused("double", "real", "0.1", "digits"),
        _refused("varchar(9)", "inet", "'x'", REFUSED_BY_SERVER),
    ),
    ("postgres", "postgres"): (
        Choice("int", "bigint", "-1", "-1"),
        Choice("int", "numeric(10,2)", "-1", "-1.00"),
        Choice("text", "uuid", f"'{UUID.upper()}'", UUID),
        Choice("uuid", "bytea", f"'{UUID}'", f"\\x{HEX_UUID.lower()}"),
        Choice("uuid", "text", f"'{UUID}'", UUID),
        Choice("json", "jsonb", """'{"b": 1, "a": 1.0}'""", '{"a": 1.0, "b": 1}'),
        Choice("jsonb", "text", "'[1]'", "[1]"),
        Choice("timestamptz", "timestamp", "'2024-01-01 00:00+02'", "2023-12-31 22:00:00"),
        Choice("timestamp", "timestamptz", "'infinity'", "infinity"),
        Choice("mood", "public.mood", "'sad'", "sad"),
        Choice("address", "public.address", "ROW('x, \"y\"', 3, NULL)::address", '("x, ""y""",3,)'),
        Choice("int[]", "bigint[]", "'{1,NULL}'", "{1,NULL}"),
        Choice("int[]", "text[]", "'{1,NULL}'", "{1,NULL}"),
        Choice("text[]", "jsonb", "ARRAY['a', NULL]", '["a", null]'),
        Choice("hstore", "jsonb", "'a=>1'", '{"a": "1"}'),
        Choice("positive", "numeric", "1.50", "1.50"),
        Choice("citext", "text", "'Aa'", "Aa"),
        _refused("text", "varchar(3)", "'abcd'", "too_long"),
        _refused("bigint", "int", "2147483648", "out_of_range"),
        _refused("numeric", "numeric(4,1)", "1.05", "digits"),
        _refused("numeric", "numeric(4,1)", "'Infinity'", "not_finite"),
        _refused("numeric", "int", "'NaN'", "not_finite"),
        _refused("double precision", "real", "0.1", "digits"),
        _refused("timestamp", "date", "'2024-01-01 00:01'", "digits"),
        _refused("timestamp", "timestamp(0)", "'2024-01-01 00:00:00.5'", "digits"),
        _refused("text", "public.mood", "'x'", "label"),
        _refused("text", "jsonb", "'{'", "form"),
        _refused("text", "int", "'x'", "form"),
        _refused("json", "jsonb", r"""'"\u0000"'""", "nul"),
        _refused("varbit", "bit(3)", "B'1'", "too_short"),
    ),
    ("mysql", "mysql"): (
        Choice("int", "bigint", "-1", "-1"),
        Choice("varchar(9) CHARACTER SET latin1", "varchar(9) CHARACTER SET utf8mb4", "'é'", "é"),
        Choice("varchar(9) CHARACTER SET utf16", "varchar(9) CHARACTER SET utf8mb4", "'😀'", "😀"),
        Choice("datetime(6)", "timestamp(6)", "'2024-01-01 00:00:00.5'", "2024-01-01 00:00:00.500000"),
        Choice("timestamp NULL", "datetime", "'2024-01-01 00:00:00'", "2024-01-01 00:00:00"),
        Choice("enum('a','b')", "varchar(5)", "'b'", "b"),
        Choice("enum('a','b')", "enum('b','a')", "'b'", "b"),
        Choice("set('x','y','z')", "varchar(9)", "'z,x'", "x,z"),
        Choice("bit(8)", "int", "b'101'", "5"),
        Choice("year", "int", "2024", "2024"),
        Choice("tinyint(1)", "bit(1)", "1", "1", as_text="CAST({} + 0 AS CHAR)"),
        Choice("varchar(9)", "json", "'[1, 2]'", "[1, 2]"),
        Choice("date", "date", "'0000-00-00'", "0000-00-00"),
        Choice("date", "date", "'2024-00-15'", "2024-00-15"),
        Choice("datetime", "datetime", "'0000-00-00 00:00:00'", "0000-00-00 00:00:00"),
        Choice("timestamp NULL", "timestamp NULL", "'0000-00-00 00:00:00'", "0000-00-00 00:00:00"),
        Choice("point", "geometry", "ST_GeomFromText('POINT(1 2)')", "POINT(1 2)", as_text="ST_AsText({})"),
        Choice(
            "polygon",
            "polygon",
            "ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))', 4326)",
            "4326",
            as_text="CAST(ST_SRID({}) AS CHAR)",
        ),
        _refused("varchar(9)", "varchar(2)", "'abc'", "too_long"),
        _refused("varchar(9) CHARACTER SET utf8mb4", "varchar(9) CHARACTER SET latin1", "'中'", "encoding"),
        _refused("bigint", "int", "2147483648", "out_of_range"),
        _refused("int", "int unsigned", "-1", "out_of_range"),
        _refused("datetime", "timestamp", "'2040-01-01 00:00:00'", "out_of_range"),
        _refused("datetime(6)", "datetime", "'2024-01-01 00:00:00.5'", "digits"),
        _refused("double", "float", "0.1", "digits"),
        _refused("decimal(10,5)", "decimal(6,2)", "1.005", "digits"),
        _refused("varchar(9)", "enum('a')", "'b'", "label"),
        _refused("enum('a','b')", "enum('a','b')", "'no such label'", "label"),
        _refused("bit(8)", "bit(2)", "b'111'", "too_long"),
        _refused("varbinary(9)", "binary(4)", "x'00'", "too_short"),
    ),
}

CREATED: Mapping[tuple[Family, Family], Sequence[Choice]] = {
    ("postgres", "mysql"): (
        _refused("numeric(12,4)", "", "'NaN'", "not_finite"),
        _refused("numeric", "", "'-Infinity'", "not_finite"),
        _refused("numeric", "", "1e40", "out_of_range"),
        _refused("numeric", "", "1e-31", "digits"),
        _refused("real", "", "'NaN'", "not_finite"),
        _refused("double precision", "", "'-Infinity'", "not_finite"),
        _refused("date", "", "'infinity'", "not_finite"),
        _refused("date", "", "'0044-03-15 BC'", "out_of_range"),
        _refused("date", "", "'10000-01-01'", "out_of_range"),
        _refused("timestamp", "", "'-infinity'", "not_finite"),
        _refused("timestamp", "", "'0044-03-15 00:00 BC'", "out_of_range"),
        _refused("timestamptz", "", "'infinity'", "not_finite"),
        _refused("timestamptz", "", "'10000-01-01 00:00Z'", "out_of_range"),
        _refused("json", "", "'123456789012345678901234567890'", "digits"),
        _refused("jsonb", "", "'[1.00000000000000000001]'", "digits"),
        _refused("int[]", "", "'[0:1]={1,2}'", "form"),
    ),
    ("mysql", "postgres"): (
        _refused("varchar(9)", "", "'a\\0b'", "nul"),
        _refused("longtext", "", "'a\\0b'", "nul"),
        _refused("json", "", r"""'"\\u0000"'""", "nul"),
        _refused("date", "", "'0000-00-00'", "zero_date"),
        _refused("date", "", "'2024-00-15'", "zero_date"),
        _refused("datetime", "", "'0000-00-00 00:00:00'", "zero_date"),
        _refused("datetime(6)", "", "'2024-02-00 01:02:03.5'", "zero_date"),
        _refused("timestamp NULL", "", "'0000-00-00 00:00:00'", "zero_date"),
    ),
}
"""What a target that `setup` made cannot hold."""


@dataclass(frozen=True)
class Chosen:
    """A table with one column and one row for each choice, the other columns of the row being NULL."""

    source: Database
    target: Database
    name: str
    choices: Sequence[Choice]

    def create(self) -> None:
        self.source.run(self._table([choice.declared for choice in self.choices], self.source))
        if all(choice.target for choice in self.choices):
            self.target.run(self._table([choice.target for choice in self.choices], self.target))

    def _table(self, types: Sequence[str], database: Database) -> str:
        null = " NULL" if family(database.server) == "mysql" else ""
        columns = [f"c{place} {type_}{null}".replace("NULL NULL", "NULL") for place, type_ in enumerate(types)]
        return f"CREATE TABLE {self.name} (id int PRIMARY KEY, {', '.join(columns)})"

    def inserts(self) -> Iterator[str]:
        yield f"INSERT INTO {self.name} (id) VALUES (1000)"
        for place, choice in enumerate(self.choices):
            yield f"INSERT INTO {self.name} (id, c{place}) VALUES ({place}, {choice.literal})"

    @property
    def refused(self) -> dict[int, tuple[str | None, str]]:
        """Column and code of each row that is to be refused; PostgreSQL does not name the column that it refuses."""
        return {
            place: (None if choice.code == REFUSED_BY_SERVER else f"c{place}", choice.code)
            for place, choice in enumerate(self.choices)
            if choice.code
        }

    def expected(self) -> dict[int, str | None]:
        return {1000: None} | {place: choice.shown for place, choice in enumerate(self.choices) if not choice.code}

    def shown(self) -> dict[int, str | None]:
        """The rows on the target, each with the text of its own column."""
        postgres = self.target.server.is_postgres
        cells = [
            f"WHEN {place} THEN {(f'c{place}::text' if postgres else choice.as_text.format(f'c{place}'))}"
            for place, choice in enumerate(self.choices)
        ]
        zone = "SET TimeZone = 'UTC'" if postgres else "SET time_zone = '+00:00'"
        query = f"SELECT id, CASE id {' '.join(cells)} END FROM {self.name}"
        return {row[0]: row[1] for row in self.target.run(f"{zone}; {query}")}
