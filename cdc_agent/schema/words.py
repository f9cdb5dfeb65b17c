"""How a remedy is spelled on the target: the statements, from the type table and from what the source declares.

In: a remedy and its route. Out: DDL for the target, and what it does not bring about. Asks both servers on connections
of its own, and only when a schema has changed; nothing is changed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

from cdc_agent.config.model import Config
from cdc_agent.engines import ddl, registry
from cdc_agent.engines.admin import Admin
from cdc_agent.errors import TargetSchemaError
from cdc_agent.mapping.routes import Route, Routes
from cdc_agent.model.engines import of_flavor
from cdc_agent.model.shapes import Default, Shape
from cdc_agent.model.tables import TargetColumn, TargetTable
from cdc_agent.schema.decision import AddColumn, ChangeColumn, CreateTable, DropColumn, Remedy, RenameColumn
from cdc_agent.schema.versions import Column, Version


@dataclass(frozen=True, slots=True)
class Words:
    """Statements for the target, in order."""

    statements: tuple[str, ...] = ()
    unlike: str = ""
    """What rows that are there already will differ in all the same; '' for nothing."""
    hindrance: str = ""
    """Why there are no statements."""


class Speaker(Protocol):
    """Knows how to say a remedy."""

    def words(self, route: Route, source: Version, remedy: Remedy | None) -> Words:
        """The statements of a remedy; `source` is the source table as its log has it. Raises Retryable."""


class Servers:
    """Asks the servers of one pipeline."""

    def __init__(self, config: Config, pipeline: str, routes: Routes) -> None:
        self._config = config
        self._pipeline = pipeline
        self._routes = routes

    def words(self, route: Route, source: Version, remedy: Remedy | None) -> Words:
        """See `Speaker`."""
        if remedy is None:
            return Words()
        settings = self._config.pipelines[self._pipeline]
        with ExitStack() as stack:
            one, other = (
                stack.enter_context(registry.connect(self._config.databases[name], "asks for a changed schema"))
                for name in (settings.source, settings.target)
            )
            try:
                return _Asking(one, other, self._routes).words(route, source, remedy)
            except TargetSchemaError as error:
                return Words(hindrance=error.message)


class _Asking:
    def __init__(self, source: Admin, target: Admin, routes: Routes) -> None:
        self._source = source
        self._target = target
        self._routes = routes
        self._dialect = target.dialect(source.flavor)

    def words(self, route: Route, source: Version, remedy: Remedy) -> Words:
        match remedy:
            case CreateTable():
                return self._create(route)
            case AddColumn(name, column):
                return self._add(route, name, column)
            case ChangeColumn(name, column, in_key):
                plain = _plain(column)
                return Words(tuple(ddl.change_column(route.target, name, plain, self._dialect, in_key=in_key)))
            case RenameColumn(old, new):
                return Words((ddl.rename_column(route.target, old, new, self._dialect),))
            case DropColumn(name):
                table = self._dialect.quote(*route.target)
                return Words((f"ALTER TABLE {table} DROP COLUMN {self._dialect.quote(name)}",))

    def _add(self, route: Route, name: str, column: Column) -> Words:
        """As the source declares it now, where it still has the column."""
        shape = self._source.shapes([route.source]).get(route.source)
        declared = shape.table.column(column.name) if shape is not None else None
        default = shape.defaults.get(column.name) if shape is not None else None
        found = _plain(column) if declared is None else _as_logged(column, declared)
        statement = ddl.add_column(route.target, name, found, self._dialect, default)
        return Words((statement,), unlike=self._unlike(column, statement, default))

    def _unlike(self, column: Column, statement: str, default: Default | None) -> str:
        """The source's older rows hold what its own statement gave them, of which its log has nothing."""
        filled = " DEFAULT " in statement
        given = default is not None and default.value is not None
        invented = not column.nullable and of_flavor(self._source.flavor).facts.public_schema is None
        if (filled and given) or not (default is not None or invented):
            return ""
        return f"rows that were there hold a value in {column.name} on the source that its log does not have"

    def _create(self, route: Route) -> Words:
        wanted = [route.source]
        shapes = self._source.shapes(wanted)
        shape = shapes.get(route.source)
        if shape is None:
            raise TargetSchemaError(f"source table {'.'.join(route.source)} is gone")
        parents = [key.references for key in shape.table.foreign_keys if key.references != route.source]
        shapes |= self._source.shapes(parents) if parents else {}
        copies = [copy for name in dict.fromkeys([*wanted, *parents]) for copy in self._copies(name, shapes)]
        others = [copy.target for copy in copies if copy.target != route.target]
        there = list(self._target.describe_all(others)) if others else []
        absent = set(others) - set(there)
        for made in ddl.create(copies, self._dialect, without=others):
            if isinstance(made, TargetSchemaError):
                raise made
            keys = [key.statement for key in made.foreign_keys if key.parent not in absent]
            return Words((made.table, *made.indexes, *keys))
        raise TargetSchemaError(f"{'.'.join(route.target)} cannot be derived")

    def _copies(self, name: tuple[str, str], shapes: dict[tuple[str, str], Shape]) -> Sequence[ddl.Copy]:
        shape = shapes.get(name)
        if shape is None:
            return ()
        return [
            ddl.Copy(shape, route.target, _names(shape.table, route), route.settings.key)
            for route in self._routes.for_table(name)
        ]


def _names(table: TargetTable, route: Route) -> dict[str, str]:
    """Source column → target column. Raises TargetSchemaError for a route with computed columns."""
    if route.settings.columns is None:
        return {column.name: column.name for column in table.columns}
    names: dict[str, str] = {}
    for name, text in route.settings.columns.items():
        bare = text.strip().strip('"`') if isinstance(text, str) else ""
        if table.column(bare) is None:
            raise TargetSchemaError(f"column {name} of {'.'.join(route.target)} is computed, and has no type to derive")
        names[bare] = name
    return names


def _plain(column: Column) -> TargetColumn:
    return TargetColumn(column.name, column.type, column.nullable, has_default=False)


def _as_logged(column: Column, declared: TargetColumn) -> TargetColumn:
    """The log's type where the catalogue has another by now."""
    if column.type.kind is declared.type.kind and not declared.generated:
        return declared
    return _plain(column)
