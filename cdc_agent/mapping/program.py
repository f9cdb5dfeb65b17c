"""Generates the function of a plan: changes in, writes out, everything that the schema decides decided beforehand.

Whole rows whose values all fit go through the generated code; everything else is handed to the `reference` mapper,
change by change. Values never stand in the generated text: functions are bound by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from cdc_agent.changes import Change
from cdc_agent.mapping.binding import Bound, Filter, Pick
from cdc_agent.mapping.convert import MisfitError
from cdc_agent.mapping.reference import Mapper
from cdc_agent.mapping.writes import Rejection, Write
from cdc_agent.values import UNSENT

Map = Callable[[Sequence[Change], list[Rejection]], list[Write]]

_TEMPLATE: Final = """\
def map_changes(changes, rejections):
    writes = []
    add = writes.append
    for change in changes:
        operation, old, new = change
        try:
            if operation == 3:
                if {old_unsent}:
                    one(change, rejections, writes)
                    continue
{delete}
                continue
            {unpack}
            if {new_unsent}:
                one(change, rejections, writes)
                continue
{row}
            if operation == 1:
                add((1, {new_key}, row))
            elif old is None:
                add((2, {new_key}, row))
            else:
                if {old_unsent}:
                    one(change, rejections, writes)
                    continue
{update}
        except MisfitError:
            one(change, rejections, writes)
    return writes
"""


def generate(bound: Bound) -> Map:
    """Compile the function. Its text is on it as ``__source__``, for people and tests."""
    writer = _Writer(bound)
    source = writer.program()
    namespace: dict[str, Any] = {
        "UNSENT": UNSENT,
        "MisfitError": MisfitError,
        "one": Mapper(bound).one,
        **writer.names,
    }
    exec(compile(source, f"<plan of {'.'.join(bound.source.full_name)}>", "exec"), namespace)  # noqa: S102 -- our own text
    function: Any = namespace["map_changes"]
    function.__source__ = source
    mapped: Map = function
    return mapped


class _Writer:
    """Writes the branches; `names` collects the functions that they call."""

    def __init__(self, bound: Bound) -> None:
        self._bound = bound
        self._filter = bound.filter
        self._key = [bound.picks[place] for place in bound.binding.key]
        self.names: dict[str, Any] = {}

    def program(self) -> str:
        reads = {index for pick in self._bound.picks for index in pick.reads}
        used = reads | set(self._bound.needed)
        return _TEMPLATE.format(
            old_unsent=_any_unsent("old", self._bound.needed),
            unpack=self._unpack(used),
            new_unsent=_any_unsent("new", used),
            new_key=self._new_key(),
            row=_indented(self._row(), 12),
            delete=_indented(self._delete(), 16),
            update=_indented(self._update(), 16),
        )

    def _unpack(self, used: set[int]) -> str:
        """The new row's values in variables of their own; those that nothing reads go to one that is never read."""
        names = (_cell("new", i) if i in used else "_" for i in range(len(self._bound.source.columns)))
        return f"{', '.join(names)}, = new"

    # --- branches

    def _delete(self) -> Iterator[str]:
        yield from self._decoded("old", self._key)
        if self._filter is not None:
            yield f"if not ({self._inside(self._filter, 'old')}): continue"
        yield f"add((3, {self._tuple(self._key, 'old')}, None))"

    def _row(self) -> Iterator[str]:
        """The target row; a row that the filter does not take is removed when an update may have taken it out."""
        yield from self._decoded("new", self._bound.picks)
        if self._filter is not None:
            yield f"if not ({self._inside(self._filter, 'new')}):"
            yield "    if operation == 2: one(change, rejections, writes)"
            yield "    continue"
        yield f"row = {self._whole_row()}"

    def _update(self) -> Iterator[str]:
        yield from self._decoded("old", self._key)
        if self._filter is not None:
            yield f"if not ({self._inside(self._filter, 'old')}):"
            yield f"    add((1, {self._new_key()}, row))"
            yield "    continue"
        yield f"add((2, {self._tuple(self._key, 'old')}, row))"

    # --- parts

    def _whole_row(self) -> str:
        picks = self._bound.picks
        width = len(self._bound.source.columns)
        as_it_is = all(pick.expression is None and pick.convert is None for pick in picks)
        if as_it_is and [pick.reads[0] for pick in picks] == list(range(width)):
            return "new"
        return self._tuple(picks, "new")

    def _new_key(self) -> str:
        places = self._bound.binding.key
        if list(places) == list(range(len(self._bound.picks))):
            return "row"
        return f"({''.join(f'row[{place}], ' for place in places)})"

    def _tuple(self, picks: Sequence[Pick], row: str) -> str:
        return f"({''.join(f'{self._value(pick, row)}, ' for pick in picks)})"

    def _value(self, pick: Pick, row: str) -> str:
        text = self._computed(pick, row) if pick.expression is not None else _cell(row, pick.reads[0])
        if pick.way.convert is None:
            return text
        name, test = (text, text) if text.isidentifier() else ("v", f"(v := {text})")
        converted = f"{self._bind('convert', pick, pick.way.convert)}({name})"
        usual = pick.way.usual
        if usual is not None:
            when, gives = (form.replace("{v}", name) for form in (usual.when, usual.gives))
            converted = gives if when == "True" else f"{gives} if {when} else {converted}"
        return f"(None if {test} is None else {converted})"

    def _computed(self, pick: Pick, row: str) -> str:
        """The expression's function over decoded values, its result as canonical text."""
        assert pick.expression is not None
        arguments = ", ".join(_python(row, index) for index in pick.reads)
        call = f"{self._bind('compute', pick, pick.expression.function)}({arguments})"
        return f"(None if (v := {call}) is None else {self._bind('render', pick, pick.expression.render)}(v))"

    def _inside(self, filter_: Filter, row: str) -> str:
        self.names["inside"] = filter_.expression.function
        return f"inside({', '.join(_python(row, index) for index in filter_.reads)}) is True"

    def _decoded(self, row: str, picks: Iterable[Pick]) -> Iterator[str]:
        """Python values of the columns that expressions read, each decoded once."""
        readers: dict[int, Callable[[bytes], Any]] = {}
        for pick in picks:
            if pick.expression is not None:
                readers.update(zip(pick.reads, pick.expression.readers, strict=True))
        if self._filter is not None:
            readers.update(zip(self._filter.reads, self._filter.expression.readers, strict=True))
        for index, reader in sorted(readers.items()):
            self.names[f"read_{index}"] = reader
            yield f"{_python(row, index)} = None if (v := {_cell(row, index)}) is None else read_{index}(v)"

    def _bind(self, purpose: str, pick: Pick, function: Any) -> str:
        name = f"{purpose}_{self._bound.picks.index(pick)}"
        self.names[name] = function
        return name


def _cell(row: str, index: int) -> str:
    """The canonical text of a source column: a variable for the new row, which is unpacked."""
    return f"n{index}" if row == "new" else f"{row}[{index}]"


def _python(row: str, index: int) -> str:
    """The variable with a source column's decoded value."""
    return f"{row}_{index}"


def _any_unsent(row: str, indexes: Iterable[int]) -> str:
    return " or ".join(f"{_cell(row, index)} is UNSENT" for index in sorted(indexes)) or "False"


def _indented(lines: Iterable[str], width: int) -> str:
    return "\n".join(" " * width + line for line in lines)
