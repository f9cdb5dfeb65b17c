"""How a package is built: ``python -m benchmarks.structure [FOLDER]`` prints its rooms, arrows, circles and sizes.

In: a folder of Python modules (`cdc_agent` without one). Out: what docs/architecture.md says in numbers. It reads the
text of the modules and imports none of them; a room is a folder or module right below the package.
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

LONGEST = 10


@dataclass(frozen=True, slots=True)
class Module:
    """One module: what it imports of its own package, and the lengths of its functions in lines, docstrings apart."""

    name: str
    lines: int
    imports: frozenset[str]
    functions: tuple[tuple[int, str], ...]
    """(lines, qualified name)"""

    @property
    def room(self) -> str:
        return ".".join(self.name.split(".")[:2])


def read(folder: Path) -> dict[str, Module]:
    """Every module of the package in `folder`, by its dotted name."""
    paths = {_dotted(path, folder): path for path in sorted(folder.rglob("*.py"))}
    return {name: _module(name, path, paths.keys()) for name, path in paths.items()}


def _dotted(path: Path, folder: Path) -> str:
    parts = path.relative_to(folder.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _module(name: str, path: Path, known: Collection[str]) -> Module:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    imports = frozenset(_imports(tree, known)) - {name}
    return Module(name, text.count("\n"), imports, tuple(_functions(tree, name)))


def _imports(tree: ast.Module, known: Collection[str]) -> Iterator[str]:
    """Modules of the package that are imported anywhere in the text, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in known else node.module for name in names if {name, node.module} & {*known})
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)


def _functions(node: ast.AST, place: str) -> Iterator[tuple[int, str]]:
    for child in ast.iter_child_nodes(node):
        name = f"{place}.{child.name}" if isinstance(child, ast.FunctionDef | ast.ClassDef) else place
        if isinstance(child, ast.FunctionDef):
            yield _length(child), name
        yield from _functions(child, name)


def _length(function: ast.FunctionDef) -> int:
    doc = function.body[0] if ast.get_docstring(function, clean=False) is not None else None
    return _lines(function) - (_lines(doc) if doc else 0)


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def arrows(modules: Mapping[str, Module]) -> dict[str, set[str]]:
    """Room → the rooms that it imports."""
    found: dict[str, set[str]] = {module.room: set() for module in modules.values()}
    for module in modules.values():
        rooms = {modules[name].room for name in module.imports}
        found[module.room] |= rooms - {module.room, module.name.split(".")[0]}
    return {room: found[room] for room in sorted(found)}


def circle(graph: Mapping[str, Collection[str]]) -> list[str]:
    """The names along one circle; [] when there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def report(folder: Path) -> str:
    """The page."""
    modules = read(folder)
    rooms = arrows(modules)
    between = {name: module.imports for name, module in modules.items()}
    lines = [
        f"{len(modules)} modules, {sum(module.lines for module in modules.values())} lines, {len(rooms)} rooms, "
        f"{sum(map(len, rooms.values()))} arrows between them",
        *(f"  {_bare(room)} → {' '.join(sorted(map(_bare, to))) or '(nothing)'}" for room, to in rooms.items()),
        f"circles of modules: {' → '.join(circle(between)) or 'none'}",
        f"circles of rooms: {' → '.join(circle(rooms)) or 'none'}",
        *_sizes(modules.values()),
    ]
    return "\n".join(lines) + "\n"


def _bare(room: str) -> str:
    return room.rpartition(".")[2]


def _sizes(modules: Collection[Module]) -> Iterator[str]:
    functions = sorted(function for module in modules for function in module.functions)
    lengths = [length for length, _ in functions]
    if len(lengths) > 1:
        median, ninety = statistics.median(lengths), statistics.quantiles(lengths, n=10)[-1]
        yield f"{len(lengths)} functions: median {median:g} lines, 90th percentile {ninety:g}, longest {lengths[-1]}"
        yield f"  longest: {functions[-1][1]}"
    yield f"the {LONGEST} longest files:"
    for module in sorted(modules, key=lambda module: -module.lines)[:LONGEST]:
        yield f"  {module.lines:>5}  {module.name}"


if __name__ == "__main__":
    sys.stdout.write(report(Path(sys.argv[1] if len(sys.argv) > 1 else "cdc_agent").resolve()))
