"""What lets the contract suite of sources run on a `MemorySource`: the few SQL statements with which the suite writes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import sqlglot
from sqlglot import exp

from cdc_agent.model.changes import DELETE, INSERT, UPDATE, Column, Identity, Table
from cdc_agent.model.values import Kind, Row, Type
from tests.support.memory.log import Entry, MemoryLog, RowChange, Truncated, message, source_table

SCHEMA = "public"
PATIENCE_SECONDS = 0.1


@dataclass
class Contents:
    """One table: its version now, and its rows by the first column, which is the key."""

    table: Table
    rows: dict[Row, Row] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.table.columns]


class SqlLog:
    """A `MemoryLog` behind those statements."""

    def __init__(self) -> None:
        self.log = MemoryLog()
        self.tables: dict[str, Contents] = {}
        self._grown = threading.Condition()
        self.log.on_growth = self._tell

    def commit(self, *statements: str, path: tuple[str, ...] | None = None) -> None:
        """One transaction; with a path it is an agent's."""
        changes = [change for statement in statements for change in self._run(statement)]
        for contents in self.tables.values():
            named = {key: dict(zip(contents.names, row, strict=True)) for key, row in contents.rows.items()}
            self.log.current[contents.table.full_name] = named
        if changes:
            self.log.append(Entry(changes, self.log.end + 16, time.time(), path))

    def wait(self) -> None:
        """Until the log has grown, or a little while."""
        with self._grown:
            self._grown.wait(PATIENCE_SECONDS)

    def _tell(self) -> None:
        with self._grown:
            self._grown.notify_all()

    def _run(self, statement: str) -> Iterator[RowChange | Truncated]:
        tree = sqlglot.parse_one(statement, dialect="postgres")
        name = tree.find(exp.Table).name  # type: ignore[union-attr]
        if isinstance(tree, exp.Create):
            columns = [_column(part) for part in tree.this.expressions if isinstance(part, exp.ColumnDef)]
            self.tables[name] = Contents(source_table((SCHEMA, name), columns, [0], Identity.KEY))
        elif isinstance(tree, exp.Alter):
            self._alter(self.tables[name], tree.args["actions"][0])
        elif isinstance(tree, exp.TruncateTable):
            self.tables[name].rows.clear()
            yield Truncated(((SCHEMA, name),))
        else:
            yield from self._change(self.tables[name], tree)

    def _change(self, contents: Contents, tree: exp.Expression) -> Iterator[RowChange]:
        if isinstance(tree, exp.Insert):
            for values in tree.expression.expressions:
                yield self._put(contents, INSERT, None, tuple(_value(one) for one in values.expressions))
            return
        for row in _chosen(contents, tree):
            if isinstance(tree, exp.Delete):
                del contents.rows[row[:1]]
                yield RowChange(contents.table, message(DELETE, row, None))
            else:
                new = {one.this.name: _value(one.expression) for one in tree.expressions}
                changed = tuple(new.get(n, v) for n, v in zip(contents.names, row, strict=True))
                del contents.rows[row[:1]]
                yield self._put(contents, UPDATE, row, changed)

    def _put(self, contents: Contents, operation: int, old: Row | None, row: Row) -> RowChange:
        contents.rows[row[:1]] = row
        return RowChange(contents.table, message(operation, old, row))

    def _alter(self, contents: Contents, action: exp.Expression) -> None:
        """Another version of the table; the log tells of it with the next row."""
        table, names = contents.table, contents.names
        if isinstance(action, exp.ColumnDef):
            contents.table = replace(table, columns=(*table.columns, _column(action)))
            contents.rows = {key: (*row, None) for key, row in contents.rows.items()}
        else:
            place = names.index(action.args["tables"][0].name)
            contents.table = replace(table, columns=table.columns[:place] + table.columns[place + 1 :])
            contents.rows = {key: row[:place] + row[place + 1 :] for key, row in contents.rows.items()}


def _chosen(contents: Contents, tree: exp.Expression) -> list[Row]:
    where = tree.args.get("where")
    if where is None:
        return list(contents.rows.values())
    key = (_value(where.this.expression),)
    return [contents.rows[key]] if key in contents.rows else []


def _column(part: exp.Expression) -> Column:
    kind = part.args["kind"]
    if kind.this is exp.DataType.Type.INT:
        return Column(part.name, Type(Kind.INTEGER, "integer", precision=32))
    return Column(part.name, Type(Kind.TEXT, kind.sql(), length=int(kind.expressions[0].name)))


def _value(tree: exp.Expression) -> bytes | None:
    return None if isinstance(tree, exp.Null) else str(tree.this).encode()
