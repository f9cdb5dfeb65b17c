"""What tests of targets share: a target on a fresh database, bindings, and the rows that a table holds afterwards."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cdc_agent.config.model import Database as Settings
from cdc_agent.config.model import Engine
from cdc_agent.engines import registry
from cdc_agent.model.checkpoints import Checkpoint
from cdc_agent.model.refusals import Quarantined
from cdc_agent.model.steps import Step
from cdc_agent.model.values import Row
from cdc_agent.model.writes import Binding
from cdc_agent.store import tables, versions
from cdc_agent.targets.base import Target
from cdc_agent.targets.mysql import MysqlTarget
from cdc_agent.targets.postgres import PostgresTarget
from tests.support.memory.rig import MemoryServer, SqlMemory, memory_target
from tests.support.servers import Database, Server

# On MySQL the agent's tables are the server's, which a run may share with another.
PIPELINE = f"phone-to-crm-{os.getpid()}"

CHECKPOINT = Checkpoint(
    pipeline=PIPELINE,
    source="phone",
    path=("phone",),
    generation=1,
    position="lsn:0/1",
    source_identity="7123456789",
    source_commit_time=None,
    transactions=0,
    changes=0,
    echoes=0,
    quarantined=0,
    host="db-1:100",
)

ENTRY = Quarantined(
    source_table="public.contacts",
    target_table="crm.customers",
    operation="insert",
    old_row=None,
    new_row='{"id": "1"}',
    old_key=None,
    new_key='{"id": "1"}',
    column="name",
    reason="too long",
    code="TG004",
    position="lsn:0/2",
    source_commit_time=1700000000.25,
)


def nothing_missing(binding: Binding, key: Row) -> Row | None:
    """The `missing` of a test in which no row may be missing."""
    raise AssertionError(f"a row of {binding.table.full_name} was missing")


@dataclass
class Rig:
    """A target, the database that it writes to, and the checkpoint that the agent would hold."""

    database: Database | SqlMemory
    target: Target
    checkpoint: Checkpoint
    opened: list[Target] = field(default_factory=list)

    @property
    def postgres(self) -> bool:
        return self.database.server.is_postgres

    @property
    def schema(self) -> str:
        """Where the tests' tables live."""
        return "public" if self.postgres else self.database.name

    def settings(self, **more: Any) -> Settings:
        return Settings(url=self.database.url(), **more)

    def another(self, **options: Any) -> Target:
        """A second, connected target on the same database."""
        target = make_target(self.settings(), **options)
        target.connect()
        self.opened.append(target)
        return target

    def bind(self, table: str, columns: Sequence[str] = (), key: Sequence[str] | None = None) -> Binding:
        """A binding to a table: every column that can be written unless some are named; the primary key as the key."""
        found = self.target.describe(self.schema, table)
        assert found is not None
        chosen = tuple(c for c in found.columns if not c.generated and (not columns or c.name in columns))
        names = [c.name for c in chosen]
        key_names = found.primary_key if key is None else tuple(key)
        picks = tuple(names.index(name) for name in key_names) or tuple(range(len(names)))
        return Binding(found, chosen, picks, keyless=not key_names)

    def apply(self, *steps: Step, missing: Any = nothing_missing) -> None:
        """One whole apply transaction."""
        self.checkpoint = replace(self.checkpoint, transactions=self.checkpoint.transactions + 1)
        self.target.begin(self.checkpoint)
        self.target.apply(steps, missing)
        self.target.commit()

    def rows(self, table: str, columns: str = "*", order: str = "1") -> list[tuple[Any, ...]]:
        return self.database.run(f"SELECT {columns} FROM {table} ORDER BY {order}")


class MemoryRig(Rig):
    """The same in memory."""

    def another(self, **options: Any) -> Target:
        self.opened.append(memory_target(self.database))
        return self.opened[-1]


def make_target(settings: Settings, **options: Any) -> Target:
    kind = PostgresTarget if settings.engine is Engine.POSTGRES else MysqlTarget
    return kind(settings, name="crm", **options)


def open_memory_rig(*ddl: str) -> Rig:
    """`open_rig` in memory."""
    database = SqlMemory()
    for statement in ddl:
        database.run(statement)
    target = memory_target(database, CHECKPOINT)
    return MemoryRig(database, target, target.take_over(PIPELINE, "db-1:100"))


def open_rig(server: Server | MemoryServer, *ddl: str, **options: Any) -> Rig:
    """A fresh database with these tables and the agent's own, its pipeline taken over once."""
    if isinstance(server, MemoryServer):
        return open_memory_rig(*ddl)
    database = server.create_database("target")
    for statement in ddl:
        database.run(statement)
    settings = Settings(url=database.url())
    set_up(database)
    target = make_target(settings, **options)
    target.connect()
    return Rig(database, target, target.take_over(PIPELINE, "db-1:100"))


def set_up(database: Database, checkpoint: Checkpoint = CHECKPOINT) -> None:
    """The agent's own tables, with the first checkpoint of a pipeline."""
    make_store(database)
    for table in ("checkpoint", "checkpoint_history", "quarantine", "schema", "table_state"):
        database.run(f"DELETE FROM cdc_agent.{table} WHERE pipeline = %s", (checkpoint.pipeline,))
    names, values = tables.CHECKPOINT_COLUMNS, tables.checkpoint_values(checkpoint)
    marks = ", ".join(["%s"] * len(values))
    database.run(f"INSERT INTO cdc_agent.checkpoint ({', '.join(names)}) VALUES ({marks})", values)


def make_store(place: Database | Server) -> None:
    """The agent's own tables, made or upgraded."""
    url = place.url() if isinstance(place, Database) else place.url(database="mysql")
    with registry.connect(Settings(url=url), "test") as server:
        versions.bring_up(server)


def close_rig(rig: Rig) -> None:
    for target in (rig.target, *rig.opened):
        target.close()
    rig.database.drop()


def kill_sessions(rig: Rig) -> None:
    """End the target's own session on the server."""
    if rig.postgres:
        rig.database.run(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name LIKE 'cdc-agent%'"
        )
        return
    for number in rig.database.server.sessions(rig.database.name):
        rig.database.server.run(f"KILL {number}")
