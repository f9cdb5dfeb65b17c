"""Which columns of a table the server generates, as its catalogue has it now.

Row images may lack them though they change: MINIMAL ones always, and those of updates in recent versions of MariaDB
whatever `binlog_row_image` says. The log itself does not say which columns are generated.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final, TypeAlias

from cdc_agent.model.changes import TableName

Ask: TypeAlias = "Callable[[str, tuple[str, ...]], list[tuple[Any, ...]]]"

_GENERATED: Final = """
SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = %s AND generation_expression <> ''
"""


class DerivedColumns:
    """Asks once for each schema, and again for a table that has changed."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._schemas: dict[str, dict[str, set[str]]] = {}
        self._asked: set[TableName] = set()

    def __call__(self, table: TableName) -> Collection[str]:
        """The names in lower case. Raises what the question raises."""
        schema, name = table
        if table in self._asked:
            self._schemas.pop(schema, None)
        self._asked.add(table)
        if schema not in self._schemas:
            found: dict[str, set[str]] = {}
            for of, column in self._ask(_GENERATED, (schema,)):
                found.setdefault(str(of), set()).add(str(column).lower())
            self._schemas[schema] = found
        return self._schemas[schema].get(name, ())
