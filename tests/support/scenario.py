"""A scenario: a folder of SQL that says what is there, what happens, and what must be on the target in the end.

Reads folders and judges results; it starts no agent. `tests/scenarios/README.md` describes the files for their authors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, TypeAlias

from ruamel.yaml import YAML

from tests.support import engines
from tests.support.engines import Engine
from tests.support.servers import Database, Server
from tests.support.sync import schema

Side: TypeAlias = Literal["source", "target"]

FAMILIES: dict[str, tuple[Engine, ...]] = {
    "any": ("postgres", "mysql", "mariadb"),
    "postgresql": ("postgres",),
    "mysql": ("mysql", "mariadb"),
    "only mysql": ("mysql",),
    "only mariadb": ("mariadb",),
}
PIPELINE_KEYS = {"tables", "schema_changes", "triggers", "batch_bytes", "queue_bytes", "quarantine_limit"}
OWN_KEYS = {"description", "source", "target", "skip_versions", "source_settings", "quarantined", "error", "check"}
MARKERS = ("wait", "restart", "on source", "on target")
_TOKEN = re.compile(
    r"""(?P<marker>^--[ ]*(?:wait|restart|on[ ]source|on[ ]target)[ ]*$)
      | (?P<comment>--[^\n]*|/\*.*?\*/)
      | (?P<quoted>\$\$.*?\$\$|"(?:[^"]|"")*"|`(?:[^`]|``)*`|'(?:[^'\\]|''|\\.)*')
      | (?P<end>;)
      | (?P<plain>[^;'"`$/\n-]+|.|\n)""",
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Statement:
    """One SQL statement of `changes.sql`, and where it runs; or a marker ("wait" or "restart")."""

    sql: str
    side: Side = "source"
    marker: str = ""


@dataclass(frozen=True)
class Scenario:
    """One folder under `tests/scenarios`."""

    folder: Path
    settings: dict[str, Any]
    unknown: tuple[str, ...] = field(default=())

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def description(self) -> str:
        return str(self.settings["description"])

    @property
    def error(self) -> str | None:
        """The code with which the agent must stop; None where it must not."""
        return self.settings.get("error")

    @property
    def quarantined(self) -> list[str]:
        """The codes of the rows that must be in quarantine, sorted."""
        return sorted(self.settings.get("quarantined", []))

    @property
    def findings(self) -> list[str] | None:
        """The errors that `check` must report before the start; None where `check` is not asked."""
        return self.settings.get("check")

    @property
    def source_settings(self) -> dict[str, str]:
        """Settings of the source's server; with any, it gets a server of its own."""
        return {name: str(value) for name, value in self.settings.get("source_settings", {}).items()}

    def fits(self, side: Side, engine: Engine, version: str) -> bool:
        """Whether a server of this engine and version may play the side."""
        skipped = [str(one) for one in self.settings.get("skip_versions", [])]
        return engine in FAMILIES[self.settings.get(side, "any")] and f"{engine}:{version}" not in skipped

    def pipeline(self, source: Database, target: Database) -> dict[str, Any]:
        """The pipeline's settings with the schemas' names filled in."""
        text = _filled(self._text("pipeline", source, target, suffix="yaml"), source, target)
        settings = YAML(typ="safe").load(text)
        return {
            "source": "source",
            "target": "target",
            **{key: value for key, value in settings.items() if key in PIPELINE_KEYS},
        }

    def schema_sql(self, side: Side, source: Database, target: Database) -> str:
        """The script that makes a side's tables."""
        return _filled(self._text(side, source, target, own=side), source, target)

    def changes(self, source: Database, target: Database) -> list[Statement]:
        """What happens, statement by statement."""
        return list(statements(_filled(self._text("changes", source, target, own="source"), source, target)))

    def expectations(self, source: Database, target: Database) -> list[tuple[str, list[str]]]:
        """Queries on the target, each with the rows that it must give."""
        return list(expectations(_filled(self._text("expected", source, target, own="target"), source, target)))

    def _text(self, stem: str, source: Database, target: Database, *, own: Side = "target", suffix: str = "sql") -> str:
        engine = (source if own == "source" else target).engine
        family = "postgresql" if engine == "postgres" else "mysql"
        for name in (f"{stem}.{engine}.{suffix}", f"{stem}.{family}.{suffix}", f"{stem}.{suffix}"):
            if (self.folder / name).exists():
                return (self.folder / name).read_text("utf-8")
        raise FileNotFoundError(f"{self.folder.name} has no {stem}.{suffix} for {engine}")


def load(folder: Path) -> Scenario:
    """Read a folder's `pipeline.yaml`. Raises ValueError for a key that it does not know."""
    settings = YAML(typ="safe").load((folder / "pipeline.yaml").read_text("utf-8"))
    if unknown := set(settings) - PIPELINE_KEYS - OWN_KEYS:
        raise ValueError(f"{folder.name}/pipeline.yaml: unknown keys {sorted(unknown)}")
    if "description" not in settings:
        raise ValueError(f"{folder.name}/pipeline.yaml has no description")
    return Scenario(folder, settings)


def find(folder: Path) -> list[Scenario]:
    """All scenarios under a folder, by name."""
    return [load(file.parent) for file in sorted(folder.glob("*/pipeline.yaml"))]


def statements(script: str) -> Iterator[Statement]:
    """Split a script at its semicolons; quotes, comments and `$$` bodies stay whole, and marker lines come between."""
    side: Side = "source"
    parts: list[str] = []
    for token in _TOKEN.finditer(script):
        if token["marker"]:
            marker = token["marker"].strip("- ")
            if marker.startswith("on "):
                side = "target" if marker == "on target" else "source"
            else:
                yield Statement("", side, marker)
        elif token["end"]:
            yield Statement("".join(parts).strip(), side)
            parts.clear()
        elif not token["comment"]:
            parts.append(token[0])
    if rest := "".join(parts).strip():
        yield Statement(rest, side)


def expectations(script: str) -> Iterator[tuple[str, list[str]]]:
    """Queries, each followed by comment lines that hold its rows, as `shown` writes them."""
    query: list[str] = []
    rows: list[str] = []
    for line in script.splitlines():
        if line.startswith("--"):
            rows.append(line[2:].strip())
            continue
        if rows and line.strip():
            yield _query(query), rows
            query, rows = [], []
        query.append(line)
    if any(line.strip() for line in query):
        yield _query(query), rows


def _query(lines: Sequence[str]) -> str:
    return "\n".join(lines).strip().removesuffix(";")


def shown(row: Sequence[Any]) -> str:
    """A row as `expected.sql` writes it: bars between values, NULL, '' for the empty text, 1 and 0 for booleans."""
    return " | ".join(_shown(value) for value in row)


def _shown(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, Decimal):
        return format(value, "f")
    text = str(value)
    for plain, escaped in (("\\", r"\\"), ("\n", r"\n"), ("\t", r"\t"), ("\r", r"\r"), ("\0", r"\0")):
        text = text.replace(plain, escaped)
    return text or "''"


def differences(scenario: Scenario, source: Database, target: Database) -> list[str]:
    """What the target's tables hold and should not, or should and do not; nothing when all is as expected."""
    found = []
    for query, expected in scenario.expectations(source, target):
        actual = [shown(row) for row in engines_rows(target, query)] or ["(no rows)"]
        if actual != expected:
            found += [query, *(f"  - {row}" for row in expected), *(f"  + {row}" for row in actual)]
    return found


def engines_rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    """A query's rows in a session in UTC."""
    with database.connect() as connection:
        zone = "SET TimeZone = 'UTC'" if database.server.is_postgres else "SET time_zone = '+00:00'"
        engines.run(connection, zone)
        return engines.run(connection, query)


def in_transaction(server: Server, connection: Any) -> bool:
    """Whether the connection has a transaction open."""
    if server.is_postgres:
        return bool(connection.info.transaction_status.value)
    return bool(connection.server_status & 1)


def _filled(text: str, source: Database, target: Database) -> str:
    return text.replace("{source}", schema(source)).replace("{target}", schema(target))
