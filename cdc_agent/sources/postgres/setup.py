"""What a pipeline needs in its PostgreSQL source before it can run, and its removal.

The order matters. The publication comes before the slot: pgoutput looks it up as it was at the place of the log that
it reads. A slot that this created and that no checkpoint got to know is dropped by whoever called, so that it never
pins the log as an orphan; if that process dies too, the next `prepare` finds the slot unused and takes it.
"""

from __future__ import annotations

from collections.abc import Sequence

from cdc_agent.config.model import Database
from cdc_agent.engines.postgres.connection import connect
from cdc_agent.errors import SourceUnavailable
from cdc_agent.failpoints import around
from cdc_agent.model.changes import TableName
from cdc_agent.sources.postgres import publication as publications
from cdc_agent.sources.postgres import slot as slots


def publish(database: Database, publication: str, tables: Sequence[TableName], slot: str = "") -> bool:
    """Make the publication cover the tables; True when it was created. `slot` is one that reads it already.

    Raises PrivilegeMissing with the SQL for a person to run, LogUnusable, SourceUnavailable.
    """
    with connect(database, purpose="setup", unavailable=SourceUnavailable) as connection:
        return publications.ensure(connection, publication, tables, slot)


def prepare(database: Database, *, slot: str, publication: str, tables: Sequence[TableName]) -> slots.Slot:
    """Publication and slot of a pipeline that has no checkpoint yet. Raises as `publish` and `slot.ensure`."""
    slots.require_logical(database)
    with around("setup.publication"):
        created = publish(database, publication, tables)
    with around("setup.slot"):
        return slots.ensure(database, slot, fresh=created)


def remove(database: Database, *, slot: str, publication: str) -> tuple[bool, bool]:
    """Drop both; which of (slot, publication) were there. Raises SlotInUse while the slot is read."""
    slot_dropped = slots.drop(database, slot)
    with connect(database, purpose="teardown", unavailable=SourceUnavailable) as connection:
        return slot_dropped, publications.drop(connection, publication)
