"""Wherever a pipeline goes over to the shared log or back, it gets every event once, in order."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdc_agent.errors import SourceUnavailable
from cdc_agent.model.positions import BinlogPosition
from cdc_agent.sources.mysql import sharing
from cdc_agent.sources.mysql.events import kinds
from cdc_agent.sources.mysql.sharing import Feed, Place, Readers, SharedLog, Subscription, advanced, beyond
from tests.support.thorough import examples
from tests.unit.test_binlog_events import event, packet, rotate

FIRST = "log.000001"
MADE_UP = [packet(event(kinds.FORMAT_DESCRIPTION, bytes(80), flags=kinds.ARTIFICIAL_FLAG))]


class Log:
    """A server's log: `packets` from its start, and behind which of them a transaction ends."""

    def __init__(self, sizes: list[int], rotations: set[int], crashes: set[int], *, silent: bool = False) -> None:
        """`sizes`: the events of each transaction; after those in `rotations` another file begins.

        In `crashes` the server did not come to write so. One that is `silent` leaves out where events end between a
        transaction's first and last, as MariaDB does. Events that a server makes up for a connection are not among
        the packets; each `Dump` has its own.
        """
        self.packets: list[bytes] = []
        self.ends: list[tuple[int, BinlogPosition]] = [(0, BinlogPosition(FIRST, 4))]
        self.files: dict[int, str] = {}
        """Before which packets a server makes up a ROTATE, and to which file."""
        file, offset = 1, 4
        for number, size in enumerate(sizes):
            for index in range(size):
                offset += 100
                end = 0 if silent and 0 < index < size - 1 else offset
                self.packets.append(packet(event(kinds.XID, len(self.packets).to_bytes(81, "little"), end=end)))
            self.ends.append((len(self.packets), BinlogPosition(self.name(file), offset)))
            if number in rotations:
                file += 1
                if number not in crashes:
                    body = bytes(8) + self.name(file).encode()
                    self.packets.append(packet(event(kinds.ROTATE, body, end=offset + 50)))
                    self.ends.append((len(self.packets), BinlogPosition(self.name(file), 4)))
                self.files[len(self.packets)] = self.name(file)
                self.packets.append(packet(event(kinds.FORMAT_DESCRIPTION, bytes(80), end=120)))
                offset = 120
                self.ends.append((len(self.packets), BinlogPosition(self.name(file), offset)))

    @staticmethod
    def name(file: int) -> str:
        return f"log.{file:06}"

    def boundary(self, count: int) -> tuple[BinlogPosition, bool]:
        """For one who has read `count` packets: where the last transaction ended, and whether another has begun."""
        last, position = [end for end in self.ends if end[0] <= count][-1]
        return position, last < count

    def end(self, number: int) -> BinlogPosition:
        """One of the transactions' ends, the last one for a number beyond."""
        return self.ends[min(number, len(self.ends) - 1)][1]

    def dump(self, position: BinlogPosition, chunk: Callable[[], int], until: Callable[[], int]) -> Any:
        """From a transaction's end on, as far as the log has been written."""
        start = next(count for count, end in self.ends if end == position)
        return Dump(self, [packet(rotate(position.file, position.offset)), *MADE_UP], start, chunk, until)


class Dump:
    """Stands for a connection: gives the log in chunks."""

    def __init__(
        self, log: Log, first: list[bytes], start: int, chunk: Callable[[], int], until: Callable[[], int]
    ) -> None:
        self._log, self._first, self._at, self._chunk, self._until = log, first, start, chunk, until
        self.closed = False

    def packets(self) -> list[bytes]:
        if self.closed:
            raise SourceUnavailable("closed")
        if self._first:
            first, self._first = self._first, []
            return first
        found: list[bytes] = []
        for at in range(self._at, min(self._at + self._chunk(), self._until())):
            if at in self._log.files:
                found.append(packet(rotate(self._log.files[at])))
            found.append(self._log.packets[at])
            self._at = at + 1
        return found

    def close(self) -> None:
        self.closed = True


class Driven(Readers):
    """Readers whose shared log is driven by the test."""

    shares = True

    def __init__(self, shared: SharedLog) -> None:
        super().__init__("test")
        self._shared = shared

    def subscribe(self, position: BinlogPosition, open_: Any) -> Subscription | None:
        return self._shared.subscribe(Place(position.file, position.offset))


class Play:
    """A log that is written, shared and read in steps, and what one pipeline got of it."""

    def __init__(self, log: Log, begin: BinlogPosition, known: BinlogPosition, chunk: Callable[[], int]) -> None:
        """The shared log begins at `begin`, the pipeline's own at the start; chunks are of `chunk()` packets."""
        self.log = log
        self.written = next(count for count, end in log.ends if end == begin)
        self.got: list[bytes] = []
        self._known = known
        self._chunk = chunk
        place = Place(begin.file, begin.offset)
        self._dump = self._open(begin)
        self.shared = SharedLog(self._dump, place, "test")
        self._keeper = self.shared.subscribe(place)
        self._feed = self._feed_from(log.ends[0][1])

    def _open(self, position: BinlogPosition) -> Any:
        return self.log.dump(position, self._chunk, lambda: self.written)

    def _feed_from(self, position: BinlogPosition) -> Feed:
        return Feed(self._open(position), Driven(self.shared), self._open, self._open, self._known)

    def write(self, count: int) -> None:
        self.written = min(len(self.log.packets), self.written + count)

    def share(self) -> None:
        """Hand out a chunk; another subscription keeps the shared log from ending."""
        assert self._keeper is not None
        with contextlib.suppress(SourceUnavailable):
            self._keeper.take()
        self.shared._distribute(self._dump.packets())

    def read(self) -> None:
        """A break is answered as the pipeline does: with a new dump from the last transaction's end."""
        position, inside = self.log.boundary(len(self.got))
        try:
            packets = self._feed.packets(position, inside=inside)
        except SourceUnavailable:
            assert self.shared.ended
            del self.got[[count for count, _ in self.log.ends if count <= len(self.got)][-1] :]
            self._feed = self._feed_from(position)
            return
        self.got.extend(one for one in packets if not one[18] & kinds.ARTIFICIAL_FLAG)

    def finish(self) -> None:
        """Write the rest, and read until all has come or should have."""
        self.written = len(self.log.packets)
        for _ in range(3 * len(self.log.packets) + 20):
            self.share()
            self.read()
            if len(self.got) == len(self.log.packets):
                return


@settings(max_examples=examples(300), suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    log=st.builds(
        Log,
        sizes=st.lists(st.integers(1, 12), min_size=1, max_size=30),
        rotations=st.sets(st.integers(0, 29), max_size=3),
        crashes=st.sets(st.integers(0, 29)),
        silent=st.booleans(),
    ),
    begin=st.integers(0, 30),
    known=st.integers(0, 30),
    held=st.sampled_from([150, 1_000, 1_000_000]),
    data=st.data(),
)
@pytest.mark.parametrize("near", [300, 1_000_000])
def test_a_feed_gives_every_event_once(
    monkeypatch: pytest.MonkeyPatch, near: int, log: Log, begin: int, known: int, held: int, data: st.DataObject
) -> None:
    """However the log arrives on either side, whatever is held back, and whenever the shared log falls behind or ends."""
    monkeypatch.setattr(sharing, "HELD_BYTES", held)
    monkeypatch.setattr(sharing, "NEAR_BYTES", near)
    monkeypatch.setattr(sharing, "_WAIT_SECONDS", 0)
    play = Play(log, log.end(begin), log.end(known), lambda: data.draw(st.integers(1, 9)))
    for _ in range(data.draw(st.integers(20, 80))):  # a list would be short most of the time
        step = data.draw(st.sampled_from(["write", "share", "read", "read"]))
        if step == "write":
            play.write(data.draw(st.integers(1, 12)))
        else:
            getattr(play, step)()
    if data.draw(st.booleans()):
        play.shared._end()
    play.finish()
    assert play.got == log.packets
    play.read()
    assert play.got == log.packets


def test_places_follow_files_and_pass_over_what_is_made_up() -> None:
    """A heartbeat or a made-up event moves nothing; a rotation begins another file."""
    heartbeat = packet(event(kinds.HEARTBEAT, FIRST.encode(), end=900))
    some = packet(event(kinds.XID, bytes(8), end=300))
    assert advanced(Place(FIRST, 4), [*MADE_UP, some, heartbeat]) == Place(FIRST, 300)
    assert advanced(Place(FIRST, 300), [packet(rotate("log.000002"))]) == Place("log.000002", 4)
    assert advanced(Place(FIRST, 300), [packet(rotate(FIRST, 300))]) == Place(FIRST, 300)


def test_an_event_whose_end_was_left_out_is_as_long_as_it_says() -> None:
    """MariaDB names the ends of a transaction's first and last event only; its others take up room all the same."""
    inside = packet(event(kinds.TABLE_MAP, bytes(81), end=0))
    last = packet(event(kinds.XID, bytes(8), end=900))
    assert advanced(Place(FIRST, 300), [inside]) == Place(FIRST, 400)
    assert advanced(Place(FIRST, 300), [inside, last]) == Place(FIRST, 900)
    assert beyond([inside, inside, last], Place(FIRST, 300), Place(FIRST, 400)) == 1
