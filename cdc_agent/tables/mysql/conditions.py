"""What a MySQL or MariaDB server is to compare keys with: a description and keys in, SQL and its parameters out.

A composite key is compared column by column, which the range optimiser follows into its index where it does not follow
a comparison of rows. ENUM and SET are compared as the numbers by which they are ordered.

https://dev.mysql.com/doc/refman/8.4/en/range-optimization.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cdc_agent.engines.mysql import printed
from cdc_agent.engines.mysql.identifiers import quote
from cdc_agent.model.changes import Column, Table
from cdc_agent.model.values import Kind, Row, Value
from cdc_agent.tables.base import Description, sent


def _columns(description: Description) -> list[Column]:
    return [description.table.columns[index] for index in description.table.key]


def _name(name: str) -> str:
    return literal(quote(name))


def literal(sql: str) -> str:
    """SQL that holds names, in a statement whose parameters the driver formats with ``%``."""
    return sql.replace("%", "%%")


def key_columns(description: Description, direction: str = "") -> str:
    """The key as a list, for ORDER BY with a direction."""
    return ", ".join(_name(column.name) + direction for column in _columns(description))


def key_parameters(description: Description, key: Row) -> list[object]:
    """What the driver sends for a key."""
    pairs = zip(_columns(description), key, strict=True)
    return [printed.ordinal(sent(value) or b"", column.type) for column, value in pairs]


def among(description: Description, count: int) -> str:
    """Whether the key is one of so many: an IN of rows converts neither character sets nor numbers of labels."""
    columns = _columns(description)
    if len(columns) == 1:
        return f"{key_columns(description)} IN ({', '.join([printed.compared(columns[0].type)] * count)})"
    one = " AND ".join(f"{_name(column.name)} = {printed.compared(column.type)}" for column in columns)
    return " OR ".join([f"({one})"] * count)


def between(description: Description, after: Row | None, upto: Row | None) -> tuple[str, list[object]]:
    """The WHERE clause of a range, and its parameters."""
    conditions: list[str] = []
    parameters: list[object] = []
    for sign, last, bound in ((">", ">", after), ("<", "<=", upto)):
        if bound is not None:
            conditions.append(_beyond(description, sign, last))
            parameters += _repeated(key_parameters(description, bound))
    return (f"WHERE {' AND '.join(conditions)}" if conditions else ""), parameters


def _beyond(description: Description, sign: str, last: str) -> str:
    """``a > x OR a = x AND (b > y)``; the parameters are `_repeated`."""
    *leading, final = [(_name(column.name), printed.compared(column.type)) for column in _columns(description)]
    condition = f"{final[0]} {last} {final[1]}"
    for name, value in reversed(leading):
        condition = f"{name} {sign} {value} OR {name} = {value} AND ({condition})"
    return f"({condition})"


def _repeated(values: Sequence[object]) -> Iterator[object]:
    for value in values[:-1]:
        yield value
        yield value
    yield values[-1]


def same(table: Table, key: Mapping[str, Value]) -> tuple[str, list[object]]:
    """Whether a row is the one of this key, which may be every column of a table without one, NULLs among them."""
    types = {column.name: column.type for column in table.columns}
    conditions: list[str] = []
    parameters: list[object] = []
    for name, value in key.items():
        text, type_ = sent(value), types[name]
        column = f"HEX({_name(name)})" if type_.kind is Kind.GEOMETRY else _name(name)
        conditions.append(f"{column} <=> {printed.compared(type_)}")
        parameters.append(None if text is None else printed.parameter(text, type_))
    return " AND ".join(conditions) or "FALSE", parameters
