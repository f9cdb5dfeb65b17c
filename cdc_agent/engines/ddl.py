"""Statements that make or change a target's tables in the shape of the source's. Shapes in, statements out; pure.

What an engine spells in its own way is in its `Dialect` (`engines/ENGINE/ddl.py`); `registry.dialect` finds it. Nothing
here connects to a database, and nothing drops or narrows.

A table is made in three steps, since foreign keys may point in circles: the table with its keys, its indexes, and, when
all tables are there, its foreign keys. What the target cannot have is left out and said, never replaced by something
that means less than it seems to.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, Protocol

from cdc_agent.errors import TargetSchemaError
from cdc_agent.model.changes import TableName
from cdc_agent.model.engines import of_flavor
from cdc_agent.model.shapes import Default, Index, Shape
from cdc_agent.model.tables import ForeignKey, TargetColumn

SchemaOf = Callable[[str, str], "str | None"]
"""(a type as it is declared, its bare name) → the schema that it has on the target; None when it is not there."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One source table and the target table that is to hold it."""

    shape: Shape
    target: TableName
    names: Mapping[str, str]
    """Source column → target column, in the order of the target's columns."""
    key: tuple[str, ...] | None = None
    """The target's columns that the route names as its key."""


class Reference(NamedTuple):
    """The statement that adds a foreign key, and the target table that it refers to."""

    parent: TableName
    statement: str


@dataclass(frozen=True, slots=True)
class Made:
    """The statements that make one target table, in the order in which they run."""

    target: TableName
    table: str
    indexes: tuple[str, ...] = ()
    foreign_keys: tuple[Reference, ...] = ()
    """They run when all tables are there."""
    left_out: tuple[str, ...] = ()
    """What the source's table has and this one will not, in words."""

    @property
    def statements(self) -> tuple[str, ...]:
        return (self.table, *self.indexes, *(key.statement for key in self.foreign_keys))


class Dialect(Protocol):
    """How one engine spells it, for sources of one flavour."""

    @property
    def flavor(self) -> str: ...

    @property
    def source_flavor(self) -> str: ...

    @property
    def referential_actions(self) -> frozenset[str]:
        """What ON DELETE and ON UPDATE may say."""

    def quote(self, *names: str) -> str:
        """A quoted, possibly qualified identifier. Raises TargetSchemaError for a name that the engine cannot hold."""

    def declared(self, name: str, column: TargetColumn, *, in_key: bool) -> str:
        """The type of a column, with what its values need to be equal where the source's are. TargetSchemaError."""

    def default(self, declared: str, column: TargetColumn, default: Default) -> str | None:
        """What follows DEFAULT; None where the engine has no such default."""

    def unfilled(self, declared: str) -> str:
        """What a column that may not be NULL needs where it has no default, so that the server invents nothing."""

    def numbered(self, declared: str, *, leads_key: bool) -> str | None:
        """What makes a column count by itself; None where it cannot."""

    def required(self, columns: Mapping[str, str], key: Sequence[str]) -> None:
        """Raise TargetSchemaError unless columns of these types can be a key."""

    def index(self, table: str, columns: Mapping[str, str], index: Index) -> str | None:
        """The statement of an index; `columns` are the types. None where the engine cannot have it as it is meant."""

    def options(self) -> str:
        """What follows the columns of a table."""

    def changed(self, table: str, name: str, declared: str, *, nullable: bool) -> list[str]:
        """The statements that give a column another type."""

    def constraint_name(self, key: ForeignKey) -> str | None:
        """The name of a foreign key; None to let the server choose."""


# --- whole tables ------------------------------------------------------------------------------------------------


def create(
    copies: Iterable[Copy], dialect: Dialect, *, without: Collection[TableName] = ()
) -> Iterator[Made | TargetSchemaError]:
    """The statements for these tables, or for each that cannot be made the error that names it, in their order.

    Tables of the target in `without` are there: they are not made, and foreign keys may refer to them.
    """
    copies = list(copies)
    placed = _placed(copies)
    referenced = _referenced(copies)
    for copy in copies:
        if copy.target in without:
            continue
        try:
            yield _Table(copy, dialect, placed, referenced).made()
        except TargetSchemaError as error:
            yield _named(error, copy.target)


def _named(error: TargetSchemaError, target: TableName) -> TargetSchemaError:
    return TargetSchemaError(f"{'.'.join(target)}: {error.message}", details=error.details, hint=error.advice)


def _placed(copies: Iterable[Copy]) -> dict[TableName, Copy | None]:
    """Source table → where it goes; None where it goes to several tables, so that a reference has no one meaning."""
    found: dict[TableName, Copy | None] = {}
    for copy in copies:
        name = copy.shape.table.full_name
        found[name] = None if name in found else copy
    return found


def _referenced(copies: Iterable[Copy]) -> dict[TableName, set[str]]:
    """Source table → its columns that some foreign key refers to."""
    found: dict[TableName, set[str]] = {}
    for copy in copies:
        for key in copy.shape.table.foreign_keys:
            found.setdefault(key.references, set()).update(key.referenced_columns)
    return found


class _Table:
    """One table on its way from shape to statements."""

    def __init__(
        self,
        copy: Copy,
        dialect: Dialect,
        placed: Mapping[TableName, Copy | None],
        referenced: Mapping[TableName, set[str]],
    ) -> None:
        self._copy = copy
        self._shape = copy.shape
        self._dialect = dialect
        self._placed = placed
        self._left: list[str] = list(copy.shape.untold)
        self._key = copy.key or key_of(copy)
        self._columns = {
            target: column
            for source, target in copy.names.items()
            if (column := self._shape.table.column(source)) is not None and self._kept(column)
        }
        self._compared = self._compared_columns(referenced)

    def _kept(self, column: TargetColumn) -> bool:
        """A copy of a generated column that is not logged would stay empty."""
        if column.generated and not of_flavor(self._dialect.source_flavor).facts.logs_generated:
            self._left.append(f"column {column.name}, which is generated and not in the log")
            return False
        return True

    def _compared_columns(self, referenced: Mapping[TableName, set[str]]) -> frozenset[str]:
        """The target's columns whose values identify rows, so that their type must allow it."""
        names = set(self._key)
        for key in self._shape.table.foreign_keys:
            names.update(self._renamed(key.columns) or ())
        wanted = referenced.get(self._shape.table.full_name, set())
        names.update(self._copy.names[name] for name in wanted if name in self._copy.names)
        return frozenset(names)

    def _renamed(self, columns: Iterable[str]) -> tuple[str, ...] | None:
        """The target's names of source columns; None unless all of them are copied."""
        found = [self._copy.names.get(name) for name in columns]
        return None if None in found else tuple(name for name in found if name is not None)

    def made(self) -> Made:
        if not self._shape.logged:
            raise TargetSchemaError(
                f"the changes of {'.'.join(self._shape.table.full_name)}, an UNLOGGED table, are not in any log",
                hint="ALTER TABLE … SET LOGGED on the source, or leave the table out with `exclude`",
            )
        table = self._dialect.quote(*self._copy.target)
        types = {
            name: self._dialect.declared(name, column, in_key=name in self._compared)
            for name, column in self._columns.items()
        }
        body = [self._column(name, column, types[name]) for name, column in self._columns.items()]
        if self._key:
            self._dialect.required(types, self._key)
            body.append(f"PRIMARY KEY ({self._listed(self._key)})")
        lines = ",\n  ".join(body)
        return Made(
            target=self._copy.target,
            table=f"CREATE TABLE {table} (\n  {lines}\n){self._dialect.options()}",
            indexes=tuple(self._indexes(table, types)),
            foreign_keys=tuple(self._foreign_keys(table)),
            left_out=tuple(self._left),
        )

    def _listed(self, names: Iterable[str]) -> str:
        return ", ".join(self._dialect.quote(name) for name in names)

    def _column(self, name: str, column: TargetColumn, declared: str) -> str:
        # NULL is written too: without it a TIMESTAMP of MariaDB before 10.10 is NOT NULL, and set by any update.
        null = " NULL" if column.nullable and name not in self._key else " NOT NULL"
        return f"{self._dialect.quote(name)} {declared}{null}{self._filled(name, column, declared)}"

    def _filled(self, name: str, column: TargetColumn, declared: str) -> str:
        """The clause by which a column gets its value when an insert leaves it out."""
        if column.generated:
            self._left.append(f"the expression of column {name}, a plain column here")
            return ""
        if column.identity:
            counts = self._dialect.numbered(declared, leads_key=self._key[:1] == (name,))
            if counts is None:
                self._left.append(f"the numbering of column {name}")
            return counts or ""
        unfilled = self._dialect.unfilled(declared) if not column.nullable else ""
        default = self._shape.defaults.get(column.name)
        if default is None:
            return unfilled
        found = self._dialect.default(declared, column, default)
        if found is None:
            self._left.append(f"the default of column {name}, {default.text}")
        return unfilled if found is None else f" DEFAULT {found}"

    def _indexes(self, table: str, types: Mapping[str, str]) -> Iterator[str]:
        for index in self._shape.indexes:
            columns = self._renamed(index.columns)
            if columns is None or not set(columns) <= set(types):
                self._left.append(f"index {index.name}, whose columns are not all copied")
                continue
            if index.unique and columns == self._key:
                continue
            prefixes = {self._copy.names[name]: size for name, size in index.prefixes.items()}
            renamed = replace(index, columns=columns, prefixes=prefixes)
            statement = self._dialect.index(table, types, renamed)
            if statement is None:
                kind = "unique index" if index.unique else "index"
                self._left.append(
                    f"{kind} {index.name} ({', '.join(columns)}), which {self._dialect.flavor} cannot hold"
                )
            else:
                yield statement

    def _foreign_keys(self, table: str) -> Iterator[Reference]:
        for key in self._shape.table.foreign_keys:
            statement = self._foreign_key(table, key)
            if statement is None:
                parent = ".".join(key.references)
                self._left.append(f"foreign key {key.name} ({', '.join(key.columns)}) to {parent}")
            else:
                yield statement

    def _foreign_key(self, table: str, key: ForeignKey) -> Reference | None:
        """None where the parent is not copied whole, to one table, under a key of just these columns."""
        parent = self._placed.get(key.references)
        columns = self._renamed(key.columns)
        if parent is None or columns is None or not {key.on_delete, key.on_update} <= self._actions:
            return None
        referenced = [parent.names.get(name) for name in key.referenced_columns]
        found = tuple(name for name in referenced if name is not None)
        if len(found) != len(referenced) or not _identifies(parent, found):
            return None
        name = self._dialect.constraint_name(key)
        constraint = f"CONSTRAINT {self._dialect.quote(name)} " if name else ""
        statement = (
            f"ALTER TABLE {table} ADD {constraint}FOREIGN KEY ({self._listed(columns)}) REFERENCES "
            f"{self._dialect.quote(*parent.target)} ({self._listed(found)})"
            f" ON DELETE {key.on_delete} ON UPDATE {key.on_update}"
        )
        return Reference(parent.target, statement)

    @property
    def _actions(self) -> frozenset[str]:
        return self._dialect.referential_actions


def _identifies(parent: Copy, columns: Sequence[str]) -> bool:
    """Whether the parent's table will have a unique key of just these columns."""
    if sorted(columns) == sorted(parent.key or key_of(parent)):
        return True
    renamed = [[parent.names.get(name) for name in index.columns] for index in parent.shape.indexes if index.unique]
    return any(None not in names and sorted(filter(None, names)) == sorted(columns) for names in renamed)


def key_of(copy: Copy) -> tuple[str, ...]:
    """The primary key of the copy, under the target's names; () where the source has no key that is copied whole.

    Where the source has no primary key, it is the key by which the log knows rows, else the first unique key that may
    not be NULL.
    """
    table = copy.shape.table
    required = {column.name for column in table.columns if not column.nullable}
    unique = [index.columns for index in copy.shape.indexes if index.unique and not index.prefixes]
    candidates = [table.primary_key, copy.shape.identity, *(one for one in unique if required.issuperset(one))]
    for columns in candidates[:1] if table.primary_key else candidates[1:]:
        names = [copy.names.get(column) for column in columns]
        if names and None not in names:
            return tuple(name for name in names if name is not None)
    return ()


# --- single columns ----------------------------------------------------------------------------------------------


def add_column(
    table: TableName, name: str, column: TargetColumn, dialect: Dialect, default: Default | None = None
) -> str:
    """The statement that adds a column of the source, here called `name`. Raises TargetSchemaError.

    A column that may not be NULL may here, unless it has a default: the rows that are there have no value for it.
    """
    declared = dialect.declared(name, column, in_key=False)
    filled = dialect.default(declared, column, default) if default else None
    null = " NULL" if column.nullable or filled is None else " NOT NULL"
    clause = f" DEFAULT {filled}" if filled is not None else ""
    return f"ALTER TABLE {dialect.quote(*table)} ADD COLUMN {dialect.quote(name)} {declared}{null}{clause}"


def change_column(
    table: TableName, name: str, column: TargetColumn, dialect: Dialect, *, in_key: bool = False
) -> list[str]:
    """The statements that give a column the type of the source's; it may be NULL where the source's may."""
    declared = dialect.declared(name, column, in_key=in_key)
    return dialect.changed(dialect.quote(*table), name, declared, nullable=column.nullable and not in_key)


def rename_column(table: TableName, old: str, new: str, dialect: Dialect) -> str:
    """The statement that gives a column another name (MySQL 8.0, MariaDB 10.5, PostgreSQL)."""
    return f"ALTER TABLE {dialect.quote(*table)} RENAME COLUMN {dialect.quote(old)} TO {dialect.quote(new)}"


EVERY_ACTION: Final = frozenset(("NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT"))
