"""Which transactions in a log were written by an agent, and the marker that an agent leaves.

The marker is the agent's own checkpoint row, written first in every apply transaction. It carries the *path*: the
names of the databases that the changes came through, the pipeline's source last. A pipeline drops a transaction when
its target is on the path already (the change was there before), and hands on everything else with the path extended,
so that in a star A–hub–C a change from A reaches C, does not return to A, and C does not send it back to the hub.

`mark` is a digest over what the agent writes. A person who touches the checkpoint row without it, or without moving
it, is told from an agent: such a transaction is reported and replicated as the local change that it is.

Nothing here does I/O.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cdc_agent.model.values import Value

SCHEMA: Final = "cdc_agent"
CHECKPOINT: Final = (SCHEMA, "checkpoint")
MESSAGE_PREFIX: Final = "cdc_agent"


@dataclass(frozen=True, slots=True)
class Marker:
    """What a genuine checkpoint write says about the transaction that it stands in."""

    pipeline: str
    path: tuple[str, ...]


def path_text(path: tuple[str, ...]) -> str:
    """The form in `checkpoint.path` and in the logical message: a compact JSON array."""
    return json.dumps(list(path), ensure_ascii=False, separators=(",", ":"))


def mark(pipeline: str, generation: int, transactions: int, position: str, path: str) -> str:
    """The digest in `checkpoint.mark`: 32 hexadecimal digits over everything an agent changes in the row.

    It guards against mistakes, not against an attacker: who may write to cdc_agent may forge it.
    """
    text = "\x1f".join((pipeline, str(generation), str(transactions), position, path))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def read_marker(row: Mapping[str, Value]) -> Marker | None:
    """The marker that a checkpoint row carries, or None when no agent can have written it."""
    fields = {name: value.decode() for name, value in row.items() if isinstance(value, bytes)}
    try:
        pipeline, path = fields["pipeline"], fields["path"]
        expected = mark(pipeline, int(fields["generation"]), int(fields["transactions"]), fields["position"], path)
    except (KeyError, ValueError):
        return None
    return Marker(pipeline, read_path(path)) if fields.get("mark") == expected else None


def read_path(text: str) -> tuple[str, ...]:
    """Read `path_text` back; ValueError when it is not a JSON array of names."""
    names = json.loads(text)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("not a path")
    return tuple(names)


def returns(path: tuple[str, ...], target: str) -> bool:
    """Whether changes that came along `path` were on `target` before."""
    return target in path


def extend(path: tuple[str, ...], source: str) -> tuple[str, ...]:
    """The path to write on the target for changes that came along `path` and were read from `source`."""
    return path if path and path[-1] == source else (*path, source)
