"""The two live applications of the demonstration: each commits small transactions to its own database.

Each changes and deletes rows that it made itself, so that no conflict rule is needed; what the other side made, it
only reads, to measure how soon it is there.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from cdc_agent.demo import people

Connect = Callable[[], Any]
"""Opens a DB-API connection with autocommit off."""

PAUSE_SECONDS: Final = 0.02
SEEN_SECONDS: Final = 10.0


@dataclass(slots=True)
class Tally:
    """What one side did and saw."""

    commits: int = 0
    rows: int = 0
    latencies: list[float] = field(default_factory=list)
    """Seconds from this side's commit until the other side's reader saw the row."""
    latest: str = ""


class Writer(threading.Thread):
    """Commits transactions until told to stop; every so often it follows one of its rows to the other side."""

    def __init__(self, connect: Connect, other_side: Connect, seed: int, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.tally = Tally()
        self.error: Exception | None = None
        self._connect = connect
        self._other_side = other_side
        self._pick = random.Random(seed)  # noqa: S311 - lifelike data, no secret
        self._stop_event = stop
        self._mine: list[int] = []

    def run(self) -> None:
        try:
            with self._connect() as connection, self._other_side() as other:
                self._work(connection, other)
        except Exception as error:  # noqa: BLE001 - a thread's edge: the demonstration raises it
            self.error = error

    def _work(self, connection: Any, other: Any) -> None:
        while not self._stop_event.is_set():
            with connection.cursor() as cursor:
                rows, followed = self.transaction(cursor)
            connection.commit()
            self.tally.commits += 1
            self.tally.rows += rows
            if followed is not None and self.tally.commits % 5 == 0:
                self._follow(other, followed)
            self._stop_event.wait(PAUSE_SECONDS * self._pick.uniform(0.2, 1.8))

    def _follow(self, other: Any, number: int) -> None:
        started = time.perf_counter()
        while time.perf_counter() - started < SEEN_SECONDS:
            with other.cursor() as cursor:
                cursor.execute(self.lookup, (number,))
                row = cursor.fetchone()
            other.commit()
            if row is not None:
                self.tally.latencies.append(time.perf_counter() - started)
                self.tally.latest = f"#{number} {row[0]}"
                return

    lookup = ""

    def transaction(self, cursor: Any) -> tuple[int, int | None]:
        """Do one transaction's work; (rows touched, number of a new row to follow or None)."""
        raise AssertionError("each side has its own")

    def _chosen(self) -> int | None:
        return self._pick.choice(self._mine) if self._mine else None


class PhoneWriter(Writer):
    """The phone system: contacts come and change, calls are logged."""

    lookup = "SELECT name FROM customers WHERE id = %s"

    def transaction(self, cursor: Any) -> tuple[int, int | None]:
        chosen, roll = self._chosen(), self._pick.random()
        if chosen is None or roll < 0.35:
            return self._new_contact(cursor)
        if roll < 0.75:
            return self._calls(cursor, chosen), None
        if roll < 0.95:
            return self._change(cursor, chosen), None
        self._mine.remove(chosen)
        cursor.execute("DELETE FROM contacts WHERE id = %s", (chosen,))
        return 1, None

    def _new_contact(self, cursor: Any) -> tuple[int, int]:
        pick = self._pick
        cursor.execute(
            "INSERT INTO contacts (full_name, phone, company, email, vip, tags, note)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id",
            (
                people.name(pick),
                people.mobile(pick),
                people.company(pick),
                people.email(pick),
                pick.random() < 0.2,
                people.tags(pick),
                people.note(pick),
            ),
        )
        number: int = cursor.fetchone()[0]
        self._mine.append(number)
        return 1, number

    def _calls(self, cursor: Any, contact: int) -> int:
        count = self._pick.randint(1, 4)
        for call in range(count):
            seconds = self._pick.choice((0, 17, 240)) if call else 35
            cursor.execute(
                "INSERT INTO calls (contact_id, staff_phone, direction, seconds) VALUES (%s, %s, %s, %s)",
                (contact, people.mobile(self._pick), self._pick.choice(("in", "out")), seconds),
            )
        return count

    def _change(self, cursor: Any, contact: int) -> int:
        cursor.execute(
            "UPDATE contacts SET vip = NOT vip, note = %s, updated_at = clock_timestamp() WHERE id = %s",
            (people.note(self._pick), contact),
        )
        return 1


class CrmWriter(Writer):
    """The CRM: customers and opportunities."""

    lookup = "SELECT full_name FROM contacts WHERE id = %s"

    def run(self) -> None:
        self._deals: list[int] = []
        self._next = 2
        super().run()

    def transaction(self, cursor: Any) -> tuple[int, int | None]:
        chosen, roll = self._chosen(), self._pick.random()
        if chosen is None or roll < 0.35:
            return self._new_customer(cursor)
        if roll < 0.65:
            return self._new_opportunity(cursor, chosen), None
        if roll < 0.95:
            return self._change(cursor, chosen), None
        self._mine.remove(chosen)
        cursor.execute("DELETE FROM customers WHERE id = %s", (chosen,))
        return 1, None

    def _new_customer(self, cursor: Any) -> tuple[int, int]:
        pick, number = self._pick, self._next
        self._next += 2
        cursor.execute(
            "INSERT INTO customers (id, name, mobile, company, email, level, labels, remark)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            (
                number,
                people.name(pick),
                people.mobile(pick),
                people.company(pick),
                people.email(pick),
                pick.choice("AC"),
                json.dumps(people.tags(pick), ensure_ascii=False),
                people.note(pick),
            ),
        )
        self._mine.append(number)
        return 1, number

    def _new_opportunity(self, cursor: Any, customer: int) -> int:
        cursor.execute(
            "INSERT INTO opportunities (customer_id, title, amount, closes_on) VALUES (%s, %s, %s, %s)",
            (customer, self._pick.choice(people.PRODUCTS), self._pick.randrange(10**7) / 100, "2027-03-31"),
        )
        self._deals.append(cursor.lastrowid)
        return 1

    def _change(self, cursor: Any, customer: int) -> int:
        cursor.execute(
            "UPDATE customers SET level = %s, remark = %s, changed_at = NOW(6) WHERE id = %s",
            (self._pick.choice("AC"), people.note(self._pick), customer),
        )
        if not self._deals:
            return 1
        cursor.execute(
            "UPDATE opportunities SET stage = %s WHERE id = %s",
            (self._pick.choice(("talking", "offer", "won", "lost")), self._pick.choice(self._deals)),
        )
        return 2
