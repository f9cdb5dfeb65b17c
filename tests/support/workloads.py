"""Workloads that the replication tests put on a source: seeded random writers, and TPC-B.

They speak to servers through the plain drivers and know nothing of the agent.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any

from tests.support.workers import Worker

Connect = Callable[[], Any]
"""Opens a DB-API connection with autocommit off."""

PEOPLE_POSTGRES = """
CREATE TABLE people (
    id bigint PRIMARY KEY, name varchar(60) NOT NULL, balance numeric(12, 2), active boolean NOT NULL,
    seen timestamptz, born date, data bytea, note text
)"""
PEOPLE_MYSQL = """
CREATE TABLE people (
    id BIGINT PRIMARY KEY, name VARCHAR(60) NOT NULL, balance DECIMAL(12, 2), active TINYINT(1) NOT NULL,
    seen DATETIME(6), born DATE, data BLOB, note TEXT
) DEFAULT CHARSET utf8mb4"""

COLUMNS = ("name", "balance", "active", "seen", "born", "data", "note")


class RandomWriter(Worker):
    """Commits random transactions on rows whose number leaves `remainder` when divided by `modulus`."""

    def __init__(
        self,
        connect: Connect,
        *,
        seed: int,
        modulus: int = 1,
        remainder: int = 0,
        seconds: float = 5.0,
        pause: float = 0.0,
    ) -> None:
        super().__init__()
        self.commits = 0
        self._connect = connect
        self._random = random.Random(seed)
        self._modulus, self._remainder = modulus, remainder
        self._seconds, self._pause = seconds, pause
        self._present: set[int] = set()

    def work(self) -> None:
        deadline = time.monotonic() + self._seconds
        connection = self._connect()
        while time.monotonic() < deadline:
            self._transaction(connection)
            if self._pause:
                time.sleep(self._pause * self._random.random())
        connection.close()

    def _transaction(self, connection: Any) -> None:
        before = set(self._present)
        changed = False
        with connection.cursor() as cursor:
            for _ in range(self._random.choice((1, 1, 2, 5, 20))):
                changed = self._statement(cursor) or changed
        if self._random.random() < 0.1:
            connection.rollback()
            self._present = before
            return
        connection.commit()
        self.commits += changed

    def _statement(self, cursor: Any) -> bool:
        """One change; True when the log gets a row from it."""
        roll = self._random.random()
        if roll < 0.45 or not self._present:
            return self._insert(cursor)
        chosen = self._random.choice(sorted(self._present)[-200:])
        if roll < 0.8:
            column = self._random.choice(COLUMNS)
            cursor.execute(f"UPDATE people SET {column} = %s WHERE id = %s", (self._value(column), chosen))
            return cursor.rowcount > 0
        if roll < 0.85:
            return self._move(cursor, chosen)
        cursor.execute("DELETE FROM people WHERE id = %s", (chosen,))
        self._present.discard(chosen)
        return True

    def _insert(self, cursor: Any) -> bool:
        number = self._free_number()
        values = [self._value(column) for column in COLUMNS]
        marks = ", ".join(["%s"] * (len(COLUMNS) + 1))
        cursor.execute(f"INSERT INTO people (id, {', '.join(COLUMNS)}) VALUES ({marks})", (number, *values))
        self._present.add(number)
        return True

    def _move(self, cursor: Any, chosen: int) -> bool:
        number = self._free_number()
        cursor.execute("UPDATE people SET id = %s WHERE id = %s", (number, chosen))
        self._present.discard(chosen)
        self._present.add(number)
        return True

    def _free_number(self) -> int:
        while True:
            number = self._random.randrange(10**9) * self._modulus + self._remainder
            if number not in self._present:
                return number

    def _value(self, column: str) -> Any:
        pick = self._random
        if column not in ("name", "active") and pick.random() < 0.2:
            return None
        match column:
            case "name":
                return pick.choice(("王伟", "O'Brien", "back\\slash", "tab\there", "Zoë 😀", "", "N", "\\N", "NULL"))
            case "balance":
                return f"{pick.randrange(-(10**9), 10**9) / 100:.2f}"
            case "active":
                return pick.random() < 0.5
            case "seen":
                day = f"20{pick.randrange(10, 37)}-0{pick.randrange(1, 10)}-11"
                return f"{day} 0{pick.randrange(10)}:00:00.{pick.randrange(10**6):06d}"
            case "born":
                return f"19{pick.randrange(10, 99)}-1{pick.randrange(3)}-{pick.randrange(10, 28)}"
            case "data":
                return pick.randbytes(pick.randrange(30))
            case _:
                return pick.choice(("", "two\nlines", "\r\n", "{}", "%s", "长" * pick.randrange(60), "x" * 3000))


TPCB_POSTGRES = (
    "CREATE TABLE branches (bid int PRIMARY KEY, bbalance bigint NOT NULL)",
    "CREATE TABLE tellers (tid int PRIMARY KEY, bid int NOT NULL, tbalance bigint NOT NULL)",
    "CREATE TABLE accounts (aid int PRIMARY KEY, bid int NOT NULL, abalance bigint NOT NULL)",
    "CREATE TABLE history (hid bigint PRIMARY KEY, tid int, bid int, aid int, delta int, mtime timestamp(6))",
)
TPCB_MYSQL = tuple(statement.replace("timestamp(6)", "datetime(6)") for statement in TPCB_POSTGRES)
BRANCHES, TELLERS, ACCOUNTS = 2, 20, 2000


def load_tpcb(connection: Any) -> None:
    """Commit the empty bank: every balance is zero."""
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO branches VALUES (%s, 0)", [(b,) for b in range(1, BRANCHES + 1)])
        cursor.executemany(
            "INSERT INTO tellers VALUES (%s, %s, 0)", [(t, t % BRANCHES + 1) for t in range(1, TELLERS + 1)]
        )
        cursor.executemany(
            "INSERT INTO accounts VALUES (%s, %s, 0)", [(a, a % BRANCHES + 1) for a in range(1, ACCOUNTS + 1)]
        )
    connection.commit()


class TpcbClient(Worker):
    """TPC-B as pgbench runs it: three balances move by the same amount, and a line of history, in each transaction."""

    def __init__(self, connect: Connect, *, client: int, stop: threading.Event) -> None:
        super().__init__()
        self.commits = 0
        self._connect = connect
        self._client = client
        self._done = stop

    def work(self) -> None:
        pick = random.Random(self._client)
        connection = self._connect()
        while not self._done.is_set():
            self._transaction(connection, pick)
        connection.close()

    def _transaction(self, connection: Any, pick: random.Random) -> None:
        account, teller, branch = pick.randint(1, ACCOUNTS), pick.randint(1, TELLERS), pick.randint(1, BRANCHES)
        delta = pick.randint(-5000, 5000) or 1
        with connection.cursor() as cursor:
            cursor.execute("UPDATE accounts SET abalance = abalance + %s WHERE aid = %s", (delta, account))
            cursor.execute("UPDATE tellers SET tbalance = tbalance + %s WHERE tid = %s", (delta, teller))
            cursor.execute("UPDATE branches SET bbalance = bbalance + %s WHERE bid = %s", (delta, branch))
            cursor.execute(
                "INSERT INTO history VALUES (%s, %s, %s, %s, %s, '2026-01-02 03:04:05.6')",
                (self._client * 10**9 + self.commits, teller, branch, account, delta),
            )
        connection.commit()
        self.commits += 1


SUMS = (
    "SELECT (SELECT COALESCE(SUM(abalance), 0) FROM accounts), (SELECT COALESCE(SUM(tbalance), 0) FROM tellers),"
    " (SELECT COALESCE(SUM(bbalance), 0) FROM branches), (SELECT COALESCE(SUM(delta), 0) FROM history)"
)


class SumsReader(Worker):
    """Reads the sums in one statement over and over, and keeps every answer in which they differ."""

    def __init__(self, connect: Connect, query: str = SUMS) -> None:
        super().__init__()
        self._query = query
        self.looks = 0
        self.torn: list[tuple[int, ...]] = []
        self._connect = connect
        self._done = threading.Event()

    def work(self) -> None:
        connection = self._connect()
        while not self._done.is_set():
            with connection.cursor() as cursor:
                cursor.execute(self._query)
                sums = tuple(int(value) for value in cursor.fetchone())
            connection.rollback()
            self.looks += 1
            if len(set(sums)) != 1:
                self.torn.append(sums)
            self._done.wait(0.02)
        connection.close()

    def finish(self) -> None:
        self._done.set()
        super().finish()
