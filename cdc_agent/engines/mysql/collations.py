"""When two texts are one value to MySQL and MariaDB. A column's type in, what its collation does with keys out."""

from __future__ import annotations

from typing import Final

from cdc_agent.model.values import Kind, Type

_EXACT: Final = ("binary", "_0900_bin", "_nopad_bin")
"""How names of collations end in which only the same text is equal; the other binary ones pad with blanks."""
UCA_9: Final = "_0900_"
"""In the names of MySQL's newer collations; MariaDB takes some of these names for collations of another UCA."""


def tells_apart(type_: Type) -> bool:
    """Whether a column of the type holds no two texts equal that are not the same."""
    if type_.kind is not Kind.TEXT or type_.collation is None:
        return True
    return type_.collation.endswith(_EXACT) or (type_.fixed and type_.collation.endswith("_bin"))
