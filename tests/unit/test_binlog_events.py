"""The binlog's events from bytes: checksums, payloads, statements, and what is not understood is loud."""

from __future__ import annotations

import struct
import uuid
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from cdc_agent.errors import DecodeError, LogGone, LogUnusable, SourceUnavailable
from cdc_agent.model.changes import Alteration, EventKind, Rows, TableEvent, TableName, Transaction
from cdc_agent.model.positions import BinlogPosition, Seen, parse_position
from cdc_agent.model.tables import ForeignKey
from cdc_agent.sources.mysql import compression
from cdc_agent.sources.mysql.events import files, identities, kinds, reader
from cdc_agent.sources.mysql.events.identities import Xid
from cdc_agent.sources.mysql.events.reader import Event, EventReader
from cdc_agent.sources.mysql.gtid import MysqlGtids
from cdc_agent.sources.mysql.packets import PacketSplitter
from cdc_agent.sources.mysql.rows import Charsets, TableMaps
from cdc_agent.sources.mysql.stream import Stream, statements
from cdc_agent.sources.mysql.stream.branches import Branch, Branches
from cdc_agent.sources.mysql.stream.statements import Control, RowStatement, SchemaChange, Truncation, Xa
from tests.support.table_maps import Wire, table_map

SERVER = uuid.UUID("3e11fa47-71ca-11e1-9e33-c80aa9429562")


def event(kind: int, body: bytes, *, end: int = 0, flags: int = 0, seconds: int = 1_700_000_000) -> bytes:
    """An event without a checksum."""
    return struct.pack("<IBIIIH", seconds, kind, 1, 19 + len(body), end, flags) + body


def packet(data: bytes) -> bytes:
    return b"\0" + data


def with_checksum(data: bytes) -> bytes:
    """The same event as a server with binlog_checksum = CRC32 sends it."""
    longer = data[:9] + struct.pack("<I", len(data) + 4) + data[13:]
    return longer + struct.pack("<I", zlib.crc32(longer))


def format_description(algorithm: int) -> bytes:
    body = struct.pack("<H50sIB", 4, b"8.4.0", 0, 19) + bytes(41) + bytes((algorithm,))
    return with_checksum(event(kinds.FORMAT_DESCRIPTION, body, end=126))


def rotate(file: str, offset: int = 4) -> bytes:
    return event(kinds.ROTATE, struct.pack("<Q", offset) + file.encode(), flags=kinds.ARTIFICIAL_FLAG, seconds=0)


def gtid(number: int, end: int, *, original: int | None = None) -> bytes:
    times = struct.pack("<Q", 1_700_000_000_123_456 | ((1 << 55) if original else 0))[:7]
    if original:
        times += struct.pack("<Q", original)[:7]
    body = b"\0" + SERVER.bytes + struct.pack("<QBQQ", number, 2, 0, 1) + times + b"\x40"
    return event(kinds.GTID, body, end=end)


def query(text: str, end: int, *, schema: str = "db", status: bytes = b"") -> bytes:
    head = struct.pack("<IIBHH", 1, 0, len(schema), 0, len(status))
    return event(kinds.QUERY, head + status + schema.encode() + b"\0" + text.encode(), end=end)


class NoBranches:
    def read(self, branch: Branch) -> Iterable[tuple[int, bytes]]:
        raise AssertionError("no branch is to be read again")

    def find(self, xid: Xid, file: str, before: int) -> Branch:
        raise LogGone("no such branch")


class Run:
    """A stream from the start of a file, without checksums."""

    def __init__(
        self,
        position: BinlogPosition | None = None,
        gtids: MysqlGtids | None = None,
        wanted: Sequence[str] = ("t",),
    ) -> None:
        self.emitted: list[Transaction] = []
        self.reports: list[tuple[str, TableName]] = []
        charsets = Charsets({}, lambda sql: [])
        self.stream = Stream(
            self.emitted.append,
            position=position or BinlogPosition("binlog.000001", 4),
            gtids=gtids,
            wanted=lambda table: table[0] == "db" and table[1] in wanted,
            target="far",
            maps=TableMaps(charsets, "mysql"),
            charsets=charsets,
            branches=NoBranches(),
            report=lambda happened, table: self.reports.append((happened, table)),
        )

    def feed(self, *data: bytes) -> list[Transaction]:
        self.stream.feed([packet(one) for one in data])
        self.stream.settle()
        return self.emitted

    @property
    def positions(self) -> list[str]:
        """Without the events by which the log is known again."""
        places = [transaction.position for transaction in self.emitted]
        assert all(isinstance(place, BinlogPosition) for place in places)
        return [str(place._replace(seen=None)) for place in places if isinstance(place, BinlogPosition)]


# --- packets -------------------------------------------------------------------------------------------------------


def framed(payloads: list[bytes], first: int = 1) -> bytes:
    data, sequence = b"", first
    for payload in payloads:
        pieces = [payload[at : at + 0xFFFFFF] for at in range(0, len(payload) + 1, 0xFFFFFF)]
        for piece in pieces:
            data += struct.pack("<I", len(piece) | sequence << 24) + piece
            sequence = (sequence + 1) % 256
    return data


@given(st.lists(st.binary(max_size=40), max_size=600), st.integers(1, 50))
def test_packets_are_found_however_they_arrive(payloads: list[bytes], step: int) -> None:
    """The payloads are the same for every way in which the stream is cut, past the wrap of the sequence."""
    data, splitter = framed(payloads), PacketSplitter()
    found = [payload for at in range(0, len(data), step) for payload in splitter.feed(data[at : at + step])]
    assert found == payloads


@pytest.mark.parametrize("size", [0xFFFFFF - 1, 0xFFFFFF, 0xFFFFFF + 1, 2 * 0xFFFFFF])
def test_payloads_of_16_mib_are_joined(size: int) -> None:
    """A payload that fills its packet goes on in the next one, and an empty one may end it."""
    payloads = [b"a", b"x" * size, b"b"]
    data, splitter = framed(payloads), PacketSplitter()
    found = [one for at in range(0, len(data), 1 << 20) for one in splitter.feed(data[at : at + (1 << 20)])]
    assert [len(one) for one in found] == [1, size, 1]
    assert found == payloads


def test_a_missing_packet_is_noticed() -> None:
    """A gap in the sequence breaks the connection off."""
    with pytest.raises(SourceUnavailable):
        PacketSplitter().feed(framed([b"a"], first=2))


# --- headers and checksums -----------------------------------------------------------------------------------------


def test_checksums_follow_the_format_description() -> None:
    """Where the file has checksums they are verified and stripped, where it has none nothing is stripped."""
    reader = EventReader()
    assert reader.read(packet(rotate("binlog.000001"))).body[8:] == b"binlog.000001"
    assert reader.read(packet(with_checksum(rotate("binlog.000001")))).body[8:] == b"binlog.000001"
    reader.read(packet(format_description(1)))
    assert reader.read(packet(with_checksum(event(kinds.XID, b"12345678")))).body == b"12345678"
    reader.read(packet(format_description(0)))
    assert reader.read(packet(event(kinds.XID, b"12345678"))).body == b"12345678"


def test_a_damaged_event_is_loud() -> None:
    """A flipped bit, a wrong size, an unknown checksum and an event without a header are errors."""
    reader = EventReader()
    reader.read(packet(format_description(1)))
    data = bytearray(with_checksum(event(kinds.XID, b"12345678")))
    data[20] ^= 1
    with pytest.raises(DecodeError, match="checksum"):
        reader.read(packet(bytes(data)))
    with pytest.raises(DecodeError, match="bytes"):
        reader.read(packet(bytes(data[:-1])))
    with pytest.raises(DecodeError, match="short"):
        reader.read(packet(b"abc"))
    with pytest.raises(DecodeError, match="checksums of kind 2"):
        reader.read(packet(format_description(2)))


def test_a_position_names_the_event_that_it_stands_behind() -> None:
    """A commit, its size and its CRC-32; for a compressed transaction the event that holds it; not a heartbeat."""
    run = Run(gtids=MysqlGtids())
    commit = event(kinds.XID, bytes(8), end=181)
    run.feed(gtid(1, 100), query("BEGIN", 150), commit)
    position = run.emitted[0].position
    assert isinstance(position, BinlogPosition)
    assert position.seen == Seen("binlog.000001", 181, len(commit), zlib.crc32(commit))
    assert parse_position(str(position)) == position
    run.feed(event(kinds.HEARTBEAT, b"binlog.000001", end=700))
    run.stream.settle()
    later = run.emitted[1].position
    assert isinstance(later, BinlogPosition)
    assert (later.offset, later.seen) == (700, position.seen)


# --- transactions --------------------------------------------------------------------------------------------------


def test_a_transaction_has_its_gtid_and_the_time_of_its_first_commit() -> None:
    """The position holds the set with the transaction; the commit time is the original one."""
    run = Run(BinlogPosition("binlog.000001", 4, f"{SERVER}:1-4"), MysqlGtids(f"{SERVER}:1-4"))
    run.feed(gtid(5, 100, original=1_600_000_000_000_001), query("BEGIN", 150), event(kinds.XID, bytes(8), end=181))
    run.feed(gtid(6, 281), query("BEGIN", 331), event(kinds.XID, bytes(8), end=362))
    assert run.positions == [
        f"binlog:binlog.000001:181;gtid={SERVER}:1-5",
        f"binlog:binlog.000001:362;gtid={SERVER}:1-6",
    ]
    assert [transaction.commit_time for transaction in run.emitted] == [1_600_000_000.000001, 1_700_000_000.123456]


def test_a_statement_ends_its_own_transaction_only_outside_of_one() -> None:
    """A schema change commits by itself; inside BEGIN … COMMIT it does not."""
    run = Run(gtids=MysqlGtids())
    run.feed(gtid(1, 100), query("CREATE TABLE x (a INT)", 200))
    assert len(run.emitted) == 1
    run.feed(gtid(2, 300), query("BEGIN", 350), query("CREATE TABLE y (a INT) START TRANSACTION", 400))
    assert len(run.emitted) == 1
    run.feed(event(kinds.XID, bytes(8), end=450))
    assert run.positions[-1].endswith(f":450;gtid={SERVER}:1-2")


def test_offsets_go_on_past_4_gib() -> None:
    """The header's 32 bits wrap; the position does not."""
    near = (1 << 32) - 100
    run = Run(BinlogPosition("binlog.000001", near))
    run.feed(gtid(1, near + 50), query("BEGIN", near + 80), event(kinds.XID, bytes(8), end=20))
    run.feed(gtid(2, 70), query("TRUNCATE TABLE t", 170))
    assert run.positions == [f"binlog:binlog.000001:{(1 << 32) + 20}", f"binlog:binlog.000001:{(1 << 32) + 170}"]


def test_idle_positions_follow_files_and_heartbeats_but_never_go_back() -> None:
    """A rotation and a heartbeat move the position between transactions, and only forwards."""
    run = Run(BinlogPosition("binlog.000001", 500))
    run.feed(rotate("binlog.000001"), format_description(0))
    assert run.emitted == []
    run.feed(event(kinds.HEARTBEAT, b"binlog.000001", end=700, seconds=0))
    run.feed(event(kinds.HEARTBEAT, b"binlog.000001", end=600, seconds=0))
    run.feed(gtid(1, 800), event(kinds.HEARTBEAT, b"binlog.000001", end=900, seconds=0))
    assert run.positions == ["binlog:binlog.000001:700"]
    run.feed(query("TRUNCATE TABLE t", 950), rotate("binlog.000002"), format_description(0))
    assert run.positions[1:] == ["binlog:binlog.000001:950", "binlog:binlog.000002:126"]
    version_2 = b"\x01\x0dbinlog.000002\x02\x05\xfd\x00\x00\x01" + b"\x00"
    run.feed(event(kinds.HEARTBEAT_V2, version_2, seconds=0))
    assert run.positions[3:] == ["binlog:binlog.000002:65536"]


def test_a_second_version_heartbeat_has_a_whole_offset() -> None:
    """Offsets beyond 32 bits stand in the event's body."""
    offset = b"\xfe" + struct.pack("<Q", 5 << 32)
    body = b"\x01\x0dbinlog.000001\x02" + bytes((len(offset),)) + offset + b"\x00"
    assert files.heartbeat(Event(kinds.HEARTBEAT_V2, 0, 0, 0, 0, body, 1)) == ("binlog.000001", 5 << 32)


def test_gtids_are_taken_from_the_start_of_a_file() -> None:
    """A stream that began without GTIDs has them from the next file on, whose start names all before it."""
    run = Run()
    known = MysqlGtids(f"{SERVER}:1-9").encode()
    run.feed(gtid(9, 100), query("CREATE TABLE x (a INT)", 200))
    run.feed(rotate("binlog.000002"), format_description(0), event(kinds.PREVIOUS_GTIDS, known, end=197))
    run.feed(gtid(10, 300), query("CREATE TABLE y (a INT)", 400))
    assert run.positions == [
        "binlog:binlog.000001:200",
        f"binlog:binlog.000002:197;gtid={SERVER}:1-9",
        f"binlog:binlog.000002:400;gtid={SERVER}:1-10",
    ]


def test_a_log_that_stops_inside_a_transaction_never_committed_it() -> None:
    """After a crash the next file begins; what was not committed is forgotten."""
    run = Run()
    run.feed(gtid(1, 100), query("BEGIN", 150))
    run.feed(rotate("binlog.000002"), format_description(0), gtid(1, 226), query("TRUNCATE TABLE t", 300))
    assert [len(transaction.pieces) for transaction in run.emitted] == [1]


def test_a_transaction_payload_is_read_in_place_of_its_events() -> None:
    """Both zstd and uncompressed payloads give the inner events; the position is the payload's own."""
    inner = query("BEGIN", 77) + query("TRUNCATE TABLE t", 99) + event(kinds.XID, bytes(8), end=33)
    for kind, data in ((0, zstandard.compress(inner)), (255, inner)):
        code = bytes((kind,)) if kind < 251 else b"\xfc\xff\x00"
        body = b"\x02" + bytes((len(code),)) + code
        body += (
            b"\x01\x03\xfc" + struct.pack("<H", len(data)) + b"\x03\x03\xfc" + struct.pack("<H", len(inner)) + b"\x00"
        )
        run = Run(gtids=MysqlGtids())
        run.feed(gtid(1, 100), event(kinds.TRANSACTION_PAYLOAD, body + data, end=500))
        assert run.positions == [f"binlog:binlog.000001:500;gtid={SERVER}:1"]
        assert len(run.emitted[0].pieces) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"\x02\x01\x07\x00abc",
        b"\x02\x01\x00\x00abc",
        b"\x01\x01\x09\x00abc",
        b"\x02\x03\xfc\xff\x00\x00" + b"x" * 30,
        b"\x02",
    ],
    ids=["unknown compression", "no zstd", "wrong size", "no event", "cut short"],
)
def test_a_payload_that_is_not_understood_is_loud(body: bytes) -> None:
    """A payload is decoded whole or not at all."""
    with pytest.raises(DecodeError):
        Run().feed(gtid(1, 100), event(kinds.TRANSACTION_PAYLOAD, body, end=500))


@given(st.lists(st.binary(max_size=300), max_size=30), st.integers(1, 97))
def test_the_events_of_a_payload_are_found_however_it_is_cut(bodies: list[bytes], step: int) -> None:
    """Splitting does not depend on how much decompresses at a time."""
    data = b"".join(event(kinds.XID, body) for body in bodies)
    chunks = (data[at : at + step] for at in range(0, len(data), step))
    assert [one.body for one in compression.split(kinds.TRANSACTION_PAYLOAD, chunks)] == bodies


def tagged(number: int, tag: str) -> bytes:
    """A tagged GTID event's body, written from the description of the serialization library."""

    def varint(value: int) -> bytes:
        size = next(size for size in range(1, 10) if size == 9 or value < 1 << 7 * size)
        if size == 9:
            return b"\xff" + value.to_bytes(8, "little")
        return (value << size | (1 << size - 1) - 1).to_bytes(size, "little")

    fields = [
        varint(0) + varint(1),
        varint(1) + b"".join(varint(byte) for byte in SERVER.bytes),
        varint(2) + varint(number << 1),
        varint(3) + varint(len(tag)) + tag.encode(),
        varint(4) + varint(0),
        varint(5) + varint(2),
        varint(6) + varint(1_700_000_000_123_456),
        varint(8) + varint(300),
        varint(9) + varint(80400),
    ]
    content = b"".join(fields)
    return varint(1) + varint(len(content) + 4) + varint(10) + content


@given(st.integers(1, 2**63 - 2), st.sampled_from(["", "a", "tag_of_32_characters_0123456789_"]))
def test_tagged_gtids_are_read(number: int, tag: str) -> None:
    """Source, tag, number and time come out of MySQL 8.3's serialization."""
    source = f"{SERVER}:{tag}" if tag else str(SERVER)
    assert identities.tagged_gtid(tagged(number, tag)) == (source, number, 1_700_000_000.123456)


def test_a_damaged_tagged_gtid_is_loud() -> None:
    """Cut short, or with a field that must not be ignored, it is an error."""
    whole = tagged(7, "x")
    for end in range(25):
        with pytest.raises(DecodeError):
            identities.tagged_gtid(whole[:end])
    with pytest.raises(DecodeError, match="must not be ignored"):
        identities.tagged_gtid(whole[:2] + b"\x40" + whole[3:])


# --- what stops the stream -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [0, 1, 6, 20, 43, 100, 172, 255])
def test_an_unknown_event_is_loud_unless_it_says_that_it_may_be_ignored(kind: int) -> None:
    """No event is skipped on a guess."""
    run = Run()
    run.feed(event(kind, b"abc", end=50, flags=kinds.IGNORABLE_FLAG))
    with pytest.raises(DecodeError, match=f"type {kind} "):
        run.feed(event(kind, b"abc", end=50))


def test_an_incident_is_loud() -> None:
    """The server says itself that its log has a hole."""
    with pytest.raises(LogGone):
        Run().feed(event(kinds.INCIDENT, b"\x01\x00\x00", end=50))


def test_rows_without_a_table_map_are_loud_and_the_dummy_is_not() -> None:
    """A stream that begins inside a statement is noticed; the empty row event that ends a statement is nothing."""
    run = Run()
    run.feed(gtid(1, 100), query("BEGIN", 150), event(kinds.WRITE_ROWS, b"\xff\xff\xff\0\0\0\x01\0\x02\0\0", end=180))
    with pytest.raises(DecodeError, match="without a table map"):
        run.feed(event(kinds.WRITE_ROWS, b"\x07\0\0\0\0\0\x01\0\x02\0\x01\xff\0", end=200))


PARENT, CHILD, OTHER = 7, 8, 9
UPDATED, REMOVED, MADE = kinds.UPDATE_ROWS, kinds.DELETE_ROWS, kinds.WRITE_ROWS
END, OFF, LOGGED = kinds.STATEMENT_END_FLAG, kinds.KEYS_OFF_FLAG, kinds.KEYS_LOGGED_FLAG


def statement(*changes: tuple[int, int, int]) -> list[tuple[str, int, bool]]:
    """One of (kind, table, flags): (table, kind, whether keys may have acted unseen) of what was handed over of it."""
    run = Run(wanted=("t", "child"))
    names = {PARENT: "t", CHILD: "child", OTHER: "other"}
    maps = [
        event(kinds.TABLE_MAP, table_map([Wire(3)], schema="db", table=name, table_id=number), end=200)
        for number, name in names.items()
    ]
    rows = [
        event(kind, number.to_bytes(6, "little") + struct.pack("<HH", flags, 2) + b"\x01\xff\xff", end=300)
        for kind, number, flags in changes
    ]
    (transaction,) = run.feed(gtid(1, 100), query("BEGIN", 150), *maps, *rows, event(kinds.XID, bytes(8), end=400))
    found = [piece for piece in transaction.pieces if isinstance(piece, Rows)]
    return [(one.table.name, message[0], one.table.keys_act) for one in found for message in one.messages]


def test_rows_say_whether_foreign_keys_acted_unseen() -> None:
    """Not where they were switched off, nor where the log holds what they did."""
    assert statement((REMOVED, PARENT, END)) == [("t", REMOVED, True)]
    assert statement((REMOVED, PARENT, OFF | END)) == [("t", REMOVED, False)]
    assert statement((REMOVED, PARENT, LOGGED | END)) == [("t", REMOVED, False)]


def test_a_parent_that_moved_comes_before_the_children_that_a_key_moved() -> None:
    """The log has them the other way about, in which no key that is checked would take them."""
    cause = (UPDATED, PARENT, LOGGED | END)
    moved = (UPDATED, CHILD, LOGGED | OFF)
    assert [name for name, *_ in statement(moved, moved, cause)] == ["t", "child", "child"]
    assert [name for name, *_ in statement(moved, (UPDATED, OTHER, LOGGED | OFF), cause)] == ["t", "child"]
    assert [name for name, *_ in statement(moved, (UPDATED, OTHER, LOGGED | END))] == ["child"]
    removal = (REMOVED, PARENT, LOGGED | END)
    assert [name for name, *_ in statement(moved, (REMOVED, CHILD, LOGGED | OFF), removal)] == ["child", "child", "t"]


def test_what_a_session_does_without_foreign_keys_stays_in_its_order() -> None:
    """Its row events look like those of foreign keys, up to the statement's last."""
    mixed = [(UPDATED, CHILD, LOGGED | OFF), (UPDATED, PARENT, LOGGED | OFF | END)]
    assert [name for name, *_ in statement(*mixed)] == ["child", "t"]


def test_row_changes_as_statements_stop_the_stream() -> None:
    """Of a wanted table, and of tables that cannot be told; never of another."""
    run = Run()
    run.feed(gtid(1, 100), query("BEGIN", 150), query("INSERT INTO u VALUES ('secret')", 200))
    for text in ("INSERT INTO t VALUES ('secret')", "SELECT `db`.`f`('secret')", "UPDATE ((( SET x = 'secret'"):
        with pytest.raises(LogUnusable) as caught:
            run.feed(query(text, 250))
        assert "secret" not in caught.value.render()


def test_an_event_that_the_server_replaced_is_loud() -> None:
    """MariaDB puts a dummy statement where it thinks that a replica cannot read an event."""
    with pytest.raises(DecodeError):
        Run().feed(query("# Dummy event replacing event type 165 that slave cannot handle.", 100))


def test_an_xa_commit_of_a_branch_that_the_log_lost_is_loud() -> None:
    """A branch prepared before the log begins cannot be replicated, and is not passed over."""
    run = Run()
    with pytest.raises(LogGone):
        run.feed(gtid(1, 100), query("XA COMMIT X'61',X'',1", 200))
    Run().feed(gtid(1, 100), query("XA ROLLBACK X'61',X'',1", 200))


def test_branches_keep_only_so_much_in_memory() -> None:
    """Beyond its own bound, or that of all, a branch is left to the log."""
    branches = Branches(held=10, all_held=15)
    small, large, late = (Branch(Xid(name, b"", 1), "binlog.000001", 4) for name in (b"a", b"b", b"c"))
    for branch, size in ((small, 10), (large, 11), (late, 6)):
        branches.hold(branch, kinds.WRITE_ROWS, bytes(size))
        branches.hold(branch, kinds.WRITE_ROWS, b"")
        branches.prepared(branch)
    assert [branch.events is None for branch in (small, large, late)] == [False, True, True]
    assert branches.decided(small.xid) is small
    assert branches.decided(small.xid) is None


# --- statements ----------------------------------------------------------------------------------------------------

T: TableName = ("db", "t")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("BEGIN", Control("BEGIN")),
        ("START TRANSACTION", Control("BEGIN")),
        ("COMMIT", Control("COMMIT")),
        ("ROLLBACK", Control("ROLLBACK")),
        ("SAVEPOINT `S``1`", Control("SAVEPOINT", "s`1")),
        ("ROLLBACK TO `s1`", Control("ROLLBACK TO", "s1")),
        ("ROLLBACK WORK TO SAVEPOINT s1", Control("ROLLBACK TO", "s1")),
        ("XA COMMIT X'6162',X'63',-7", Xa("COMMIT", Xid(b"ab", b"c", -7))),
        ("xa rollback 0x6162,0x,1", Xa("ROLLBACK", Xid(b"ab", b"", 1))),
        ("XA COMMIT 'other form'", RowStatement("XA", None)),
        ("TRUNCATE t", Truncation(T)),
        ("/*!40000 TRUNCATE */ -- so\n table /* it */ `d.b`.`t``` # gone", Truncation(("d.b", "t`"))),
        ("TRUNCATE TABLE t WAIT 5", Truncation(T)),
        ("TRUNCATE TABLE", RowStatement("TRUNCATE", None)),
        ("INSERT HIGH_PRIORITY IGNORE INTO t SELECT * FROM u", RowStatement("INSERT", (T,))),
        ("REPLACE x.t SET a = 1", RowStatement("REPLACE", (("x", "t"),))),
        ("LOAD DATA LOCAL INFILE 'INTO TABLE x' IGNORE INTO TABLE `t` (a)", RowStatement("LOAD", (T,))),
        ("UPDATE LOW_PRIORITY t SET a = 'DELETE FROM u'", RowStatement("UPDATE", (T,))),
        ("DELETE FROM t WHERE a IN (SELECT b FROM u)", RowStatement("DELETE", (T, ("db", "u")))),
        ("DELETE LOW_PRIORITY QUICK IGNORE FROM t", RowStatement("DELETE", (T,))),
        ("UPDATE IGNORE t PARTITION (p0, p1) AS a SET b = 1 ORDER BY c LIMIT 3", RowStatement("UPDATE", (T,))),
        ("UPDATE t IGNORE INDEX (i) SET b = 1", RowStatement("UPDATE", (T,))),
        ("UPDATE t, x.u AS v SET v.a = 1", RowStatement("UPDATE", (T, ("x", "u")))),
        ("DELETE FROM t PARTITION (p0) WHERE a = 1 LIMIT 1", RowStatement("DELETE", (T,))),
        ("DELETE FROM a USING t AS a JOIN x.u AS b", RowStatement("DELETE", (("db", "a"), T, ("x", "u")))),
        ("DELETE t FROM t JOIN x.u ON t.a = u.a", RowStatement("DELETE", (T, ("x", "u")))),
        ("WITH c AS (SELECT 1) DELETE FROM t", RowStatement("WITH", (T,))),
        ("DELETE FROM t WHERE", RowStatement("DELETE", None)),
        ("CALL p()", RowStatement("CALL", None)),
        ("CREATE TABLE t AS SELECT 1", RowStatement("CREATE TABLE … SELECT", (T,))),
        ("CREATE TABLE t (a VARCHAR(9) DEFAULT 'SELECT')", SchemaChange((TableEvent(EventKind.CREATED, T),))),
        ("CREATE OR REPLACE VIEW t AS SELECT 1", SchemaChange()),
        ("GRANT SELECT ON db.t TO someone", SchemaChange()),
        ("", SchemaChange()),
    ],
)  # fmt: skip
def test_statements_are_told_apart(text: str, expected: object) -> None:
    """Control, XA, truncation, schema changes and row changes, with the tables that they name."""
    assert statements.read(text, "db") == expected


U: TableName = ("x", "u")


def keyed(event: TableEvent) -> list[TableEvent]:
    """The event with the foreign key k."""
    return [replace(event, keys=(ForeignKey("k", ("a",), ("db", "u"), ("a",), "NO ACTION", "NO ACTION"),))]


def altered(*changes: tuple[str, ...]) -> list[TableEvent]:
    return [TableEvent(EventKind.ALTERED, T, alterations=tuple(Alteration(*change) for change in changes))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CREATE TABLE t (a INT)", [TableEvent(EventKind.CREATED, T)]),
        ("CREATE TABLE IF NOT EXISTS x.u LIKE t", [TableEvent(EventKind.CREATED, U, perhaps=True)]),
        ("CREATE TABLE t (a INT) WITH SYSTEM VERSIONING",
         [TableEvent(EventKind.CREATED, T, alterations=(Alteration("ADD SYSTEM VERSIONING"),))]),
        ("CREATE OR REPLACE TABLE t (a INT)", [TableEvent(EventKind.REPLACED, T)]),
        ("CREATE TEMPORARY TABLE t (a INT)", []),
        ("CREATE UNIQUE INDEX k ON t (a)", altered(("ADD KEY", "k"))),
        ("CREATE INDEX k ON t (a)", []),
        ("DROP INDEX k ON t", altered(("DROP KEY", "k"))),
        ("DROP TABLE `t`,`x`.`u` /* generated by server */",
         [TableEvent(EventKind.DROPPED, T), TableEvent(EventKind.DROPPED, U)]),
        ("DROP TABLE IF EXISTS t", [TableEvent(EventKind.DROPPED, T, perhaps=True)]),
        ("DROP DATABASE db", [TableEvent(EventKind.DROPPED, ("db", ""))]),
        ("RENAME TABLE t TO x.u", [TableEvent(EventKind.RENAMED, T, U), TableEvent(EventKind.CREATED, U, T)]),
        ("RENAME TABLE t TO x.u, _t_gho TO t",
         [TableEvent(EventKind.RENAMED, ("db", "_t_gho"), T), TableEvent(EventKind.CREATED, U, T),
          TableEvent(EventKind.REPLACED, T, ("db", "_t_gho"))]),
        ("RENAME TABLE t TO s, x.u TO t, s TO x.u",
         [TableEvent(EventKind.REPLACED, T, U), TableEvent(EventKind.REPLACED, U, T)]),
        ("ALTER TABLE t RENAME TO x.u", [TableEvent(EventKind.RENAMED, T, U), TableEvent(EventKind.CREATED, U, T)]),
        ("ALTER TABLE t RENAME = t", []),
        ("ALTER TABLE t ADD a INT DEFAULT (f(1, 2)), DROP COLUMN b, ADD COLUMN IF NOT EXISTS `c d` INT FIRST",
         altered(("ADD COLUMN", "a"), ("DROP COLUMN", "b"), ("ADD COLUMN", "c d"))),
        ("ALTER TABLE t ADD (a INT, b DECIMAL(5,2), UNIQUE KEY k (a), KEY (b))",
         altered(("ADD COLUMN", "a"), ("ADD COLUMN", "b"), ("ADD KEY", "k"))),
        ("ALTER TABLE t ADD COLUMN (a INT, b INT)", altered(("ADD COLUMN", "a"), ("ADD COLUMN", "b"))),
        ("ALTER TABLE t CHANGE a b INT, CHANGE COLUMN c C BIGINT, MODIFY d TEXT, RENAME COLUMN e TO f",
         altered(("CHANGE COLUMN", "a", "b"), ("MODIFY COLUMN", "c"), ("MODIFY COLUMN", "d"),
                 ("RENAME COLUMN", "e", "f"))),
        ("ALTER TABLE t ADD PRIMARY KEY (a), ADD CONSTRAINT k UNIQUE (b), ADD UNIQUE INDEX l (c), DROP INDEX m",
         altered(("ADD PRIMARY KEY",), ("ADD KEY", "k"), ("ADD KEY", "l"), ("DROP KEY", "m"))),
        ("ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES u (a), DROP FOREIGN KEY l, DROP PRIMARY KEY",
         keyed(*altered(("ADD FOREIGN KEY", "k"), ("DROP FOREIGN KEY", "l"), ("DROP PRIMARY KEY",)))),
        ("ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4, COMMENT = 'ADD COLUMN x'",
         altered(("CONVERT TO CHARACTER SET", "utf8mb4"))),
        ("ALTER TABLE t WAIT 5 ADD SYSTEM VERSIONING", altered(("ADD SYSTEM VERSIONING",))),
        ("ALTER TABLE t ADD period INT, ADD `system` INT, DROP SYSTEM VERSIONING",
         altered(("ADD COLUMN", "period"), ("ADD COLUMN", "system"), ("DROP SYSTEM VERSIONING",))),
        ("/*!40000 ALTER TABLE `t` DISABLE KEYS */", []),
        ("ALTER TABLE t ADD INDEX (a), ADD FULLTEXT KEY f (b), ADD CHECK (a > 0), ALTER a SET DEFAULT 1, ENGINE=InnoDB",
         []),
        ("ALTER TABLE t ADD PARTITION (PARTITION p VALUES IN (1)), AUTO_INCREMENT = 5", []),
        ("ALTER ONLINE TABLE t DROP PARTITION p, q", [TableEvent(EventKind.EMPTIED, T)]),
        ("ALTER TABLE t TRUNCATE PARTITION ALL", [TableEvent(EventKind.EMPTIED, T)]),
        ("ALTER TABLE t EXCHANGE PARTITION p WITH TABLE x.u WITHOUT VALIDATION",
         [TableEvent(EventKind.EXCHANGED, T, U), TableEvent(EventKind.EXCHANGED, U, T)]),
        ("ALTER TABLE t CONVERT PARTITION p TO TABLE x.u",
         [TableEvent(EventKind.EXCHANGED, T, U), TableEvent(EventKind.EXCHANGED, U, T)]),
        ("ALTER TABLE t IMPORT TABLESPACE", [TableEvent(EventKind.EXCHANGED, T)]),
        ("ANALYZE TABLE t", []),
    ],
)  # fmt: skip
def test_a_schema_change_says_what_happens_to_each_table(text: str, expected: list[TableEvent]) -> None:
    """Columns, keys, the table's being, and rows that come or go without a trace; nothing else."""
    assert statements.read(text, "db") == SchemaChange(tuple(expected))


def test_double_quotes_follow_the_sql_mode() -> None:
    """Under ANSI_QUOTES they name a table, else they hold a string."""
    assert statements.read('TRUNCATE "a""b"."t"', "db", statements.ANSI_QUOTES) == Truncation(('a"b', "t"))
    assert statements.read('TRUNCATE "t"', "db") == RowStatement("TRUNCATE", None)
    assert statements.read('UPDATE "t" SET a = 1', "db", statements.ANSI_QUOTES) == RowStatement("UPDATE", (T,))


def test_checksums_are_checked_over_the_packet_as_it_stands() -> None:
    """The constants that save a copy mean what they say."""
    assert zlib.crc32(b"\0", reader._BEFORE_STATUS) == 0
    for body in (b"", b"\0", b"an event", bytes(range(256))):
        packet = b"\0" + body + zlib.crc32(body).to_bytes(4, "little")
        assert zlib.crc32(packet, reader._BEFORE_STATUS) == reader._RESIDUE
