"""The mapping of one change, step by step: what the generated function of `program` must do, and its slow path.

Rows that the generated function does not handle come here: those with unsent columns, those with a value that the
target cannot hold. A property test compares the two on all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cdc_agent.config.model import Misfit
from cdc_agent.conversions.convert import MisfitError
from cdc_agent.errors import LogUnusable, ValueRefused
from cdc_agent.mapping.binding import Bound, Pick
from cdc_agent.model.changes import DELETE, INSERT, Change
from cdc_agent.model.values import UNSENT, Row, Value
from cdc_agent.model.writes import CHANGE, REMOVE, UPSERT, Rejection, Write

UNSENT_CODE: Final = "unsent"
"""The rejection of a change that needs a column which the log did not send: read the row again, and map it again."""


class _RejectedError(Exception):
    def __init__(self, column: str | None, reason: str, code: str) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason
        self.code = code


class Mapper:
    """Maps changes one by one.

    Once the filter could not be asked of what the log sent, rows are let in or kept out by what they are *now*: a row
    may be on the target before its change says so. From then on what the log shows outside is removed, not passed over.
    """

    def __init__(self, bound: Bound) -> None:
        self._bound = bound
        self._picks = bound.picks
        self._key = bound.binding.key
        self._filter = bound.filter
        self._unsure = False
        reads = {index for pick in bound.picks for index in pick.reads}
        self._derived = [index for index in sorted(reads) if bound.source.columns[index].derived]

    def map(self, changes: Sequence[Change], rejections: list[Rejection]) -> list[Write]:
        writes: list[Write] = []
        for change in changes:
            self.one(change, rejections, writes)
        return writes

    def one(self, change: Change, rejections: list[Rejection], writes: list[Write]) -> None:
        """Append the change's write, its rejection, or nothing.

        Raises ValueRefused under the policy `stop`, LogUnusable when the log does not say which row changed.
        """
        try:
            write = self._write(*change)
        except _RejectedError as error:
            if self._bound.misfit is Misfit.STOP and error.code != UNSENT_CODE:
                raise ValueRefused(f"{self._source}: column {error.column}: {error.reason}") from error
            rejections.append(Rejection(change, error.column, error.reason, error.code))
        else:
            if write is not None:
                writes.append(write)

    def known(self, source: Row) -> Row:
        """The target row as far as `source` tells: UNSENT for what was not sent, and for what does not fit."""
        return tuple([self._known(place, pick, source) for place, pick in enumerate(self._picks)])

    def before(self, changes: Sequence[Change]) -> list[Row | None]:
        """The before-image of each change; None where the log did not send an old row."""
        return [None if old is None else self.known(old) for _, old, _ in changes]

    @property
    def _source(self) -> str:
        return ".".join(self._bound.source.full_name)

    def _write(self, operation: int, old: Row | None, new: Row | None) -> Write | None:
        if operation == DELETE:
            assert old is not None
            return None if self._stayed_out(old) else (REMOVE, self._old_key(old), None)
        assert new is not None
        if operation == INSERT:
            return self._insert(new) if self._inside(new) else None
        return self._update(old, new)

    def _insert(self, new: Row) -> Write:
        row = self._row(new)
        if UNSENT in row:
            raise _RejectedError(self._unsent_column(row), "the log did not send it", UNSENT_CODE)
        return UPSERT, self._key_of(row), row

    def _update(self, old: Row | None, new: Row) -> Write | None:
        if old is not None:
            new = tuple([before if now is UNSENT else now for before, now in zip(old, new, strict=True)])
        if not self._inside(new):
            out = old is not None and self._stayed_out(old)
            return None if out else (REMOVE, self._old_key(new if old is None else old), None)
        if old is not None and self._inside(old, known_only=True) is False:
            return self._insert(new)
        key, row = self._old_key(new if old is None else old), self._row(new)
        if UNSENT in row and self._moves(key, row):
            raise _RejectedError(self._unsent_column(row), "the log did not send it of a row that moves", UNSENT_CODE)
        return CHANGE, key, row

    def _moves(self, key: Row, row: Row) -> bool:
        """Whether a row with an identity gets another key.

        It must not take along what was not sent: under the old key the target may hold a later row, read again there.
        """
        pairs = zip(self._key, key, strict=True)
        return not self._bound.binding.keyless and any(row[i] is not UNSENT and row[i] != old for i, old in pairs)

    def _stayed_out(self, old: Row) -> bool:
        """Whether the filter did not take the old row, and so the target has none of it."""
        return self._inside(old, known_only=True) is False and not self._unsure

    def _inside(self, row: Row, *, known_only: bool = False) -> bool | None:
        """Whether the route's filter takes a row; with `known_only` None when an unsent column decides."""
        if self._filter is None:
            return True
        values = [row[i] for i in self._filter.reads]
        sent = [value for value in values if value is not UNSENT]
        if len(sent) < len(values):
            if known_only:
                return None
            self._unsure = True
            raise _RejectedError(None, "the filter reads a column that the log did not send", UNSENT_CODE)
        try:
            return self._filter.expression.truth(sent)
        except MisfitError as error:
            raise _RejectedError(None, f"filter: {error.reason}", error.code) from error

    def _row(self, source: Row) -> Row:
        for index in self._derived:
            if source[index] is UNSENT:
                name = self._bound.source.columns[index].name
                raise _RejectedError(name, "the log leaves out the generated column", UNSENT_CODE)
        return tuple([self._value(place, pick, source) for place, pick in enumerate(self._picks)])

    def _value(self, place: int, pick: Pick, source: Row) -> Value:
        """Under the policy `null` a misfit becomes NULL where the column may be NULL and is not part of the key."""
        try:
            return _picked(pick, source)
        except MisfitError as error:
            nullable = pick.target.nullable and place not in self._key
            if self._bound.misfit is Misfit.NULL and nullable:
                return None
            raise _RejectedError(pick.target.name, error.reason, error.code) from error

    def _known(self, place: int, pick: Pick, source: Row) -> Value:
        try:
            return self._value(place, pick, source)
        except _RejectedError:
            return UNSENT

    def _old_key(self, source: Row) -> Row:
        """The key that the target row has now; without it nothing can be found, not even by reading again."""
        key = tuple([self._value(i, self._picks[i], source) for i in self._key])
        if UNSENT in key:
            names = ", ".join(self._picks[i].target.name for i, v in zip(self._key, key, strict=True) if v is UNSENT)
            raise LogUnusable(
                f"the log of {self._source} did not send what identifies the target row: {names}",
                hint="set REPLICA IDENTITY FULL on the source table (MySQL: binlog_row_image = FULL)",
            )
        return key

    def _key_of(self, row: Row) -> Row:
        return tuple([row[i] for i in self._key])

    def _unsent_column(self, row: Row) -> str:
        return next(pick.target.name for pick, value in zip(self._picks, row, strict=True) if value is UNSENT)


def _picked(pick: Pick, source: Row) -> Value:
    """One target value; UNSENT when none of what it is made of was sent."""
    values = [source[i] for i in pick.reads]
    sent = [value for value in values if value is not UNSENT]
    if len(sent) < len(values):
        if not sent:
            return UNSENT
        raise _RejectedError(pick.target.name, "the log sent only some of the columns it is made of", UNSENT_CODE)
    value = sent[0] if pick.expression is None else pick.expression.evaluate(sent)
    return value if value is None or pick.convert is None else pick.convert(value)
