"""TPC-B through the agent: no reader of the target ever sees half a transaction, whatever happens to the agent."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import workloads
from tests.support.oracle import assert_equal
from tests.support.servers import Database, Server
from tests.support.sync import Sync, pipeline, transactional
from tests.support.waiting import wait_until
from tests.support.workloads import SumsReader, TpcbClient

TABLES = ("branches", "tellers", "accounts", "history")
CLIENTS = 2
Bank = Callable[[Server, Server], Sync]


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    """Makes a bank on a source, its empty tables on a target, and a pipeline that is set up."""
    with contextlib.ExitStack() as stack:

        def make(source: Server, target: Server) -> Sync:
            origin, destination = source.create_database("bank"), target.create_database("bank")
            for database in (origin, destination):
                scripts = workloads.TPCB_POSTGRES if database.engine == "postgres" else workloads.TPCB_MYSQL
                database.run(";\n".join(scripts))
            sync = Sync(
                tmp_path,
                {"bank": origin, "copy": destination},
                {"bank-to-copy": pipeline(("bank", origin), ("copy", destination), TABLES)},
            )
            stack.callback(sync.close)
            sync.setup()
            with contextlib.closing(transactional(origin)) as connection:
                workloads.load_tpcb(connection)
            return sync

        yield make


class Clients:
    """TPC-B clients on a database, until told to stop."""

    def __init__(self, database: Database) -> None:
        self._stop = threading.Event()
        self._threads = [
            TpcbClient(lambda: transactional(database), client=n, stop=self._stop) for n in range(1, CLIENTS + 1)
        ]
        for client in self._threads:
            client.start()

    def work(self, seconds: float) -> None:
        """Let them work for so long."""
        self._stop.wait(seconds)

    def finish(self) -> int:
        """Stop them; the number of their commits."""
        self._stop.set()
        for client in self._threads:
            client.finish()
        return sum(client.commits for client in self._threads)


def finish(sync: Sync, clients: Clients, reader: SumsReader) -> int:
    """Stop the clients, wait for the agent, check every look that the reader took; the number of commits."""
    commits = clients.finish()
    sync.wait_for_transactions("bank-to-copy", commits + 1)
    reader.finish()
    assert reader.looks >= 3
    assert reader.torn == []
    assert_equal(sync.databases["bank"], sync.databases["copy"], TABLES)
    return commits


def test_a_reader_never_sees_half_a_transaction(bank: Bank, crossing: tuple[Server, Server], seconds: float) -> None:
    """At any moment the sums of accounts, tellers, branches and history agree on the target; at the end all rows do."""
    sync = bank(*crossing)
    sync.start()
    reader = SumsReader(lambda: transactional(sync.databases["copy"]))
    reader.start()
    clients = Clients(sync.databases["bank"])
    clients.work(seconds)
    commits = finish(sync, clients, reader)
    assert sync.checkpoint("bank-to-copy")["transactions"] == commits + 1


def test_killing_the_agent_loses_and_repeats_nothing(
    bank: Bank, crossing: tuple[Server, Server], kills: int, pause: float
) -> None:
    """Killed (-9) in the middle of work: every transaction is applied exactly once, as the copy's own trigger noted."""
    sync = bank(*crossing)
    copy = sync.databases["copy"]
    _log_every_history_row(copy)
    agent = sync.start()
    reader = SumsReader(lambda: transactional(copy))
    reader.start()
    clients = Clients(sync.databases["bank"])
    for _ in range(kills):
        _wait_until_it_applies(sync, time.monotonic() + pause)
        sync.stop(agent, how=signal.SIGKILL)
        agent = sync.start()
    commits = finish(sync, clients, reader)
    assert sync.checkpoint("bank-to-copy")["transactions"] == commits + 1
    assert copy.run("SELECT count(*), count(DISTINCT hid) FROM history_log") == [(commits, commits)]


def _wait_until_it_applies(sync: Sync, earliest: float) -> None:
    before = sync.checkpoint("bank-to-copy").get("transactions", 0)
    wait_until(
        lambda: time.monotonic() >= earliest and sync.checkpoint("bank-to-copy").get("transactions", 0) > before + 20,
        timeout=120,
        what="the agent applies again after a kill",
    )


def _log_every_history_row(copy: Database) -> None:
    """A trigger on the target that notes every write of a history row, replicated or not."""
    if copy.engine == "postgres":
        copy.run(
            "CREATE TABLE public.history_log (hid bigint);"
            "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN INSERT INTO public.history_log VALUES (NEW.hid); RETURN NEW; END $$;"
            "CREATE TRIGGER note AFTER INSERT OR UPDATE ON history FOR EACH ROW EXECUTE FUNCTION note();"
            "ALTER TABLE history ENABLE ALWAYS TRIGGER note"
        )
        return
    copy.run("CREATE TABLE history_log (hid BIGINT)")
    copy.run("CREATE TRIGGER note_insert AFTER INSERT ON history FOR EACH ROW INSERT INTO history_log VALUES (NEW.hid)")
    copy.run("CREATE TRIGGER note_update AFTER UPDATE ON history FOR EACH ROW INSERT INTO history_log VALUES (NEW.hid)")
