"""Questions to a MySQL or MariaDB server's catalogue: a statement in, its rows out, errors as the agent's own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pymysql

from cdc_agent.engines.mysql.connection import Session
from cdc_agent.engines.mysql.failures import translate
from cdc_agent.errors import Retryable


def rows_of(
    connection: Session,
    statement: str,
    arguments: Sequence[Any],
    unavailable: type[Retryable],
    doing: str = "reading information_schema",
) -> list[tuple[Any, ...]]:
    """The statement's rows. Raises `unavailable`, PrivilegeMissing and what else `failures` makes of an error."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, arguments or None)
            return list(cursor.fetchall())
    except pymysql.MySQLError as error:
        raise translate(error, doing, unavailable=unavailable) from error


def of_tables(
    connection: Session, statement: str, schema: str, names: Sequence[str], unavailable: type[Retryable]
) -> list[tuple[Any, ...]]:
    """The rows for some tables of a schema.

    One is compared by ``=``: MariaDB then looks for it as the file system has it, where lists match in any case.
    """
    chosen, which = ("= %s", names[0]) if len(names) == 1 else ("IN %s", names)
    return rows_of(connection, statement.format(chosen=chosen), (schema, which), unavailable)


def by_table(rows: Iterable[tuple[Any, ...]]) -> dict[str, list[tuple[Any, ...]]]:
    """Rows whose first column is a table's name, under it and without it."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for table, *row in rows:
        found.setdefault(table, []).append(tuple(row))
    return found
