"""Regular expressions of PostgreSQL (ARE) and MySQL (ICU; MariaDB: PCRE) run by Python's `re`.

The three agree on the common part. Where two alternatives match at the same place PostgreSQL takes the longest and
the others the first; docs/mapping.md says so. What Python would read differently is translated here.

https://www.postgresql.org/docs/current/functions-matching.html
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from cdc_agent.conversions.base import Code, misfit

_LETTERS: Final = "A-Za-zªµºÀ-ÖØ-öø-ʯͰ-ͽͿ-῾\u2c00-\u2dff\u3040-\ud7ff"
"""Ranges that hold letters; inside brackets Python has no name for them."""
_CLASSES: Final = {
    "alpha": _LETTERS, "digit": r"\d", "alnum": rf"\d{_LETTERS}", "space": r"\s", "upper": "A-ZÀ-ÖØ-ÞΑ-ΩЀ-Я",
    "lower": "a-zß-öø-ÿα-ωа-џ",
    "punct": r"!-/:-@\[-`{-~", "xdigit": "0-9A-Fa-f", "blank": r" \t", "cntrl": r"\x00-\x1f\x7f", "word": r"\w",
    "graph": "!-~", "print": " -~",
}  # fmt: skip
_POSTGRES_ESCAPES: Final = {
    "m": r"\b(?=\w)", "M": r"\b(?<=\w)", "y": r"\b", "Y": r"\B", "Z": r"\Z", "A": r"\A", "e": r"\x1b",
}  # fmt: skip
_POSTGRES_FLAGS: Final = {"i": re.IGNORECASE, "x": re.VERBOSE}


@lru_cache(maxsize=512)
def postgres_pattern(pattern: str, flags: str) -> re.Pattern[str]:
    """An ARE; flags as in REGEXP_REPLACE. By default `.` matches a newline, and `$` only the end."""
    bits = re.RegexFlag(0) if any(flag in flags for flag in "np") else re.DOTALL
    if any(flag in flags for flag in "nmw"):
        bits |= re.MULTILINE
    for flag in flags:
        if flag not in "gicnmpswxqt":
            misfit(Code.EXPRESSION, "unknown flag of a regular expression")
        bits |= _POSTGRES_FLAGS.get(flag, re.RegexFlag(0))
    if "q" in flags:
        return re.compile(re.escape(pattern), bits)
    return _compiled(_translated(pattern, _POSTGRES_ESCAPES, multiline=bool(bits & re.MULTILINE)), bits)


@lru_cache(maxsize=512)
def mysql_pattern(pattern: str, flags: str, ignores_case: bool) -> re.Pattern[str]:
    """An ICU or PCRE pattern; flags c, i, m, n, u, the last of c and i counts."""
    bits = re.RegexFlag(0)
    last = next((flag for flag in reversed(flags) if flag in "ci"), "i" if ignores_case else "c")
    if last == "i":
        bits |= re.IGNORECASE
    if "m" in flags:
        bits |= re.MULTILINE
    if "n" in flags:
        bits |= re.DOTALL
    if set(flags) - set("cimnu"):
        misfit(Code.EXPRESSION, "unknown flag of a regular expression")
    return _compiled(_translated(pattern, {"Z": r"(?=\n?\Z)", "z": r"\Z", "A": r"\A"}, multiline=True), bits)


def _compiled(pattern: str, bits: re.RegexFlag) -> re.Pattern[str]:
    try:
        return re.compile(pattern, bits)
    except re.error:
        misfit(Code.EXPRESSION, "not a regular expression that can be run here")


def _translated(pattern: str, escapes: dict[str, str], *, multiline: bool) -> str:
    out: list[str] = []
    place = 0
    while place < len(pattern):
        char = pattern[place]
        if char == "\\" and place + 1 < len(pattern):
            out.append(escapes.get(pattern[place + 1], pattern[place : place + 2]))
            place += 2
        elif char == "[":
            text, place = _bracket(pattern, place)
            out.append(text)
        else:
            out.append(r"\Z" if char == "$" and not multiline else char)
            place += 1
    return "".join(out)


def _bracket(pattern: str, place: int) -> tuple[str, int]:
    """A bracket expression with its POSIX classes."""
    end = place + 1
    negated = pattern[end : end + 1] == "^"
    end += negated
    out: list[str] = []
    first = True
    while end < len(pattern) and (pattern[end] != "]" or first):
        first = False
        if pattern.startswith("[:", end) and (close := pattern.find(":]", end)) > 0:
            out.append(_class(pattern[end + 2 : close]))
            end = close + 2
        elif pattern[end] == "\\":
            out.append(pattern[end : end + 2])
            end += 2
        else:
            out.append(f"\\{pattern[end]}" if pattern[end] in "[]" else pattern[end])
            end += 1
    if end >= len(pattern):
        misfit(Code.EXPRESSION, "a bracket of a regular expression is not closed")
    return f"[{'^' if negated else ''}{''.join(out)}]", end + 1


def _class(name: str) -> str:
    text = _CLASSES.get(name)
    if text is None:
        misfit(Code.EXPRESSION, "unknown character class of a regular expression")
    return text


def _postgres_replacement(match: re.Match[str], replacement: str) -> str:
    r"""``\1`` to ``\9`` and ``\&``; a doubled backslash is one."""
    out: list[str] = []
    chars = iter(replacement)
    for char in chars:
        if char != "\\":
            out.append(char)
            continue
        following = next(chars, "\\")
        if following.isdigit():
            out.append(match[0] if following == "0" else _group(match, int(following)))
        else:
            out.append(match[0] if following == "&" else following if following == "\\" else f"\\{following}")
    return "".join(out)


def _group(match: re.Match[str], number: int) -> str:
    return (match[number] or "") if number <= (match.re.groups) else ""


def postgres_replace(text: str, pattern: str, replacement: str, flags: str) -> str:
    compiled = postgres_pattern(pattern, flags)
    return compiled.sub(lambda match: _postgres_replacement(match, replacement), text, count=0 if "g" in flags else 1)


def _mysql_replacement(match: re.Match[str], replacement: str) -> str:
    r"""``$1`` of MySQL, ``\1`` of MariaDB."""
    return re.sub(
        r"\$(\d)|\\(\d)|\\(.)",
        lambda ref: ref[3] if ref[3] is not None else _group_or_all(match, int(ref[1] or ref[2])),
        replacement,
        flags=re.DOTALL,
    )


def _group_or_all(match: re.Match[str], number: int) -> str:
    return match[0] if number == 0 else _group(match, number)


def mysql_replace(
    text: str, pattern: str, replacement: str, start: int, occurrence: int, flags: str, ignores_case: bool
) -> str:
    compiled = mysql_pattern(pattern, flags, ignores_case)
    seen = 0

    def one(match: re.Match[str]) -> str:
        nonlocal seen
        seen += 1
        return _mysql_replacement(match, replacement) if occurrence in (0, seen) else match[0]

    return text[: start - 1] + compiled.sub(one, text[start - 1 :])


def postgres_like(text: str, pattern: str, flags: str) -> bool:
    return postgres_pattern(pattern, flags).search(text) is not None


def mysql_like(text: str, pattern: str, flags: str, ignores_case: bool) -> bool:
    return mysql_pattern(pattern, flags, ignores_case).search(text) is not None


def postgres_substring(text: str, pattern: str) -> str | None:
    """The first group where there is one, else the match."""
    match = postgres_pattern(pattern, "").search(text)
    if match is None:
        return None
    found: str | None = match[1] if match.re.groups else match[0]
    return found


def postgres_substr(text: str, pattern: str, start: int, occurrence: int, flags: str) -> str | None:
    return _nth(postgres_pattern(pattern, flags), text, start, occurrence)


def mysql_substr(text: str, pattern: str, start: int, occurrence: int, flags: str, ignores_case: bool) -> str | None:
    return _nth(mysql_pattern(pattern, flags, ignores_case), text, start, occurrence)


def _nth(pattern: re.Pattern[str], text: str, start: int, occurrence: int) -> str | None:
    for number, match in enumerate(pattern.finditer(text, start - 1), 1):
        if number == max(occurrence, 1):
            return match[0]
    return None


def mysql_instr(text: str, pattern: str, start: int, occurrence: int, flags: str, ignores_case: bool) -> int:
    for number, match in enumerate(mysql_pattern(pattern, flags, ignores_case).finditer(text, start - 1), 1):
        if number == max(occurrence, 1):
            return match.start() + 1
    return 0
