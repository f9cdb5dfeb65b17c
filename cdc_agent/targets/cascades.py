"""The step `Cascade` as plain steps: what a foreign key did to the children of removed and moved rows.

In: a `Cascade`, and a function that reads children from the target. Out: `Removes` and partial changes, to be applied
one after the other, grandchildren before children. Every key is followed once, so that circles end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from cdc_agent.model.changes import TableName
from cdc_agent.model.steps import Cascade, Ordered, Removes, Step
from cdc_agent.model.values import UNSENT, Row, Value
from cdc_agent.model.writes import CHANGE, Link, Write

Children: TypeAlias = Callable[[Link, Sequence[Row], tuple[str, ...]], "list[Row]"]
"""(link, keys, columns) → those columns of the children that refer to one of the keys, as canonical text."""
_Named: TypeAlias = "dict[str, Value]"


def expand(cascade: Cascade, children: Children) -> Iterator[Step]:
    """The steps; each must be applied before the next is asked for."""
    names = [cascade.binding.columns[i].name for i in cascade.binding.key]
    table = cascade.binding.table.full_name
    walk = _Walk(cascade.binding.links, children)
    removed = [_named(names, old) for old, new in cascade.keys if new is None]
    moved = [(_named(names, old), _named(names, new)) for old, new in cascade.keys if new is not None]
    yield from walk.removed(table, removed)
    yield from walk.moved(table, moved)


def _named(names: Iterable[str], row: Row) -> _Named:
    return dict(zip(names, row, strict=True))


class _Walk:
    def __init__(self, links: Mapping[TableName, tuple[Link, ...]], children: Children) -> None:
        self._links = links
        self._children = children
        self._seen: set[tuple[Link, Row]] = set()

    def removed(self, table: TableName, rows: Sequence[_Named]) -> Iterator[Step]:
        for link in self._links.get(table, ()):
            keys = [key for key in dict.fromkeys(_pick(link, row) for row in rows) if self._is_new(link, key)]
            if not keys:
                continue
            if link.on_delete == "CASCADE":
                yield from self.removed(link.child.table.full_name, self._read(link, keys))
                yield Removes(link.child, keys)
            elif link.on_delete == "SET NULL":
                cleared = [_changed(link, key, None) for key in keys if not self._would_make_one(link, key)]
                yield from [Ordered(link.child, cleared)] if cleared else []

    def moved(self, table: TableName, pairs: Sequence[tuple[_Named, _Named]]) -> Iterator[Step]:
        for link in self._links.get(table, ()):
            keys = [(_pick(link, old), _pick(link, new)) for old, new in pairs]
            for old, new in [(old, new) for old, new in keys if old != new and self._is_new(link, old)]:
                if self._would_make_one(link, old):
                    continue
                if link.on_update == "CASCADE":
                    below = self._read(link, [old])
                    yield Ordered(link.child, [_changed(link, old, new)])
                    follows = dict(zip(link.columns, new, strict=True))
                    yield from self.moved(link.child.table.full_name, [(row, {**row, **follows}) for row in below])
                elif link.on_update == "SET NULL":
                    yield Ordered(link.child, [_changed(link, old, None)])

    def _would_make_one(self, link: Link, key: Row) -> bool:
        """Whether a change of the key would be taken for a new row: of a child that is nothing else and not there."""
        alone = len(link.child.columns) == len(link.child.key)
        return alone and not self._children(link, [key], link.columns)

    def _is_new(self, link: Link, key: Row) -> bool:
        """Whether a key is to be followed: NULL refers to nothing, and no key is followed twice."""
        if None in key or (link, key) in self._seen:
            return False
        self._seen.add((link, key))
        return True

    def _read(self, link: Link, keys: Sequence[Row]) -> list[_Named]:
        """What the children's own children refer to; nothing is read of a table without any."""
        below = self._links.get(link.child.table.full_name, ())
        columns = tuple(dict.fromkeys(name for one in below for name in one.referenced))
        return [_named(columns, row) for row in self._children(link, keys, columns)] if columns else []


def _pick(link: Link, row: _Named) -> Row:
    return tuple([row[name] for name in link.referenced])


def _changed(link: Link, key: Row, new: Row | None) -> Write:
    """A change of the foreign key's columns, of which NULL takes the place when there is no new key."""
    values: Row = new if new is not None else (None,) * len(key)
    return CHANGE, key, (*values, *[UNSENT] * (len(link.child.columns) - len(values)))
