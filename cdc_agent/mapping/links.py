"""Foreign keys between routed tables whose actions the source's log does not hold, as links between target tables.

InnoDB deletes, clears and moves the children of a row inside the storage engine: the binlog shows what happened to the
parent alone (MySQL before 9.6, MariaDB: https://dev.mysql.com/doc/refman/8.4/en/innodb-and-mysql-replication.html).
So the agent does on the target what the engine did on the source. In: the source's foreign keys, the routes, and a
function that describes target tables. Out: for each target table its `Link`s, from parent to child.

Nothing here talks to a database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from cdc_agent.mapping.routes import Route, Routes
from cdc_agent.model.changes import TableName
from cdc_agent.model.tables import ForeignKey, TargetTable
from cdc_agent.model.values import Kind
from cdc_agent.model.writes import Binding, Link, Plan

KINDS: Final = frozenset((Kind.INTEGER, Kind.DECIMAL, Kind.TEXT, Kind.ENUM, Kind.BYTES, Kind.UUID, Kind.DATE))
"""Types of keys whose text a target prints just as it is written."""
_FOLLOWING: Final = frozenset(("CASCADE", "SET NULL"))
Describe = Callable[[str, str], "TargetTable | None"]


def links(
    keys: Iterable[tuple[TableName, ForeignKey]], routes: Routes, describe: Describe
) -> dict[TableName, tuple[Link, ...]]:
    """The links that can be followed, by the target table of the parent. `keys` come with their child's name."""
    found: dict[TableName, list[Link]] = {}
    for child_name, key in keys:
        for parent, child in _routed(child_name, key, routes):
            link = follow(key, parent, child, describe)
            if link is not None:
                found.setdefault(parent.target, []).append(link)
    return {table: tuple(some) for table, some in found.items()}


def linked(plan: Plan, links: Mapping[TableName, tuple[Link, ...]]) -> Plan:
    """The plan with the links that its target table has; as it is where there are none."""
    own = links.get(plan.binding.table.full_name, ())
    if not own:
        return plan
    following = {name for link in own if link.on_update in _FOLLOWING for name in link.referenced}
    columns, key = plan.binding.columns, plan.binding.key
    watched = tuple(i for i, column in enumerate(columns) if column.name in following and i not in key)
    return replace(plan, binding=replace(plan.binding, links=links, watched=watched))


def _routed(child_name: TableName, key: ForeignKey, routes: Routes) -> Iterator[tuple[Route, Route]]:
    if not key.acts:
        return
    for parent in routes.for_table(key.references):
        for child in routes.for_table(child_name):
            yield parent, child


def follow(key: ForeignKey, parent: Route, child: Route, describe: Describe) -> Link | None:
    """The link for one key; None where the target does not hold what it needs.

    A parent behind a filter cannot be followed: its row may leave the target while the source keeps it. Nor can a key
    whose columns are computed, or one whose two ends differ in type there.
    """
    above, below = describe(*parent.target), describe(*child.target)
    if above is None or below is None or parent.settings.where is not None:
        return None
    columns = _carried(child, below, key.columns)
    referenced = _carried(parent, above, key.referenced_columns)
    if columns is None or referenced is None:
        return None
    if not all(_alike(above, one, below, two) for one, two in zip(referenced, columns, strict=True)):
        return None
    return Link(_binding(child, below, columns), referenced, key.on_delete, key.on_update)


def _alike(above: TargetTable, one: str, below: TargetTable, two: str) -> bool:
    first, second = above.column(one), below.column(two)
    return first is not None and second is not None and first.type.kind is second.type.kind and first.type.kind in KINDS


def _binding(child: Route, table: TargetTable, columns: tuple[str, ...]) -> Binding:
    """The child by its foreign key, with one more column: so a change of the key alone is a partial row.

    Those that an update would set to its time are there as well: they are not sent, and so keep their value.
    """
    others = [column for column in table.columns if column.name not in columns and not column.generated]
    more = [column.name for column in others if column.touched] or [column.name for column in others[:1]]
    chosen = [table.column(name) for name in (*columns, *more)]
    return Binding(
        table,
        tuple(column for column in chosen if column is not None),
        tuple(range(len(columns))),
        by_link=True,
        source=child.source,
    )


def _carried(route: Route, table: TargetTable, names: Iterable[str]) -> tuple[str, ...] | None:
    """The target's columns that hold these source columns as they are; None when one of them is not there."""
    carried = copies(route.settings.columns, table)
    found = [carried.get(name.lower()) for name in names]
    return None if None in found else tuple(name for name in found if name is not None)


def copies(columns: Mapping[str, object] | None, table: TargetTable) -> dict[str, str]:
    """Source column, in lower case → target column, for those that a route copies."""
    if columns is None:
        return {column.name.lower(): column.name for column in table.columns if not column.generated}
    written = {column.name.lower(): column.name for column in table.columns}
    pairs = ((_bare(text), written.get(name.lower())) for name, text in columns.items())
    return {source.lower(): target for source, target in pairs if source and target}


def _bare(text: object) -> str | None:
    """The column's name when an expression is nothing else."""
    if not isinstance(text, str):
        return None
    try:
        tree = sqlglot.parse_one(text, dialect="mysql")
    except SqlglotError:
        return None
    return tree.name if isinstance(tree, exp.Column) and not tree.table else None
