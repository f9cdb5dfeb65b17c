"""The second entrance: rows that do not come from the log are put here, and enter the target between transactions.

In: entries, from any thread, each with rows read from a source table (`tables/`) and the position behind which they may
be written. Out: entries that are due, to the applier, which writes each with the checkpoint in one target transaction.
A `Watch` knows what the stream has written since the rows were read, so that an older row never overwrites a newer one.

This is DBLog's watermark algorithm (https://arxiv.org/abs/2010.12597) without a table for watermarks: watch the table,
read rows, ask for the log's end, and put the rows in behind that position. What the stream has touched meanwhile is
right without them.

Never writes, never maps, and holds no rows longer than until their entry is done.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from cdc_agent.errors import AgentError, NotYetVisible, RowsOutdated, TargetUnavailable
from cdc_agent.flow.batching import Segment
from cdc_agent.flow.threads import REAL, Threads
from cdc_agent.model.changes import INSERT, Change, Table, TableName
from cdc_agent.model.positions import Position
from cdc_agent.model.refusals import Refusal
from cdc_agent.model.steps import Clear
from cdc_agent.model.values import UNSENT, Row
from cdc_agent.model.writes import REMOVE, Writes

SESSION_SECONDS: Final = 30.0
"""How long a watch waits for a session to begin."""


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """Changes of one source table that are to enter in one target transaction, as if its log had sent them."""

    table: Table
    """As `tables.base.Description` has it, or a version that the log has described."""
    changes: Sequence[Change]
    behind: Position | None = None
    """They enter once everything up to here has been applied; None: at the next end of a transaction."""
    watch: Watch | None = None
    """What the stream has written since they were read; without one they are written whatever it wrote."""

    @classmethod
    def of_rows(
        cls, table: Table, rows: Sequence[Row], *, behind: Position | None = None, watch: Watch | None = None
    ) -> Entry:
        """Rows that the source holds."""
        return cls(table, [(INSERT, None, row) for row in rows], behind, watch)


@dataclass(frozen=True, slots=True)
class Entered:
    """What became of an entry, and it is committed."""

    written: int
    """Rows that the target took."""
    passed_over: int
    """Rows that the stream had written itself since they were read."""
    refused: tuple[Refusal, ...]
    """Rows that are in quarantine since the same commit."""
    position: Position
    """The position that was committed with them."""


class Watch:
    """The keys of one source table's target rows that the stream has written since the watch began.

    It costs memory for each of them, so that a long copy takes one watch for each part of it.
    """

    def __init__(self, table: TableName) -> None:
        self.table = table
        self._keys: dict[TableName, set[Row]] = {}
        self._cleared: set[TableName] = set()
        self._outdated = ""

    def covers(self, target: TableName, key: Row) -> bool:
        """Whether the stream has written this row of the target, or emptied its table."""
        return target in self._cleared or key in self._keys.get(target, ())

    def require_current(self) -> None:
        """Raises RowsOutdated when the stream has removed rows of which it cannot be told which they were."""
        if self._outdated:
            raise RowsOutdated(
                f"rows of {'.'.join(self.table)} that were read have been changed since: {self._outdated}"
            )

    def note(self, segment: Segment) -> None:
        """What is about to be written. Applier only."""
        if isinstance(segment, Clear):
            self._cleared |= {table.full_name for table in segment.tables}
        elif segment.binding.source == self.table:
            self._note_keys(segment)
        if isinstance(segment, Writes) and segment.binding.links and self._reaches(segment):
            self._outdated = "a foreign key of the source acted on them without a trace in its log"

    def _note_keys(self, writes: Writes) -> None:
        keys = self._keys.setdefault(writes.binding.table.full_name, set())
        places = writes.binding.key
        for _, key, row in writes.rows:
            keys.add(key)
            if row is not None:
                moved = tuple([row[place] for place in places])
                if UNSENT not in moved:
                    keys.add(moved)

    def _reaches(self, writes: Writes) -> bool:
        """Whether rows that left or moved may have had children in the table that is watched."""
        children = {link.child.source for links in writes.binding.links.values() for link in links}
        return self.table in children and any(
            write[0] == REMOVE or _moves(writes, write[1], write[2]) for write in writes.rows
        )


def _moves(writes: Writes, key: Row, row: Row | None) -> bool:
    if row is None:
        return True
    after = tuple([row[place] for place in writes.binding.key])
    return UNSENT not in after and after != key


@dataclass(slots=True, eq=False)
class _Waiting:
    entry: Entry
    future: Future[Entered] = field(default_factory=Future)
    asked: bool = False
    """Whether the source was asked to tell how far its log was read."""


class Entrance:
    """One for each pipeline, from its start to its stop: entries outlive a session that breaks."""

    def __init__(self, threads: Threads = REAL) -> None:
        self._lock, self._streams = threads.condition()
        """The condition tells of a session that begins, and of the pipeline's end."""
        self._clock = threads.clock
        self._entries: deque[_Waiting] = deque()
        self._ended: BaseException | None = None
        self.waiting = False
        """Whether there are entries. All that a pipeline without any looks at."""
        self.watches: tuple[Watch, ...] = ()
        self.wake: Callable[[], None] = lambda: None
        """Called when an entry was put in, so that an idle pipeline need not look for one."""
        self._settle: Callable[[], None] | None = None
        """The session's; None between two of them."""

    # --- any thread

    def put(self, entry: Entry) -> Future[Entered]:
        """Hand an entry over. The future gives what became of it, or the error that it or the pipeline ended with.

        A future that is cancelled in time takes its entry with it.
        """
        waiting = _Waiting(entry)
        with self._lock:
            if self._ended is not None:
                waiting.future.set_exception(self._ended)
                return waiting.future
            self._entries.append(waiting)
            self.waiting = True
        self.wake()
        return waiting.future

    @contextmanager
    def watch(self, table: TableName) -> Iterator[Watch]:
        """Note what the stream writes from this table, from now on; rows are read and entered inside it.

        A server may send a transaction's log a moment before it shows the transaction to others. What the stream has
        written before the watch began is waited for, so that rows read inside are not older; what it writes later is
        noted. Between two sessions nobody knows what the last one has written, so the next one is waited for. Raises
        NotYetVisible when that takes too long, or the error that the pipeline ended with.
        """
        watch = Watch(table)
        with self._lock:
            self.watches = (*self.watches, watch)
        try:
            self._session()()
            yield watch
        finally:
            with self._lock:
                self.watches = tuple(one for one in self.watches if one is not watch)

    def _session(self) -> Callable[[], None]:
        """The session's `settle`, once there is a session."""
        deadline = self._clock() + SESSION_SECONDS
        with self._lock:
            while self._settle is None:
                if self._ended is not None:
                    raise self._ended
                if self._clock() >= deadline:
                    raise NotYetVisible(f"the pipeline has not streamed for {SESSION_SECONDS:.0f} s")
                self._streams.wait(deadline - self._clock())
            return self._settle

    # --- the pipeline

    def begin(self, settle: Callable[[], None]) -> None:
        """A session begins. `settle` returns when the source's other sessions see all that it was handed over, and
        all that its position covers, as `Source.settle`.
        """
        with self._lock:
            self._settle = settle
            self._streams.notify_all()

    def end(self) -> None:
        """The session has ended."""
        with self._lock:
            self._settle = None

    def note(self, segments: Sequence[Segment]) -> None:
        """What the stream is about to write."""
        for watch in self.watches:
            for segment in segments:
                watch.note(segment)

    def due(self, seen: Position) -> tuple[Entry, Future[Entered]] | None:
        """The first entry that may be written when the log was dealt with up to `seen`; it stays until it is `done`."""
        with self._lock:
            for waiting in list(self._entries):
                behind, future = waiting.entry.behind, waiting.future
                if future.cancelled():
                    self._remove(future)
                elif behind is not None and not seen.reached(behind):
                    continue
                elif future.running() or future.set_running_or_notify_cancel():
                    return waiting.entry, future
        return None

    def done(self, future: Future[Entered], outcome: Entered | AgentError) -> None:
        """An entry is committed, or will never be."""
        with self._lock:
            self._remove(future)
        if isinstance(outcome, Entered):
            future.set_result(outcome)
        else:
            future.set_exception(outcome)

    def asks(self) -> bool:
        """Whether an entry waits for a position that an idle log may never report by itself; once for each entry."""
        with self._lock:
            new = [waiting for waiting in self._entries if not waiting.asked]
            for waiting in new:
                waiting.asked = True
        return bool(new)

    def close(self, error: BaseException | None = None) -> None:
        """The pipeline has ended: whoever waits gets its error, and so does whoever comes later."""
        with self._lock:
            self._ended = error or TargetUnavailable("the pipeline was stopped before the rows entered")
            self._streams.notify_all()
            entries, self._entries = list(self._entries), deque()
            self.waiting = False
        for waiting in entries:
            if waiting.future.running() or waiting.future.set_running_or_notify_cancel():
                waiting.future.set_exception(self._ended)

    def _remove(self, future: Future[Entered]) -> None:
        self._entries = deque(waiting for waiting in self._entries if waiting.future is not future)
        self.waiting = bool(self._entries)
