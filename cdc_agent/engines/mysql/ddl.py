"""`engines.ddl.Dialect` for MySQL and MariaDB. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from cdc_agent.conversions import types
from cdc_agent.engines.ddl import EVERY_ACTION
from cdc_agent.engines.mysql.collations import UCA_9
from cdc_agent.engines.mysql.identifiers import LONGEST_NAME, quote
from cdc_agent.errors import TargetSchemaError
from cdc_agent.model.engines import Engine, of_flavor
from cdc_agent.model.shapes import Default, Index
from cdc_agent.model.tables import ForeignKey, TargetColumn
from cdc_agent.model.values import Kind

BINARY: Final = {"mysql": "utf8mb4_0900_bin", "mariadb": "utf8mb4_nopad_bin"}
"""Texts are equal when their code points are, trailing blanks included: as other engines compare keys."""
KEY_BYTES: Final = 3072
"""The longest key of InnoDB, with its usual row format and pages of 16 KiB (error 1071)."""
APPLICABLE: Final = "SELECT * FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY"
"""All collations of a server; MariaDB lists its newer ones by their full names in a column that the others lack."""
Collations = Callable[[], Collection[str]]
"""The names of the collations that the target has, asked when they are needed; none where it was not asked."""
_PLAIN: Final = frozenset(
    {Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT, Kind.TEXT, Kind.ENUM, Kind.BOOL, Kind.DATE, Kind.TIMESTAMP, Kind.UUID}
)
_DECLARED: Final = re.compile(r"(\w+)(?:\((\d+)[^)]*\))?(.*)", re.DOTALL)
_LONG: Final = re.compile(r"(tiny|medium|long)?(text|blob)\b")
_UNINDEXED: Final = re.compile(r"json\b|vector\b|geometry|point|linestring|polygon|multi|geomcollection")
_BYTES: Final = {"tinyint": 1, "smallint": 2, "mediumint": 3, "int": 4, "bigint": 8, "double": 8, "datetime": 8}
_CHARACTER_BYTES: Final = {"latin1": 1, "ascii": 1, "utf8mb3": 3, "utf8": 3, "ucs2": 2, "gbk": 2, "big5": 2}
_INTEGERS: Final = ("tinyint", "smallint", "mediumint", "int", "bigint")


class MysqlDdl:
    """See `engines.ddl.Dialect`."""

    referential_actions: Final = EVERY_ACTION - {"SET DEFAULT"}

    def __init__(self, flavor: str, source_flavor: str, collations: Collations = frozenset) -> None:
        self.flavor = flavor
        self.source_flavor = source_flavor
        self._collations = collations
        self._alike = of_flavor(source_flavor) is Engine.MYSQL

    def quote(self, *names: str) -> str:
        return ".".join(quote(name) for name in names)

    def declared(self, name: str, column: TargetColumn, *, in_key: bool) -> str:
        """See `Dialect`: the source's collation where the target has the same, else `BINARY`, which is stricter."""
        made = types.recommended(column.type, self.flavor, source_engine=self.source_flavor, key=in_key)
        charset, collation = column.type.charset, column.type.collation
        if column.type.kind is Kind.JSON or charset is None or collation is None:
            return made
        if not self._shares(collation):
            charset, collation = "utf8mb4", BINARY[self.flavor]
        return f"{made} CHARACTER SET {charset} COLLATE {collation}"

    def _shares(self, collation: str) -> bool:
        """Whether the target has the collation, and it holds the same texts equal there."""
        if self.flavor == self.source_flavor:
            return not self._collations() or collation in self._collations()
        return UCA_9 not in collation and collation in self._collations()

    def default(self, declared: str, column: TargetColumn, default: Default) -> str | None:
        """See `Dialect`: a constant in parentheses where the type takes expressions alone."""
        word, digits = _word(declared), _size(declared)
        if default.now:
            return _now(digits) if word in ("datetime", "timestamp") else None
        passes = column.type.kind in _PLAIN or (self._alike and column.type.kind is Kind.INSTANT)
        if default.value is None or not passes:
            return None
        value = {"true": "1", "false": "0"}.get(default.value, default.value)
        text = "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
        return f"({text})" if _LONG.match(declared) else text

    def unfilled(self, declared: str) -> str:
        """See `Dialect`: MariaDB before 10.10 would set the first TIMESTAMP of a table anew at each update."""
        invents = self.flavor == "mariadb" and _word(declared) == "timestamp"
        return f" DEFAULT {_now(_size(declared))}" if invents else ""

    def numbered(self, declared: str, *, leads_key: bool) -> str | None:
        """See `Dialect`: the column that counts leads an index."""
        return " AUTO_INCREMENT" if leads_key and _word(declared) in _INTEGERS else None

    def required(self, columns: Mapping[str, str], key: Sequence[str]) -> None:
        """See `Dialect`: errors 1170, 3152, 3757 and 1071, told before the server does."""
        for name in key:
            if _LONG.match(columns[name]) or _UNINDEXED.match(columns[name]):
                raise TargetSchemaError(
                    f"key column {name} would be {_word(columns[name])}, which cannot be in a key here",
                    hint="create the table yourself, with another type for the column",
                )
        size = sum(_key_bytes(columns[name]) for name in key)
        if size > KEY_BYTES:
            raise TargetSchemaError(
                f"the key ({', '.join(key)}) would take {size} bytes, and a key here holds {KEY_BYTES}",
                hint="create the table yourself, with shorter columns or a character set of fewer bytes",
            )

    def index(self, table: str, columns: Mapping[str, str], index: Index) -> str | None:
        """See `Dialect`: of what is too long an index holds a prefix, which would make a unique one stricter."""
        if any(_UNINDEXED.match(columns[name]) for name in index.columns):
            return None
        prefixes = dict(index.prefixes)
        for name in index.columns:
            if name not in prefixes and _LONG.match(columns[name]):
                prefixes[name] = KEY_BYTES // 4 // len(index.columns)
        room = KEY_BYTES // len(index.columns)
        if sum(_index_bytes(columns[name], prefixes.get(name)) for name in index.columns) > KEY_BYTES:
            for name in index.columns:
                if name not in prefixes and _key_bytes(columns[name]) > room:
                    prefixes[name] = room // _width(columns[name])
        if index.unique and prefixes != dict(index.prefixes):
            return None
        parts = [f"{quote(name)}{f'({prefixes[name]})' if name in prefixes else ''}" for name in index.columns]
        name = index.name[:LONGEST_NAME]
        unique = "UNIQUE " if index.unique else ""
        return f"CREATE {unique}INDEX {quote(name)} ON {table} ({', '.join(parts)})"

    def options(self) -> str:
        collation = "" if self.flavor == self.source_flavor else f" COLLATE {BINARY[self.flavor]}"
        return f" ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4{collation}"

    def changed(self, table: str, name: str, declared: str, *, nullable: bool) -> list[str]:
        """See `Dialect`: MODIFY forgets what it does not repeat, the default among it."""
        null = "NULL" if nullable else "NOT NULL"
        return [f"ALTER TABLE {table} MODIFY COLUMN {quote(name)} {declared} {null}"]

    def constraint_name(self, key: ForeignKey) -> str | None:
        """See `Dialect`: names are one to a database here, and one to a table in PostgreSQL."""
        return key.name if self._alike else None


def _now(digits: int) -> str:
    return f"CURRENT_TIMESTAMP({digits})" if digits else "CURRENT_TIMESTAMP"


def _word(declared: str) -> str:
    match = _DECLARED.match(declared)
    return match[1].lower() if match else declared


def _size(declared: str) -> int:
    match = _DECLARED.match(declared)
    return int(match[2]) if match and match[2] else 0


def _width(declared: str) -> int:
    """Bytes of a character."""
    if _word(declared) in ("binary", "varbinary"):
        return 1
    found = re.search(r"CHARACTER SET (\w+)", declared)
    return _CHARACTER_BYTES.get(found[1], 4) if found else 4


def _key_bytes(declared: str) -> int:
    """Bytes of a column in a key, at most about this."""
    word = _word(declared)
    if word in ("char", "varchar", "binary", "varbinary"):
        return _size(declared) * _width(declared)
    return _BYTES.get(word, 8)


def _index_bytes(declared: str, prefix: int | None) -> int:
    return _key_bytes(declared) if prefix is None else prefix * _width(declared)
