"""What is remembered of a table: a version of it that can be stored, and compared with a later one.

In: a source table as its log describes it, a target table as its catalogue does. Out: values, and their text in JSON.
Nothing here does I/O.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from cdc_agent.model.changes import Table
from cdc_agent.model.engines import of_flavor
from cdc_agent.model.tables import TargetTable
from cdc_agent.model.values import Kind, Type


@dataclass(frozen=True, slots=True)
class Column:
    """A column as it was."""

    name: str
    type: Type
    nullable: bool = True
    generated: bool = False
    number: int = 0
    """The column's own number on PostgreSQL, which a new name does not change; 0 where it is not known."""


@dataclass(frozen=True, slots=True)
class Version:
    """A table as it was."""

    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(column.name for column in self.columns)


@dataclass(frozen=True, slots=True)
class Known:
    """Both tables of a route, as they were when its rows were written."""

    source: Version
    target: Version
    logged: bool = True
    """False where the source is known from its catalogue alone, which spells types otherwise than its log does."""
    renamed: tuple[tuple[str, str], ...] = ()
    """Columns of the source that the log has told of as renamed since: old and new name."""


def of_source(table: Table) -> Version:
    """A table version of the log."""
    columns = tuple(
        Column(one.name, one.type, one.nullable, one.generated or one.derived, one.number) for one in table.columns
    )
    return Version(columns, tuple(table.columns[place].name for place in table.key))


def of_catalogue(table: TargetTable) -> Version:
    """A table as its catalogue has it."""
    columns = tuple(Column(one.name, one.type, one.nullable, one.generated, one.number) for one in table.columns)
    return Version(columns, table.primary_key)


def as_logged(table: TargetTable, engine: str) -> Version:
    """A source table as its catalogue has it, without the columns that its log does not hold."""
    version = of_catalogue(table)
    if of_flavor(engine).facts.logs_generated:
        return version
    return replace(version, columns=tuple(column for column in version.columns if not column.generated))


def completed(version: Version, known: Version) -> Version:
    """What today's catalogue does not know any more of a column of the log, as it was known.

    A log that is read late names columns that have been renamed or dropped since.
    """
    before = {column.name: column for column in known.columns if column.number}
    return replace(version, columns=tuple(_completed(column, before.get(column.name)) for column in version.columns))


def _completed(column: Column, before: Column | None) -> Column:
    if column.number or before is None:
        return column
    return replace(column, number=before.number, nullable=before.nullable)


# --- text ------------------------------------------------------------------------------------------------------------


def to_text(known: Known) -> str:
    """One line of JSON, without what is as usual."""
    content = {"source": _version(known.source), "target": _version(known.target)}
    more = {"logged": known.logged} if not known.logged else {}
    renamed = {"renamed": known.renamed} if known.renamed else {}
    return json.dumps({**content, **more, **renamed}, ensure_ascii=False, separators=(",", ":"))


def of_text(text: str) -> Known:
    """Raises ValueError, KeyError or TypeError for what `to_text` has not made."""
    content = json.loads(text)
    renamed = tuple((old, new) for old, new in content.get("renamed", ()))
    source, target = (_read_version(content[side]) for side in ("source", "target"))
    return Known(source, target, content.get("logged", True), renamed)


def as_json(known: Known) -> dict[str, Any]:
    """What people are shown: names and types as their engines spell them."""
    return {side: _told(version) for side, version in (("source", known.source), ("target", known.target))}


def _told(version: Version) -> dict[str, Any]:
    columns = [{"name": one.name, "type": one.type.native, "nullable": one.nullable} for one in version.columns]
    return {"columns": columns, "key": list(version.key)}


def _version(version: Version) -> dict[str, Any]:
    return {"columns": [_column(column) for column in version.columns], "key": version.key}


def _read_version(content: Mapping[str, Any]) -> Version:
    columns = tuple(_read_column(column) for column in content["columns"])
    return Version(columns, tuple(content["key"]))


def _column(column: Column) -> dict[str, Any]:
    usual = Column(column.name, column.type)
    rest = ((one.name, getattr(column, one.name), getattr(usual, one.name)) for one in fields(column))
    changed = {name: value for name, value, normal in rest if value != normal}
    return {"name": column.name, "type": _type(column.type), **changed}


def _read_column(content: Mapping[str, Any]) -> Column:
    return Column(**{**content, "type": _read_type(content["type"])})


_PLAIN_TYPE: Final = Type(Kind.OTHER, "")


def _type(type_: Type) -> dict[str, Any]:
    named = {one.name: getattr(type_, one.name) for one in fields(type_)}
    changed = {name: value for name, value in named.items() if value != getattr(_PLAIN_TYPE, name)}
    changed |= {"kind": type_.kind.value, "native": type_.native}
    if type_.element is not None:
        changed["element"] = _type(type_.element)
    if type_.fields:
        changed["fields"] = [[name, _type(one)] for name, one in type_.fields]
    return changed


def _read_type(content: Mapping[str, Any]) -> Type:
    rest = {name: value for name, value in content.items() if name not in ("kind", "element", "fields", "labels")}
    plain = Type(Kind(content["kind"]), **rest, labels=tuple(content.get("labels", ())))
    element, parts = content.get("element"), content.get("fields", ())
    return replace(
        plain,
        element=None if element is None else _read_type(element),
        fields=tuple((name, _read_type(one)) for name, one in parts),
    )
