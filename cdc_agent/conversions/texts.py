"""Values that become text, bytes, UUIDs, enums and sets.

Text is never cut, padded or transliterated: what the column cannot hold is a misfit.
"""

from __future__ import annotations

import re
from typing import Final

from cdc_agent.conversions.base import PASS, Code, Context, Maker, Usual, Way, misfit, native, then, way
from cdc_agent.conversions.bits import fit_bits, vary
from cdc_agent.model.values import Kind, Type

_BYTE_LIMITED: Final = frozenset({"tinytext", "text", "mediumtext"})
"""MySQL types whose length counts bytes of the column's character set."""
_WHOLE_UNICODE: Final = frozenset({"utf8mb4", "utf16", "utf16le", "utf32"})
_BASIC_PLANE: Final = frozenset({"utf8mb3", "utf8", "ucs2"})
CODECS: Final = {
    "ascii": "ascii", "big5": "big5", "cp1250": "cp1250", "cp1251": "cp1251", "cp1256": "cp1256",
    "cp1257": "cp1257", "cp850": "cp850", "cp852": "cp852", "cp866": "cp866", "cp932": "cp932",
    "eucjpms": "euc_jp", "euckr": "euc_kr", "gb18030": "gb18030", "gb2312": "gb2312", "gbk": "gbk",
    "greek": "iso8859_7", "hebrew": "iso8859_8", "koi8r": "koi8_r", "koi8u": "koi8_u", "latin1": "cp1252",
    "latin2": "iso8859_2", "latin5": "iso8859_9", "latin7": "iso8859_13", "macce": "mac_latin2",
    "macroman": "mac_roman", "sjis": "shift_jis", "tis620": "tis_620", "ujis": "euc_jp",
}  # fmt: skip
"""MySQL's character sets that Python knows. Others are left to the server, which refuses what it cannot store."""
_NO_BLANKS: Final = Usual('{v}[-1:] != b" "')
_ASCII: Final = Usual("{v}.isascii()")
SURROGATE: Final = re.compile(rb"\xed[\xa0-\xbf]")
"""Half of a surrogate pair, as three bytes of UTF-8."""
HALVES: Final = ("utf16", "utf16le", "ucs2", "utf32")
"""MySQL's character sets that may hold such a half as a character."""
_UUID: Final = re.compile(
    rb"\{?([0-9a-fA-F]{8})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{12})\}?"
)
_HEX_PREFIX: Final = b"\\x"


# --- text --------------------------------------------------------------------------------------------------------


def text_to_text(source: Type, target: Type, context: Context) -> Way:
    """Padding removed, then checked for what the target's text cannot hold."""
    if source.fixed and not target.fixed and native(source) != "binary":
        return then(way(lambda text: text.rstrip(b" ")), fit_text(source, target, context))
    if target.fixed and not source.fixed:
        return then(way(_without_blanks, Code.TOO_SHORT, usual=_NO_BLANKS), fit_text(source, target, context))
    return fit_text(source, target, context)


def _without_blanks(text: bytes) -> bytes:
    """CHAR(n) is padded with blanks, so that those of the text itself would be lost."""
    if text.endswith(b" "):
        misfit(Code.TOO_SHORT, "blanks at its end, which the column does not keep")
    return text


def fit_text(source: Type, target: Type, context: Context) -> Way:
    """Checks only: characters, NUL, character set. No check that the source's type makes needless."""
    steps = [
        _without_nul(source, target, context),
        _without_halves(source, target),
        _encodable(source, target, context),
        _length(source, target),
    ]
    result = PASS
    for step in steps:
        result = then(result, step)
    return result


def _without_nul(source: Type, target: Type, context: Context) -> Way:
    if not context.to_postgres or context.from_postgres or _has_no_control_characters(source):
        return PASS

    def convert(text: bytes) -> bytes:
        if b"\0" in text:
            misfit(Code.NUL, "a NUL character, which PostgreSQL's text cannot hold")
        return text

    return way(convert, Code.NUL, usual=Usual("0 not in {v}"))


def _without_halves(source: Type, target: Type) -> Way:
    if source.charset not in HALVES or source.charset == target.charset:
        return PASS

    def convert(text: bytes) -> bytes:
        if SURROGATE.search(text):
            misfit(Code.ENCODING, "half of a surrogate pair")
        return text

    return way(convert, Code.ENCODING, usual=_ASCII)


def _has_no_control_characters(source: Type) -> bool:
    if source.kind in (Kind.ENUM, Kind.SET):
        return not any("\0" in label for label in source.labels)
    return source.kind is not Kind.TEXT and source.kind is not Kind.OTHER


def _encodable(source: Type, target: Type, context: Context) -> Way:
    charset = target.charset
    if context.to_postgres or charset is None or charset in _WHOLE_UNICODE or charset == source.charset:
        return PASS
    if source.kind not in _ANY_TEXT:
        return PASS
    if charset in _BASIC_PLANE:
        return PASS if source.charset in (*_BASIC_PLANE, "latin1", "ascii") else _basic_plane(charset)
    codec = CODECS.get(charset)
    return PASS if codec is None or source.charset == "ascii" else _codec(codec, charset)


def _basic_plane(charset: str) -> Way:
    reason = f"a character that {charset} lacks"

    def convert(text: bytes) -> bytes:
        if not text.isascii() and max(text) >= 0xF0:
            misfit(Code.ENCODING, reason)
        return text

    return way(convert, Code.ENCODING, usual=_ASCII)


_MORE_IN_LATIN1: Final = dict.fromkeys((0x81, 0x8D, 0x8F, 0x90, 0x9D), "?")
"""Codes that Windows leaves open, and MySQL's latin1 takes as the control characters of ISO 8859-1."""


def _codec(codec: str, charset: str) -> Way:
    reason = f"a character that {charset} lacks"
    also = _MORE_IN_LATIN1 if charset == "latin1" else {}

    def convert(text: bytes) -> bytes:
        if not text.isascii():
            try:
                text.decode().translate(also).encode(codec)
            except UnicodeEncodeError:
                misfit(Code.ENCODING, reason)
        return text

    return way(convert, Code.ENCODING, usual=_ASCII)


def _length(source: Type, target: Type) -> Way:
    limit = target.length
    if limit is None:
        return PASS
    reason = f"too long for {target.native}"
    if native(target) in _BYTE_LIMITED:
        return _bytes_of_text(source, limit, reason)
    if source.length is not None and source.length <= limit and native(source) not in _BYTE_LIMITED:
        return PASS
    if _longest(source) <= limit:
        return PASS
    return _characters(limit, reason)


def _characters(limit: int, reason: str) -> Way:
    def convert(text: bytes) -> bytes:
        if len(text) > limit and (text.isascii() or len(text.decode()) > limit):
            misfit(Code.TOO_LONG, reason)
        return text

    return way(convert, Code.TOO_LONG, usual=Usual(f"len({{v}}) <= {limit}"))


def _bytes_of_text(source: Type, limit: int, reason: str) -> Way:
    if (source.length is not None and source.length * 4 <= limit) or _longest(source) * 4 <= limit:
        return PASS
    if native(source) in _BYTE_LIMITED and source.length is not None and source.length <= limit:
        return PASS

    def convert(text: bytes) -> bytes:
        if len(text) > limit:
            misfit(Code.TOO_LONG, reason)
        return text

    return way(convert, Code.TOO_LONG, usual=Usual(f"len({{v}}) <= {limit}"))


_LONGEST: Final = {
    Kind.BOOL: 5, Kind.UUID: 36, Kind.YEAR: 4, Kind.INTEGER: 20, Kind.FLOAT: 24, Kind.DATE: 13, Kind.TIME: 17,
    Kind.TIMESTAMP: 32, Kind.INSTANT: 35,
}  # fmt: skip
_UNLIMITED: Final = 1 << 62


def _longest(source: Type) -> int:
    """Characters of the longest value of a type, when it is known."""
    if source.kind is Kind.ENUM and source.labels:
        return max(map(len, source.labels))
    if source.kind is Kind.SET and source.labels:
        return sum(map(len, source.labels)) + len(source.labels) - 1
    if source.kind is Kind.BIT and source.length is not None:
        return source.length
    if source.kind is Kind.DECIMAL and source.precision is not None:
        return source.precision + 3
    return _LONGEST.get(source.kind, _UNLIMITED)


def _bool_to_text(source: Type, target: Type, context: Context) -> Way:
    words = way(lambda text: b"true" if text == b"t" else b"false")
    return then(words, fit_text(source, target, context))


def _text_to_other(source: Type, target: Type, context: Context) -> Way:
    """The server judges the text: only it knows the type."""
    return Way(None, frozenset({Code.FORM}))


# --- bytes and UUIDs ---------------------------------------------------------------------------------------------


def fit_bytes(source: Type, target: Type, context: Context) -> Way:
    limit = target.length
    fixed = target.fixed
    if limit is None:
        return PASS
    if (
        source.length is not None
        and (source.length == limit if fixed else source.length <= limit)
        and (source.fixed or not fixed)
    ):
        return PASS

    def convert(text: bytes) -> bytes:
        size = len(text) // 2 - 1
        if size > limit:
            misfit(Code.TOO_LONG, f"too long for {target.native}")
        if fixed and size < limit:
            misfit(Code.TOO_SHORT, f"shorter than {target.native}, which would pad it")
        return text

    return way(convert, Code.TOO_LONG, *([Code.TOO_SHORT] if fixed else []))


def _uuid_to_bytes(source: Type, target: Type, context: Context) -> Way:
    plain = way(lambda text: _HEX_PREFIX + text.replace(b"-", b""))
    return then(plain, fit_bytes(Type(Kind.BYTES, "uuid", length=16, fixed=True), target, context))


def _bytes_to_uuid(source: Type, target: Type, context: Context) -> Way:
    def convert(text: bytes) -> bytes:
        if len(text) != 34:
            misfit(Code.FORM, "a UUID is sixteen bytes")
        digits = text[2:]
        return b"-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    return way(convert, Code.FORM)


def _text_to_uuid(source: Type, target: Type, context: Context) -> Way:
    def convert(text: bytes) -> bytes:
        match = _UUID.fullmatch(text.strip())
        if match is None:
            misfit(Code.FORM, "not a UUID")
        return b"-".join(match.groups()).lower()

    return way(convert, Code.FORM)


def _bit_to_bytes(source: Type, target: Type, context: Context) -> Way:
    varies = vary(source)

    def convert(text: bytes) -> bytes:
        size = (len(text) + 7) // 8
        if varies and len(text) % 8:
            misfit(Code.DIGITS, "bits that fill no whole byte")
        return _HEX_PREFIX + int(text or b"0", 2).to_bytes(size, "big").hex().encode()

    codes = [Code.DIGITS] if varies else []
    return then(way(convert, *codes), fit_bytes(Type(Kind.BYTES, "bit"), target, context))


def _bytes_to_bit(source: Type, target: Type, context: Context) -> Way:
    if vary(target):
        return then(way(_bits_of_bytes), fit_bits(target))
    length = target.length or 1
    size = (length + 7) // 8

    def convert(text: bytes) -> bytes:
        bits = _bits_of_bytes(text)
        if len(bits) > 8 * size or b"1" in bits[:-length]:
            misfit(Code.TOO_LONG, f"more bits than {target.native}")
        if len(bits) < 8 * size:
            misfit(Code.TOO_SHORT, f"fewer bits than {target.native}")
        return bits[-length:]

    return way(convert, Code.TOO_LONG, Code.TOO_SHORT)


def _bits_of_bytes(text: bytes) -> bytes:
    size = len(text) // 2 - 1
    return format(int(text[2:], 16), f"0{8 * size}b").encode() if size else b""


# --- enums and sets ----------------------------------------------------------------------------------------------


def _to_enum(source: Type, target: Type, context: Context) -> Way:
    if source.kind is Kind.ENUM and set(source.labels) <= set(target.labels) and _no_error_value(source, context):
        return PASS
    labels = frozenset(label.encode() for label in target.labels)

    def convert(text: bytes) -> bytes:
        if text not in labels:
            misfit(Code.LABEL, f"not a label of {_short(target)}")
        return text

    return way(convert, Code.LABEL)


def _no_error_value(source: Type, context: Context) -> bool:
    """MySQL's enums hold '' for what they once refused, and take it back only where SQL_MODE is not strict."""
    return context.from_postgres or "" in source.labels


def _short(target: Type) -> str:
    return target.native if len(target.native) <= 40 else f"{target.native[:37]}…"


def _to_set(source: Type, target: Type, context: Context) -> Way:
    if source.kind is Kind.SET and source.labels == target.labels:
        return PASS
    order: dict[bytes, int] = {label.encode(): place for place, label in enumerate(target.labels)}

    def convert(text: bytes) -> bytes:
        chosen = set(text.split(b",")) if text else set()
        if not chosen <= order.keys():
            misfit(Code.LABEL, f"not labels of {_short(target)}")
        return b",".join([label for label in order if label in chosen])

    return way(convert, Code.LABEL)


_ANY_TEXT: Final = frozenset(
    {Kind.TEXT, Kind.ENUM, Kind.SET, Kind.JSON, Kind.OTHER, Kind.ARRAY, Kind.RANGE, Kind.HSTORE, Kind.COMPOSITE}
)
"""Kinds whose text may hold any character."""
_PRINTED: Final = _ANY_TEXT | {
    Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT, Kind.DATE, Kind.TIME, Kind.TIMESTAMP, Kind.INSTANT, Kind.INTERVAL,
    Kind.UUID, Kind.BIT, Kind.YEAR,
}  # fmt: skip
"""Kinds that go into a text column as their canonical text."""

MAKERS: Final[dict[tuple[Kind, Kind], Maker]] = {
    **{(kind, Kind.TEXT): fit_text for kind in _PRINTED},
    (Kind.TEXT, Kind.TEXT): text_to_text,
    (Kind.BOOL, Kind.TEXT): _bool_to_text,
    **{(Kind.TEXT, kind): _text_to_other for kind in (Kind.OTHER, Kind.RANGE, Kind.HSTORE, Kind.COMPOSITE)},
    (Kind.BYTES, Kind.BYTES): fit_bytes,
    (Kind.UUID, Kind.BYTES): _uuid_to_bytes,
    (Kind.BIT, Kind.BYTES): _bit_to_bytes,
    (Kind.BYTES, Kind.BIT): _bytes_to_bit,
    (Kind.UUID, Kind.UUID): lambda source, target, context: PASS,
    (Kind.BYTES, Kind.UUID): _bytes_to_uuid,
    (Kind.TEXT, Kind.UUID): _text_to_uuid,
    (Kind.ENUM, Kind.ENUM): _to_enum,
    (Kind.TEXT, Kind.ENUM): _to_enum,
    (Kind.SET, Kind.SET): _to_set,
    (Kind.TEXT, Kind.SET): _to_set,
}
