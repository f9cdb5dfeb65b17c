"""The applier with its router against each target: what is committed, what is put into quarantine, and where it came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from cdc_agent.config.model import PipelineSettings
from cdc_agent.errors import TakenOver
from cdc_agent.flow import applier as applying
from cdc_agent.flow.applier import Applier, batches
from cdc_agent.flow.recovery import StormGuard
from cdc_agent.flow.routing import Engines, Router
from cdc_agent.mapping.routes import Routes
from cdc_agent.model.changes import DELETE, INSERT, UPDATE, Change, Table, Transaction
from cdc_agent.model.positions import Lsn, Position
from cdc_agent.model.values import UNSENT, Kind, Row, Type, Value
from tests.support.mapping import Log, transaction
from tests.support.servers import Server
from tests.support.targets import PIPELINE, Rig, close_rig, open_rig

INT = Type(Kind.INTEGER, "integer", precision=32)
TEXT = Type(Kind.TEXT, "text")
TABLES = ("CREATE TABLE items (id INT NOT NULL PRIMARY KEY, n INT CHECK (n < 100), note VARCHAR(40))",)


@dataclass
class Source:
    """What the applier asks of a source: rows as they are now, and how far its log may be released."""

    now: dict[Row, Row] = field(default_factory=dict)
    acknowledged: list[Position] = field(default_factory=list)
    asked: int = 0
    look: Callable[[], object] = lambda: None

    def acknowledge(self, position: Position) -> None:
        self.look()
        self.acknowledged.append(position)

    def current_position(self) -> Position:
        self.asked += 1
        return Lsn(1 << 60)

    def reread(self, table: Table, key: Mapping[str, Value]) -> Row | None:
        return self.now.get(tuple(key.values()))


@dataclass
class Bench:
    """An applier over one table, `items`, with a log that the test writes."""

    rig: Rig
    applier: Applier
    source: Source
    log: Log
    items: Table

    def apply(self, *transactions: Transaction) -> None:
        for batch in batches(transactions):
            self.applier.apply(self.applier.prepare(batch))

    def inserts(self, at: int, *rows: Row, path: tuple[str, ...] = ()) -> Transaction:
        """A transaction of one message with these rows."""
        return self.says(at, *[(INSERT, None, row) for row in rows], path=path)

    def says(self, at: int, *changes: Change, path: tuple[str, ...] = ()) -> Transaction:
        """A transaction of one message with these changes."""
        return transaction(at, self.log.rows(self.items, changes), path=path)

    def quarantine(self, columns: str) -> list[tuple[Any, ...]]:
        return self.rig.database.run(
            f"SELECT {columns} FROM cdc_agent.quarantine WHERE pipeline = %s ORDER BY id", (PIPELINE,)
        )


def bench(rig: Rig, **route: Any) -> Bench:
    log, source = Log(), Source()
    settings = PipelineSettings.model_validate(
        {"source": "phone", "target": "crm", "tables": [{"from": "public.items", "to": f"{rig.schema}.items", **route}]}
    )
    routes = Routes(
        settings, source_engine="postgresql", source_default_schema="public", target_default_schema=rig.schema
    )
    engine = "postgresql" if rig.postgres else "mysql"
    router = Router(routes, Engines("postgresql", engine, "UTC", "UTC"), rig.target.describe, rig.target.forget)
    applier = Applier(
        target=rig.target,
        source=source,
        router=router,
        checkpoint=rig.checkpoint,
        position=Lsn(1),
        source_name="phone",
        storm=StormGuard(0.5),
    )
    return Bench(rig, applier, source, log, log.table("items", ("id", INT), ("n", INT), ("note", TEXT)))


def echo(at: int) -> Transaction:
    return replace(transaction(at, path=("crm",)), echo=True)


def idle(at: int) -> Transaction:
    return replace(transaction(at), commit_time=None, idle=True, substantive=False)


@pytest.fixture
def rig(any_server: Server) -> Iterator[Rig]:
    made = open_rig(any_server, *TABLES)
    yield made
    close_rig(made)


def row(number: int, n: int = 1) -> Row:
    return (b"%d" % number, b"%d" % n, b"note")


@pytest.mark.parametrize("bad", [1, 3, 6])
@pytest.mark.parametrize("route", [{}, {"where": "id > 0"}], ids=["whole runs", "filtered"])
def test_a_refused_row_is_kept_with_its_own_transaction(rig: Rig, bad: int, route: dict[str, str]) -> None:
    """Of a batch of several transactions with several rows each, the refused row names its table and its transaction."""
    made = bench(rig, **route)
    numbers: Sequence[Sequence[int]] = ([1, 2], [3, 4, 5], [6])
    made.apply(
        *[
            made.inserts(100 + place, *[row(number, 500 if number == bad else 1) for number in some])
            for place, some in enumerate(numbers)
        ]
    )
    place = next(place for place, some in enumerate(numbers) if bad in some)
    found = made.quarantine("source_table, operation, position, source_commit_time, row_data")
    assert [one[:4] for one in found] == [("public.items", "insert", str(Lsn(100 + place)), 100.0 + place)]
    assert f'"id": "{bad}"' in found[0][4]
    assert [number for (number,) in rig.rows("items", "id")] == [n for n in range(1, 7) if n != bad]
    assert made.source.acknowledged == [Lsn(102)]


def test_what_is_acknowledged_is_committed_already(rig: Rig) -> None:
    """At the moment when the source may release its log, everybody can see that place in the target's checkpoint."""
    made, held = bench(rig), list[tuple[Any, ...]]()
    position = "position" if rig.postgres else "`position`"
    made.source.look = lambda: held.extend(
        rig.database.run(f"SELECT {position} FROM cdc_agent.checkpoint WHERE pipeline = %s", (PIPELINE,))
    )
    for at in (100, 101):
        made.apply(made.inserts(at, row(at)))
    assert held == [(str(Lsn(at)),) for at in (100, 101)]


def test_echoes_among_rows_are_counted_once_and_passed(rig: Rig) -> None:
    """One commit holds what stands between the echoes, along the path of its rows; the last position is acknowledged."""
    made = bench(rig)
    made.apply(
        echo(10), made.inserts(11, row(1), path=("hub",)), echo(12), made.inserts(13, row(2), path=("hub",)), echo(14),
        transaction(15, path=("crm",)), idle(16),
    )  # fmt: skip
    held = rig.target.checkpoint(PIPELINE)
    assert held is not None
    assert (held.transactions, held.changes, held.echoes) == (2, 2, 3)
    assert (held.path, held.position, held.source_commit_time) == (("hub", "phone"), str(Lsn(16)), 13.0)
    assert made.source.acknowledged == [Lsn(16)]
    made.apply(echo(17), idle(18), made.inserts(19, row(3)), made.inserts(20, row(4), path=("hub",)), echo(21))
    held = rig.target.checkpoint(PIPELINE)
    assert held is not None
    assert (held.transactions, held.echoes, held.path) == (4, 5, ("hub", "phone"))
    assert made.source.acknowledged == [Lsn(16), Lsn(19), Lsn(21)]


def test_echoes_alone_wait_for_the_next_commit(rig: Rig) -> None:
    """Their position is seen at once, written with the next rows or when it is due, and they are counted once."""
    made = bench(rig)
    made.apply(echo(10), echo(11), idle(12))
    assert (made.applier.seen, made.applier.position, made.applier.echoes) == (Lsn(12), Lsn(1), 2)
    assert made.source.acknowledged == []
    made.applier.finish()
    assert (made.source.acknowledged, made.applier.echoes) == ([Lsn(12)], 2)
    made.apply(echo(13), idle(14))
    made.apply(made.inserts(15, row(1)), echo(16))
    assert (made.source.acknowledged, made.applier.echoes) == ([Lsn(12), Lsn(16)], 4)
    made.apply(idle(17))
    made.applier.finish()
    assert made.source.acknowledged == [Lsn(12), Lsn(16)]


def test_an_idle_agent_learns_that_it_was_taken_over(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks for its generation while there is nothing to commit, and names who holds the pipeline now."""
    made = bench(rig)
    monkeypatch.setattr(applying, "GENERATION_CHECK_SECONDS", -1.0)
    made.applier.idle()
    rig.another().take_over(PIPELINE, "db-2:7")
    with pytest.raises(TakenOver, match=PIPELINE) as taken:
        made.applier.idle()
    assert any("db-2:7" in line for line in taken.value.details)


def test_a_missing_row_that_is_rejected_when_it_is_read_again_is_kept(rig: Rig) -> None:
    """A partial row without a target row is completed from the source; what the mapping then rejects is quarantined."""
    made = bench(rig)
    made.source.now = {(b"1",): (b"1", b"1", b"x" * 41), (b"2",): (b"2", b"2", b"fits")}
    made.apply(
        made.says(10, (UPDATE, None, (b"1", b"1", UNSENT))),
        made.says(11, (UPDATE, None, (b"2", b"2", UNSENT)), (UPDATE, None, (b"3", b"3", UNSENT))),
    )
    assert rig.rows("items") == [(2, 2, "fits")]
    found = made.quarantine("source_table, operation, column_name, position, source_commit_time")
    assert found == [("public.items", "update", "note", str(Lsn(10)), 10.0)]
    assert made.applier.checkpoint.quarantined == 1


@pytest.mark.parametrize("route", [{}, {"where": "note <> ''"}], ids=["moved", "filtered"])
def test_a_moved_row_that_is_gone_does_not_stay_under_its_old_key(rig: Rig, route: dict[str, str]) -> None:
    """The log sends too little of a moved row, which is gone when it is read again; its removal names the new key."""
    made = bench(rig, columns={"id": "id", "n": "n", "note": "CONCAT(note, n)"}, **route)
    made.apply(made.inserts(10, row(1), row(5)))
    made.apply(made.says(11, (UPDATE, (b"1", UNSENT, UNSENT), (b"2", b"1", UNSENT))))
    made.apply(made.says(12, (DELETE, (b"2", UNSENT, UNSENT), None)))
    assert rig.rows("items", "id") == [(5,)]
    assert made.quarantine("id") == []
