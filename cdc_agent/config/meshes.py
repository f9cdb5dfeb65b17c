"""Whether a change can come to a database along two ways, and from there back to where it was made.

In: the hops that routes make. Out: pairs of ways, each the databases in order. Names of tables are compared as
configurations spell them, wildcards included; a `where` is taken to let everything through. Never connects to anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TypeAlias

Way: TypeAlias = "tuple[str, ...]"


@dataclass(frozen=True, slots=True)
class Hop:
    """One route: a table of one database goes into one of another."""

    pipeline: str
    source: str
    from_: str
    target: str
    to: str


def whole_name(name: str, schema: str) -> str:
    """With its schema, in lower case."""
    return (name if "." in name else f"{schema}.{name}").lower()


def double_ways(hops: Sequence[Hop]) -> Iterator[tuple[str, Way, Way]]:
    """(the pipeline that is the last hop of the second, one way, another) for each database that has two."""
    told: set[tuple[str, str]] = set()
    for origin in dict.fromkeys((hop.source, hop.from_) for hop in hops):
        arrived: list[tuple[Hop, Way]] = []
        for hop, way in _ways(hops, *origin, (origin[0],)):
            for other, earlier in arrived:
                double = other.target == hop.target and earlier != way and _overlap(other.to, hop.to)
                pair = (way[0], way[-1])
                if double and pair not in told and _returns(hops, hop, way[0]):
                    told.add(pair)
                    yield hop.pipeline, earlier, way
            arrived.append((hop, way))


def _ways(hops: Sequence[Hop], database: str, table: str, way: Way) -> Iterator[tuple[Hop, Way]]:
    for hop in hops:
        if hop.source == database and hop.target not in way and _overlap(table, hop.from_):
            yield hop, (*way, hop.target)
            yield from _ways(hops, hop.target, hop.to, (*way, hop.target))


def _returns(hops: Sequence[Hop], last: Hop, origin: str) -> bool:
    return any(
        hop.source == last.target and hop.target == origin and _overlap(last.to, hop.from_) for hop in hops
    ) or any(way[-1] == origin for _, way in _ways(hops, last.target, last.to, (last.target,)))


def _overlap(one: str, other: str) -> bool:
    return fnmatchcase(one, other) or fnmatchcase(other, one)
