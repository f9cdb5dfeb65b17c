"""What did not become a row on the target, with its reason: changes that the mapping rejected, writes that the target
refused, and the form in which both wait in `cdc_agent.quarantine`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from cdc_agent.errors import AgentError
from cdc_agent.model.changes import DELETE, INSERT, UPDATE, Change, Table
from cdc_agent.model.values import UNSENT, Row
from cdc_agent.model.writes import REMOVE, UPSERT, Binding, Provenance, Rejection, Writes

Image: TypeAlias = "Mapping[str, str | None]"
"""A row or a key: column → canonical text, or None for NULL; a column that was not sent is absent."""
OPERATIONS: Final = {INSERT: "insert", UPDATE: "update", DELETE: "delete"}


@dataclass(frozen=True, slots=True)
class RejectedChange:
    """A source change that the mapping could not make a write of. Images and keys are the source row's."""

    source: str
    """The source table, ``schema.table``."""
    target: str
    operation: str
    """insert, update or delete"""
    old: Image | None
    new: Image | None
    old_key: Image | None
    """None for an insert, and where the table has no key."""
    new_key: Image | None
    """None for a delete, and where the table has no key."""
    column: str | None
    """The target column that did not take its value."""
    reason: str
    """Without any value."""
    code: str
    provenance: Provenance

    @classmethod
    def of(cls, table: Table, binding: Binding, rejection: Rejection, provenance: Provenance) -> RejectedChange:
        """What the mapping of `table` said of one change."""
        operation, old, new = rejection.change
        names = [column.name for column in table.columns]
        old_key, new_key = _source_keys(table, rejection.change)
        return cls(
            source=".".join(table.full_name),
            target=".".join(binding.table.full_name),
            operation=OPERATIONS[operation],
            old=image(names, old),
            new=image(names, new),
            old_key=old_key,
            new_key=new_key,
            column=rejection.column,
            reason=rejection.reason,
            code=rejection.code,
            provenance=provenance,
        )


@dataclass(frozen=True, slots=True)
class RefusedWrite:
    """A write that the target's server did not take. Images and keys are the target row's."""

    source: str
    target: str
    operation: str
    """insert, update or delete, as on the source"""
    old: Image | None
    """The mapped before-image, where the route asks for it."""
    new: Image | None
    old_key: Image | None
    """None for an insert."""
    new_key: Image | None
    """None for a delete."""
    reason: str
    code: str
    provenance: Provenance
    column: None = None

    @classmethod
    def of(cls, writes: Writes, error: AgentError) -> RefusedWrite:
        """What the target said of the one row of `writes`."""
        ((operation, key, row),) = writes.rows
        binding = writes.binding
        names = [column.name for column in binding.columns]
        key_names = [names[place] for place in binding.key]
        before = writes.before[0] if writes.before is not None else None
        return cls(
            source=".".join(binding.source),
            target=".".join(binding.table.full_name),
            operation={UPSERT: "insert", REMOVE: "delete"}.get(operation, "update"),
            old=image(names, before),
            new=image(names, row),
            old_key=None if operation == UPSERT else image(key_names, key),
            new_key=None if row is None else image(key_names, _filled(binding.key, key, row)),
            reason=error.message,
            code=error.code,
            provenance=writes.provenance(0),
        )


Refusal: TypeAlias = "RejectedChange | RefusedWrite"


def image(names: Sequence[str], row: Row | None) -> Image | None:
    """A row as text by its columns' names; a value that is no UTF-8 is escaped."""
    if row is None:
        return None
    return {
        name: None if value is None else value.decode("utf-8", "backslashreplace")
        for name, value in zip(names, row, strict=True)
        if value is not UNSENT
    }


def _source_keys(table: Table, change: Change) -> tuple[Image | None, Image | None]:
    """The row's key before and after; what an update did not send of either is as in the other."""
    _, old, new = change
    names = [table.columns[place].name for place in table.key]
    before = None if old is None else tuple([old[place] for place in table.key])
    if not names or new is None:
        return image(names, before) if names else None, None
    after = _filled(table.key, before or tuple([new[place] for place in table.key]), new)
    if change[0] == INSERT:
        return None, image(names, after)
    return image(names, before if before is not None else after), image(names, after)


def _filled(places: Sequence[int], key: Row, row: Row) -> Row:
    """The key of `row`, what was not sent of it taken from `key`."""
    return tuple([old if row[place] is UNSENT else row[place] for place, old in zip(places, key, strict=True)])


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One row for `cdc_agent.quarantine`. Images and keys are JSON objects: column → canonical text or null."""

    source_table: str
    target_table: str
    operation: str
    old_row: str | None
    new_row: str | None
    old_key: str | None
    new_key: str | None
    column: str | None
    reason: str
    code: str
    position: str
    """Where its transaction ends; empty for a part of a large one, which comes before that is known."""
    source_commit_time: float | None

    @property
    def row(self) -> str:
        """The newest that is known of the row."""
        return self.new_row or self.old_row or self.old_key or "{}"

    @classmethod
    def of(cls, refusal: Refusal) -> Quarantined:
        """How a refusal is kept."""
        provenance = refusal.provenance
        return cls(
            source_table=refusal.source,
            target_table=refusal.target,
            operation=refusal.operation,
            old_row=_json(refusal.old),
            new_row=_json(refusal.new),
            old_key=_json(refusal.old_key),
            new_key=_json(refusal.new_key),
            column=refusal.column,
            reason=refusal.reason,
            code=refusal.code,
            position="" if provenance.position is None else str(provenance.position),
            source_commit_time=provenance.commit_time,
        )


def _json(image: Image | None) -> str | None:
    return None if image is None else json.dumps(image, ensure_ascii=False)
