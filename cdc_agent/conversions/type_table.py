"""docs/types.md, written from the code: each source type, its canonical text, its target types, what may not fit.

``python -m cdc_agent.conversions.type_table`` prints the page. Nothing here is used while the agent runs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Final

from cdc_agent.conversions.base import Code, Context
from cdc_agent.conversions.convert import MAKERS
from cdc_agent.conversions.types import Verdict, compatible, recommended
from cdc_agent.model.values import Kind, Type

_HEAD: Final = """\
# Types

Between the engines a value is *canonical text*: UTF-8 in one form for each kind of type. This page is written by
`python -m cdc_agent.conversions.type_table`; a test compares it with the code.

A value that its target column cannot hold is never cut, rounded, padded or replaced. The route's `misfit` says what
happens to the row: `quarantine` (the default) puts it into `cdc_agent.quarantine` with the reason below, `stop` stops
the pipeline, and `null` writes NULL where the column may be NULL.

The zoneless timestamps of a database are local times of its `time_zone` setting (default: UTC) where they become
instants or come from instants. MySQL's zero and partial dates follow the route's `zero_dates`: `quarantine` (the
default), `null`, or a date to write; between two MySQL servers they pass as they are.
"""

_CODES: Final = {
    Code.TOO_LONG: "more characters, bytes, bits or labels than the column holds",
    Code.TOO_SHORT: "the column would pad the value (`binary(n)`, `bit(n)`), or drop its last blanks (`char(n)`)",
    Code.OUT_OF_RANGE: "a number or a time outside the range of the column, or of what an expression can compute",
    Code.DIGITS: "digits would be lost: of a decimal, a float, a fraction of a second, a time of day",
    Code.NOT_FINITE: "NaN or infinity, which the target does not have",
    Code.ZERO_DATE: "MySQL's zero or partial date",
    Code.ENCODING: "a character that the column's character set lacks, or half of a surrogate pair",
    Code.NUL: "a NUL character, which PostgreSQL's text and jsonb do not have",
    Code.LABEL: "not among the labels of the enum or set",
    Code.FORM: "the text is not a value of the target's type",
    Code.ZONE: "a local time that the zone skips when its clocks go forward",
    Code.EXPRESSION: "the route's expression has no value for this row: a division by zero, a text that is no number",
}

_INT: Final = Type(Kind.INTEGER, "integer", precision=32)
POSTGRES_TYPES: Final = (
    Type(Kind.BOOL, "boolean"),
    Type(Kind.INTEGER, "smallint", precision=16),
    _INT,
    Type(Kind.INTEGER, "bigint", precision=64),
    Type(Kind.INTEGER, "oid", precision=32, unsigned=True),
    Type(Kind.DECIMAL, "numeric(12,2)", precision=12, scale=2),
    Type(Kind.DECIMAL, "numeric"),
    Type(Kind.FLOAT, "real", precision=32),
    Type(Kind.FLOAT, "double precision", precision=64),
    Type(Kind.TEXT, "text"),
    Type(Kind.TEXT, "character varying(50)", length=50),
    Type(Kind.TEXT, "character(8)", length=8, fixed=True),
    Type(Kind.BYTES, "bytea"),
    Type(Kind.DATE, "date"),
    Type(Kind.TIME, "time without time zone", precision=6),
    Type(Kind.TIMESTAMP, "timestamp without time zone", precision=6),
    Type(Kind.INSTANT, "timestamp with time zone", precision=6),
    Type(Kind.INTERVAL, "interval", precision=6),
    Type(Kind.UUID, "uuid"),
    Type(Kind.JSON, "json"),
    Type(Kind.JSON, "jsonb"),
    Type(Kind.ENUM, "an enum", labels=("low", "high")),
    Type(Kind.ARRAY, "integer[]", element=_INT),
    Type(Kind.BIT, "bit(8)", length=8, fixed=True),
    Type(Kind.BIT, "bit varying(64)", length=64),
    Type(Kind.RANGE, "int4range", element=_INT),
    Type(Kind.HSTORE, "hstore"),
    Type(Kind.COMPOSITE, "a composite", fields=(("n", _INT),)),
    Type(Kind.GEOMETRY, "geometry"),
    Type(Kind.OTHER, "inet"),
    Type(Kind.OTHER, "time with time zone"),
    Type(Kind.OTHER, "tsvector"),
)
MYSQL_TYPES: Final = (
    Type(Kind.INTEGER, "tinyint(1)", precision=8),
    Type(Kind.INTEGER, "tinyint unsigned", precision=8, unsigned=True),
    Type(Kind.INTEGER, "smallint", precision=16),
    Type(Kind.INTEGER, "mediumint", precision=24),
    Type(Kind.INTEGER, "int", precision=32),
    Type(Kind.INTEGER, "int unsigned", precision=32, unsigned=True),
    Type(Kind.INTEGER, "bigint", precision=64),
    Type(Kind.INTEGER, "bigint unsigned", precision=64, unsigned=True),
    Type(Kind.DECIMAL, "decimal(12,2)", precision=12, scale=2),
    Type(Kind.FLOAT, "float", precision=32),
    Type(Kind.FLOAT, "double", precision=64),
    Type(Kind.BIT, "bit(8)", length=8),
    Type(Kind.YEAR, "year"),
    Type(Kind.TEXT, "char(8)", length=8, fixed=True, charset="utf8mb4"),
    Type(Kind.TEXT, "varchar(50)", length=50, charset="utf8mb4"),
    Type(Kind.TEXT, "longtext", charset="utf8mb4"),
    Type(Kind.BYTES, "binary(16)", length=16, fixed=True),
    Type(Kind.BYTES, "varbinary(50)", length=50),
    Type(Kind.BYTES, "longblob"),
    Type(Kind.DATE, "date"),
    Type(Kind.TIME, "time(6)", precision=6),
    Type(Kind.TIMESTAMP, "datetime(6)", precision=6),
    Type(Kind.INSTANT, "timestamp(6)", precision=6),
    Type(Kind.JSON, "json"),
    Type(Kind.ENUM, "enum('low','high')", labels=("low", "high"), charset="utf8mb4"),
    Type(Kind.SET, "set('a','b')", labels=("a", "b"), charset="utf8mb4"),
    Type(Kind.GEOMETRY, "geometry"),
    Type(Kind.UUID, "uuid"),
    Type(Kind.OTHER, "inet6"),
)
FORMS: Final = {
    Kind.BOOL: "`t` or `f`",
    Kind.INTEGER: "`-12`",
    Kind.DECIMAL: "`-12.50`, with the digits of the scale; `NaN`, `Infinity`, `-Infinity`",
    Kind.FLOAT: "the shortest digits that give the same number: `0.1`, `1e+20`, `NaN`, `Infinity`",
    Kind.TEXT: "the text",
    Kind.BYTES: r"`\x00ff`",
    Kind.DATE: "`2024-02-29`, `infinity`, `0044-03-15 BC`, `0000-00-00`",
    Kind.TIME: "`-100:30:00.5`: sign, hours beyond 24 in MySQL, no trailing zeros in the fraction",
    Kind.TIMESTAMP: "`2024-02-29 12:00:00.5`",
    Kind.INSTANT: "`2024-02-29 12:00:00.5+00`, always UTC",
    Kind.INTERVAL: "`P1Y2M3DT4H5M6.7S`",
    Kind.UUID: "lower case with hyphens",
    Kind.JSON: "as its engine prints it",
    Kind.ENUM: "the label; empty is MySQL's error value",
    Kind.SET: "`a,b` in the order of the declaration",
    Kind.ARRAY: "`{1,2,NULL}`",
    Kind.BIT: "`0101`",
    Kind.GEOMETRY: "EWKB in upper-case hexadecimal",
    Kind.RANGE: "`[1,5)`; multiranges `{[1,2),[5,7)}`",
    Kind.HSTORE: '`"a"=>"1", "b"=>NULL`',
    Kind.COMPOSITE: '`(1,"a b",)`',
    Kind.YEAR: "`2024`, `0`",
    Kind.OTHER: "as its engine prints it",
}


def document() -> str:
    """The page."""
    parts = [
        _HEAD,
        "\n## Canonical text\n\n",
        _table(("kind", "text"), ((kind.value, FORMS[kind]) for kind in Kind)),
        "\n## PostgreSQL → MySQL and MariaDB\n\n",
        _types(POSTGRES_TYPES, "postgresql", "mysql"),
        "\n## MySQL and MariaDB → PostgreSQL\n\n",
        _types(MYSQL_TYPES, "mysql", "postgresql"),
        "\n## PostgreSQL → PostgreSQL\n\n",
        _types(POSTGRES_TYPES, "postgresql", "postgresql"),
        "\n## MySQL and MariaDB → MySQL and MariaDB\n\n",
        _types(MYSQL_TYPES, "mysql", "mysql"),
        "\n## Other target types\n\nA column may have another type than `setup` would create. These convert:\n\n",
        _table(("from", "to"), _pairs()),
        "\n## Forms inside JSON\n\n",
        _JSON_FORMS,
        "\n## Why a value does not fit\n\n",
        _table(("code", "meaning"), ((f"`{code}`", _CODES[code]) for code in Code)),
    ]
    return "".join(parts)


_JSON_FORMS: Final = """\
Where a PostgreSQL type without a counterpart goes to a JSON column, and back from it:

| type | JSON |
|---|---|
| array | an array, nested for more dimensions: `{1,2,NULL}` → `[1, 2, null]`; other lower bounds than 1 are refused |
| range | `{"lower": 1, "upper": 5, "bounds": "[)"}`, a missing end is `null`; `"empty"` |
| multirange | an array of ranges |
| hstore | an object of strings and nulls |
| composite | an object by field name |
| set (MySQL) | an array of labels |

Inside them integers and finite decimals are JSON numbers with all their digits, booleans are `true` and `false`, and
all else is a string of canonical text.
"""


def _types(types: Iterable[Type], source: str, target: str) -> str:
    return _table(("source type", "target type", "may not fit"), _rows(types, source, target))


_OWN_TO_MARIADB: Final = ("uuid", "inet6")


def _rows(types: Iterable[Type], source: str, target: str) -> Iterator[tuple[str, str, str]]:
    for type_ in types:
        own_to_mariadb = source == "mysql" and type_.native in _OWN_TO_MARIADB
        made = recommended(type_, target, source_engine="mariadb" if own_to_mariadb else source)
        yield type_.native, made, _remark(type_, made, source, target)


def _remark(type_: Type, made: str, source: str, target: str) -> str:
    fit = compatible(type_, declared(made, target, type_), Context(engine=target, source_engine=source))
    if fit.verdict is Verdict.MAY_NOT_FIT:
        return ", ".join(f"`{code}`" for code in fit.codes)
    return "" if fit.verdict is not Verdict.IMPOSSIBLE else "**impossible**"


def declared(made: str, engine: str, like: Type) -> Type:
    """A native type, as `recommended` spells it, as a `Type`."""
    if engine == "postgresql":
        return next((t for t in (*_POSTGRES_EXTRA, *POSTGRES_TYPES) if t.native == made), None) or _sized(made, like)
    return next((t for t in (*_MYSQL_EXTRA, *MYSQL_TYPES) if t.native == made), None) or _sized(made, like)


def _sized(made: str, like: Type) -> Type:
    """The same kind as the source under the target's spelling."""
    return Type(
        like.kind, made, like.length, like.precision, like.scale, like.unsigned, like.fixed, like.labels, like.element,
        like.fields, like.charset,
    )  # fmt: skip


_POSTGRES_EXTRA: Final = (
    Type(Kind.DECIMAL, "numeric(20,0)", precision=20, scale=0),
    Type(Kind.TEXT, "text"),
    Type(Kind.JSON, "jsonb"),
    Type(Kind.INTERVAL, "interval", precision=6),
    Type(Kind.OTHER, "inet"),
)
_MYSQL_EXTRA: Final = (
    Type(Kind.DECIMAL, "decimal(65,30)", precision=65, scale=30),
    Type(Kind.TEXT, "longtext", charset="utf8mb4"),
    Type(Kind.TEXT, "char(36)", length=36, fixed=True, charset="utf8mb4"),
    Type(Kind.TEXT, "varchar(64)", length=64, charset="utf8mb4"),
    Type(Kind.BIT, "bit(64)", length=64),
)


def _pairs() -> Iterator[tuple[str, str]]:
    for kind in Kind:
        targets = sorted(target.value for source, target in MAKERS if source is kind and target is not kind)
        if targets:
            yield kind.value, ", ".join(targets)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *(tuple(cell.replace("|", r"\|") for cell in row) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines).replace("| --- ", "|---").replace("--- |", "---|")


if __name__ == "__main__":
    sys.stdout.write(document())
