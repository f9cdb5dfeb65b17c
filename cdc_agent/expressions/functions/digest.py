"""Digests, and bytes as text. Importing this registers them."""

from __future__ import annotations

from sqlglot import exp

from cdc_agent.expressions import terms, texts
from cdc_agent.expressions.coercion import as_text
from cdc_agent.expressions.dialect import Scope
from cdc_agent.expressions.functions import arguments
from cdc_agent.expressions.functions.registry import BOTH, register, strict
from cdc_agent.expressions.terms import NUMBERS, Term
from cdc_agent.model.values import Kind


def _md5(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    data = parts[0] if parts[0].kind is Kind.BYTES else arguments.text_bytes(scope, parts[0])
    return scope.call(texts.md5, [data], terms.TEXT, node)


def _digest(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    data = parts[0] if parts[0].kind is Kind.BYTES else arguments.text_bytes(scope, parts[0])
    return scope.call(texts.digest_by, [data, as_text(scope, parts[1])], terms.BYTES, node)


def _hex(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    if parts[0].kind in NUMBERS:
        return scope.call(texts.hexadecimal_number, [arguments.integer_value(scope, parts[0])], terms.TEXT, node)
    return scope.call(texts.hexadecimal, [arguments.bytes_value(scope, parts[0])], terms.TEXT, node)


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
    strict("P", f"SHA{_bits}", "bytes", terms.BYTES, texts.digest(f"sha{_bits}"))
strict("P", "ENCODE", "bytes, text", terms.TEXT, texts.encode)
strict("P", "DECODE", "text, text", terms.BYTES, texts.decode)
register("P", "CONVERT_TO", "text, text", _converted)
register("P", "CONVERT_FROM", "bytes, text", _converted)
strict("M", "SHA1 SHA", "bytes", terms.TEXT, texts.sha1)
strict("M", "SHA2", "bytes, integer", terms.TEXT, texts.sha2, null=True)
strict("M", "CRC32", "bytes", terms.BIG, texts.crc32)
register("M", "HEX", "any", _hex)
strict("M", "UNHEX", "text", terms.BYTES, texts.unhex, null=True)
strict("M", "TO_BASE64", "bytes", terms.TEXT, texts.base64_lines)
strict("M", "FROM_BASE64", "text", terms.BYTES, texts.from_base64, null=True)
