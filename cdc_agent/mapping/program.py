"""Generates the function of a plan: changes in, writes out, everything that the schema decides decided beforehand.

Whole rows whose values all fit go through the generated code; everything else is handed to the `reference` mapper,
change by change. Values never stand in the generated text: functions are bound by name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from cdc_agent.conversions.convert import MisfitError
from cdc_agent.expressions import pyvalues
from cdc_agent.expressions.expression import NO_VALUE, Expression, Form
from cdc_agent.mapping.binding import Bound, Filter, Pick
from cdc_agent.mapping.reference import Mapper
from cdc_agent.model.changes import Cells, Change
from cdc_agent.model.generated import define
from cdc_agent.model.values import UNSENT
from cdc_agent.model.writes import Rejection, Write

_UNUSUAL: Final = (MisfitError, *NO_VALUE)
"""What generated code leaves to the reference mapper, which says what is wrong."""
_READ: Final[dict[Any, str]] = {
    bytes.decode: "{v}.decode()",
    int: "int({v})",
    pyvalues.read_decimal: "Decimal({v}.decode())",
}
_RENDER: Final[dict[Any, str]] = {
    str.encode: "{v}.encode()",
    pyvalues.render_integer: 'b"%d" % {v}',
    pyvalues.render_decimal: '(r.encode() if (v := {v}) and "E" not in (r := str(v)) and r[-1] <= "9" else {f}(v))',
}
"""Functions of `pyvalues` as text; ``{f}`` is the function itself."""

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
        except UNUSUAL:
            one(change, rejections, writes)
    return writes
"""


def generate(bound: Bound) -> Map:
    """Compile the function. Its text is on it as ``__source__``, for people and tests."""
    writer = _Writer(bound)
    source = writer.program()
    namespace: dict[str, Any] = {
        "UNSENT": UNSENT,
        "UNUSUAL": _UNUSUAL,
        "one": Mapper(bound).one,
        **writer.names,
    }
    function: Any = define(source, "<plan>", namespace)["map_changes"]
    function.__source__ = source
    mapped: Map = function
    return mapped


class RowProjection:
    """`changes.Projection` of a route without a filter: the same text as in the plan's function, row by row."""

    unusual = _UNUSUAL

    def __init__(self, bound: Bound) -> None:
        self._bound = bound
        self._texts = _Texts(bound)
        key = [bound.picks[place] for place in bound.binding.key]
        self.reads = frozenset(index for pick in bound.picks for index in pick.reads)
        self.key_reads = frozenset(index for pick in key for index in pick.reads)
        self._key = key
        for nulls in (True, False):  # binds every name
            self.row(Cells(dict.fromkeys(self.reads, "value"), nulls=nulls))

    @property
    def names(self) -> Mapping[str, Any]:
        return self._texts.names

    def row(self, cells: Cells) -> tuple[list[str], str]:
        """See `changes.Projection`."""
        lines, values = self._values(self._bound.picks, cells)
        places = self._bound.binding.key
        lines += [f"k{place} = {values[place]}" for place in places]
        for place in places:
            values[place] = f"k{place}"
        return lines, f"{_tuple_of(values[place] for place in places)}, {_tuple_of(values)}"

    def key(self, cells: Cells) -> tuple[list[str], str]:
        """See `changes.Projection`."""
        lines, values = self._values(self._key, cells)
        return lines, _tuple_of(values)

    def _values(self, picks: Sequence[Pick], cells: Cells) -> tuple[list[str], list[str]]:
        """Each text that is needed in a variable of its own, unless it is used once and as it is."""
        texts, readers = cells.texts, _readers(picks)
        filled = frozenset() if cells.nulls else frozenset(i for i in self.reads if texts.get(i) != "None")
        arguments = {i: source for i, source in cells.numbers.items() if readers.get(i) is int}
        uses = Counter(i for pick in picks for i in pick.reads if pick.expression is None or i not in arguments)
        plain = {pick.reads[0] for pick in picks if pick.expression is None and pick.convert is None}
        names = {i: texts[i] if texts[i].isidentifier() or (uses[i] == 1 and i in plain) else f"n{i}" for i in uses}
        lines = [f"{name} = {texts[i]}" for i, name in names.items() if name == f"n{i}"]
        for index, reader in readers.items():
            if index not in arguments:
                read = self._texts.read(index, reader, names[index], filled)
                once = index in filled and _places(picks, index, filled) == 1
                arguments[index] = read if once else _python("new", index)
                lines += [] if once else [f"{arguments[index]} = {read}"]
        return lines, [
            self._texts.value(pick, "new", names.__getitem__, arguments.__getitem__, filled) for pick in picks
        ]


def _tuple_of(values: Iterable[str]) -> str:
    return f"({''.join(f'{value}, ' for value in values)})"


class _Writer:
    """Writes the branches of the plan's function."""

    def __init__(self, bound: Bound) -> None:
        self._bound = bound
        self._filter = bound.filter
        self._key = [bound.picks[place] for place in bound.binding.key]
        self._texts = _Texts(bound)
        self.names = self._texts.names

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
            yield f"if not ({self._inside(self._filter, 'old')}):"
            yield "    one(change, rejections, writes)"
            yield "    continue"
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
        return self._texts.value(pick, row, lambda index: _cell(row, index), lambda index: _python(row, index))

    def _inside(self, filter_: Filter, row: str) -> str:
        self.names["inside"] = filter_.expression.function
        return f"inside({', '.join(_python(row, index) for index in filter_.reads)}) is True"

    def _decoded(self, row: str, picks: Iterable[Pick]) -> Iterator[str]:
        """Python values of the columns that expressions read, each decoded once."""
        for index, reader in _readers(picks, self._filter).items():
            yield f"{_python(row, index)} = {self._texts.read(index, reader, _cell(row, index))}"


class _Texts:
    """Writes the values of target columns; `names` collects the functions that they call."""

    def __init__(self, bound: Bound) -> None:
        self._bound = bound
        self.names: dict[str, Any] = {"Decimal": Decimal}

    def value(
        self,
        pick: Pick,
        row: str,
        cell: Callable[[int], str],
        argument: Callable[[int], str],
        filled: frozenset[int] = frozenset(),
    ) -> str:
        """An expression over a column's text (`cell`) or an expression's arguments; those in `filled` are not None."""
        if pick.expression is not None:
            return self._computed(pick, pick.expression, [argument(index) for index in pick.reads], row, filled)
        text = cell(pick.reads[0])
        if pick.way.convert is None or text == "None":
            return text
        name, test = (text, text) if text.isidentifier() else ("v", f"(v := {text})")
        converted = self._converted(pick, name)
        if pick.reads[0] in filled and name == text:
            return converted
        return f"(None if {test} is None else {converted})"

    def _converted(self, pick: Pick, name: str) -> str:
        """A conversion's result for the variable `name`, which is not None."""
        if pick.way.convert is None:
            return name
        converted = f"{self._bind('convert', pick, pick.way.convert)}({name})"
        if (usual := pick.way.usual) is None:
            return converted
        when, gives = (form.replace("{v}", name) for form in (usual.when, usual.gives))
        return gives if when == "True" else f"({gives} if {when} else {converted})"

    def _computed(
        self, pick: Pick, expression: Expression, arguments: Sequence[str], row: str, filled: frozenset[int]
    ) -> str:
        """The expression over decoded values, its result as canonical text."""
        form = _form(pick, expression, filled)
        source, names = expression.inline(form, arguments, f"_{row}_{self._bound.picks.index(pick)}")
        self.names.update(names)
        test = f"(v := {source}) is None" if form.nullable else ""
        text = self._rendered(pick, expression, "v" if form.nullable else f"({source})")
        if pick.convert is not None:
            test = f"{test}{' or ' if test else ''}(v := {text}) is None"
            text = self._converted(pick, "v")
        return f"(None if {test} else {text})" if test else text

    def _rendered(self, pick: Pick, expression: Expression, value: str) -> str:
        name = self._bind("render", pick, expression.render)
        return _RENDER.get(expression.render, "{f}({v})").replace("{f}", name).replace("{v}", value)

    def read(self, index: int, reader: Callable[[bytes], Any], text: str, filled: frozenset[int] = frozenset()) -> str:
        """The Python value of a column whose canonical text is `text`."""
        if text == "None":
            return text
        self.names[f"read_{index}"] = reader
        form = _READ.get(reader, f"read_{index}({{v}})")
        if index in filled:
            return form.replace("{v}", text)
        return f"None if (v := {text}) is None else {form.replace('{v}', 'v')}"

    def _bind(self, purpose: str, pick: Pick, function: Any) -> str:
        name = f"{purpose}_{self._bound.picks.index(pick)}"
        self.names[name] = function
        return name


def _readers(picks: Iterable[Pick], filter_: Filter | None = None) -> dict[int, Callable[[bytes], Any]]:
    """What makes Python values of the columns that expressions read, by the columns' indexes in order."""
    readers: dict[int, Callable[[bytes], Any]] = {}
    for pick in picks:
        if pick.expression is not None:
            readers.update(zip(pick.reads, pick.expression.readers, strict=True))
    if filter_ is not None:
        readers.update(zip(filter_.reads, filter_.expression.readers, strict=True))
    return dict(sorted(readers.items()))


def _form(pick: Pick, expression: Expression, filled: frozenset[int]) -> Form:
    return expression.filled if filled.issuperset(pick.reads) else expression.form


def _places(picks: Iterable[Pick], index: int, filled: frozenset[int]) -> int:
    """How often expressions name a column."""
    return sum(
        _form(pick, pick.expression, filled).uses(pick.reads.index(index))
        for pick in picks
        if pick.expression is not None and index in pick.reads
    )


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
