"""Digests, and bytes as text. Importing this registers them."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable
from typing import Final

from sqlglot import exp

from cdc_agent.conversions.base import Code, misfit
from cdc_agent.expressions import terms, texts
from cdc_agent.expressions.coercion import as_text
from cdc_agent.expressions.dialect import Scope
from cdc_agent.expressions.functions import arguments
from cdc_agent.expressions.functions.registry import BOTH, register, strict
from cdc_agent.expressions.terms import NUMBERS, Term
from cdc_agent.model.values import Kind

_SHA2: Final = {0: hashlib.sha256, 224: hashlib.sha224, 256: hashlib.sha256, 384: hashlib.sha384, 512: hashlib.sha512}


# --- what they compute -----------------------------------------------------------------------------------------------


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def sha1(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


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


def unhex(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text if len(text) % 2 == 0 else f"0{text}")
    except ValueError:
        return None


_ENCODINGS: Final[dict[str, Callable[[bytes], str]]] = {
    "hex": bytes.hex,
    "base64": base64_lines,
    "escape": lambda data: "".join(map(_escaped, data)),
}


# --- how they are called ---------------------------------------------------------------------------------------------


def _md5(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    data = parts[0] if parts[0].kind is Kind.BYTES else arguments.text_bytes(scope, parts[0])
    return scope.call(md5, [data], terms.TEXT, node)


def _digest(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    data = parts[0] if parts[0].kind is Kind.BYTES else arguments.text_bytes(scope, parts[0])
    return scope.call(digest_by, [data, as_text(scope, parts[1])], terms.BYTES, node)


def _hex(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    if parts[0].kind in NUMBERS:
        return scope.call(hexadecimal_number, [arguments.integer_value(scope, parts[0])], terms.TEXT, node)
    return scope.call(hexadecimal, [arguments.bytes_value(scope, parts[0])], terms.TEXT, node)


def _converted(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    """CONVERT_TO and CONVERT_FROM know UTF-8 only."""
    if str(parts[1].constant).replace("-", "").upper() != "UTF8":
        raise scope.error("only the encoding 'UTF8' is supported", node)
    if parts[0].kind is Kind.BYTES:
        return scope.call(texts.utf8, [parts[0]], terms.TEXT, node)
    return arguments.text_bytes(scope, parts[0])


register(BOTH, "MD5", "text", _md5)
register("P", "DIGEST", "bytes, text", _digest)
for _bits in ("224", "256", "384", "512"):
    strict("P", f"SHA{_bits}", "bytes", terms.BYTES, digest(f"sha{_bits}"))
strict("P", "ENCODE", "bytes, text", terms.TEXT, encode)
strict("P", "DECODE", "text, text", terms.BYTES, decode)
register("P", "CONVERT_TO", "text, text", _converted)
register("P", "CONVERT_FROM", "bytes, text", _converted)
strict("M", "SHA1 SHA", "bytes", terms.TEXT, sha1)
strict("M", "SHA2", "bytes, integer", terms.TEXT, sha2, null=True)
strict("M", "CRC32", "bytes", terms.BIG, crc32)
register("M", "HEX", "any", _hex)
strict("M", "UNHEX", "text", terms.BYTES, unhex, null=True)
strict("M", "TO_BASE64", "bytes", terms.TEXT, base64_lines)
strict("M", "FROM_BASE64", "text", terms.BYTES, from_base64, null=True)
