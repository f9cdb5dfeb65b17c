"""SQL expressions compiled to Python functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp

from cdc_agent.errors import ExpressionError
from cdc_agent.values import Kind, Type


class UnknownColumnError(ExpressionError):
    """An expression reads a column that the source table does not have."""


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    text: str
    dialect: str
    tree: exp.Expression
    reads: tuple[str, ...]
    type: Type
    column: str | None
    function: Callable[..., Any]
    readers: tuple[Callable[[bytes], Any], ...]
    render: Callable[[Any], bytes]

    def evaluate(self, values: Sequence[bytes | None]) -> bytes | None:
        result = self.function(*(None if v is None else r(v) for v, r in zip(values, self.readers, strict=True)))
        return None if result is None else self.render(result)

    def truth(self, values: Sequence[bytes | None]) -> bool:
        return self.function(*(None if v is None else r(v) for v, r in zip(values, self.readers, strict=True))) is True


def compile_expression(text: str, columns: Mapping[str, Type], dialect: str, *, place: str = "") -> Expression:
    tree = sqlglot.parse_one(text, dialect=dialect)
    if not isinstance(tree, exp.Column):
        raise ExpressionError(f"{place}: {text}")
    name = tree.name
    if name not in columns:
        raise UnknownColumnError(f"{place}: no column {name}")
    return Expression(text, dialect, tree, (name,), columns[name], name, lambda v: v, (lambda v: v,), lambda v: v)


def compile_constant(value: str | int | float | bool | None, dialect: str) -> Expression:
    raise ExpressionError("not yet")


def compile_filter(text: str, columns: Mapping[str, Type], dialect: str) -> Expression:
    raise ExpressionError("not yet")
