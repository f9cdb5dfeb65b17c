"""Conversions between the engines' types: what passes, what changes its form, and what is refused for which reason."""

from __future__ import annotations

import pytest

from cdc_agent.conversions.convert import Context, Convert, ImpossibleError, MisfitError, conversion
from cdc_agent.conversions.type_table import MYSQL_TYPES, POSTGRES_TYPES, declared
from cdc_agent.conversions.types import recommended
from cdc_agent.engines.mysql.types import from_column_type
from cdc_agent.model.values import Kind, Type

TO_MYSQL = Context(engine="mysql", source_engine="postgresql")
TO_POSTGRES = Context(engine="postgresql", source_engine="mysql")
SAME = Context(engine="postgresql", source_engine="postgresql")
MYSQL_BOTH = Context(engine="mysql", source_engine="mysql")

PG = {
    "boolean": Type(Kind.BOOL, "boolean"),
    "smallint": Type(Kind.INTEGER, "smallint", precision=16),
    "integer": Type(Kind.INTEGER, "integer", precision=32),
    "bigint": Type(Kind.INTEGER, "bigint", precision=64),
    "numeric": Type(Kind.DECIMAL, "numeric"),
    "numeric(5,2)": Type(Kind.DECIMAL, "numeric(5,2)", precision=5, scale=2),
    "numeric(20,0)": Type(Kind.DECIMAL, "numeric(20,0)", precision=20, scale=0),
    "real": Type(Kind.FLOAT, "real", precision=32),
    "double": Type(Kind.FLOAT, "double precision", precision=64),
    "text": Type(Kind.TEXT, "text"),
    "varchar(5)": Type(Kind.TEXT, "character varying(5)", length=5),
    "char(5)": Type(Kind.TEXT, "character(5)", length=5, fixed=True),
    "bytea": Type(Kind.BYTES, "bytea"),
    "date": Type(Kind.DATE, "date"),
    "time": Type(Kind.TIME, "time without time zone", precision=6),
    "timestamp": Type(Kind.TIMESTAMP, "timestamp without time zone", precision=6),
    "timestamptz": Type(Kind.INSTANT, "timestamp with time zone", precision=6),
    "interval": Type(Kind.INTERVAL, "interval", precision=6),
    "uuid": Type(Kind.UUID, "uuid"),
    "json": Type(Kind.JSON, "json"),
    "jsonb": Type(Kind.JSON, "jsonb"),
    "enum": Type(Kind.ENUM, "level", labels=("low", "high")),
    "int[]": Type(Kind.ARRAY, "integer[]", element=Type(Kind.INTEGER, "integer", precision=32)),
    "text[]": Type(Kind.ARRAY, "text[]", element=Type(Kind.TEXT, "text")),
    "bool[]": Type(Kind.ARRAY, "boolean[]", element=Type(Kind.BOOL, "boolean")),
    "int4range": Type(Kind.RANGE, "int4range", element=Type(Kind.INTEGER, "integer", precision=32)),
    "tsrange": Type(Kind.RANGE, "tsrange", element=Type(Kind.TIMESTAMP, "timestamp", precision=6)),
    "int4multirange": Type(Kind.RANGE, "int4multirange", element=Type(Kind.INTEGER, "integer", precision=32)),
    "hstore": Type(Kind.HSTORE, "hstore"),
    "pair": Type(Kind.COMPOSITE, "pair", fields=(("n", Type(Kind.INTEGER, "integer")), ("s", Type(Kind.TEXT, "text")))),
    "bit(8)": Type(Kind.BIT, "bit(8)", length=8, fixed=True),
    "varbit": Type(Kind.BIT, "bit varying"),
    "inet": Type(Kind.OTHER, "inet"),
}


def converter(source: Type, target: Type, context: Context) -> Convert | None:
    return conversion(source, target, context).convert


def type_of(name: str, *, mysql: bool) -> Type:
    if not mysql:
        return PG[name]
    declared, _, charset = name.partition(" @")
    return from_column_type(declared, charset or "utf8mb4")


def convert(source: str, target: str, value: str, context: Context) -> str | None:
    source_type = type_of(source, mysql=context.source_engine == "mysql")
    target_type = type_of(target, mysql=context.engine == "mysql")
    function = converter(source_type, target_type, context)
    text = value.encode("utf-8", "surrogatepass")
    result = text if function is None else function(text)
    return None if result is None else result.decode()


PASSES = [
    ("bigint", "bigint", TO_MYSQL),
    ("smallint", "int", TO_MYSQL),
    ("text", "longtext", TO_MYSQL),
    ("varchar(5)", "varchar(10)", TO_MYSQL),
    ("uuid", "char(36)", TO_MYSQL),
    ("int", "bigint", TO_POSTGRES),
    ("decimal(5,2)", "numeric(5,2)", TO_POSTGRES),
    ("double", "double", TO_POSTGRES),
    ("date", "date", MYSQL_BOTH),
    ("datetime(3)", "datetime(6)", MYSQL_BOTH),
    ("int[]", "int[]", SAME),
]


@pytest.mark.parametrize(("source", "target", "context"), PASSES)
def test_hot_pairs_pass_untouched(source: str, target: str, context: Context) -> None:
    """Types whose every value fits as it is need no function."""
    source_type = type_of(source, mysql=context.source_engine == "mysql")
    assert converter(source_type, type_of(target, mysql=context.engine == "mysql"), context) is None


FITS = [
    ("boolean", "tinyint(1)", "t", "1", TO_MYSQL),
    ("boolean", "bit(1)", "f", "0", TO_MYSQL),
    ("boolean", "varchar(5)", "t", "true", TO_MYSQL),
    ("tinyint(1)", "boolean", "1", "t", TO_POSTGRES),
    ("bit(1)", "boolean", "0", "f", TO_POSTGRES),
    ("bit(8)", "integer", "00000101", "5", TO_POSTGRES),
    ("int", "numeric(5,2)", "12", "12.00", TO_POSTGRES),
    ("bigint unsigned", "numeric(20,0)", "18446744073709551615", "18446744073709551615", TO_POSTGRES),
    ("numeric", "decimal(10,2)", "1.5", "1.50", TO_MYSQL),
    ("numeric", "decimal(10,2)", "1.500", "1.50", TO_MYSQL),
    ("numeric", "decimal(10,2)", "-0.00", "0.00", TO_MYSQL),
    ("numeric", "int", "7.00", "7", TO_MYSQL),
    ("numeric", "double", "0.1", "0.1", TO_MYSQL),
    ("double", "float", "0.5", "0.5", TO_MYSQL),
    ("double", "decimal(10,3)", "1e-3", "0.001", TO_MYSQL),
    ("char(5)", "varchar(5)", "ab   ", "ab", TO_MYSQL),
    ("text", "int", " 12 ", "12", TO_MYSQL),
    ("text", "varchar(3)", "äöü", "äöü", TO_MYSQL),
    ("text", "varchar(9) @latin1", "é", "é", TO_MYSQL),
    ("text", "enum('low','high')", "low", "low", TO_MYSQL),
    ("enum('low','high')", "text", "low", "low", TO_POSTGRES),
    ("set('a','b')", "text[]", "a,b", "{a,b}", TO_POSTGRES),
    ("set('a','b')", "jsonb", "a,b", '["a", "b"]', TO_POSTGRES),
    ("uuid", "binary(16)", "00112233-4455-6677-8899-aabbccddeeff", "\\x00112233445566778899aabbccddeeff", TO_MYSQL),
    ("binary(16)", "uuid", "\\x00112233445566778899aabbccddeeff", "00112233-4455-6677-8899-aabbccddeeff", TO_POSTGRES),
    ("char(36)", "uuid", "00112233-4455-6677-8899-AABBCCDDEEFF", "00112233-4455-6677-8899-aabbccddeeff", TO_POSTGRES),
    ("timestamptz", "datetime(6)", "2024-02-29 12:00:00.5+00", "2024-02-29 12:00:00.5", TO_MYSQL),
    ("datetime(6)", "timestamptz", "2024-02-29 12:00:00.5", "2024-02-29 12:00:00.5+00", TO_POSTGRES),
    ("timestamp", "datetime(3)", "2024-02-29 12:00:00.120", "2024-02-29 12:00:00.120", TO_MYSQL),
    ("timestamptz", "timestamp", "2024-02-29 12:00:00+00", "2024-02-29 12:00:00+00", TO_MYSQL),
    ("date", "datetime", "2024-02-29", "2024-02-29 00:00:00", TO_MYSQL),
    ("datetime", "date", "2024-02-29 00:00:00", "2024-02-29", TO_POSTGRES),
    ("time(3)", "interval", "-100:30:00.5", "PT-100H-30M-0.5S", TO_POSTGRES),
    ("interval", "time(3)", "PT-100H-30M-0.5S", "-100:30:00.5", TO_MYSQL),
    ("interval", "time", "P1DT1H", "25:00:00", TO_MYSQL),
    ("interval", "varchar(64)", "P1Y2M", "P1Y2M", TO_MYSQL),
    ("int[]", "json", "{1,2,NULL}", "[1, 2, null]", TO_MYSQL),
    ("int[]", "json", "{{1,2},{3,4}}", "[[1, 2], [3, 4]]", TO_MYSQL),
    ("int[]", "json", "{}", "[]", TO_MYSQL),
    ("text[]", "json", '{"a \\"b\\"","NULL",NULL,"\\\\",c}', '["a \\"b\\"", "NULL", null, "\\\\", "c"]', TO_MYSQL),
    ("bool[]", "json", "{t,f}", "[true, false]", TO_MYSQL),
    ("json", "int[]", "[1, [2]]".replace("[2]", "2"), "{1,2}", TO_POSTGRES),
    ("json", "text[]", '["a,b", null, "", "null"]', '{"a,b",NULL,"","null"}', TO_POSTGRES),
    ("int4range", "json", "[1,5)", '{"lower": 1, "upper": 5, "bounds": "[)"}', TO_MYSQL),
    ("int4range", "json", "empty", '"empty"', TO_MYSQL),
    ("int4range", "json", "(,5)", '{"lower": null, "upper": 5, "bounds": "()"}', TO_MYSQL),
    ("json", "int4range", '{"lower": 1, "upper": null, "bounds": "[)"}', "[1,)", TO_POSTGRES),
    ("tsrange", "json", '["2024-01-01 00:00:00",)',
     '{"lower": "2024-01-01 00:00:00", "upper": null, "bounds": "[)"}', TO_MYSQL),
    ("int4multirange", "json", "{[1,2),[5,7)}",
     '[{"lower": 1, "upper": 2, "bounds": "[)"}, {"lower": 5, "upper": 7, "bounds": "[)"}]', TO_MYSQL),
    ("hstore", "json", '"a"=>"1", "b\\"c"=>NULL', '{"a": "1", "b\\"c": null}', TO_MYSQL),
    ("json", "hstore", '{"a": "1", "b": null}', '"a"=>"1", "b"=>NULL', TO_POSTGRES),
    ("pair", "json", '(1,"a ""b"", c")', '{"n": 1, "s": "a \\"b\\", c"}', TO_MYSQL),
    ("pair", "json", "(,)", '{"n": null, "s": null}', TO_MYSQL),
    ("json", "pair", '{"n": 1, "s": "x y"}', '(1,"x y")', TO_POSTGRES),
    ("inet", "varchar(50)", "10.0.0.0/8", "10.0.0.0/8", TO_MYSQL),
    ("year", "integer", "2024", "2024", TO_POSTGRES),
    ("integer", "year", "0", "0", TO_MYSQL),
    ("varbit", "bit(3)", "101", "101", TO_MYSQL),
    ("varbit", "longtext", "0101", "0101", TO_MYSQL),
    ("varbit", "integer", "101", "5", SAME),
    ("varbit", "varbinary(9)", "00000001", "\\x01", TO_MYSQL),
    ("varbinary(9)", "varbit", "\\x0001", "0000000000000001", TO_POSTGRES),
    ("bit(8)", "varbinary(1)", "11111111", "\\xff", TO_MYSQL),
]  # fmt: skip


@pytest.mark.parametrize(("source", "target", "value", "expected", "context"), FITS)
def test_values_take_the_form_of_the_target(
    source: str, target: str, value: str, expected: str, context: Context
) -> None:
    """A value that fits arrives in the target type's own canonical text."""
    assert convert(source, target, value, context) == expected


REFUSED = [
    ("text", "varchar(3)", "äöüx", "too_long", TO_MYSQL),
    ("text", "tinytext", "ä" * 128, "too_long", TO_MYSQL),
    ("bytea", "varbinary(2)", "\\x010203", "too_long", TO_MYSQL),
    ("bytea", "binary(3)", "\\x0102", "too_short", TO_MYSQL),
    ("varchar(9)", "text", "a\0b", "nul", TO_POSTGRES),
    ("text", "varchar(9) @latin1", "Ω", "encoding", TO_MYSQL),
    ("text", "varchar(9) @utf8mb3", "\U0001f600", "encoding", TO_MYSQL),
    ("bigint", "int", "2147483648", "out_of_range", TO_MYSQL),
    ("integer", "int unsigned", "-1", "out_of_range", TO_MYSQL),
    ("int unsigned", "integer", "4294967295", "out_of_range", TO_POSTGRES),
    ("tinyint(1)", "boolean", "2", "out_of_range", TO_POSTGRES),
    ("numeric", "decimal(5,2)", "1000", "out_of_range", TO_MYSQL),
    ("numeric", "decimal(5,2)", "1.005", "digits", TO_MYSQL),
    ("numeric", "decimal(5,2) unsigned", "-1", "out_of_range", TO_MYSQL),
    ("numeric", "decimal(5,2)", "NaN", "not_finite", TO_MYSQL),
    ("numeric", "int", "1.5", "digits", TO_MYSQL),
    ("numeric", "double", "0.12345678901234567890", "digits", TO_MYSQL),
    ("double", "double", "Infinity", "not_finite", TO_MYSQL),
    ("double", "double", "NaN", "not_finite", TO_MYSQL),
    ("double", "float", "0.1", "digits", TO_MYSQL),
    ("double", "float", "1e+300", "out_of_range", TO_MYSQL),
    ("date", "date", "infinity", "not_finite", TO_MYSQL),
    ("date", "date", "0044-03-15 BC", "out_of_range", TO_MYSQL),
    ("date", "date", "10000-01-01", "out_of_range", TO_MYSQL),
    ("timestamptz", "timestamp", "2038-01-19 03:14:08+00", "out_of_range", TO_MYSQL),
    ("timestamptz", "timestamp", "1970-01-01 00:00:00+00", "out_of_range", TO_MYSQL),
    ("timestamp", "datetime(3)", "2024-01-01 00:00:00.1234", "digits", TO_MYSQL),
    ("timestamp", "date", "2024-01-01 00:00:01", "digits", TO_MYSQL),
    ("date", "date", "0000-00-00", "zero_date", TO_POSTGRES),
    ("date", "date", "2024-00-15", "zero_date", TO_POSTGRES),
    ("datetime", "timestamp", "0000-00-00 00:00:00", "zero_date", TO_POSTGRES),
    ("timestamp", "timestamptz", "0000-00-00 00:00:00+00", "zero_date", TO_POSTGRES),
    ("time", "time", "-01:00:00", "out_of_range", TO_POSTGRES),
    ("time", "time", "24:00:01", "out_of_range", TO_POSTGRES),
    ("interval", "time", "P1M", "out_of_range", TO_MYSQL),
    ("interval", "time", "PT839H", "out_of_range", TO_MYSQL),
    ("enum('','x')", "enum", "x", "label", TO_POSTGRES),
    ("text", "enum('low')", "high", "label", TO_MYSQL),
    ("text", "set('a','b')", "a,c", "label", TO_MYSQL),
    ("json", "jsonb", '{"a": "\\u0000"}', "nul", TO_POSTGRES),
    ("json", "jsonb", '"\\ud800"', "encoding", TO_POSTGRES),
    ("jsonb", "json", '{"a": 0.12345678901234567890}', "digits", TO_MYSQL),
    ("text", "json", "{no json}", "form", TO_MYSQL),
    ("json", "int[]", '{"a": 1}', "form", TO_POSTGRES),
    ("json", "int[]", '["a"]', "form", TO_POSTGRES),
    ("json", "int[]", "[[1], [1, 2]]", "form", TO_POSTGRES),
    ("int[]", "json", "[0:1]={1,2}", "form", TO_MYSQL),
    ("char(36)", "uuid", "no uuid", "form", TO_POSTGRES),
    ("text", "date", "2024-02-30", "form", TO_MYSQL),
    ("text", "int", "12abc", "form", TO_MYSQL),
    ("varbit", "bit(8)", "101", "too_short", TO_MYSQL),
    ("text", "char(5)", "ab ", "too_short", TO_MYSQL),
    ("varchar(9)", "char(5)", " ", "too_short", TO_POSTGRES),
    ("varchar(9) @ucs2", "varchar(9)", "\ud800", "encoding", MYSQL_BOTH),
    ("varchar(9) @utf32", "text", "\udfff", "encoding", TO_POSTGRES),
    ("varbit", "bit(2)", "101", "too_long", TO_MYSQL),
    ("text", "bit(3)", "01", "too_short", TO_MYSQL),
    ("varbit", "int", "01", "digits", TO_MYSQL),
    ("varbit", "decimal(5,2)", "", "digits", TO_MYSQL),
    ("varbit", "varbinary(9)", "1", "digits", TO_MYSQL),
    ("varbinary(9)", "bit(16)", "\\x01", "too_short", MYSQL_BOTH),
]  # fmt: skip


@pytest.mark.parametrize(("source", "target", "value", "code", "context"), REFUSED)
def test_what_does_not_fit_is_refused_with_its_reason(
    source: str, target: str, value: str, code: str, context: Context
) -> None:
    """A value that the column cannot hold is a misfit with a code, and its reason does not repeat the value."""
    with pytest.raises(MisfitError) as error:
        convert(source, target, value, context)
    assert error.value.code == code
    assert code == "not_finite" or len(value) < 3 or value not in error.value.reason


IMPOSSIBLE = [("bytea", "text"), ("text", "bytea"), ("bytea", "integer"), ("jsonb", "integer"), ("uuid", "date")]


@pytest.mark.parametrize(("source", "target"), IMPOSSIBLE)
def test_types_without_a_common_form_do_not_convert(source: str, target: str) -> None:
    """No value of the one has a form in the other: the route cannot be bound."""
    with pytest.raises(ImpossibleError):
        converter(PG[source], PG[target], SAME)


@pytest.mark.parametrize(("policy", "expected"), [("null", None), ("1970-01-01", "1970-01-01")])
def test_zero_dates_follow_the_route(policy: str, expected: str | None) -> None:
    """A zero date becomes NULL or the given date when the route says so."""
    context = Context(engine="postgresql", source_engine="mysql", zero_dates=policy)
    assert convert("date", "date", "0000-00-00", context) == expected
    assert convert("date", "date", "2024-02-29", context) == "2024-02-29"


def test_a_zero_date_given_for_timestamps_is_midnight() -> None:
    """The given date stands at midnight in a timestamp column."""
    context = Context(engine="postgresql", source_engine="mysql", zero_dates="1970-01-01")
    assert convert("datetime", "timestamp", "0000-00-00 00:00:00", context) == "1970-01-01 00:00:00"


def test_zones_stand_between_timestamps_and_instants() -> None:
    """The zone of the database with the zoneless type counts; a time that is skipped is refused."""
    berlin = Context(engine="postgresql", source_engine="mysql", source_zone="Europe/Berlin")
    assert convert("datetime", "timestamptz", "2024-07-01 12:00:00", berlin) == "2024-07-01 10:00:00+00"
    assert convert("datetime", "timestamptz", "2024-10-27 02:30:00", berlin) == "2024-10-27 01:30:00+00"
    with pytest.raises(MisfitError) as error:
        convert("datetime", "timestamptz", "2024-03-31 02:30:00", berlin)
    assert error.value.code == "zone"
    back = Context(engine="mysql", source_engine="postgresql", target_zone="Europe/Berlin")
    assert convert("timestamptz", "datetime", "2024-07-01 10:00:00+00", back) == "2024-07-01 12:00:00"


def test_an_enum_keeps_mysqls_error_value_out_of_a_strict_target() -> None:
    """MySQL refuses '' for an enum under a strict mode, even where the types are the same."""
    enum = from_column_type("enum('a','b')", "utf8mb4")
    to_same = converter(enum, enum, MYSQL_BOTH)
    assert to_same is not None
    assert to_same(b"a") == b"a"
    with pytest.raises(MisfitError) as refused:
        to_same(b"")
    assert refused.value.code == "label"
    empty = from_column_type("enum('','b')", "utf8mb4")
    assert converter(empty, empty, MYSQL_BOTH) is None


@pytest.mark.parametrize(
    ("declared", "value", "expected"),
    [
        ("inet4", b"\\x7f000001", b"127.0.0.1"),
        ("inet6", b"\\x00000000000000000000000000000001", b"::1"),
        ("inet", b"\\x7f000001", b"127.0.0.1"),
    ],
)
def test_bytes_of_mariadbs_addresses_become_addresses(declared: str, value: bytes, expected: bytes) -> None:
    """The binlog says BINARY(4) and BINARY(16); the target's type says what they mean."""
    source = from_column_type(f"binary({len(value) // 2 - 1})")
    made = converter(source, Type(Kind.OTHER, declared), Context(engine="postgresql", source_engine="mariadb"))
    assert made is not None
    assert made(value) == expected


def test_other_bytes_are_no_address() -> None:
    """Neither another length nor another target type."""
    with pytest.raises(ImpossibleError):
        converter(from_column_type("binary(5)"), Type(Kind.OTHER, "inet"), TO_POSTGRES)
    with pytest.raises(ImpossibleError):
        converter(from_column_type("binary(16)"), Type(Kind.OTHER, "tsvector"), TO_POSTGRES)


_TEXTS = ("", "a", "A", "a ", " a", "á", "b\n")
SAMPLES: dict[Kind, tuple[str, ...]] = {
    Kind.BOOL: ("t", "f"),
    Kind.INTEGER: ("0", "1", "10", "100"),
    Kind.DECIMAL: ("0.00", "1.10", "-1.10", "1.01"),
    Kind.FLOAT: ("0", "0.1", "0.1000001", "1e+20"),
    Kind.TEXT: _TEXTS,
    Kind.BYTES: ("\\x", "\\x00", "\\x0000", "\\x01", "\\x0100"),
    Kind.DATE: ("2024-02-29", "0001-01-01", "9999-12-31"),
    Kind.TIME: ("00:00:00", "00:00:00.5", "00:00:00.500001", "24:00:00"),
    Kind.TIMESTAMP: ("2024-02-29 12:00:00", "2024-02-29 12:00:00.000001", "2024-02-29 12:00:00.1"),
    Kind.INSTANT: ("2024-02-29 12:00:00+00", "2024-02-29 12:00:00.000001+00", "2024-02-29 12:00:00.1+00"),
    Kind.INTERVAL: ("PT0S", "P1D", "PT24H", "P1M", "P30D", "PT-1S"),
    Kind.UUID: ("00112233-4455-6677-8899-aabbccddeeff", "00112233-4455-6677-8899-aabbccddeefe"),
    Kind.JSON: ("1", '"1"', "{}", "[]", "null", '{"a": 1}', '{"A": 1}'),
    Kind.ENUM: ("low", "high"),
    Kind.SET: ("", "a", "b", "a,b"),
    Kind.ARRAY: ("{}", "{NULL}", "{1}", "{{1}}", "{1,2}"),
    Kind.BIT: ("00000000", "00000001", "10000000"),
    Kind.GEOMETRY: ("0101000000000000000000F03F0000000000000040", "0101000000000000000000F03F0000000000000000"),
    Kind.RANGE: ("empty", "(,)", "[1,5)", "[1,)"),
    Kind.HSTORE: ("", '"a"=>NULL', '"a"=>"NULL"', '"a"=>""'),
    Kind.COMPOSITE: ("()", "(1)", "(2)"),
    Kind.YEAR: ("0", "1999", "2000"),
    Kind.OTHER: ("::", "::1"),
}
VARYING = ("", "0", "1", "01", "10", "00000001")
DIRECTIONS = [
    (type_, engine, source)
    for types, source in ((POSTGRES_TYPES, "postgresql"), (MYSQL_TYPES, "mysql"))
    for engine in ("postgresql", "mysql")
    for type_ in types
]


@pytest.mark.parametrize(("type_", "engine", "source"), DIRECTIONS)
def test_no_two_values_become_one(type_: Type, engine: str, source: str) -> None:
    """Of every pair of docs/types.md: what the target takes, it takes apart as the source does."""
    made = declared(recommended(type_, engine, source_engine=source), engine, type_)
    function = converter(type_, made, Context(engine=engine, source_engine=source))
    values = VARYING if type_.kind is Kind.BIT and "var" in type_.native else SAMPLES[type_.kind]
    if type_.fixed and type_.kind is Kind.TEXT:
        values = tuple(value for value in values if not value.endswith(" "))
    arrived = [text for value in values if (text := _arrived(function, value)) is not None]
    assert len(arrived) > len(values) // 2
    assert len(set(arrived)) == len(arrived)


def _arrived(function: Convert | None, value: str) -> bytes | None:
    try:
        return value.encode() if function is None else function(value.encode())
    except MisfitError:
        return None


def test_a_geometry_goes_through_bytes_and_back() -> None:
    """Without PostGIS a bytea column holds the EWKB."""
    geometry, ewkb = from_column_type("point"), b"0101000000000000000000F03F0000000000000040"
    there = converter(geometry, Type(Kind.BYTES, "bytea"), TO_POSTGRES)
    back = converter(Type(Kind.BYTES, "bytea"), geometry, TO_MYSQL)
    assert there is not None
    assert back is not None
    assert there(ewkb) == b"\\x" + ewkb.lower()
    assert back(b"\\x" + ewkb.lower()) == ewkb


def test_mysqls_latin1_holds_what_windows_leaves_open() -> None:
    """U+0081 is stored as it is; a character outside the set is refused."""
    made = converter(PG["text"], from_column_type("varchar(9)", "latin1"), TO_MYSQL)
    assert made is not None
    assert made("\x81é€".encode()) == "\x81é€".encode()
    with pytest.raises(MisfitError):
        made("\x82".encode())


@pytest.mark.parametrize(
    ("type_", "made"),
    [
        (PG["enum"], "text"),
        (Type(Kind.ARRAY, "level[]", element=PG["enum"]), "text[]"),
        (PG["int[]"], "integer[]"),
        (PG["pair"], "jsonb"),
        (PG["int4multirange"], "int4multirange"),
        (Type(Kind.RANGE, "floatrange", element=PG["double"]), "jsonb"),
        (PG["json"], "json"),
        (PG["inet"], "inet"),
    ],
)
def test_a_postgresql_target_gets_its_sources_types_but_for_those_that_a_person_made(type_: Type, made: str) -> None:
    """An enum, a composite or a range of one's own does not exist on the target."""
    assert recommended(type_, "postgresql", source_engine="postgresql") == made


@pytest.mark.parametrize(
    ("native", "kind", "mysql", "mariadb", "postgres"),
    [
        ("uuid", Kind.UUID, "binary(16)", "uuid", "uuid"),
        ("inet6", Kind.OTHER, "binary(16)", "inet6", "inet"),
        ("inet4", Kind.OTHER, "binary(4)", "inet4", "inet"),
    ],
)
def test_mariadbs_own_types_go_where_their_bytes_fit(
    native: str, kind: Kind, mysql: str, mariadb: str, postgres: str
) -> None:
    """MariaDB's binlog writes them as bytes, and does not say what they are."""
    made = [recommended(Type(kind, native), one, source_engine="mariadb") for one in ("mysql", "mariadb", "postgresql")]
    assert made == [mysql, mariadb, postgres]
