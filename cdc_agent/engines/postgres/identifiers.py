"""Quoting of PostgreSQL identifiers: names in, SQL text out. Names come from other databases and are not trusted."""

from __future__ import annotations

from typing import Final

from cdc_agent.errors import TargetSchemaError

MAX_BYTES: Final = 63
"""NAMEDATALEN - 1: PostgreSQL would cut a longer name without an error, and so name something else."""


def quote(name: str) -> str:
    """The name as a quoted identifier. TargetSchemaError for a name that PostgreSQL cannot hold as it is."""
    if not name or "\0" in name:
        raise TargetSchemaError("an identifier must not be empty or contain NUL")
    if len(name.encode()) > MAX_BYTES:
        raise TargetSchemaError(
            f"a name has at most {MAX_BYTES} bytes in PostgreSQL: {name!r}",
            hint="give the route a shorter name in `to` or `columns`",
        )
    return '"' + name.replace('"', '""') + '"'


def qualified(schema: str, name: str) -> str:
    """``"schema"."name"``. TargetSchemaError as `quote`."""
    return f"{quote(schema)}.{quote(name)}"


def literal(text: str) -> str:
    """A string literal, for the few commands that take no parameters (replication commands, DDL)."""
    if "\0" in text:
        raise ValueError("a string must not contain NUL in PostgreSQL")
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f" E'{escaped}'" if "\\" in text else f"'{escaped}'"
