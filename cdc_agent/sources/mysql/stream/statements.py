"""Says what a statement in the log means for replication.

In: the text of a QUERY event, which with row logging holds transaction control, XA, TRUNCATE and schema changes. Out:
one of the small classes below. Row changes that were logged as statements are named with the tables that they write,
so that the stream can stop at them; they are never executed or translated.

Tables are found from tokens where the grammar names them at the start, and by sqlglot in UPDATE and DELETE; what a
schema change does is told by `definitions`. Nothing
here does I/O.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from cdc_agent.model.changes import TableEvent, TableName
from cdc_agent.sources.mysql.events.identities import Xid
from cdc_agent.sources.mysql.stream.definitions import events
from cdc_agent.sources.mysql.stream.tokens import Token, Tokens, tokenize

ANSI_QUOTES: Final = 4
"""The bit of sql_mode under which double quotes name identifiers."""


@dataclass(frozen=True, slots=True)
class Control:
    """BEGIN, COMMIT, ROLLBACK, SAVEPOINT, ROLLBACK TO (with the savepoint's name in lower case)."""

    verb: str
    savepoint: str = ""


@dataclass(frozen=True, slots=True)
class Xa:
    """XA START, END, COMMIT or ROLLBACK of a branch."""

    verb: str
    xid: Xid


@dataclass(frozen=True, slots=True)
class Truncation:
    table: TableName


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """A statement that moves no rows through the log, and what it does to which tables."""

    events: tuple[TableEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class RowStatement:
    """Row changes logged as a statement; `tables` is None when it cannot be said which tables they touch."""

    verb: str
    tables: tuple[TableName, ...] | None


Statement: TypeAlias = "Control | Xa | Truncation | SchemaChange | RowStatement"

_WRITING: Final = {"INSERT", "REPLACE", "LOAD", "UPDATE", "DELETE", "WITH"}
_UNKNOWN: Final = {"SELECT", "DO", "CALL", "(", "VALUES", "TABLE", "EXECUTE", "HANDLER", "MERGE"}
_LEADING: Final = {"LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE", "INTO", "CONCURRENT", "LOCAL"}
_MODIFIERS: Final = {"LOW_PRIORITY", "QUICK", "IGNORE"}
_XA: Final = re.compile(
    r"\s*XA\s+(START|BEGIN|END|COMMIT|ROLLBACK|PREPARE)\s+"
    r"(?:X'([0-9a-f]*)'|0x([0-9a-f]+))\s*,\s*(?:X'([0-9a-f]*)'|0x([0-9a-f]*))\s*,\s*(-?\d+)",
    re.IGNORECASE,
)


def read(text: str, schema: str, sql_mode: int = 0) -> Statement:
    """What the statement is; `schema` is the one that names without a schema are in."""
    tokens = _opened(text, schema, sql_mode)
    verb = tokens.word()
    if verb in ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "START", "RELEASE"):
        return _control(verb, tokens)
    if verb == "XA":
        return _xa(text)
    if verb == "TRUNCATE":
        tokens.skip("TABLE")
        table = tokens.table()
        return RowStatement(verb, None) if table is None else Truncation(table)
    if verb in _WRITING:
        return RowStatement(verb, _written(verb, tokens, text, sql_mode))
    if verb in _UNKNOWN:
        return RowStatement(verb, None)
    if verb == "CREATE" and (table := _selected_into(_opened(text, schema, sql_mode))):
        return RowStatement("CREATE TABLE … SELECT", (table,))
    return SchemaChange(events(verb, tokens))


def _opened(text: str, schema: str, sql_mode: int) -> Tokens:
    return Tokens(tokenize(text, bool(sql_mode & ANSI_QUOTES)), schema)


def _control(verb: str, tokens: Tokens) -> Statement:
    if verb == "START" and tokens.peek() != "TRANSACTION":
        return SchemaChange()
    if verb == "RELEASE":
        return SchemaChange()
    if verb == "SAVEPOINT":
        return Control(verb, (tokens.name() or "").lower())
    if verb == "ROLLBACK":
        tokens.skip("WORK")
        if tokens.peek() == "TO":
            tokens.skip("TO", "SAVEPOINT")
            return Control("ROLLBACK TO", (tokens.name() or "").lower())
    return Control("BEGIN" if verb == "START" else verb)


def _xa(text: str) -> Statement:
    match = _XA.match(text)
    if match is None:
        return RowStatement("XA", None)
    gtrid, bqual = (bytes.fromhex(match[a] or match[b] or "") for a, b in ((2, 3), (4, 5)))
    verb = match[1].upper()
    return Xa("START" if verb == "BEGIN" else verb, Xid(gtrid, bqual, int(match[6])))


# --- row changes in statements -------------------------------------------------------------------------------------


def _written(verb: str, tokens: Tokens, text: str, sql_mode: int) -> tuple[TableName, ...] | None:
    if verb == "LOAD":
        if not (tokens.after("INTO") and tokens.word() == "TABLE"):
            return None
    elif verb in ("INSERT", "REPLACE"):
        tokens.skip(*_LEADING)
    else:
        return _parsed_tables(text, tokens, sql_mode)
    table = tokens.table()
    return None if table is None else (table,)


def _parsed_tables(text: str, tokens: Tokens, sql_mode: int) -> tuple[TableName, ...] | None:
    """Every table that an UPDATE, a DELETE or a WITH mentions: any of them may be the one that is written."""
    plain = " ".join(_without_modifiers(tokenize(text, bool(sql_mode & ANSI_QUOTES))))
    try:
        tree = sqlglot.parse_one(plain, dialect="mysql")
    except SqlglotError:
        return None
    if not isinstance(tree, exp.Update | exp.Delete | exp.Insert):
        return None
    found = {(table.db or tokens.schema, table.name) for table in tree.find_all(exp.Table) if table.name}
    return tuple(sorted(found)) or None


def _without_modifiers(tokens: Iterator[Token]) -> Iterator[str]:
    """The texts without what stands between UPDATE or DELETE and its tables, which would pass for a table there."""
    verb = False
    for token in tokens:
        if verb and token.word in _MODIFIERS:
            continue
        verb = token.word in ("UPDATE", "DELETE")
        yield token.text


def _selected_into(tokens: Tokens) -> TableName | None:
    """The table of CREATE TABLE … SELECT, which writes rows when it is logged as it was sent."""
    tokens.take()
    tokens.skip("OR", "REPLACE")
    if tokens.word() != "TABLE":
        return None
    tokens.skip("IF", "NOT", "EXISTS")
    table = tokens.table()
    return table if table is not None and tokens.after("SELECT") else None
