"""What lets the contract suite of targets run on a `MemoryTarget`: the few SQL statements with which the suite makes
tables and looks at rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import sqlglot
from sqlglot import exp

from cdc_agent.model.checkpoints import Checkpoint
from cdc_agent.model.tables import ForeignKey, TargetColumn, TargetTable
from cdc_agent.model.values import Kind, Type, Value
from cdc_agent.store import tables
from tests.support.memory.database import MemoryDatabase, Session
from tests.support.memory.target import MemoryTarget

SCHEMA = "public"


class MemoryServer:
    """Stands where a `tests.support.servers.Server` may stand in the contract suite of targets."""

    is_postgres = True

    def __str__(self) -> str:
        return "memory"


class SqlMemory:
    """A `MemoryDatabase` behind those statements."""

    def __init__(self) -> None:
        self.server = MemoryServer()
        self.name = SCHEMA
        self.memory = MemoryDatabase()
        self.memory.alter = self.run

    def run(self, sql: str, parameters: object = None) -> list[tuple[Any, ...]]:
        tree = sqlglot.parse_one(sql.replace("%s", "?"), dialect="postgres")
        if isinstance(tree, exp.Create):
            self.memory.create(_definition(tree))
        elif isinstance(tree, exp.Alter):
            self._add_column(tree)
        elif isinstance(tree, exp.Delete):
            self.memory.checkpoints.clear()
        else:
            return self._select(tree)
        return []

    def drop(self) -> None:
        """Nothing is left of it anyway."""

    def _add_column(self, tree: exp.Alter) -> None:
        name = tree.this.name
        table = self.memory.tables[SCHEMA, name]
        more = tuple(_column(one) for one in tree.args["actions"])
        definition = replace(table.definition, columns=(*table.definition.columns, *more))
        rows = {key: (*row, *(None,) * len(more)) for key, row in table.rows.items()}
        self.memory.replace(definition, rows)

    def _select(self, tree: exp.Expression) -> list[tuple[Any, ...]]:
        names, rows = self._contents(tree.find(exp.Table))
        wanted = tree.expressions
        if isinstance(wanted[0], exp.Count):
            place = names.index(wanted[0].this.name)
            return [(sum(row[place] is not None for row in rows),)]
        order = tree.args.get("order")
        if order is not None and order.expressions[0].args.get("desc"):
            rows = rows[::-1]
        elif order is not None:
            rows = sorted(rows, key=lambda row: [(value is not None, value) for value in row[:1]])
        if isinstance(wanted[0], exp.Star):
            return rows
        return [tuple(row[names.index(one.name)] for one in wanted) for row in rows]

    def _contents(self, table: exp.Table | None) -> tuple[list[str], list[tuple[Any, ...]]]:
        assert table is not None
        if table.db != "cdc_agent":
            found = self.memory.tables[SCHEMA, table.name]
            types = [column.type.kind for column in found.definition.columns]
            rows = [tuple(map(_plain, types, row)) for row in found.rows.values()]
            return [column.name for column in found.definition.columns], rows
        return self._agents_own(table.name)

    def _agents_own(self, name: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        if name == "checkpoint":
            return list(tables.CHECKPOINT_COLUMNS), [
                tables.checkpoint_values(one) for one in self.memory.checkpoints.values()
            ]
        if name == "checkpoint_history":
            return list(tables.HISTORY_COLUMNS), [tables.history_values(one) for one in self.memory.history]
        return ["reason"], [(entry.reason,) for entry in self.memory.quarantine]


def memory_target(database: SqlMemory, checkpoint: Checkpoint | None = None) -> MemoryTarget:
    """A connected target; with a checkpoint its pipeline is set up first."""
    if checkpoint is not None:
        database.memory.checkpoints[checkpoint.pipeline] = checkpoint
    target = MemoryTarget(database.memory)
    target.connect()
    return target


def kill_session(target: MemoryTarget) -> None:
    """The server ends the target's session."""
    session: Session | None = target.session
    if session is not None:
        session.rollback()
        session.alive = False


def _plain(kind: Kind, value: Value) -> int | str | None:
    if value is None:
        return None
    assert isinstance(value, bytes)
    return int(value) if kind is Kind.INTEGER else value.decode()


def _definition(tree: exp.Create) -> TargetTable:
    parts = tree.this.expressions
    columns = tuple(_column(part) for part in parts if isinstance(part, exp.ColumnDef))
    key = [
        part.name for part in parts if isinstance(part, exp.ColumnDef) and _has(part, exp.PrimaryKeyColumnConstraint)
    ]
    for part in parts:
        if isinstance(part, exp.PrimaryKey):
            key = [one.name for one in part.expressions]
    unique = tuple((p.name,) for p in parts if isinstance(p, exp.ColumnDef) and _has(p, exp.UniqueColumnConstraint))
    foreign = tuple(_foreign_key(part) for part in parts if isinstance(part, exp.Constraint))
    return TargetTable(SCHEMA, tree.this.this.name, columns, tuple(key), unique, foreign)


def _column(part: exp.Expression) -> TargetColumn:
    kind = part.args["kind"]
    if kind.this is exp.DataType.Type.INT:
        type_ = Type(Kind.INTEGER, "integer", precision=32)
    else:
        type_ = Type(Kind.TEXT, kind.sql(), length=int(kind.expressions[0].name))
    required = _has(part, exp.NotNullColumnConstraint) or _has(part, exp.PrimaryKeyColumnConstraint)
    return TargetColumn(part.name, type_, nullable=not required, has_default=False)


def _has(part: exp.Expression, kind: type[exp.Expression]) -> bool:
    return any(isinstance(one.kind, kind) for one in part.args.get("constraints") or ())


def _foreign_key(part: exp.Constraint) -> ForeignKey:
    (key,) = part.expressions
    reference = key.args["reference"]
    names: Callable[[list[exp.Expression]], tuple[str, ...]] = lambda some: tuple(one.name for one in some)  # noqa: E731
    return ForeignKey(
        part.name,
        names(key.expressions),
        (SCHEMA, reference.this.this.name),
        names(reference.this.expressions),
        "CASCADE" if "ON DELETE CASCADE" in reference.sql() else "NO ACTION",
        "NO ACTION",
    )
