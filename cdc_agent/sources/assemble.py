"""The step between decoding and the queue: messages of one transaction become `Transaction` parts.

In: what a source's reader meets, in log order. Out, through `emit`: whole transactions, or parts of large ones as
soon as they reach `part_bytes`, so that memory stays bounded. Echoes are dropped here: from the moment that the
marker shows the target on the path, the rows of the transaction are not kept.

It never decodes a business row and never does I/O.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from cdc_agent.model import echo
from cdc_agent.model.changes import Piece, Rows, Table, TableEvent, TableName, Transaction, Truncate
from cdc_agent.model.positions import Position
from cdc_agent.model.values import Value

PART_BYTES: Final = 1024 * 1024

Report = Callable[[str, TableName], None]
"""(event, table): called for what a person should know of, such as a foreign write to a cdc_agent table."""


class Savepoint(NamedTuple):
    """A place inside the transaction that is being assembled."""

    parts: int
    pieces: int
    messages: int
    size: int


class Assembler:
    """One for each pipeline, used by the reader thread alone. The hot paths are `rows` and `whole`."""

    def __init__(
        self,
        emit: Callable[[Transaction], None],
        *,
        target: str,
        report: Report,
        part_bytes: int = PART_BYTES,
    ) -> None:
        self._emit = emit
        self._target = target
        self._report = report
        self._part_bytes = part_bytes
        self.dropping = False
        """True inside an echo: its row messages need not be looked at."""
        self._last_marks: dict[str, Value] = {}
        self._reset()

    def _reset(self) -> None:
        self._pieces: list[Piece] = []
        self._current: Rows | None = None
        self._size = 0
        self._parts = 0
        self._path: tuple[str, ...] = ()
        self._first = True
        self._marked = False
        self.dropping = False
        self._substantive = False
        self._foreign: TableName | None = None

    def begin(self) -> None:
        """A transaction starts. Whatever was pending without a commit is forgotten (an aborted XA branch)."""
        self._reset()

    def rows(self, table: Table, message: bytes) -> None:
        """A row message of a wanted table."""
        if self.dropping:
            self._substantive = True
            return
        current = self._current
        if current is None or current.table is not table:
            current = self._current = Rows(table, [])
            self._pieces.append(current)
        current.messages.append(message)
        self._size += len(message)
        if self._size >= self._part_bytes:
            self._hand_over_part()

    def truncate(self, truncate: Truncate) -> None:
        self._current = None
        self._substantive = True
        if not self.dropping:
            self._pieces.append(truncate)

    def happened(self, event: TableEvent) -> None:
        """Something happened to a wanted table."""
        self._current = None
        self._substantive = True
        if not self.dropping:
            self._pieces.append(event)

    def skipped(self) -> None:
        """A change of a table that no route takes."""
        self._substantive = True

    def message(self, content: bytes) -> None:
        """A transactional logical message of an agent on PostgreSQL: the path as text.

        Only the first thing in a transaction can be one; anything else was written by a person and is reported.
        """
        try:
            path = echo.read_path(content.decode())
        except ValueError:
            path = None
        if path is None or self._pieces or not self._first:
            self._foreign = echo.CHECKPOINT
        else:
            self._mark(path)

    def own(self, table: Table, message: bytes) -> None:
        """A row message of a table in the source's own cdc_agent schema."""
        if table.full_name != echo.CHECKPOINT:
            if not self._marked:
                self._foreign = table.full_name
            return
        for _, _, row in table.decode([message]):
            named = {c.name: v for c, v in zip(table.columns, row or (), strict=False)}
            marker, digest = echo.read_marker(named), named.get("mark")
            first = not self._pieces and self._first
            if marker is not None and first and digest != self._last_marks.get(marker.pipeline):
                self._last_marks[marker.pipeline] = digest
                self._mark(marker.path)
            elif not self._marked:
                self._foreign = table.full_name

    def savepoint(self) -> Savepoint:
        """Where the transaction is now, for `rollback_to`."""
        messages = 0 if self._current is None else len(self._current.messages)
        return Savepoint(self._parts, len(self._pieces), messages, self._size)

    def rollback_to(self, savepoint: Savepoint) -> bool:
        """Forget what came after a savepoint; False when a part with some of it was handed over already."""
        if savepoint.parts != self._parts:
            return False
        del self._pieces[savepoint.pieces :]
        last = self._pieces[-1] if self._pieces else None
        self._current = last if isinstance(last, Rows) and savepoint.messages else None
        if self._current is not None:
            del self._current.messages[savepoint.messages :]
        self._size = savepoint.size
        return True

    def _mark(self, path: tuple[str, ...]) -> None:
        self._marked = True
        self._path = path
        self.dropping = echo.returns(path, self._target)

    def commit(self, position: Position, commit_time: float | None) -> None:
        """The transaction ends at `position`: hand over what is left of it."""
        if self._foreign is not None and not self._marked and (self._substantive or self._pieces):
            self._report("foreign_checkpoint_write", self._foreign)
        substantive = self._substantive or bool(self._pieces) or not self._first
        self._emit(
            Transaction(
                self._pieces,
                self._size,
                self._path,
                self._first,
                True,  # last; by place, since a busy log makes a million of them
                position,
                commit_time,
                self.dropping,
                False,
                substantive,
            )
        )
        self._reset()

    def whole(self, table: Table | None, message: bytes, position: Position, commit_time: float | None) -> None:
        """A local transaction of one row message, begun and committed; None for a table that no route takes."""
        pieces: list[Piece] = [] if table is None else [Rows(table, [message])]
        self._emit(Transaction(pieces, len(message), (), True, True, position, commit_time))

    def idle(self, position: Position) -> None:
        """The log was read up to `position`, between transactions, and held nothing."""
        self._emit(Transaction([], 0, (), position=position, idle=True, substantive=False))

    def _hand_over_part(self) -> None:
        self._emit(Transaction(self._pieces, self._size, self._path, first=self._first, last=False, position=None))
        self._pieces, self._current, self._size, self._first = [], None, 0, False
        self._parts += 1
