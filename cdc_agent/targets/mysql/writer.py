"""Steps become statements: the part of the MySQL target that writes rows.

In: `Step`s, inside an open transaction. Out: the rows on the server, or RowRefused. Many rows that the source has just
inserted are loaded straight into the table where that is safe (`straight`). Never commits, never uses REPLACE
(it deletes), and uses ON DUPLICATE KEY UPDATE only where the table has no unique key but the route's: elsewhere it
would overwrite another row, so there the row is looked up by its key, updated or inserted, and a clash is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final, assert_never

from cdc_agent.engines.mysql.identifiers import quote_name
from cdc_agent.model.steps import Cascade, Clear, Ordered, Removes, Step, Updates, Upserts
from cdc_agent.model.tables import parents_first
from cdc_agent.model.values import UNSENT, Kind, Row, Type, Value
from cdc_agent.model.writes import CHANGE, REMOVE, UPSERT, Binding, Write
from cdc_agent.targets.base import Missing
from cdc_agent.targets.cascades import expand
from cdc_agent.targets.mysql.staging import Staging
from cdc_agent.targets.mysql.statements import Statements
from cdc_agent.targets.mysql.straight import Straight
from cdc_agent.targets.mysql.wire import Wire

LOAD_FROM: Final = 1000
"""Rows from which a staging table is faster than multi-row statements (measured on MariaDB 10.11 and MySQL 9.7)."""
STRAIGHT_FROM: Final = 500
"""Rows from which to load them straight into the table is faster than multi-row statements."""
ONE_BY_ONE: Final = 8
"""Rows up to which a statement for each costs no more than a staging table's three."""


class Writer:
    """Writes steps through one session."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.staging = Staging(wire)
        self._straight = Straight(wire)
        self._statements: dict[Binding, Statements] = {}

    def forget(self) -> None:
        """Forget what was made for bindings that may be outdated."""
        self._statements.clear()
        self._straight.forget()
        self.staging.drop()

    def write(self, step: Step, missing: Missing) -> None:
        """Write one step. Raises RowRefused when a row is refused, by the server or because it cannot be rendered."""
        match step:
            case Upserts():
                to = self._of(step.binding)
                if not (step.fresh and len(step.rows) >= STRAIGHT_FROM and self._straight.load(to, step.rows)):
                    self._upsert(to, step.rows)
            case Updates():
                self._update(self._of(step.binding), step, missing)
            case Removes():
                self._remove(self._of(step.binding), step.keys)
            case Ordered():
                self._in_order(self._of(step.binding), step.writes, missing)
            case Clear():
                self._clear(step)
            case Cascade():
                for one in expand(step, self._read):
                    self.write(one, missing)
            case _:
                assert_never(step)

    def _of(self, binding: Binding) -> Statements:
        found = self._statements.get(binding)
        if found is None:
            found = self._statements[binding] = Statements(binding, self._wire.server)
        return found

    # --- sets ---

    def _upsert(self, to: Statements, rows: Sequence[Row]) -> None:
        everything = range(len(to.names))
        if to.one_key and (len(rows) < LOAD_FROM or not self._wire.can_load):
            self._insert(to, rows, to.upsert_tail)
        elif to.one_key:
            self._wire.run(to.merge(self.staging.fill(to, everything, rows)), _writing(to))
        elif len(rows) <= ONE_BY_ONE:
            for row in rows:
                self._upsert_one(to, row)
        else:
            stage = self.staging.fill(to, everything, rows)
            if update := to.update_matching(stage, everything):
                self._wire.run(update, _writing(to))
            self._wire.run(to.insert_missing(stage), _writing(to))

    def _update(self, to: Statements, step: Updates, missing: Missing) -> None:
        picks = [step.columns.index(i) for i in to.binding.key]
        keys = [tuple([row[i] for i in picks]) for row in step.rows]
        if len(keys) <= ONE_BY_ONE:
            absent = [
                key
                for row, key in zip(step.rows, keys, strict=True)
                if not self._update_one(to, step.columns, row, key)
            ]
        else:
            absent = self._update_staged(to, step, keys)
        found = [full for key in absent if (full := missing(to.binding, key)) is not None]
        if found:
            self._upsert(to, found)

    def _update_staged(self, to: Statements, step: Updates, keys: Sequence[Row]) -> list[Row]:
        """Update the rows that exist; returns the keys of those that do not."""
        stage, number = self.staging.fill_numbered(to, step.columns, step.rows)
        update = to.update_matching(stage, step.columns)
        if update is not None and self._wire.run(update, _writing(to)) == len(keys):
            return []
        return [keys[int(index) - 1] for (index,) in self._wire.rows(to.missing(stage, number), _writing(to))]

    def _remove(self, to: Statements, keys: Sequence[Row]) -> None:
        if len(keys) >= LOAD_FROM or (to.loose and len(keys) > ONE_BY_ONE):
            self._wire.run(to.delete_matching(self.staging.fill(to, to.binding.key, keys)), _writing(to))
        elif to.key_never_null and not to.loose:
            self._wire.run_chunks(to.delete_many_head, to.keys(keys), b")", _writing(to))
        else:
            for key in keys:
                self._wire.run(to.delete_one(key), _writing(to))

    # --- one by one ---

    def _in_order(self, to: Statements, writes: Sequence[Write], missing: Missing) -> None:
        for operation, run in groupby(writes, key=lambda write: write[0]):
            if operation == UPSERT:
                self._upsert_in_order(to, [row for _, _, row in run if row is not None])
                continue
            for _, key, row in run:
                if operation == CHANGE:
                    assert row is not None
                    self._change(to, key, row, missing)
                else:
                    assert operation == REMOVE
                    self._wire.run(to.delete_one(key), _writing(to))

    def _upsert_in_order(self, to: Statements, rows: Sequence[Row]) -> None:
        """A multi-row insert works its rows off in order, so that even one key twice comes out right."""
        if to.binding.keyless and len(rows) >= LOAD_FROM:
            stage = self.staging.fill(to, range(len(to.names)), rows)
            self._wire.run(to.insert_all(stage), _writing(to))
        elif to.binding.keyless:
            self._insert(to, rows, b"")
        elif to.one_key and not (to.loose and len(rows) == 1):
            self._insert(to, rows, to.upsert_tail)
        else:
            for row in rows:
                self._upsert_one(to, row)

    def _upsert_one(self, to: Statements, row: Row) -> None:
        key = tuple([row[i] for i in to.binding.key])
        if to.binding.keyless or not self._update_one(to, range(len(row)), row, key):
            self._insert(to, [row], to.upsert_tail if to.one_key and not to.loose else b"")

    def _change(self, to: Statements, key: Row, row: Row, missing: Missing) -> None:
        columns = [i for i, value in enumerate(row) if value is not UNSENT]
        if self._update_one(to, columns, [row[i] for i in columns], key):
            return
        full: Row | None = row
        if len(columns) < len(row):
            full = missing(to.binding, tuple(_moved(to.binding, key, row)))
        if full is not None and not (to.binding.keyless and to.binding.table.acted_on and self._is_there(to, full)):
            self._upsert_in_order(to, [full])

    def _is_there(self, to: Statements, row: Row) -> bool:
        """Whether a row equals this one: of a table without a key, what a foreign key has made of the old row."""
        return bool(self._wire.rows(to.exists(row), _writing(to))[0][0])

    def _update_one(self, to: Statements, columns: Sequence[int], row: Sequence[object], key: Row) -> bool:
        """Update one row by its key; False when the target has none."""
        statement = to.update_one(columns, row, key)
        if statement is not None:
            return self._wire.run(statement, _writing(to)) > 0
        return self._is_there(to, key)

    def _insert(self, to: Statements, rows: Sequence[Row], tail: bytes) -> None:
        self._wire.run_chunks(to.insert_head, to.tuples(rows), tail, _writing(to))

    # --- cascades ---

    def _read(self, binding: Binding, keys: Sequence[Row], columns: tuple[str, ...]) -> list[Row]:
        """What the rows under these keys hold in `columns`."""
        to = self._of(binding)
        types = [column.type for name in columns for column in binding.table.columns if column.name == name]
        found: list[Row] = []
        for key in keys:
            rows = self._wire.rows(to.children(columns, types, key), f"reading {to.label}")
            found += [tuple([_text(value, type_) for value, type_ in zip(row, types, strict=True)]) for row in rows]
        return found

    # --- truncate ---

    def _clear(self, step: Clear) -> None:
        """DELETE, since MySQL's TRUNCATE commits: the checkpoint would no longer stand and fall with it.

        For the same reason AUTO_INCREMENT is not reset (ALTER TABLE commits), whatever `restart_identity` says.
        """
        for table in reversed(parents_first(step.tables)):
            name = quote_name(table.schema, table.name)
            self._wire.run(f"DELETE FROM {name}", f"clearing {table.schema}.{table.name}")


def _text(value: object, type_: Type) -> Value:
    if value is None:
        return None
    text = value if isinstance(value, bytes) else str(value).encode()
    return b"\\x" + text.lower() if type_.kind is Kind.BYTES else text


def _writing(to: Statements) -> str:
    return f"writing to {to.label}"


def _moved(binding: Binding, key: Row, row: Row) -> Iterator[Value]:
    """The key after a change: what was not sent has not moved."""
    for i, before in zip(binding.key, key, strict=True):
        yield before if row[i] is UNSENT else row[i]
