"""Missing target tables, made in the shape of their source tables (``setup --create-tables``).

In: a route and its source table. Out: a CREATE TABLE statement, run on the target. Only columns that are copied as
they are have a type to derive: a table with computed columns is a person's to make.
"""

from __future__ import annotations

from collections.abc import Iterator

from cdc_agent.conversions import types
from cdc_agent.engines.admin import Admin
from cdc_agent.errors import PrivilegeMissing, TargetSchemaError
from cdc_agent.mapping.routes import Route
from cdc_agent.model.engines import of_flavor
from cdc_agent.model.tables import TargetColumn, TargetTable
from cdc_agent.preflight.sides import SIDES


def create_target_table(source: Admin, target: Admin, route: Route) -> str:
    """Create the route's target table; returns the statement.

    Raises TargetSchemaError when a column's type cannot be derived, PrivilegeMissing with the SQL for a DBA.
    """
    table = source.describe(*route.source)
    if table is None:
        raise TargetSchemaError(f"source table {'.'.join(route.source)} is gone")
    statement = statement_for(table, target, route, source.flavor)
    try:
        target.run(statement)
    except PrivilegeMissing as error:
        raise PrivilegeMissing(
            f"the role may not create {'.'.join(route.target)}",
            details=[f"{statement};"],
            hint="have a DBA run this and grant the rights that `cdc-agent grants` prints, then setup again",
        ) from error
    return statement


def statement_for(table: TargetTable, target: Admin, route: Route, source_flavor: str) -> str:
    """The CREATE TABLE statement of a route, for a source table as its catalogue has it."""
    columns = {name: column for name, column in copied(table, route) if _logged(column, source_flavor)}
    key = route.settings.key or _mapped_key(table, columns)
    lines = [_column(name, column, target, source_flavor, in_key=name in key) for name, column in columns.items()]
    if key:
        lines.append(f"PRIMARY KEY ({', '.join(target.quote(name) for name in key)})")
    body = ",\n  ".join(lines)
    options = SIDES[target.engine].table_options(target.flavor, source_flavor)
    return f"CREATE TABLE {target.quote(*route.target)} (\n  {body}\n){options}"


def _logged(column: TargetColumn, source_flavor: str) -> bool:
    """A copy of a generated column that is not logged would stay empty."""
    return not column.generated or of_flavor(source_flavor).facts.logs_generated


def copied(table: TargetTable, route: Route) -> Iterator[tuple[str, TargetColumn]]:
    """(target column, the source column that is copied to it). Raises TargetSchemaError for a computed one."""
    expressions = route.settings.columns
    if expressions is None:
        yield from ((column.name, column) for column in table.columns)
        return
    for name, expression in expressions.items():
        column = table.column(expression.strip()) if isinstance(expression, str) else None
        if column is None:
            raise TargetSchemaError(
                f"{'.'.join(route.target)} does not exist, and its column {name} is computed",
                hint="create the table yourself: a computed column has no type to derive",
            )
        yield name, column


def _mapped_key(table: TargetTable, columns: dict[str, TargetColumn]) -> tuple[str, ...]:
    """The target's names of the source's primary key; () unless all of it is copied."""
    names = {column.name: name for name, column in reversed(columns.items())}
    key = tuple(names[name] for name in table.primary_key if name in names)
    return key if len(key) == len(table.primary_key) else ()


def _column(name: str, column: TargetColumn, target: Admin, source_flavor: str, *, in_key: bool) -> str:
    type_ = types.recommended(column.type, target.flavor, source_engine=source_flavor, key=in_key)
    side = SIDES[target.engine]
    declared = side.declared(name, column, type_, target, source_flavor)
    null = " NULL" if column.nullable and not in_key else side.required(type_, target)
    # NULL is written too: a TIMESTAMP of MariaDB before 10.10 would be NOT NULL without it, and be set by any update.
    return f"{target.quote(name)} {declared}{null}"
