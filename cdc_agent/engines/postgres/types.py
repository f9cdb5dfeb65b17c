"""PostgreSQL's types as `values.Type`: (oid, type modifier) in, from a column or a Relation message; the type out.

Domains are replaced by what they are made of. The answers come from pg_type and are cached, so a catalogue of types
lives as long as its connection. Never looks at a value.

https://www.postgresql.org/docs/current/catalog-pg-type.html
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import psycopg

from cdc_agent.model.values import Kind, Type

NO_MODIFIER: Final = -1
_HEADER: Final = 4
"""Length modifiers count the four bytes of a varlena header."""

_KINDS: Final = {
    "bool": Kind.BOOL,
    "int2": Kind.INTEGER,
    "int4": Kind.INTEGER,
    "int8": Kind.INTEGER,
    "oid": Kind.INTEGER,
    "numeric": Kind.DECIMAL,
    "float4": Kind.FLOAT,
    "float8": Kind.FLOAT,
    "text": Kind.TEXT,
    "varchar": Kind.TEXT,
    "bpchar": Kind.TEXT,
    "name": Kind.TEXT,
    "char": Kind.TEXT,
    "bytea": Kind.BYTES,
    "date": Kind.DATE,
    "time": Kind.TIME,
    "timestamp": Kind.TIMESTAMP,
    "timestamptz": Kind.INSTANT,
    "interval": Kind.INTERVAL,
    "uuid": Kind.UUID,
    "json": Kind.JSON,
    "jsonb": Kind.JSON,
    "bit": Kind.BIT,
    "varbit": Kind.BIT,
}
"""By the internal name, in pg_catalog."""

_EXTENSION_KINDS: Final = {
    "citext": Kind.TEXT,
    "hstore": Kind.HSTORE,
    "geometry": Kind.GEOMETRY,
    "geography": Kind.GEOMETRY,
}
"""By the name alone: an extension may be installed in any schema."""

_BITS: Final = {"int2": 16, "int4": 32, "oid": 32, "int8": 64, "float4": 32, "float8": 64}
_FIXED_LENGTHS: Final = {"name": 63, "char": 1}
_MICROSECONDS: Final = 6
_INTERVAL_FULL_PRECISION: Final = 0xFFFF

_TYPE: Final = """
SELECT t.typname, n.nspname, quote_ident(n.nspname), t.typtype::text, t.typbasetype, t.typtypmod, t.typrelid,
       CASE WHEN e.typarray = t.oid THEN e.oid ELSE 0 END, coalesce(r.rngsubtype, 0),
       format_type(t.oid, %(modifier)s)
  FROM pg_type t
  JOIN pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_type e ON e.oid = t.typelem
  LEFT JOIN pg_range r ON t.oid IN (r.rngtypid, r.rngmultitypid)
 WHERE t.oid = %(oid)s
"""

_LABELS: Final = "SELECT enumlabel::text FROM pg_enum WHERE enumtypid = %s ORDER BY enumsortorder"

_FIELDS: Final = """
SELECT attname::text, atttypid, atttypmod FROM pg_attribute
 WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""


class _Entry(NamedTuple):
    name: str
    schema: str
    quoted_schema: str
    category: str
    """pg_type.typtype: b base, c composite, d domain, e enum, m multirange, p pseudo, r range"""
    base: int
    base_modifier: int
    relation: int
    element: int
    subtype: int
    spelling: str


class TypeCatalogue:
    """The types of one database, as its catalogue has them now. Not thread-safe, as its connection's owner."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._cache: dict[tuple[int, int], Type] = {}

    def resolve(self, oid: int, modifier: int = NO_MODIFIER) -> Type:
        """The type of a column. Raises LookupError for an oid that is no type (any more), psycopg.Error as it comes."""
        found = self._cache.get((oid, modifier))
        if found is None:
            found = self._cache[oid, modifier] = self._read(oid, modifier)
        return found

    def knows(self, oid: int, modifier: int = NO_MODIFIER) -> bool:
        """Whether `resolve` answers without a question."""
        return (oid, modifier) in self._cache

    def forget(self) -> None:
        """Ask the catalogue again from now on: an enum may have a new label."""
        self._cache.clear()

    def _read(self, oid: int, modifier: int) -> Type:
        row = self._rows(_TYPE, {"oid": oid, "modifier": modifier})
        if not row:
            raise LookupError(f"no type with oid {oid}")
        entry = _Entry(*row[0])
        native = entry.spelling.removeprefix(f"{entry.quoted_schema}.")
        if entry.category == "d":
            return self.resolve(entry.base, entry.base_modifier)
        if entry.element:
            return Type(Kind.ARRAY, native, element=self.resolve(entry.element, modifier))
        match entry.category:
            case "e":
                labels = tuple(label for (label,) in self._rows(_LABELS, (oid,)))
                return Type(Kind.ENUM, native, labels=labels)
            case "r" | "m":
                return Type(Kind.RANGE, native, element=self.resolve(entry.subtype))
            case "c":
                fields = tuple((name, self.resolve(o, m)) for name, o, m in self._rows(_FIELDS, (entry.relation,)))
                return Type(Kind.COMPOSITE, native, fields=fields)
            case _:
                return _base_type(entry, native, modifier)

    def _rows(self, query: str, parameters: Any) -> list[Any]:
        return self._connection.execute(query.encode(), parameters).fetchall()


def _base_type(entry: _Entry, native: str, modifier: int) -> Type:
    kinds = _KINDS if entry.schema == "pg_catalog" else _EXTENSION_KINDS
    kind = kinds.get(entry.name, Kind.OTHER)
    match kind:
        case Kind.TEXT | Kind.BIT:
            length = _length(entry.name, modifier)
            fixed = entry.name in ("bpchar", "bit") and length is not None
            return Type(kind, native, length=length, fixed=fixed)
        case Kind.INTEGER | Kind.FLOAT:
            return Type(kind, native, precision=_BITS[entry.name], unsigned=entry.name == "oid")
        case Kind.DECIMAL:
            return _decimal(native, modifier)
        case Kind.TIME | Kind.TIMESTAMP | Kind.INSTANT:
            return Type(kind, native, precision=_MICROSECONDS if modifier < 0 else modifier)
        case Kind.INTERVAL:
            digits = modifier & 0xFFFF
            full = modifier < 0 or digits == _INTERVAL_FULL_PRECISION
            return Type(kind, native, precision=_MICROSECONDS if full else digits)
        case _:
            return Type(kind, native)


def _length(name: str, modifier: int) -> int | None:
    if name in _FIXED_LENGTHS:
        return _FIXED_LENGTHS[name]
    if modifier < 0:
        return None
    return modifier if name in ("bit", "varbit") else modifier - _HEADER


def _decimal(native: str, modifier: int) -> Type:
    """Precision in the upper half of the modifier; the scale in eleven bits, signed since PostgreSQL 15."""
    if modifier < 0:
        return Type(Kind.DECIMAL, native)
    packed = modifier - _HEADER
    scale = ((packed & 0x7FF) ^ 0x400) - 0x400
    return Type(Kind.DECIMAL, native, precision=packed >> 16 & 0xFFFF, scale=scale)
