"""The MySQL and MariaDB source against real servers: every committed row once, from every position, or a loud stop."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from cdc_agent.config.model import Database as Settings
from cdc_agent.config.model import Tls
from cdc_agent.errors import AgentError, LogGone, LogUnusable, ServerIdTaken, SourceUnavailable
from cdc_agent.model.changes import DELETE, INSERT, UPDATE, Alteration, EventKind, Rows, TableEvent, Truncate
from cdc_agent.model.positions import BinlogPosition, parse_position
from cdc_agent.model.values import UNSENT
from cdc_agent.sources.assemble import PART_BYTES
from cdc_agent.sources.mysql.stream import branches
from cdc_agent.tables.mysql import MysqlTables
from tests.support import servers
from tests.support.mysql_reading import Reading, changes_of, keys, running
from tests.support.servers import Database, Server
from tests.support.waiting import wait_until

SERVERS = servers.selection().of("mysql", "mariadb")


@pytest.fixture(params=SERVERS, ids=str)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    made = servers.server(request.param).create_database("stream")
    made.run("CREATE TABLE t (id INT PRIMARY KEY, b VARCHAR(200))")
    yield made
    roll_back_branches(made)
    made.drop()


def roll_back_branches(database: Database) -> None:
    """A branch that a failed test left prepared would keep its tables locked."""
    for _, _, _, name in database.run("XA RECOVER"):
        text = name if isinstance(name, str) else name.decode()
        if text.startswith(database.name):
            database.run(f"XA ROLLBACK '{text}'")


@pytest.fixture
def reading(database: Database) -> Iterator[Reading]:
    found = Reading(database)
    yield found
    found.stop()


class Session:
    """One connection that runs statements one by one."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.connection = database.connect()
        self("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")  # no gap locks while a branch is prepared

    def __call__(self, *statements: str) -> None:
        with self.connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def close(self) -> None:
        """Close it, and wait until the server has let go of what it prepared."""
        if not self.connection.open:
            return
        number = self.connection.thread_id()
        self.connection.close()
        wait_until(lambda: number not in self.database.server.sessions(), what="the end of the connection")


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    made = Session(database)
    yield made
    made.close()


def by_place(position: BinlogPosition) -> BinlogPosition:
    """The same position without GTIDs, as file and offset."""
    return position._replace(gtid="")


RESUMES: list[Callable[[BinlogPosition], BinlogPosition]] = [lambda position: position, by_place]
resumed = pytest.mark.parametrize("resume", RESUMES, ids=["gtid", "file-and-offset"])


# --- what is read --------------------------------------------------------------------------------------------------


def test_changes_come_in_order_with_their_transactions(reading: Reading, session: Session) -> None:
    """Inserts, updates and deletes arrive as the transactions that made them, each with position and commit time."""
    start = reading.now()
    session("INSERT INTO t VALUES (1, 'a')")
    session("BEGIN", "INSERT INTO t VALUES (2, 'b'), (3, 'c')", "UPDATE t SET b = 'x' WHERE id = 1", "COMMIT")
    session("DELETE FROM t WHERE id = 2")
    with running(reading, start):
        transactions = reading.catch_up()
        assert [changes_of(transaction) for transaction in transactions] == [
            [(INSERT, None, (b"1", b"a"))],
            [
                (INSERT, None, (b"2", b"b")),
                (INSERT, None, (b"3", b"c")),
                (UPDATE, (b"1", b"a"), (b"1", b"x")),
            ],
            [(DELETE, (b"2", b"b"), None)],
        ]
        assert all(t.position and t.commit_time and t.substantive for t in transactions)
        assert parse_position(str(transactions[-1].position)) == transactions[-1].position


@resumed
def test_the_stream_resumes_at_every_position(
    reading: Reading, session: Session, resume: Callable[[BinlogPosition], BinlogPosition]
) -> None:
    """From each position that was emitted, exactly the transactions behind it are read again."""
    start = reading.now()
    session(
        "INSERT INTO t VALUES (1, 'a')",
        "BEGIN", "INSERT INTO t VALUES (2, 'b')", "INSERT INTO t VALUES (3, 'c')", "COMMIT",
        "CREATE TABLE unwanted (id INT)", "INSERT INTO unwanted VALUES (1)",
        "FLUSH LOGS",
        "INSERT INTO t VALUES (4, 'd')",
        "TRUNCATE unwanted",
        "INSERT INTO t VALUES (5, 'e')",
    )  # fmt: skip
    assert_resumable(reading, start, [1, 2, 3, 4, 5], resume)


def test_an_unwanted_table_moves_the_position_only(reading: Reading, session: Session) -> None:
    """Rows that no route takes are not kept; their transaction advances the position and counts as substantive."""
    session("CREATE TABLE unwanted (id INT)")
    with running(reading, reading.now()):
        session("INSERT INTO unwanted VALUES (1)")
        assert reading.catch_up() == []
        assert any(t.substantive and not t.pieces for t in reading.emitted)


def test_an_idle_log_is_reported(reading: Reading, session: Session) -> None:
    """Where nothing is written but files change, the position follows without a transaction."""
    with running(reading, reading.now()):
        session("FLUSH LOGS")
        reading.catch_up()
        assert any(t.idle and not t.substantive for t in reading.emitted)
        assert reading.error is None


def test_commits_of_myisam_end_a_transaction(reading: Reading, session: Session) -> None:
    """A table without transactions is logged with a COMMIT statement, which ends the transaction."""
    session("CREATE TABLE m (id INT) ENGINE = MyISAM")
    with running(reading, reading.now()):
        session("INSERT INTO m VALUES (1)", "INSERT INTO m VALUES (2)")
        assert [keys(changes_of(t)) for t in reading.catch_up()] == [[1], [2]]


def test_rows_of_a_minimal_image_pass_with_their_gaps(reading: Reading, session: Session) -> None:
    """Columns that a minimal row image leaves out are UNSENT; the key comes from the old row."""
    session("INSERT INTO t VALUES (1, 'a')")
    with running(reading, reading.now()):
        session("SET SESSION binlog_row_image = MINIMAL", "UPDATE t SET b = 'z' WHERE id = 1")
        assert reading.changes() == [(UPDATE, (b"1", UNSENT), (b"1", b"z"))]


def test_create_table_select_is_one_transaction(reading: Reading, session: Session) -> None:
    """The CREATE TABLE in front of its rows does not end the transaction that holds both."""
    session("INSERT INTO t VALUES (1, 'a')")
    with running(reading, reading.now()):
        session("CREATE TABLE copied AS SELECT * FROM t")
        assert reading.changes() == [(INSERT, None, (b"1", b"a"))]


def test_what_a_savepoint_takes_back_is_not_replicated(reading: Reading, session: Session) -> None:
    """Rows between SAVEPOINT and ROLLBACK TO are dropped, also where the server logs them with the rollback."""
    with running(reading, reading.now()):
        session("BEGIN", "CREATE TEMPORARY TABLE side (a INT)", "INSERT INTO t VALUES (1, 'a')", "SAVEPOINT s")
        session("INSERT INTO t VALUES (2, 'b')", "DROP TEMPORARY TABLE side", "ROLLBACK TO s")
        session("INSERT INTO t VALUES (3, 'c')", "COMMIT")
        assert keys(reading.changes()) == [1, 3]


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE TABLE t",
        "truncate t",
        "/* all of it */ TRUNCATE /*!32312 TABLE*/ `t` -- gone",
        "TRUNCATE TABLE {name}.t",
        "TRUNCATE TABLE `{name}` . `t`",
    ],
)
def test_truncate_in_every_spelling(reading: Reading, session: Session, statement: str) -> None:
    """TRUNCATE is replicated between the rows around it, however it is written."""
    with running(reading, reading.now()):
        session(
            "INSERT INTO t VALUES (1, 'a')",
            statement.format(name=reading.database.name),
            "INSERT INTO t VALUES (2, '')",
        )
        pieces = [piece for t in reading.catch_up() for piece in t.pieces]
        assert [type(piece) for piece in pieces] == [Rows, Truncate, Rows]
        assert pieces[1] == Truncate(((reading.database.name, "t"),))


def test_truncate_under_ansi_quotes_and_other_charsets(reading: Reading, session: Session) -> None:
    """The statement's own sql_mode and character set say what its table is called."""
    session("CREATE TABLE `größe` (id INT)")
    with running(reading, reading.now()):
        session("SET sql_mode = 'ANSI_QUOTES'", 'TRUNCATE TABLE "größe"', "SET NAMES latin1")
        with session.connection.cursor() as cursor:
            cursor.execute("SET @name = CONVERT(_utf8mb4 0x6772C3B6C39F65 USING latin1)")
            cursor.execute("SET @statement = CONCAT('TRUNCATE TABLE ', @name)")
            cursor.execute("PREPARE truncating FROM @statement")
            cursor.execute("EXECUTE truncating")
        assert [piece for t in reading.catch_up() for piece in t.pieces] == [
            Truncate(((reading.database.name, "größe"),))
        ] * 2


def test_schema_changes_of_wanted_tables_come_in_their_place(reading: Reading, session: Session) -> None:
    """What happens to a wanted table is told between the rows before and behind it; what changes nothing is not."""
    name = reading.database.name
    session("CREATE TABLE other (id INT)")
    with running(reading, reading.now()):
        session("INSERT INTO t VALUES (1, 'a')", "ALTER TABLE t ADD c INT, ADD INDEX (c), COMMENT = 'that''s all'")
        session("ALTER TABLE t DISABLE KEYS", "INSERT INTO t VALUES (2, 'a', 2)", "RENAME TABLE other TO unwanted")
        session("CREATE TABLE another (id INT)", "DROP TABLE another", "CREATE TABLE unwanted_too (id INT)")
        pieces = [piece for t in reading.catch_up() for piece in t.pieces]
        assert pieces[1:2] + pieces[3:] == [
            TableEvent(EventKind.ALTERED, (name, "t"), alterations=(Alteration("ADD COLUMN", "c"),)),
            TableEvent(EventKind.RENAMED, (name, "other"), (name, "unwanted")),
            TableEvent(EventKind.CREATED, (name, "another")),
            TableEvent(EventKind.DROPPED, (name, "another")),
        ]
        assert reading.changes() == [(INSERT, None, (b"1", b"a")), (INSERT, None, (b"2", b"a", b"2"))]
        assert isinstance(pieces[1], TableEvent)
        assert pieces[1].statement.startswith("ALTER TABLE t ADD c INT")
        assert pieces[1].schema == name


# --- statements instead of rows ------------------------------------------------------------------------------------


STATEMENTS = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", "SET SESSION binlog_format = STATEMENT"


@pytest.mark.parametrize(
    "statement",
    ["INSERT INTO t VALUES (1, 'a')", "UPDATE t SET b = ''", "DELETE FROM t", "REPLACE t VALUES (1, 'b')",
     "UPDATE unwanted JOIN t SET t.b = 1"],
)  # fmt: skip
def test_row_changes_as_statements_are_loud(reading: Reading, session: Session, statement: str) -> None:
    """A session with binlog_format = STATEMENT that writes a wanted table stops the reader."""
    session("CREATE TABLE unwanted (id INT)", "INSERT INTO unwanted VALUES (1)", "INSERT INTO t VALUES (1, 'a')")
    if statement.startswith("INSERT"):
        session("DELETE FROM t")
    with running(reading, reading.now()):
        session(*STATEMENTS)
        session(statement)
        error = reading.failure()
        assert isinstance(error, LogUnusable)
        assert f"{reading.database.name}.t" in str(error)
        assert "'a'" not in error.render()


def test_load_data_as_a_statement_is_loud(reading: Reading, session: Session) -> None:
    """LOAD DATA in a session with binlog_format = STATEMENT stops the reader."""
    with running(reading, reading.now()):
        session(*STATEMENTS)
        loading = reading.database.connect(local_infile=True)
        with loading.cursor() as cursor:
            cursor.execute("SET SESSION binlog_format = STATEMENT")
            cursor.execute("LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE t (b) SET id = 5")
        loading.close()
        assert isinstance(reading.failure(), LogUnusable)


def test_statements_about_other_tables_pass(reading: Reading, session: Session) -> None:
    """Statement logging of tables that no route takes does not stop anything."""
    session("CREATE TABLE unwanted (id INT)")
    with running(reading, reading.now()):
        session(*STATEMENTS)
        session("INSERT INTO unwanted VALUES (1)", "UPDATE unwanted SET id = 2", "DELETE FROM unwanted")
        session("SET SESSION binlog_format = ROW", "INSERT INTO t VALUES (1, 'a')")
        assert keys(reading.changes()) == [1]


# --- XA ------------------------------------------------------------------------------------------------------------


def prepare(session: Session, name: str, *statements: str) -> None:
    session(f"XA START '{name}'", *statements, f"XA END '{name}'", f"XA PREPARE '{name}'")


def leave(session: Session) -> None:
    """Close a session that prepared a branch; until the server has noticed, nobody else may decide the branch."""
    number = session.connection.thread_id()
    session.close()
    wait_until(lambda: number not in session.database.server.sessions(), what="the server lets go of a closed session")


def test_xa_rows_count_at_commit(reading: Reading, session: Session) -> None:
    """Rows of a prepared branch come with XA COMMIT, in its place, and never after XA ROLLBACK."""
    name = reading.database.name
    with running(reading, reading.now()):
        prepare(
            session,
            f"{name}-1",
            "INSERT INTO t VALUES (1, 'a')",
            "SAVEPOINT s",
            "INSERT INTO t VALUES (9, '')",
            "ROLLBACK TO s",
        )
        leave(session)
        other = Session(reading.database)
        other("INSERT INTO t VALUES (2, 'b')")
        assert keys(reading.changes()) == [2]
        other(f"XA COMMIT '{name}-1'")
        prepare(other, f"{name}-2", "INSERT INTO t VALUES (3, 'c')")
        other(f"XA ROLLBACK '{name}-2'")
        other(
            f"XA START '{name}-3'",
            "INSERT INTO t VALUES (4, 'd')",
            f"XA END '{name}-3'",
            f"XA COMMIT '{name}-3' ONE PHASE",
        )
        assert keys(reading.changes()) == [2, 1, 4]
        other.close()


@resumed
def test_xa_survives_a_restart_between_prepare_and_commit(
    reading: Reading, session: Session, resume: Callable[[BinlogPosition], BinlogPosition]
) -> None:
    """Whatever position the agent restarts from, a branch's rows come exactly once, at its commit."""
    name, start = reading.database.name, reading.now()
    prepare(session, name, "INSERT INTO t VALUES (1, 'a')")
    leave(session)
    other = Session(reading.database)
    other("INSERT INTO t VALUES (2, 'b')", "FLUSH LOGS", "INSERT INTO t VALUES (3, 'c')", f"XA COMMIT '{name}'")
    other("INSERT INTO t VALUES (4, 'd')")
    other.close()
    assert_resumable(reading, start, [2, 3, 1, 4], resume)


def test_a_large_xa_branch_is_read_again_from_the_log(reading: Reading, session: Session) -> None:
    """A branch beyond the memory bound comes whole all the same, with several tables, and in order."""
    name = reading.database.name
    session("CREATE TABLE u (id INT PRIMARY KEY)")
    text = "x" * 200
    values = ", ".join(f"({number}, '{text}')" for number in range(branches.HELD_BYTES // 150))
    with running(reading, reading.now()):
        prepare(
            session, name, f"INSERT INTO t VALUES {values}", "INSERT INTO u VALUES (1)", "DELETE FROM t WHERE id = 0"
        )
        leave(session)
        reading.database.run(f"XA COMMIT '{name}'")
        found = reading.changes()
        assert len(found) == branches.HELD_BYTES // 150 + 2
        assert [kind for kind, _, _ in found[-2:]] == [INSERT, DELETE]


# --- size ----------------------------------------------------------------------------------------------------------


def test_a_huge_transaction_comes_in_bounded_parts(reading: Reading, session: Session) -> None:
    """A transaction of many megabytes is handed over in parts, of which only the last has a position."""
    digits = "(SELECT 0 d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6)"
    many = " JOIN ".join(f"{digits} x{number}" for number in range(5))
    with running(reading, reading.now()):
        session("BEGIN", f"INSERT INTO t SELECT @n := COALESCE(@n, 0) + 1, REPEAT('y', 200) FROM {many}", "COMMIT")
        parts = reading.catch_up()
        assert len(parts) > 2
        assert all(part.size < 2 * PART_BYTES for part in parts)
        assert [part.first for part in parts] == [True] + [False] * (len(parts) - 1)
        assert [part.position is not None for part in parts] == [False] * (len(parts) - 1) + [True]
        assert sum(len(changes_of(part)) for part in parts) == 7**5


# --- connections ---------------------------------------------------------------------------------------------------


def test_a_killed_dump_loses_and_repeats_nothing(reading: Reading, session: Session) -> None:
    """A connection that the server kills is reported, and the stream goes on from the last position, row by row."""
    stop, written = threading.Event(), itertools.count(1)

    def write() -> None:
        while not stop.is_set():
            session(f"INSERT INTO t VALUES ({next(written)}, 'x')")

    found: list[int] = []
    position = reading.now()
    before = {row[0] for row in reading.database.run("SELECT ID FROM information_schema.PROCESSLIST")}
    reading.start(position)
    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(3):
        wait_until(lambda: len(keys([c for t in list(reading.emitted) for c in changes_of(t)])) > 20, what="rows")
        rows = reading.database.run("SELECT ID FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%'")
        mine = [row[0] for row in rows if row[0] not in before and is_ours(reading, row[0])]
        assert mine
        reading.database.run(f"KILL {mine[-1]}")
        assert isinstance(reading.failure(), SourceUnavailable)
        reading.error = None
        position = reading.position()
        found += keys([c for t in reading.emitted for c in changes_of(t)])
        reading.stop()
        reading.start(position)
    stop.set()
    writer.join()
    found += keys(reading.changes())
    assert found == list(range(1, next(written)))


def is_ours(reading: Reading, thread: int) -> bool:
    """Whether a connection's program name is that of this reading's pipeline."""
    if reading.database.engine == "mysql":
        rows = reading.database.run(
            "SELECT 1 FROM performance_schema.session_connect_attrs WHERE PROCESSLIST_ID = %s AND ATTR_VALUE = %s",
            (thread, f"cdc-agent reads {reading.pipeline}"),
        )
        return bool(rows)
    return bool(
        reading.database.run(
            "SELECT 1 FROM information_schema.PROCESSLIST WHERE ID = %s AND DB = %s", (thread, reading.database.name)
        )
    )


def test_two_agents_with_one_server_id_are_told_so(reading: Reading) -> None:
    """The one that is thrown out stops with an error that says why."""
    other = Reading(reading.database, pipeline=reading.pipeline)
    with running(reading, reading.now()):
        reading.catch_up()
        with running(other, other.now()):
            error = reading.failure()
            assert isinstance(error, ServerIdTaken)
            other.catch_up()


def test_stop_ends_reading_within_a_second(reading: Reading) -> None:
    """An idle reader looks at `stop` more than once a second, and closing unblocks it too."""
    reading.start(reading.now())
    reading.catch_up()
    reading.stop()
    reading.start(reading.now())
    reading.source.close()
    reading.stop()
    assert reading.error is None


def test_the_log_is_read_over_tls(mysql: Server) -> None:
    """With `tls` every connection is encrypted, as the account demands here; the dump is one of them."""
    if not mysql.run("SHOW GLOBAL STATUS LIKE 'Ssl_server_not_after'")[0][1]:
        pytest.skip("the server has no certificate")
    database = mysql.create_database("tls")
    database.run("CREATE TABLE t (id INT PRIMARY KEY)")
    account, password = f"t{database.name}"[:30], "Only-encrypted"
    database.run(f"CREATE USER {account} IDENTIFIED BY '{password}' REQUIRE SSL")
    database.run(f"GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO {account}")
    reading = Reading(database)
    position = reading.now()
    try:
        reading.settings = Settings(url=database.url(account, password), tls=Tls(mode="disable"))
        with pytest.raises(AgentError):
            reading.start(position)
        reading.settings = Settings(url=database.url(account, password), tls=Tls(mode="require"))
        with running(reading, position):
            database.run("INSERT INTO t VALUES (1)")
            assert keys(reading.changes()) == [1]
    finally:
        database.run(f"DROP USER {account}")


# --- GTIDs ---------------------------------------------------------------------------------------------------------


def test_tagged_gtids_are_read_and_resumed(mysql: Server) -> None:
    """Transactions with a tag are decoded, are part of the position, and are neither repeated nor left out."""
    if mysql.engine != "mysql":
        pytest.skip("no MySQL in this run")
    database = mysql.create_database("tags")
    session, reading = Session(database), Reading(database)
    session("CREATE TABLE t (id INT PRIMARY KEY)")
    start = reading.now()
    for number, tag in enumerate(["", ":one", ":two", "", ":one", ":one"]):
        session(f"SET gtid_next = 'AUTOMATIC{tag}'", f"INSERT INTO t VALUES ({number})")
    positions = assert_resumable(reading, start, [0, 1, 2, 3, 4, 5])
    assert ":two:" in positions[-1].gtid
    session.close()
    database.drop()


def test_every_mariadb_domain_is_in_the_position(mariadb: Server) -> None:
    """Transactions of several replication domains are resumed without repetition."""
    database = mariadb.create_database("domains")
    session, reading = Session(database), Reading(database)
    session("CREATE TABLE t (id INT PRIMARY KEY)")
    start = reading.now()
    for number, domain in enumerate([0, 7, 3, 0, 7]):
        session(f"SET gtid_domain_id = {domain}", f"INSERT INTO t VALUES ({number})")
    positions = assert_resumable(reading, start, [0, 1, 2, 3, 4])
    assert {gtid.partition("-")[0] for gtid in positions[-1].gtid.split(",")} >= {"0", "3", "7"}
    session.close()
    database.drop()


# --- what is compressed --------------------------------------------------------------------------------------------


def test_compressed_transactions_are_read(mysql: Server) -> None:
    """MySQL's compressed transactions come as the others do, XA branches and large ones included."""
    if mysql.engine != "mysql":
        pytest.skip("no MySQL in this run")
    database = mysql.create_database("zstd")
    session, reading = Session(database), Reading(database)
    session("CREATE TABLE t (id INT PRIMARY KEY, b LONGTEXT)", "SET SESSION binlog_transaction_compression = ON")
    start = reading.now()
    session("INSERT INTO t VALUES (1, REPEAT('a', 10000))", "BEGIN")
    session(*(f"INSERT INTO t VALUES ({number}, REPEAT('b', 100000))" for number in range(2, 30)), "COMMIT")
    prepare(session, database.name, "INSERT INTO t VALUES (30, '')")
    leave(session)
    database.run(f"XA COMMIT '{database.name}'")
    with running(reading, start):
        found = reading.changes()
        assert keys(found) == list(range(1, 31))
        assert found[28][2] == (b"29", b"b" * 100000)
        positions = [t.position for t in reading.emitted if t.position is not None]
    with running(reading, positions[0]):  # type: ignore[arg-type]
        assert keys(reading.changes()) == list(range(2, 31))
    database.drop()


# --- servers of our own: settings, purged logs, restarts -----------------------------------------------------------


def prepared(server: Server) -> tuple[Database, Session, Reading]:
    database = server.create_database("own")
    database.run("CREATE TABLE t (id INT PRIMARY KEY, b LONGTEXT)")
    return database, Session(database), Reading(database)


@pytest.mark.parametrize("spec", servers.selection().of("mariadb")[-1:], ids=str)
def test_mariadb_without_checksums_with_compression_and_large_packets(
    spec: servers.ServerSpec, private_server: Callable[..., Server]
) -> None:
    """log_bin_compress is decoded, a log without checksums is read, and a row of 20 MB passes as one."""
    settings = {"log-bin-compress": "ON", "log-bin-compress-min-len": "10", "binlog-checksum": "NONE",
                "max-allowed-packet": "64M", "net-write-timeout": "1"}  # fmt: skip
    _, session, reading = prepared(private_server(spec, settings, in_memory=True))
    start = reading.now()
    session("INSERT INTO t VALUES (1, REPEAT('a', 1000))", "UPDATE t SET b = REPEAT('c', 2000)", "TRUNCATE TABLE t")
    session(
        *STATEMENTS,
        "CREATE TABLE unwanted (id INT)",
        "INSERT INTO unwanted VALUES (123456)",
    )
    session("SET SESSION binlog_format = ROW", "INSERT INTO t VALUES (2, REPEAT('b', 20 * 1024 * 1024))")
    session("DELETE FROM t WHERE id = 2")
    with running(reading, start):
        found = reading.changes()
        assert [(kind, len((new or old)[1])) for kind, old, new in found] == [  # type: ignore[index, arg-type]
            (INSERT, 1000), (UPDATE, 2000), (INSERT, 20 * 1024 * 1024), (DELETE, 20 * 1024 * 1024),
        ]  # fmt: skip
        assert found[1][1] == (b"1", b"a" * 1000)
    assert_patient(session, reading)
    session.close()


def assert_patient(session: Session, reading: Reading) -> None:
    """A target that is slower than the server's net_write_timeout (here a second) does not cost the connection."""
    with running(reading, reading.now()):
        reading.hold.clear()
        session(*(f"INSERT INTO t VALUES ({number}, REPEAT('d', 20 * 1024 * 1024))" for number in (11, 12, 13)))
        patience = time.monotonic() + 4
        wait_until(lambda: time.monotonic() > patience, what="the server would have given up")
        reading.hold.set()
        assert keys(reading.changes()) == [11, 12, 13]


@pytest.mark.parametrize("spec", servers.selection().of("mysql")[-1:], ids=str)
def test_mysql_without_gtids_resumes_by_file_and_offset(
    spec: servers.ServerSpec, private_server: Callable[..., Server]
) -> None:
    """With gtid_mode = OFF positions are file and offset; they take GTIDs on once the server is switched to them."""
    settings = {
        "gtid-mode": "OFF",
        "enforce-gtid-consistency": "ON",
        "max-allowed-packet": "64M",
        "net-write-timeout": "1",
    }
    _, session, reading = prepared(private_server(spec, settings, in_memory=True))
    start = reading.now()
    assert start.gtid == ""
    session("INSERT INTO t VALUES (1, 'a')", "FLUSH LOGS", "INSERT INTO t VALUES (2, REPEAT('b', 20 * 1024 * 1024))")
    session("INSERT INTO t VALUES (3, 'c')")
    assert_resumable(reading, start, [1, 2, 3])
    for mode in ("OFF_PERMISSIVE", "ON_PERMISSIVE", "ON"):
        session(f"SET GLOBAL gtid_mode = {mode}")
    middle = reading.now()
    session("INSERT INTO t VALUES (4, 'd')", "FLUSH LOGS", "INSERT INTO t VALUES (5, 'e')")
    session("INSERT INTO t VALUES (6, 'f')")
    positions = assert_resumable(reading, by_place(middle), [4, 5, 6])
    assert [bool(position.gtid) for position in positions if position.file != middle.file] == [True, True]
    session.close()


def assert_resumable(
    reading: Reading,
    start: BinlogPosition,
    expected: list[int],
    resume: Callable[[BinlogPosition], BinlogPosition] = lambda position: position,
) -> list[BinlogPosition]:
    """The keys come from `start` on, and those behind it from every later position, all of which are returned."""
    with running(reading, resume(start)):
        assert keys(reading.changes()) == expected
        emitted = [t for t in reading.emitted if not t.idle]
    positions = []
    for index, transaction in enumerate(emitted):
        if isinstance(transaction.position, BinlogPosition):
            positions.append(transaction.position)
            with running(reading, resume(transaction.position)):
                behind = [key for later in emitted[index + 1 :] for key in keys(changes_of(later))]
                assert keys(reading.changes()) == behind, str(transaction.position)
    return positions


@pytest.fixture(params=[*servers.selection().of("mariadb")[-1:], *servers.selection().of("mysql")[-1:]], ids=str)
def own_server(request: pytest.FixtureRequest, private_server: Callable[..., Server]) -> Server:
    return private_server(request.param)


def test_a_purged_or_foreign_log_is_loud_and_a_restarted_server_is_not(own_server: Server) -> None:
    """What was purged, what the server never had and what it does not log stops the start; a restart does not."""
    database, session, reading = prepared(own_server)
    start = reading.now()
    session("INSERT INTO t VALUES (1, 'a')")
    middle = reading.now()
    reading.start(middle)
    session.close()
    own_server.restart()
    assert isinstance(reading.failure(), SourceUnavailable)
    reading.stop()
    session = Session(database)
    session("INSERT INTO t VALUES (2, 'b')")
    with running(reading, middle):
        assert keys(reading.changes()) == [2]
    session("FLUSH LOGS", f"PURGE BINARY LOGS TO '{reading.now().file}'")
    end = reading.now()
    for position in (start, by_place(start)):
        with pytest.raises(LogGone):
            reading.start(position)
    for position in (beyond(end), by_place(end._replace(offset=end.offset + 1_000_000))):
        with pytest.raises(LogGone):
            reading.start(position)
    session("SET GLOBAL binlog_row_metadata = MINIMAL", "INSERT INTO t VALUES (3, 'c')")
    with pytest.raises(LogUnusable) as caught:
        reading.start(end)
    assert "SET GLOBAL binlog_row_metadata = FULL" in caught.value.render()
    session("SET GLOBAL binlog_row_metadata = FULL")
    reading.start(end)
    assert isinstance(reading.failure(), LogUnusable)
    with running(reading, end) as other:
        other.stop()
        other.start(end, lambda table: False)
        assert other.catch_up() == []
    session.close()


def beyond(position: BinlogPosition) -> BinlogPosition:
    """A position that the server has not reached."""
    if position.gtid.count("-") > 3:
        source, _, numbers = position.gtid.partition(":")
        return position._replace(gtid=f"{source}:1-{int(numbers.rpartition('-')[2]) + 1000}")
    domain, server, number = position.gtid.split("-")
    return position._replace(gtid=f"{domain}-{server}-{int(number) + 1000}")


# --- reading rows again --------------------------------------------------------------------------------------------

COLUMNS = {
    "tiny": ("TINYINT UNSIGNED ZEROFILL", "7"),
    "big": ("BIGINT UNSIGNED", "18446744073709551615"),
    "amount": ("DECIMAL(12,3)", "-0.120"),
    "padded": ("DECIMAL(8,2) ZEROFILL", "12.5"),
    "single": ("FLOAT", "1.1"),
    "large": ("DOUBLE", "1e300"),
    "bits": ("BIT(11)", "b'10101'"),
    "day": ("DATE", "'0000-00-00'"),
    "clock": ("TIME(3)", "'-123:04:05.600'"),
    "moment": ("DATETIME(6)", "'2024-02-29 12:00:00.120000'"),
    "instant": ("TIMESTAMP(6) NULL", "'2024-02-29 12:00:00.5'"),
    "whole": ("TIMESTAMP NULL", "'2024-02-29 12:00:00'"),
    "year": ("YEAR", "0"),
    "fixed": ("CHAR(5) CHARACTER SET latin1", "'aé '"),
    "words": ("TEXT", "'naïve 😀'"),
    "raw": ("VARBINARY(20)", "x'00ff5c27'"),
    "filled": ("BINARY(4)", "x'01'"),
    "choice": ("ENUM('a','b c')", "'b c'"),
    "flags": ("SET('x','y','z')", "'z,x'"),
    "place": ("GEOMETRY", "ST_GeomFromText('POINT(1 2)', 4326)"),
    "document": ("JSON", '\'{"b": [1, 2.50, "ü"], "a": null}\''),
    "nothing": ("INT", "NULL"),
}


def test_a_row_read_again_equals_the_row_in_the_log(reading: Reading, session: Session) -> None:
    """For every type the canonical text is the same, whichever way the row comes."""
    columns = ", ".join(f"{name} {type_}" for name, (type_, _) in COLUMNS.items())
    session("SET sql_mode = ''", "SET time_zone = '+02:00'")
    session(f"CREATE TABLE types (id INT PRIMARY KEY, {columns})")
    with running(reading, reading.now()):
        session(f"INSERT INTO types VALUES (1, {', '.join(value for _, value in COLUMNS.values())})")
        (transaction,) = reading.catch_up()
        (piece,) = [piece for piece in transaction.pieces if isinstance(piece, Rows)]
        table, (change,) = piece.table, changes_of(transaction)
        assert reading.source.reread(table, {"id": b"1"}) == change[2]
        assert reading.source.reread(table, {"id": b"2"}) is None
        whole = {column.name: value for column, value in zip(table.columns, change[2] or (), strict=True)}
        assert reading.source.reread(table, whole) == change[2]
        session("ALTER TABLE types DROP words")
        again = reading.source.reread(table, {"id": b"1"})
        assert again is not None
        assert again[[column.name for column in table.columns].index("words")] is UNSENT
        session("DROP TABLE types")
        assert reading.source.reread(table, {"id": b"1"}) is None


@pytest.mark.parametrize("database", servers.selection().of("mariadb"), ids=str, indirect=True)
def test_a_system_versioned_table_stops_the_start(database: Database, reading: Reading) -> None:
    """MariaDB logs its history rows as inserts of keys that are there: applied, they would bring old values back."""
    database.run("ALTER TABLE t ADD SYSTEM VERSIONING")
    with pytest.raises(LogUnusable, match=r"system-versioned tables .*\.t$"):
        reading.start(reading.now())


@pytest.mark.parametrize("database", servers.selection().of("mariadb"), ids=str, indirect=True)
def test_types_that_are_logged_as_bytes_are_read_again_as_bytes(
    database: Database, reading: Reading, session: Session
) -> None:
    """MariaDB prints uuid and inet types as text; found by such a key, a row has the bytes that the log has."""
    if database.server.spec.order < (10, 10):
        pytest.skip("only MariaDB from 10.10 on has the types uuid and inet4")
    database.run("CREATE TABLE u (id UUID PRIMARY KEY, six INET6, four INET4)")
    start = reading.now()
    session("INSERT INTO u VALUES ('123e4567-e89b-12d3-a456-426614174000', '2001:db8::1', '10.1.2.3')")
    with running(reading, start):
        [transaction] = reading.catch_up()
        (piece,) = transaction.pieces
        assert isinstance(piece, Rows)
        [(_, _, row)] = changes_of(transaction)
        assert row is not None
        assert reading.source.reread(piece.table, {"id": row[0]}) == row


def test_a_row_is_read_again_with_rights_to_select_alone(
    database: Database, reading: Reading, session: Session
) -> None:
    """The lock that waits for the row's own commit needs no right beyond SELECT."""
    start = reading.now()
    session("INSERT INTO t VALUES (1, 'a')")
    with running(reading, start):
        [transaction] = reading.catch_up()
    (piece,) = transaction.pieces
    assert isinstance(piece, Rows)
    account, password = f"r{database.name}"[:30], "Reads-0nly"
    database.run(f"CREATE USER {account} IDENTIFIED BY '{password}'")
    database.run(f"GRANT SELECT ON {database.name}.* TO {account}")
    port = urlsplit(database.url()).port
    url = f"mysql://{account}:{password}@127.0.0.1:{port}/{database.name}"
    tables = MysqlTables(Settings(url=url), "reads again", SourceUnavailable)
    try:
        assert tables.reread(piece.table, {"id": b"1"}) == (b"1", b"a")
    finally:
        tables.close()
        database.run(f"DROP USER {account}")
