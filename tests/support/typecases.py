"""Columns of every type, with the values at their edges: what `tests/contract/test_types.py` writes and expects.

A `Column` holds SQL literals in the source's dialect. Where the target shows a value in a form of its own (an array as
JSON), `shown` has what a person sees there, literal by literal; elsewhere the oracle compares source and target.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tests.support import engines
from tests.support.servers import Database, Server

Family = Literal["postgres", "mysql"]


@dataclass(frozen=True)
class Column:
    """One column: its declaration and the literals that its rows hold in turn."""

    name: str
    declared: str
    literals: tuple[str, ...]
    shown: Mapping[Family, tuple[str | None, ...]] = field(default_factory=dict)
    """On a target of this family: the text of each literal."""
    only: str = ""
    """The engine (and its first version, `mariadb 11`) that has the type."""
    as_text: str = "CAST({} AS CHAR)"
    """How MySQL shows it."""
    reversible: bool = True
    """Whether its values come back unchanged from the type that the other engine has for them."""
    computed: bool = False
    """Not written: generated from other columns."""

    def shown_on(self, server: Server) -> tuple[str | None, ...] | None:
        """What a person sees there; None where it is to be what the source shows."""
        own = server.engine == "mariadb" and self.only.startswith("mariadb")
        return None if own else self.shown.get(family(server))

    def exists_on(self, server: Server) -> bool:
        if not self.only:
            return True
        engine, _, version = self.only.partition(" ")
        return server.engine == engine and _numbers(server.version) >= _numbers(version or "0")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def family(server: Server) -> Family:
    return "postgres" if server.is_postgres else "mysql"


def text(*values: str) -> tuple[str, ...]:
    """Plain ASCII strings as literals that both engines read alike."""
    return tuple("'" + value.replace("'", "''") + "'" for value in values)


TRICKY = "tab\tline\nreturn\r quote\"' \U0001f600 é"

# --- PostgreSQL --------------------------------------------------------------------------------------------------

POSTGRES_TYPES = """
    CREATE EXTENSION IF NOT EXISTS hstore;
    CREATE EXTENSION IF NOT EXISTS citext;
    CREATE TYPE mood AS ENUM ('sad', 'it''s "fine"', 'glad, very');
    CREATE TYPE address AS (street text, number int, since date);
    CREATE DOMAIN positive AS numeric(8,2) CHECK (VALUE > 0);
    CREATE DOMAIN label AS varchar(10);
"""

POSTGRES: Sequence[Column] = (
    Column("c_smallint", "smallint", ("0", "-32768", "32767")),
    Column("c_int", "int", ("0", "-2147483648", "2147483647")),
    Column("c_bigint", "bigint", ("0", "-9223372036854775808", "9223372036854775807")),
    Column("c_oid", "oid", ("0", "4294967295")),
    Column("c_numeric", "numeric(12,4)", ("0", "-12345678.9012", "99999999.9999", "0.5")),
    Column("c_whole", "numeric(30)", ("0", "-123456789012345678901234567890", "10")),
    Column("c_rounded", "numeric(5,-2)", ("0", "-1234500", "9999900"), only="postgres 15"),
    Column("c_tiny", "numeric(3,6)", ("0", "-0.000123", "0.000999"), only="postgres 15"),
    Column("c_wide", "numeric(200,100)", ("0", f"-{'9' * 100}.{'8' * 100}", "1.5")),
    Column("c_free", "numeric", ("0", "1.50", f"-{'9' * 35}.{'1' * 30}", "1e-30")),
    Column("c_real", "real", ("0", "'-0'", "0.1", "-1e20", "3.4028235e38", "1.17549435e-38", "16777217", "1e-5")),
    Column(
        "c_double",
        "double precision",
        ("0", "'-0'", "0.1", "1e20", "-1.7976931348623157e308", "2.2250738585072014e-308", "123456789.12345679"),
    ),
    Column("c_bool", "boolean", ("true", "false")),
    Column("c_char", "char(5)", ("''", "'ab'", "'ñandú'", "' x'")),
    Column("c_varchar", "varchar(60)", ("''", "'a  '", *text(TRICKY), "E'\\\\N'", "'NULL'")),
    Column("c_text", "text", ("''", "E'\\\\N'", "'\\t'", "'null'", "repeat('€', 70000)", "E'\\x01\\x1a\\x7f'")),
    Column("c_name", "name", ("'x'", "repeat('y', 63)")),
    Column("c_onechar", '"char"', ("'x'", "''")),
    Column("c_citext", "citext", ("'MiXed'", "''")),
    Column("c_bytea", "bytea", (r"'\x'", r"'\x00ff5c0a0d09'", "decode(repeat('00ff', 40000), 'hex')")),
    Column("c_date", "date", ("'2024-02-29'", "'0001-01-01'", "'9999-12-31'", "'1582-10-10'")),
    Column("c_time", "time", ("'00:00'", "'23:59:59.999999'", "'24:00:00'", "'12:00:00.1'")),
    Column("c_time3", "time(3)", ("'00:00'", "'23:59:59.999'")),
    Column("c_timetz", "timetz", ("'12:00:00.5+05:30'", "'00:00-12'")),
    Column(
        "c_timestamp",
        "timestamp",
        ("'2024-02-29 12:00:00.123456'", "'0001-01-01 00:00'", "'9999-12-31 23:59:59.999999'", "'2024-03-10 02:30'"),
    ),
    Column("c_timestamp0", "timestamp(0)", ("'2024-02-29 12:00:00'", "'1969-12-31 23:59:59'")),
    Column("c_timestamp3", "timestamp(3)", ("'2024-02-29 12:00:00.120'", "'1969-12-31 23:59:59.999'")),
    Column(
        "c_instant",
        "timestamptz",
        ("'2024-02-29 12:00:00.123456-08'", "'1900-01-01 00:00+05:30'", "'2500-06-01 00:00Z'", "'2024-11-03 06:30Z'"),
    ),
    Column("c_instant3", "timestamptz(3)", ("'2024-02-29 12:00:00.12+00'", "'2024-02-29 12:00:00+00'")),
    Column(
        "c_interval",
        "interval",
        ("'1 year 2 mon 3 days 04:05:06.7'", "'-1 day 02:00'", "'0'", "'-0.000001 s'", "'9999 years'"),
        {"mysql": ("P1Y2M3DT4H5M6.7S", "P-1DT2H", "PT0S", "PT-0.000001S", "P9999Y")},
    ),
    Column("c_uuid", "uuid", ("'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "'00000000-0000-0000-0000-000000000000'")),
    Column(
        "c_json",
        "json",
        ('\'{"b": 1.0, "a": [1, null, "é😀"]}\'', "'null'", "'\"text\"'", "'18446744073709551615'", "'\"\"'"),
    ),
    Column(
        "c_jsonb",
        "jsonb",
        (r"""'{"b": 0.1, "a": "tab\t\"quote\" \\ back"}'""", "'null'", "'[]'", "'{}'", "'-1.5e10'", "'true'"),
    ),
    Column("c_enum", "mood", text("sad", 'it\'s "fine"', "glad, very")),
    Column("c_domain", "positive", ("0.01", "999999.99")),
    Column("c_label", "label", ("'abc'", "''")),
    Column("c_bit", "bit(8)", ("B'00000000'", "B'10000001'", "B'11111111'")),
    Column("c_bit1", "bit", ("B'0'", "B'1'")),
    Column(
        "c_varbit",
        "varbit(12)",
        ("B'101'", "B''", "B'0101'", "B'111111111111'"),
        {"mysql": ("101", "", "0101", "1" * 12)},
    ),
    Column("c_bits", "varbit", ("B''", "B'0101'", "repeat('01', 50)::varbit"), {"mysql": ("", "0101", "01" * 50)}),
    Column("c_inet", "inet", text("10.0.0.1", "10.0.0.0/8", "::1", "2001:db8::/32")),
    Column("c_cidr", "cidr", text("10.0.0.0/8", "::/0")),
    Column("c_macaddr", "macaddr", text("08:00:2b:01:02:03")),
    Column("c_macaddr8", "macaddr8", text("08:00:2b:01:02:03:04:05")),
    Column("c_money", "money", text("0", "-92233720368547758.08", "1234.50")),
    Column("c_xml", "xml", text("<a>b &amp; c</a>", "text")),
    Column("c_tsvector", "tsvector", ("to_tsvector('english', 'a fat cat''s \\ hat')", "''")),
    Column("c_tsquery", "tsquery", text("fat & (rat | cat)")),
    Column("c_point", "point", text("(1.5,-2)", "(0,1e20)")),
    Column("c_polygon", "polygon", text("((0,0),(1,1),(1,0))")),
    Column("c_lsn", "pg_lsn", text("16/B374D848")),
    Column("c_jsonpath", "jsonpath", text('$."a"[*]?(@ > 1)')),
    Column(
        "c_ints",
        "int[]",
        ("'{}'", "'{1,NULL,-3}'", "'{{1,2},{3,4}}'", "'{{{1},{2}}}'"),
        {"mysql": ("[]", "[1,null,-3]", "[[1,2],[3,4]]", "[[[1],[2]]]")},
    ),
    Column(
        "c_texts",
        "text[]",
        (r"""ARRAY['a "b"', 'c\d', '', NULL, 'NULL', '{}', 'e,f', ' ', E'tab\t']""", "ARRAY[['é'],['😀']]", "'{}'"),
        {"mysql": (r'["a \"b\"","c\\d","",null,"NULL","{}","e,f"," ","tab\t"]', '[["é"],["😀"]]', "[]")},
    ),
    Column("c_varchars", "varchar(5)[]", ("'{abc,\"a b\"}'", "'{}'"), {"mysql": ('["abc","a b"]', "[]")}),
    Column("c_numerics", "numeric[]", ("'{1.50,-0.001}'", "'{NaN}'"), {"mysql": ("[1.5,-0.001]", '["NaN"]')}),
    Column("c_doubles", "float8[]", ("'{1e20,0.1}'", "'{-Infinity}'"), {"mysql": ("[1e20,0.1]", '["-Infinity"]')}),
    Column("c_bools", "bool[]", ("'{t,f,NULL}'",), {"mysql": ("[true,false,null]",)}),
    Column("c_dates", "date[]", ("'{2024-02-29,infinity}'",), {"mysql": ('["2024-02-29","infinity"]',)}),
    Column(
        "c_instants",
        "timestamptz[]",
        ("'{2024-02-29 12:00:00.5+02}'",),
        {"mysql": ('["2024-02-29 10:00:00.5+00"]',)},
    ),
    Column("c_uuids", "uuid[]", ("ARRAY[gen_random_uuid()]",)),
    Column("c_byteas", "bytea[]", (r"ARRAY['\x00ff'::bytea, '\x']",), {"mysql": (r'["\\x00ff","\\x"]',)}),
    Column(
        "c_jsons",
        "jsonb[]",
        ("""ARRAY['{"a": [1]}'::jsonb, 'null', NULL]""",),
        {"mysql": ('[{"a":[1]},null,null]',)},
        reversible=False,
    ),
    Column(
        "c_moods",
        "mood[]",
        ("""ARRAY['sad', 'it''s "fine"']::mood[]""",),
        {"mysql": ("""["sad","it's \\"fine\\""]""",)},
    ),
    Column("c_intervals", "interval[]", ("ARRAY['1 day 2 h'::interval]",), {"mysql": ('["P1DT2H"]',)}),
    Column(
        "c_range",
        "int4range",
        text("[1,5)", "empty", "(,5)", "[1,)", "(,)"),
        {
            "mysql": (
                '{"lower":1,"upper":5,"bounds":"[)"}',
                '"empty"',
                '{"lower":null,"upper":5,"bounds":"()"}',
                '{"lower":1,"upper":null,"bounds":"[)"}',
                '{"lower":null,"upper":null,"bounds":"()"}',
            )
        },
    ),
    Column("c_numrange", "numrange", text("[1.5,2.5]"), {"mysql": ('{"lower":1.5,"upper":2.5,"bounds":"[]"}',)}),
    Column(
        "c_tstzrange",
        "tstzrange",
        text("[2024-01-01 00:00+00,2024-02-01 12:30:00.5+02)"),
        {"mysql": ('{"lower":"2024-01-01 00:00:00+00","upper":"2024-02-01 10:30:00.5+00","bounds":"[)"}',)},
    ),
    Column(
        "c_daterange",
        "daterange",
        text("[2024-01-01,2024-02-01)", "[2024-01-01,infinity]"),
        {
            "mysql": (
                '{"lower":"2024-01-01","upper":"2024-02-01","bounds":"[)"}',
                '{"lower":"2024-01-01","upper":"infinity","bounds":"[]"}',
            )
        },
    ),
    Column(
        "c_multirange",
        "int4multirange",
        text("{[1,3),[5,9)}", "{}"),
        {"mysql": ('[{"lower":1,"upper":3,"bounds":"[)"},{"lower":5,"upper":9,"bounds":"[)"}]', "[]")},
    ),
    Column(
        "c_hstore",
        "hstore",
        (r"""'"a"=>"1", "b c"=>NULL, "q"=>"say \"hi\" \\"'""", "''"),
        {"mysql": (r'{"a":"1","q":"say \"hi\" \\","b c":null}', "{}")},
    ),
    Column(
        "c_composite",
        "address",
        ("ROW('Main \"St\", 5', 7, '2024-02-29')::address", "ROW('', NULL, NULL)::address"),
        {
            "mysql": (
                r'{"street":"Main \"St\", 5","number":7,"since":"2024-02-29"}',
                '{"street":"","number":null,"since":null}',
            ),
            "postgres": (
                r'{"street":"Main \"St\", 5","number":7,"since":"2024-02-29"}',
                '{"street":"","number":null,"since":null}',
            ),
        },
    ),
)

# --- MySQL and MariaDB -------------------------------------------------------------------------------------------


def _hex(content: bytes, charset: str) -> str:
    return f"_{charset} x'{content.hex()}'"


MYSQL: Sequence[Column] = (
    Column("c_tinyint", "tinyint", ("0", "-128", "127")),
    Column("c_utinyint", "tinyint unsigned", ("0", "255")),
    Column("c_smallint", "smallint", ("0", "-32768", "32767")),
    Column("c_usmallint", "smallint unsigned", ("0", "65535")),
    Column("c_mediumint", "mediumint", ("0", "-8388608", "8388607")),
    Column("c_umediumint", "mediumint unsigned", ("0", "16777215")),
    Column("c_int", "int", ("0", "-2147483648", "2147483647")),
    Column("c_uint", "int unsigned", ("0", "4294967295")),
    Column("c_bigint", "bigint", ("0", "-9223372036854775808", "9223372036854775807")),
    Column("c_ubigint", "bigint unsigned", ("0", "18446744073709551615", "9223372036854775808")),
    Column("c_flag", "tinyint(1)", ("0", "1", "-5")),
    Column("c_decimal", "decimal(20,5)", ("0", "-123456789012345.00001", "999999999999999.99999", "0.1")),
    Column("c_udecimal", "decimal(10,2) unsigned", ("0", "99999999.99")),
    Column("c_whole", "decimal(10)", ("0", "-9999999999")),
    Column("c_wide", "decimal(65,30)", ("0", f"-{'9' * 35}.{'9' * 30}", "0.000000000000000000000000000001")),
    Column("c_float", "float", ("0", "-0e0", "1.1", "3.4028234e38", "-1.17549435e-38", "16777216", "1e-5")),
    Column("c_ufloat", "float unsigned", ("0", "0.1")),
    Column(
        "c_double",
        "double",
        ("0", "-0e0", "0.1", "1e20", "-1.7976931348623157e308", "2.2250738585072014e-308", "123456789.12345679"),
    ),
    Column("c_bit1", "bit(1)", ("b'0'", "b'1'")),
    Column("c_bit10", "bit(10)", ("b'0'", "b'1000000001'", "b'11'")),
    Column("c_bit64", "bit(64)", ("b'0'", "18446744073709551615", "b'101'")),
    Column("c_year", "year", ("1901", "2155", "'0000'", "2024")),
    Column("c_date", "date", ("'2024-02-29'", "'1000-01-01'", "'9999-12-31'")),
    Column("c_datetime", "datetime", ("'2024-02-29 12:00:00'", "'9999-12-31 23:59:59'", "'2024-03-10 02:30:00'")),
    Column("c_datetime3", "datetime(3)", ("'2024-02-29 12:00:00.120'", "'1000-01-01 00:00:00.001'")),
    Column("c_datetime6", "datetime(6)", ("'2024-02-29 12:00:00.000001'", "'9999-12-31 23:59:59.999999'")),
    Column(
        "c_timestamp", "timestamp NULL", ("'2024-02-29 12:00:00'", "'1970-01-01 00:00:01'", "'2024-11-03 06:30:00'")
    ),
    Column("c_timestamp6", "timestamp(6) NULL", ("'2024-02-29 12:00:00.1'", "'2038-01-19 03:14:07.999999'")),
    Column("c_time", "time", ("'00:00:00'", "'838:59:59'", "'-838:59:59'", "'24:00:00'")),
    Column("c_time6", "time(6)", ("'-00:00:00.000001'", "'-01:00:00.000001'", "'100:00:00.1'", "'12:00:00.123456'")),
    Column("c_char", "char(10) CHARACTER SET utf8mb4", ("''", "'ab'", "'ñandú'", "' x'")),
    Column(
        "c_varchar",
        "varchar(60) CHARACTER SET utf8mb4",
        ("''", "'a  '", *text(TRICKY), r"'\\N'", "'NULL'"),
    ),
    Column("c_bin", "varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", ("'Aa'", "'É'")),
    Column("c_ascii", "varchar(20) CHARACTER SET ascii", ("'abc'", "''")),
    Column("c_latin1", "varchar(20) CHARACTER SET latin1", (_hex(b"\x80\x81\xe9\xff", "latin1"), "'é€'")),
    Column("c_gbk", "varchar(20) CHARACTER SET gbk", (_hex("中文汉".encode("gbk"), "gbk"), "'a'")),
    Column("c_big5", "varchar(20) CHARACTER SET big5", (_hex("中文".encode("big5"), "big5"), "'a'")),
    Column("c_sjis", "varchar(20) CHARACTER SET sjis", (_hex("日本ｱ".encode("shift_jis"), "sjis"), "'a'")),
    Column("c_ujis", "varchar(20) CHARACTER SET ujis", (_hex("日本".encode("euc_jp"), "ujis"), "'a'")),
    Column("c_cp1251", "varchar(20) CHARACTER SET cp1251", (_hex("Привет".encode("cp1251"), "cp1251"), "''")),
    Column("c_koi8r", "char(20) CHARACTER SET koi8r", (_hex("Привет".encode("koi8_r"), "koi8r"), "''")),
    Column("c_swe7", "varchar(20) CHARACTER SET swe7", ("'Å'", "'a'")),
    Column("c_utf8mb3", "varchar(20) CHARACTER SET utf8mb3", ("'é€'", "''")),
    Column("c_utf16", "varchar(20) CHARACTER SET utf16", ("'a😀é'", "''")),
    Column("c_utf16le", "varchar(20) CHARACTER SET utf16le", ("'a😀é'", "''")),
    Column("c_ucs2", "char(20) CHARACTER SET ucs2", ("'aé€'", "''")),
    Column("c_utf32", "varchar(20) CHARACTER SET utf32", ("'a😀'", "''")),
    Column("c_tinytext", "tinytext", ("'x'", "''")),
    Column("c_text", "text", ("'x'", r"'a\\b'", "repeat('é', 20000)")),
    Column("c_mediumtext", "mediumtext", ("'x'", "repeat('😀', 20000)")),
    Column("c_longtext", "longtext CHARACTER SET latin1", ("'é'", r"'\\t'", "repeat('é', 70000)")),
    Column("c_binary", "binary(8)", ("x'0102000000000000'", "x'0000000000000000'", "'abcdefgh'")),
    Column("c_varbinary", "varbinary(20)", ("x''", "x'00ff5c0a0d0900'", "'text'")),
    Column("c_tinyblob", "tinyblob", ("x'00'", "x''")),
    Column("c_blob", "blob", ("x'5c4e'", "x'00'")),
    Column("c_mediumblob", "mediumblob", ("x'ff'", "repeat(x'00ff', 40000)")),
    Column("c_longblob", "longblob", ("x'09'", "x''")),
    Column("c_enum", "enum('a','it''s','c,d','é')", text("a", "it's", "c,d", "é")),
    Column("c_set", "set('x','y','z')", text("", "x", "z,x", "x,y,z")),
    Column(
        "c_json",
        "json",
        (
            r"""'{"b": 1, "a": [1, 2.5, null, "é😀", true], "c": "tab\\t\\"q\\" \\\\"}'""",
            "'null'",
            "'\"text\"'",
            "'18446744073709551615'",
            "'-0.1'",
            "'[]'",
            "'1e20'",
        ),
    ),
    Column("c_virtual", "bigint AS (c_int + 1) VIRTUAL", (), computed=True),
    Column("c_stored", "bigint AS (c_int * 2) STORED", (), computed=True),
    Column("c_invisible", "int INVISIBLE", ("5", "-5")),
    Column(
        "c_uuid",
        "uuid",
        text("123e4567-e89b-12d3-a456-426614174000", "ffffffff-ffff-4fff-bfff-ffffffffffff"),
        {"mysql": ("123E4567E89B12D3A456426614174000", "FFFFFFFFFFFF4FFFBFFFFFFFFFFFFFFF")},
        only="mariadb 10.7",
        as_text="HEX({})",
    ),
    Column(
        "c_inet6",
        "inet6",
        text("::1", "2001:db8::ff00:42:8329"),
        {"mysql": ("0" * 31 + "1", "20010DB8000000000000FF0000428329")},
        only="mariadb 10.5",
        as_text="HEX({})",
    ),
    Column(
        "c_inet4",
        "inet4",
        text("0.0.0.0", "255.255.255.255"),
        {"mysql": ("00000000", "FFFFFFFF")},
        only="mariadb 10.10",
        as_text="HEX({})",
    ),
    Column(
        "c_vector",
        "vector(3)",
        ("to_vector('[1,2.5,-3]')",),
        {"postgres": (r"\x0000803f00002040000040c0",), "mysql": ("0000803F00002040000040C0",)},
        only="mysql 9.0",
        as_text="HEX({})",
    ),
)


def columns(server: Server) -> list[Column]:
    """Every column that the server has a type for."""
    return [one for one in (POSTGRES if server.is_postgres else MYSQL) if one.exists_on(server)]


KEYS: Mapping[Family, Sequence[tuple[str, str, str, str]]] = {
    "postgres": (
        ("bigint", "-9223372036854775808", "0", "1"),
        ("numeric(12,4)", "1.5", "-0.0001", "99999999.9999"),
        ("numeric", "1.50", "-1", "2"),
        ("varchar(50)", "'a'", "'A'", "'a '"),
        ("text", r"'a\b'", "'é'", "'😀'"),
        ("char(5)", "'ab'", "'AB'", "'abc'"),
        ("bytea", r"'\x0100'", r"'\x01'", r"'\x'"),
        ("date", "'2024-02-29'", "'0001-01-01'", "'9999-12-31'"),
        ("time", "'23:59:59.999999'", "'00:00'", "'24:00'"),
        ("timestamp", "'2024-02-29 12:00:00.000001'", "'0001-01-01 00:00'", "'2024-03-10 02:30'"),
        ("timestamptz", "'2024-02-29 12:00:00.000001Z'", "'1900-01-01 00:00Z'", "'2024-11-03 06:30Z'"),
        ("uuid", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", f"'{'0' * 32}'", f"'{'f' * 32}'"),
        ("mood", "'sad'", "'glad, very'", "'it''s \"fine\"'"),
        ("bit(8)", "B'10000001'", "B'00000000'", "B'11111111'"),
        ("inet", "'10.0.0.1'", "'::1'", "'10.0.0.0/8'"),
    ),
    "mysql": (
        ("bigint unsigned", "18446744073709551615", "0", "9223372036854775808"),
        ("decimal(20,5)", "0.1", "-123456789012345.00001", "7"),
        ("tinyint(1)", "1", "0", "-5"),
        ("varchar(50)", "'a'", "'b'", "'é'"),
        ("varchar(50) CHARACTER SET latin1", "'é'", "'a'", "'ü'"),
        ("varchar(50) CHARACTER SET utf16", "'😀'", "'a'", "'é'"),
        ("char(5)", "'ab'", "''", "'abc'"),
        ("binary(8)", "x'0102000000000000'", "x'0000000000000000'", "'abcdefgh'"),
        ("varbinary(8)", "x'0100'", "x'01'", "x''"),
        ("date", "'2024-02-29'", "'1000-01-01'", "'9999-12-31'"),
        ("datetime(6)", "'2024-02-29 12:00:00.000001'", "'1000-01-01'", "'2024-03-10 02:30:00'"),
        ("timestamp(6)", "'2024-02-29 12:00:00.000001'", "'1970-01-01 00:00:01'", "'2024-11-03 06:30:00'"),
        ("time(6)", "'-838:59:59'", "'838:59:59'", "'-00:00:00.000001'"),
        ("year", "2024", "1901", "2155"),
        ("enum('a','b','c')", "'a'", "'b'", "'c'"),
        ("set('a','b','c')", "'a,c'", "''", "'b'"),
        ("bit(10)", "b'1000000001'", "b'0'", "b'11'"),
    ),
}
"""Types of keys, each with three of its values."""
KEY_MOVES = "DELETE FROM {t} WHERE k = {b};UPDATE {t} SET k = {b} WHERE k = {a};UPDATE {t} SET k = {c} WHERE k = {b}"


# --- tables and their rows ---------------------------------------------------------------------------------------


@dataclass
class Table:
    """A table of typed columns on a source, and which literal each of its rows holds."""

    database: Database
    name: str
    columns: Sequence[Column]
    rows: dict[int, dict[str, int | None]] = field(default_factory=dict)
    """Row → column → place of its literal, None for NULL."""

    @property
    def written(self) -> list[Column]:
        return [one for one in self.columns if not one.computed]

    def create(self, database: Database | None = None) -> None:
        """Create it on the source, or the same on another database."""
        declarations = ", ".join(f"{one.name} {one.declared}" for one in self.columns)
        (database or self.database).run(f"CREATE TABLE {self.name} (id bigint PRIMARY KEY, {declarations})")
        if self.database.server.is_postgres:  # out of the row, so that the log leaves it out where it has not changed
            self.database.run(f"ALTER TABLE {self.name} ALTER c_text SET STORAGE EXTERNAL")

    def inserts(self) -> Iterator[str]:
        """As many rows as the column with the most literals needs, and one of NULLs."""
        names = ", ".join(one.name for one in self.written)
        for row in range(max(len(one.literals) for one in self.written)):
            self.rows[row] = {one.name: row % len(one.literals) for one in self.written}
            yield f"INSERT INTO {self.name} (id, {names}) VALUES ({row}, {', '.join(self._values(row))})"
        self.rows[1000] = {one.name: None for one in self.written}
        yield f"INSERT INTO {self.name} (id) VALUES (1000)"

    def updates(self) -> Iterator[str]:
        """Every row to its next values; then each column alone, in one row: to a value and, in another, to NULL."""
        for row in [row for row in self.rows if row != 1000]:
            self.rows[row] = {one.name: (row + 1) % len(one.literals) for one in self.written}
            pairs = zip(self.written, self._values(row), strict=True)
            assignments = ", ".join(f"{one.name} = {value}" for one, value in pairs)
            yield f"UPDATE {self.name} SET {assignments} WHERE id = {row}"
        for one in self.written:
            self.rows[1000][one.name], self.rows[3][one.name] = 0, None
            yield f"UPDATE {self.name} SET {one.name} = {one.literals[0]} WHERE id = 1000"
            yield f"UPDATE {self.name} SET {one.name} = NULL WHERE id = 3"

    def moves(self) -> Iterator[str]:
        """A moved key whose other columns the log need not repeat, and a delete."""
        self.rows[2000] = self.rows.pop(1000)
        yield f"UPDATE {self.name} SET id = 2000 WHERE id = 1000"
        del self.rows[0]
        yield f"DELETE FROM {self.name} WHERE id = 0"

    def _values(self, row: int) -> list[str]:
        return [one.literals[place] for one in self.written if (place := self.rows[row][one.name]) is not None]

    def shown(self, target: Database) -> list[str]:
        """What differs on the target from what each column says that a person sees there."""
        wrong: list[str] = []
        for one in self.columns:
            texts = one.shown_on(target.server)
            if texts is None:
                continue
            as_text = "{}::text" if target.server.is_postgres else one.as_text
            found = dict(target.run(f"SELECT id, {as_text.format(one.name)} FROM {self.name}"))
            for row, places in self.rows.items():
                place = places[one.name]
                expected = None if place is None else texts[place]
                if not _alike(expected, found.get(row)):
                    wrong.append(f"{one.name} of row {row}: {found.get(row)!r} instead of {expected!r}")
        return wrong


def _alike(expected: str | None, found: str | None) -> bool:
    """The same text, or the same JSON but for its spacing."""
    if expected is None or found is None or expected[:1] not in ('"', "[", "{"):
        return expected == found
    return bool(json.loads(expected) == json.loads(found))


def write(database: Database, statements: Iterator[str] | Sequence[str], *settings: str) -> None:
    """Run statements in one transaction of a session in UTC, with further settings."""
    with database.connect() as connection:
        zone = "SET TimeZone = 'UTC'" if database.server.is_postgres else "SET time_zone = '+00:00'"
        for statement in [zone, *settings, "BEGIN", *statements, "COMMIT"]:
            engines.run(connection, statement)
