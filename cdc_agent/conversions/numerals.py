"""What texts of numbers have in common: the special ones, and how a text is read as a number."""

from __future__ import annotations

import re
from typing import Final

from cdc_agent.conversions.base import Code, Context, Usual, Way, misfit, way
from cdc_agent.model.values import Type

SPECIAL: Final = frozenset((b"NaN", b"Infinity", b"-Infinity"))
_NUMBER: Final = re.compile(rb"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,5})?")
FINITE_TEXT: Final = Usual("{v}[-1] < 58")
"""Neither NaN nor an infinity."""


def text_number(source: Type, target: Type, context: Context) -> Way:
    def convert(text: bytes) -> bytes:
        plain = text.strip()
        if not _NUMBER.fullmatch(plain) and plain not in SPECIAL:
            misfit(Code.FORM, f"not a number for {target.native}")
        return plain

    return way(convert, Code.FORM)
