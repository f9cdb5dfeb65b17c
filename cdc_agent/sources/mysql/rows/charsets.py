"""The character sets of a server: collation ids in, functions from stored bytes to UTF-8 out.

UTF-8 passes through as it is. Python's codecs are used for the Unicode encodings alone, whose definition
leaves no choice. Of every other set the server knows best what its bytes mean (Python's big5, cp1251, gbk and sjis
differ from it in dozens of codes and several of its sets have no codec), so its table is asked for once, when a
column needs it: each single byte and each double-byte code converted to utf8mb4.

The only I/O is the `Ask` function that the caller provides. A value that is not valid in its set raises DecodeError,
without the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from cdc_agent.errors import DecodeError

Ask: TypeAlias = Callable[[str], Sequence[Sequence[object]]]
"""Runs one SELECT on the source, on a connection of its own, and returns its rows. Any thread may call it."""

Decode: TypeAlias = Callable[[bytes], bytes]
"""Stored bytes to UTF-8; DecodeError when they are not valid in the character set."""

BINARY: Final = "binary"
_UTF8: Final = {"utf8mb4", "utf8mb3", "utf8"}
_CODECS: Final = {"utf16": "utf-16-be", "utf16le": "utf-16-le", "utf32": "utf-32-be", "ucs2": "utf-16-be"}

_THREE_BYTES: Final = {"ujis": b"\x8f", "eucjpms": b"\x8f"}
"""Sets with codes of three bytes, and the byte that introduces them."""
_FOUR_BYTES: Final = {"gb18030": "gb18030"}
"""Sets with codes of four bytes (a digit comes second), and the codec for those, but for the following ones."""
_REVISED: Final = "CONCAT('8135F43', a.x)"
"""Four-byte codes whose meaning changed between GB 18030-2000, which Python knows, and GB 18030-2005."""

_COLLATIONS: Final = (
    "SELECT c.ID, c.CHARACTER_SET_NAME, c.COLLATION_NAME, s.MAXLEN FROM information_schema.COLLATIONS c "
    "JOIN information_schema.CHARACTER_SETS s ON s.CHARACTER_SET_NAME = c.CHARACTER_SET_NAME"
)
_HAS_FULL_NAMES: Final = (
    "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'information_schema' "
    "AND TABLE_NAME = 'COLLATION_CHARACTER_SET_APPLICABILITY' AND COLUMN_NAME = 'FULL_COLLATION_NAME'"
)
_FULL_NAMES: Final = (
    "SELECT c.ID, c.CHARACTER_SET_NAME, c.FULL_COLLATION_NAME, s.MAXLEN "
    "FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY c "
    "JOIN information_schema.CHARACTER_SETS s ON s.CHARACTER_SET_NAME = c.CHARACTER_SET_NAME"
)
_DIGITS: Final = "(SELECT '0' x" + "".join(f" UNION ALL SELECT '{digit}'" for digit in "123456789ABCDEF") + ")"


@dataclass(frozen=True, slots=True)
class Collation:
    """A collation as a table map names it by number."""

    name: str
    charset: str
    width: int
    """Bytes of the longest character."""


class Charsets:
    """The collations of one server, and the decoder of each character set, made when first needed."""

    def __init__(self, collations: Mapping[int, Collation], ask: Ask) -> None:
        self._collations = dict(collations)
        self._ask = ask
        self._decoders: dict[str, Decode | None] = dict.fromkeys((*_UTF8, BINARY))
        self._decoders["ascii"] = _single_byte("ascii", {bytes((code,)): bytes((code,)) for code in range(128)})
        self._decoders["latin1"] = _latin1()
        for charset in _CODECS:
            self._decoders[charset] = _unicode(charset)

    @classmethod
    def load(cls, ask: Ask) -> Charsets:
        """Read the server's list of collations (MariaDB's from 10.10 on have ids only in the second view)."""
        rows = [*ask(_COLLATIONS)]
        if _number(ask(_HAS_FULL_NAMES)[0][0]):
            rows += ask(_FULL_NAMES)
        return cls({_number(row[0]): _collation(row) for row in rows if row[0] is not None}, ask)

    def collation(self, number: int) -> Collation:
        """The collation with this id; DecodeError when the server does not list it."""
        found = self._collations.get(number)
        if found is None:
            raise DecodeError(f"the log uses collation {number}, which the server does not list")
        return found

    def decoder(self, charset: str) -> Decode | None:
        """The function from bytes of this set to UTF-8; None when they are taken as they are."""
        if charset not in self._decoders:
            self._decoders[charset] = self._asked(charset)
        return self._decoders[charset]

    def _asked(self, charset: str) -> Decode:
        singles = self._codes(charset, "CONCAT(a.x, b.x)", "ab")
        table = dict(singles)
        if len(singles) < 256 or charset in _FOUR_BYTES:
            table |= self._doubles(charset, singles)
        if charset in _THREE_BYTES:
            table |= self._triples(charset, _THREE_BYTES[charset])
        if charset in _FOUR_BYTES:
            table |= self._codes(charset, _REVISED, "a", "a.x <= '9'")
        if len(table) == len(singles):
            return _single_byte(charset, singles)
        return _multi_byte(charset, table)

    def _doubles(self, charset: str, singles: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        found = self._codes(charset, "CONCAT(a.x, b.x, c.x, d.x)", "abcd", "a.x >= '8'")
        return {code: text for code, text in found.items() if code[:1] not in singles}

    def _triples(self, charset: str, lead: bytes) -> dict[bytes, bytes]:
        form = f"CONCAT('{lead.hex()}', a.x, b.x, c.x, d.x)"
        return self._codes(charset, form, "abcd", "a.x >= 'A' AND c.x >= 'A'")

    def _codes(self, charset: str, form: str, digits: str, where: str = "TRUE") -> dict[bytes, bytes]:
        """What the server makes of each code; those that it answers with NULL or '?' are not valid."""
        tables = ", ".join(f"{_DIGITS} {digit}" for digit in digits)
        name = re.sub(r"[^a-z0-9_]", "", charset)
        converted = f"CONVERT(CONVERT(UNHEX({form}) USING {name}) USING utf8mb4)"
        rows = self._ask(f"SELECT {form}, HEX({converted}) FROM {tables} WHERE {where}")
        pairs = ((bytes.fromhex(str(code)), bytes.fromhex(str(text or ""))) for code, text in rows)
        return {code: text for code, text in pairs if text and (text != b"?" or code == b"?")}


def _number(value: object) -> int:
    return int(str(value))


def _collation(row: Sequence[object]) -> Collation:
    return Collation(str(row[2]), str(row[1]), _number(row[3]))


def _invalid(charset: str) -> DecodeError:
    return DecodeError(f"a value is not valid in its column's character set {charset}")


def _latin1() -> Decode:
    """MySQL's latin1 is Windows-1252, where the five codes without a character stand for control characters."""
    singles = {}
    for code in range(256):
        byte = bytes((code,))
        singles[byte] = byte.decode("cp1252", "ignore").encode() or chr(code).encode()
    return _single_byte("latin1", singles)


def _unicode(charset: str) -> Decode:
    """Half of a surrogate pair, which ucs2 and utf32 hold as a character, keeps its code in three bytes of UTF-8."""
    codec = _CODECS[charset]
    narrow = charset == "ucs2"

    def decode(data: bytes) -> bytes:
        try:
            text = data.decode(codec, "surrogatepass")
        except UnicodeDecodeError:
            raise _invalid(charset) from None
        if narrow and len(text) * 2 != len(data):
            text = "".join([chr(int.from_bytes(data[i : i + 2], "big")) for i in range(0, len(data), 2)])
        return text.encode("utf-8", "surrogatepass")

    return decode


def _is_ascii(table: Mapping[bytes, bytes]) -> bool:
    return all(table.get(bytes((code,))) == bytes((code,)) for code in range(128))


def _single_byte(charset: str, singles: Mapping[bytes, bytes]) -> Decode:
    ascii_alike = _is_ascii(singles)
    mapping = {byte[0]: text.decode() for byte, text in singles.items()}

    def decode(data: bytes) -> bytes:
        if ascii_alike and data.isascii():
            return data
        try:
            return "".join([mapping[byte] for byte in data]).encode()
        except KeyError:
            raise _invalid(charset) from None

    return decode


def _multi_byte(charset: str, table: Mapping[bytes, bytes]) -> Decode:
    ascii_alike = _is_ascii(table)
    split = re.compile(_code_pattern(charset, table), re.DOTALL).findall
    codec = _FOUR_BYTES.get(charset)

    def one(code: bytes) -> bytes:
        text = table.get(code)
        if text is None and codec and len(code) == 4:
            return code.decode(codec).encode()
        return table[code] if text is None else text

    def decode(data: bytes) -> bytes:
        if ascii_alike and data.isascii():
            return data
        try:
            return b"".join([one(code) for code in split(data)])
        except (KeyError, UnicodeError):
            raise _invalid(charset) from None

    return decode


def _code_pattern(charset: str, table: Mapping[bytes, bytes]) -> bytes:
    """One alternative for each length of code, the longest first; the last takes any byte, so that none is lost."""
    leads = b"".join(sorted({b"\\x%02x" % code[0] for code in table if len(code) == 2}))
    parts = [b"[" + leads + b"].", b"."]
    if charset in _THREE_BYTES:
        parts.insert(0, re.escape(_THREE_BYTES[charset]) + b"..")
    if charset in _FOUR_BYTES:
        parts.insert(0, b"[" + leads + b"][0-9]..")
    return b"|".join(parts)
