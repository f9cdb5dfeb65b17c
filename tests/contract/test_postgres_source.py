"""A PostgreSQL source on real servers: what its log says arrives once, in order, and nothing is silently missing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import psycopg
import pytest

from cdc_agent.config.model import Database as Settings
from cdc_agent.errors import (
    LogGone,
    LogUnusable,
    PrivilegeMissing,
    PublicationAltered,
    SlotInUse,
    SourceUnavailable,
)
from cdc_agent.model import echo
from cdc_agent.model.changes import DELETE, INSERT, UPDATE, EventKind, Identity, Rows, TableEvent, TableName, Truncate
from cdc_agent.model.positions import Lsn, parse_lsn
from cdc_agent.model.values import UNSENT, Kind
from cdc_agent.sources.postgres import publication, setup, slot
from tests.support.postgres_reading import TARGET, Reading, changes_of
from tests.support.servers import Database, Server
from tests.support.waiting import wait_until

Open = Callable[..., Reading]

LONG = "SELECT string_agg(md5(g::text), '') FROM generate_series(1, 1000) g"
"""32,000 characters that do not compress: TOASTed."""


@pytest.fixture
def database(any_postgres: Server) -> Iterator[Database]:
    created = any_postgres.create_database()
    yield created
    created.drop()


@pytest.fixture
def reading(database: Database) -> Iterator[Open]:
    """`reading("CREATE TABLE …", "t", …)`: tables made, slot created, reader running."""
    opened: list[Reading] = []

    def start(ddl: str, *tables: str, run: bool = True, url: str | None = None) -> Reading:
        database.run(ddl)
        one = Reading(database, [("public", table) for table in tables], url=url)
        opened.append(one)
        position = one.prepare()
        if run:
            one.start(position)
        return one

    yield start
    for one in opened:
        one.stop()


# --- many tables


def many(count: int) -> tuple[str, list[str]]:
    names = [f"t{number}" for number in range(count)]
    return "; ".join(f"CREATE TABLE {name} (id int PRIMARY KEY, a varchar(9) NOT NULL)" for name in names), names


def test_tables_that_waited_in_the_log_are_described_together_as_each_by_itself(reading: Open) -> None:
    """Of nine tables the first few are asked for one by one, the others together; nothing differs but the name."""
    ddl, names = many(9)
    one = reading(ddl, *names, run=False)
    position = one.prepare()
    for name in names:
        one.sql(f"INSERT INTO {name} VALUES (1, 'x')")
    one.start(position)
    seen = one.tables_seen()
    assert [table.name for table in seen] == names
    assert {(table.columns, table.key, table.identity) for table in seen} == {
        (seen[0].columns, seen[0].key, seen[0].identity)
    }
    assert [column.nullable for column in seen[0].columns] == [False, False]


def test_what_was_read_for_many_tables_does_not_hold_for_rows_that_come_later(reading: Open) -> None:
    """A table that is altered after the start, before its first row, is described as it was altered."""
    ddl, names = many(9)
    one = reading(ddl, *names, run=False)
    position = one.prepare()
    for name in names[:8]:
        one.sql(f"INSERT INTO {name} VALUES (1, 'x')")
    one.start(position)
    assert len(one.tables_seen()) == 8
    one.sql("ALTER TABLE t8 ALTER a DROP NOT NULL; ALTER TABLE t8 ALTER a TYPE varchar(99)")
    one.sql("INSERT INTO t8 VALUES (1, NULL)")
    last = one.tables_seen()[-1]
    assert [(column.nullable, column.type.length) for column in last.columns] == [(False, None), (True, 99)]
    assert one.changes()[-1] == (INSERT, None, (b"1", None))


# --- rows


def test_changes_arrive_in_commit_order_with_positions_and_times(reading: Open) -> None:
    """Each committed transaction arrives once, whole, with a rising position and the server's commit time."""
    one = reading("CREATE TABLE t (id int PRIMARY KEY, a text)", "t")
    one.sql("INSERT INTO t VALUES (1, 'x'), (2, NULL)")
    one.sql("UPDATE t SET a = 'y' WHERE id = 1")
    one.sql("BEGIN; INSERT INTO t VALUES (3, 'never'); ROLLBACK")
    one.sql("DELETE FROM t WHERE id = 2")
    first, second, third = [t for t in one.catch_up() if t.pieces]
    assert changes_of(first) == [(INSERT, None, (b"1", b"x")), (INSERT, None, (b"2", None))]
    assert changes_of(second) == [(UPDATE, None, (b"1", b"y"))]
    assert changes_of(third) == [(DELETE, (b"2", UNSENT), None)]
    assert first.position < second.position < third.position
    ((now,),) = one.sql("SELECT extract(epoch FROM now())::float")
    assert now - 60 < first.commit_time <= third.commit_time <= now


TYPES = [
    ("boolean", "true", b"t", Kind.BOOL),
    ("bigint", "-9223372036854775808", b"-9223372036854775808", Kind.INTEGER),
    ("numeric(12,2)", "12.5", b"12.50", Kind.DECIMAL),
    ("numeric", "'NaN'", b"NaN", Kind.DECIMAL),
    ("real", "0.1", b"0.1", Kind.FLOAT),
    ("double precision", "'-0'", b"-0", Kind.FLOAT),
    ("double precision", "1e20", b"1e+20", Kind.FLOAT),
    ("text", "E'tab\\t\\\\ 😀'", "tab\t\\ 😀".encode(), Kind.TEXT),
    ("char(5)", "'ab'", b"ab", Kind.TEXT),
    ("bytea", "'\\x00FF'", b"\\x00ff", Kind.BYTES),
    ("date", "'infinity'", b"infinity", Kind.DATE),
    ("date", "'0044-03-15 BC'", b"0044-03-15 BC", Kind.DATE),
    ("time", "'23:59:59.500'", b"23:59:59.5", Kind.TIME),
    ("timestamp", "'2024-02-29 12:00:00.000001'", b"2024-02-29 12:00:00.000001", Kind.TIMESTAMP),
    ("timestamptz", "'2024-07-01 12:00:00+02'", b"2024-07-01 10:00:00+00", Kind.INSTANT),
    ("interval", "'1 year 2 mons 3 days 04:05:06.7'", b"P1Y2M3DT4H5M6.7S", Kind.INTERVAL),
    ("uuid", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", b"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", Kind.UUID),
    ("json", "'{\"a\":  1}'", b'{"a":  1}', Kind.JSON),
    ("bit(4)", "B'0101'", b"0101", Kind.BIT),
    ("inet", "'10.0.0.1'", b"10.0.0.1", Kind.OTHER),
    ("mood", "'so so'", b"so so", Kind.ENUM),
    ("cents", "7", b"7.00", Kind.DECIMAL),
    ("mood[]", "'{\"so so\",NULL}'", b'{"so so",NULL}', Kind.ARRAY),
    ("int4range", "'[1,5]'", b"[1,6)", Kind.RANGE),
    ("pair", "ROW(1, 'a b')", b'(1,"a b")', Kind.COMPOSITE),
    ("hstore", "'a=>1'", b'"a"=>"1"', Kind.HSTORE),
]


def test_values_arrive_as_canonical_text(reading: Open) -> None:
    """Every type's value comes in its documented text, whatever the server's own time zone and styles are."""
    columns = ", ".join(f"c{i} {type_}" for i, (type_, *_) in enumerate(TYPES))
    one = reading(
        "CREATE EXTENSION hstore; CREATE TYPE mood AS ENUM ('so so', 'well');"
        "CREATE DOMAIN cents AS numeric(9,2) CHECK (VALUE > 0); CREATE TYPE pair AS (a int, b text);"
        f"CREATE TABLE t (id int PRIMARY KEY, {columns})",
        "t",
    )
    one.sql(f"INSERT INTO t VALUES (1, {', '.join(value for _, value, *_ in TYPES)})")
    ((_, _, row),) = one.changes()
    assert row[1:] == tuple(text for _, _, text, _ in TYPES)
    (table,) = one.tables_seen()
    assert [column.type.kind for column in table.columns[1:]] == [kind for *_, kind in TYPES]
    by_name = {column.name: column.type for column in table.columns}
    assert by_name[f"c{len(TYPES) - 6}"].labels == ("so so", "well")
    assert one.source.reread(table, {"id": b"1"}) == row


def test_unchanged_toast_is_unsent_or_taken_from_the_old_row(reading: Open) -> None:
    """A TOASTed column that an update leaves alone is never NULL: UNSENT, or the old row's value under FULL."""
    one = reading(
        "CREATE TABLE t (id int PRIMARY KEY, n int, long text);"
        "CREATE TABLE f (id int PRIMARY KEY, n int, long text); ALTER TABLE f REPLICA IDENTITY FULL",
        "t",
        "f",
    )
    ((long,),) = one.sql(LONG)
    for table in "tf":
        one.sql(f"INSERT INTO {table} VALUES (1, 1, ({LONG}))")
        one.sql(f"UPDATE {table} SET n = 2")
    changes = one.changes()
    assert changes[1] == (UPDATE, None, (b"1", b"2", UNSENT))
    assert changes[3] == (UPDATE, (b"1", b"1", long.encode()), (b"1", b"2", long.encode()))
    assert one.source.reread(one.tables_seen()[0], {"id": b"1"}) == (b"1", b"2", long.encode())
    assert one.source.reread(one.tables_seen()[0], {"id": b"2"}) is None


def test_a_moved_key_comes_with_the_old_one(reading: Open) -> None:
    """The old key is sent before the new row, with UNSENT and not NULL in the columns that were not logged."""
    one = reading("CREATE TABLE t (a int, b text, c text, PRIMARY KEY (a, c))", "t")
    one.sql("INSERT INTO t VALUES (1, 'b', 'c')")
    one.sql("UPDATE t SET a = 2")
    assert one.changes()[1] == (UPDATE, (b"1", UNSENT, b"c"), (b"2", b"b", b"c"))
    assert one.tables_seen()[0].key == (0, 2)


@pytest.mark.parametrize(
    ("ddl", "identity", "key", "old"),
    [
        ("ALTER TABLE t REPLICA IDENTITY FULL", Identity.FULL, (0,), (b"1", b"u", b"x")),
        ("ALTER TABLE t REPLICA IDENTITY USING INDEX t_u", Identity.KEY, (1,), (UNSENT, b"u", UNSENT)),
        (
            "ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t REPLICA IDENTITY FULL",
            Identity.FULL,
            (0, 1, 2),
            (b"1", b"u", b"x"),
        ),
    ],
)
def test_replica_identities(reading: Open, ddl: str, identity: Identity, key: tuple[int, ...], old: object) -> None:
    """Each replica identity gives its old rows; under FULL the key is the primary key, without one every column."""
    one = reading(
        f"CREATE TABLE t (id int PRIMARY KEY, u text NOT NULL, x text); CREATE UNIQUE INDEX t_u ON t (u); {ddl}", "t"
    )
    one.sql("INSERT INTO t VALUES (1, 'u', 'x')")
    one.sql("DELETE FROM t")
    assert one.changes()[1] == (DELETE, old, None)
    assert (one.tables_seen()[0].identity, one.tables_seen()[0].key) == (identity, key)


def test_replica_identity_nothing_still_sends_inserts(reading: Open) -> None:
    """A table that logs no old rows is read as far as its log goes."""
    one = reading("CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t REPLICA IDENTITY NOTHING", "t")
    one.sql("INSERT INTO t VALUES (1)")
    assert one.changes() == [(INSERT, None, (b"1",))]
    assert one.tables_seen()[0].identity is Identity.NOTHING


def test_truncate_names_its_tables_together(reading: Open) -> None:
    """One TRUNCATE of several tables is one piece, with its options, in its place among the rows."""
    one = reading(
        "CREATE TABLE a (id serial PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY REFERENCES a);"
        "CREATE TABLE other (id int PRIMARY KEY)",
        "a",
        "b",
    )
    one.sql("INSERT INTO a VALUES (1); TRUNCATE a, other RESTART IDENTITY CASCADE; INSERT INTO a VALUES (2)")
    (transaction,) = [t for t in one.catch_up() if t.pieces]
    before, truncate, after = transaction.pieces
    assert isinstance(truncate, Truncate)
    assert set(truncate.tables) == {("public", "a"), ("public", "b")}
    assert truncate.cascade
    assert truncate.restart_identity
    assert (len(before.messages), len(after.messages)) == (1, 1)


def test_partitions_come_under_their_root(reading: Open) -> None:
    """Rows of partitions carry the root's name; one that moves between partitions stays one row."""
    one = reading(
        "CREATE TABLE t (id int, region text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);"
        "CREATE TABLE t_eu PARTITION OF t FOR VALUES IN ('eu'); CREATE TABLE t_us PARTITION OF t FOR VALUES IN ('us')",
        "t",
    )
    one.sql("INSERT INTO t VALUES (1, 'eu')")
    one.sql("UPDATE t SET region = 'us'")
    one.sql("INSERT INTO t_us VALUES (2, 'us')")
    changes = one.changes()
    assert changes[0] == (INSERT, None, (b"1", b"eu"))
    assert changes[1:-1] == [(DELETE, (b"1", b"eu"), None), (INSERT, None, (b"1", b"us"))]
    assert changes[-1] == (INSERT, None, (b"2", b"us"))
    assert {table.full_name for table in one.tables_seen()} == {("public", "t")}


def test_a_partition_that_logs_less_than_its_root_says(reading: Open) -> None:
    """Where only the root has REPLICA IDENTITY FULL, the nulls in old rows mean unsent."""
    one = reading(
        "CREATE TABLE t (id int PRIMARY KEY, x text) PARTITION BY RANGE (id);"
        "CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (100); ALTER TABLE t REPLICA IDENTITY FULL",
        "t",
    )
    one.sql("INSERT INTO t VALUES (1, 'x')")
    one.sql("DELETE FROM t")
    assert one.changes()[1] == (DELETE, (b"1", UNSENT), None)


def test_alter_table_in_mid_stream_makes_a_new_table_version(reading: Open) -> None:
    """Rows before and after an ALTER TABLE are decoded each with the columns that they were written with."""
    one = reading("CREATE TABLE t (id int PRIMARY KEY, a text, gone text)", "t")
    one.sql(
        "INSERT INTO t VALUES (1, 'a', 'g'); ALTER TABLE t DROP COLUMN gone, ADD COLUMN b numeric(5,1) DEFAULT 1;"
        "INSERT INTO t VALUES (2, 'a', 2); ALTER TABLE t RENAME COLUMN a TO z; ANALYZE t;"
        "INSERT INTO t VALUES (3, 'a', 3)"
    )
    one.sql("ANALYZE t")
    one.sql("INSERT INTO t VALUES (4, 'a', 4)")
    assert [row for _, _, row in one.changes()] == [
        (b"1", b"a", b"g"),
        (b"2", b"a", b"2.0"),
        (b"3", b"a", b"3.0"),
        (b"4", b"a", b"4.0"),
    ]
    versions = one.tables_seen()
    assert [[c.name for c in table.columns] for table in versions[:3]] == [
        ["id", "a", "gone"],
        ["id", "a", "b"],
        ["id", "z", "b"],
    ]
    assert versions[-1] is versions[2]


def test_generated_columns_are_left_to_the_target(reading: Open) -> None:
    """A stored generated column is not in the log, and what follows it is not shifted."""
    one = reading("CREATE TABLE t (id int PRIMARY KEY, g int GENERATED ALWAYS AS (id * 2) STORED, z text)", "t")
    one.sql("INSERT INTO t (id, z) VALUES (1, 'z')")
    (table,) = one.tables_seen()
    names = [column.name for column in table.columns if not column.generated]
    assert names == ["id", "z"]
    ((_, _, row),) = one.changes()
    assert dict(zip((c.name for c in table.columns), row, strict=True))["z"] == b"z"


def test_odd_names_are_quoted(reading: Open) -> None:
    """Quotes, blanks, percent signs and keywords in names break nothing."""
    odd = 'x"; DROP TABLE t; -- %s'
    quoted = '"' + odd.replace('"', '""') + '"'
    one = reading(f'CREATE TABLE {quoted} ({quoted} int PRIMARY KEY, "select" text)', odd)
    one.sql(f"INSERT INTO {quoted} VALUES (1, 's')")
    assert one.changes() == [(INSERT, None, (b"1", b"s"))]
    assert one.source.reread(one.tables_seen()[0], {odd: b"1"}) == (b"1", b"s")


def test_a_large_transaction_comes_in_parts(reading: Open) -> None:
    """Only the first part is first, only the last has a position, and no row is missing."""
    one = reading("CREATE TABLE t (id int PRIMARY KEY, a text)", "t")
    one.sql("INSERT INTO t SELECT g, repeat('x', 100) FROM generate_series(1, 20000) g")
    parts = [t for t in one.catch_up() if t.pieces]
    assert len(parts) > 1
    assert [t.first for t in parts] == [True] + [False] * (len(parts) - 1)
    assert [t.position is not None for t in parts] == [False] * (len(parts) - 1) + [True]
    assert [int(row[0]) for _, _, row in one.changes()] == list(range(1, 20001))


# --- positions


def test_a_restart_neither_loses_nor_repeats(reading: Open) -> None:
    """From any position that was emitted, exactly what was committed behind it comes."""
    one = reading("CREATE TABLE t (id int PRIMARY KEY)", "t")
    for number in range(6):
        one.sql("INSERT INTO t VALUES (%s)", (number,))
    positions = [t.position for t in one.catch_up() if t.pieces]
    one.stop()
    one.sql("INSERT INTO t VALUES (6)")
    for done, position in enumerate(positions, start=1):
        one.start(position)
        assert [int(row[0]) for _, _, row in one.changes()] == list(range(done, 7))
        one.stop()


def test_only_acknowledged_positions_reach_the_slot(reading: Open) -> None:
    """The slot moves to what was acknowledged, soon, and not to what was merely read."""
    one = reading("CREATE TABLE t (id int PRIMARY KEY)", "t")
    with psycopg.connect(one.settings.url, autocommit=True) as connection:
        before = slot.state(connection, one.slot).confirmed_flush_lsn
        for number in range(3):
            one.sql("INSERT INTO t VALUES (%s)", (number,))
        first, *_ = [t.position for t in one.catch_up() if t.pieces]
        one.source.keepalive()
        assert slot.state(connection, one.slot).confirmed_flush_lsn == before
        one.source.acknowledge(first)
        wait_until(lambda: slot.state(connection, one.slot).confirmed_flush_lsn == first)


def test_an_idle_log_is_reported(reading: Open) -> None:
    """Log that holds nothing for any route moves the position: when asked for, and by itself once it is a megabyte."""
    one = reading("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE other (a text)", "t")
    one.catch_up()
    one.sql("INSERT INTO other VALUES ('x')")
    assert not one.changes()
    seen = one.position()
    one.sql("INSERT INTO other SELECT repeat('y', 1000) FROM generate_series(1, 3000)")
    wait_until(lambda: one.position().value > seen.value + 2_000_000, what="progress is reported unasked")


def test_unrouted_tables_are_not_kept(reading: Open) -> None:
    """A published table that no route takes leaves a transaction without pieces, which still moves the position."""
    one = reading("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)", "t", "u")
    one.catch_up()
    one.stop()
    one.start(one.position(), wanted={("public", "t")}.__contains__)
    one.sql("INSERT INTO u VALUES (1)")
    (transaction,) = one.catch_up()
    assert (transaction.pieces, transaction.substantive, transaction.size) == ([], True, 0)


def test_the_reader_stays_alive_while_it_waits_for_room(database: Database, reading: Open) -> None:
    """A queue that is full for longer than wal_sender_timeout costs neither the connection nor a row."""
    role = f"{database.name}_slow"
    database.run(
        f"CREATE ROLE {role} LOGIN REPLICATION SUPERUSER PASSWORD 'p';"
        f"ALTER ROLE {role} SET wal_sender_timeout = '1500ms'"
    )
    try:
        one = reading("CREATE TABLE t (id int PRIMARY KEY, a text)", "t", url=database.url(role, "p"))
        one.hold.clear()
        one.sql("INSERT INTO t SELECT g, repeat('x', 200) FROM generate_series(1, 50000) g")
        ((began,),) = one.sql("SELECT clock_timestamp()")
        wait_until(lambda: one.sql("SELECT clock_timestamp() - %s > interval '5 s'", (began,))[0][0])
        one.hold.set()
        assert len(one.changes()) == 50000
        one.stop()
    finally:
        database.run(f"DROP OWNED BY {role}; DROP ROLE {role}")


# --- what happens to tables


NARROWER = {
    "kinds": ("SET (publish = 'insert')", ["it does not publish updates", "it does not publish deletes",
                                           "it does not publish truncates"]),
    "roots": ("SET (publish_via_partition_root = false)", ["it does not publish partitions under their root's name"]),
    "rows": ("SET TABLE t WHERE (id > 5)", ["it publishes only some rows of public.t"]),
    "columns": ("SET TABLE t (id)", ["it publishes only some columns of public.t"]),
    "tables": ("SET TABLE other", ["it lacks public.t"]),
}  # fmt: skip


def everything(table: TableName) -> bool:
    """A wildcard over public."""
    return table[0] == "public"


def events_of(one: Reading) -> list[TableEvent]:
    return [piece for t in one.until_now() for piece in t.pieces if isinstance(piece, TableEvent)]


def happened(one: Reading, count: int) -> list[TableEvent]:
    """The events so far, once there are as many."""
    return wait_until(lambda: found if len(found := events_of(one)) >= count else None, what=f"{count} events")


def follow(reading: Open, ddl: str, *tables: str, url: str | None = None) -> Reading:
    one = reading(ddl, *tables, run=False, url=url)
    one.start(one.source.current_position(), everything)
    return one


def test_a_new_table_is_published_and_followed_from_its_first_row(reading: Open) -> None:
    """Rows from before it was published come with the event, those from after it by the log: each is there."""
    one = follow(reading, "CREATE TABLE t (id int PRIMARY KEY)", "t")
    one.sql("CREATE TABLE n (id int PRIMARY KEY, a text, b bit(3)); INSERT INTO n VALUES (1, NULL, B'101')")
    assert happened(one, 1) == [TableEvent(EventKind.CREATED, ("public", "n"))]
    one.sql("INSERT INTO n VALUES (2, E'tab\\t', NULL)")
    one.sql("UPDATE n SET a = 'x' WHERE id = 1")
    state = {new[0]: new[1:] for kind, _, new in one.changes() if kind != DELETE}
    assert state == {b"1": (b"x", b"101"), b"2": (b"tab\t", None)}
    assert events_of(one) == [TableEvent(EventKind.CREATED, ("public", "n"))]
    first = next(table for table in one.tables_seen() if table.name == "n")
    assert first.key == (0,)


def test_a_new_table_is_followed_from_there_when_the_log_is_read_again(reading: Open) -> None:
    """The place where it was published is in the log: an agent that is killed there brings its rows again."""
    one = follow(reading, "CREATE TABLE t (id int PRIMARY KEY)", "t")
    one.catch_up()
    position = one.position()
    one.sql("CREATE TABLE n (id int PRIMARY KEY); INSERT INTO n VALUES (1)")
    happened(one, 1)
    one.stop()
    one.sql("INSERT INTO n VALUES (2)")
    one.start(position, everything)
    assert {new[0] for _, _, new in one.changes()} == {b"1", b"2"}
    assert events_of(one) == [TableEvent(EventKind.CREATED, ("public", "n"))]


class Held(threading.Event):
    """Says when somebody waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        self.asked.set()
        return super().wait(timeout)


def test_a_table_that_somebody_is_writing_to_is_published_behind_him(reading: Open) -> None:
    """What was written before the table was published and is committed after it would be in neither."""
    one = follow(reading, "CREATE TABLE t (id int PRIMARY KEY)", "t")
    one.hold = held = Held()
    one.sql("INSERT INTO t VALUES (0)")
    wait_until(held.asked.is_set, what="the reader waits for room, and looks at nothing")
    one.sql("CREATE TABLE n (id int PRIMARY KEY)")
    with psycopg.connect(one.settings.url) as writer:
        writer.execute("INSERT INTO n VALUES (1)")
        held.set()
        waiting = "SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'n'::regclass"
        wait_until(lambda: one.sql(waiting), timeout=60, what="the watch waits for the writer")
        wait_until(lambda: not one.sql(waiting), what="it makes way for others")
        assert events_of(one) == []
        writer.commit()
    assert happened(one, 1) == [TableEvent(EventKind.CREATED, ("public", "n"))]
    assert one.changes()[1:] == [(INSERT, None, (b"1",))]


def test_a_new_table_without_identity_is_told_and_not_published(reading: Open) -> None:
    """Its updates would fail on the source; what would have to be done is said."""
    one = follow(reading, "CREATE TABLE t (id int PRIMARY KEY)", "t")
    one.sql("CREATE TABLE n (id int); INSERT INTO n VALUES (1)")
    (event,) = happened(one, 1)
    assert (event.kind, event.table) == (EventKind.CREATED, ("public", "n"))
    one.sql("UPDATE n SET id = 2")
    for statement in event.unlogged:
        one.sql(statement)
    assert happened(one, 2)[1] == TableEvent(EventKind.CREATED, ("public", "n"))
    one.sql("INSERT INTO n VALUES (3)")
    assert {new[0] for _, _, new in one.changes()} == {b"2", b"3"}


def test_a_table_that_the_role_may_not_publish_is_told(database: Database, reading: Open) -> None:
    """Under least rights the owner is told what to run; from there on it is followed, with the rows it had."""
    role = f"{database.name}_least"
    database.run(f"CREATE ROLE {role} LOGIN REPLICATION PASSWORD 'p'; GRANT pg_read_all_data TO {role}")
    try:
        database.run("CREATE TABLE t (id int PRIMARY KEY)")
        Reading(database, [("public", "t")]).prepare()
        database.run(f"ALTER PUBLICATION news OWNER TO {role}")
        one = Reading(database, [("public", "t")], url=database.url(role, "p"))
        one.start(one.source.current_position(), everything)
        database.run("CREATE TABLE n (id int PRIMARY KEY); INSERT INTO n VALUES (1)")
        (event,) = happened(one, 1)
        database.run("INSERT INTO n VALUES (2)")
        (statement,) = event.unlogged
        database.run(statement)
        database.run("INSERT INTO n VALUES (3)")
        assert happened(one, 2)[1] == TableEvent(EventKind.CREATED, ("public", "n"))
        assert {new[0] for _, _, new in one.changes()} == {b"1", b"2", b"3"}
        one.stop()
    finally:
        database.run(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_another_table_under_the_same_name_is_noticed(reading: Open) -> None:
    """DROP and CREATE, and a swap of names: the publication would go on with the old one, or none."""
    one = follow(reading, "CREATE TABLE t (id int PRIMARY KEY)", "t")
    one.sql("INSERT INTO t VALUES (1)")
    one.sql("DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY, a text); INSERT INTO t VALUES (2, 'x')")
    assert happened(one, 1) == [TableEvent(EventKind.REPLACED, ("public", "t"))]
    one.sql("INSERT INTO t VALUES (3, 'y')")
    assert [new for _, _, new in one.changes()] == [(b"1",), (b"2", b"x"), (b"3", b"y")]


def test_names_that_move_are_noticed(reading: Open) -> None:
    """A renamed table and one that is dropped: each routed name is told of, wherever it went."""
    one = follow(reading, "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE gone (id int PRIMARY KEY)", "t", "gone")
    one.sql("ALTER TABLE t RENAME TO u; DROP TABLE gone")
    told = happened(one, 3)
    assert sorted(told, key=lambda event: event.table) == [
        TableEvent(EventKind.DROPPED, ("public", "gone")),
        TableEvent(EventKind.RENAMED, ("public", "t"), ("public", "u")),
        TableEvent(EventKind.CREATED, ("public", "u"), ("public", "t")),
    ]
    one.sql("INSERT INTO u VALUES (1)")
    assert one.changes() == [(INSERT, None, (b"1",))]
    assert len(events_of(one)) == 3


def test_rows_that_partitions_take_along_are_noticed(reading: Open) -> None:
    """A partition that is dropped, detached or attached with its rows changes the table without a trace in the log."""
    one = follow(
        reading,
        "CREATE TABLE p (id int PRIMARY KEY) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);"
        "CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2); CREATE TABLE q (id int PRIMARY KEY)",
        "p",
        "q",
    )
    one.sql("CREATE TABLE p4 PARTITION OF p FOR VALUES IN (4); INSERT INTO p VALUES (1), (2), (4)")
    assert len(one.changes()) == 3
    one.sql("DROP TABLE p1")
    assert happened(one, 1) == [TableEvent(EventKind.EMPTIED, ("public", "p"))]
    one.sql("ALTER TABLE p ATTACH PARTITION q FOR VALUES IN (3)")
    assert sorted(happened(one, 3)[1:], key=lambda event: event.table) == [
        TableEvent(EventKind.EXCHANGED, ("public", "p"), ("public", "q")),
        TableEvent(EventKind.DROPPED, ("public", "q")),
    ]


def test_a_rename_is_told_before_the_first_row_under_the_new_name(reading: Open) -> None:
    """The log's own description says it in its place, even if nobody has looked at the catalogue yet."""
    one = follow(reading, "CREATE TABLE t (id int PRIMARY KEY)", "t")
    one.sql("INSERT INTO t VALUES (1)")
    one.sql("ALTER TABLE t RENAME TO u; INSERT INTO u VALUES (2)")
    pieces = [piece for t in one.until_now() for piece in t.pieces]
    assert [type(piece) for piece in pieces] == [Rows, TableEvent, TableEvent, Rows]
    assert [piece.kind for piece in pieces[1:3]] == [EventKind.RENAMED, EventKind.CREATED]


@pytest.mark.parametrize("how", NARROWER)
def test_a_publication_that_is_narrowed_stops_a_running_reader(reading: Open, how: str) -> None:
    """Within moments, and with what it leaves out: what was changed meanwhile is not in the log."""
    one = reading("CREATE TABLE t (id int PRIMARY KEY, a text); CREATE TABLE other (id int)", "t")
    if how in ("rows", "columns") and one.database.server.spec.order < (15,):
        pytest.skip("row filters and column lists came with PostgreSQL 15")
    alteration, details = NARROWER[how]
    one.sql(f"ALTER PUBLICATION news {alteration}")
    error = one.failure()
    assert isinstance(error, PublicationAltered)
    assert list(error.details) == details


# --- echoes, messages, origins

CHECKPOINT = """
CREATE SCHEMA cdc_agent;
CREATE TABLE cdc_agent.checkpoint (
    pipeline text PRIMARY KEY, path text, generation bigint, transactions bigint, position text, mark text);
CREATE TABLE t (id int PRIMARY KEY);
"""


def _write_marked(one: Reading, path: tuple[str, ...], count: int, rows: str) -> None:
    text = echo.path_text(path)
    mark = echo.mark("far-to-near", 1, count, "lsn:0/1", text)
    one.database.run(
        f"INSERT INTO cdc_agent.checkpoint VALUES ('far-to-near', '{text}', 1, {count}, 'lsn:0/1', '{mark}')"
        " ON CONFLICT (pipeline) DO UPDATE"
        " SET path = excluded.path, transactions = excluded.transactions, mark = excluded.mark;"
        f"{rows}"
    )


def test_echoes_are_dropped_by_their_path(reading: Open) -> None:
    """What an agent wrote for the target is dropped, what it wrote for others goes on with its path."""
    one = reading(CHECKPOINT, "t")
    _write_marked(one, (TARGET,), 1, "INSERT INTO t VALUES (1)")
    _write_marked(one, ("third",), 2, "INSERT INTO t VALUES (2)")
    one.sql("INSERT INTO t VALUES (3)")
    first, second, third = one.catch_up()
    assert (first.echo, first.pieces, first.path) == (True, [], (TARGET,))
    assert (second.echo, second.path, changes_of(second)) == (False, ("third",), [(INSERT, None, (b"2",))])
    assert (third.path, changes_of(third)) == ((), [(INSERT, None, (b"3",))])
    assert not one.reports


def test_a_marker_that_no_agent_wrote_is_reported(reading: Open) -> None:
    """A person's write to the checkpoint row makes no echo of the rows beside it."""
    one = reading(CHECKPOINT, "t")
    one.sql(
        "INSERT INTO cdc_agent.checkpoint VALUES ('p', '[\"far\"]', 1, 1, 'lsn:0/1', 'forged');INSERT INTO t VALUES (1)"
    )
    (transaction,) = one.catch_up()
    assert changes_of(transaction) == [(INSERT, None, (b"1",))]
    assert one.reports == [("foreign_checkpoint_write", echo.CHECKPOINT)]


def test_logical_messages(reading: Open) -> None:
    """An agent's message marks its transaction; others, malformed and non-transactional ones change nothing."""
    one = reading("CREATE TABLE t (id int PRIMARY KEY)", "t")
    emit = "SELECT pg_logical_emit_message"
    one.sql(f"{emit}(true, 'cdc_agent', '[\"far\"]'); INSERT INTO t VALUES (1)")
    one.sql(f"{emit}(true, 'somebody', '[\"far\"]'); INSERT INTO t VALUES (2)")
    one.sql(f"{emit}(false, 'cdc_agent', '[\"far\"]')")
    one.sql(f"{emit}(true, 'cdc_agent', 'no path'); INSERT INTO t VALUES (3)")
    one.sql(f"INSERT INTO t VALUES (4); {emit}(true, 'cdc_agent', '[\"far\"]'); INSERT INTO t VALUES (5)")
    transactions = one.catch_up()
    assert transactions[0].echo
    assert [int(row[0]) for _, _, row in one.changes()] == [2, 3, 4, 5]
    assert len(one.reports) == 2


def test_other_replication_still_flows(reading: Open) -> None:
    """A transaction that another replication brought, with its origin, is a change like any other."""
    one = reading("CREATE TABLE t (id int PRIMARY KEY)", "t")
    origin = one.database.name
    one.sql("SELECT pg_replication_origin_create(%s)", (origin,))
    try:
        one.sql(
            f"SELECT pg_replication_origin_session_setup('{origin}');"
            "SELECT pg_replication_origin_xact_setup('0/1', now()); INSERT INTO t VALUES (1)"
        )
        assert one.changes() == [(INSERT, None, (b"1",))]
    finally:
        wait_until(lambda: one.sql("SELECT pg_replication_origin_drop(%s)", (origin,)))


# --- a log that is not there


def test_a_slot_that_is_gone_stops_the_start(reading: Open) -> None:
    """No slot is created in place of one that disappeared."""
    one = reading("CREATE TABLE t (id int PRIMARY KEY)", "t", run=False)
    slot.drop(one.settings, one.slot)
    with pytest.raises(LogGone, match="does not exist"):
        one.start(Lsn(1))


def test_a_slot_that_moved_past_the_checkpoint_stops_the_start(reading: Open) -> None:
    """The server would skip ahead without a word; the agent does not."""
    one = reading("CREATE TABLE t (id int PRIMARY KEY)", "t", run=False)
    ((confirmed,),) = one.sql(
        "SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name = %s", (one.slot,)
    )
    one.sql("INSERT INTO t VALUES (1)")
    one.sql("SELECT pg_replication_slot_advance(%s, pg_current_wal_lsn())", (one.slot,))
    with pytest.raises(LogGone, match="past the checkpoint"):
        one.start(parse_lsn(confirmed))
    with pytest.raises(LogGone, match="ahead of the log"):
        one.start(Lsn(2**60))


def test_a_slot_has_one_reader_and_the_error_names_it(reading: Open) -> None:
    """The second reader is told which process reads, and the first one goes on."""
    one = reading("CREATE TABLE t (id int PRIMARY KEY)", "t")
    ((pid,),) = one.sql("SELECT active_pid FROM pg_replication_slots WHERE slot_name = %s", (one.slot,))
    second = Reading(one.database, one.tables)
    with pytest.raises(SlotInUse, match=str(pid)):
        second.start(one.source.current_position())
    second.stop()
    one.sql("INSERT INTO t VALUES (1)")
    assert len(one.changes()) == 1


def test_an_invalidated_slot_is_loud(any_postgres: Server, private_server: Callable[..., Server]) -> None:
    """A slot that the server gave up for want of space is an error at the next start, not a gap."""
    server = private_server(
        any_postgres,
        settings={"max_slot_wal_keep_size": "1MB", "max_wal_size": "32MB", "min_wal_size": "32MB"},
        in_memory=True,
    )
    database = server.create_database()
    database.run("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE other (a text)")
    one = Reading(database, [("public", "t")])
    position = one.prepare()

    def lost() -> bool:
        database.run("INSERT INTO other SELECT repeat('y', 1000) FROM generate_series(1, 20000); TRUNCATE other")
        server.run("SELECT pg_switch_wal()")
        server.run("CHECKPOINT")
        return server.run("SELECT wal_status FROM pg_replication_slots")[0][0] == "lost"

    wait_until(lost, timeout=180)
    with pytest.raises(LogGone, match="invalidated"):
        one.start(position)
    one.stop()


def test_a_missing_publication_is_loud(reading: Open) -> None:
    """Without its publication the stream stops, although PostgreSQL 18 would leave the changes out with a warning."""
    one = reading("CREATE TABLE t (id int PRIMARY KEY)", "t")
    one.catch_up()
    position = one.position()
    one.sql("DROP PUBLICATION news")
    one.sql("INSERT INTO t VALUES (1)")
    assert isinstance(one.failure(), LogUnusable)
    one.stop()
    with pytest.raises(LogUnusable, match="publication news does not exist"):
        one.start(position)


def test_a_table_that_takes_a_routed_name_is_loud(reading: Open) -> None:
    """After a swap of names the publication follows the old table: the new one must not just be missing."""
    one = reading("CREATE TABLE t (id int PRIMARY KEY)", "t")
    one.catch_up()
    position = one.position()
    one.stop()
    one.sql("CREATE TABLE t_new (id int PRIMARY KEY)")
    one.sql("ALTER TABLE t RENAME TO t_old")
    one.sql("ALTER TABLE t_new RENAME TO t")
    with pytest.raises(PublicationAltered) as altered:
        one.start(position)
    assert altered.value.details == ("it lacks public.t",)


@pytest.mark.parametrize("how", NARROWER)
def test_a_publication_that_was_narrowed_stops_the_start(reading: Open, how: str) -> None:
    """What it leaves out would just be missing: kinds of change, rows, columns or tables."""
    one = reading("CREATE TABLE t (id int PRIMARY KEY, a text); CREATE TABLE other (id int)", "t", run=False)
    if how in ("rows", "columns") and one.database.server.spec.order < (15,):
        pytest.skip("row filters and column lists came with PostgreSQL 15")
    alteration, details = NARROWER[how]
    one.sql(f"ALTER PUBLICATION news {alteration}")
    with pytest.raises(PublicationAltered) as altered:
        one.start(one.source.current_position())
    assert list(altered.value.details) == details


def test_the_connection_that_streams_is_asked_who_it_is(reading: Open, any_postgres: Server) -> None:
    """Behind an address another server may answer from one connection to the next: its log is not ours."""
    one = reading("CREATE TABLE t (id int PRIMARY KEY)", "t", run=False)
    position = one.source.current_position()
    source = one.source
    found = source.identity()
    source._identity = replace(found, timeline=2)
    with pytest.raises(SourceUnavailable, match="another server answers"):
        source.start(position, one.tables.__contains__)
    source._identity = found
    source.start(position, one.tables.__contains__)


def test_a_cut_connection_is_retryable(reading: Open) -> None:
    """The server's end of the connection is SourceUnavailable, and reading goes on after a new start."""
    one = reading("CREATE TABLE t (id int PRIMARY KEY)", "t")
    one.sql("INSERT INTO t VALUES (1)")
    one.catch_up()
    position = one.position()
    one.sql("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = %s", (one.slot,))
    assert isinstance(one.failure(), SourceUnavailable)
    one.stop()
    one.sql("INSERT INTO t VALUES (2)")
    one.start(position)
    assert one.changes() == [(INSERT, None, (b"2",))]


def test_a_server_can_shut_down(any_postgres: Server, private_server: Callable[..., Server]) -> None:
    """An agent that has not acknowledged all does not hold up its source's shutdown, and continues after it."""
    server = private_server(any_postgres)
    database = server.create_database()
    database.run("CREATE TABLE t (id int PRIMARY KEY)")
    one = Reading(database, [("public", "t")])
    position = one.prepare()
    one.start(position)
    database.run("INSERT INTO t VALUES (1)")
    one.catch_up()
    server.stop()
    assert "database system is shut down" in server.log()
    assert isinstance(one.failure(), SourceUnavailable)
    one.stop()
    with pytest.raises(SourceUnavailable):
        one.start(position)
    server.start()
    one.start(position)
    assert one.changes() == [(INSERT, None, (b"1",))]
    one.stop()


# --- setup and privileges


def test_setup_takes_an_unused_slot_and_refuses_a_used_one(reading: Open) -> None:
    """A setup that was killed after creating the slot leaves no orphan: the next one takes it, if nobody read it."""
    one = reading("CREATE TABLE t (id int PRIMARY KEY)", "t", run=False)
    again = setup.prepare(one.settings, slot=one.slot, publication=one.publication, tables=one.tables)
    assert not again.created
    one.start(again.position)
    one.sql("INSERT INTO t VALUES (1)")
    assert len(one.changes()) == 1
    one.stop()
    with psycopg.connect(one.settings.url, autocommit=True) as connection:
        wait_until(lambda: slot.state(connection, one.slot).used, what="the server counts what was read")
    with pytest.raises(LogUnusable, match="has been read from"):
        setup.prepare(one.settings, slot=one.slot, publication=one.publication, tables=one.tables)
    assert setup.remove(one.settings, slot=one.slot, publication=one.publication) == (True, True)
    assert setup.remove(one.settings, slot=one.slot, publication=one.publication) == (False, False)


def test_a_table_that_setup_adds_later_comes_with_its_rows(reading: Open) -> None:
    """The log is told from where on it holds the table, in the transaction that publishes it."""
    one = reading("CREATE TABLE t (id int PRIMARY KEY)", "t")
    one.catch_up()
    position = one.position()
    one.stop()
    one.sql("CREATE TABLE n (id int PRIMARY KEY); INSERT INTO n VALUES (1)")
    setup.publish(one.settings, one.publication, [("public", "t"), ("public", "n")], one.slot)
    one.sql("INSERT INTO n VALUES (2)")
    one.start(position, everything)
    assert {new[0] for _, _, new in one.changes()} == {b"1", b"2"}
    assert events_of(one) == [TableEvent(EventKind.CREATED, ("public", "n"))]


def test_slots_in_use_are_not_dropped(reading: Open) -> None:
    """Teardown while an agent runs is refused, with the reader's process named."""
    one = reading("CREATE TABLE t (id int PRIMARY KEY)", "t")
    with pytest.raises(SlotInUse):
        slot.drop(one.settings, one.slot)


def test_the_publication_holds_exactly_the_routed_tables(reading: Open) -> None:
    """A changed route changes the publication; the checkpoint table comes with it once it exists."""
    one = reading("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)", "t", run=False)

    def tables() -> set[TableName]:
        with psycopg.connect(one.settings.url, autocommit=True) as connection:
            return set(publication.read(connection, one.publication).tables)

    assert tables() == {("public", "t")}
    one.sql("CREATE SCHEMA cdc_agent; CREATE TABLE cdc_agent.checkpoint (pipeline text PRIMARY KEY)")
    setup.publish(one.settings, one.publication, [("public", "u")])
    assert tables() == {("public", "u"), echo.CHECKPOINT}


def test_the_least_privileges_suffice(database: Database, reading: Open) -> None:
    """LOGIN, REPLICATION and SELECT do, once the owner has run the statements that the error holds."""
    database.run("CREATE TABLE t (id int PRIMARY KEY)")
    role = f"{database.name}_least"
    database.run(f"CREATE ROLE {role} LOGIN REPLICATION PASSWORD 'p'; GRANT SELECT ON t TO {role}")
    try:
        one = Reading(database, [("public", "t")], url=database.url(role, "p"))
        with pytest.raises(PrivilegeMissing) as refused:
            one.prepare()
        for statement in refused.value.details:
            database.run(statement)
        one.start(one.prepare())
        database.run("INSERT INTO t VALUES (1)")
        assert one.changes() == [(INSERT, None, (b"1",))]
        assert one.source.reread(one.tables_seen()[0], {"id": b"1"}) == (b"1",)
        assert one.source.identity().identity == Reading(database, []).source.identity().identity
        one.stop()
    finally:
        database.run(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_a_role_that_may_not_replicate_is_told_so(database: Database) -> None:
    """The error names the role and the statement that mends it."""
    role = f"{database.name}_none"
    database.run(f"CREATE ROLE {role} LOGIN PASSWORD 'p'")
    try:
        with pytest.raises(PrivilegeMissing, match=role) as refused:
            slot.create(Settings(url=database.url(role, "p")), "never")
        assert "REPLICATION" in refused.value.advice
    finally:
        database.run(f"DROP ROLE {role}")


def test_wal_level_is_checked(any_postgres: Server, private_server: Callable[..., Server]) -> None:
    """A server that does not log for logical decoding is refused with the setting to change."""
    server = private_server(any_postgres, settings={"wal_level": "replica"}, in_memory=True)
    with pytest.raises(LogUnusable, match="wal_level"):
        slot.create(Settings(url=server.url(database="postgres")), "never")
