"""Connections that break, servers that restart or stand still, locks, and logs that vanish: each row arrives once.

A trigger on the target notes every write, so that a row which was applied twice, even to the same effect, is seen.
"""

from __future__ import annotations

import contextlib
import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support import engines, servers
from tests.support.proxy import Proxy, proxy_to
from tests.support.servers import Database, Server, ServerSpec
from tests.support.sync import Sync, pipeline, transactional
from tests.support.waiting import wait_until

NAME = "there"
LARGE = 30_000
Direction = tuple[ServerSpec, ServerSpec]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The newest servers: PostgreSQL to MySQL, MariaDB to PostgreSQL."""
    if "direction" not in metafunc.fixturenames:
        return
    chosen = servers.selection()
    postgres = chosen.of("postgres")[-1]
    mysql, mariadb = (chosen.of("mysql") or chosen.of("mariadb"))[-1], (chosen.of("mariadb") or chosen.of("mysql"))[-1]
    directions = [(postgres, mysql), (mariadb, postgres)]
    metafunc.parametrize("direction", directions, ids=lambda pair: "-to-".join(map(str, pair)))


@dataclass
class Link:
    """A table on two databases, a pipeline between them, and a proxy in front of each."""

    sync: Sync
    source: Database
    target: Database
    to_source: Proxy
    to_target: Proxy

    def insert(self, first: int, count: int = 1) -> None:
        """Rows `first` … on the source, in one transaction."""
        with contextlib.closing(transactional(self.source)) as connection:
            _insert(connection, first, count)
            connection.commit()

    def wait_for_rows(self, count: int, timeout: float = 120) -> None:
        def arrived() -> bool:
            self.sync.raise_if_ended()
            return self.rows() == count

        wait_until(arrived, timeout=timeout, what=f"{count} rows on the target")

    def rows(self) -> int:
        return int(self.target.run("SELECT count(*) FROM items")[0][0])

    def assert_once(self, count: int) -> None:
        """Every row is there, and was written once."""
        assert self.rows() == count
        assert self.target.run("SELECT count(*), count(DISTINCT id) FROM item_log") == [(count, count)]

    def retried(self, code: str) -> bool:
        """Whether the agent has said that it tries again after this error."""
        return any("pipeline_retries" in line and code in line for line in self.sync.log().splitlines())


Make = Callable[..., Link]


@pytest.fixture
def link(tmp_path: Path) -> Iterator[Make]:
    """`link(source, target)`: a pipeline between the servers, set up and not yet running."""
    with contextlib.ExitStack() as stack:

        def make(source_server: Server, target_server: Server) -> Link:
            source, target = source_server.create_database("here"), target_server.create_database("there")
            table = "CREATE TABLE items (id integer PRIMARY KEY, name varchar(200))"
            source.run(table)
            target.run(table)
            _log_every_write(target)
            to_source = stack.enter_context(proxy_to(source_server.port))
            to_target = stack.enter_context(proxy_to(target_server.port))
            sync = Sync(
                tmp_path,
                {"a": source, "b": target},
                {NAME: pipeline(("a", source), ("b", target), ["items"])},
                ports={"a": to_source.port, "b": to_target.port},
            )
            stack.callback(sync.close)
            sync.setup()
            return Link(sync, source, target, to_source, to_target)

        yield make


@pytest.fixture
def shared_link(link: Make, direction: Direction) -> Link:
    """A link between servers that others use as well."""
    return link(*(servers.server(spec) for spec in direction))


def _insert(connection: Any, first: int, count: int) -> None:
    rows = [(number, f"row {number} " + "x" * 100) for number in range(first, first + count)]
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO items VALUES (%s, %s)", rows)


def _log_every_write(target: Database) -> None:
    target.run("CREATE TABLE item_log (id integer)")
    if target.engine == "postgres":
        target.run(
            "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN INSERT INTO public.item_log VALUES (NEW.id); RETURN NEW; END $$;"
            "CREATE TRIGGER note AFTER INSERT OR UPDATE ON items FOR EACH ROW EXECUTE FUNCTION note();"
            "ALTER TABLE items ENABLE ALWAYS TRIGGER note"
        )
        return
    for event in ("INSERT", "UPDATE"):
        target.run(
            f"CREATE TRIGGER note_{event} AFTER {event} ON items FOR EACH ROW INSERT INTO item_log VALUES (NEW.id)"
        )


# --- connections


def test_the_target_connection_is_cut_inside_a_batch(shared_link: Link) -> None:
    """What the cut left is rolled back, and the transaction is applied again as a whole."""
    link = shared_link
    link.sync.start()
    link.insert(1)
    link.wait_for_rows(1)
    link.to_target.cut_after(1_000_000, "to_server")
    link.insert(2, LARGE)
    link.to_target.wait_for_cut()
    link.wait_for_rows(LARGE + 1)
    link.assert_once(LARGE + 1)
    assert link.retried("TG001")


def test_the_answer_to_a_commit_is_lost(shared_link: Link) -> None:
    """The target has committed and the agent does not know: it asks the checkpoint and applies nothing twice."""
    link = shared_link
    link.sync.start()
    for number in range(1, 6):
        link.to_target.lose_reply_to(b"COMMIT")
        link.insert(number)
        wait_until(lambda cuts=number: link.to_target.cuts >= cuts, what="the answer to a commit is lost")
        link.wait_for_rows(number)
    link.insert(6, 100)
    link.wait_for_rows(105)
    link.assert_once(105)
    assert link.sync.checkpoint(NAME)["transactions"] == 6


def test_the_source_connection_is_cut(shared_link: Link) -> None:
    """Cut while it streams, between and inside transactions: the stream goes on where it was."""
    link = shared_link
    link.sync.start()
    link.insert(1)
    link.wait_for_rows(1)
    first = 2
    for size in (1, 500, LARGE):
        link.to_source.cut_after(max(1, size * 60), "to_client")
        link.insert(first, size)
        first += size
        link.wait_for_rows(first - 1)
        link.to_source.cut()
    link.insert(first)
    link.wait_for_rows(first)
    link.assert_once(first)
    assert link.retried("SL001")


def test_both_servers_are_out_of_reach_for_a_while(shared_link: Link) -> None:
    """The agent neither ends nor spins while it can reach nobody, and goes on when it can."""
    link = shared_link
    link.sync.start()
    link.insert(1)
    link.wait_for_rows(1)
    link.to_source.refuse()
    link.to_target.refuse()
    link.insert(2, 100)
    wait_until(lambda: link.sync.log().count("pipeline_retries") >= 3, what="three tries")
    link.to_source.accept()
    link.to_target.accept()
    link.wait_for_rows(101)
    link.assert_once(101)


# --- servers


def test_servers_restart_and_stand_still(
    link: Make, direction: Direction, private_server: Callable[..., Server]
) -> None:
    """Target restarted, killed and frozen while rows come, then the source restarted: all rows arrive once."""
    source, target = (private_server(spec) for spec in direction)
    one = link(source, target)
    one.sync.start()
    one.insert(1, 1000)
    target.restart()
    one.insert(1001, 1000)
    one.wait_for_rows(2000)
    target.kill()
    one.insert(2001, 1000)
    target.start()
    one.wait_for_rows(3000)
    target.pause()
    for number in range(3001, 3101):
        one.insert(number)
    target.resume()
    one.wait_for_rows(3100)
    source.restart()
    one.insert(3101, 1000)
    one.wait_for_rows(4100)
    one.assert_once(4100)


# --- locks


def test_a_deadlock_on_the_target_is_tried_again(shared_link: Link) -> None:
    """Another session locks what the agent needs, then wants what the agent has: the agent gives in and comes again."""
    link = shared_link
    link.insert(1, 2)
    link.sync.start()
    link.wait_for_rows(2)
    with contextlib.closing(transactional(link.target)) as other:
        if link.target.engine == "postgres":
            engines.run(other, "SET deadlock_timeout = '1min'")
        else:
            engines.run(other, "INSERT INTO item_log SELECT 0 FROM information_schema.columns")
        engines.run(other, "UPDATE items SET name = 'theirs' WHERE id = 2")
        with contextlib.closing(transactional(link.source)) as source:
            engines.run(source, "UPDATE items SET name = 'ours' WHERE id = 1")
            engines.run(source, "UPDATE items SET name = 'ours' WHERE id = 2")
            source.commit()
        wait_until(lambda: _waits_for_a_lock(link.target), what="the agent waits for the row that is locked")
        engines.run(other, "UPDATE items SET name = 'theirs' WHERE id = 1")
        wait_until(lambda: link.retried("TG002"), what="the agent's transaction is the one that gives in")
        other.rollback()
    ours = [(1, "ours"), (2, "ours")]
    wait_until(lambda: link.target.run("SELECT id, name FROM items ORDER BY id") == ours, what="both rows are ours")
    link.sync.raise_if_ended()


def test_a_lock_that_is_held_too_long(shared_link: Link) -> None:
    """The agent gives its transaction up after its lock timeout, and tries until the lock is gone."""
    link = shared_link
    link.insert(1, 2)
    link.sync.start()
    link.wait_for_rows(2)
    with contextlib.closing(transactional(link.target)) as other:
        engines.run(other, "UPDATE items SET name = 'theirs' WHERE id = 2")
        link.source.run("UPDATE items SET name = 'ours'")
        wait_until(lambda: link.retried("TG002"), timeout=180, what="a lock timeout")
        other.rollback()
    ours = [(1, "ours"), (2, "ours")]
    wait_until(lambda: link.target.run("SELECT id, name FROM items ORDER BY id") == ours, what="both rows are ours")


def _waits_for_a_lock(target: Database) -> bool:
    if target.engine == "postgres":
        return bool(
            target.run(f"SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = '{target.name}'")
        )
    # information_schema.innodb_trx is a copy that is only refreshed once nobody has looked for 100 ms.
    status = target.run("SHOW ENGINE INNODB STATUS")[0][2]
    return re.search(rf"table `{target.name}`\.`items` .* waiting", status) is not None


# --- stopping


def test_sigterm_inside_a_large_transaction(shared_link: Link) -> None:
    """The agent ends soon, nothing of the transaction is seen, and the next start applies it whole."""
    link = shared_link
    before = link.to_target.bytes["to_server"]
    agent = link.sync.start()
    link.insert(1, 4 * LARGE)
    wait_until(lambda: link.to_target.bytes["to_server"] > before + 2_000_000, what="the agent writes to the target")
    status = link.sync.stop(agent, how=signal.SIGTERM)
    assert status in (0, 1)
    assert link.rows() in (0, 4 * LARGE)
    link.sync.catch_up()
    link.assert_once(4 * LARGE)


# --- logs that are gone


def test_a_slot_that_was_dropped(link: Make) -> None:
    """The agent says that changes are missing and applies nothing, also when a new slot has the old one's name."""
    postgres = servers.server(servers.selection().of("postgres")[-1])
    one = link(postgres, postgres)
    one.insert(1)
    one.sync.catch_up()
    slot = one.source.run("SELECT slot_name FROM pg_replication_slots WHERE database = current_database()")[0][0]
    one.source.run("SELECT pg_drop_replication_slot(%s)", (slot,))
    one.insert(2)
    _assert_log_gone(one)
    one.source.run("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (slot,))
    one.insert(3)
    _assert_log_gone(one)


@pytest.mark.parametrize("engine", ["mysql", "mariadb"])
def test_a_binlog_that_was_purged(link: Make, engine: str, private_server: Callable[..., Server]) -> None:
    """The agent says that changes are missing and applies nothing, instead of going on with what is there."""
    found = servers.selection().of(engine)  # type: ignore[arg-type]
    if not found:
        pytest.skip(f"no {engine} in this run")
    one = link(private_server(found[-1], in_memory=True), servers.server(servers.selection().of("postgres")[-1]))
    one.insert(1)
    one.sync.catch_up()
    one.insert(2)
    one.source.run("FLUSH BINARY LOGS")
    newest = one.source.run("SHOW BINARY LOGS")[-1][0]
    wait_until(lambda: _purged(one.source, newest), what="the older binlogs are gone")
    one.insert(3)
    _assert_log_gone(one)


def _purged(source: Database, newest: str) -> bool:
    """MariaDB keeps files that it may need for its own recovery a little longer."""
    source.run(f"PURGE BINARY LOGS TO '{newest}'")
    return str(source.run("SHOW BINARY LOGS")[0][0]) == newest


def _assert_log_gone(one: Link) -> None:
    done = one.sync.command("run", "--until-caught-up", check=False)
    assert done.status == 1, done.err
    assert "error SL002" in done.err
    assert one.rows() == 1
