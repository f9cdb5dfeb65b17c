"""How two versions of a source table differ, column by column. Pure.

The order of columns is no difference: rows are mapped by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from cdc_agent.conversions.base import Code, Context, ImpossibleError
from cdc_agent.conversions.convert import conversion
from cdc_agent.model.values import Kind, Type
from cdc_agent.schema.versions import Column, Version


@dataclass(frozen=True, slots=True)
class Added:
    column: Column


@dataclass(frozen=True, slots=True)
class Dropped:
    column: Column


@dataclass(frozen=True, slots=True)
class Renamed:
    """The same column under another name."""

    before: Column
    after: Column


@dataclass(frozen=True, slots=True)
class Retyped:
    before: Column
    after: Column


@dataclass(frozen=True, slots=True)
class Loosened:
    """It may be NULL now."""

    column: Column


@dataclass(frozen=True, slots=True)
class Rekeyed:
    before: tuple[str, ...]
    after: tuple[str, ...]


Difference: TypeAlias = "Added | Dropped | Renamed | Retyped | Loosened | Rekeyed"


def compare(
    known: Version, now: Version, told: Sequence[tuple[str, str]] = (), *, types: bool = True
) -> Iterator[Difference]:
    """What changed from `known` to `now`. `told` are columns of which the log says that they were renamed.

    Without `types` only names are compared. A rename that is neither told nor seen by the column's number is a column
    dropped and another added.
    """
    renamed = _renamed(known, now, told)
    after = {new: old for old, new in renamed.items()}
    for column in now.columns:
        old = after.get(column.name)
        before = known.column(old or column.name)
        if before is None:
            yield Added(column)
            continue
        if old is not None:
            yield Renamed(before, column)
        if types:
            yield from _changed(before, column)
    for column in known.columns:
        if column.name not in now.names and column.name not in renamed:
            yield Dropped(column)
    names = tuple(renamed.get(name, name) for name in known.key)
    if names != now.key and types:
        yield Rekeyed(names, now.key)


def _changed(before: Column, after: Column) -> Iterator[Difference]:
    if before.type != after.type:
        yield Retyped(before, after)
    if after.nullable and not before.nullable:
        yield Loosened(after)


def _renamed(known: Version, now: Version, told: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Old name → new name."""
    names = {column.name: column.name for column in known.columns}
    for old, new in told:
        names = {first: new if last == old else last for first, last in names.items()}
    numbers = {column.number: column.name for column in now.columns if column.number}
    for column in known.columns:
        if column.number in numbers:
            names[column.name] = numbers[column.number]
    left, come = known.names - now.names, now.names - known.names
    return {old: new for old, new in names.items() if old in left and new in come}


def lossless(before: Type, after: Type, engine: str) -> bool:
    """Whether every value of a column was the same before and after it took another type, on one engine."""
    if before.kind is not after.kind and (before.kind, after.kind) != (Kind.INTEGER, Kind.DECIMAL):
        return False
    return not _codes(before, after, Context(engine=engine, source_engine=engine))


def fits(before: Type, after: Type, target_before: Type, target: Type, context: Context) -> bool:
    """Whether a target column takes the values of a type no less than it took those of the type before."""
    return _codes(after, target, context) <= _codes(before, target_before, context)


def takes(source: Type, target: Type, context: Context) -> bool:
    """Whether a target column takes every value of a type."""
    return not _codes(source, target, context)


def _codes(source: Type, target: Type, context: Context) -> frozenset[Code]:
    try:
        return conversion(source, target, context).codes - {Code.FORM}
    except ImpossibleError:
        return frozenset(Code)
