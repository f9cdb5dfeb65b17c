"""A YAML file as plain values that remember their lines, with `${env:…}` and `${file:…}` filled in.

In: text. Out: a `Document`: dicts, lists and scalars, the line of every key and item, and every problem that the
text itself has (duplicate keys, names that are not set). It never judges what the keys mean; `load` does that.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

Path_: TypeAlias = "tuple[str | int, ...]"
"""Where a value stands: ``("pipelines", "a", "tables", 0, "from")``."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong (or, as a warning, risky) in a configuration file."""

    line: int
    """Line in the file, from 1."""
    message: str
    hint: str = ""

    def lines(self, file: str) -> list[str]:
        """``file:line: message``, and the hint on a line of its own."""
        first = f"{file}:{self.line}: {self.message}"
        return [first, f"  {self.hint}"] if self.hint else [first]


@dataclass(slots=True)
class Document:
    """The values of a file, where they stand, and what is wrong with the text."""

    value: Any = None
    lines: dict[Path_, int] = field(default_factory=dict)
    interpolated: set[Path_] = field(default_factory=set)
    """Where a value came from the environment or a file."""
    broken: set[Path_] = field(default_factory=set)
    """Values with a reference that could not be filled: there is nothing to judge."""
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def line(self, path: Path_) -> int:
        """The line of `path`, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def parse(text: str, environment: Mapping[str, str]) -> Document:
    """Read YAML text; problems are collected in the document, nothing is raised."""
    document = Document()
    yaml = YAML(typ="safe", pure=True)
    try:
        root = yaml.compose(text)
    except YAMLError as error:
        document.problems.append(_syntax_problem(error))
        return document
    if root is not None:
        document.value = _Builder(document, yaml, environment).build(root, ())
    return document


def _syntax_problem(error: YAMLError) -> Problem:
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    what = error.problem if isinstance(error, MarkedYAMLError) and error.problem else "not readable"
    return Problem(mark.line + 1 if mark else 1, f"not valid YAML: {what}")


_TEXT_TAGS: Final = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:timestamp")
_MERGE_TAG: Final = "tag:yaml.org,2002:merge"


class _Builder:
    """Walks the node tree once."""

    def __init__(self, document: Document, yaml: YAML, environment: Mapping[str, str]) -> None:
        self._document = document
        self._constructor = yaml.constructor
        self._environment = environment

    def build(self, node: Node, path: Path_) -> Any:
        self._document.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.build(item, (*path, number)) for number, item in enumerate(node.value)]
        assert isinstance(node, ScalarNode)  # YAML has three kinds of node
        return self._scalar(node, path)

    def _mapping(self, node: MappingNode, path: Path_) -> dict[str, Any]:
        built: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE_TAG:
                merged.update(self._merge(value_node, path))
                continue
            key = str(key_node.value) if isinstance(key_node, ScalarNode) else "?"
            line = key_node.start_mark.line + 1
            if key in built:
                first = self._document.lines[(*path, key)]
                self._document.problems.append(Problem(line, f"key {key!r} again: line {first} has it already"))
                continue
            self._document.lines[(*path, key)] = line
            built[key] = self.build(value_node, (*path, key))
        return {**merged, **built}

    def _merge(self, node: Node, path: Path_) -> dict[str, Any]:
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        self._document.problems.append(Problem(node.start_mark.line + 1, "<< must name one mapping"))
        return {}

    def _scalar(self, node: ScalarNode, path: Path_) -> Any:
        if node.tag not in _TEXT_TAGS:
            return self._constructor.construct_object(node)
        line = node.start_mark.line + 1
        before = len(self._document.problems)
        text, filled = _fill(node.value, line, self._document, self._environment)
        if len(self._document.problems) > before:
            self._document.broken.add(path)
        if filled:
            self._document.interpolated.add(path)
        return text


_REFERENCE: Final = re.compile(r"\$\$\{|\$\{(?:(?P<kind>[a-z]+):)?(?P<name>[^{}]*)\}")


def _fill(text: str, line: int, document: Document, environment: Mapping[str, str]) -> tuple[str, bool]:
    """Replace every reference; ``$${`` stands for ``${`` itself."""
    filled = False

    def replace(match: re.Match[str]) -> str:
        nonlocal filled
        if match[0] == "$${":
            return "${"
        filled = True
        if match["kind"] == "env":
            return _from_environment(match["name"], line, document, environment)
        if match["kind"] == "file":
            return _from_file(match["name"], line, document)
        document.problems.append(
            Problem(line, f"{match[0]} is not a reference", "write ${env:NAME} or ${file:/path}; $${ for a plain ${")
        )
        return ""

    return _REFERENCE.sub(replace, text), filled


def _from_environment(name: str, line: int, document: Document, environment: Mapping[str, str]) -> str:
    if name not in environment:
        document.problems.append(Problem(line, f"environment variable {name} is not set"))
    return environment.get(name, "")


def _from_file(name: str, line: int, document: Document) -> str:
    try:
        mode = stat.S_IMODE(os.stat(name).st_mode)
        content = Path(name).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        document.problems.append(Problem(line, f"cannot read {name}: {reason}"))
        return ""
    if mode not in (0o600, 0o400):
        document.warnings.append(
            Problem(line, f"{name} has mode {mode:04o}: others may read the secret", f"chmod 600 {name}")
        )
    return content
