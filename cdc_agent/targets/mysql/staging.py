"""Temporary tables that a large step's rows are loaded into, to be merged from there in one statement.

In: a binding's rows. Out: the name of a temporary table that holds them. Temporary tables belong to the session, are
not written to the binlog of a server that logs rows, and are created without ending the transaction. TRUNCATE does
end it, so tables are emptied that way between transactions only, and by DELETE inside of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cdc_agent.engines.mysql.identifiers import quote, quote_name
from cdc_agent.model.values import Row
from cdc_agent.model.writes import Binding
from cdc_agent.targets.mysql.statements import Statements
from cdc_agent.targets.mysql.wire import Wire

SCHEMA: Final = "cdc_agent"


@dataclass(slots=True)
class _Table:
    name: str
    number: str
    filled: bool = False


class Staging:
    """The staging tables of one session."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._tables: dict[tuple[Binding, tuple[int, ...]], _Table] = {}
        self._made = 0

    def fill(self, statements: Statements, columns: Sequence[int], rows: Sequence[Row]) -> str:
        """Load rows, whose values are in `columns`' order; returns the table's quoted name. Raises RowRefused."""
        return self._fill(statements, tuple(columns), rows, numbered=False).name

    def fill_numbered(self, statements: Statements, columns: Sequence[int], rows: Sequence[Row]) -> tuple[str, str]:
        """As `fill`, each row with its index; returns the quoted names of the table and of the index's column."""
        numbered = [(b"%d" % (i + 1), *row) for i, row in enumerate(rows)]
        table = self._fill(statements, tuple(columns), numbered, numbered=True)
        return table.name, table.number

    def empty(self) -> None:
        """Empty every table. Only between transactions: TRUNCATE would commit one."""
        for table in self._tables.values():
            if table.filled:
                self._wire.run(f"TRUNCATE TABLE {table.name}", "emptying a staging table")
                table.filled = False

    def drop(self) -> None:
        """Drop every table, since the columns that they were made from may have changed."""
        for table in self._tables.values():
            self._wire.run(f"DROP TEMPORARY TABLE IF EXISTS {table.name}", "dropping a staging table")
        self._tables.clear()

    def _fill(self, statements: Statements, columns: tuple[int, ...], rows: Sequence[Row], *, numbered: bool) -> _Table:
        table = self._table(statements, columns)
        doing = f"writing to {statements.label}"
        if table.filled:
            self._wire.run(f"DELETE FROM {table.name}", doing)
        table.filled = True
        number = table.number if numbered else None
        if self._wire.can_load:
            data = statements.stage_lines(columns, rows, numbered=numbered)
            self._wire.load(statements.load_stage(table.name, columns, number), data, doing)
        else:
            names = [*([table.number] if numbered else []), *(statements.names[i] for i in columns)]
            tuples = statements.stage_tuples(columns, rows, numbered=numbered)
            head = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES "
            self._wire.run_chunks(head.encode(), tuples, b"", doing)
        return table

    def _table(self, statements: Statements, columns: tuple[int, ...]) -> _Table:
        found = self._tables.get((statements.binding, columns))
        if found is not None:
            return found
        self._made += 1
        taken = {column.name.lower() for column in statements.binding.columns}
        number = "cdc_agent_number"
        while number in taken:
            number += "_"
        table = _Table(quote_name(SCHEMA, f"stage_{self._made}"), quote(number))
        creation = statements.create_stage(table.name, columns, table.number)
        self._wire.run(creation, f"making a staging table for {statements.label}")
        self._tables[statements.binding, columns] = table
        return table
