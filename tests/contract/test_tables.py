"""Tables read without their log, on every server: the same canonical text, in the database's own order of keys."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from cdc_agent.config.model import Database as Settings
from cdc_agent.errors import NoKeyOrder, PrivilegeMissing, SourceUnavailable, TableChanged, TableMissing
from cdc_agent.model.changes import Table as LoggedTable
from cdc_agent.model.values import UNSENT, Kind, Row, Type
from cdc_agent.tables.base import Description, TableReader
from cdc_agent.tables.registry import tables
from tests.support import mysql_reading, postgres_reading, typecases
from tests.support.servers import Database, Server
from tests.support.sync import schema
from tests.support.typecases import KEYS, POSTGRES_TYPES, family, write


@pytest.fixture
def database(any_server: Server) -> Iterator[Database]:
    found = any_server.create_database("tables")
    yield found
    found.drop()


@pytest.fixture
def reader(database: Database) -> Iterator[TableReader]:
    found = open_reader(database.url())
    yield found
    found.close()


def open_reader(url: str) -> TableReader:
    return tables(Settings(url=url), "test of tables", unavailable=SourceUnavailable)


def described(reader: TableReader, database: Database, name: str) -> Description:
    return reader.describe((schema(database), name))


def chunks(reader: TableReader, description: Description, size: int) -> list[Row]:
    """The whole table, range after range."""
    found: list[Row] = []
    after: Row | None = None
    while rows := reader.range(description, after, None, size):
        assert len(rows) <= size
        found += rows
        after = description.key_of(rows[-1])
    return found


def bounded_chunks(reader: TableReader, description: Description, size: int) -> list[Row]:
    """The same, each range with its end, which `key_after` says."""
    found: list[Row] = []
    after: Row | None = None
    while True:
        upto = reader.key_after(description, after, size)
        found += reader.range(description, after, upto, 10 * size)
        if upto is None:
            return found
        after = upto


# --- the same as the log -------------------------------------------------------------------------------------------


def logged(database: Database, name: str, work: Callable[[], None]) -> tuple[LoggedTable, dict[Row, Row]]:
    """The table version in the log while `work` inserts, and the rows by their first column."""
    if database.server.is_postgres:
        one = postgres_reading.Reading(database, [("public", name)])
        one.start(one.prepare())
        work()
        changes, table = one.changes(), one.tables_seen()[0]
        one.stop()
        return table, {new[:1]: new for _, _, new in changes if new is not None}
    other = mysql_reading.Reading(database)
    with mysql_reading.running(other, other.now()):
        work()
        found = other.catch_up()
    table = next(piece.table for transaction in found for piece in transaction.pieces)
    return table, {new[:1]: new for one in found for _, _, new in mysql_reading.changes_of(one) if new is not None}


def essence(type_: Type) -> tuple[object, ...]:
    """What decides about a value's form: its spelling may differ between the log and the catalogue."""
    size = type_.length if type_.kind in (Kind.BIT, Kind.BYTES) and type_.fixed else None
    element = essence(type_.element) if type_.element else None
    return type_.kind, type_.precision, type_.scale, type_.unsigned, type_.fixed, type_.labels, size, element


def test_every_type_reads_as_its_log_has_it(database: Database, reader: TableReader) -> None:
    """For every type, at each of its edges, the row of the table is byte for byte the row of the log."""
    if database.server.is_postgres:
        database.run(POSTGRES_TYPES)
    table = typecases.Table(database, "every_type", typecases.columns(database.server))
    table.create()
    version, rows = logged(database, table.name, lambda: write(database, list(table.inserts())))
    description = described(reader, database, table.name)
    names = [column.name for column in version.columns]
    assert [column.name for column in description.table.columns] == names
    found = {row[:1]: row for row in reader.whole(description)}
    assert found.keys() == rows.keys()
    for key, row in rows.items():
        assert dict(zip(names, found[key], strict=True)) == dict(zip(names, row, strict=True))
    types = {column.name: essence(column.type) for column in version.columns}
    assert {column.name: essence(column.type) for column in description.table.columns} == types
    assert description.table.key == version.key
    assert reader.by_keys(description, list(rows)) == unordered(rows.values())
    assert [reader.reread(version, {"id": key[0]}) for key in rows] == list(rows.values())
    with pytest.raises(ValueError, match="not sent"):
        reader.reread(version, {"id": UNSENT})


def unordered(rows: Any) -> Any:
    """Equal to a list with the same rows in any order."""

    class Rows(list[Row]):
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            return isinstance(other, list) and sorted(map(repr, self)) == sorted(map(repr, other))

    return Rows(rows)


# --- keys and ranges -----------------------------------------------------------------------------------------------


def test_keys_of_every_type_are_read_in_ranges(database: Database, reader: TableReader) -> None:
    """Ranges of any size, one after the other, are the whole table, whatever type the key has, alone or with others."""
    if database.server.is_postgres:
        database.run("CREATE TYPE mood AS ENUM ('sad', 'it''s \"fine\"', 'glad, very')")
    for place, (declared, *values) in enumerate(KEYS[family(database.server)]):
        one, two = f"one_{place}", f"two_{place}"
        database.run(f"CREATE TABLE {one} (k {declared} PRIMARY KEY, n int)")
        database.run(f"CREATE TABLE {two} (a int, k {declared}, z int, n int, PRIMARY KEY (a, k, z))")
        write(database, [f"INSERT INTO {one} VALUES ({value}, 7)" for value in values])
        others = [(a, z) for a in (-1, 0, 5) for z in (-3, 2)]
        write(database, [f"INSERT INTO {two} VALUES ({a}, {value}, {z}, 7)" for value in values for a, z in others])
        assert_ranges(reader, described(reader, database, one), len(values), declared)
        assert_ranges(reader, described(reader, database, two), len(values) * len(others), declared)


def assert_ranges(reader: TableReader, description: Description, count: int, what: str) -> None:
    """Ranges of every size are the table, its keys are found, and the chunks end where `key_after` says."""
    whole = list(reader.whole(description))
    assert len(whole) == count, what
    rows = chunks(reader, description, 5)
    for size in (1, 2, 3, 7, 100):
        assert chunks(reader, description, size) == bounded_chunks(reader, description, size) == rows, what
    assert unordered(rows) == whole, what
    keys = [description.key_of(row) for row in rows]
    assert reader.bounds(description) == (keys[0], keys[-1]), what
    assert unordered(reader.by_keys(description, keys)) == whole, what
    assert [reader.by_keys(description, [key]) for key in keys] == [[row] for row in rows], what
    assert reader.key_after(description, keys[0], len(keys)) is None
    assert reader.key_after(description, keys[0], len(keys) - 1) == keys[-1], what


COLLATIONS = {
    "postgres": ('text COLLATE "C"', 'text COLLATE "en-x-icu"', 'text COLLATE "anycase"', "citext", 'char(8) COLLATE "de-x-icu"'),
    "mariadb": ("varchar(30) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", "varchar(30) COLLATE utf8mb4_bin", "varchar(30) COLLATE utf8mb4_unicode_nopad_ci", "char(30) CHARACTER SET latin1 COLLATE latin1_swedish_ci", "varchar(30) CHARACTER SET utf16"),
    "mysql": ("varchar(30) COLLATE utf8mb4_0900_ai_ci", "varchar(30) COLLATE utf8mb4_bin", "varchar(30) COLLATE utf8mb4_0900_as_cs", "char(30) CHARACTER SET latin1 COLLATE latin1_german2_ci", "varchar(30) CHARACTER SET utf16"),
}  # fmt: skip
WORDS = ("a", "B", "c", "ä", "Zoë", "zoo", "ß", "ÿ", "éclair", "e", "F", "_", "1", "10", "2", "a b", "a-c", "ab", "")


def test_the_database_orders_texts(database: Database, reader: TableReader) -> None:
    """Under any collation the ranges miss nothing and repeat nothing, and follow the database's own order."""
    if database.server.is_postgres:
        database.run("CREATE EXTENSION citext")
        database.run("CREATE COLLATION anycase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
    for place, declared in enumerate(COLLATIONS[database.engine]):
        name = f"words_{place}"
        database.run(f"CREATE TABLE {name} (k {declared} PRIMARY KEY, n int)")
        insert = f"INSERT INTO {name} VALUES (%s, %s) ON CONFLICT DO NOTHING"
        if not database.server.is_postgres:
            insert = f"INSERT IGNORE INTO {name} VALUES (%s, %s)"
        for number, word in enumerate(WORDS):
            database.run(insert, (word, number))
        order = [str(number).encode() for (number,) in database.run(f"SELECT n FROM {name} ORDER BY k")]
        description = described(reader, database, name)
        assert [row[1] for row in chunks(reader, description, 3)] == order, declared
        assert_ranges(reader, description, len(order), declared)


def test_a_key_is_found_as_the_database_compares_it(database: Database, reader: TableReader) -> None:
    """A case-insensitive key finds the row that is spelt otherwise."""
    declared = "citext" if database.server.is_postgres else "varchar(20) COLLATE utf8mb4_general_ci"
    if database.server.is_postgres:
        database.run("CREATE EXTENSION citext")
    database.run(f"CREATE TABLE t (k {declared}, j int, PRIMARY KEY (k, j)); INSERT INTO t VALUES ('Abc', 1), ('b', 1)")
    description = described(reader, database, "t")
    assert reader.by_keys(description, [(b"aBC", b"1"), (b"B", b"2")]) == [(b"Abc", b"1")]
    assert reader.range(description, (b"ABC", b"0"), (b"B", b"0"), 10) == [(b"Abc", b"1")]


def test_a_thousand_keys_are_read_at_once(database: Database, reader: TableReader) -> None:
    """Also composite ones; a key that is not there is just not among the rows."""
    database.run("CREATE TABLE t (a int, b varchar(20), v int, PRIMARY KEY (a, b))")
    write(database, [f"INSERT INTO t VALUES ({i}, 'k{i % 7}', {i})" for i in range(0, 1000, 2)])
    keys = [(b"%d" % i, b"k%d" % (i % 7)) for i in range(1000)]
    rows = reader.by_keys(described(reader, database, "t"), keys)
    assert unordered(rows) == [(b"%d" % i, b"k%d" % (i % 7), b"%d" % i) for i in range(0, 1000, 2)]
    assert reader.by_keys(described(reader, database, "t"), []) == []


UNORDERED = {
    "postgres": (
        ("CREATE TABLE t (id int, v text)", "no key"),
        (
            "CREATE TABLE t (a int NOT NULL, b int NOT NULL); CREATE UNIQUE INDEX i ON t (a, b DESC); "
            "ALTER TABLE t REPLICA IDENTITY USING INDEX i",
            "different directions",
        ),
        (
            'CREATE TABLE t (a text NOT NULL, b int); CREATE UNIQUE INDEX i ON t (a COLLATE "C"); '
            "ALTER TABLE t REPLICA IDENTITY USING INDEX i",
            "another order",
        ),
    ),
    "mysql": (
        ("CREATE TABLE t (id int, v text)", "no primary key"),
        ("CREATE TABLE t (a int, b int, PRIMARY KEY (a, b DESC))", "different directions"),
        ("CREATE TABLE t (a varchar(50), b int, PRIMARY KEY (a(10)))", "no primary key of whole columns"),
    ),
    "mariadb": (
        ("CREATE TABLE t (id int, v text)", "no primary key"),
        ("CREATE TABLE t (a varchar(50), b int, PRIMARY KEY (a(10)))", "no primary key of whole columns"),
    ),
}


def test_a_key_without_a_usable_order_is_refused(database: Database, reader: TableReader) -> None:
    """The error says what is wrong with the key, and the table can be read whole."""
    for definition, reason in UNORDERED[database.engine]:
        database.run(f"{definition}; INSERT INTO t VALUES (1, 2)")
        description = described(reader, database, "t")
        with pytest.raises(NoKeyOrder, match=reason):
            reader.range(description, None, None, 1)
        with pytest.raises(NoKeyOrder, match=reason):
            reader.bounds(description)
        with pytest.raises(NoKeyOrder, match=reason):
            reader.key_after(description, None, 1)
        assert list(reader.whole(description)) == [(b"1", b"2")]
        database.run("DROP TABLE t")


def test_a_descending_key_is_read_in_ranges(database: Database, reader: TableReader) -> None:
    """An index that runs backwards throughout is as good as one that runs forwards."""
    if database.server.is_postgres:
        database.run(
            "CREATE TABLE t (a int NOT NULL, b int NOT NULL); CREATE UNIQUE INDEX i ON t (a DESC, b DESC);"
            "ALTER TABLE t REPLICA IDENTITY USING INDEX i"
        )
    else:
        database.run("CREATE TABLE t (a int, b int, PRIMARY KEY (a DESC, b DESC))")
    write(database, [f"INSERT INTO t VALUES ({i % 3}, {i})" for i in range(10)])
    description = described(reader, database, "t")
    assert chunks(reader, description, 4) == sorted(reader.whole(description), key=lambda r: [int(v) for v in r])  # type: ignore[arg-type]


def test_an_empty_table(database: Database, reader: TableReader) -> None:
    """It has no bounds, no rows and no chunk that ends."""
    database.run("CREATE TABLE t (id int PRIMARY KEY)")
    description = described(reader, database, "t")
    assert reader.bounds(description) is None
    assert reader.key_after(description, None, 1) is None
    assert reader.range(description, None, None, 5) == list(reader.whole(description)) == []


# --- descriptions --------------------------------------------------------------------------------------------------


def test_a_description_holds_what_the_catalogue_knows(database: Database, reader: TableReader) -> None:
    """Columns with nullability and generation, keys and foreign keys; columns that were dropped are not there."""
    database.run(
        "CREATE TABLE parent (id int PRIMARY KEY);"
        "CREATE TABLE t (b int NOT NULL, gone int, a int, twice int GENERATED ALWAYS AS (a * 2) STORED, p int,"
        " PRIMARY KEY (a, b), CONSTRAINT one_p UNIQUE (p), CONSTRAINT to_p FOREIGN KEY (p) REFERENCES parent (id));"
        "ALTER TABLE t DROP COLUMN gone; INSERT INTO t (a, b) VALUES (1, 2)"
    )
    found = described(reader, database, "t")
    assert [(c.name, c.nullable, c.generated) for c in found.catalogue.columns] == [
        ("b", False, False),
        ("a", False, False),
        ("twice", True, True),
        ("p", True, False),
    ]
    assert found.catalogue.primary_key == ("a", "b")
    assert found.catalogue.unique_keys == (("p",),)
    assert [key.references[1] for key in found.catalogue.foreign_keys] == ["parent"]
    in_log = ["b", "a", "p"] if database.server.is_postgres else ["b", "a", "twice", "p"]
    assert [column.name for column in found.table.columns] == in_log
    assert [found.table.columns[index].name for index in found.table.key] == ["a", "b"]
    assert reader.bounds(found) == ((b"1", b"2"), (b"1", b"2"))


def test_odd_names_are_read(database: Database, reader: TableReader) -> None:
    """Quotes, blanks, percent signs and keywords in names break nothing."""
    odd, mark = 'select "x`; -- %s é', '"' if database.server.is_postgres else "`"
    quoted = mark + odd.replace(mark, 2 * mark) + mark
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {quoted} ({quoted} int PRIMARY KEY, v int)")
        cursor.execute(f"INSERT INTO {quoted} VALUES (1, 2), (2, 3)")
    description = described(reader, database, odd)
    assert chunks(reader, description, 1) == unordered(reader.whole(description)) == [(b"1", b"2"), (b"2", b"3")]
    assert reader.by_keys(description, [(b"2",)]) == [(b"2", b"3")]


def test_a_missing_table_is_told_from_an_empty_one(database: Database, reader: TableReader) -> None:
    """A view is none either; one that is altered or dropped after it was described is told as well."""
    database.run("CREATE VIEW seen AS SELECT 1 AS id; CREATE TABLE t (id int PRIMARY KEY, v int)")
    for name in ("never", "seen"):
        with pytest.raises(TableMissing, match=rf"{name} does not exist"):
            described(reader, database, name)
    description = described(reader, database, "t")
    database.run("ALTER TABLE t DROP COLUMN v")
    with pytest.raises(TableChanged):
        reader.range(description, None, None, 1)
    database.run("DROP TABLE t")
    with pytest.raises(TableChanged):
        list(reader.whole(description))
    with pytest.raises(TableMissing):
        described(reader, database, "t")


def test_partitions_are_read_as_one_table_and_children_are_not(database: Database, reader: TableReader) -> None:
    """What the log calls one table is read as one; PostgreSQL's inherited tables are tables of their own."""
    if database.server.is_postgres:
        database.run(
            "CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id);"
            "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (5); CREATE TABLE p2 PARTITION OF p DEFAULT;"
            "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE child () INHERITS (t); INSERT INTO child VALUES (8)"
        )
    else:
        database.run("CREATE TABLE p (id int PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 3")
        database.run("CREATE TABLE t (id int PRIMARY KEY)")
    database.run("INSERT INTO p VALUES (1), (7); INSERT INTO t VALUES (9)")
    assert chunks(reader, described(reader, database, "p"), 1) == [(b"1",), (b"7",)]
    assert list(reader.whole(described(reader, database, "t"))) == [(b"9",)]


# --- one moment ----------------------------------------------------------------------------------------------------


def test_a_snapshot_is_of_one_moment(database: Database, reader: TableReader) -> None:
    """Changes that are committed while it lasts are not seen in it, and are seen after it; the log's end goes on."""
    database.run("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1), (2, 1), (3, 1)")
    description = described(reader, database, "t")
    before = [(b"1", b"1"), (b"2", b"1"), (b"3", b"1")]
    low = reader.position()
    with reader.snapshot():
        high = reader.position()
        assert high.reached(low)
        database.run("UPDATE t SET v = 2; DELETE FROM t WHERE id = 1; INSERT INTO t VALUES (9, 9)")
        assert chunks(reader, description, 1) == list(reader.whole(description)) == before
        assert reader.by_keys(description, [(b"1",)]) == before[:1]
        assert not high.reached(reader.position())
    assert chunks(reader, description, 2) == [(b"2", b"2"), (b"3", b"2"), (b"9", b"9")]


def test_a_snapshot_that_is_lost_is_not_continued_on_another_connection(
    database: Database, reader: TableReader
) -> None:
    """What would be read next might be of another moment; outside a snapshot a lost connection is made anew."""
    database.run("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
    description = described(reader, database, "t")
    cut(database)
    assert reader.range(description, None, None, 5) == [(b"1",)]
    cut(database)
    assert described(reader, database, "t").table.columns == description.table.columns
    with reader.snapshot():
        cut(database)
        for _ in range(2):
            with pytest.raises(SourceUnavailable):
                reader.range(description, None, None, 5)
    assert reader.range(description, None, None, 5) == [(b"1",)]


def cut(database: Database) -> None:
    """End the reader's connection."""
    if database.server.is_postgres:
        database.run(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            f" WHERE datname = '{database.name}' AND application_name LIKE '%test of tables'"
        )
        return
    for number in database.server.sessions(database.name):
        database.server.run(f"KILL {number}")


def test_the_whole_table_is_read_in_bounded_memory(database: Database, reader: TableReader) -> None:
    """40 MB of rows pass while the reader holds a few."""
    database.run("CREATE TABLE t (id int PRIMARY KEY, v text)")
    size = 20_000 if database.server.is_postgres else 10_000
    write(database, [f"INSERT INTO t VALUES ({i}, repeat('x', {size}))" for i in range(40_000_000 // size)])
    description = described(reader, database, "t")
    tracemalloc.start()
    try:
        total = sum(len(row[1] or b"") for row in reader.whole(description))  # type: ignore[arg-type]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert total == 40_000_000
    assert peak < 4_000_000


def test_a_reading_that_is_given_up_early_does_no_harm(database: Database, reader: TableReader) -> None:
    """The rest of a large table is not waited for, and the next question is answered."""
    database.run("CREATE TABLE t (id int PRIMARY KEY, v text)")
    write(database, [f"INSERT INTO t VALUES ({i}, repeat('x', 20000))" for i in range(1000)])
    description = described(reader, database, "t")
    rows = reader.whole(description)
    next(rows)
    rows.close()  # type: ignore[attr-defined]
    assert len(reader.range(description, None, None, 10)) == 10


# --- rights and limits ---------------------------------------------------------------------------------------------


def test_select_is_enough(database: Database) -> None:
    """A role with SELECT on one table reads it, in a snapshot as well; another table is refused or not seen."""
    database.run(
        "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); CREATE TABLE hidden (id int PRIMARY KEY)"
    )
    role, at = f"r{database.name}"[:30], "" if database.server.is_postgres else "@'%'"
    known = "LOGIN PASSWORD" if database.server.is_postgres else "IDENTIFIED BY"
    user = "ROLE" if database.server.is_postgres else "USER"
    database.run(f"CREATE {user} {role}{at} {known} 'Reads-0nly'")
    database.run(f"GRANT SELECT ON t TO {role}{at}")
    reader = open_reader(database.url(role, "Reads-0nly"))
    try:
        description = described(reader, database, "t")
        with reader.snapshot():
            assert list(reader.whole(description)) == chunks(reader, description, 1) == [(b"1",)]
        assert reader.reread(description.table, {"id": b"1"}) == (b"1",)
        with pytest.raises(PrivilegeMissing if database.server.is_postgres else TableMissing):
            list(reader.whole(described(reader, database, "hidden")))
    finally:
        reader.close()
        if database.server.is_postgres:
            database.run(f"DROP OWNED BY {role}")
        database.run(f"DROP {user} {role}{at}")


def test_the_servers_time_limits_are_not_inherited(database: Database, reader: TableReader) -> None:
    """A large table may take longer to read than a DBA grants to an application's statement."""
    database.run("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
    if database.server.is_postgres:
        database.run(f"ALTER DATABASE {database.name} SET statement_timeout = '30s'")
        database.run(f"ALTER DATABASE {database.name} SET default_transaction_isolation = 'serializable'")
        description = described(reader, database, "t")
        with reader.snapshot():
            database.run("SELECT 1")
            assert list(reader.whole(description)) == [(b"1",)]
        ((limit,),) = reader._connection.execute("SHOW statement_timeout")  # type: ignore[attr-defined]
        assert limit == "0"
    else:
        described(reader, database, "t")
        name = "max_statement_time" if database.engine == "mariadb" else "max_execution_time"
        assert float(reader._run(f"SELECT @@SESSION.{name}")[0][0]) == 0  # type: ignore[attr-defined]
