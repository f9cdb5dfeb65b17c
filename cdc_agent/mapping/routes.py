"""The routing table: which routes take a source table, and to which target table.

In: a pipeline's settings. Out: for a source table's name its routes, each with one concrete target table. An entry
that names a table wins over wildcards. Never looks at a database or at a row.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from cdc_agent.config.model import PipelineSettings, RouteSettings
from cdc_agent.config.names import split_name
from cdc_agent.errors import ConfigError
from cdc_agent.model.changes import Alteration, EventKind, TableEvent, TableName

AGENT_SCHEMA: Final = "cdc_agent"
SYSTEM_SCHEMAS: Final = frozenset(
    {AGENT_SCHEMA, "pg_catalog", "information_schema", "pg_toast", "mysql", "performance_schema", "sys"}
)
"""A wildcard never takes these."""


@dataclass(frozen=True, slots=True)
class Route:
    """One source table → one target table."""

    settings: RouteSettings
    source: TableName
    target: TableName


class _Shadows:
    """The names of what tools make beside a table while they change it."""

    def __init__(self, patterns: Iterable[str]) -> None:
        names = [split_name(pattern, "*") for pattern in patterns]
        self._patterns = [(_pattern(schema), _pattern(table)) for schema, table in names]

    def __contains__(self, name: TableName) -> bool:
        return next(self._stems(name), None) is not None

    def of(self, table: TableName, name: TableName) -> bool:
        """Whether `name` is what a tool calls a shadow of `table`; long names are cut short in it."""
        return any(stem and table[1].startswith(stem) for stem in self._stems(name))

    def _stems(self, name: TableName) -> Iterator[str]:
        """What a pattern's `*` stands for."""
        for schema, table in self._patterns:
            if schema.fullmatch(name[0]) and (found := table.fullmatch(name[1])):
                yield "".join(found.groups()).strip("_")


class _Entry:
    """One entry under `tables:`, its names split and its wildcards compiled."""

    def __init__(self, settings: RouteSettings, source_schema: str, target_schema: str, shadows: _Shadows) -> None:
        self.settings = settings
        self.source = split_name(settings.from_, source_schema)
        self.target = split_name(settings.to, target_schema)
        self.wild = "*" in settings.from_
        stars = [sum(part.count("*") for part in name) for name in (self.source, self.target)]
        if stars[0] != stars[1]:
            raise ConfigError(f"`from: {settings.from_}` and `to: {settings.to}` must have the same number of `*`")
        self._pattern = _pattern("\0".join(self.source))
        self._excluded = [split_name(name, "*") for name in settings.exclude]
        self._shadows = shadows

    def route(self, table: TableName) -> Route | None:
        if not self.wild:
            return Route(self.settings, table, self.target) if table == self.source else None
        match = self._pattern.fullmatch("\0".join(table))
        if match is None or not self._taken(table):
            return None
        taken = iter(match.groups())
        schema, name = (re.sub(r"\*", lambda _: next(taken), part) for part in self.target)
        return Route(self.settings, table, (schema, name))

    def _taken(self, table: TableName) -> bool:
        """Whether nothing forbids a wildcard that fits to take the table."""
        system, excluded = table[0] in SYSTEM_SCHEMAS, any(_matches(name, table) for name in self._excluded)
        return not (system or excluded or table in self._shadows)


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile("([^\0]*)".join(re.escape(part) for part in text.split("*")))


def _matches(pattern: TableName, table: TableName) -> bool:
    return all(_pattern(one).fullmatch(other) for one, other in zip(pattern, table, strict=True))


class Routes:
    """The routes of one pipeline. Answers are cached, since the reader asks for every table of the log."""

    def __init__(
        self,
        settings: PipelineSettings,
        *,
        source_engine: str,
        source_default_schema: str,
        target_default_schema: str,
    ) -> None:
        self.source_engine = source_engine
        self._shadows = shadows = _Shadows(settings.shadow_tables)
        entries = [_Entry(route, source_default_schema, target_default_schema, shadows) for route in settings.tables]
        self._named: dict[TableName, list[_Entry]] = {}
        for entry in entries:
            if not entry.wild:
                self._named.setdefault(entry.source, []).append(entry)
        self._wild = [entry for entry in entries if entry.wild]
        self._cache: dict[TableName, list[Route]] = {}

    @property
    def scope(self) -> str:
        """Which tables are taken, as text that is another when that changes."""
        entries = [*(one for some in self._named.values() for one in some), *self._wild]
        return json.dumps(sorted({(*entry.source, *entry.settings.exclude) for entry in entries}), ensure_ascii=False)

    def wanted(self, table: TableName) -> bool:
        """Whether any route takes the table."""
        return bool(self.for_table(table))

    def names(self, table: TableName) -> bool:
        """Whether an entry names the table, so that it is not a wildcard that takes it."""
        return table in self._named

    def for_table(self, table: TableName) -> list[Route]:
        """The routes that take a table, in the order of the configuration; [] when none does."""
        found = self._cache.get(table)
        if found is None:
            found = self._cache[table] = self._find(table)
        return found

    def as_altered(self, event: TableEvent) -> TableEvent | None:
        """An event, a tool's change of a table by way of a shadow told as what it is: an alteration of the table.

        None for what is only a step on the way, the table's own stepping aside.
        """
        if event.other is None or not self._shadows.of(event.table, event.other):
            return event
        if event.kind in (EventKind.REPLACED, EventKind.CREATED):
            how = Alteration("REPLACED BY", event.other[1])
            return replace(event, kind=EventKind.ALTERED, other=None, alterations=(how,))
        return None if event.kind is EventKind.RENAMED else event

    def expand(self, tables: Iterable[TableName]) -> list[Route]:
        """The routes of all these tables."""
        return [route for table in tables for route in self.for_table(table)]

    def others_into(self, route: Route) -> list[TableName]:
        """Other source tables that fill the route's target: those named, and those met so far under a wildcard."""
        named = [source for source, some in self._named.items() if any(one.target == route.target for one in some)]
        met = [one.source for routes in self._cache.values() for one in routes if one.target == route.target]
        return sorted({*named, *met} - {route.source})

    def _find(self, table: TableName) -> list[Route]:
        for entries in (self._named.get(table, ()), self._wild):
            routes = [route for entry in entries if (route := entry.route(table)) is not None]
            if routes:
                return routes
        return []
