"""What a difference of schemas means for one route, and what is done about it. Pure.

In: both tables as they were known and as they are, and the route's settings. Out: problems, each with what would mend
it on the target; none where the target has followed already, or need not follow. Statements are made from a problem's
`Remedy` by `words`, which may ask a server.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from cdc_agent.config.model import RouteSettings
from cdc_agent.conversions.base import Context
from cdc_agent.model.changes import TableName
from cdc_agent.model.engines import of_flavor
from cdc_agent.schema.differences import (
    Added,
    Difference,
    Dropped,
    Loosened,
    Rekeyed,
    Renamed,
    Retyped,
    compare,
    fits,
    lossless,
    takes,
)
from cdc_agent.schema.uses import Use, same_name, uses
from cdc_agent.schema.versions import Column, Known, Version

INVISIBLE_KEY: Final = "my_row_id"
"""What MySQL adds by itself to a table without a key (`sql_generate_invisible_primary_key`); no route takes it."""


@dataclass(frozen=True, slots=True)
class AddColumn:
    """The target gets a column of the source, under this name."""

    name: str
    column: Column


@dataclass(frozen=True, slots=True)
class ChangeColumn:
    """A column of the target gets the type of the source's, or may be NULL as that may."""

    name: str
    column: Column
    in_key: bool = False


@dataclass(frozen=True, slots=True)
class RenameColumn:
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class DropColumn:
    name: str


@dataclass(frozen=True, slots=True)
class CreateTable:
    """The target gets the table."""


Remedy: TypeAlias = "AddColumn | ChangeColumn | RenameColumn | DropColumn | CreateTable"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that the source has changed, or the target has lost, and that would be lost if the stream went on."""

    text: str
    """Names table and column."""
    remedy: Remedy | None = None
    """What would mend it on the target."""
    followed: bool = False
    """Whether the agent may do that by itself: nothing is dropped or narrowed."""
    lost: bool = False
    """The target has lost something, and the source has not changed."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One route with the versions that are compared."""

    settings: RouteSettings
    source: TableName
    target: TableName
    known: Known
    now: Known
    context: Context
    before: dict[str, Use] = field(init=False)
    uses: dict[str, Use] = field(init=False)

    def __post_init__(self) -> None:
        engines = (self.context.source_engine, self.context.engine)
        found = ((one.source, one.target) for one in (self.known, self.now))
        before, after = (uses(self.settings, source, target, engines) for source, target in found)
        object.__setattr__(self, "before", before)
        object.__setattr__(self, "uses", after)

    @property
    def loose(self) -> bool:
        """Whether names that differ in case alone are one name."""
        return any(of_flavor(one).facts.folds_columns for one in (self.context.source_engine, self.context.engine))

    def there(self, name: str) -> Column | None:
        """The target's column of that name."""
        return same_name(self.now.target, name, loose=self.loose)

    def written(self, name: str) -> Use | None:
        """The use that takes this source column as it was known, plainly."""
        return next((use for use in self.before.values() if use.plain and use.reads == (name,)), None)


def problems(one: Judged) -> list[Problem]:
    """All that stands between what was known and what is there now."""
    found: list[Problem] = []
    explained: set[str] = set()
    told = one.known.renamed
    for difference in compare(one.known.source, one.now.source, told, types=one.known.logged):
        problem, about = _of(one, difference)
        explained.update(about)
        if problem is not None:
            found.append(problem)
    found += _lost(one, explained)
    return found


def missing_table(source: TableName, target: TableName, *, known: bool) -> Problem:
    """The target table is not there."""
    what = "is gone" if known else f"does not exist, and {_name(source)} has rows"
    return Problem(f"target table {_name(target)} {what}", CreateTable(), followed=not known, lost=known)


def _name(table: TableName) -> str:
    return ".".join(table)


def _of(one: Judged, difference: Difference) -> tuple[Problem | None, tuple[str, ...]]:
    """The problem of a difference, and the target columns whose absence it explains."""
    match difference:
        case Added(column):
            return (_added(one, column), ()) if one.settings.columns is None else (None, ())
        case Dropped(column):
            return _dropped(one, column) if one.settings.columns is None else (None, ())
        case Renamed(before, after):
            return _renamed(one, before, after) if one.settings.columns is None else (None, ())
        case Retyped(before, after):
            return _retyped(one, before, after), ()
        case Loosened(column):
            return _loosened(one, column), ()
        case Rekeyed(before, after):
            return _rekeyed(one, before, after), ()


def _added(one: Judged, column: Column) -> Problem | None:
    if one.there(column.name) is not None or column.name == INVISIBLE_KEY:
        return None
    text = f"{_name(one.source)} has a new column {column.name}, which {_name(one.target)} lacks"
    return Problem(text, AddColumn(column.name, column), followed=True)


def _dropped(one: Judged, column: Column) -> tuple[Problem | None, tuple[str, ...]]:
    use = one.written(column.name)
    if use is None:
        return None, ()
    if one.there(use.target) is None or use.target in one.uses:
        return None, (use.target,)
    text = f"column {column.name} of {_name(one.source)} was dropped, and {_name(one.target)} still has {use.target}"
    return Problem(text, DropColumn(use.target)), (use.target,)


def _renamed(one: Judged, before: Column, after: Column) -> tuple[Problem | None, tuple[str, ...]]:
    use = one.written(before.name)
    if use is None:
        return None, ()
    old, new = one.there(use.target), one.there(after.name)
    about = (use.target,)
    if old is None and new is not None:
        return None, about
    text = f"column {before.name} of {_name(one.source)} is called {after.name} now"
    if old is None:
        gone = f"{text}, and {_name(one.target)} has neither"
        return Problem(gone, AddColumn(after.name, after)), about
    if new is not None and new.name != old.name:
        both = f"{text}, and {_name(one.target)} has both {use.target} and {after.name}"
        return Problem(both, DropColumn(use.target)), about
    if new is not None:
        return None, about
    text = f"{text}, and still {use.target} in {_name(one.target)}"
    return Problem(text, RenameColumn(use.target, after.name), followed=True), about


def _retyped(one: Judged, before: Column, after: Column) -> Problem | None:
    """None where every value stayed what it was and the target takes it, or where the target has changed as well."""
    same = lossless(before.type, after.type, one.context.source_engine)
    for use in one.uses.values():
        if after.name not in use.reads:
            continue
        target, was = _column(one.now.target, use.target), one.known.target.column(use.target)
        if not use.plain:
            if not same:
                return Problem(f"{_changed_type(one, before, after)}; {use.target} is computed from it")
            continue
        if was is None or (was.type != target.type and takes(after.type, target.type, one.context)):
            continue
        if same and fits(before.type, after.type, was.type, target.type, one.context):
            continue
        in_key = use.target in one.now.target.key
        text = f"{_changed_type(one, before, after)}; {use.target} of {_name(one.target)} is {target.type.native}"
        return Problem(text, ChangeColumn(use.target, after, in_key), followed=same)
    return None


def _changed_type(one: Judged, before: Column, after: Column) -> str:
    return f"column {after.name} of {_name(one.source)} was {before.type.native} and is {after.type.native}"


def _column(version: Version, name: str) -> Column:
    column = version.column(name)
    assert column is not None, "a use names a column that is there"
    return column


def _loosened(one: Judged, column: Column) -> Problem | None:
    for use in one.uses.values():
        if use.plain and use.reads == (column.name,) and not _column(one.now.target, use.target).nullable:
            text = (
                f"column {column.name} of {_name(one.source)} may be NULL now, {use.target} of {_name(one.target)} not"
            )
            in_key = use.target in one.now.target.key
            return Problem(text, ChangeColumn(use.target, column), followed=not in_key)
    return None


def _rekeyed(one: Judged, before: tuple[str, ...], after: tuple[str, ...]) -> Problem | None:
    """Two rows of the source may be one of the target when its key no longer holds the source's."""
    key = one.settings.key or one.now.target.key
    read = {name for place in key if place in one.uses for name in one.uses[place].reads}
    if not after or not read or set(after) <= read or not set(before) <= read:
        return None
    text = (
        f"the key of {_name(one.source)} was ({', '.join(before)}) and is ({', '.join(after)}); rows of "
        f"{_name(one.target)} are found by ({', '.join(key)})"
    )
    return Problem(text)


def _lost(one: Judged, explained: set[str]) -> Iterator[Problem]:
    """Columns that were written and are not there any more, or cannot be written."""
    for use in one.before.values():
        still = set(use.reads) <= one.now.source.names
        if use.target in one.uses or use.target in explained or not still:
            continue
        found = one.now.target.column(use.target)
        text = f"{_name(one.target)} has lost column {use.target}, which was replicated"
        if found is not None:
            text = f"column {use.target} of {_name(one.target)} is generated now, and was replicated"
        source = one.now.source.column(use.reads[0]) if use.plain else None
        remedy = AddColumn(use.target, source) if source is not None and found is None else None
        yield Problem(text, remedy, lost=True)
