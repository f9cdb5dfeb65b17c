"""Text functions as the engines define them. Arguments are never None.

https://www.postgresql.org/docs/current/functions-string.html,
https://dev.mysql.com/doc/refman/8.4/en/string-functions.html
"""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
import zlib
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Final

from cdc_agent.conversions.base import Code, misfit
from cdc_agent.model.values import Type

MYSQL_COLLATION: Final = "utf8mb4_0900_ai_ci"
"""Of literals and function results without a column among their arguments."""
_WORD: Final = re.compile(r"[^\W_]+")
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


def substring(text: str, start: int) -> str:
    return text[max(start - 1, 0) :]


def substring_for(text: str, start: int, length: int) -> str:
    if length < 0:
        misfit(Code.EXPRESSION, "negative substring length")
    return text[max(start - 1, 0) : max(start - 1 + length, 0)]


def mysql_substring(text: str, start: int) -> str:
    if start == 0 or -start > len(text):
        return ""
    return text[start - 1 :] if start > 0 else text[start:]


def mysql_substring_for(text: str, start: int, length: int) -> str:
    return mysql_substring(text, start)[: max(length, 0)]


def left(text: str, length: int) -> str:
    return text[:length]


def right(text: str, length: int) -> str:
    if length >= 0:
        return text[max(len(text) - length, 0) :]
    return text[-length:]


def mysql_left(text: str, length: int) -> str:
    return text[: max(length, 0)]


def mysql_right(text: str, length: int) -> str:
    return text[max(len(text) - length, 0) :] if length > 0 else ""


def split_part(text: str, delimiter: str, place: int) -> str:
    if place == 0:
        misfit(Code.EXPRESSION, "SPLIT_PART counts from 1")
    parts = text.split(delimiter) if delimiter else [text]
    index = place - 1 if place > 0 else len(parts) + place
    return parts[index] if 0 <= index < len(parts) else ""


def substring_index(text: str, delimiter: str, count: int) -> str:
    if not delimiter or not count:
        return ""
    parts = text.split(delimiter) if count > 0 else text.rsplit(delimiter, -count)
    if count > 0:
        return delimiter.join(parts[:count])
    return delimiter.join(parts[count:]) if len(parts) > -count else text


def overlay(text: str, new: str, start: int) -> str:
    return overlay_for(text, new, start, len(new))


def overlay_for(text: str, new: str, start: int, length: int) -> str:
    if start <= 0:
        misfit(Code.EXPRESSION, "OVERLAY counts from 1")
    return text[: start - 1] + new + text[max(start - 1 + length, 0) :]


def insert(text: str, start: int, length: int, new: str) -> str:
    if not 1 <= start <= len(text):
        return text
    end = len(text) if length < 0 else start - 1 + length
    return text[: start - 1] + new + text[end:]


# --- padding and trimming ----------------------------------------------------------------------------------------


def lpad(text: str, length: int, fill: str) -> str:
    if length <= len(text) or not fill:
        return text[: max(length, 0)]
    return _filling(fill, length - len(text)) + text


def rpad(text: str, length: int, fill: str) -> str:
    if length <= len(text) or not fill:
        return text[: max(length, 0)]
    return text + _filling(fill, length - len(text))


def mysql_lpad(text: str, length: int, fill: str) -> str | None:
    if length < 0 or (not fill and length > len(text)):
        return None if length < 0 else ""
    return lpad(text, length, fill)


def mysql_rpad(text: str, length: int, fill: str) -> str | None:
    if length < 0 or (not fill and length > len(text)):
        return None if length < 0 else ""
    return rpad(text, length, fill)


def _filling(fill: str, length: int) -> str:
    return (fill * (length // len(fill) + 1))[:length]


def trim_characters(text: str, characters: str) -> str:
    """PostgreSQL removes any of the characters."""
    return text.strip(characters) if characters else text


def ltrim_characters(text: str, characters: str) -> str:
    return text.lstrip(characters) if characters else text


def rtrim_characters(text: str, characters: str) -> str:
    return text.rstrip(characters) if characters else text


def trim_text(text: str, removed: str) -> str:
    """MySQL removes the text as a whole, as often as it stands there."""
    return rtrim_text(ltrim_text(text, removed), removed)


def ltrim_text(text: str, removed: str) -> str:
    while removed and text.startswith(removed):
        text = text[len(removed) :]
    return text


def rtrim_text(text: str, removed: str) -> str:
    while removed and text.endswith(removed):
        text = text[: -len(removed)]
    return text


# --- searching and replacing -------------------------------------------------------------------------------------


def position(part: str, text: str) -> int:
    return text.find(part) + 1


def locate(part: str, text: str, start: int) -> int:
    return text.find(part, start - 1) + 1 if 1 <= start <= len(text) + 1 else 0


def replace(text: str, old: str, new: str) -> str:
    return text.replace(old, new) if old else text


def translate(text: str, old: str, new: str) -> str:
    table: dict[int, str | None] = {}
    for place, char in enumerate(old):
        table.setdefault(ord(char), new[place] if place < len(new) else None)
    return text.translate(table)


def reverse(text: str) -> str:
    return text[::-1]


def repeat(text: str, times: int) -> str:
    if len(text) * max(times, 0) > 1 << 28:
        misfit(Code.EXPRESSION, "REPEAT of more than 256 MB")
    return text * max(times, 0)


def initcap(text: str) -> str:
    return _WORD.sub(lambda match: upper(match[0][0]) + lower(match[0][1:]), text)


def quote_literal(text: str) -> str:
    quoted = text.replace("'", "''")
    return f"'{quoted}'" if "\\" not in text else "E'" + quoted.replace("\\", "\\\\") + "'"


def starts_with(text: str, part: str) -> bool:
    return text.startswith(part)


def field(text: str, *choices: str) -> int:
    return choices.index(text) + 1 if text in choices else 0


def find_in_set(text: str, choices: str) -> int:
    found = choices.split(",")
    return found.index(text) + 1 if choices and text in found else 0


def strcmp(one: str, other: str) -> int:
    return (one > other) - (one < other)


# --- characters and bytes ----------------------------------------------------------------------------------------


def first_code(text: str) -> int:
    return ord(text[0]) if text else 0


def first_byte(text: bytes) -> int:
    return text[0] if text else 0


def character(code: int) -> str:
    if not 1 <= code <= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        misfit(Code.EXPRESSION, "not a character's code")
    return chr(code)


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def sha1(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


_SHA2: Final = {0: hashlib.sha256, 224: hashlib.sha224, 256: hashlib.sha256, 384: hashlib.sha384, 512: hashlib.sha512}


def sha2(data: bytes, bits: int) -> str | None:
    make = _SHA2.get(bits)
    return None if make is None else make(data).hexdigest()


def digest(name: str) -> Callable[[bytes], bytes]:
    return lambda data: hashlib.new(name, data, usedforsecurity=False).digest()


def digest_by(data: bytes, name: str) -> bytes:
    if name.lower() not in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512"):
        misfit(Code.EXPRESSION, "unknown digest")
    return hashlib.new(name.lower(), data, usedforsecurity=False).digest()


def crc32(data: bytes) -> int:
    return zlib.crc32(data)


def encode(data: bytes, form: str) -> str:
    write = _ENCODINGS.get(form.lower())
    if write is None:
        misfit(Code.EXPRESSION, "ENCODE knows hex, base64 and escape")
    return write(data)


def _escaped(byte: int) -> str:
    if byte == 0x5C:
        return "\\\\"
    return f"\\{byte:03o}" if byte == 0 or byte >= 0x80 else chr(byte)


def base64_lines(data: bytes) -> str:
    """In lines of 76 characters, as both engines write it."""
    text = base64.b64encode(data).decode()
    return "\n".join(text[i : i + 76] for i in range(0, len(text), 76))


_ENCODINGS: Final[dict[str, Callable[[bytes], str]]] = {
    "hex": bytes.hex,
    "base64": base64_lines,
    "escape": lambda data: "".join(map(_escaped, data)),
}


def decode(text: str, form: str) -> bytes:
    if form.lower() == "hex":
        return bytes.fromhex(text)
    if form.lower() != "base64":
        misfit(Code.EXPRESSION, "DECODE knows hex and base64")
    return base64.b64decode(text.encode(), validate=False)


def from_base64(text: str) -> bytes | None:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        return None


def hexadecimal(data: bytes) -> str:
    return data.hex().upper()


def hexadecimal_number(number: int) -> str:
    return f"{number & 0xFFFFFFFFFFFFFFFF:X}"


def to_hex(number: int) -> str:
    return f"{number & 0xFFFFFFFFFFFFFFFF:x}" if number >= 0 or number < -(1 << 31) else f"{number & 0xFFFFFFFF:x}"


def unhex(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text if len(text) % 2 == 0 else f"0{text}")
    except ValueError:
        return None


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


def format_number(number: Decimal, digits: int) -> str:
    """FORMAT(n, d) of MySQL in its default locale."""
    rounded = number.quantize(Decimal(1).scaleb(-max(digits, 0)), rounding=ROUND_HALF_UP)
    return f"{rounded if rounded else abs(rounded):,f}"


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
