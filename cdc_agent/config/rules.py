"""What a configuration must satisfy beyond the shape of its keys: names that exist, routes that do not collide.

In: a `Document`. Out: problems and warnings added to it. The rules work on what is there, so that one misspelt key
does not hide the other mistakes. They never connect to anything.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from cdc_agent.config import meshes
from cdc_agent.config.document import Document, Path_, Problem
from cdc_agent.config.model import Database, Engine, PipelineSettings, RouteSettings
from cdc_agent.config.names import NAME, publication_name, slot_name, split_name
from cdc_agent.errors import ConfigError, ExpressionError


def judge(document: Document) -> None:
    """Apply every rule."""
    databases = dict(_databases(document))
    pipelines = list(_pipelines(document))
    _names(document)
    _secrets(document)
    _tls_files(document, databases)
    for pipeline in pipelines:
        _references(document, pipeline, databases)
        _same_database(document, pipeline, databases)
        _routes(document, pipeline)
        _expressions(document, pipeline, databases)
    _opposed_names(document, databases)
    _slots(document, pipelines, databases)
    _meshes(document, pipelines, databases)


@dataclass(frozen=True, slots=True)
class _Pipeline:
    name: str
    raw: dict[str, Any]

    @property
    def path(self) -> Path_:
        return ("pipelines", self.name)

    def text(self, key: str) -> str | None:
        value = self.raw.get(key)
        return value if isinstance(value, str) else None

    def routes(self) -> Iterator[tuple[Path_, RouteSettings]]:
        tables = self.raw.get("tables")
        for number, raw in enumerate(tables if isinstance(tables, list) else ()):
            try:
                yield (*self.path, "tables", number), RouteSettings.model_validate(raw)
            except ValidationError:
                continue  # reported by the validation of the whole

    def settings(self) -> PipelineSettings:
        """Only the names of slot and publication, whatever else is wrong."""
        return PipelineSettings.model_construct(slot=self.text("slot"), publication=self.text("publication"))


def _section(document: Document, name: str) -> dict[str, Any]:
    section = document.value.get(name)
    return section if isinstance(section, dict) else {}


def _databases(document: Document) -> Iterator[tuple[str, Database]]:
    for name, raw in _section(document, "databases").items():
        try:
            yield name, Database.model_validate(raw)
        except ValidationError:
            continue  # reported by the validation of the whole


def _pipelines(document: Document) -> Iterator[_Pipeline]:
    for name, raw in _section(document, "pipelines").items():
        if isinstance(raw, dict):
            yield _Pipeline(name, raw)


def _add(document: Document, path: Path_, message: str, hint: str = "") -> None:
    document.problems.append(Problem(document.line(path), message, hint))


def _warn(document: Document, path: Path_, message: str, hint: str = "") -> None:
    document.warnings.append(Problem(document.line(path), message, hint))


def _names(document: Document) -> None:
    for section in ("databases", "pipelines"):
        for name in _section(document, section):
            if not NAME.fullmatch(name):
                message = f"{section}: the name {name!r} must be letters, digits, `_`, `.` and `-`, at most 63"
                _add(document, (section, name), message)
        if section in document.value and not _section(document, section):
            _add(document, (section,), f"{section}: there must be at least one")


def _secrets(document: Document) -> None:
    hint = "use password: ${env:NAME} or ${file:/path}"
    for name, raw in _section(document, "databases").items():
        if not isinstance(raw, dict):
            continue
        where: Path_ = ("databases", name)
        if raw.get("password") and (*where, "password") not in document.interpolated:
            _warn(document, (*where, "password"), f"database {name}: the password stands in the file", hint)
        url = raw.get("url")
        if isinstance(url, str) and _has_password(url) and (*where, "url") not in document.interpolated:
            _warn(document, (*where, "url"), f"database {name}: the URL holds a password", hint)


def _tls_files(document: Document, databases: dict[str, Database]) -> None:
    for name, database in databases.items():
        tls = database.tls
        for key, file in (("ca", tls.ca), ("cert", tls.cert), ("key", tls.key)) if tls else ():
            if file is not None and not os.access(file, os.R_OK):
                _add(document, ("databases", name, "tls", key), f"database {name}: cannot read the file {file}")


def _has_password(url: str) -> bool:
    try:
        return bool(urlsplit(url).password)
    except ValueError:
        return False


def _references(document: Document, pipeline: _Pipeline, databases: dict[str, Database]) -> None:
    known = list(_section(document, "databases"))
    for role in ("source", "target"):
        name = pipeline.text(role)
        if name is not None and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known databases: {', '.join(known)}"
            _add(document, (*pipeline.path, role), f"pipeline {pipeline.name}: no database {name!r}", hint)


def _same_database(document: Document, pipeline: _Pipeline, databases: dict[str, Database]) -> None:
    source, target = pipeline.text("source"), pipeline.text("target")
    if source is None or target is None:
        return
    if source == target:
        _add(document, (*pipeline.path, "target"), f"pipeline {pipeline.name}: source and target are both {source!r}")
    elif source in databases and target in databases and _place(databases[source]) == _place(databases[target]):
        message = f"pipeline {pipeline.name}: {source!r} and {target!r} are the same database"
        _add(document, (*pipeline.path, "target"), message)


def _place(database: Database) -> tuple[Engine, str, int, str]:
    host = "127.0.0.1" if database.host == "localhost" else database.host
    return database.engine, host, database.port, database.name


def _opposed_names(document: Document, databases: dict[str, Database]) -> None:
    """Two names for one database would make each other's echoes look like news."""
    places: dict[tuple[Engine, str, int, str], str] = {}
    for name, database in databases.items():
        first = places.setdefault(_place(database), name)
        if first != name:
            message = f"database {name}: the same database as {first!r}; echoes are recognised by one name for each"
            _add(document, ("databases", name, "url"), message, f"use {first!r} in every pipeline")


def _slots(document: Document, pipelines: list[_Pipeline], databases: dict[str, Database]) -> None:
    slots: dict[tuple[str, int, str], str] = {}
    publications: dict[tuple[str, int, str, str], str] = {}
    for pipeline in pipelines:
        database = databases.get(pipeline.text("source") or "")
        if database is None or not database.engine.facts.keeps_slots:
            continue
        settings = pipeline.settings()
        slot, publication = slot_name(pipeline.name, settings), publication_name(pipeline.name, settings)
        first = slots.setdefault((database.host, database.port, slot), pipeline.name)
        if first != pipeline.name:
            message = f"pipeline {pipeline.name}: slot {slot!r} belongs to pipeline {first!r}"
            _add(document, (*pipeline.path, "slot"), message, "each pipeline needs a slot of its own")
        owner = publications.setdefault((*_place(database)[1:], publication), pipeline.name)
        if owner != pipeline.name:
            message = f"pipeline {pipeline.name}: publication {publication!r} belongs to pipeline {owner!r}"
            _add(document, (*pipeline.path, "publication"), message)


def _meshes(document: Document, pipelines: list[_Pipeline], databases: dict[str, Database]) -> None:
    """In a circle of databases a change must come along one way only: the slower one would bring back an old state."""
    for pipeline, first, second in meshes.double_ways([*_hops(pipelines, databases)]):
        message = (
            f"pipeline {pipeline}: changes come to {first[-1]!r} along two ways, {' → '.join(first)} and "
            f"{' → '.join(second)}, and go back"
        )
        hint = "connect the databases in a line or a star, so that every change has one way to each of them"
        _add(document, ("pipelines", pipeline), message, hint)


def _hops(pipelines: list[_Pipeline], databases: dict[str, Database]) -> Iterator[meshes.Hop]:
    for pipeline in pipelines:
        source, target = pipeline.text("source") or "", pipeline.text("target") or ""
        if source not in databases or target not in databases:
            continue
        for _, route in pipeline.routes():
            there = meshes.whole_name(route.to, databases[target].default_schema)
            yield meshes.Hop(
                pipeline.name,
                source,
                meshes.whole_name(route.from_, databases[source].default_schema),
                target,
                there,
            )


def _routes(document: Document, pipeline: _Pipeline) -> None:
    seen: dict[tuple[str, str], tuple[Path_, RouteSettings]] = {}
    for path, route in pipeline.routes():
        _table_names(document, path, route)
        _wildcards(document, path, route)
        first = seen.setdefault((route.from_, route.to), (path, route))
        if first[0] != path and (route.key is None or route.key == first[1].key):
            message = f"{route.from_} goes to {route.to} twice (line {document.line(first[0])} as well)"
            _add(document, path, message, "give each route a `key` of its own, or merge them")


def _expressions(document: Document, pipeline: _Pipeline, databases: dict[str, Database]) -> None:
    """Syntax only: whether the columns exist is known once the source is connected."""
    source = databases.get(pipeline.text("source") or "")
    if source is None:
        return
    dialect = source.engine.facts.dialect
    for path, route in pipeline.routes():
        texts: list[tuple[Path_, object]] = [
            ((*path, "columns", name), text) for name, text in (route.columns or {}).items()
        ]
        for place, text in [*texts, ((*path, "where"), route.where)]:
            if isinstance(text, str):
                _expression(document, place, text, dialect)


def _expression(document: Document, path: Path_, text: str, dialect: str) -> None:
    from cdc_agent.expressions.expression import parse  # only files with expressions pay for loading the parser

    try:
        parse(text, dialect)
    except ExpressionError as error:
        place = "where" if path[-1] == "where" else f"column {path[-1]}"
        _add(document, path, f"{place}: {error.message}", "\n  ".join(error.details))


def _table_names(document: Document, path: Path_, route: RouteSettings) -> None:
    for key, name in (("from", route.from_), ("to", route.to)):
        try:
            split_name(name, "default")
        except ConfigError as error:
            _add(document, (*path, key), f"`{key}`: {error.message}", error.advice)


def _wildcards(document: Document, path: Path_, route: RouteSettings) -> None:
    source, target = route.from_.count("*"), route.to.count("*")
    if source != target:
        message = f"`from: {route.from_}` and `to: {route.to}` must have the same number of `*`"
        _add(document, (*path, "to"), message)
    if source and (route.columns is not None or route.key is not None):
        _add(document, path, f"`from: {route.from_}`: a wildcard route cannot have `columns` or `key`")
