"""What is remembered of tables, as setup, status, check and `schema` see it.

In: an `Admin`. Out: rows read; first descriptions written; what a person accepts, with its line in the audit. The
flow's own writes are the target's work.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from cdc_agent.engines.admin import Admin
from cdc_agent.model.engines import Engine
from cdc_agent.model.remembered import NO_TABLE, Aspect, Condition, Memory, Remembered, TableState
from cdc_agent.store import tables, versions

_REMEMBERS: Final = 3
"""The version of the store from which on it has these tables."""
_SINCE: Final = {
    Engine.POSTGRES: "to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')",
    Engine.MYSQL: "DATE_FORMAT(`since`, '%%Y-%%m-%%d %%H:%%i:%%s')",
}


def read(target: Admin, pipeline: str) -> Memory:
    """All that is remembered of a pipeline; nothing where the store is too old. Raises TablesTooNew."""
    if versions.readable(target) < _REMEMBERS:
        return Memory()
    where = f"WHERE {target.quote('pipeline')} = %s"
    columns = ", ".join(target.quote(name) for name in tables.SCHEMA_COLUMNS[1:])
    known = target.rows(f"SELECT {columns} FROM {target.quote('cdc_agent', 'schema')} {where}", (pipeline,))
    columns = ", ".join(target.quote(name) for name in tables.STATE_COLUMNS[1:])
    states = target.rows(
        f"SELECT {columns}, {_SINCE[target.engine]} FROM {target.quote('cdc_agent', 'table_state')} {where}",
        (pipeline,),
    )
    return Memory(
        sorted((tables.remembered(row) for row in known), key=lambda one: (one.source, one.target)),
        sorted((tables.table_state(row) for row in states), key=lambda one: (one.source, one.target)),
    )


def begin(target: Admin, pipeline: str, entries: Sequence[Remembered], *, anew: bool) -> None:
    """Write the descriptions from which a pipeline starts; those of routes that are known stay unless `anew`."""
    if anew:
        target.run(
            f"DELETE FROM {target.quote('cdc_agent', 'schema')} WHERE {target.quote('pipeline')} = %s", (pipeline,)
        )
    known = {(one.aspect, one.source, one.target) for one in read(target, pipeline).known}
    for entry in entries:
        if (entry.aspect, entry.source, entry.target) not in known:
            _insert(target, "schema", tables.SCHEMA_COLUMNS, tables.schema_values(pipeline, entry))


def accept(target: Admin, pipeline: str, state: TableState, actor: str) -> None:
    """Take a table as it is: what it waits for becomes what is known, and what it differs in is reconciled."""
    if state.pending:
        entry = Remembered(Aspect.TABLES, state.source, state.target, state.pending)
        _replace(target, "schema", tables.SCHEMA_KEY, tables.SCHEMA_COLUMNS, tables.schema_values(pipeline, entry))
    settled = TableState(state.source, state.target, Condition.STREAMING)
    _replace(target, "table_state", tables.STATE_KEY, tables.STATE_COLUMNS, tables.state_values(pipeline, settled))
    subject = " → ".join(".".join(name) for name in (state.source, state.target) if name != NO_TABLE)
    audit(target, actor, "schema accept", pipeline, subject, f"{state.condition} {state.code}: {state.reason}")


def audit(target: Admin, actor: str, act: str, pipeline: str, subject: str, details: str) -> None:
    """Add a line to the audit, with the digest of itself and of the one before."""
    table = target.quote("cdc_agent", "audit")
    last = target.rows(f"SELECT {target.quote('digest')} FROM {table} ORDER BY {target.quote('id')} DESC LIMIT 1")
    line = (actor, act, pipeline, subject, details)
    digest = hashlib.sha256("\x1f".join((last[0][0] if last else "", *line)).encode()).hexdigest()
    _insert(target, "audit", tables.AUDIT_COLUMNS, (*line, digest))


def _replace(target: Admin, table: str, key: Sequence[str], columns: Sequence[str], values: Sequence[object]) -> None:
    given = dict(zip(columns, values, strict=True))
    rest = [name for name in columns if name not in key]
    sets = ", ".join(f"{target.quote(name)} = %s" for name in rest)
    where = " AND ".join(f"{target.quote(name)} = %s" for name in key)
    place = tuple(given[name] for name in key)
    named = target.quote("cdc_agent", table)
    if target.rows(f"SELECT 1 FROM {named} WHERE {where}", place):
        target.run(f"UPDATE {named} SET {sets} WHERE {where}", (*(given[name] for name in rest), *place))
    else:
        _insert(target, table, columns, values)


def _insert(target: Admin, table: str, columns: Sequence[str], values: Sequence[object]) -> None:
    names, marks = ", ".join(map(target.quote, columns)), ", ".join(["%s"] * len(columns))
    target.run(f"INSERT INTO {target.quote('cdc_agent', table)} ({names}) VALUES ({marks})", tuple(values))
