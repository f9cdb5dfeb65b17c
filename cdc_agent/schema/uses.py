"""Which columns of a target a route writes, and from what, for one version of both tables. Pure.

In: a route's settings and both versions. Out: uses, as `mapping.binding` would find them. Never raises: what cannot be
bound has no use here, and binding says why.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cdc_agent.config.model import RouteSettings
from cdc_agent.errors import ExpressionError
from cdc_agent.expressions.expression import compile_expression
from cdc_agent.mapping.binding import dialect_of
from cdc_agent.model.engines import of_flavor
from cdc_agent.schema.versions import Column, Version


@dataclass(frozen=True, slots=True)
class Use:
    """A target column that the route writes."""

    target: str
    reads: tuple[str, ...]
    """Columns of the source."""
    plain: bool
    """It takes a source column as it is."""


def uses(settings: RouteSettings, source: Version, target: Version, engines: tuple[str, str]) -> dict[str, Use]:
    """The uses by the target's column. `engines` are those of source and target."""
    found = _by_name(source, target, engines) if settings.columns is None else _named(settings, source, target, engines)
    return {use.target: use for use in found}


def _by_name(source: Version, target: Version, engines: tuple[str, str]) -> Iterator[Use]:
    loose = any(of_flavor(engine).facts.folds_columns for engine in engines)
    for column in source.columns:
        there = same_name(target, column.name, loose=loose)
        if there is not None and not there.generated:
            yield Use(there.name, (column.name,), plain=True)


def same_name(version: Version, name: str, *, loose: bool) -> Column | None:
    """As `mapping.binding.same_name`."""
    exact = version.column(name)
    if exact is not None or not loose:
        return exact
    alike = [column for column in version.columns if column.name.lower() == name.lower()]
    return alike[0] if len(alike) == 1 else None


def _named(settings: RouteSettings, source: Version, target: Version, engines: tuple[str, str]) -> Iterator[Use]:
    types = {column.name: column.type for column in source.columns}
    loose = of_flavor(engines[1]).facts.folds_columns
    for name, text in (settings.columns or {}).items():
        there = same_name(target, name, loose=loose)
        if there is None or there.generated:
            continue
        if not isinstance(text, str):
            yield Use(there.name, (), plain=False)
            continue
        try:
            expression = compile_expression(text, types, dialect_of(engines[0]))
        except ExpressionError:
            continue
        plain = expression.column is not None
        yield Use(there.name, (expression.column,) if expression.column else tuple(expression.reads), plain)
