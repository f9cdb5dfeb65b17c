"""Names that the agent makes for what it creates on servers, stable for a pipeline's name.

Nothing here does I/O.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from cdc_agent.config.model import PipelineSettings
from cdc_agent.errors import ConfigError
from cdc_agent.model.changes import TableName

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
"""What databases and pipelines may be called: names stand in slots, application names and echo paths."""

_PART: Final = re.compile(r'"((?:[^"]|"")+)"|`((?:[^`]|``)+)`|([^."`]+)')
_LONGEST: Final = 63
_PLAIN: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def slot_name(pipeline: str, settings: PipelineSettings) -> str:
    """The replication slot of a pipeline: as configured, or made from its name."""
    return settings.slot or default_name(pipeline)


def publication_name(pipeline: str, settings: PipelineSettings) -> str:
    """The publication of a pipeline: as configured, or named like the slot."""
    return settings.publication or default_name(pipeline)


def default_name(pipeline: str) -> str:
    """The name of a pipeline's slot and publication: ``cdc_agent_`` and the pipeline's, hyphens as underscores.

    Where the pipeline's name had to be changed or cut otherwise, a digest of it is appended, so that two stay two.
    """
    plain = re.sub(r"[^a-z0-9]+", "_", pipeline.lower())
    name = f"cdc_agent_{plain}"
    if _PLAIN.fullmatch(pipeline) and len(name) <= _LONGEST:
        return name
    digest = hashlib.blake2b(pipeline.encode(), digest_size=4).hexdigest()
    return f"{name[: _LONGEST - len(digest) - 1].rstrip('_')}_{digest}"


def split_name(name: str, default_schema: str) -> TableName:
    """``schema.table`` or ``table`` as (schema, table); parts with dots stand in double quotes or backticks.

    Raises ConfigError when it is neither.
    """
    parts: list[str] = []
    start = 0
    while match := _PART.match(name, start):
        double, back, plain = match.groups()
        parts.append(double.replace('""', '"') if double else back.replace("``", "`") if back else plain.strip())
        start = match.end()
        if name[start : start + 1] != ".":
            break
        start += 1
    if start != len(name) or not 1 <= len(parts) <= 2 or not all(parts) or name.endswith("."):
        raise ConfigError(f"not a table name: {name!r}", hint="write schema.table, in MySQL database.table")
    return (default_schema, parts[0]) if len(parts) == 1 else (parts[0], parts[1])
