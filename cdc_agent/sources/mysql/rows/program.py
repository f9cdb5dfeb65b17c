"""Writes the Python source of a row reader and compiles it: columns in, one straight-line function out.

Neighbouring columns of fixed length are read by one `struct.unpack_from` for their little-endian parts and one for
their big-endian parts, in which each other's bytes are padding; the length of a string belongs to the run before it.
For a known pattern of NULLs a reader looks like this::

    def read(data, p):
        a0, a1, a2 = unpack_0(data, p)
        a3, a4 = unpack_1(data, p)
        q = p + 21
        p = q + a2
        v2 = data[q:p]
        return (b"%d" % a0, None, v2, DATES[a3 << 8 | a4],), p

How each type is read stands in `coders`.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Collection, Sequence
from typing import Any

from cdc_agent.model.changes import Cells, Projection
from cdc_agent.model.generated import define
from cdc_agent.model.values import UNSENT
from cdc_agent.sources.mysql.rows import coders
from cdc_agent.sources.mysql.rows.charsets import Charsets
from cdc_agent.sources.mysql.rows.coders import Coder
from cdc_agent.sources.mysql.rows.columns import Logged


class Scope:
    """What a table's readers share: how each of its columns is read, and the names that their source may use."""

    def __init__(self, columns: Sequence[Logged], charsets: Charsets) -> None:
        self.charsets = charsets
        self.names: dict[str, Any] = {"UNSENT": UNSENT, **coders.NAMES}
        self.coders = [self._coder(index, column) for index, column in enumerate(columns)]
        self._unpackers: dict[str, str] = {}
        self.compiling = threading.Lock()

    def _coder(self, index: int, column: Logged) -> Coder:
        coder = coders.coder(column, self.charsets)
        for name, value in coder.names.items():
            self.names[f"{name}_{index}"] = value
        return coder

    def unpacker(self, form: str) -> str:
        """The name of the compiled struct of this format."""
        name = self._unpackers.setdefault(form, f"unpack_{len(self._unpackers)}")
        if name not in self.names:
            self.names[name] = struct.Struct(form).unpack_from
        return name


def compile_reader(
    columns: Sequence[Logged], present: Sequence[int], nulls: bytes | None, scope: Scope
) -> Callable[[bytes, int], Any]:
    """The reader of rows that have these columns, and NULL where `nulls` says, or where its own bits say if None.

    The source is made of numbers alone: names and labels of columns reach it as values in its namespace.
    """
    writer = _Writer(scope)
    with scope.compiling:
        if nulls is None:
            writer.test_nulls(present)
        else:
            writer.straight(present, nulls)
        names = dict(scope.names)
    reader: Callable[[bytes, int], Any] = define(writer.source(len(columns)), "<row reader>", names)["read"]
    return reader


def compile_projection(
    columns: Sequence[Logged],
    present: Sequence[int],
    nulls: bytes | None,
    scope: Scope,
    projection: Projection,
    *,
    adds: int | None = None,
    key_only: bool = False,
) -> Callable[..., Any]:
    """As `compile_reader`, but what is returned is the projection's ``key, row, position``, or ``key, position``.

    Columns that it does not read are stepped over. With `adds`, an operation, the function takes also where the rows
    end and an ``append``, which gets writes of that kind for as long as rows have this pattern of NULLs; it returns the
    position alone.
    """
    writer = _Writer(scope, wanted=projection.key_reads if key_only else projection.reads)
    with scope.compiling:
        if nulls is None:
            writer.test_nulls(present)
        else:
            writer.straight(present, nulls)
        names = {**scope.names, **projection.names, "pattern": nulls}
    cells = Cells(writer.values, writer.numbers, nulls=nulls is None)
    statements, result = (projection.key if key_only else projection.row)(cells)
    if adds is None:
        text = writer.returning(statements, result)
    else:
        text = writer.adding(statements, f"({adds}, {result}{', None' if key_only else ''})", nulls)
    reader: Callable[..., Any] = define(text, "<row projection>", names)["read"]
    return reader


class _Writer:
    """Collects the lines of one reader, and for each column the expression of its value."""

    def __init__(self, scope: Scope, wanted: Collection[int] | None = None) -> None:
        """`wanted`: the columns whose values are needed; None for all."""
        self._scope = scope
        self._wanted = wanted
        self._lines: list[str] = []
        self._known = False
        self._indent = "    "
        self._count = 0
        self._values: dict[int, str] = {}
        self._numbers: dict[int, str] = {}

    def source(self, width: int) -> str:
        """The function; a column that no line reads is UNSENT."""
        values = "".join(f"{self._values.get(index, 'UNSENT')}, " for index in range(width))
        return "\n".join(["def read(data, p):", *self._lines, f"    return ({values}), p", ""])

    @property
    def values(self) -> dict[int, str]:
        """The expression of each column that was read."""
        return self._values

    @property
    def numbers(self) -> dict[int, str]:
        """The integers among them, for a known pattern of NULLs."""
        return self._numbers

    def returning(self, statements: Sequence[str], result: str) -> str:
        """The function that returns `result` for one row, and where the row ends."""
        lines = [*self._lines, *(f"    {line}" for line in statements), f"    return {result}, p", ""]
        return "\n".join(["def read(data, p):", *lines])

    def adding(self, statements: Sequence[str], change: str, nulls: bytes | None) -> str:
        """The function that adds `change` for each row; one row where a reader for any NULLs was written."""
        lines = [*self._lines, *(f"    {line}" for line in statements), f"    add({change})"]
        if nulls is None:
            return "\n".join(["def read(data, p, end, add):", *lines, "    return p", ""])
        again = [
            f"    if p >= end or data[p:p + {len(nulls)}] != pattern:",
            "        return p",
            f"    p += {len(nulls)}",
        ]
        looped = [f"    {line}" for line in [*lines, *again]]
        return "\n".join(["def read(data, p, end, add):", "    while True:", *looped, ""])

    def straight(self, present: Sequence[int], nulls: bytes) -> None:
        """The columns one after the other; which of them are NULL is known."""
        self._known = True
        flags = int.from_bytes(nulls, "little")
        run: list[int] = []
        for place, index in enumerate(present):
            if flags >> place & 1:
                self._values[index] = "None"
                continue
            run.append(index)
            if self._scope.coders[index].sized:
                self._read(run)
                run = []
        self._read(run)

    def test_nulls(self, present: Sequence[int]) -> None:
        """The columns one after the other, each behind a test of its bit."""
        size = (len(present) + 7) // 8
        self._line(f"nulls = int.from_bytes(data[p - {size}:p], 'little')")
        for place, index in enumerate(present):
            self._line(f"if nulls & {1 << place}:")
            self._line(f"    v{index} = None")
            self._line("else:")
            self._indent = "        "
            self._read([index])
            if self._wants(index):
                self._line(f"v{index} = {self._values[index]}")
                self._values[index] = f"v{index}"
            self._indent = "    "

    def _wants(self, index: int) -> bool:
        return self._wanted is None or index in self._wanted

    def _line(self, text: str) -> None:
        self._lines.append(self._indent + text)

    def _read(self, run: Sequence[int]) -> None:
        """A run of columns of fixed length, the last of which may be a sized one."""
        if not run:
            return
        parts: dict[str, list[str]] = {"<": [], ">": []}
        names: dict[str, list[str]] = {"<": [], ">": []}
        size = 0
        for index in run:
            coder = self._scope.coders[index]
            if not coder.sized and not self._wants(index):
                parts["<"].append(f"{coder.size}x")
                parts[">"].append(f"{coder.size}x")
                size += coder.size
                continue
            own, other = (">", "<") if coder.big else ("<", ">")
            mine = [self._fresh() for _ in coder.parts]
            parts[own] += coder.parts
            names[own] += mine
            parts[other].append(f"{coder.size}x")
            size += coder.size
            self._values[index] = coder.expression(index, mine)
            if coder.number is not None and self._known:
                self._numbers[index] = coder.number.format(*mine)
        for order in "<>":
            if names[order]:
                unpacker = self._scope.unpacker(order + "".join(parts[order]))
                self._line(f"{', '.join(names[order])}, = {unpacker}(data, p)")
        self._step(run[-1], size)

    def _step(self, last: int, size: int) -> None:
        """Go on behind the run: `p` is where the next one begins."""
        if not self._scope.coders[last].sized:
            self._line(f"p += {size}")
            return
        self._line(f"q = p + {size}")
        self._line(f"p = q + ({self._values[last]})")
        if not self._wants(last):
            del self._values[last]
            return
        self._line(f"v{last} = {self._scope.coders[last].value(last, 'data[q:p]')}")
        self._values[last] = f"v{last}"

    def _fresh(self) -> str:
        self._count += 1
        return f"a{self._count}"
