"""PostgreSQL's output as canonical text, for rows of the log and rows of a table.

In: what a type's output function prints under `connection.SESSION`. Out: the form of `values.Kind`, which is nearly
always the same.
"""

from __future__ import annotations

from cdc_agent.model.values import Kind, Type, Value


def needs_trimming(type_: Type) -> bool:
    """Whether the type prints blanks that are no part of its value: char(n)."""
    return type_.fixed and type_.kind is Kind.TEXT


def canonical(value: Value, type_: Type) -> Value:
    """PostgreSQL's output as canonical text; under the agent's session settings only char(n) differs."""
    return value.rstrip(b" ") if isinstance(value, bytes) and needs_trimming(type_) else value
