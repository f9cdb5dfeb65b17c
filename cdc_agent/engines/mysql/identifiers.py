"""Quoting of MySQL's and MariaDB's identifiers: the one way in which a name gets into a statement."""

from __future__ import annotations

from typing import Final

from cdc_agent.errors import TargetSchemaError

LONGEST_NAME: Final = 64
"""Characters in a database, table or column name."""


def quote(identifier: str) -> str:
    """The identifier in backticks, those within it doubled.

    Raises TargetSchemaError for what cannot be an identifier: empty, with a NUL or a character outside the BMP, or
    longer than 64 characters. https://dev.mysql.com/doc/refman/8.4/en/identifiers.html
    """
    if not identifier or "\0" in identifier or len(identifier) > LONGEST_NAME:
        raise TargetSchemaError(f"not an identifier of MySQL: {identifier[:80]!r}")
    if any(ord(character) > 0xFFFF for character in identifier):
        raise TargetSchemaError(f"MySQL's identifiers hold no characters outside the BMP: {identifier!r}")
    return "`" + identifier.replace("`", "``") + "`"


def quote_name(schema: str, name: str) -> str:
    """A qualified table name."""
    return f"{quote(schema)}.{quote(name)}"
