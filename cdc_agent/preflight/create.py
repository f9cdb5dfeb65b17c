"""Missing target tables, made in the shape of their source tables (``setup --create-tables``).

In: the routes of a pipeline and both servers. Out: what `engines.ddl` says to run, run on the target, table by table;
what cannot be made is an error that names its table, and the others are made all the same. Only columns that are copied
as they are have a type to derive: a table with computed columns is a person's to make. Tables that are there are left
alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from cdc_agent.engines import ddl
from cdc_agent.engines.admin import Admin
from cdc_agent.engines.ddl import Copy, Made
from cdc_agent.errors import AgentError, PrivilegeMissing, TargetSchemaError
from cdc_agent.failpoints import around
from cdc_agent.mapping.routes import Route
from cdc_agent.model.changes import TableName
from cdc_agent.model.shapes import Shape


@dataclass(slots=True)
class Planned:
    """What the target lacks."""

    made: list[Made] = field(default_factory=list)
    there: list[TableName] = field(default_factory=list)
    failures: list[AgentError] = field(default_factory=list)
    """One for each table that cannot be made; its message names the table."""

    @property
    def missing(self) -> int:
        """How many tables the target lacks, as long as none was tried."""
        return len(self.made) + len(self.failures)


def plan(source: Admin, target: Admin, routes: Sequence[Route]) -> Planned:
    """The statements for the routes' target tables that are missing. Changes nothing."""
    shapes = source.shapes([route.source for route in routes])
    planned = Planned(there=list(target.describe_all(list(dict.fromkeys(route.target for route in routes)))))
    copies: dict[TableName, Copy] = {}
    for route in routes:
        try:
            copies.setdefault(route.target, _copy(shapes.get(route.source), route))
        except TargetSchemaError as error:
            if route.target not in planned.there:
                planned.failures.append(error)
    for one in ddl.create(copies.values(), target.dialect(source.flavor), without=planned.there):
        if isinstance(one, Made):
            planned.made.append(one)
        else:
            planned.failures.append(one)
    return planned


def _copy(shape: Shape | None, route: Route) -> Copy:
    if shape is None:
        raise TargetSchemaError(f"{_name(route.target)}: source table {_name(route.source)} is gone")
    return Copy(shape, route.target, dict(_copied(shape, route)), route.settings.key)


def _copied(shape: Shape, route: Route) -> Iterator[tuple[str, str]]:
    """(source column, target column). Raises TargetSchemaError for a computed one."""
    expressions = route.settings.columns
    if expressions is None:
        yield from ((column.name, column.name) for column in shape.table.columns)
        return
    for name, expression in expressions.items():
        bare = expression.strip().strip('"`') if isinstance(expression, str) else ""
        if shape.table.column(bare) is None:
            raise TargetSchemaError(
                f"{_name(route.target)} does not exist, and its column {name} is computed",
                hint="create the table yourself: a computed column has no type to derive",
            )
        yield bare, name


def _name(table: TableName) -> str:
    return ".".join(table)


def make(target: Admin, planned: Planned) -> list[Made]:
    """Run what was planned: tables first, then indexes, then foreign keys; returns the tables that are there now.

    What fails is added to the plan's failures, and the rest goes on.
    """
    done: list[Made] = []
    for one in planned.made:
        with around("setup.target_table"):
            if _ran(target, one, [one.table], planned):
                done.append(one)
    lost = {one.target for one in planned.made} - {one.target for one in done}
    for one in done:
        _ran(target, one, one.indexes, planned)
    for one in done:
        _ran(target, one, [key.statement for key in one.foreign_keys if key.parent not in lost], planned)
    return done


def _ran(target: Admin, made: Made, statements: Iterable[str], planned: Planned) -> bool:
    """Whether all of these statements were run; each that fails is a failure of its own."""
    failures = []
    for statement in statements:
        try:
            target.run(statement)
        except AgentError as error:
            failures.append(_failure(error, made.target, statement))
    planned.failures += failures
    return not failures


def _failure(error: AgentError, table: TableName, statement: str) -> AgentError:
    what = " ".join(statement.split()[:2]).lower()
    details = [*error.details, f"{statement};"]
    if isinstance(error, PrivilegeMissing):
        return PrivilegeMissing(f"{_name(table)}: the role may not {what}", details=details, hint=NO_RIGHT)
    return TargetSchemaError(f"{_name(table)}: {error.message}", details=details, hint=error.advice)


NO_RIGHT: Final = (
    "have a DBA run the statements above and grant the rights that `cdc-agent grants` prints, then setup again"
)


def summary(failures: Sequence[AgentError], tables: int) -> AgentError:
    """One error for all the tables that could not be made."""
    details = [line for one in failures for line in (one.message, *(f"  {detail}" for detail in one.details))]
    if all(isinstance(one, PrivilegeMissing) for one in failures):
        return PrivilegeMissing("the role may not make tables on the target", details=details, hint=NO_RIGHT)
    hints = list(dict.fromkeys(one.advice for one in failures if one.advice))
    return TargetSchemaError(
        f"{len(failures)} of {tables} missing tables could not be made as they are on the source; the others were",
        details=details,
        hint="; ".join([*hints[:3], "or leave a table out with `exclude`; then setup again"]),
    )
