"""What texts are to the engines: case, collation, numbers and bytes in them, LIKE. Arguments are never None.

https://www.postgresql.org/docs/current/functions-string.html,
https://dev.mysql.com/doc/refman/8.4/en/string-functions.html
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Final

from cdc_agent.conversions.base import Code, misfit
from cdc_agent.model.values import Type

MYSQL_COLLATION: Final = "utf8mb4_0900_ai_ci"
"""Of literals and function results without a column among their arguments."""
_NUMBER_PREFIX: Final = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


# --- case and collation ------------------------------------------------------------------------------------------


def upper(text: str) -> str:
    """Each character by itself, as the servers do: ß stays ß."""
    if text.isascii():
        return text.upper()
    return "".join(one if len(one) == 1 else char for char in text for one in (char.upper(),))


def lower(text: str) -> str:
    if text.isascii():
        return text.lower()
    return "".join(one if len(one) == 1 else char for char in text for one in (char.lower(),))


def fold(text: str) -> str:
    """What a collation without case and accents compares."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFD", text)
    return "".join(char for char in plain if not unicodedata.combining(char)).casefold()


def fold_case(text: str) -> str:
    """What a collation with accents but without case compares."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", text).casefold()


def collation_key(type_: Type) -> Callable[[str], str] | None:
    """What MySQL compares of a text in its collation; None for the text itself."""
    name = type_.collation or MYSQL_COLLATION
    if name == "binary":
        return None
    padded = not ("0900" in name or "nopad" in name)
    if name.endswith(("_bin", "_cs")):
        return _unpadded if padded else None
    exact_accents = name.endswith("_as_ci") or "swedish" in name or "danish" in name or "german2" in name
    key = fold_case if exact_accents else fold
    return (lambda text: key(text.rstrip(" "))) if padded else key


def _unpadded(text: str) -> str:
    return text.rstrip(" ")


def ignores_case(type_: Type) -> Callable[[str], str] | None:
    """The key for searching inside a text, where trailing spaces count."""
    name = type_.collation or MYSQL_COLLATION
    if name == "binary" or name.endswith(("_bin", "_cs")):
        return None
    return fold_case if name.endswith("_as_ci") or "swedish" in name else fold


# --- parts of a text ---------------------------------------------------------------------------------------------


def left(text: str, length: int) -> str:
    return text[:length]


# --- characters and bytes ----------------------------------------------------------------------------------------


def bytes_of_text(text: str) -> bytes:
    r"""PostgreSQL's input form: ``\x00ff``, or characters with ``\\`` and ``\ooo``."""
    if text.startswith("\\x"):
        return bytes.fromhex(text[2:])
    data = text.encode()
    if b"\\" not in data:
        return data
    plain = re.fullmatch(rb"(?:[^\\]|\\\\|\\[0-3][0-7]{2})*", data, re.DOTALL)
    if plain is None:
        misfit(Code.EXPRESSION, "a text that is no bytea")
    return re.sub(rb"\\(?:(\\)|([0-7]{3}))", lambda m: b"\\" if m[1] else bytes([int(m[2], 8)]), data)


def utf8(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        misfit(Code.ENCODING, "not UTF-8")


# --- numbers in texts --------------------------------------------------------------------------------------------


def mysql_number(text: str) -> float:
    """MySQL reads the number that a text starts with, else 0."""
    match = _NUMBER_PREFIX.match(text)
    return float(match[0]) if match else 0.0


def mysql_decimal(text: str) -> Decimal:
    match = _NUMBER_PREFIX.match(text)
    return Decimal(match[0].strip()) if match else Decimal(0)


# --- patterns ----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def like_pattern(pattern: str, escape: str) -> re.Pattern[str]:
    """LIKE as a regular expression."""
    out: list[str] = []
    chars = iter(pattern)
    for char in chars:
        if escape and char == escape:
            literal = next(chars, None)
            if literal is None:
                misfit(Code.EXPRESSION, "a LIKE pattern must not end with its escape character")
            out.append(re.escape(literal))
        elif char == "%":
            out.append(".*")
        else:
            out.append("." if char == "_" else re.escape(char))
    return re.compile("".join(out), re.DOTALL)


def like(text: str, pattern: str, escape: str) -> bool:
    return like_pattern(pattern, escape).fullmatch(text) is not None
