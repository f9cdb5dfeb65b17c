"""The step `Cascade` as plain steps: rows that leave or change, and what foreign keys did to their children.

In: a `Cascade`, and a function that reads rows of the target. Out: `Removes` and changes, to be applied one after the
other: children leave before the rows that they refer to, grandchildren before children, and follow what has changed.
What a child refers to beside the parent's key is read from the target, which holds it as it was. Every key is followed
once, so that circles end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from cdc_agent.model.changes import TableName
from cdc_agent.model.steps import Cascade, Ordered, Removes, Step
from cdc_agent.model.values import UNSENT, Row, Value
from cdc_agent.model.writes import CHANGE, REMOVE, Binding, Link, Write

Read: TypeAlias = Callable[[Binding, Sequence[Row], tuple[str, ...]], "list[Row]"]
"""(binding, keys, columns) → those columns of the rows that have one of the keys, as canonical text."""
_Named: TypeAlias = "dict[str, Value]"


def expand(cascade: Cascade, read: Read) -> Iterator[Step]:
    """The steps; each must be applied before the next is asked for."""
    binding = cascade.binding
    walk = _Walk(binding.links, read)
    removals = [write for write in cascade.writes if write[0] == REMOVE]
    if removals:
        keys = [key for _, key, _ in removals]
        yield from walk.removed(binding.table.full_name, [walk.known(binding, key) for key in keys])
        yield Ordered(binding, removals) if binding.keyless else Removes(binding, keys)
    for write in cascade.writes:
        if write[0] == CHANGE:
            old = walk.known(binding, write[1])
            yield Ordered(binding, [write])
            yield from walk.moved(binding.table.full_name, [(old, {**old, **_sent(binding, write)})])


def _sent(binding: Binding, write: Write) -> _Named:
    values = zip(binding.columns, write[2] or (), strict=True)
    return {column.name: value for column, value in values if value is not UNSENT}


def _named(names: Iterable[str], row: Row) -> _Named:
    return dict(zip(names, row, strict=True))


class _Walk:
    def __init__(self, links: Mapping[TableName, tuple[Link, ...]], read: Read) -> None:
        self._links = links
        self._read = read
        self._seen: set[tuple[Link, Row]] = set()

    def known(self, binding: Binding, key: Row) -> _Named:
        """What children may refer to in the row under a key; of a row that the target lacks only the key."""
        own = _named([binding.columns[i].name for i in binding.key], key)
        more = tuple(name for name in self._referenced(binding.table.full_name) if name not in own)
        rows = self._read(binding, [key], more) if more else []
        return {**own, **_named(more, rows[0])} if rows else own

    def _referenced(self, table: TableName) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for link in self._links.get(table, ()) for name in link.referenced))

    def removed(self, table: TableName, rows: Sequence[_Named]) -> Iterator[Step]:
        """What becomes of the children of rows that leave."""
        for link in self._links.get(table, ()):
            keys = [key for key in dict.fromkeys(_pick(link, row) for row in rows) if self._is_new(link, key)]
            if not keys:
                continue
            if link.on_delete == "CASCADE":
                yield from self.removed(link.child.table.full_name, self._children(link, keys))
                yield Removes(link.child, keys)
            elif link.on_delete == "SET NULL":
                for key in keys:
                    yield from self._changed(link, key, None)

    def moved(self, table: TableName, pairs: Sequence[tuple[_Named, _Named]]) -> Iterator[Step]:
        """What becomes of the children of rows that change."""
        for link in self._links.get(table, ()):
            keys = [(_pick(link, old), _pick(link, new)) for old, new in pairs]
            for old, new in [(old, new) for old, new in keys if old != new and self._is_new(link, old)]:
                if link.on_update == "CASCADE":
                    yield from self._changed(link, old, new)
                elif link.on_update == "SET NULL":
                    yield from self._changed(link, old, None)

    def _changed(self, link: Link, key: Row, new: Row | None) -> Iterator[Step]:
        """Give children another key, or NULL when there is none, and let their own children follow."""
        if self._would_make_one(link, key):
            return
        values: Row = new if new is not None else (None,) * len(key)
        below, follows = self._children(link, [key]), _named(link.columns, values)
        change: Write = (CHANGE, key, (*values, *[UNSENT] * (len(link.child.columns) - len(values))))
        yield Ordered(link.child, [change])
        yield from self.moved(link.child.table.full_name, [(row, {**row, **follows}) for row in below])

    def _would_make_one(self, link: Link, key: Row) -> bool:
        """Whether a change of the key would be taken for a new row: of a child that is nothing else and not there."""
        alone = len(link.child.columns) == len(link.child.key)
        return alone and not self._read(link.child, [key], link.columns)

    def _is_new(self, link: Link, key: Row) -> bool:
        """Whether a key is to be followed: NULL refers to nothing, and no key is followed twice."""
        if None in key or (link, key) in self._seen:
            return False
        self._seen.add((link, key))
        return True

    def _children(self, link: Link, keys: Sequence[Row]) -> list[_Named]:
        """What the children's own children refer to; nothing is read of a table without any."""
        columns = self._referenced(link.child.table.full_name)
        return [_named(columns, row) for row in self._read(link.child, keys, columns)] if columns else []


def _pick(link: Link, row: _Named) -> Row:
    return tuple([row.get(name) for name in link.referenced])
