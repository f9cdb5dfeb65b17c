"""Many pipelines of one server read its log through one connection.

A server sends its whole log to every replica, whatever the replica wants of it: a hundred pipelines cost it, and this
process, a hundred times the work. So each begins with a dump of its own, since it resumes at its own checkpoint, and
when it has come near the end of the log it goes over to the shared one. Both have the same events in the same order;
where one is left and the other taken up is told by where events end in the file.

One that falls too far behind goes back to a dump of its own. Where the shared connection breaks, it has broken for all:
they start again, with all that is checked at a start. The shared log has no say in positions: a `stream.Stream` cannot
tell where its packets came from.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import structlog

from cdc_agent.errors import AgentError, SourceUnavailable
from cdc_agent.model.positions import BinlogPosition
from cdc_agent.sources.mysql.dump import Dump
from cdc_agent.sources.mysql.events import files, kinds
from cdc_agent.sources.mysql.events.reader import EventReader

log = structlog.get_logger(__name__)

FEW: Final = 4
"""Pipelines of one server that each have a connection of their own."""
NEAR_BYTES: Final = 4 * 1024 * 1024
"""How far behind the shared log a pipeline may be to go over to it."""
HELD_BYTES: Final = 8 * 1024 * 1024
"""How much of it waits for one pipeline; all share what is held."""
_LARGEST_PLACE: Final = 0xF000_0000
"""Events name the low 32 bits of an offset: near their end nobody changes over."""
_WAIT_SECONDS: Final = 0.25
_AGAIN_SECONDS: Final = 10.0
_PAUSE_FOR_EACH: Final = 0.0005
_LONGEST_PAUSE: Final = 0.05
_MADE_UP: Final = frozenset((kinds.HEARTBEAT, kinds.HEARTBEAT_V2))

Open = Callable[[BinlogPosition], Dump]


class Place(NamedTuple):
    """Where an event ends."""

    file: str
    offset: int


def rotated_to(packet: bytes) -> str:
    """The file that a ROTATE event names."""
    return files.rotation(EventReader().read(packet).body)[0]


def behind(offset: int, packet: bytes) -> int:
    """Where the event ends that begins at `offset`; `offset` itself for one that the server made up.

    MariaDB leaves the ends of events inside a transaction out (binlog_legacy_event_pos is off, from 11.8 on): they are
    as long as they say. A FORMAT_DESCRIPTION without an end stands at a dump's beginning alone.
    """
    if packet[5] in _MADE_UP or packet[18] & kinds.ARTIFICIAL_FLAG:
        return offset
    if end := int.from_bytes(packet[14:18], "little"):
        return end
    return offset if packet[5] == kinds.FORMAT_DESCRIPTION else offset + int.from_bytes(packet[10:14], "little")


def advanced(place: Place, packets: Sequence[bytes]) -> Place:
    """The place behind these packets, which begin at `place`."""
    file, offset = place
    for packet in packets:
        if packet[5] == kinds.ROTATE:
            name = rotated_to(packet)
            if name != file:
                file, offset = name, 4
                continue
        offset = behind(offset, packet)
    return Place(file, offset)


def beyond(packets: Sequence[bytes], begin: Place, place: Place) -> int:
    """The index of the first of these packets with something behind `place`. They begin at `begin`, in its file."""
    offset = begin.offset
    for index, packet in enumerate(packets):
        if packet[5] == kinds.ROTATE and rotated_to(packet) != place.file:
            return index
        offset = behind(offset, packet)
        if offset > place.offset:
            return index
    return len(packets)


class Subscription:
    """What has arrived of the shared log and one pipeline has not yet taken."""

    def __init__(self, begin: Place, leave: Callable[[Subscription], None]) -> None:
        self.begin = begin
        """It has what comes behind this."""
        self._leave = leave
        self._held: deque[tuple[list[bytes], int, Place]] = deque()
        self._size = 0
        self._changed = threading.Condition(threading.Lock())
        self._ended = False
        self._broken = False

    def put(self, packets: list[bytes], size: int, place: Place) -> bool:
        """Called by the shared log; False when too much is held, and this was not taken."""
        with self._changed:
            if self._size > HELD_BYTES:
                return False
            self._held.append((packets, size, place))
            self._size += size
            self._changed.notify()
            return True

    def end(self, *, broken: bool = False) -> None:
        """Called by the shared log: nothing more will come, for this one or for anybody."""
        with self._changed:
            self._ended, self._broken = True, broken
            self._changed.notify()

    def take(self) -> tuple[list[bytes], Place] | None:
        """All that is held, and where it ends; None when nothing is, and nothing more will come.

        Raises SourceUnavailable once all was taken of a log whose connection broke.
        """
        with self._changed:
            if not self._held and not self._ended:
                self._changed.wait(_WAIT_SECONDS)
            if not self._held and self._broken:
                raise SourceUnavailable("the log stream that is shared was cut")
            if not self._held:
                return None if self._ended else ([], self.begin)
            found: list[bytes] = []
            place = self.begin
            while self._held:
                packets, _, place = self._held.popleft()
                found += packets
            self._size = 0
            self.begin = place
            return found, place

    def ready(self) -> bool:
        return bool(self._held) or self._ended

    def close(self) -> None:
        self._leave(self)
        self.end()


class SharedLog:
    """One dump that a thread of its own reads for all subscriptions; it ends with the last of them."""

    def __init__(self, dump: Dump, place: Place, name: str) -> None:
        self._dump = dump
        self._place = place
        self._lock = threading.Lock()
        self._subscriptions: set[Subscription] = set()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name=f"read the log of {name} for all", daemon=True)

    @property
    def ended(self) -> bool:
        return self._ended

    def start(self) -> None:
        self._thread.start()

    def subscribe(self, place: Place) -> Subscription | None:
        """For a pipeline that has read up to `place`; None when that is too far away."""
        with self._lock:
            near = place.file == self._place.file and self._place.offset - place.offset <= NEAR_BYTES
            if self._ended or not near:
                return None
            subscription = Subscription(self._place, self._drop)
            self._subscriptions.add(subscription)
            return subscription

    def _drop(self, subscription: Subscription) -> None:
        with self._lock:
            self._subscriptions.discard(subscription)

    def _run(self) -> None:
        try:
            while self._distribute(self._dump.packets()):
                pass
        except AgentError as error:
            log.warning("shared_log_ended", code=error.code, error=error.message)
        finally:
            self._end()
            self._dump.close()

    def _distribute(self, packets: list[bytes]) -> bool:
        """False when nobody is left."""
        with self._lock:
            if not self._subscriptions:
                self._ended = True
                return False
            if packets:
                self._place = advanced(self._place, packets)
                size = sum(map(len, packets))
                for subscription in [s for s in self._subscriptions if not s.put(packets, size, self._place)]:
                    self._subscriptions.discard(subscription)
                    subscription.end()
            return True

    def _end(self) -> None:
        with self._lock:
            self._ended = True
            for subscription in self._subscriptions:
                subscription.end(broken=True)
            self._subscriptions.clear()


class Readers:
    """The pipelines of this process that read one server's log, and the log that they share."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._count = 0
        self._opening = threading.Lock()
        self._not_before = 0.0
        self._log: SharedLog | None = None

    def __enter__(self) -> Readers:
        with self._lock:
            self._count += 1
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._count -= 1

    @property
    def shares(self) -> bool:
        """Whether they are so many that they should share."""
        return self._count > FEW

    @property
    def pause(self) -> float:
        """How long one that met nothing of its own may let the log gather, seconds; nothing for a few pipelines."""
        return min(_LONGEST_PAUSE, max(0, self._count - FEW) * _PAUSE_FOR_EACH)

    def gather(self) -> None:
        """Wait for that long: waking many for each transaction would cost more than all the work."""
        if pause := self.pause:
            time.sleep(pause)

    def subscribe(self, position: BinlogPosition, open_: Open) -> Subscription | None:
        """Join the shared log near a position; the first one opens it there. None when that cannot be now."""
        if not self._opening.acquire(blocking=False):
            return None
        try:
            place = Place(position.file, position.offset)
            if self._log is not None and not self._log.ended:
                return self._log.subscribe(place)
            return self._opened(place, position, open_) if time.monotonic() > self._not_before else None
        finally:
            self._opening.release()

    def _opened(self, place: Place, position: BinlogPosition, open_: Open) -> Subscription | None:
        """Without a connection to spare everybody keeps their own."""
        try:
            shared = SharedLog(open_(position), place, self._name)
        except AgentError as error:
            self._not_before = time.monotonic() + _AGAIN_SECONDS
            log.warning("log_not_shared", server=self._name, code=error.code, error=error.message)
            return None
        subscription = shared.subscribe(place)
        self._log = shared
        shared.start()
        log.info("log_is_shared", server=self._name, pipelines=self._count)
        return subscription


_READERS: Final[dict[str, Readers]] = {}
_FINDING: Final = threading.Lock()


def readers_of(server: str) -> Readers:
    """The pipelines of this process that read a server."""
    with _FINDING:
        return _READERS.setdefault(server, Readers(server))


class Feed:
    """The packets that one pipeline reads: of its own dump, or of the shared log. Read by one thread."""

    def __init__(self, dump: Dump, readers: Readers, open_shared: Open, open_own: Open, known: BinlogPosition) -> None:
        """`known`: where the log ended before the dump began.

        What lies behind that is new to every pipeline; up to there a dump by GTIDs may leave out what its pipeline has.
        """
        self.readers = readers
        self._dump = dump
        self._open_shared = open_shared
        self._open_own = open_own
        self._known = known
        self._subscription: Subscription | None = None
        self._shared = False
        self._place = Place("", 0)
        """What was read, as far as it is followed: from the subscription on."""
        self._skip: Place | None = None
        """Up to where what arrives was read before."""
        self._arrived = Place("", 0)
        """What has arrived, as long as something is skipped."""
        self._closed = False

    def packets(self, boundary: BinlogPosition, *, inside: bool) -> list[bytes]:
        """What has arrived; empty when nothing did within a quarter of a second.

        `boundary` is where the pipeline's last transaction ended, `inside` whether it has begun to read another.
        Raises what `Dump.packets` raises.
        """
        if self._subscription is None and not inside and self.readers.shares:
            self._subscribe(boundary)
        if self._subscription is None:
            return self._unskipped(self._dump.packets())
        if not self._shared:
            return self._up_to_shared(self._dump.packets(), self._subscription)
        taken = self._subscription.take()
        if taken is None:
            self._leave(boundary)
            return []
        packets, self._place = taken
        return self._unskipped(packets)

    def _subscribe(self, boundary: BinlogPosition) -> None:
        if boundary.sequence < self._known.sequence or boundary.offset > _LARGEST_PLACE or self._skip is not None:
            return
        subscription = self.readers.subscribe(boundary, self._open_shared)
        if subscription is None:
            return
        self._subscription, self._place = subscription, Place(boundary.file, boundary.offset)
        if self._place.offset >= subscription.begin.offset:
            self._skip, self._arrived = self._place, subscription.begin
            self._change_over()

    def _up_to_shared(self, packets: list[bytes], subscription: Subscription) -> list[bytes]:
        """Our own dump, as far as the shared log has not got it."""
        kept = packets[: beyond(packets, self._place, subscription.begin)]
        self._place = advanced(self._place, kept)
        if len(kept) < len(packets) or self._place == subscription.begin:
            self._change_over()
        return kept

    def _change_over(self) -> None:
        self._shared = True
        self._dump.close()

    def _leave(self, boundary: BinlogPosition) -> None:
        """Go on with a dump of our own from the last transaction's end; what was read behind that is skipped."""
        if self._closed or boundary.offset > _LARGEST_PLACE:
            raise SourceUnavailable("the log stream that is shared went on too far ahead")
        self._dump = self._open_own(boundary)
        self._skip, self._arrived = self._place, Place(boundary.file, boundary.offset)
        self._subscription, self._shared = None, False

    def _unskipped(self, packets: list[bytes]) -> list[bytes]:
        if self._skip is None:
            return packets
        index = beyond(packets, self._arrived, self._skip)
        self._arrived = advanced(self._arrived, packets[:index])
        if index < len(packets):
            self._skip = None
        return packets[index:]

    def ready(self) -> bool:
        """Whether more has arrived already."""
        if self._shared and self._subscription is not None:
            return self._subscription.ready()
        return self._dump.ready()

    def close(self) -> None:
        """May be called by any thread."""
        self._closed = True
        self._dump.close()
        if self._subscription is not None:
            self._subscription.close()
