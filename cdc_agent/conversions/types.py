"""The type table: for each source type the target type to create, and how well two types fit.

Used by setup (`recommended`) and by check (`compatible`); `type_table` prints it as docs/types.md.
Nothing here looks at a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cdc_agent.conversions.base import Code, Context, ImpossibleError, native
from cdc_agent.conversions.bits import vary
from cdc_agent.conversions.convert import conversion
from cdc_agent.model.values import Kind, Type


class Verdict(StrEnum):
    """How well a source type fits a target type."""

    EXACT = "exact"
    """Every value passes as it is."""
    CONVERTS = "converts"
    """Every value has a form in the target type."""
    MAY_NOT_FIT = "may not fit"
    """Some values are refused, for the reasons in `Fit.codes`."""
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True)
class Fit:
    verdict: Verdict
    codes: tuple[Code, ...] = ()


def compatible(source: Type, target: Type, context: Context | None = None) -> Fit:
    """How well the types fit; without a context as between two PostgreSQL databases."""
    try:
        found = conversion(source, target, context or Context())
    except ImpossibleError:
        return Fit(Verdict.IMPOSSIBLE)
    if found.codes:
        return Fit(Verdict.MAY_NOT_FIT, tuple(sorted(found.codes)))
    return Fit(Verdict.EXACT if found.convert is None else Verdict.CONVERTS)


def recommended(type_: Type, engine: str, *, source_engine: str = "", key: bool = False) -> str:
    """The native type to create on a target (`postgresql`, `mysql` or `mariadb`) for values of a source type.

    Between servers of one engine it is the type itself, but for types that a person defined: their values become text
    or JSON. `key` says that the column is part of a key: MySQL cannot index unlimited text.
    """
    alike = engine == source_engine
    if engine == "postgresql":
        return _postgres(type_, alike)
    if source_engine == "mariadb" and (size := _MARIADB_BYTES.get(native(type_))):
        return type_.native if alike else size
    return _mysql(type_, key)


def is_mysql_native(type_: Type) -> bool:
    """Whether the type's spelling is MySQL's, where the same kind means different ranges in the two engines."""
    return " zone" not in type_.native.lower()


# --- PostgreSQL --------------------------------------------------------------------------------------------------

_POSTGRES_PLAIN: Final = {
    Kind.BOOL: "boolean", Kind.BYTES: "bytea", Kind.DATE: "date", Kind.INTERVAL: "interval", Kind.UUID: "uuid",
    Kind.ENUM: "text", Kind.SET: "text", Kind.HSTORE: "hstore", Kind.COMPOSITE: "jsonb", Kind.YEAR: "smallint",
    Kind.GEOMETRY: "geometry",
}  # fmt: skip
_INET: Final = {"inet4": "inet", "inet6": "inet"}
_RANGES: Final = frozenset(
    f"{name}{kind}" for name in ("int4", "int8", "num", "ts", "tstz", "date") for kind in ("range", "multirange")
)


def _postgres(type_: Type, alike: bool) -> str:
    plain = _POSTGRES_PLAIN.get(type_.kind)
    if plain is not None:
        return plain
    match type_.kind:
        case Kind.INTEGER:
            return _postgres_integer(type_)
        case Kind.DECIMAL:
            return "numeric" if type_.precision is None else f"numeric({type_.precision},{type_.scale or 0})"
        case Kind.FLOAT:
            return "real" if type_.precision == 32 else "double precision"
        case Kind.TEXT:
            return _postgres_text(type_)
        case Kind.TIME:
            digits = _digits(type_)
            return f"interval{digits}" if is_mysql_native(type_) else f"time{digits} without time zone"
        case Kind.TIMESTAMP:
            return f"timestamp{_digits(type_)} without time zone"
        case Kind.INSTANT:
            return f"timestamp{_digits(type_)} with time zone"
        case Kind.JSON:
            return type_.native if alike else "jsonb"
        case Kind.ARRAY:
            return f"{_postgres(type_.element or _TEXT, alike)}[]"
        case Kind.RANGE:
            return type_.native if type_.native in _RANGES else "jsonb"
        case Kind.BIT:
            name = "bit varying" if not type_.fixed and "var" in type_.native else "bit"
            return name if type_.length is None else f"{name}({type_.length})"
        case _:
            return type_.native if alike else _INET.get(native(type_), "text")


def _postgres_integer(type_: Type) -> str:
    bits = (type_.precision or 64) + (1 if type_.unsigned else 0)
    if bits <= 16:
        return "smallint"
    if bits <= 32:
        return "integer"
    return "bigint" if bits <= 64 else "numeric(20,0)"


def _postgres_text(type_: Type) -> str:
    if type_.length is None or native(type_) in ("tinytext", "text", "mediumtext"):
        return "text"
    if native(type_) in ("character", "bpchar"):
        return f"character({type_.length})"
    return f"character varying({max(type_.length, 1)})"


def _digits(type_: Type) -> str:
    return "" if type_.precision in (None, 6) else f"({type_.precision})"


_TEXT: Final = Type(Kind.TEXT, "text")


# --- MySQL -------------------------------------------------------------------------------------------------------

_MYSQL_PLAIN: Final = {
    Kind.BOOL: "tinyint(1)", Kind.DATE: "date", Kind.INTERVAL: "varchar(64)", Kind.UUID: "char(36)",
    Kind.JSON: "json", Kind.ARRAY: "json", Kind.RANGE: "json", Kind.HSTORE: "json", Kind.COMPOSITE: "json",
    Kind.GEOMETRY: "geometry", Kind.YEAR: "year",
}  # fmt: skip
_MYSQL_INTEGERS: Final = {8: "tinyint", 16: "smallint", 24: "mediumint", 32: "int", 64: "bigint"}
_MARIADB_BYTES: Final = {"uuid": "binary(16)", "inet6": "binary(16)", "inet4": "binary(4)"}
"""MariaDB's own types, and what its binlog makes of them."""
_VARCHAR_LIMIT: Final = 1024
"""Characters up to which a column is VARCHAR: a row holds 65,535 bytes of such columns."""
_KEY_LIMIT: Final = 255
_DECIMAL_LIMIT: Final = (65, 30)


def _mysql(type_: Type, key: bool) -> str:
    plain = _MYSQL_PLAIN.get(type_.kind)
    if plain is not None:
        return plain
    match type_.kind:
        case Kind.INTEGER:
            return f"{_MYSQL_INTEGERS[type_.precision or 64]}{' unsigned' if type_.unsigned else ''}"
        case Kind.DECIMAL:
            return _mysql_decimal(type_, key)
        case Kind.FLOAT:
            return "float" if type_.precision == 32 else "double"
        case Kind.TEXT | Kind.OTHER:
            return _mysql_text(type_, key)
        case Kind.BYTES:
            return _mysql_bytes(type_, key)
        case Kind.TIME:
            return f"time{_mysql_digits(type_)}"
        case Kind.TIMESTAMP:
            return f"datetime{_mysql_digits(type_)}"
        case Kind.INSTANT:
            return f"{'timestamp' if is_mysql_native(type_) else 'datetime'}{_mysql_digits(type_)}"
        case Kind.BIT:
            return _mysql_bits(type_, key)
        case Kind.ENUM | Kind.SET:
            return _mysql_labels(type_)
        case _:
            return _mysql_text(type_, key)


def _mysql_decimal(type_: Type, key: bool) -> str:
    digits, scale = _DECIMAL_LIMIT
    if type_.precision is None:
        return f"decimal({digits},{scale})"
    places = type_.scale or 0
    if type_.precision <= digits and 0 <= places <= min(scale, type_.precision):
        return f"decimal({type_.precision},{places})"
    return f"varchar({_KEY_LIMIT})" if key else "longtext"


def _mysql_text(type_: Type, key: bool) -> str:
    limit = _KEY_LIMIT if key else _VARCHAR_LIMIT
    byte_limited = native(type_) in ("tinytext", "text", "mediumtext")
    if type_.length is None or type_.length > limit or byte_limited:
        return f"varchar({_KEY_LIMIT})" if key else "longtext"
    if type_.fixed and type_.length <= 255:
        return f"char({type_.length})"
    return f"varchar({type_.length})"


def _mysql_bytes(type_: Type, key: bool) -> str:
    limit = _KEY_LIMIT if key else _VARCHAR_LIMIT
    if type_.length is None or type_.length > limit:
        return f"varbinary({_KEY_LIMIT})" if key else "longblob"
    return f"{'binary' if type_.fixed and type_.length <= 255 else 'varbinary'}({type_.length})"


def _mysql_bits(type_: Type, key: bool) -> str:
    """Text where the length may vary, which is part of the value: ``1`` and ``01`` are two."""
    if type_.length and type_.length <= 64 and not vary(type_):
        return f"bit({type_.length})"
    return _mysql_text(type_, key)


def _mysql_digits(type_: Type) -> str:
    digits = 6 if type_.precision is None else type_.precision
    return f"({digits})" if digits else ""


def _mysql_labels(type_: Type) -> str:
    if not type_.labels:
        return f"varchar({_KEY_LIMIT})"
    labels = ",".join("'" + label.replace("\\", "\\\\").replace("'", "''") + "'" for label in type_.labels)
    return f"{'enum' if type_.kind is Kind.ENUM else 'set'}({labels})"
