"""What a PostgreSQL server is to compare keys with: a description and keys in, SQL and its parameters out.

Keys are compared by the operators of the key's own index, since the session's search path holds pg_catalog alone.

https://www.postgresql.org/docs/current/functions-comparisons.html#ROW-WISE-COMPARISON
"""

from __future__ import annotations

from collections.abc import Sequence

from cdc_agent.engines.postgres.identifiers import quote
from cdc_agent.model.values import Row, Value
from cdc_agent.tables.base import Description


def key_columns(description: Description, direction: str = "") -> str:
    """The key as a list, for ORDER BY with a direction."""
    return ", ".join(description.selected[index] + direction for index in description.table.key)


def among(description: Description, count: int) -> str:
    """Whether the key is one of so many, as parameters one after the other."""
    width = len(description.table.key)
    groups = [range(1 + width * at, 1 + width * (at + 1)) for at in range(count)]
    if set(description.operators) == {quote("pg_catalog")}:
        listed = ", ".join(f"({', '.join(f'${number}' for number in group)})" for group in groups)
        return f"({key_columns(description)}) IN ({listed})"
    return " OR ".join(f"({_equal(description, group)})" for group in groups)


def _equal(description: Description, numbers: Sequence[int]) -> str:
    parts = zip(description.table.key, description.operators, numbers, strict=True)
    return " AND ".join(
        f"{description.selected[index]} OPERATOR({schema}.=) ${number}" for index, schema, number in parts
    )


def between(description: Description, after: Row | None, upto: Row | None) -> tuple[str, list[Value]]:
    """The WHERE clause of a range, and its parameters."""
    conditions: list[str] = []
    parameters: list[Value] = []
    for sign, last, bound in ((">", ">", after), ("<", "<=", upto)):
        if bound is not None:
            conditions.append(_beyond(description, sign, last, len(parameters) + 1))
            parameters += bound
    return (f"WHERE {' AND '.join(conditions)}" if conditions else ""), parameters


def _beyond(description: Description, sign: str, last: str, first: int) -> str:
    """Compared as rows; operators of different schemas are compared column by column."""
    key, schemas = description.table.key, description.operators
    numbers = range(first, first + len(key))
    if len(set(schemas)) == 1:
        bound = ", ".join(f"${number}" for number in numbers)
        return f"({key_columns(description)}) OPERATOR({schemas[0]}.{last}) ({bound})"
    parts = [
        (description.selected[index], schema, number)
        for index, schema, number in zip(key, schemas, numbers, strict=True)
    ]
    column, schema, number = parts[-1]
    condition = f"{column} OPERATOR({schema}.{last}) ${number}"
    for column, schema, number in reversed(parts[:-1]):
        equal = f"{column} OPERATOR({schema}.=) ${number}"
        condition = f"{column} OPERATOR({schema}.{sign}) ${number} OR {equal} AND ({condition})"
    return f"({condition})"
