"""The tokens of a statement in the log: names, words, strings and marks, without spaces and comments.

In: a statement's text. Out: its tokens, walked over once. What stands in executable comments counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cdc_agent.model.changes import TableName

_TOKEN: Final = re.compile(
    r"""
      (?P<space>\s+ | --(?=\s|$)[^\n]* | \#[^\n]* | /\*(?!!|M!).*?(?:\*/|$) | /\*M?!\d* | \*/)
    | (?P<name>`(?:[^`]|``)*`)
    | (?P<double>"(?:[^"\\]|\\.|"")*")
    | (?P<string>'(?:[^'\\]|\\.|'')*')
    | (?P<word>[\w$]+)
    | (?P<mark>.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str

    @property
    def word(self) -> str:
        """The token as a keyword or mark; '' for what is quoted."""
        return self.text.upper() if self.kind in ("word", "mark") else ""


class Tokens:
    """Walks once over a statement's tokens."""

    def __init__(self, tokens: Iterator[Token], schema: str) -> None:
        self._tokens = tokens
        self.schema = schema
        """The one that names without a schema are in."""
        self._next = next(tokens, None)

    def peek(self) -> str:
        return self._next.word if self._next else ""

    def word(self) -> str:
        token = self.take()
        return token.word if token else ""

    def take(self) -> Token | None:
        token, self._next = self._next, next(self._tokens, None)
        return token

    def rest(self) -> Iterator[Token]:
        """All that is left, one after the other."""
        while (token := self.take()) is not None:
            yield token

    def skip(self, *words: str) -> None:
        while self.peek() in words:
            self.take()

    def after(self, *words: str) -> bool:
        """Move behind the first of these words; False when there is none."""
        while self._next is not None:
            if self.word() in words:
                return True
        return False

    def name(self) -> str | None:
        if self._next is None or self._next.kind not in ("name", "word"):
            return None
        token = self.take()
        assert token is not None
        return token.text[1:-1].replace("``", "`") if token.kind == "name" else token.text

    def table(self) -> TableName | None:
        """A table's name, with its schema or in the default one."""
        first = self.name()
        if first is None:
            return None
        if self.peek() != ".":
            return (self.schema, first)
        self.take()
        second = self.name()
        return None if second is None else (first, second)

    def tables(self) -> Iterator[TableName]:
        """Names separated by commas."""
        while (table := self.table()) is not None:
            yield table
            if self.peek() != ",":
                return
            self.take()


def tokenize(text: str, ansi_quotes: bool) -> Iterator[Token]:
    """Tokens without spaces and comments; what stands in executable comments counts."""
    for match in _TOKEN.finditer(text):
        kind, token = str(match.lastgroup), match[0]
        if kind == "space":
            continue
        if kind == "double" and ansi_quotes:
            inner = token[1:-1].replace('""', '"').replace("`", "``")
            yield Token("name", f"`{inner}`")
        else:
            yield Token("string" if kind == "double" else kind, token)
