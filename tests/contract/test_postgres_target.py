"""What only a PostgreSQL target must do: its types, its kinds of tables, its rights, its logical message."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest

from cdc_agent.config.model import Database as Settings
from cdc_agent.engines.postgres import catalogue
from cdc_agent.engines.postgres.identifiers import literal, qualified, quote
from cdc_agent.errors import NotSetUp, PrivilegeMissing, RowRefused, TargetSchemaError, TargetUnavailable
from cdc_agent.model.steps import Clear, Ordered, Removes, Updates, Upserts
from cdc_agent.model.values import UNSENT, Kind, Row
from cdc_agent.model.writes import CHANGE, REMOVE, UPSERT, Binding
from cdc_agent.targets.postgres import PostgresTarget, writing
from tests.support.servers import Server
from tests.support.targets import PIPELINE, Rig, close_rig, nothing_missing, open_rig

SIZES = (1, 20, 1100)

ALL_TYPES = """
CREATE TYPE mood AS ENUM ('sad', 'so, so', 'qu"oted');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN numbers AS int[];
CREATE TABLE types (
    id int PRIMARY KEY, b boolean, i2 smallint, i8 bigint, n numeric, n2 numeric(10,2), f4 real, f8 double precision,
    t text, v varchar(10), c char(5), oc "char", nm name, by bytea, d date, ti time, ts timestamp, tz timestamptz,
    iv interval, u uuid, j json, jb jsonb, en mood, ar int[], at text[], bi bit(4), vb varbit, ra int4range,
    co pair, po positive, nu numbers, pt point, bx box, ip inet, tv tsvector, xm xml, mo money, ba box[]
)
"""

TYPE_VALUES: dict[str, bytes] = {
    "b": b"t", "i2": b"-5", "i8": b"9223372036854775807", "n": b"123456789.123456789012345678901234567890",
    "n2": b"1.50", "f4": b"1.1", "f8": b"1e+300", "t": b"a\tb\\\"{},'\n", "v": b"0123456789", "c": b"ab   ",
    "oc": b"x", "nm": b"name", "by": b"\\x00ff5c", "d": b"0044-03-15 BC", "ti": b"12:00:00.5",
    "ts": b"infinity", "tz": b"2024-02-29 12:00:00.123456+00", "iv": b"P1Y2M3DT4H5M6.7S",
    "u": b"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "j": b'{"b": 1,  "a":[null]}', "jb": b'{"a": "\\"x\\""}',
    "en": b'qu"oted', "ar": b"{1,NULL,3}", "at": b'{"a b",NULL,"c\\"d","\\\\"}', "bi": b"0101", "vb": b"101",
    "ra": b"[1,10)", "co": b'(1,"a b")', "po": b"7", "nu": b"{4,5}", "pt": b"(1,2)", "bx": b"(3,4),(1,2)",
    "ip": b"10.0.0.0/8", "tv": b"'a' 'b'", "xm": b"<a>1</a>", "mo": b"$1,234.50", "ba": b"{(3,4),(1,2)}",
}  # fmt: skip


@pytest.fixture
def rig_of(any_postgres: Server) -> Iterator[Callable[..., Rig]]:
    """Makes rigs on each PostgreSQL of the run; they are closed after the test."""
    made: list[Rig] = []

    def make(*ddl: str, **options: str) -> Rig:
        made.append(open_rig(any_postgres, *ddl, **options))
        return made[-1]

    yield make
    for rig in made:
        close_rig(rig)


# --- types


@pytest.fixture(params=["by their number", "as wide rows"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How rows travel."""
    if request.param == "as wide rows":
        monkeypatch.setattr(writing, "WIDE", 0)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("size", SIZES)
def test_every_type_arrives_as_it_was(rig_of: Callable[..., Rig], size: int) -> None:
    """The canonical text of each type is stored as that value, and NULL as NULL, however rows travel."""
    rig = rig_of(ALL_TYPES)
    binding = rig.bind("types")
    names = [column.name for column in binding.columns]
    values = [(b"%d" % i, *[TYPE_VALUES[name] for name in names[1:]]) for i in range(size)]
    nulls = (b"%d" % size, *[None] * (len(names) - 1))
    rig.apply(Upserts(binding, [*values, nulls]))
    rig.apply(Updates(binding, tuple(range(len(names))), values))
    texts = ", ".join(f"{quote(name)}::text" for name in names)
    with rig.database.connect(options="-c timezone=UTC -c intervalstyle=iso_8601 -c extra_float_digits=1") as reader:
        stored = reader.execute(f"SELECT {texts} FROM types ORDER BY types.id".encode()).fetchall()
    expected = {name: value.decode() for name, value in TYPE_VALUES.items()} | {"b": "true", "c": "ab"}
    assert dict(zip(names[1:], stored[0][1:], strict=True)) == expected
    assert stored[size - 1][1:] == stored[0][1:]
    assert stored[size] == (str(size), *[None] * (len(names) - 1))


def test_a_keyless_table_of_every_type_finds_its_rows(rig_of: Callable[..., Rig]) -> None:
    """Rows are compared in types that have no equality as well."""
    rig = rig_of(ALL_TYPES, "ALTER TABLE types DROP CONSTRAINT types_pkey, ALTER id DROP NOT NULL")
    binding = rig.bind("types")
    row: Row = (b"1", *[TYPE_VALUES[column.name] for column in binding.columns[1:]])
    nulls: Row = (None,) * len(row)
    moved: Row = (b"2", *row[1:])
    rig.apply(Ordered(binding, [(UPSERT, row, row), (UPSERT, row, row), (UPSERT, nulls, nulls)]))
    rig.apply(Ordered(binding, [(CHANGE, row, moved), (REMOVE, nulls, None)]))
    assert rig.rows("types", "id") == [(1,), (2,)]
    rig.apply(Ordered(binding, [(REMOVE, moved, None), (CHANGE, row, (b"3", *[UNSENT] * (len(row) - 1)))]))
    assert rig.rows("types", "id, t IS NOT NULL") == [(3, True)]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("size", SIZES)
def test_keys_are_their_texts_whatever_their_type_holds_equal(rig_of: Callable[..., Rig], size: int) -> None:
    """A type from an extension brings its own equality: what its unique index means is a clash, and never the same row."""
    rig = rig_of("CREATE EXTENSION citext", "CREATE TABLE names (name citext PRIMARY KEY, v int)")
    binding = rig.bind("names")
    rig.apply(Upserts(binding, [(b"Ab%d" % i, b"1") for i in range(size)]))
    with pytest.raises(RowRefused):
        rig.apply(Upserts(binding, [(b"aB%d" % i, b"2") for i in range(size)]))
    rig.target.rollback()
    rig.apply(Removes(binding, [(b"AB%d" % i,) for i in range(size)]))
    assert rig.rows("names", "count(*), min(v), max(v)") == [(size, 1, 1)]
    rig.apply(Updates(binding, (0, 1), [(b"Ab%d" % i, b"3") for i in range(size)]))
    rig.apply(Ordered(binding, [(CHANGE, (b"Ab%d" % i,), (b"AB%d" % i, b"3")) for i in range(size)]))
    assert rig.rows("names", "count(*), min(v), max(v)") == [(size, 3, 3)]
    rig.apply(Removes(binding, [(b"AB%d" % i,) for i in range(size)]))
    assert rig.rows("names") == []


# --- fresh rows


FRESH = [(b"%d" % i, b"new") for i in range(1100)]


def test_every_type_is_copied_as_it_was(rig_of: Callable[..., Rig]) -> None:
    """Rows that are known to be new go straight into the table, and arrive as by any other way."""
    rig = rig_of(ALL_TYPES, "CREATE TABLE merged (LIKE types INCLUDING ALL)")
    for table in ("types", "merged"):
        binding = rig.bind(table)
        names = [column.name for column in binding.columns]
        rows = [(b"%d" % i, *[TYPE_VALUES[name] for name in names[1:]]) for i in range(1100)]
        nulls = (b"1100", *[None] * (len(names) - 1))
        rig.apply(Upserts(binding, [*rows, nulls], fresh=table == "types"))
    same = "SELECT count(*) FROM (SELECT types::text FROM types EXCEPT ALL SELECT merged::text FROM merged) AS d"
    with rig.database.connect() as reader:
        assert reader.execute(same.encode()).fetchone() == (0,)
    assert rig.rows("types", "count(*)") == [(1101,)]


def test_fresh_rows_that_are_there_already_are_merged(rig_of: Callable[..., Rig]) -> None:
    """A replay, or a row written on both sides, replaces what is there; later batches are right as well."""
    rig = rig_of(
        "CREATE TABLE t (id int PRIMARY KEY, v text, kept int DEFAULT 7)", "INSERT INTO t VALUES (5, 'old', 1)"
    )
    binding = rig.bind("t", columns=("id", "v"))
    rig.apply(Upserts(binding, FRESH, fresh=True))
    assert rig.rows("t", "count(*), min(v), max(v)") == [(1100, "new", "new")]
    assert rig.rows("t", "sum(id) FILTER (WHERE kept = 1), count(*) FILTER (WHERE kept = 7)") == [(5, 1099)]
    rig.apply(Upserts(binding, [(b"%d" % i, b"newer") for i in range(2000, 3100)], fresh=True))
    rig.apply(Upserts(binding, [(b"%d" % i, b"again") for i in range(1100)], fresh=True))
    assert rig.rows("t", "count(*) FILTER (WHERE v = 'again'), count(*) FILTER (WHERE v = 'newer')") == [(1100, 1100)]


def test_a_fresh_row_that_is_refused_is_refused_as_ever(rig_of: Callable[..., Rig]) -> None:
    """The straight copy changes neither the error nor what a savepoint keeps."""
    rig = rig_of("CREATE TABLE t (id int PRIMARY KEY, v varchar(3))")
    binding = rig.bind("t")
    with pytest.raises(RowRefused):
        rig.apply(Upserts(binding, [*FRESH, (b"5000", b"long")], fresh=True))
    rig.target.rollback()
    rig.apply(Upserts(binding, FRESH, fresh=True))
    assert rig.rows("t", "count(*)") == [(1100,)]


def test_a_trigger_that_always_fires_sees_fresh_rows(rig_of: Callable[..., Rig]) -> None:
    """COPY fires what INSERT fires."""
    rig = rig_of(
        "CREATE TABLE t (id int PRIMARY KEY, v text)",
        "CREATE TABLE log (id int)",
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN INSERT INTO public.log VALUES (new.id); RETURN new; END$$",
        "CREATE TRIGGER noted BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION note()",
        "ALTER TABLE t ENABLE ALWAYS TRIGGER noted",
    )
    rig.apply(Upserts(rig.bind("t"), FRESH, fresh=True))
    assert rig.rows("log", "count(*)") == [(1100,)]


LONG = [(b"%d" % i, b"l" * 2_000) for i in range(600)]
WIDE = [(b"%d" % i, b"w" * 100_000) for i in range(20)]


@pytest.mark.parametrize(
    ("rows", "fresh", "copied"),
    [
        (LONG, True, ["items"]),
        (LONG, False, ["pg_temp"]),
        (LONG[:1], True, []),
        (WIDE, True, []),
        (WIDE, False, []),
        ([(b"%d" % i, b"narrow") for i in range(20)], True, []),
        ([(b"%d" % i, b"narrow") for i in range(600)], True, ["items"]),
        ([(b"%d" % i, b"narrow") for i in range(600)], False, []),
    ],
    ids=["long fresh", "long", "one long", "wide fresh", "wide", "few narrow", "many fresh", "many"],
)
def test_rows_are_copied_when_they_are_many_or_wide(
    rig_of: Callable[..., Rig], rows: list[Row], fresh: bool, copied: list[str]
) -> None:
    """How rows travel is decided by their bytes as well as by their number; whatever the way, they arrive."""
    rig = rig_of("CREATE TABLE items (id int PRIMARY KEY, v text)")
    flight = rig.target._live.flight
    statements = []
    copy = flight.copy
    flight.copy = lambda statement, chunks, doing: statements.append(statement) or copy(statement, chunks, doing=doing)
    rig.apply(Upserts(rig.bind("items"), rows, fresh=fresh))
    assert ["pg_temp" if b"pg_temp" in statement else "items" for statement in statements] == copied
    assert rig.rows("items", "count(*), sum(length(v))") == [(len(rows), sum(len(row[1]) for row in rows))]


@pytest.mark.parametrize("size", [2, 31, 32, 77])
def test_wide_rows_are_written_changed_and_removed(rig_of: Callable[..., Rig], size: int) -> None:
    """Rows that travel several to a statement are found one by one: what is there, what is missing, and NULL keys."""
    rig = rig_of("CREATE TABLE items (id int UNIQUE, v text, more text)")
    binding = rig.bind("items", key=("id",))
    ids: list[bytes | None] = [b"%d" % i if i else None for i in range(size)]
    rig.apply(Upserts(binding, [(one, b"w" * 10_000, b"keep") for one in ids[: size // 2]]))
    asked: list[Row] = []
    long = b"c" * 9_000

    def missing(of: Binding, key: Row) -> Row | None:
        asked.append(key)
        return None if key == (ids[-1],) else (*key, b"reread", b"whole")

    rig.apply(Updates(binding, (0, 1), [(one, long) for one in ids]), missing=missing)
    assert sorted(asked) == sorted([(one,) for one in ids[size // 2 :]])
    changed = {i or None: "c" * 9_000 if i < size // 2 else "reread" for i in range(size - 1)}
    assert dict(rig.rows("items", "id, v")) == changed
    rig.apply(Upserts(binding, [(one, b"w" * 9_001, None) for one in ids]))
    assert rig.rows("items", "count(*), count(more), min(length(v))") == [(size, 0, 9_001)]
    rig.apply(Removes(binding, [(one,) for one in ids]))
    assert rig.rows("items") == []


@pytest.mark.parametrize("rows", [LONG, WIDE], ids=["long", "wide"])
@pytest.mark.parametrize("fresh", [True, False])
def test_a_nul_byte_in_the_middle_of_a_copy_refuses_the_rows(
    rig_of: Callable[..., Rig], rows: list[Row], fresh: bool
) -> None:
    """What was sent before it was found is given up, and the transaction goes on."""
    rig = rig_of("CREATE TABLE items (id int PRIMARY KEY, v text)")
    binding = rig.bind("items")
    rig.target.begin(rig.checkpoint)
    refused = rig.target.attempt([Upserts(binding, [*rows, (b"999", b"a\0b")], fresh=fresh)], nothing_missing)
    assert isinstance(refused, RowRefused)
    assert rig.target.attempt([Upserts(binding, rows[:3], fresh=fresh)], nothing_missing) is None
    rig.target.commit()
    assert rig.rows("items", "count(*)") == [(3,)]


@pytest.mark.parametrize("value", [b"a\0b", b"\xff\xfe"])
@pytest.mark.parametrize("size", SIZES)
def test_text_that_postgresql_cannot_store_is_refused(rig_of: Callable[..., Rig], size: int, value: bytes) -> None:
    """NUL bytes and broken UTF-8 are a refused row and never a shorter value; the transaction can go on."""
    rig = rig_of("CREATE TABLE texts (id int PRIMARY KEY, t text)")
    binding = rig.bind("texts")
    rows: list[Row] = [*((b"%d" % i, b"fine") for i in range(size - 1)), (b"9999", value)]
    rig.target.begin(rig.checkpoint)
    assert isinstance(rig.target.attempt([Upserts(binding, rows)], nothing_missing), RowRefused)
    assert isinstance(rig.target.attempt([Ordered(binding, [(REMOVE, (value,), None)])], nothing_missing), RowRefused)
    assert rig.target.attempt([Upserts(binding, [(b"1", b"good")])], nothing_missing) is None
    rig.target.commit()
    assert rig.rows("texts") == [(1, "good")]


def test_a_domain_refuses_what_its_check_refuses(rig_of: Callable[..., Rig]) -> None:
    """A domain's constraint names the row refused, not the column's value."""
    rig = rig_of(ALL_TYPES)
    binding = rig.bind("types", ("id", "po"))
    for size in SIZES:
        rig.target.begin(rig.checkpoint)
        rows: list[Row] = [(b"%d" % i, b"-4321") for i in range(size)]
        refused = rig.target.attempt([Upserts(binding, rows)], nothing_missing)
        assert isinstance(refused, RowRefused)
        assert "4321" not in refused.render()
        rig.target.rollback()


# --- tables


def test_names_of_every_kind_are_quoted(rig_of: Callable[..., Rig]) -> None:
    """Keywords, quotes, placeholders, mixed case, 63 bytes: a name is a name."""
    table, key, column = 'Tab"le; DROP TABLE x; --', "%s{}$1", "é" * 31 + "x"
    rig = rig_of(
        f'CREATE TABLE {quote(table)} ({quote(key)} int PRIMARY KEY, {quote(column)} text, "select" text)',
    )
    binding = rig.bind(table)
    for size in SIZES:
        rows: list[Row] = [(b"%d" % i, b"a", b"b") for i in range(size)]
        rig.apply(Upserts(binding, rows), Updates(binding, (0, 2), [(row[0], b"c") for row in rows]))
        assert rig.rows(quote(table), 'count(*), min("select")') == [(size, "c")]
        rig.apply(Removes(binding, [(row[0],) for row in rows]), Clear((binding.table,)))


@pytest.mark.parametrize("size", SIZES)
def test_identity_and_generated_columns(rig_of: Callable[..., Rig], size: int) -> None:
    """An identity column takes the source's value; a generated one is left to the server."""
    rig = rig_of(
        "CREATE TABLE made (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int, "
        "double int GENERATED ALWAYS AS (a * 2) STORED, n int GENERATED ALWAYS AS IDENTITY)"
    )
    described = rig.target.describe("public", "made")
    assert described is not None
    assert [(c.identity, c.generated) for c in described.columns] == [
        (True, False),
        (False, False),
        (False, True),
        (True, False),
    ]
    binding = rig.bind("made")
    for a in (b"5", b"6"):
        rig.apply(Upserts(binding, [(b"%d" % (i + 100), a, b"7") for i in range(size)]))
    rig.apply(Updates(binding, (0, 1), [(b"100", b"8")]))
    assert rig.rows("made")[0] == (100, 8, 16, 7)
    rig.target.begin(rig.checkpoint)
    with pytest.raises(TargetSchemaError, match="GENERATED ALWAYS"):
        rig.target.apply([Ordered(binding, [(CHANGE, (b"100",), (b"1", b"1", b"1"))])], nothing_missing)
    rig.target.rollback()


@pytest.mark.parametrize("size", SIZES)
def test_partitioned_tables_are_written_through_their_root(rig_of: Callable[..., Rig], size: int) -> None:
    """Rows find their partition, and move between partitions when their key moves."""
    rig = rig_of(
        "CREATE TABLE parts (id int, v text, PRIMARY KEY (id)) PARTITION BY RANGE (id)",
        "CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (10000)",
        "CREATE TABLE parts_high PARTITION OF parts DEFAULT",
    )
    binding = rig.bind("parts")
    rig.apply(Upserts(binding, [(b"%d" % i, b"a") for i in range(size)]))
    rig.apply(Upserts(binding, [(b"%d" % i, b"b") for i in range(size)]))
    rig.apply(Ordered(binding, [(CHANGE, (b"0",), (b"20000", UNSENT))]))
    assert rig.rows("parts_high") == [(20000, "b")]
    assert len(rig.rows("parts_low")) == size - 1


def test_equal_rows_of_a_partitioned_keyless_table_are_changed_one_at_a_time(rig_of: Callable[..., Rig]) -> None:
    """Rows in two partitions may have the same place; only one of them is meant."""
    rig = rig_of(
        "CREATE TABLE parts (id int, v text) PARTITION BY RANGE (id)",
        "CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE parts_high PARTITION OF parts DEFAULT",
    )
    binding = rig.bind("parts")
    low, high = (b"1", b"x"), (b"11", b"x")
    rig.apply(Ordered(binding, [(UPSERT, low, low), (UPSERT, high, high)]))
    rig.apply(Ordered(binding, [(REMOVE, low, None), (CHANGE, high, (b"11", b"y"))]))
    assert rig.rows("parts") == [(11, "y")]


@pytest.mark.parametrize("constraint", ["", "UNIQUE (k) DEFERRABLE", "EXCLUDE USING btree (k WITH =)"])
@pytest.mark.parametrize("size", SIZES)
def test_a_key_without_a_unique_index_still_identifies_rows(
    rig_of: Callable[..., Rig], size: int, constraint: str
) -> None:
    """Where ON CONFLICT cannot be used, rows are updated by the key or inserted when they are not there."""
    rig = rig_of(f"CREATE TABLE plain (k int, v text, w text{', ' if constraint else ''}{constraint})")
    binding = rig.bind("plain", key=("k",))
    keys = [None if i == 0 and size > 1 else b"%d" % i for i in range(size)]
    rig.apply(Upserts(binding, [(key, b"a", b"keep") for key in keys]))
    rig.apply(Upserts(binding, [(key, b"b", b"keep") for key in keys]))
    rig.apply(Updates(binding, (0, 1), [(key, b"c") for key in keys]))
    assert rig.rows("plain", "count(*), min(v), max(w)") == [(size, "c", "keep")]
    moved = (CHANGE, (keys[0],), (b"7777", b"d", b"e"))
    rig.apply(Ordered(binding, [moved, (UPSERT, (b"7777",), (b"7777", b"d", b"f"))]))
    assert rig.rows("plain", "k, v, w", "k DESC")[0] == (7777, "d", "f")
    assert rig.rows("plain", "count(*)") == [(size,)]
    rig.apply(Removes(binding, [(b"7777",), *[(key,) for key in keys[1:]]]))
    assert rig.rows("plain") == []


def test_truncate_restarts_sequences_and_cascades_when_asked(rig_of: Callable[..., Rig]) -> None:
    """The options of TRUNCATE are the source's."""
    rig = rig_of(
        "CREATE TABLE parents (id serial PRIMARY KEY)",
        "CREATE TABLE children (id int PRIMARY KEY, parent int REFERENCES parents)",
        "INSERT INTO parents SELECT FROM generate_series(1, 5)",
        "INSERT INTO children VALUES (1, 1)",
    )
    rig.apply(Clear((rig.bind("parents").table,), cascade=True, restart_identity=True))
    assert rig.rows("children") == []
    assert rig.database.run("INSERT INTO parents DEFAULT VALUES RETURNING id") == [(1,)]


# --- catalogue


def test_a_description_shows_keys_that_hold_for_every_row(rig_of: Callable[..., Rig]) -> None:
    """Partial and expression indexes are no keys; included columns are no part of one."""
    rig = rig_of(
        "CREATE TABLE keyed (a int, b text, c int, PRIMARY KEY (b, a), UNIQUE (c) INCLUDE (a))",
        "CREATE UNIQUE INDEX ON keyed (a) WHERE c > 0",
        "CREATE UNIQUE INDEX ON keyed (lower(b))",
        "CREATE TABLE refers (x int, y text, "
        "FOREIGN KEY (y, x) REFERENCES keyed (b, a) ON DELETE SET NULL ON UPDATE CASCADE)",
    )
    keyed, refers = rig.target.describe("public", "keyed"), rig.target.describe("public", "refers")
    assert keyed is not None
    assert refers is not None
    assert (keyed.primary_key, keyed.unique_keys) == (("b", "a"), (("c",),))
    (key,) = refers.foreign_keys
    assert (key.columns, key.referenced_columns) == (("y", "x"), ("b", "a"))
    assert (key.on_delete, key.on_update) == ("SET NULL", "CASCADE")


def test_a_description_resolves_domains_and_defaults(rig_of: Callable[..., Rig]) -> None:
    """A domain is what it is made of."""
    rig = rig_of(ALL_TYPES, "CREATE TABLE d (id serial PRIMARY KEY, po positive, en mood NOT NULL DEFAULT 'sad')")
    table = rig.target.describe("public", "d")
    assert table is not None
    assert [(c.type.kind, c.nullable, c.has_default) for c in table.columns] == [
        (Kind.INTEGER, False, True),
        (Kind.INTEGER, True, False),
        (Kind.ENUM, False, True),
    ]


def test_replica_identity_is_read_from_the_catalogue(rig_of: Callable[..., Rig]) -> None:
    """Each of the four settings, and the table that is not there."""
    rig = rig_of(
        "CREATE TABLE a (id int PRIMARY KEY, u int NOT NULL UNIQUE)",
        "CREATE TABLE b (LIKE a INCLUDING INDEXES)",
        "CREATE TABLE c (LIKE a INCLUDING INDEXES)",
        "CREATE TABLE d (LIKE a INCLUDING INDEXES)",
        "ALTER TABLE b REPLICA IDENTITY FULL; ALTER TABLE c REPLICA IDENTITY NOTHING; "
        "ALTER TABLE d REPLICA IDENTITY USING INDEX d_u_key",
    )
    with rig.database.connect() as connection:
        assert isinstance(connection, psycopg.Connection)
        found = [catalogue.replica_identity(connection, "public", name) for name in ("a", "b", "c", "d", "none")]
        listed = catalogue.list_tables(connection)
    assert [(f.identity.value, f.key) if f else None for f in found] == [
        ("key", ("id",)),
        ("full", ()),
        ("nothing", ()),
        ("key", ("u",)),
        None,
    ]
    assert listed == [("public", name) for name in "abcd"]


@pytest.mark.parametrize("text", ["plain", "it's", "back\\slash", "both\\'", "é😀\n"])
def test_a_literal_is_read_back_as_its_text(postgres: Server, text: str) -> None:
    """A quoted literal is that text, whatever it holds."""
    with postgres.admin() as connection:
        assert connection.execute(f"SELECT {literal(text)}".encode()).fetchone() == (text,)


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 64, "é" * 32])
def test_names_that_postgresql_cannot_hold_are_refused(name: str) -> None:
    """A name is never cut or changed on its way."""
    with pytest.raises(TargetSchemaError, match=r"identifier|63 bytes"):
        qualified("public", name)


# --- session and rights


def test_triggers_and_foreign_keys_are_suppressed_where_granted(rig_of: Callable[..., Rig]) -> None:
    """With `auto` a superuser's rows fire nothing; with `fire` they do."""
    ddl = (
        "CREATE TABLE parents (id int PRIMARY KEY)",
        "CREATE TABLE children (id int PRIMARY KEY, parent int REFERENCES parents)",
    )
    rig = rig_of(*ddl)
    rig.apply(Upserts(rig.bind("children"), [(b"1", b"42")]))
    rig = rig_of(*ddl, triggers="fire")
    rig.target.begin(rig.checkpoint)
    with pytest.raises(RowRefused, match="foreign key violation"):
        rig.target.apply([Upserts(rig.bind("children"), [(b"1", b"42")])], nothing_missing)
    rig.target.rollback()


def test_a_role_with_the_least_rights_can_write(rig_of: Callable[..., Rig], any_postgres: Server) -> None:
    """Without the rights to suppress triggers, make temporary tables or emit messages rows arrive all the same."""
    rig = rig_of("CREATE TABLE items (id int PRIMARY KEY, v text)")
    role = f"least_{rig.database.name}"
    name = quote(rig.database.name)
    rig.database.run(
        f"CREATE ROLE {role} LOGIN PASSWORD 'least'; REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC; "
        "DO $$ DECLARE f regprocedure; BEGIN "
        "FOR f IN SELECT oid FROM pg_proc WHERE proname = 'pg_logical_emit_message' "
        "LOOP EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f); END LOOP; END $$; "
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON items TO {role}; GRANT USAGE ON SCHEMA cdc_agent TO {role}; "
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA cdc_agent TO {role}"
    )
    settings = Settings(url=rig.database.url(role, "least"))
    target = PostgresTarget(settings, name="crm")
    try:
        target.connect()
        assert not target.triggers_suppressed
        checkpoint = target.take_over(PIPELINE, "db-9:9")
        target.begin(checkpoint)
        rows: list[Row] = [(b"%d" % i, b"v") for i in range(2500)]
        target.apply([Upserts(rig.bind("items"), rows)], nothing_missing)
        target.commit(checkpoint)
        assert rig.rows("items", "count(*)") == [(2500,)]
        target.begin(checkpoint)
        with pytest.raises(PrivilegeMissing):
            target.apply([Clear((rig.bind("items").table,))], nothing_missing)
        target.rollback()
        with pytest.raises(PrivilegeMissing):
            PostgresTarget(settings, name="crm", triggers="suppress").connect()
    finally:
        target.close()
        rig.database.run(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_every_transaction_carries_one_logical_message_with_the_path(rig_of: Callable[..., Rig]) -> None:
    """A source that reads this log meets the marker message, transactional, before the rows."""
    rig = rig_of("CREATE TABLE items (id int PRIMARY KEY, v text)")
    rig.database.run("SELECT pg_create_logical_replication_slot('peek', 'test_decoding')")
    rig.apply(Upserts(rig.bind("items"), [(b"1", b"v")]))
    decoded = [text for (text,) in rig.database.run("SELECT data FROM pg_logical_slot_get_changes('peek', NULL, NULL)")]
    kinds = [text.split(":")[0] if "message" in text else text.split(" ")[1].rstrip(":") for text in decoded[1:-1]]
    assert kinds == ["cdc_agent.checkpoint", "message", "public.items"]
    assert "transactional: 1 prefix: cdc_agent" in decoded[2]
    assert '["phone"]' in decoded[2]


def test_a_read_only_server_is_unavailable(rig_of: Callable[..., Rig]) -> None:
    """After a failover to a server that takes no writes the agent waits."""
    rig = rig_of("CREATE TABLE items (id int PRIMARY KEY, v text)")
    rig.target._live.connection.execute("SET default_transaction_read_only = on")
    with pytest.raises(TargetUnavailable):
        rig.apply(Upserts(rig.bind("items"), [(b"1", b"v")]))
    rig.target.rollback()


def test_missing_tables_of_the_agent_are_told(rig_of: Callable[..., Rig]) -> None:
    """Before setup a target says that it is not set up."""
    rig = rig_of()
    rig.database.run("DROP SCHEMA cdc_agent CASCADE")
    with pytest.raises(NotSetUp):
        rig.target.checkpoint(PIPELINE)
    with pytest.raises(NotSetUp):
        rig.target.take_over(PIPELINE, "db-1:1")


def test_a_column_that_was_dropped_on_the_target_is_a_schema_error(rig_of: Callable[..., Rig]) -> None:
    """A binding that no longer fits the table stops the pipeline, with the table's name."""
    rig = rig_of("CREATE TABLE items (id int PRIMARY KEY, v text)")
    binding = rig.bind("items")
    rig.apply(Upserts(binding, [(b"1", b"v")]))
    rig.database.run("ALTER TABLE items DROP COLUMN v")
    with pytest.raises(TargetSchemaError):
        rig.apply(Upserts(binding, [(b"1", b"v")]))
    rig.target.rollback()


def test_a_deferred_constraint_that_fails_at_commit_is_a_refusal(rig_of: Callable[..., Rig]) -> None:
    """The server's answer to COMMIT is known: nothing was committed, and the reason is the row."""
    rig = rig_of(
        "CREATE TABLE parents (id int PRIMARY KEY)",
        "CREATE TABLE children (id int PRIMARY KEY, p int REFERENCES parents DEFERRABLE INITIALLY DEFERRED)",
        triggers="fire",
    )
    with pytest.raises(RowRefused, match="foreign key"):
        rig.apply(Upserts(rig.bind("children"), [(b"1", b"42")]))
    rig.target.rollback()
    rig.apply(Upserts(rig.bind("children"), [(b"1", None)]))


def test_a_small_batch_costs_two_round_trips(rig_of: Callable[..., Rig]) -> None:
    """BEGIN, the compare-and-set and the rows of several tables travel together, then COMMIT."""
    rig = rig_of("CREATE TABLE a (id int PRIMARY KEY, v text)", "CREATE TABLE b (id int PRIMARY KEY, v text)")
    steps = [Upserts(rig.bind(name), [(b"1", b"v"), (b"2", b"w")]) for name in ("a", "b")]
    rig.apply(*steps)
    flight = rig.target._live.flight
    flights = []
    send = flight._send
    flight._send = lambda queue: flights.append(len(queue)) or send(queue)
    rig.apply(*steps)
    assert flights == [4, 1]
