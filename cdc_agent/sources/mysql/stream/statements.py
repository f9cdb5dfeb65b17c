"""Says what a statement in the log means for replication.

In: the text of a QUERY event, which with row logging holds transaction control, XA, TRUNCATE and schema changes. Out:
one of the small classes below. Row changes that were logged as statements are named with the tables that they write,
so that the stream can stop at them; they are never executed or translated.

Tables are found from tokens where the grammar names them at the start, and by sqlglot in UPDATE and DELETE. Nothing
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

from cdc_agent.model.changes import TableName
from cdc_agent.sources.mysql.events.identities import Xid

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

    events: tuple[tuple[str, TableName], ...] = ()


@dataclass(frozen=True, slots=True)
class RowStatement:
    """Row changes logged as a statement; `tables` is None when it cannot be said which tables they touch."""

    verb: str
    tables: tuple[TableName, ...] | None


Statement: TypeAlias = "Control | Xa | Truncation | SchemaChange | RowStatement"

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

_WRITING: Final = {"INSERT", "REPLACE", "LOAD", "UPDATE", "DELETE", "WITH"}
_UNKNOWN: Final = {"SELECT", "DO", "CALL", "(", "VALUES", "TABLE", "EXECUTE", "HANDLER", "MERGE"}
_LEADING: Final = {"LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE", "INTO", "CONCURRENT", "LOCAL"}
_MODIFIERS: Final = {"LOW_PRIORITY", "QUICK", "IGNORE"}
_XA: Final = re.compile(
    r"\s*XA\s+(START|BEGIN|END|COMMIT|ROLLBACK|PREPARE)\s+"
    r"(?:X'([0-9a-f]*)'|0x([0-9a-f]+))\s*,\s*(?:X'([0-9a-f]*)'|0x([0-9a-f]*))\s*,\s*(-?\d+)",
    re.IGNORECASE,
)
_PARTITION_EVENTS: Final = {"TRUNCATE", "DROP", "EXCHANGE"}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str

    @property
    def word(self) -> str:
        """The token as a keyword or mark; '' for what is quoted."""
        return self.text.upper() if self.kind in ("word", "mark") else ""


def read(text: str, schema: str, sql_mode: int = 0) -> Statement:
    """What the statement is; `schema` is the one that names without a schema are in."""
    tokens = _Tokens(_tokens(text, bool(sql_mode & ANSI_QUOTES)), schema)
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
    return _schema_change(verb, tokens)


class _Tokens:
    """Walks once over a statement's tokens."""

    def __init__(self, tokens: Iterator[_Token], schema: str) -> None:
        self._tokens = tokens
        self._schema = schema
        self._next = next(tokens, None)

    def peek(self) -> str:
        return self._next.word if self._next else ""

    def word(self) -> str:
        token = self.take()
        return token.word if token else ""

    def take(self) -> _Token | None:
        token, self._next = self._next, next(self._tokens, None)
        return token

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
            return (self._schema, first)
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


def _tokens(text: str, ansi_quotes: bool) -> Iterator[_Token]:
    """Tokens without spaces and comments; what stands in executable comments counts."""
    for match in _TOKEN.finditer(text):
        kind, token = str(match.lastgroup), match[0]
        if kind == "space":
            continue
        if kind == "double" and ansi_quotes:
            inner = token[1:-1].replace('""', '"').replace("`", "``")
            yield _Token("name", f"`{inner}`")
        else:
            yield _Token("string" if kind == "double" else kind, token)


def _control(verb: str, tokens: _Tokens) -> Statement:
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


def _written(verb: str, tokens: _Tokens, text: str, sql_mode: int) -> tuple[TableName, ...] | None:
    if verb == "LOAD":
        if not (tokens.after("INTO") and tokens.word() == "TABLE"):
            return None
    elif verb in ("INSERT", "REPLACE"):
        tokens.skip(*_LEADING)
    else:
        return _parsed_tables(text, tokens, sql_mode)
    table = tokens.table()
    return None if table is None else (table,)


def _parsed_tables(text: str, tokens: _Tokens, sql_mode: int) -> tuple[TableName, ...] | None:
    """Every table that an UPDATE, a DELETE or a WITH mentions: any of them may be the one that is written."""
    plain = " ".join(_without_modifiers(_tokens(text, bool(sql_mode & ANSI_QUOTES))))
    try:
        tree = sqlglot.parse_one(plain, dialect="mysql")
    except SqlglotError:
        return None
    if not isinstance(tree, exp.Update | exp.Delete | exp.Insert):
        return None
    found = {(table.db or tokens._schema, table.name) for table in tree.find_all(exp.Table) if table.name}
    return tuple(sorted(found)) or None


def _without_modifiers(tokens: Iterator[_Token]) -> Iterator[str]:
    """The texts without what stands between UPDATE or DELETE and its tables, which would pass for a table there."""
    verb = False
    for token in tokens:
        if verb and token.word in _MODIFIERS:
            continue
        verb = token.word in ("UPDATE", "DELETE")
        yield token.text


# --- schema changes ------------------------------------------------------------------------------------------------


def _schema_change(verb: str, tokens: _Tokens) -> Statement:
    if verb == "CREATE":
        return _create(tokens)
    if verb == "DROP":
        return SchemaChange(tuple(_dropped(tokens)))
    if verb == "RENAME":
        return SchemaChange(tuple(_renamed(tokens)))
    if verb == "ALTER":
        return SchemaChange(tuple(_altered(tokens)))
    return SchemaChange()


def _create(tokens: _Tokens) -> Statement:
    """CREATE TABLE … SELECT writes rows when it is logged as it was sent."""
    tokens.skip("OR", "REPLACE")
    if tokens.word() != "TABLE":
        return SchemaChange()
    tokens.skip("IF", "NOT", "EXISTS")
    table = tokens.table()
    if table is not None and tokens.after("SELECT"):
        return RowStatement("CREATE TABLE … SELECT", (table,))
    return SchemaChange()


def _dropped(tokens: _Tokens) -> Iterator[tuple[str, TableName]]:
    if tokens.peek() in ("DATABASE", "SCHEMA"):
        tokens.take()
        tokens.skip("IF", "EXISTS")
        yield from (("database_dropped", (name, "")) for name in [tokens.name()] if name)
    elif tokens.word() in ("TABLE", "TABLES"):
        tokens.skip("IF", "EXISTS")
        yield from (("table_dropped", table) for table in tokens.tables())


def _renamed(tokens: _Tokens) -> Iterator[tuple[str, TableName]]:
    if tokens.word() not in ("TABLE", "TABLES"):
        return
    tokens.skip("IF", "EXISTS")
    while (table := tokens.table()) is not None:
        yield "table_renamed", table
        if not tokens.after("TO"):
            return
        new = tokens.table()
        if new is not None:
            yield "table_renamed", new
        if not tokens.after(","):
            return


def _altered(tokens: _Tokens) -> Iterator[tuple[str, TableName]]:
    tokens.skip("ONLINE", "OFFLINE", "IGNORE")
    if tokens.word() != "TABLE":
        return
    tokens.skip("IF", "EXISTS")
    table = tokens.table()
    if table is None:
        return
    previous = ""
    event = "table_altered"
    while (token := tokens.take()) is not None:
        if token.word == "PARTITION" and previous in _PARTITION_EVENTS:
            event = "partition_emptied"
        previous = token.word
    yield event, table
