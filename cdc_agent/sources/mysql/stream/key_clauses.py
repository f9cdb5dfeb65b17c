"""The foreign keys that CREATE TABLE and ALTER TABLE give a table, out of the statement's tokens.

Out: the keys, without a name where the server makes one up; None where the statement alone does not tell them: a
reference that stands at its column counts in some versions only, so does an index's name, and columns that are left out
are those of the parent's primary key.

https://dev.mysql.com/doc/refman/8.4/en/create-table-foreign-keys.html, https://mariadb.com/kb/en/foreign-keys/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from cdc_agent.model.tables import ForeignKey
from cdc_agent.sources.mysql.stream.tokens import Token, Tokens

_EXISTENCE: Final = ("IF", "NOT", "EXISTS")


class _UntoldError(Exception):
    """The statement does not say all of a key."""


def added(statement: Sequence[Token], schema: str) -> tuple[ForeignKey, ...] | None:
    """The keys of a statement; `schema` is the one that names without a schema are in."""
    try:
        found = tuple(_keys(statement, schema))
    except _UntoldError:
        return None
    references = sum(token.word == "REFERENCES" for token in statement)
    return found if references == len(found) else None


def _keys(statement: Sequence[Token], schema: str) -> Iterator[ForeignKey]:
    for place, token in enumerate(statement[:-1]):
        before = statement[place - 1].word if place else ""
        if token.word == "FOREIGN" and statement[place + 1].word == "KEY" and before != "DROP":
            yield _key(Tokens(iter(statement[place + 2 :]), schema), _name(statement[max(0, place - 5) : place]))


def _name(before: Sequence[Token]) -> str:
    """The name behind CONSTRAINT, of the tokens in front of FOREIGN KEY."""
    if len(before) < 2 or before[-1].word == "CONSTRAINT":
        return ""
    rest = [token for token in before[:-1] if token.word not in _EXISTENCE]
    return Tokens(iter(before[-1:]), "").name() or "" if rest and rest[-1].word == "CONSTRAINT" else ""


def _key(tokens: Tokens, name: str) -> ForeignKey:
    tokens.skip(*_EXISTENCE)
    if tokens.peek() != "(" and (tokens.name() is None or not name):
        raise _UntoldError
    columns = _columns(tokens)
    parent = tokens.table() if tokens.word() == "REFERENCES" else None
    if parent is None:
        raise _UntoldError
    referenced = _columns(tokens)
    actions = {"DELETE": "NO ACTION", "UPDATE": "NO ACTION"}
    while tokens.peek() in ("MATCH", "ON"):
        if tokens.word() == "MATCH":
            tokens.take()
        else:
            event = tokens.word()
            actions[event] = _action(tokens)
    return ForeignKey(name, columns, parent, referenced, actions["DELETE"], actions["UPDATE"])


def _action(tokens: Tokens) -> str:
    word = tokens.word()
    return f"{word} {tokens.word()}" if word in ("SET", "NO") else word


def _columns(tokens: Tokens) -> tuple[str, ...]:
    """(a, b(10) ASC, …): the names."""
    if tokens.word() != "(":
        raise _UntoldError
    names: list[str] = []
    while (name := tokens.name()) is not None:
        names.append(name)
        if tokens.peek() == "(":
            tokens.after(")")
        tokens.skip("ASC", "DESC")
        if tokens.word() != ",":
            break
    if not names:
        raise _UntoldError
    return tuple(names)
