"""The SQL that a binding needs on its server, rendered once.

A `Binding` and the server's flavor in, statements out as bytes. Pure: no connection. Identifiers are always quoted;
values get in through `encoding` only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, wraps
from operator import itemgetter
from typing import Concatenate, Final, ParamSpec, TypeVar

from cdc_agent.engines.mysql.collations import tells_apart
from cdc_agent.engines.mysql.connection import Server
from cdc_agent.engines.mysql.identifiers import quote, quote_name
from cdc_agent.errors import RowRefused
from cdc_agent.model.values import UNSENT, Kind, Row, Type, Value
from cdc_agent.model.writes import Binding
from cdc_agent.targets.mysql.encoding import (
    LOAD_FORMAT,
    LoadEncoder,
    TupleEncoder,
    exact_condition,
    key_literal,
    literal,
    load_column,
    load_encoder,
    tuple_encoder,
)

_ROW_ALIAS: Final = "`cdc_agent_row`"
_ALIAS_SINCE: Final = (8, 0, 19)


_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def _refusing(
    render: Callable[Concatenate[Statements, _Arguments], _Result],
) -> Callable[Concatenate[Statements, _Arguments], _Result]:
    """A value that cannot be rendered refuses its row; the original error would quote it, and is left out."""

    @wraps(render)
    def refusing(self: Statements, /, *arguments: _Arguments.args, **options: _Arguments.kwargs) -> _Result:
        try:
            return render(self, *arguments, **options)
        except ValueError:
            raise RowRefused(f"writing to {self.label}: a value is not in the form of its column's type") from None

    return refusing


class Statements:
    """Everything that is said of one binding to one server."""

    def __init__(self, binding: Binding, server: Server) -> None:
        self.binding = binding
        self.types = [column.type for column in binding.columns]
        self.names = [quote(column.name) for column in binding.columns]
        self.table = quote_name(binding.table.schema, binding.table.name)
        self.label = f"{binding.table.schema}.{binding.table.name}"
        self._native_json = not server.is_mariadb
        self._row_alias = not server.is_mariadb and server.version >= _ALIAS_SINCE
        self._key = frozenset(binding.key)
        self._touched = [i for i, column in enumerate(binding.columns) if column.touched]
        self._everything = tuple(range(len(self.types)))
        self._tuple_encoders: dict[tuple[tuple[int, ...], bool], TupleEncoder] = {}
        self._load_encoders: dict[tuple[tuple[int, ...], bool], LoadEncoder] = {}

    @cached_property
    def one_key(self) -> bool:
        """Whether a clash on insert can only be with the row of the same key.

        ON DUPLICATE KEY UPDATE acts on a clash with *any* unique key, and would overwrite another row otherwise.
        """
        table = self.binding.table
        key = {self.binding.columns[i].name for i in self.binding.key}
        return bool(table.primary_key) and key == set(table.primary_key) and not table.unique_keys

    @cached_property
    def loose(self) -> frozenset[int]:
        """The key's columns that may hold another row's text equal, which is a clash and never the same row."""
        if self.binding.keyless or self.binding.by_link:
            return frozenset()
        return frozenset(i for i in self.binding.key if not tells_apart(self.types[i]))

    @cached_property
    def may_load(self) -> bool:
        """Whether LOAD DATA into the table itself inserts rows as an upsert would, or clashes.

        The key must be one that the server keeps unique, and a column that is not written one that stays NULL.
        """
        table, columns = self.binding.table, self.binding.columns
        key = {columns[i].name for i in self.binding.key}
        unique = any(names and key.issuperset(names) for names in (table.primary_key, *table.unique_keys))
        written = {column.name for column in columns}
        left = (column for column in table.columns if column.name not in written and not column.generated)
        return (
            unique
            and not self.binding.keyless
            and self.key_never_null
            and all(column.nullable and not column.has_default for column in left)
        )

    @cached_property
    def _filled_in(self) -> frozenset[int]:
        """The columns for which the server makes up a value, and does not warn, when it is given NULL."""
        return frozenset(
            i
            for i, column in enumerate(self.binding.columns)
            if column.identity or (not column.nullable and column.type.native.startswith("timestamp"))
        )

    # --- values; each raises RowRefused for one that is not in its kind's canonical form ---

    @_refusing
    def tuples(self, rows: Sequence[Row]) -> list[bytes]:
        """Rows as parenthesised literals."""
        self._refuse_made_up(self._everything, rows)
        return self._tuple_encoder(self._everything, False)(rows)

    @_refusing
    def keys(self, keys: Sequence[Row]) -> list[bytes]:
        """Parenthesised keys for IN, as `key_literal` writes them."""
        types = [self.types[i] for i in self.binding.key]
        return [
            b"(%b)" % b",".join([key_literal(t, value) for t, value in zip(types, key, strict=True)]) for key in keys
        ]

    @_refusing
    def stage_tuples(self, columns: tuple[int, ...], rows: Sequence[Row], *, numbered: bool) -> list[bytes]:
        """Rows of these columns as parenthesised literals, for a staging table."""
        return self._tuple_encoder(columns, numbered)(rows)

    @_refusing
    def stage_lines(self, columns: tuple[int, ...], rows: Sequence[Row], *, numbered: bool) -> bytes:
        """Rows of these columns as LOAD DATA input, for a staging table."""
        self._refuse_made_up(columns, rows, int(numbered))
        return self._load_encoder(columns, numbered)(rows)

    def _refuse_made_up(self, columns: Sequence[int], rows: Sequence[Sequence[object]], first: int = 0) -> None:
        for place, i in enumerate(columns, first) if self._filled_in else ():
            if i in self._filled_in and None in map(itemgetter(place), rows):
                raise RowRefused(f"writing to {self.label}: column {self.binding.columns[i].name} cannot be NULL")

    def lines(self, rows: Sequence[Row]) -> bytes:
        """Rows as LOAD DATA input, for the table itself."""
        return self.stage_lines(self._everything, rows, numbered=False)

    def _tuple_encoder(self, columns: tuple[int, ...], numbered: bool) -> TupleEncoder:
        found = self._tuple_encoders.get((columns, numbered))
        if found is None:
            found = self._tuple_encoders[columns, numbered] = tuple_encoder(self._stage_types(columns, numbered))
        return found

    def _load_encoder(self, columns: tuple[int, ...], numbered: bool) -> LoadEncoder:
        found = self._load_encoders.get((columns, numbered))
        if found is None:
            found = self._load_encoders[columns, numbered] = load_encoder(self._stage_types(columns, numbered))
        return found

    def _stage_types(self, columns: tuple[int, ...], numbered: bool) -> list[Type]:
        number = [Type(Kind.INTEGER, "bigint unsigned", precision=64, unsigned=True)] if numbered else []
        return [*number, *(self.types[i] for i in columns)]

    # --- statements with literals ---

    @cached_property
    def insert_head(self) -> bytes:
        return f"INSERT INTO {self.table} ({', '.join(self.names)}) VALUES ".encode()

    @cached_property
    def upsert_tail(self) -> bytes:
        """What follows the VALUES of an insert that replaces the row of the same key."""
        if self._row_alias:
            return f" AS {_ROW_ALIAS} ON DUPLICATE KEY UPDATE {self._pairs(_ROW_ALIAS + '.{}')}".encode()
        return f" ON DUPLICATE KEY UPDATE {self._pairs('VALUES({})')}".encode()

    def _pairs(self, form: str) -> str:
        """What an existing row gets; NULL, which is refused, where its key is another text that is held equal."""
        loose = {self.names[i] for i in self.loose}
        return ", ".join(
            f"{name} = {_if_same(f'{self.table}.{name}', value) if name in loose else value}"
            for name, value in ((name, form.format(name)) for name in self._replaced())
        )

    @_refusing
    def update_one(self, columns: Sequence[int], row: Sequence[object], key: Row) -> bytes | None:
        """UPDATE of the row with `key`; None when there is nothing to write in it. `row` is in `columns`' order."""
        self._refuse_made_up(columns, [row])
        pairs = [
            b"%b = %b" % (self.names[i].encode(), literal(self.types[i], value))  # type: ignore[arg-type]
            for i, value in zip(columns, row, strict=True)
            if self._settable(i) or self.binding.keyless or value != key[self.binding.key.index(i)]
        ]
        if not pairs:
            return None
        if self._touched:
            pairs += [name.encode() for name in self._kept(columns)]
        return b"UPDATE %b SET %b WHERE %b" % (self.table.encode(), b", ".join(pairs), self._where(key))

    @_refusing
    def exists(self, key: Row) -> bytes:
        """Counts the rows with the key, up to one."""
        table = self.table.encode()
        return b"SELECT COUNT(*) FROM (SELECT 1 FROM %b WHERE %b) AS found" % (table, self._where(key, b" LIMIT 1"))

    @_refusing
    def children(self, wanted: Sequence[str], types: Sequence[Type], key: Row) -> bytes:
        """The text of these columns in the rows that have the key, bytes as hexadecimal digits."""
        forms = [
            f"HEX({quote(name)})" if type_.kind is Kind.BYTES else f"CAST({quote(name)} AS CHAR)"
            for name, type_ in zip(wanted, types, strict=True)
        ]
        return f"SELECT {', '.join(forms)} FROM {self.table} WHERE ".encode() + self._where(key)

    @_refusing
    def delete_one(self, key: Row) -> bytes:
        return b"DELETE FROM %b WHERE %b" % (self.table.encode(), self._where(key))

    def _where(self, key: Row, limit: bytes = b"") -> bytes:
        """The condition for one row: by its key, or by every column and for one row only when there is no key."""
        if self.binding.keyless:
            conditions = [
                exact_condition(self.types[i], self.names[i].encode(), value, native_json=self._native_json)
                for i, value in zip(self.binding.key, key, strict=True)
                if value is not UNSENT
            ]
            return b" AND ".join(conditions) + b" LIMIT 1"
        conditions = [
            self._exactly(i, value)
            if i in self.loose
            else b"%b %b %b" % (self.names[i].encode(), self._equals(i), key_literal(self.types[i], value))
            for i, value in zip(self.binding.key, key, strict=True)
        ]
        return b" AND ".join(conditions) + limit

    def _exactly(self, column: int, value: Value) -> bytes:
        return exact_condition(self.types[column], self.names[column].encode(), value, native_json=self._native_json)

    @cached_property
    def delete_many_head(self) -> bytes:
        key = ", ".join(self.names[i] for i in self.binding.key)
        return f"DELETE FROM {self.table} WHERE ({key}) IN (".encode()

    @cached_property
    def key_never_null(self) -> bool:
        return not any(self.binding.columns[i].nullable for i in self.binding.key)

    # --- statements over a staging table ---

    def create_stage(self, stage: str, columns: Sequence[int], number: str) -> str:
        """A temporary table with the very types of the target's columns, and a number for each row."""
        names = ", ".join(self.names[i] for i in columns)
        return (
            f"CREATE TEMPORARY TABLE {stage} ({number} BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY)"
            f" ENGINE=InnoDB AS SELECT {names} FROM {self.table} LIMIT 0"
        )

    def load_stage(self, stage: str, columns: Sequence[int], number: str | None) -> str:
        """LOAD DATA into a table of rows that `load_encoder` wrote; with `number` as the first field if given."""
        fields = [number] if number is not None else []
        assignments = []
        for position, i in enumerate(columns):
            field, assignment = load_column(self.types[i], self.names[i], f"@cdc_agent_{position}")
            fields.append(field)
            if assignment:
                assignments.append(assignment)
        clause = f" SET {', '.join(assignments)}" if assignments else ""
        listed = ", ".join(fields)
        return f"LOAD DATA LOCAL INFILE 'rows' INTO TABLE {stage} {LOAD_FORMAT} ({listed}){clause}"

    @cached_property
    def load(self) -> str:
        """LOAD DATA of whole rows into the table itself."""
        return self.load_stage(self.table, self._everything, None)

    def merge(self, stage: str) -> str:
        """Insert the staged rows, each replacing the row of the same key."""
        return f"{self._insert_from(stage)} ON DUPLICATE KEY UPDATE {self._pairs('s.{}')}"

    def insert_all(self, stage: str) -> str:
        return self._insert_from(stage)

    def insert_missing(self, stage: str) -> str:
        """Insert the staged rows whose key the target does not have; a clash on another unique key is an error."""
        return f"{self._insert_from(stage)} WHERE NOT EXISTS ({self._match()})"

    def update_matching(self, stage: str, columns: Sequence[int]) -> str | None:
        """Update the rows whose keys are staged; None when only keys are."""
        pairs = [f"t.{n} = s.{n}" for n in self._replaced(columns)]
        if not pairs:
            return None
        sets = ", ".join([*pairs, *self._kept(columns, "t.")])
        return f"UPDATE {stage} AS s STRAIGHT_JOIN {self.table} AS t ON {self._join()} SET {sets}"

    def missing(self, stage: str, number: str) -> str:
        """The numbers of the staged rows whose key the target does not have."""
        return f"SELECT s.{number} FROM {stage} AS s WHERE NOT EXISTS ({self._match()}) ORDER BY s.{number}"

    def delete_matching(self, stage: str) -> str:
        return f"DELETE t FROM {stage} AS s STRAIGHT_JOIN {self.table} AS t ON {self._join()}"

    # --- parts ---

    def _insert_from(self, stage: str) -> str:
        selected = ", ".join(f"s.{n}" for n in self.names)
        return f"INSERT INTO {self.table} ({', '.join(self.names)}) SELECT {selected} FROM {stage} AS s"

    def _match(self) -> str:
        return f"SELECT 1 FROM {self.table} AS t WHERE {self._join()}"

    def _join(self) -> str:
        equal = [f"t.{self.names[i]} {self._equals(i).decode()} s.{self.names[i]}" for i in self.binding.key]
        same = [f"{_same(f't.{self.names[i]}', f's.{self.names[i]}')}" for i in self.loose]
        return " AND ".join([*equal, *same])

    def _equals(self, column: int) -> bytes:
        return b"<=>" if self.binding.columns[column].nullable else b"="

    def _settable(self, column: int) -> bool:
        """Whether an update names the column whatever its value."""
        return column not in self._key or column in self._touched

    def _kept(self, sent: Sequence[int], place: str = "") -> list[str]:
        """What keeps columns that were not sent from being set to the time of the update."""
        left = (self.names[i] for i in self._touched if i not in sent)
        return [f"{place}{name} = {place}{name}" for name in left]

    def _replaced(self, columns: Sequence[int] | None = None) -> list[str]:
        """The columns that an existing row gets: not its key, but for text, which may be equal and yet differ."""
        among = range(len(self.names)) if columns is None else columns
        texts = (Kind.TEXT, Kind.OTHER)
        found = [self.names[i] for i in among if self._settable(i) or self.types[i].kind in texts]
        return found or ([self.names[self.binding.key[0]]] if columns is None else [])


def _same(one: str, other: str) -> str:
    """Of two texts in one character set."""
    return f"CAST({one} AS BINARY) <=> CAST({other} AS BINARY)"


def _if_same(held: str, value: str) -> str:
    return f"IF({_same(held, value)}, {value}, NULL)"
