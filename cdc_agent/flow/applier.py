"""The steps "batch" and "apply" of one pipeline: transactions in, committed rows with their checkpoint out.

Owns the open target transaction and the checkpoint. A batch is one or more whole source transactions, those with
rows among them along one path; a large transaction comes in parts, which are applied one after the other inside one
target transaction. Batches without rows (echoes, unrouted tables, an idle log) move a pending position that is written
with the next batch, or by itself once it has waited `ADVANCE_SECONDS`. Rows that do not come from the log enter between
transactions (`entrance`).

Never acknowledges what is not committed, never commits rows without the checkpoint, never splits a transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import structlog

from cdc_agent.errors import AgentError, Fatal, Retryable, RowRefused, TransactionAborted
from cdc_agent.flow import batching
from cdc_agent.flow.acknowledging import Acknowledgements
from cdc_agent.flow.batching import Segment
from cdc_agent.flow.completing import Completion
from cdc_agent.flow.entrance import Entered, Entrance, Entry, Watch
from cdc_agent.flow.recovery import StormGuard
from cdc_agent.flow.routing import Held, Mapped, Router
from cdc_agent.flow.threads import REAL, Threads
from cdc_agent.model import echo
from cdc_agent.model.changes import Table, Transaction
from cdc_agent.model.checkpoints import Checkpoint, Holder
from cdc_agent.model.positions import Position
from cdc_agent.model.refusals import Quarantined, Refusal, RefusedWrite
from cdc_agent.model.remembered import Note
from cdc_agent.model.steps import Clear, Step
from cdc_agent.model.values import Row, Value
from cdc_agent.model.writes import Provenance, Writes
from cdc_agent.schema.watch import Follow, Stop
from cdc_agent.store.tables import taken_over
from cdc_agent.targets.base import Target

log = structlog.get_logger(__name__)

ADVANCE_SECONDS: Final = 1.0
"""How long positions without rows may wait before they are written by themselves."""
ADVANCE_BYTES: Final = 1024 * 1024
"""How far an idle log may move (by other databases of its server, by maintenance) before that is written; a new file
of a binlog is written too, since the old one may be purged."""
HISTORY_SECONDS: Final = 10.0
GENERATION_CHECK_SECONDS: Final = 2.0
ORDERED_ROWS: Final = 32
"""Below this size a refused run is applied one by one instead of as sets."""


class SourceEnd(Protocol):
    """What the applier needs of the source."""

    def acknowledge(self, position: Position) -> None: ...
    def current_position(self) -> Position: ...
    def reread(self, table: Table, key: Mapping[str, Value]) -> Row | None: ...


@dataclass(slots=True)
class _Pending:
    """Positions read behind the checkpoint that hold no rows for this target."""

    position: Position | None = None
    since: float = 0.0
    substantive: bool = False
    echoes: int = 0


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch that is mapped and waits to be applied."""

    batch: Sequence[Transaction]
    mapped: Mapped
    steps: Sequence[Step]
    completion: Completion
    held: Stop | Follow | None = None
    """What must be done once this is applied, before `rest`."""
    rest: Sequence[Transaction] = ()
    """What was in the batch behind a change of a schema."""


@dataclass(slots=True)
class _Open:
    """A large transaction, some of whose parts are applied."""

    changes: int = 0
    refused: int = 0


class Applier:
    """Used by one thread at a time, but for `prepare`, which owns the router and touches nothing else.

    Every method may raise what `Target` raises; then `abandon` and start a new session.
    """

    def __init__(
        self,
        *,
        target: Target,
        source: SourceEnd,
        router: Router,
        checkpoint: Checkpoint,
        position: Position,
        source_name: str,
        storm: StormGuard,
        entrance: Entrance | None = None,
        threads: Threads = REAL,
        delay: float = 0.0,
    ) -> None:
        """`delay`: seconds between a commit and its acknowledgement."""
        self._target = target
        self._entrance = entrance or Entrance(threads)
        self._source = source
        self._acknowledgements = Acknowledgements(source.acknowledge, delay, threads.clock)
        self._rereading = threads.lock()
        self._router = router
        self._source_name = source_name
        self._storm = storm
        self._clock = clock = threads.clock
        self.checkpoint = checkpoint
        self.position = position
        """The position that the target durably holds."""
        self.seen = position
        """The last position read and dealt with; at or behind nothing but row-less transactions after `position`."""
        self._generation = checkpoint.generation
        self._read: Position | None = None
        """The last position that was handed over in this session."""
        self._pending = _Pending()
        self._open: _Open | None = None
        self._last_history = clock()
        self._last_contact = clock()

    @property
    def in_transaction(self) -> bool:
        """True while a large transaction's parts are being applied."""
        return self._open is not None

    @property
    def echoes(self) -> int:
        """Echoes met in all, those since the last checkpoint included."""
        return self.checkpoint.echoes + self._pending.echoes

    def prepare(self, batch: Sequence[Transaction]) -> Prepared:
        """Decode and map a batch; may run while an earlier one is being applied."""
        try:
            mapped = self._router.map(batch, self._reread)
        except Held as held:
            return self._prepare_before(batch, held)
        return Prepared(batch, mapped, batching.steps(mapped.segments), Completion(mapped.runs, self._reread))

    def _prepare_before(self, batch: Sequence[Transaction], held: Held) -> Prepared:
        """What was committed before a change of a schema is applied all the same."""
        place = next(place for place, one in enumerate(batch) if one is held.transaction)
        before = self.prepare(batch[:place]) if place else Prepared((), Mapped(), (), Completion((), self._reread))
        return replace(before, held=held.verdict, rest=batch[place:])

    def hold(self, verdict: Stop | Follow) -> None:
        """A schema has changed, and all before it is applied: change the target, or note why it waits.

        Raises what to wait for or what stops for good, TransactionAborted when a large transaction has to begin anew.
        """
        inside = self._open is not None
        if inside:
            self.abandon()
        if isinstance(verdict, Follow):
            self._follow(verdict)
            if inside:
                raise TransactionAborted("the target's tables were changed in the middle of a transaction")
            return
        self._remember(verdict.notes)
        raise verdict.error

    def _follow(self, follow: Follow) -> None:
        """The intent is committed first: MySQL commits each statement by itself, and a kill may come between."""
        self._remember(follow.notes)
        pipeline = self.checkpoint.pipeline
        for statement in follow.statements:
            log.info("schema_change_followed", pipeline=pipeline, statement=statement)
            try:
                self._target.alter(statement)
            except (Fatal, RowRefused) as error:
                log.warning("schema_change_refused", pipeline=pipeline, code=error.code, error=error.message)
                self._remember(follow.otherwise.notes)
                raise follow.otherwise.error from error
        self._target.forget()
        self._router.reset()

    def _remember(self, notes: Sequence[Note]) -> None:
        """In a transaction of its own, with the checkpoint where it stands."""
        if not notes:
            return
        position = self._pending.position or self.position
        checkpoint = self._next_checkpoint((), position, None, Mapped())
        self._target.begin(checkpoint)
        self._target.remember(checkpoint.pipeline, notes)
        self._commit(checkpoint, position)

    def _reread(self, table: Table, key: Mapping[str, Value]) -> Row | None:
        """Both a batch that is being mapped and the one that is being applied may ask."""
        with self._rereading:
            return self._source.reread(table, key)

    def apply(self, prepared: Prepared) -> None:
        """Apply a batch with its checkpoint. Batches come in the order of the log."""
        batch, mapped = prepared.batch, prepared.mapped
        if self._entrance.watches:
            self._entrance.note(mapped.segments)
        last = batch[-1]
        self._go_on_to(last.position)
        if self._open is None and last.last and not (mapped.segments or mapped.rejected or mapped.notes):
            self._pass_over(batch)
        elif batch[0].first and last.last:
            assert self._open is None, "a large transaction's parts follow each other"
            assert all(one.first and one.last for one in batch), "a batch holds whole transactions"
            self._apply_whole(prepared)
        else:
            assert len(batch) == 1, "a part is applied by itself"
            self._apply_part(batch[0], prepared)

    def enter(self) -> None:
        """Between transactions: write the entries that are due, each with the checkpoint in one target transaction.

        An entry that cannot be mapped is told so; what the target's connection does ends the session, and the entry
        waits for the next one.
        """
        while self._open is None and (due := self._entrance.due(self.seen)) is not None:
            entry, future = due
            try:
                mapped, passed_over = self._mapped(entry)
            except Retryable:
                raise
            except AgentError as error:
                self._entrance.done(future, error)
                continue
            self._entrance.done(future, self._enter(mapped, passed_over))
        if self._entrance.asks():
            self._source.current_position()

    def idle(self) -> None:
        """Called when the queue is empty, and at least once a second under load: overdue positions are written."""
        now = self._clock()
        self._acknowledgements.look()
        if self._open is None and self._advance_due(now):
            self.advance()
        elif now - self._last_contact > GENERATION_CHECK_SECONDS and self._open is None:
            self._check_generation(now)

    def advance(self) -> None:
        """Write the pending position as a checkpoint of its own, if there is one that matters."""
        if self._pending.position is None or self._open is not None:
            return
        checkpoint = self._next_checkpoint((), self._pending.position, None, Mapped())
        self._target.begin(checkpoint)
        self._commit(checkpoint, self._pending.position)

    def finish(self) -> None:
        """Before a clean stop: write what an echo or an unrouted transaction left pending."""
        if self._pending.substantive:
            self.advance()

    def abandon(self) -> None:
        """Roll back what is open."""
        self._open = None
        self._target.rollback()

    # --- row-less transactions

    def _pass_over(self, transactions: Sequence[Transaction]) -> None:
        pending = self._pending
        for transaction in transactions:
            if not pending.substantive and transaction.substantive:
                pending.substantive, pending.since = True, self._clock()
        pending.echoes += _echoes(transactions)
        assert transactions[-1].position is not None
        self.seen = pending.position = transactions[-1].position

    def _advance_due(self, now: float) -> bool:
        pending = self._pending
        if pending.position is None:
            return False
        if pending.substantive:
            return now - pending.since >= ADVANCE_SECONDS
        log = pending.position.since(self.position)
        return log is None or log >= ADVANCE_BYTES

    # --- batches

    def _go_on_to(self, position: Position | None) -> None:
        if position is not None:
            assert self._read is None or position.reached(self._read), "positions never go back"
            self._read = position

    def _apply_whole(self, prepared: Prepared) -> None:
        batch = prepared.batch
        last = batch[-1]
        assert last.position is not None
        with_rows = [transaction for transaction in batch if transaction.pieces]
        path, commit_time = with_rows[0].path, with_rows[-1].commit_time
        checkpoint = self._next_checkpoint(path, last.position, commit_time, prepared.mapped, _echoes(batch))
        self._write(checkpoint, last.position, prepared)

    def _write(self, checkpoint: Checkpoint, position: Position, prepared: Prepared) -> list[Refusal]:
        """One target transaction; returns what was put into quarantine in it."""
        mapped, completion = prepared.mapped, prepared.completion
        refused: list[RefusedWrite] = []
        self._target.begin(checkpoint)
        try:
            self._target.apply(prepared.steps, completion)
        except RowRefused:
            self._target.rollback()
            self._target.begin(checkpoint)
            refused = self._apply_carefully(mapped.segments, completion)
        if mapped.notes:
            self._target.remember(checkpoint.pipeline, mapped.notes)
        parked: list[Refusal] = [*mapped.rejected, *completion.rejected(), *refused]
        if parked:
            self._park(parked)
            checkpoint = replace(checkpoint, quarantined=checkpoint.quarantined + len(parked))
            self._target.finish(checkpoint)
        self._storm.count(mapped.changes, len(parked))
        self._commit(checkpoint, position)
        return parked

    def _apply_part(self, part: Transaction, prepared: Prepared) -> None:
        mapped, steps, completion = prepared.mapped, prepared.steps, prepared.completion
        if self._open is None:
            self._open = _Open()
            self._target.begin(self._next_checkpoint(part.path, self.position, None, Mapped(transactions=1)))
        self._open.changes += mapped.changes
        refused: list[RefusedWrite] = []
        if steps and self._target.attempt(steps, completion) is not None:
            refused = self._apply_carefully(mapped.segments, completion)
        parked: list[Refusal] = [*mapped.rejected, *completion.rejected(), *refused]
        self._open.refused += len(parked)
        if mapped.notes:
            self._target.remember(self.checkpoint.pipeline, mapped.notes)
        if parked:
            self._park(parked)
        self._storm.count(mapped.changes, len(parked))
        if part.last:
            self._finish_parts(part)

    def _finish_parts(self, part: Transaction) -> None:
        assert self._open is not None
        assert part.position is not None
        counts = Mapped(transactions=1 if self._open.changes else 0, changes=self._open.changes)
        checkpoint = self._next_checkpoint(part.path, part.position, part.commit_time, counts)
        checkpoint = replace(checkpoint, quarantined=checkpoint.quarantined + self._open.refused)
        self._target.finish(checkpoint)
        self._open = None
        self._commit(checkpoint, part.position)

    def _park(self, refusals: Sequence[Refusal]) -> None:
        """Put into quarantine, inside the open transaction."""
        pipeline = self.checkpoint.pipeline
        self._target.quarantine(pipeline, [Quarantined.of(refusal) for refusal in refusals])
        for refusal in refusals:
            log.warning(
                "row_quarantined",
                pipeline=pipeline,
                source=refusal.source,
                table=refusal.target,
                column=refusal.column,
                code=refusal.code,
                reason=refusal.reason,
            )

    def _commit(self, checkpoint: Checkpoint, position: Position) -> None:
        assert checkpoint.generation == self._generation, "the generation that commits is the one that was claimed"
        now = self._clock()
        history = now - self._last_history >= HISTORY_SECONDS
        self._target.commit(checkpoint if history else None)
        if history:
            self._last_history = now
        self._last_contact = now
        self.checkpoint = checkpoint
        self.position = self.seen = position
        self._pending = _Pending()
        self._acknowledgements.committed(position)

    def _next_checkpoint(
        self, path: tuple[str, ...], position: Position, commit_time: float | None, mapped: Mapped, echoes: int = 0
    ) -> Checkpoint:
        before = self.checkpoint
        return replace(
            before,
            path=echo.extend(path, self._source_name),
            position=str(position),
            source_commit_time=before.source_commit_time if commit_time is None else commit_time,
            transactions=before.transactions + mapped.transactions,
            changes=before.changes + mapped.changes,
            echoes=before.echoes + self._pending.echoes + echoes,
        )

    def _check_generation(self, now: float) -> None:
        """An agent that has nothing to apply learns here that another one took over."""
        found = self._target.checkpoint(self.checkpoint.pipeline)
        self._last_contact = now
        if found is None or found.generation != self.checkpoint.generation:
            holder = Holder(found.generation, found.host) if found is not None else None
            raise taken_over(self.checkpoint.pipeline, self.checkpoint.generation, holder)

    # --- rows that do not come from the log

    def _mapped(self, entry: Entry) -> tuple[Mapped, int]:
        """What an entry writes, and how many of its rows the stream has written itself."""
        mapped = self._router.map_apart(entry.table, entry.changes, Provenance(position=entry.behind))
        watch = entry.watch
        if watch is None:
            return mapped, 0
        watch.require_current()
        before = _rows(mapped)
        mapped.segments = [_without(writes, watch) for writes in mapped.segments if isinstance(writes, Writes)]
        return mapped, before - _rows(mapped)

    def _enter(self, mapped: Mapped, passed_over: int) -> Entered:
        """The marker counts a transaction, since one that did not move would pass for a person's."""
        if not _rows(mapped) and not mapped.rejected:
            return Entered(0, passed_over, (), self.position)
        checkpoint = self._next_checkpoint((), self.seen, None, mapped)
        prepared = Prepared((), mapped, batching.steps(mapped.segments), Completion((), self._reread))
        refused = self._write(checkpoint, self.seen, prepared)
        written = _rows(mapped) + len(mapped.rejected) - len(refused)
        return Entered(written, passed_over, tuple(refused), self.position)

    # --- refused rows

    def _apply_carefully(self, segments: Sequence[Segment], completion: Completion) -> list[RefusedWrite]:
        """Apply in the source's order, halving what is refused until single rows are left; return those."""
        refused: list[RefusedWrite] = []
        for segment in batching.runs(segments):
            if isinstance(segment, Clear):
                self._target.apply([segment], completion)
            else:
                self._bisect(segment, completion, refused)
        return refused

    def _bisect(self, writes: Writes, completion: Completion, refused: list[RefusedWrite]) -> None:
        size = len(writes.rows)
        error = self._target.attempt(batching.steps([writes], in_order=size <= ORDERED_ROWS), completion)
        if error is None:
            return
        if size == 1:
            refused.append(RefusedWrite.of(writes, error))
            return
        self._bisect(writes.part(0, size // 2), completion, refused)
        self._bisect(writes.part(size // 2, size), completion, refused)


def batches(transactions: Sequence[Transaction]) -> Iterator[list[Transaction]]:
    """Neighbours that may share one target transaction: those with rows came along one path; parts are alone.

    Transactions without rows join whatever they stand among, so that echoes between local ones cost no commit.
    """
    batch: list[Transaction] = []
    path: tuple[str, ...] | None = None
    for transaction in transactions:
        whole = transaction.first and transaction.last
        if batch and (not whole or (transaction.pieces and path is not None and transaction.path != path)):
            yield batch
            batch, path = [], None
        if not whole:
            yield [transaction]
            continue
        if transaction.pieces:
            path = transaction.path
        batch.append(transaction)
    if batch:
        yield batch


def _rows(mapped: Mapped) -> int:
    return sum(len(segment.rows) for segment in mapped.segments if isinstance(segment, Writes))


def _without(writes: Writes, watch: Watch) -> Writes:
    """The rows that the stream has not written."""
    target = writes.binding.table.full_name
    return replace(writes, rows=[write for write in writes.rows if not watch.covers(target, write[1])])


def _echoes(transactions: Sequence[Transaction]) -> int:
    return sum(transaction.echo and transaction.substantive for transaction in transactions)
