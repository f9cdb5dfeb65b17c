"""A table of MySQL or MariaDB as its log would describe it: what the catalogue says in, a `Description` out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cdc_agent.engines.mysql import printed
from cdc_agent.engines.mysql.identifiers import quote_name
from cdc_agent.model.changes import Column
from cdc_agent.model.tables import TargetTable
from cdc_agent.model.values import Kind, Type
from cdc_agent.tables.base import Description, logged


def described(found: TargetTable, words: Mapping[str, str], mixed: bool, mariadb: bool) -> Description:
    """`words` are the catalogue's for the types of the columns; `mixed` says that the key runs in two directions."""
    columns = [
        Column(one.name, _as_logged(one.type, words[one.name], mariadb=mariadb), one.nullable, derived=one.generated)
        for one in found.columns
    ]
    return Description(
        catalogue=found,
        table=logged(found.full_name, columns, found.primary_key),
        place=quote_name(*found.full_name),
        selected=tuple(printed.selected(column.name, column.type, words[column.name]) for column in columns),
        unordered=_unordered(found, mixed),
    )


def _as_logged(type_: Type, word: str, *, mariadb: bool) -> Type:
    """The type as table maps have it, which do not know the types that MariaDB has made of others."""
    if word in ("uuid", "inet6", "inet4"):
        size = 4 if word == "inet4" else 16
        return Type(Kind.BYTES, f"binary({size})", length=size, fixed=True)
    if mariadb and type_.kind is Kind.JSON:
        return replace(type_, kind=Kind.TEXT)
    return type_


def _unordered(found: TargetTable, mixed: bool) -> str:
    if not found.primary_key:
        return "it has no primary key of whole columns"
    return "the columns of its key run in different directions" if mixed else ""
