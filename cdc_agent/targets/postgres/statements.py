"""The SQL that writes to one target table: a binding and the table's layout in, statements out. Pure.

Every statement reads its rows from a relation ``s`` with the columns ``c0``, ``c1`` …, which comes in four forms: one
row of parameters, several, one array parameter for each column, or a staging table that COPY has filled. The rest of a
statement is the same for the four.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cdc_agent.engines.postgres.identifiers import quote
from cdc_agent.errors import TargetSchemaError
from cdc_agent.model.writes import Binding
from cdc_agent.targets.postgres.layout import ColumnLayout, Layout


class Form(enum.Enum):
    """How rows reach a statement."""

    SINGLE = "single"
    VALUES = "values"
    ARRAYS = "arrays"
    STAGE = "stage"


@dataclass(frozen=True, slots=True)
class Shape:
    """Which of a binding's columns the rows hold, in what form, and how keys are compared."""

    columns: tuple[int, ...]
    form: Form
    stage: str = ""
    """The staging table's name, for `Form.STAGE`."""
    null_safe: bool = False
    """NULL equals NULL: for keys that hold a NULL, which no unique index finds."""
    numbered: bool = False
    """Each row carries its number from 1, to tell which rows found nothing."""
    count: int = 1
    """How many rows, for `Form.VALUES`."""


class Statements:
    """The statements for one binding."""

    def __init__(self, binding: Binding, layout: Layout) -> None:
        self.binding = binding
        self.layout = layout
        self._columns = tuple(_column(layout, column.name) for column in binding.columns)
        keys = frozenset(self._columns[i].name for i in binding.key)
        self.has_arbiter = not binding.keyless and keys in layout.arbiters
        self._identity = any(column.identity for column in binding.columns)
        loose = () if binding.by_link else tuple(i for i in binding.key if self._columns[i].loose)
        self._loose = frozenset(loose)
        """The key's columns in which another row's text may be equal: a clash, and never the same row."""

    @property
    def key_may_be_null(self) -> bool:
        return any(self.binding.columns[i].nullable for i in self.binding.key)

    @property
    def all_columns(self) -> tuple[int, ...]:
        return tuple(range(len(self._columns)))

    def create_stage(self, stage: str, columns: Sequence[int], *, numbered: bool) -> bytes:
        """A temporary table for rows of these columns, emptied at every commit."""
        fields = ["n bigint"] if numbered else []
        fields += [f"c{place} {self._columns[i].type}" for place, i in enumerate(columns)]
        return f"CREATE TEMPORARY TABLE {quote(stage)} ({', '.join(fields)}) ON COMMIT DELETE ROWS".encode()

    @property
    def may_copy(self) -> bool:
        """Whether COPY into the table itself either inserts rows as `upsert` would, or fails."""
        return self.has_arbiter and self.layout.copyable

    def copy(self) -> bytes:
        """COPY of rows that hold every column into the table itself."""
        columns = ", ".join(quote(column.name) for column in self._columns)
        return f"COPY {self.layout.table} ({columns}) FROM STDIN".encode()

    def upsert(self, shape: Shape) -> list[bytes]:
        """Insert rows that hold every column, or replace the rows of the same keys."""
        told_apart = not self._loose or shape.form is not Form.SINGLE
        if self.has_arbiter and not shape.null_safe and told_apart:
            return [f"{self._insert(shape)} {self._on_conflict()}".encode()]
        return [
            *(self.update(shape) if self._settable(shape) else []),
            f"{self._insert(shape)} WHERE NOT EXISTS ({self._matching(shape)})".encode(),
        ]

    def insert(self, shape: Shape) -> list[bytes]:
        """Insert rows that hold every column, whatever the table holds already."""
        return [self._insert(shape).encode()]

    def update(self, shape: Shape) -> list[bytes]:
        """Set the columns of the rows that have the same key, but for the key itself."""
        pairs = self._settable(shape)
        if not pairs:
            return [f"SELECT 1 FROM {self._rows(shape)} WHERE EXISTS ({self._matching(shape)})".encode()]
        return [self._update_where(shape, pairs, self._same_key(shape)).encode()]

    def unmatched(self, shape: Shape) -> list[bytes]:
        """The numbers of the rows whose key the table does not have."""
        absent = f"NOT EXISTS ({self._matching(shape)})"
        return [f"SELECT s.n FROM {self._rows(shape)} WHERE {absent} ORDER BY s.n".encode()]

    def children(self, wanted: Sequence[str], shape: Shape) -> list[bytes]:
        """The text of these columns in the rows that have a key."""
        texts = ", ".join(f"t.{quote(name)}::text" for name in wanted)
        return [
            f"SELECT {texts} FROM {self.layout.table} AS t, {self._rows(shape)} WHERE {self._same_key(shape)}".encode()
        ]

    def remove(self, shape: Shape) -> list[bytes]:
        """Delete the rows whose key is among these, which hold the key's columns alone."""
        rows, same = self._rows(shape), self._same_key(shape)
        return [f"DELETE FROM {self.layout.table} AS t USING {rows} WHERE {same}".encode()]

    def move(self, shape: Shape) -> list[bytes]:
        """Update one row by its old key: the parameters are the sent columns, then the key's old values."""
        self._refuse_moved_identity(shape)
        return [self._move(shape).encode()]

    def move_or_insert(self, shape: Shape) -> list[bytes]:
        """`move` of a whole row, which inserts the row (or replaces the one under its new key) if nothing moved.

        Only for a key with an arbiter.
        """
        self._refuse_moved_identity(shape)
        return [self._or_insert(self._move(shape), shape, f" {self._on_conflict()}")]

    def change_equal(self, shape: Shape) -> list[bytes]:
        """Update exactly one row that equals the old row; parameters as for `move`. Only for keyless tables."""
        return [self._change_equal(shape).encode()]

    def change_equal_or_insert(self, shape: Shape) -> list[bytes]:
        """`change_equal` to a whole row, which inserts the row if none was equal."""
        return [self._or_insert(self._change_equal(shape), shape, "")]

    def change_equal_or_keep(self, shape: Shape) -> list[bytes]:
        """`change_equal_or_insert`, but where a row equals the new one it is what a foreign key has made of the old."""
        absent = f"NOT EXISTS (SELECT FROM {self.layout.table} AS t WHERE {self._all_equal(shape)})"
        return [self._or_insert(self._change_equal(shape), shape, "", absent)]

    def remove_equal(self, shape: Shape) -> list[bytes]:
        """Delete exactly one row that equals the parameters. Only for keyless tables."""
        assert shape.form is Form.SINGLE
        return [f"DELETE FROM {self.layout.table} AS t WHERE {self._one_equal(0)}".encode()]

    # --- parts

    def _move(self, shape: Shape) -> str:
        compare = _equal_or_both_null if shape.null_safe else _equal
        return self._update_all(shape, self._against_parameters(len(shape.columns), compare))

    def _change_equal(self, shape: Shape) -> str:
        return self._update_all(shape, self._one_equal(len(shape.columns)))

    def _update_all(self, shape: Shape, condition: str) -> str:
        """Set every column that is sent, the key's included."""
        pairs = [(place, self._columns[i]) for place, i in enumerate(shape.columns)]
        return self._update_where(shape, [pair for pair in pairs if not pair[1].always_identity], condition)

    def _update_where(self, shape: Shape, pairs: Sequence[tuple[int, ColumnLayout]], condition: str) -> str:
        sets = ", ".join(f"{quote(column.name)} = s.c{place}" for place, column in pairs)
        return f"UPDATE {self.layout.table} AS t SET {sets} FROM {self._rows(shape)} WHERE {condition}"

    def _or_insert(self, update: str, shape: Shape, conflict: str, absent: str = "true") -> bytes:
        insert = f"{self._insert(shape)} WHERE NOT EXISTS (SELECT FROM updated) AND {absent}{conflict}"
        return f"WITH updated AS ({update} RETURNING 1) {insert}".encode()

    def _insert(self, shape: Shape) -> str:
        names = ", ".join(quote(self._columns[i].name) for i in shape.columns)
        values = ", ".join(f"s.c{place}" for place in range(len(shape.columns)))
        overriding = " OVERRIDING SYSTEM VALUE" if self._identity else ""
        return f"INSERT INTO {self.layout.table} AS t ({names}){overriding} SELECT {values} FROM {self._rows(shape)}"

    def _on_conflict(self) -> str:
        keys = ", ".join(quote(self._columns[i].name) for i in self.binding.key)
        sets = ", ".join(
            f"{quote(column.name)} = excluded.{quote(column.name)}"
            for i, column in enumerate(self._columns)
            if i not in self.binding.key and not column.always_identity
        )
        if self._loose:
            names = [quote(self._columns[i].name) for i in sorted(self._loose)]
            same = " AND ".join(_same_text(f"t.{name}", f"excluded.{name}") for name in names)
            sets = sets or f"{names[0]} = excluded.{names[0]}"
            return f"ON CONFLICT ({keys}) DO UPDATE SET {sets} WHERE 1 / ({same})::int = 1"
        return f"ON CONFLICT ({keys}) DO UPDATE SET {sets}" if sets else f"ON CONFLICT ({keys}) DO NOTHING"

    def _settable(self, shape: Shape) -> list[tuple[int, ColumnLayout]]:
        return [
            (place, self._columns[i])
            for place, i in enumerate(shape.columns)
            if i not in self.binding.key and not self._columns[i].always_identity
        ]

    def _matching(self, shape: Shape) -> str:
        return f"SELECT FROM {self.layout.table} AS t WHERE {self._same_key(shape)}"

    def _same_key(self, shape: Shape) -> str:
        compare = _equal_or_both_null if shape.null_safe else _equal
        return " AND ".join(
            part for i in self.binding.key for part in self._compared(i, f"s.c{shape.columns.index(i)}", compare)
        )

    def _compared(self, column: int, value: str, compare: Callable[[ColumnLayout, str], str]) -> Iterator[str]:
        """By the column's own equality, which an index may serve, and where it is loose by the text as well."""
        yield compare(self._columns[column], value)
        if column in self._loose:
            yield _same_text(f"t.{quote(self._columns[column].name)}", f"({value})")

    def _all_equal(self, shape: Shape) -> str:
        """Rows that equal the one in `s` in every column."""
        return " AND ".join(
            _equal_or_both_null(self._columns[i], f"s.c{place}") for place, i in enumerate(shape.columns)
        )

    def _one_equal(self, first: int) -> str:
        equal = self._against_parameters(first, _equal_or_both_null)
        if self.layout.partitioned:
            place = f"SELECT t.tableoid, t.ctid FROM {self.layout.table} AS t WHERE {equal} LIMIT 1"
            return f"(t.tableoid, t.ctid) = ({place})"
        return f"t.ctid = (SELECT t.ctid FROM {self.layout.table} AS t WHERE {equal} LIMIT 1)"

    def _against_parameters(self, first: int, compare: Callable[[ColumnLayout, str], str]) -> str:
        return " AND ".join(
            part
            for place, i in enumerate(self.binding.key, 1)
            for part in self._compared(i, f"${first + place}::{self._columns[i].type}", compare)
        )

    def _rows(self, shape: Shape) -> str:
        columns = [self._columns[i] for i in shape.columns]
        if shape.form is Form.STAGE:
            return f"pg_temp.{quote(shape.stage)} AS s"
        if shape.form is Form.SINGLE:
            fields = [f"${place}::{column.type} AS c{place - 1}" for place, column in enumerate(columns, 1)]
            number = ["1 AS n"] if shape.numbered else []
            return f"(SELECT {', '.join(fields + number)}) AS s"
        if shape.form is Form.VALUES:
            return _listed(columns, shape.count, numbered=shape.numbered)
        return f"({_unnested(columns, numbered=shape.numbered)}) AS s"

    def _refuse_moved_identity(self, shape: Shape) -> None:
        for i in shape.columns:
            column = self._columns[i]
            if column.always_identity and i in self.binding.key:
                raise TargetSchemaError(
                    f"a key moved, but column {column.name} of {self.layout.title} is GENERATED ALWAYS AS IDENTITY",
                    hint="ALTER TABLE … ALTER COLUMN … SET GENERATED BY DEFAULT lets the key follow its source",
                )


def _column(layout: Layout, name: str) -> ColumnLayout:
    try:
        return layout.columns[name]
    except KeyError:
        raise TargetSchemaError(f"column {name} is no longer in {layout.title} on the target") from None


def _listed(columns: Sequence[ColumnLayout], count: int, *, numbered: bool) -> str:
    rows = []
    for row in range(count):
        fields = [f"${row * len(columns) + place}::{column.type}" for place, column in enumerate(columns, 1)]
        rows.append(f"({', '.join(fields + ([str(row + 1)] if numbered else []))})")
    names = [f"c{place}" for place in range(len(columns))] + (["n"] if numbered else [])
    return f"(VALUES {', '.join(rows)}) AS s ({', '.join(names)})"


def _unnested(columns: Sequence[ColumnLayout], *, numbered: bool) -> str:
    arrays = ", ".join(
        f"${place}::{column.type}[]" if column.array else f"${place}::text[]" for place, column in enumerate(columns, 1)
    )
    fields = ", ".join(
        f"u.c{place}" if column.array else f"u.c{place}::{column.type} AS c{place}"
        for place, column in enumerate(columns)
    )
    names = ", ".join(f"c{place}" for place in range(len(columns)))
    if numbered:
        return f"SELECT {fields}, u.n FROM unnest({arrays}) WITH ORDINALITY AS u ({names}, n)"
    return f"SELECT {fields} FROM unnest({arrays}) AS u ({names})"


def _same_text(one: str, other: str) -> str:
    return f'{one}::text COLLATE "C" IS NOT DISTINCT FROM {other}::text COLLATE "C"'


def _equal(column: ColumnLayout, value: str) -> str:
    name = f"t.{quote(column.name)}"
    if column.equality is None:
        return f"{name}::text = ({value})::text"
    return f"{name} OPERATOR({column.equality}) {value}"


def _equal_or_both_null(column: ColumnLayout, value: str) -> str:
    name = f"t.{quote(column.name)}"
    if column.equality is None:
        return f"{name}::text IS NOT DISTINCT FROM ({value})::text"
    if column.equality == "pg_catalog.=":
        return f"{name} IS NOT DISTINCT FROM {value}"
    return f"({name} OPERATOR({column.equality}) {value} OR ({name} IS NULL AND {value} IS NULL))"
