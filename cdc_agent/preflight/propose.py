"""``cdc-agent init``: a first configuration for two databases, to be read and corrected by a person.

In: the tables of both, as their catalogues have them. Out: YAML text: tables paired by name and by their columns,
columns paired by name and type, and a comment for everything that found no partner. Nothing here does I/O.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cdc_agent.conversions import types
from cdc_agent.conversions.convert import Context
from cdc_agent.model.tables import TargetColumn, TargetTable
from cdc_agent.model.values import Kind, Type

TABLE_LIKENESS: Final = 0.55
"""Below this two tables are strangers."""
COLUMN_LIKENESS: Final = 0.72
PREFIXES: Final = frozenset({"tbl", "t", "tb", "app", "dbo"})
"""Words at the start of table names that say nothing."""
GENERIC: Final = frozenset({"id", "at", "on", "date", "time", "no", "number", "code", "type", "key"})
"""Words that do not make two columns alike by themselves."""
SAME: Final = (
    ("contact", "customer", "client", "person"),
    ("phone", "telephone", "tel", "mobile"),
    ("mail", "email"),
    ("name", "fullname", "title"),
    ("created", "createdat", "createdon", "creationdate"),
    ("updated", "updatedat", "modified", "modifiedat"),
    ("organisation", "organization", "company", "account"),
)
"""Words that often stand for one another between applications."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A source table and the target table that is most like it."""

    source: TargetTable
    target: TargetTable
    likeness: float
    columns: tuple[tuple[TargetColumn, TargetColumn], ...]
    """(source column, target column)"""

    @property
    def missing_targets(self) -> list[TargetColumn]:
        taken = {target.name for _, target in self.columns}
        return [column for column in self.target.columns if column.name not in taken and not column.generated]

    @property
    def missing_sources(self) -> list[TargetColumn]:
        taken = {source.name for source, _ in self.columns}
        return [column for column in self.source.columns if column.name not in taken]


def words(name: str) -> list[str]:
    """``tblCustomerAddresses`` → ``['customer', 'address']``."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+", name)
    found = [singular(part.lower()) for part in parts]
    return found[1:] if len(found) > 1 and found[0] in PREFIXES else found


def singular(word: str) -> str:
    """English plurals, as far as table names have them."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3 else word


def likeness(one: str, other: str, context: Sequence[str] = ()) -> float:
    """How alike two names are, from 0 to 1; words of `context` (the tables' names) are left out where others remain."""
    return _alike(_without(one, context), _without(other, context))


@functools.lru_cache(maxsize=1 << 17)
def _alike(left: tuple[str, ...], right: tuple[str, ...]) -> float:
    if left == right:
        return 1.0
    meant, other_meant = set(map(_meaning, left)), set(map(_meaning, right))
    if meant == other_meant:
        return 0.9
    if (meant <= other_meant or other_meant <= meant) and not (meant & other_meant) <= GENERIC:
        return 0.8
    return 0.95 * difflib.SequenceMatcher(None, "".join(left), "".join(right)).ratio()


def _without(name: str, context: Sequence[str]) -> tuple[str, ...]:
    found = _words(name)
    return tuple(word for word in found if word not in context) or found


@functools.lru_cache(maxsize=1 << 14)
def _words(name: str) -> tuple[str, ...]:
    return tuple(words(name))


def _meaning(word: str) -> str:
    return next((group[0] for group in SAME if word in group), word)


def match_columns(
    source: TargetTable, target: TargetTable, engines: Context
) -> tuple[tuple[TargetColumn, TargetColumn], ...]:
    """Pair columns: the same name first, then the most alike; each once, and only where the types can be converted."""
    context = [*_words(source.name), *_words(target.name)]
    keys = (source.primary_key, target.primary_key)
    candidates = [
        (_column_likeness(one, other, context, keys), one, other)
        for one in source.columns
        for other in target.columns
        if not other.generated and _convertible(one, other, engines)
    ]
    taken: dict[str, TargetColumn] = {}
    used: set[str] = set()
    for score, one, other in sorted(candidates, key=lambda candidate: -candidate[0]):
        if score >= COLUMN_LIKENESS and other.name not in taken and one.name not in used:
            taken[other.name] = one
            used.add(one.name)
    return tuple((taken[column.name], column) for column in target.columns if column.name in taken)


def _convertible(one: TargetColumn, other: TargetColumn, engines: Context) -> bool:
    return _converts(one.type, other.type, engines)


@functools.lru_cache(maxsize=1 << 14)
def _converts(one: Type, other: Type, engines: Context) -> bool:
    return types.compatible(one, other, engines).verdict is not types.Verdict.IMPOSSIBLE


def _column_likeness(
    one: TargetColumn, other: TargetColumn, context: list[str], keys: tuple[tuple[str, ...], tuple[str, ...]]
) -> float:
    if one.name.lower() == other.name.lower():
        return 1.5 + 0.5 * (one.name == other.name)
    score = likeness(one.name, other.name, context)
    single = len(keys[0]) == len(keys[1]) == 1
    if single and (one.name,) == keys[0] and (other.name,) == keys[1]:
        return max(score, 0.9)
    return score


def match_tables(sources: Sequence[TargetTable], targets: Sequence[TargetTable], engines: Context) -> list[Pair]:
    """Pair tables: those of one name, then by name and columns, the most alike first; each target is used once."""
    chosen = list(_same_names(sources, targets, engines))
    taken = {id(table) for pair in chosen for table in (pair.source, pair.target)}
    left = [[table for table in tables if id(table) not in taken] for tables in (sources, targets)]
    pairs = [pair for one in left[0] for other in left[1] if (pair := _pair(one, other, engines)) is not None]
    for pair in sorted(pairs, key=lambda one: -one.likeness):
        if id(pair.source) not in taken and id(pair.target) not in taken:
            chosen.append(pair)
            taken |= {id(pair.source), id(pair.target)}
    return sorted(chosen, key=lambda one: one.source.full_name)


def _same_names(sources: Sequence[TargetTable], targets: Sequence[TargetTable], engines: Context) -> Iterator[Pair]:
    """Tables of exactly one name, where it is one on either side."""
    counts = [Counter(table.name for table in tables) for tables in (sources, targets)]
    named = {table.name: table for table in targets}
    for source in sources:
        if counts[0][source.name] == counts[1][source.name] == 1:
            pair = _pair(source, named[source.name], engines)
            if pair is not None:
                yield pair


def _pair(source: TargetTable, target: TargetTable, engines: Context) -> Pair | None:
    name = likeness(source.name, target.name)
    if 0.6 * name + 0.4 < TABLE_LIKENESS:
        return None
    columns = match_columns(source, target, engines)
    share = 2 * len(columns) / (len(source.columns) + len(target.columns)) if columns else 0.0
    score = 0.6 * name + 0.4 * share
    return Pair(source, target, score, columns) if score >= TABLE_LIKENESS and columns else None


# --- the file ----------------------------------------------------------------------------------------------------

SEVERAL: Final = 4
"""So many tables of the same names stand under one wildcard."""


def configuration(
    names: tuple[str, str],
    urls: tuple[str, str],
    pairs: Sequence[Pair],
    strangers: Sequence[TargetTable],
    *,
    engines: Context | None = None,
    schemas: tuple[str, str] = ("public", "public"),
) -> str:
    """The proposal as YAML text: `names` and `urls` of source and target, paired tables, source tables left over.

    `schemas` are the ones that a name without any would mean. Where nothing is paired, all tables are proposed as they
    are: ``setup --create-tables`` makes them.
    """
    source, target = names
    lines = ["# Proposed by `cdc-agent init`: read every line, then `cdc-agent check -c FILE`.", "databases:"]
    for name, url in zip(names, urls, strict=True):
        variable = re.sub(r"[^A-Z0-9]", "_", name.upper()) + "_PASSWORD"
        lines += [f"  {scalar(name)}:", f"    url: {scalar(url)}", f"    password: ${{env:{variable}}}"]
    lines += ["", "pipelines:", f"  {scalar(f'{source}-to-{target}')}:"]
    lines += [f"    source: {scalar(source)}", f"    target: {scalar(target)}", "    tables:"]
    lines += _routes(pairs, strangers, engines or Context()) if pairs else _everything(strangers, schemas)
    return "\n".join(lines) + "\n"


def _everything(tables: Sequence[TargetTable], schemas: tuple[str, str]) -> Iterator[str]:
    yield "      # no table of the target is like one of the source; this makes them all anew:"
    yield "      # cdc-agent setup -c FILE --create-tables (with --print to see the SQL first)"
    for schema in dict.fromkeys([table.schema for table in tables] or [schemas[0]]):
        yield from _wildcard(schema, schemas[1])


def _wildcard(source: str, target: str) -> Iterator[str]:
    yield f"      - from: {scalar(f'{expression(source)}.*')}"
    yield f"        to: {scalar(f'{expression(target)}.*')}"


def _routes(pairs: Sequence[Pair], strangers: Sequence[TargetTable], engines: Context) -> Iterator[str]:
    """Wildcards for what has the same names on both sides, then the others one by one."""
    places: dict[tuple[str, str], list[Pair]] = {}
    for pair in pairs:
        if _is_same(pair, engines):
            places.setdefault((pair.source.schema, pair.target.schema), []).append(pair)
    wild = _widest(places)
    for (source, target), some in wild.items():
        yield from _wildcard(source, target)
        apart = [table.name for table in strangers if table.schema == source]
        if apart:
            yield "        exclude:  # no target table is like these"
            yield from (f"          - {scalar(expression(name))}" for name in apart)
        for pair in some:
            left = ", ".join(column.name for column in pair.missing_targets)
            if left:
                yield f"        # {pair.target.name}: nothing for {left}"
    covered = {id(pair) for some in wild.values() for pair in some}
    for pair in pairs:
        if id(pair) not in covered:
            yield from _route(pair, engines)
    for table in strangers:
        if not any(table.schema == source for source, _ in wild):
            yield f"      # {'.'.join(table.full_name)}: no target table is like it"


def _widest(places: dict[tuple[str, str], list[Pair]]) -> dict[tuple[str, str], list[Pair]]:
    """One wildcard to a schema of the source: the one that takes most, if it takes several."""
    found: dict[tuple[str, str], list[Pair]] = {}
    for place, some in sorted(places.items(), key=lambda one: -len(one[1])):
        if len(some) >= SEVERAL and all(place[0] != source for source, _ in found):
            found[place] = some
    return found


def _is_same(pair: Pair, engines: Context) -> bool:
    """Whether the route needs no words: the same names, every column copied as it is, nothing required left over."""
    return (
        pair.source.name == pair.target.name
        and _copies_all(pair, engines)
        and all(column.nullable or column.has_default for column in pair.missing_targets)
    )


def _copies_all(pair: Pair, engines: Context) -> bool:
    same = all(one.name == other.name and not rounding(one, other, engines) for one, other in pair.columns)
    return same and not pair.missing_sources


def rounding(one: TargetColumn, other: TargetColumn, engines: Context) -> str:
    """The expression that fits an instant or a timestamp into fewer digits; '' where none is needed or known."""
    moments = (Kind.TIMESTAMP, Kind.INSTANT)
    if one.type.kind not in moments or other.type.kind not in moments:
        return ""
    digits = 6 if other.type.precision is None else other.type.precision
    if digits >= (6 if one.type.precision is None else one.type.precision):
        return ""
    if engines.source_engine == "postgresql":
        return f"DATE_TRUNC('{'second' if digits < 3 else 'milliseconds'}', {expression(one.name)})"
    plain = one.type.kind is Kind.TIMESTAMP
    return f"CAST({expression(one.name)} AS DATETIME{f'({digits})' if digits else ''})" if plain else ""


def _route(pair: Pair, engines: Context) -> Iterator[str]:
    doubt = "" if pair.likeness > 0.8 else f"  # {pair.likeness:.0%} alike: is it the same thing?"
    yield f"      - from: {scalar(table_name(pair.source))}"
    yield f"        to: {scalar(table_name(pair.target))}{doubt}"
    if _copies_all(pair, engines):
        yield from _comments(pair)
        return
    yield "        columns:"
    for one, other in pair.columns:
        differs = "" if likeness(one.name, other.name) >= 0.9 else "  # a guess by name"
        shorter = rounding(one, other, engines)
        differs = "  # the target has fewer digits" if shorter else differs
        yield f"          {scalar(other.name)}: {scalar(shorter or expression(one.name))}{differs}"
    yield from _comments(pair)


def _comments(pair: Pair) -> Iterator[str]:
    for column in pair.missing_targets:
        need = "" if column.nullable or column.has_default else ", NOT NULL without a default"
        yield f"          # {column.name}: ?  # {column.type.native}{need}"
    left = ", ".join(column.name for column in pair.missing_sources)
    if left:
        yield f"          # not copied from the source: {left}"


_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_AMBIGUOUS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def expression(column: str) -> str:
    """The column's name as an SQL expression."""
    return column if _PLAIN.fullmatch(column) else '"' + column.replace('"', '""') + '"'


def table_name(table: TargetTable) -> str:
    """``schema.table``, each part quoted where it has to be."""
    return ".".join(expression(part) for part in table.full_name)


def scalar(text: str) -> str:
    """`text` as a YAML scalar: plain where that reads back as the same text, else in single quotes."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_./@:-]*", text) and text.lower() not in _AMBIGUOUS and not text.endswith(":"):
        return text
    return "'" + text.replace("'", "''") + "'"
