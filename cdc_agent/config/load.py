"""Reads a configuration file: the first thing every command does.

In: a path. Out: a `Config`, or every problem of the file at once, each with its line. It never connects to anything;
what only the databases can tell is `preflight`'s work. Messages quote keys and names, never a password.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from cdc_agent.config.document import Document, Path_, Problem, parse
from cdc_agent.config.model import Config, Database, PipelineSettings, RouteSettings, Tls
from cdc_agent.config.rules import judge
from cdc_agent.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Reading:
    """A configuration file as read: `config` is None when there are problems."""

    file: str
    config: Config | None
    problems: tuple[Problem, ...]
    """In the order of their lines."""
    warnings: tuple[Problem, ...]


def load(path: Path, environment: Mapping[str, str] = os.environ) -> Config:
    """The configuration in `path`; raises `errors.ConfigError` with every problem and its line."""
    reading = read(path, environment)
    if reading.config is None:
        raise problems_error(reading)
    return reading.config


def read(path: Path, environment: Mapping[str, str] = os.environ) -> Reading:
    """Read without raising for problems of content; raises `errors.ConfigError` when there is no such file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ConfigError(f"cannot read {path}: {reason}", hint="name the file with -c FILE") from error
    return read_text(text, str(path), environment)


def read_text(text: str, file: str, environment: Mapping[str, str] = os.environ) -> Reading:
    """`read` for text that is in memory; `file` is the name to report."""
    document = parse(text, environment)
    config = _validate(document) if not document.problems or document.value is not None else None
    problems = _in_order(document.problems)
    return Reading(file, None if problems else config, problems, _in_order(document.warnings))


def problems_error(reading: Reading) -> ConfigError:
    """All problems of a reading as one error."""
    count = len(reading.problems)
    lines = [line for problem in reading.problems for line in problem.lines(reading.file)]
    return ConfigError(f"{reading.file} has {count} problem{'s' if count > 1 else ''}", hint="", details=lines)


def _in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(dict.fromkeys(problems), key=lambda problem: problem.line))


def _validate(document: Document) -> Config | None:
    if not isinstance(document.value, dict):
        document.problems.append(Problem(1, "the file must hold `databases:` and `pipelines:`"))
        return None
    judge(document)
    try:
        return Config.model_validate(document.value)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_context=True, include_input=False):
            if _worth_telling(detail, document):
                document.problems.append(_problem(detail, document))
        return None


def _worth_telling(detail: ErrorDetails, document: Document) -> bool:
    """Not what the rules report with better lines, nor what only follows from another problem."""
    location = tuple(detail["loc"])
    if location in document.broken:
        return False
    return bool(location) and not (detail["type"] == "too_short" and (*location, 0) in document.lines)


def _problem(detail: ErrorDetails, document: Document) -> Problem:
    location = tuple(detail["loc"])
    key, line = location[-1], document.line(location)
    match detail["type"]:
        case "missing":
            return Problem(line, f"{_place(location[:-1])}: key {key!r} is missing")
        case "extra_forbidden":
            return Problem(line, f"{_place(location[:-1])}: unknown key {key!r}", _nearest(str(key), location[:-1]))
        case "value_error":
            message = detail["msg"].removeprefix("Value error, ")
        case "too_short":
            message = "must not be empty"
        case _:
            message = detail["msg"].replace("Input should be", "must be")
    if _model_at(location[:-3]) is RouteSettings and location[-3:-2] == ("columns",):
        message = "must be an SQL expression: text, a number, true, false or null"
    return Problem(line, f"{_place(_known_part(location, document))}: {message}")


def _known_part(location: Path_, document: Document) -> Path_:
    """Without the names of union members that pydantic puts at the end."""
    while location and location not in document.lines:
        location = location[:-1]
    return location


def _place(location: Path_) -> str:
    return ".".join(str(part + 1) if isinstance(part, int) else part for part in location) or "file"


def _nearest(key: str, location: Path_) -> str:
    known = _keys(_model_at(location))
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(known)}"


def _model_at(location: Path_) -> type[BaseModel]:
    match location:
        case ("databases", _):
            return Database
        case ("databases", _, "tls"):
            return Tls
        case ("pipelines", _):
            return PipelineSettings
        case ("pipelines", _, "tables", _):
            return RouteSettings
        case _:
            return Config


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]
