"""What tests of mapping, batching and applying share: source tables whose log is a list, and writes without a past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cdc_agent.model.changes import Change, Column, Identity, Rows, Table, Transaction
from cdc_agent.model.positions import Lsn
from cdc_agent.model.values import Type
from cdc_agent.model.writes import Binding, Provenance, Write, Writes, constant


def writes(binding: Binding, *rows: Write) -> Writes:
    """Rows of one transaction of which nothing is known."""
    return Writes(binding, rows, constant(Provenance()))


@dataclass
class Log:
    """Messages that hold any number of changes: message n says `said[n]`."""

    said: list[Sequence[Change]] = field(default_factory=list)

    def table(
        self, name: str, *columns: tuple[str, Type], key: Sequence[int] = (0,), identity: Identity = Identity.KEY
    ) -> Table:
        """A source table whose messages are in this log."""
        described = tuple(Column(column, type_) for column, type_ in columns)
        return Table("public", name, described, tuple(key), identity, self._decode)

    def rows(self, table: Table, *messages: Sequence[Change]) -> Rows:
        """Each argument is one message's changes."""
        start = len(self.said)
        self.said.extend(messages)
        return Rows(table, [b"%d" % number for number in range(start, len(self.said))])

    def _decode(self, messages: Sequence[bytes]) -> list[Change]:
        return [change for message in messages for change in self.said[int(message)]]


def transaction(at: int, *pieces: Rows, path: tuple[str, ...] = ()) -> Transaction:
    """A whole one that ends at this LSN, committed that many seconds after the epoch."""
    return Transaction(list(pieces), 10 * len(pieces), path, position=Lsn(at), commit_time=float(at))
