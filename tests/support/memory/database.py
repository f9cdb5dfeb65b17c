"""A database in memory: tables with keys, unique keys and foreign keys, and sessions whose writes come or go together.

A session works on copies of the tables that it touches; `commit` puts them in their place. Whoever holds the lock on
`checkpoint` is the only writer, as the agent's compare-and-set makes it on a real server. A `Refusal` says what the
database does not take.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Condition

from cdc_agent.errors import TargetSchemaError
from cdc_agent.model.checkpoints import Checkpoint
from cdc_agent.model.refusals import Quarantined
from cdc_agent.model.remembered import Memory, Note, Remembered, TableState
from cdc_agent.model.tables import ForeignKey, TargetTable
from cdc_agent.model.values import Kind, Row, Value

Name = tuple[str, str]
Rows = dict[Row, Row]
"""Row by its primary key; by a serial number in a table without one."""
Check = Callable[[Row], bool]


class Refusal(Exception):
    """The database does not take a row. The text names the rule, never a value."""


@dataclass
class MemoryTable:
    definition: TargetTable
    check: Check | None = None
    rows: Rows = field(default_factory=dict)
    key: tuple[int, ...] = ()
    unique: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        self.key = self.places(self.definition.primary_key)
        self.unique = tuple(self.places(names) for names in self.definition.unique_keys)

    def places(self, names: Sequence[str]) -> tuple[int, ...]:
        own = [column.name for column in self.definition.columns]
        return tuple(own.index(name) for name in names)


@dataclass(frozen=True)
class Committed:
    """What a commit did to the agent's own tables."""

    checkpoint: Checkpoint
    parked: Sequence[Quarantined]


def _no_sql(statement: str) -> None:
    raise TargetSchemaError(f"a database in memory does not know how to: {statement}")


class MemoryDatabase:
    """What survives every crash of an agent."""

    def __init__(self, *, foreign_keys: bool = True) -> None:
        self.tables: dict[Name, MemoryTable] = {}
        self.checkpoints: dict[str, Checkpoint] = {}
        self.history: list[Checkpoint] = []
        self.quarantine: list[Quarantined] = []
        self.notes: dict[tuple[object, ...], tuple[str, Note]] = {}
        self.on_commit: Callable[[Committed], None] = lambda committed: None
        """Called within each commit that touched a checkpoint."""
        self.released = Condition()
        self.on_release: Callable[[], None] = self._tell
        """Called when the lock on `checkpoint` was given up."""
        self.alter: Callable[[str], None] = _no_sql
        """Changes a table's definition by a statement."""
        self.holder: Session | None = None
        self.foreign_keys = foreign_keys
        """Whether they act and refuse."""
        self.version = 0
        self._serial = 0

    def create(self, definition: TargetTable, check: Check | None = None) -> MemoryTable:
        table = self.tables[definition.full_name] = MemoryTable(definition, check)
        return table

    def replace(self, definition: TargetTable, rows: Rows) -> None:
        """Another version of a table: its rows as they are now."""
        before = self.tables[definition.full_name]
        self.tables[definition.full_name] = MemoryTable(definition, before.check, rows)
        self.version += 1

    def remembered(self, pipeline: str) -> Memory:
        """What was committed of a pipeline's tables."""
        notes = [note for whose, note in self.notes.values() if whose == pipeline]
        known = [note for note in notes if isinstance(note, Remembered)]
        return Memory(known, [note for note in notes if isinstance(note, TableState)])

    def note(self, pipeline: str, note: Note) -> None:
        kind = note.aspect if isinstance(note, Remembered) else None
        place = (pipeline, kind, note.source, note.target)
        if isinstance(note, Remembered) and not note.description:
            self.notes.pop(place, None)
        else:
            self.notes[place] = (pipeline, note)

    def acted_on(self) -> set[Name]:
        """The tables that acting foreign keys refer to."""
        keys = (key for table in self.tables.values() for key in table.definition.foreign_keys)
        return {key.references for key in keys if key.acts}

    def _tell(self) -> None:
        with self.released:
            self.released.notify_all()

    def next_serial(self) -> Row:
        self._serial += 1
        return (b"#%d" % self._serial,)


class Session:
    """One connection. `tables` are its copies of what it has written."""

    def __init__(self, database: MemoryDatabase) -> None:
        self.database = database
        self.alive = True
        self._clear()

    def _clear(self) -> None:
        self.open = False
        self.tables: dict[Name, Rows] = {}
        self.checkpoint: Checkpoint | None = None
        self.history: list[Checkpoint] = []
        self.parked: list[Quarantined] = []
        self.notes: list[tuple[str, Note]] = []
        self.touched: set[Name] = set()

    # --- transactions

    def lock(self) -> bool:
        """Take the lock on `checkpoint`; False when another session has it."""
        if self.database.holder not in (None, self):
            return False
        self.database.holder = self
        self.open = True
        return True

    def commit(self) -> None:
        database = self.database
        for name, rows in self.tables.items():
            database.tables[name].rows = rows
        database.quarantine.extend(self.parked)
        database.history.extend(self.history)
        for pipeline, note in self.notes:
            database.note(pipeline, note)
        checkpoint, parked = self.checkpoint, self.parked
        if checkpoint is not None:
            database.checkpoints[checkpoint.pipeline] = checkpoint
        self._release()
        if checkpoint is not None:
            database.on_commit(Committed(checkpoint, parked))

    def rollback(self) -> None:
        self._release()

    def _release(self) -> None:
        held = self.database.holder is self
        self._clear()
        if held:
            self.database.holder = None
            self.database.on_release()

    def savepoint(self) -> dict[Name, Rows]:
        return {name: dict(rows) for name, rows in self.tables.items()}

    def back_to(self, savepoint: dict[Name, Rows]) -> None:
        self.tables = savepoint

    # --- rows

    def rows(self, name: Name) -> Rows:
        """The table as this session sees it."""
        own = self.tables.get(name)
        return self.database.tables[name].rows if own is None else own

    def writable(self, name: Name) -> Rows:
        rows = self.tables.get(name)
        if rows is None:
            rows = self.tables[name] = dict(self.database.tables[name].rows)
        self.touched.add(name)
        return rows

    def find(self, name: Name, places: Sequence[int], values: Row) -> list[Row]:
        """The keys in `rows` of those that hold `values`; NULL equals NULL."""
        table, rows = self.database.tables[name], self.rows(name)
        if tuple(places) == table.key:
            return [values] if values in rows else []
        return [key for key, row in rows.items() if all(row[i] == v for i, v in zip(places, values, strict=True))]

    def insert(self, name: Name, row: Row) -> None:
        table = self.database.tables[name]
        self._accept(table, row, None)
        self.writable(name)[self._key(table, row)] = row

    def replace(self, name: Name, key: Row, row: Row) -> None:
        """Put `row` in the place of the one under `key`."""
        table = self.database.tables[name]
        self._accept(table, row, key)
        rows = self.writable(name)
        new = self._key(table, row) if table.key else key
        if new == key:
            rows[key] = row
            return
        old = rows.pop(key)
        rows[new] = row
        if self.database.foreign_keys:
            self._follow(name, old, row)

    def remove(self, name: Name, key: Row) -> None:
        row = self.writable(name).pop(key)
        if self.database.foreign_keys:
            self._act(name, row)

    def clear(self, names: Sequence[Name]) -> None:
        for name in names:
            self.writable(name).clear()

    def settle(self) -> None:
        """The end of a statement: foreign keys are checked. Raises Refusal."""
        touched, self.touched = self.touched, set()
        if not self.database.foreign_keys:
            return
        for child, key in self._foreign_keys():
            if child in touched or key.references in touched:
                self._check(child, key)

    def _foreign_keys(self) -> Iterator[tuple[Name, ForeignKey]]:
        for name, table in self.database.tables.items():
            for key in table.definition.foreign_keys:
                yield name, key

    def _check(self, child: Name, key: ForeignKey) -> None:
        own = self.database.tables[child].places(key.columns)
        theirs = self.database.tables[key.references].places(key.referenced_columns)
        present = {tuple([row[i] for i in theirs]) for row in self.rows(key.references).values()}
        for row in self.rows(child).values():
            value = tuple([row[i] for i in own])
            if None in value or value in present:
                continue
            raise Refusal(f"foreign key {key.name} of {child[1]}")

    def _act(self, parent: Name, removed: Row) -> None:
        """ON DELETE CASCADE and SET NULL."""
        for child, key in list(self._foreign_keys()):
            if key.references != parent or key.on_delete not in ("CASCADE", "SET NULL"):
                continue
            own = self.database.tables[child].places(key.columns)
            theirs = self.database.tables[parent].places(key.referenced_columns)
            for where in self.find(child, own, tuple([removed[i] for i in theirs])):
                if key.on_delete == "CASCADE":
                    self.remove(child, where)
                else:
                    row = self.rows(child)[where]
                    self.replace(child, where, tuple([None if i in own else v for i, v in enumerate(row)]))

    def _follow(self, parent: Name, old: Row, new: Row) -> None:
        """ON UPDATE CASCADE."""
        for child, key in list(self._foreign_keys()):
            if key.references != parent or key.on_update not in ("CASCADE", "SET NULL"):
                continue
            theirs = self.database.tables[parent].places(key.referenced_columns)
            own = self.database.tables[child].places(key.columns)
            before, after = (tuple([row[i] for i in theirs]) for row in (old, new))
            if key.on_update == "SET NULL":
                after = (None,) * len(own)
            for where in self.find(child, own, before):
                row = list(self.rows(child)[where])
                for place, value in zip(own, after, strict=True):
                    row[place] = value
                self.replace(child, where, tuple(row))

    def _key(self, table: MemoryTable, row: Row) -> Row:
        return tuple([row[i] for i in table.key]) if table.key else self.database.next_serial()

    def _accept(self, table: MemoryTable, row: Row, instead_of: Row | None) -> None:
        definition = table.definition
        for column, value in zip(definition.columns, row, strict=True):
            if not fits(column.type.kind, column.type.length, column.nullable, value):
                raise Refusal(f"column {column.name} of {definition.name}")
        if table.check is not None and not table.check(row):
            raise Refusal(f"a CHECK of {definition.name}")
        rows = self.rows(definition.full_name)
        if table.key:
            key = tuple([row[i] for i in table.key])
            if key != instead_of and key in rows:
                raise Refusal(f"the primary key of {definition.name}")
        for places in table.unique:
            value = tuple([row[i] for i in places])
            if None in value:
                continue
            if any(tuple([o[i] for i in places]) == value for k, o in rows.items() if k != instead_of):
                raise Refusal(f"a unique key of {definition.name}")


def fits(kind: Kind, length: int | None, nullable: bool, value: Value) -> bool:
    """Whether a column takes a value."""
    if value is None:
        return nullable
    assert isinstance(value, bytes), "a column that was not sent was written"
    if kind is Kind.INTEGER:
        return value.lstrip(b"-").isdigit()
    return length is None or len(value) <= length or len(value.decode()) <= length
