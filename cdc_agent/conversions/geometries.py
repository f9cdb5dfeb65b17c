"""Geometries: canonical text is EWKB in hexadecimal digits, which holds the SRID too."""

from __future__ import annotations

from typing import Final

from cdc_agent.conversions.base import PASS, Code, Context, Maker, Way, then, way
from cdc_agent.conversions.texts import fit_bytes, fit_text
from cdc_agent.model.values import Kind, Type


def _geometry_to_bytes(source: Type, target: Type, context: Context) -> Way:
    """EWKB, which holds the SRID too."""
    ewkb = way(lambda text: b"\\x" + text.lower())
    return then(ewkb, fit_bytes(Type(Kind.BYTES, "geometry"), target, context))


def _bytes_to_geometry(source: Type, target: Type, context: Context) -> Way:
    """The server judges whether it is EWKB."""
    return way(lambda text: text[2:].upper(), Code.FORM)


MAKERS: Final[dict[tuple[Kind, Kind], Maker]] = {
    (Kind.GEOMETRY, Kind.GEOMETRY): lambda source, target, context: PASS,
    (Kind.GEOMETRY, Kind.TEXT): fit_text,
    (Kind.GEOMETRY, Kind.BYTES): _geometry_to_bytes,
    (Kind.BYTES, Kind.GEOMETRY): _bytes_to_geometry,
}
