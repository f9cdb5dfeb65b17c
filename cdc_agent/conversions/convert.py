"""The step "validate": canonical text of the source's type in, of the target column's type out.

A conversion is bound once for a source type, a target type and the two engines. It never changes a value silently:
what the target cannot hold raises `MisfitError`, and the route's policy decides. docs/types.md is the table.
"""

from __future__ import annotations

from typing import Final

from cdc_agent.conversions import (
    addresses,
    arrays,
    bits,
    booleans,
    decimals,
    floats,
    geometries,
    integers,
    json_forms,
    json_values,
    ranges,
    records,
    texts,
    times,
)
from cdc_agent.conversions.base import (
    PASS,
    Code,
    Context,
    Convert,
    ImpossibleError,
    Maker,
    MisfitError,
    Usual,
    Way,
    same_type,
)
from cdc_agent.model.values import Kind, Type

__all__ = ["Code", "Context", "Convert", "ImpossibleError", "MisfitError", "Usual", "Way", "conversion"]


def conversion(source: Type, target: Type, context: Context) -> Way:
    """The conversion and every reason for which it can refuse a value.

    Raises ImpossibleError when no value of the source type has a form in the target type.
    """
    if source == target and context.engine == context.source_engine and source.kind is not Kind.ENUM:
        return PASS
    maker = MAKERS.get((source.kind, target.kind))
    if maker is None:
        raise ImpossibleError(f"{source.native} does not convert to {target.native}")
    return maker(source, target, context)


_KINDS: Final = (
    integers, decimals, floats, booleans, bits, texts, times, json_values, json_forms, ranges, records, geometries,
    addresses,
)  # fmt: skip
MAKERS: Final[dict[tuple[Kind, Kind], Maker]] = {
    **{pair: maker for kind in _KINDS for pair, maker in kind.MAKERS.items()},
    (Kind.ARRAY, Kind.ARRAY): arrays.array_to_array(conversion),
    (Kind.OTHER, Kind.OTHER): same_type,
}
"""(source kind, target kind) → what makes the conversion."""
