"""Transactions that the stream hands over at one go are those that it finds event by event."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdc_agent.errors import DecodeError
from cdc_agent.model.changes import Rows, TableName, Transaction
from cdc_agent.model.positions import BinlogPosition
from cdc_agent.sources.mysql.events import kinds
from cdc_agent.sources.mysql.gtid import MariadbGtids, MysqlGtids
from cdc_agent.sources.mysql.rows import TableMaps
from cdc_agent.sources.mysql.stream import Stream
from cdc_agent.sources.mysql.stream.row_events import RowEvents
from tests.support.table_maps import Wire, charsets, table_map
from tests.support.thorough import examples
from tests.unit.test_binlog_events import NoBranches, format_description, gtid, packet, query, with_checksum
from tests.unit.test_binlog_events import event as plain_event

TABLES = {1: ("db", "t"), 2: ("db", "unrouted"), 3: ("cdc_agent", "checkpoint_history")}

tables = st.sampled_from(list(TABLES))
rows = st.tuples(tables, st.sampled_from(sorted(kinds.ROWS)), st.binary(max_size=20))
transactions = st.one_of(
    st.tuples(st.just("rows"), st.lists(rows, min_size=1, max_size=3)),
    st.tuples(st.just("statement"), st.sampled_from(["CREATE TABLE db.x (a INT)", "TRUNCATE db.t", "-- \0BEGIN"])),
)
logs = st.lists(transactions, max_size=12)


class Log:
    """Writes a log as a server does, with checksums."""

    def __init__(self, flavor: str) -> None:
        self._flavor = flavor
        self._offset = 126
        self.packets = [packet(format_description(1))]
        self._number = 0

    def add(self, kind: str, content: object) -> None:
        self._number += 1
        if self._flavor == "mysql":
            self._write(gtid(self._number, 0))
        else:
            flags = kinds.MARIADB_STANDALONE if kind == "statement" else 0
            self._write(plain_event(kinds.MARIADB_GTID, struct.pack("<QIB", self._number, 0, flags) + bytes(6)))
        if kind == "statement":
            assert isinstance(content, str)
            self._write(query(content, 0))
            return
        if self._flavor == "mysql":
            self._write(query("BEGIN", 0, status=bytes(5)))
        assert isinstance(content, list)
        for table, rows_kind, body in content:
            schema, name = TABLES[table]
            self._write(plain_event(kinds.TABLE_MAP, table_map([Wire(3)], schema=schema, table=name, table_id=table)))
            self._write(plain_event(rows_kind, table.to_bytes(6, "little") + b"\1\0" + body))
        self._write(plain_event(kinds.XID, bytes(8)))

    def _write(self, data: bytes) -> None:
        self._offset += len(data) + 4
        self.packets.append(packet(with_checksum(data[:13] + struct.pack("<I", self._offset) + data[17:])))


def read(flavor: str, packets: Iterable[list[bytes]]) -> tuple[list[Transaction], list[tuple[str, TableName]]]:
    found: list[Transaction] = []
    reports: list[tuple[str, TableName]] = []
    stream = Stream(
        found.append,
        position=BinlogPosition("binlog.000001", 4),
        gtids=MysqlGtids() if flavor == "mysql" else MariadbGtids(),
        wanted=lambda table: table == ("db", "t"),
        target="far",
        maps=TableMaps(charsets(), flavor),
        charsets=charsets(),
        branches=NoBranches(),
        report=lambda happened, table: reports.append((happened, table)),
    )
    for some in packets:
        stream.feed(some)
    return found, reports


def shown(transaction: Transaction) -> object:
    pieces = [
        (piece.table.full_name, piece.messages) if isinstance(piece, Rows) else piece for piece in transaction.pieces
    ]
    fields = ("size", "path", "first", "last", "position", "commit_time", "echo", "idle", "substantive")
    return pieces, [getattr(transaction, field) for field in fields]


@settings(max_examples=examples(300), deadline=None)
@given(st.sampled_from(["mysql", "mariadb"]), logs, st.integers(1, 9))
def test_a_log_gives_the_same_transactions_however_it_arrives(
    flavor: str, log: list[tuple[str, object]], step: int
) -> None:
    """Fed at once, most transactions are taken whole; packet by packet, none is."""
    written = Log(flavor)
    for kind, content in log:
        written.add(kind, content)
    packets = written.packets
    one_by_one, reports = read(flavor, [[one] for one in packets])
    for pieces in ([packets], [packets[at : at + step] for at in range(0, len(packets), step)]):
        found, also_reported = read(flavor, pieces)
        assert [shown(one) for one in found] == [shown(one) for one in one_by_one]
        assert also_reported == reports


@pytest.mark.parametrize("flavor", ["mysql", "mariadb"])
def test_transactions_are_taken_whole(flavor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the comparison above is about does happen, and damage to any of the events is loud."""
    written = Log(flavor)
    for _ in range(3):
        written.add("rows", [(1, kinds.WRITE_ROWS, b"abc")])
    packets = written.packets
    each = (len(packets) - 1) // 3
    singly: list[int] = []
    monkeypatch.setattr(RowEvents, "_rows", lambda self, event: singly.append(event.kind))
    assert len(read(flavor, [packets])[0]) == 3
    assert len(singly) == 1, "only the first transaction, whose table map is new, is read event by event"
    monkeypatch.undo()
    for index in range(1 + each, 1 + 2 * each):
        broken = packets[index][:-5] + bytes((packets[index][-5] ^ 1,)) + packets[index][-4:]
        assert zlib.crc32(broken[1:-4]) != int.from_bytes(broken[-4:], "little")
        with pytest.raises(DecodeError, match="checksum"):
            read(flavor, [[*packets[:index], broken, *packets[index + 1 :]]])
