"""The source's foreign keys as they are in force at a place of its log.

In: the keys at the checkpoint, and what happens to tables behind it, in the log's order. Out: the keys, and what is to
be remembered of them with the checkpoint that covers the change. Where the log does not say which keys a table has (it
was put in the place of another, or got a name that a route takes), those that the server has now are asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Final, TypeAlias

from cdc_agent.model.changes import Alteration, EventKind, TableEvent, TableName
from cdc_agent.model.remembered import NO_TABLE, Aspect, Remembered
from cdc_agent.model.tables import ForeignKey

Keys: TypeAlias = Sequence[tuple[TableName, ForeignKey]]
"""Each with its child's name."""
Savepoint: TypeAlias = "tuple[Mapping[TableName, tuple[ForeignKey, ...]], tuple[TableName, TableName] | None]"
"""The keys by their child, and the last renaming that was heard of."""
_RENAMED: Final = ("RENAME COLUMN", "CHANGE COLUMN")
_DROPPED: Final = ("DROP FOREIGN KEY", "DROP CONSTRAINT")


class KeysInForce:
    """Owned by the router of one session."""

    def __init__(self, known: Iterable[Remembered], ask: Callable[[], Keys], scope: str) -> None:
        """`known` is what was remembered; `ask` gives the keys that the server has now; `scope` says which tables these
        are. What was remembered of other tables than these is not asked for again.
        """
        self._ask = ask
        self._tables: dict[TableName, tuple[ForeignKey, ...]] = {}
        self._told: dict[TableName, str] = {}
        remembered = {one.source: one.description for one in known if one.aspect is Aspect.KEYS}
        if remembered.get(NO_TABLE) != scope:
            self._tables = _grouped(ask())
        for table, text in remembered.items():
            if table != NO_TABLE:
                self._tables[table] = _read(text)
        self._told = dict(remembered)
        self._scope = scope
        self._renamed: tuple[TableName, TableName] | None = None
        """The last renaming that was heard of."""

    @property
    def keys(self) -> Keys:
        """Those in force."""
        return [(table, key) for table, keys in self._tables.items() for key in keys]

    def savepoint(self) -> Savepoint:
        """The keys as they are, for `back_to`."""
        return dict(self._tables), self._renamed

    def back_to(self, savepoint: Savepoint) -> bool:
        """Take back what was heard since; whether any key is another one thereby."""
        before = self._tables
        tables, self._renamed = savepoint
        self._tables = dict(tables)
        return self._tables != before

    def notes(self) -> list[Remembered]:
        """What has changed since it was last asked for, to be written with the checkpoint."""
        texts = {table: _text(keys) for table, keys in self._tables.items() if keys} | {NO_TABLE: self._scope}
        before, self._told = self._told, texts
        changed = [table for table in {**before, **texts} if before.get(table) != texts.get(table)]
        return [Remembered(Aspect.KEYS, table, description=texts.get(table, "")) for table in changed]

    def hear(self, event: TableEvent) -> bool:
        """Take in what happened to a table; whether any key has changed."""
        before = dict(self._tables)
        match event.kind:
            case EventKind.RENAMED if event.other is not None:
                self._rename(event.table, event.other)
            case EventKind.CREATED | EventKind.REPLACED:
                self._create(event)
            case EventKind.DROPPED:
                self._drop(event.table)
            case EventKind.ALTERED:
                self._alter(event)
        self._tables = {table: keys for table, keys in self._tables.items() if keys}
        return self._tables != before

    def _follow(self, old: TableName, new: TableName) -> None:
        """A table has got a name that a route takes. What is heard of it under the old name has come before."""
        if self._renamed == (old, new):
            return
        if old in self._tables:
            self._rename(old, new)
        else:
            self._ask_anew()

    def _ask_anew(self) -> None:
        self._tables = _grouped(self._ask())

    def _rename(self, old: TableName, new: TableName) -> None:
        """Keys follow a renamed table at both of their ends, and names that the server made up follow the child's."""
        self._renamed = (old, new)
        made_up = re.compile(re.escape(old[1]) + r"(_ibfk_\d+)", re.IGNORECASE)
        keys = self._tables.pop(old, ())
        if keys:
            self._tables[new] = tuple(
                replace(key, name=new[1] + found[1]) if (found := made_up.fullmatch(key.name)) else key for key in keys
            )
        for table, some in self._tables.items():
            self._tables[table] = tuple(replace(one, references=new) if one.references == old else one for one in some)

    def _create(self, event: TableEvent) -> None:
        if event.other is not None and event.kind is EventKind.CREATED:
            self._follow(event.other, event.table)
        elif event.other is not None or event.keys is None:
            self._ask_anew()
        elif not (event.perhaps and event.table in self._tables):
            self._tables[event.table] = ()
            self._add(event.table, event.keys)

    def _drop(self, table: TableName) -> None:
        for name in [name for name in self._tables if name == table or (not table[1] and name[0] == table[0])]:
            del self._tables[name]

    def _alter(self, event: TableEvent) -> None:
        if event.keys is None or any(one.what == "REPLACED BY" for one in event.alterations):
            self._ask_anew()
            return
        gone = {one.name.lower() for one in event.alterations if one.what in _DROPPED}
        kept = tuple(key for key in self._tables.get(event.table, ()) if key.name.lower() not in gone)
        self._tables[event.table] = kept
        self._rename_columns(event.table, [one for one in event.alterations if one.what in _RENAMED and one.new])
        self._add(event.table, event.keys)

    def _rename_columns(self, table: TableName, renamed: Sequence[Alteration]) -> None:
        names = {one.name.lower(): one.new for one in renamed}
        if not names:
            return
        for child, keys in self._tables.items():
            self._tables[child] = tuple(
                replace(
                    key,
                    columns=_columns(key.columns, names) if child == table else key.columns,
                    referenced_columns=_columns(key.referenced_columns, names)
                    if key.references == table
                    else key.referenced_columns,
                )
                for key in keys
            )

    def _add(self, table: TableName, keys: Sequence[ForeignKey]) -> None:
        for key in keys:
            there = self._tables.get(table, ())
            if key.name and any(one.name.lower() == key.name.lower() for one in there):
                continue
            self._tables[table] = (*there, key if key.name else replace(key, name=_made_up(table[1], there)))


def _columns(columns: Iterable[str], names: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(names.get(name.lower(), name) for name in columns)


def _made_up(table: str, there: Sequence[ForeignKey]) -> str:
    """The name that the server gives to a key without one."""
    pattern = re.compile(re.escape(table) + r"_ibfk_(\d+)", re.IGNORECASE)
    numbers = [int(found[1]) for key in there if (found := pattern.fullmatch(key.name))]
    return f"{table}_ibfk_{max(numbers, default=0) + 1}"


def _grouped(keys: Keys) -> dict[TableName, tuple[ForeignKey, ...]]:
    found: dict[TableName, tuple[ForeignKey, ...]] = {}
    for table, key in keys:
        found[table] = (*found.get(table, ()), key)
    return found


def _text(keys: Sequence[ForeignKey]) -> str:
    return json.dumps([asdict(key) for key in keys], ensure_ascii=False, separators=(",", ":"))


def _read(text: str) -> tuple[ForeignKey, ...]:
    return tuple(
        ForeignKey(
            name=one["name"],
            columns=tuple(one["columns"]),
            references=(one["references"][0], one["references"][1]),
            referenced_columns=tuple(one["referenced_columns"]),
            on_delete=one["on_delete"],
            on_update=one["on_update"],
        )
        for one in json.loads(text)
    )
