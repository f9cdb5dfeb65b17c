"""What a route means for one source table version and one target table: which columns, from what, and which key.

In: settings and the two descriptions. Out: a `Bound`, from which `program` generates the plan's function and which
`reference` interprets. Raises for everything that cannot work, before the first row.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cdc_agent.config.model import Misfit, RouteSettings
from cdc_agent.conversions.convert import Context, Convert, ImpossibleError, Way, conversion
from cdc_agent.errors import AgentError, ColumnGone, LogUnusable, TargetSchemaError
from cdc_agent.expressions.expression import (
    Expression,
    UnknownColumnError,
    compile_constant,
    compile_expression,
    compile_filter,
)
from cdc_agent.model.changes import Identity, Table
from cdc_agent.model.engines import of_flavor
from cdc_agent.model.tables import TargetColumn, TargetTable
from cdc_agent.model.values import Type
from cdc_agent.model.writes import Binding


@dataclass(frozen=True, slots=True, eq=False)
class Pick:
    """Where one target column's value comes from: a source column as it is, or an expression; then a conversion."""

    target: TargetColumn
    reads: tuple[int, ...]
    """Indexes of the source columns."""
    expression: Expression | None
    way: Way

    @property
    def convert(self) -> Convert | None:
        """None when every value passes as it is."""
        return self.way.convert


@dataclass(frozen=True, slots=True, eq=False)
class Filter:
    """The route's `where`."""

    expression: Expression
    reads: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    binding: Binding
    source: Table
    picks: tuple[Pick, ...]
    filter: Filter | None
    misfit: Misfit

    @property
    def needed(self) -> tuple[int, ...]:
        """The source columns without which no change can be mapped: the filter's and the key's."""
        reads = {index for place in self.binding.key for index in self.picks[place].reads}
        return tuple(sorted(reads | set(self.filter.reads if self.filter else ())))


def bound(settings: RouteSettings, source: Table, target: TargetTable, context: Context) -> Bound:
    """Resolve a route.

    Raises TargetSchemaError, ColumnGone, ExpressionError, or LogUnusable when the log does not identify old rows.
    """
    dialect = dialect_of(context.source_engine)
    picks = tuple(_picks(settings, source, target, context, dialect))
    if not picks:
        raise TargetSchemaError(f"{_name(source.full_name)} and {_name(target.full_name)} have no column in common")
    columns = tuple(pick.target for pick in picks)
    key = key_columns(settings, target, [column.name for column in columns])
    places = tuple(i for name in key for i, column in enumerate(columns) if column.name == name)
    everything = tuple(range(len(columns)))
    binding = Binding(target, columns, places or everything, keyless=not key, source=source.full_name)
    result = Bound(binding, source, picks, _filter(settings, source, dialect), settings.misfit)
    _check_identity(result)
    return result


def refusals(settings: RouteSettings, source: Table, target: TargetTable, context: Context) -> list[AgentError]:
    """The errors of all the columns and of the filter that cannot be, each as `bound` would raise it alone."""
    dialect = dialect_of(context.source_engine)
    found: list[AgentError] = []
    for name, text in (settings.columns or {}).items():
        with _kept(found):
            _mapped(name, text, source, target, context, dialect)
    with _kept(found):
        _filter(settings, source, dialect)
    return found


@contextlib.contextmanager
def _kept(found: list[AgentError]) -> Iterator[None]:
    try:
        yield
    except AgentError as error:
        found.append(error)


def dialect_of(engine: str) -> str:
    """The name in sqlglot of an engine's SQL."""
    return of_flavor(engine).facts.dialect


def _name(name: tuple[str, str]) -> str:
    return ".".join(name)


# --- columns -----------------------------------------------------------------------------------------------------


def _picks(
    settings: RouteSettings, source: Table, target: TargetTable, context: Context, dialect: str
) -> Iterator[Pick]:
    if settings.columns is None:
        loose = any(of_flavor(engine).facts.folds_columns for engine in (context.source_engine, context.engine))
        for index, name in enumerate(column.name for column in source.columns):
            column = same_name(target, name, loose=loose)
            if column is not None and not column.generated:
                yield _plain(source, index, column, context)
        return
    for name, text in settings.columns.items():
        yield _mapped(name, text, source, target, context, dialect)


def _mapped(
    name: str,
    text: str | int | float | bool | None,
    source: Table,
    target: TargetTable,
    context: Context,
    dialect: str,
) -> Pick:
    column = _written(target, name, loose=of_flavor(context.engine).facts.folds_columns)
    expression = _compile(text, name, source, dialect)
    if expression.column is not None:
        return _plain(source, _index(source, expression.column), column, context)
    return _computed(source, expression, column, context)


def same_name(target: TargetTable, name: str, *, loose: bool) -> TargetColumn | None:
    """The target's column of that name; MySQL does not tell columns apart by case."""
    exact = target.column(name)
    if exact is not None or not loose:
        return exact
    alike = [column for column in target.columns if column.name.lower() == name.lower()]
    return alike[0] if len(alike) == 1 else None


def _written(target: TargetTable, name: str, *, loose: bool) -> TargetColumn:
    column = same_name(target, name, loose=loose)
    if column is None:
        raise TargetSchemaError(
            f"target table {_name(target.full_name)} has no column {name}",
            hint=f"its columns are {', '.join(one.name for one in target.columns)}",
        )
    if column.generated:
        raise TargetSchemaError(
            f"column {name} of {_name(target.full_name)} is generated and cannot be written",
            hint="leave it out of the route's columns",
        )
    return column


def _compile(text: str | int | float | bool | None, name: str, source: Table, dialect: str) -> Expression:
    if not isinstance(text, str):
        return compile_constant(text, dialect)
    return _known(source, lambda: compile_expression(text, types_of(source), dialect, place=f"column {name}"))


def types_of(source: Table) -> dict[str, Type]:
    return {column.name: column.type for column in source.columns}


def _known(source: Table, compile_: Callable[[], Expression]) -> Expression:
    try:
        return compile_()
    except UnknownColumnError as error:
        raise ColumnGone(
            f"{_name(source.full_name)}: {error.message}", hint=error.advice, details=error.details
        ) from error


def _index(source: Table, name: str) -> int:
    return next(i for i, column in enumerate(source.columns) if column.name == name)


def _plain(source: Table, index: int, column: TargetColumn, context: Context) -> Pick:
    return Pick(column, (index,), None, _way(source, source.columns[index].type, column, context))


def _computed(source: Table, expression: Expression, column: TargetColumn, context: Context) -> Pick:
    reads = tuple(_index(source, name) for name in expression.reads)
    return Pick(column, reads, expression, _way(source, expression.type, column, context))


def _way(source: Table, from_: Type, column: TargetColumn, context: Context) -> Way:
    try:
        return conversion(from_, column.type, context)
    except ImpossibleError as error:
        raise TargetSchemaError(
            f"{_name(source.full_name)} → column {column.name}: {error}",
            hint="give the column an expression whose result fits, or another type",
        ) from error


# --- filter and key ----------------------------------------------------------------------------------------------


def _filter(settings: RouteSettings, source: Table, dialect: str) -> Filter | None:
    text = settings.where
    if text is None:
        return None
    expression = _known(source, lambda: compile_filter(text, types_of(source), dialect))
    return Filter(expression, tuple(_index(source, name) for name in expression.reads))


def key_columns(settings: RouteSettings, target: TargetTable, mapped: Sequence[str]) -> tuple[str, ...]:
    """The target columns that identify a row; () for a table without any key.

    The route's own choice, else the primary key, else a unique key of NOT NULL columns; all of them must be mapped.
    """
    if settings.key is not None:
        return _chosen(settings.key, target, mapped)
    if target.primary_key and set(target.primary_key) <= set(mapped):
        return target.primary_key
    for key in target.unique_keys:
        if set(key) <= set(mapped) and not any(_nullable(target, name) for name in key):
            return key
    if target.primary_key:
        missing = [name for name in target.primary_key if name not in mapped]
        raise TargetSchemaError(
            f"the primary key of {_name(target.full_name)} is not mapped: {', '.join(missing)}",
            hint="map these columns, or name in the route's `key` the columns that identify a row",
        )
    return ()


def _chosen(key: tuple[str, ...], target: TargetTable, mapped: Sequence[str]) -> tuple[str, ...]:
    unknown = [name for name in key if name not in mapped]
    if unknown or not key:
        raise TargetSchemaError(
            f"the route's key names columns that it does not write: {', '.join(unknown) or '(none)'}",
            hint=f"written columns of {_name(target.full_name)}: {', '.join(mapped)}",
        )
    return key


def _nullable(target: TargetTable, name: str) -> bool:
    column = target.column(name)
    return column is None or column.nullable


def _check_identity(result: Bound) -> None:
    """Old rows of which the log sends the key alone must suffice to compute the target's key."""
    source = result.source
    if source.identity is not Identity.KEY:
        return
    reads = {index for place in result.binding.key for index in result.picks[place].reads}
    unsent = [source.columns[i].name for i in sorted(reads - set(source.key))]
    if unsent:
        raise LogUnusable(
            f"rows of {_name(result.binding.table.full_name)} are identified by {', '.join(unsent)}, which the log of "
            f"{_name(source.full_name)} does not hold for updates and deletes",
            hint=f"ALTER TABLE {_name(source.full_name)} REPLICA IDENTITY FULL (where it is partitioned each of its "
            "partitions; MySQL: binlog_row_image = FULL), or identify rows by the source's key",
        )
