"""``cdc-agent init``: a first configuration for two databases, to be read and corrected by a person.

In: the tables of both, as their catalogues have them. Out: YAML text: tables paired by name and by their columns,
columns paired by name and type, and a comment for everything that found no partner. Nothing here does I/O.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cdc_agent.conversions import types
from cdc_agent.conversions.convert import Context
from cdc_agent.model.tables import TargetColumn, TargetTable

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
    left, right = _without(words(one), context), _without(words(other), context)
    if left == right:
        return 1.0
    meant, other_meant = set(map(_meaning, left)), set(map(_meaning, right))
    if meant == other_meant:
        return 0.9
    if (meant <= other_meant or other_meant <= meant) and not (meant & other_meant) <= GENERIC:
        return 0.8
    return 0.95 * difflib.SequenceMatcher(None, "".join(left), "".join(right)).ratio()


def _without(found: list[str], context: Sequence[str]) -> list[str]:
    return [word for word in found if word not in context] or found


def _meaning(word: str) -> str:
    return next((group[0] for group in SAME if word in group), word)


def match_columns(
    source: TargetTable, target: TargetTable, engines: Context
) -> tuple[tuple[TargetColumn, TargetColumn], ...]:
    """Pair columns, the most alike first; each is used once, and only where the types can be converted."""
    context = [*words(source.name), *words(target.name)]
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
    return types.compatible(one.type, other.type, engines).verdict is not types.Verdict.IMPOSSIBLE


def _column_likeness(
    one: TargetColumn, other: TargetColumn, context: list[str], keys: tuple[tuple[str, ...], tuple[str, ...]]
) -> float:
    score = likeness(one.name, other.name, context)
    single = len(keys[0]) == len(keys[1]) == 1
    if single and (one.name,) == keys[0] and (other.name,) == keys[1]:
        return max(score, 0.9)
    return score


def match_tables(sources: Sequence[TargetTable], targets: Sequence[TargetTable], engines: Context) -> list[Pair]:
    """Pair tables by name and columns, the most alike first; each target table is used once."""
    pairs = [pair for source in sources for target in targets if (pair := _pair(source, target, engines)) is not None]
    chosen: list[Pair] = []
    for pair in sorted(pairs, key=lambda one: -one.likeness):
        if all(pair.source is not one.source and pair.target is not one.target for one in chosen):
            chosen.append(pair)
    return sorted(chosen, key=lambda one: one.source.full_name)


def _pair(source: TargetTable, target: TargetTable, engines: Context) -> Pair | None:
    name = likeness(source.name, target.name)
    columns = match_columns(source, target, engines)
    share = 2 * len(columns) / (len(source.columns) + len(target.columns)) if columns else 0.0
    score = 0.6 * name + 0.4 * share
    return Pair(source, target, score, columns) if score >= TABLE_LIKENESS and columns else None


def configuration(
    names: tuple[str, str], urls: tuple[str, str], pairs: Sequence[Pair], strangers: Sequence[TargetTable]
) -> str:
    """The proposal as YAML text: `names` and `urls` of source and target, paired tables, source tables left over."""
    source, target = names
    lines = ["# Proposed by `cdc-agent init`: read every line, then `cdc-agent check -c FILE`.", "databases:"]
    for name, url in zip(names, urls, strict=True):
        variable = re.sub(r"[^A-Z0-9]", "_", name.upper()) + "_PASSWORD"
        lines += [f"  {scalar(name)}:", f"    url: {scalar(url)}", f"    password: ${{env:{variable}}}"]
    lines += ["", "pipelines:", f"  {scalar(f'{source}-to-{target}')}:"]
    lines += [f"    source: {scalar(source)}", f"    target: {scalar(target)}", "    tables:"]
    for pair in pairs:
        lines += _route(pair)
    for table in strangers:
        lines.append(f"      # {'.'.join(table.full_name)}: no target table is like it")
    return "\n".join(lines) + "\n"


def _route(pair: Pair) -> Iterator[str]:
    doubt = "" if pair.likeness > 0.8 else f"  # {pair.likeness:.0%} alike: is it the same thing?"
    yield f"      - from: {scalar(table_name(pair.source))}"
    yield f"        to: {scalar(table_name(pair.target))}{doubt}"
    if all(one.name == other.name for one, other in pair.columns) and not pair.missing_sources:
        yield from _comments(pair)
        return
    yield "        columns:"
    for one, other in pair.columns:
        differs = "" if likeness(one.name, other.name) >= 0.9 else "  # a guess by name"
        yield f"          {scalar(other.name)}: {scalar(expression(one.name))}{differs}"
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
