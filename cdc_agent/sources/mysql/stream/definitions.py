"""What a schema change does to which tables: CREATE, DROP, RENAME, ALTER TABLE, and the statements for indexes.

In: the statement's tokens, behind its verb. Out: an event for each name that something happened to, as far as that
changes columns, keys, the table's being, or rows without a trace: an index that keeps nothing unique, statistics,
defaults and comments do not. Names are the statement's, wanted by a route or not. Never says what follows from it.

https://dev.mysql.com/doc/refman/8.4/en/alter-table.html, https://mariadb.com/kb/en/alter-table/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from cdc_agent.model.changes import Alteration, EventKind, TableEvent, TableName
from cdc_agent.sources.mysql.stream.key_clauses import added
from cdc_agent.sources.mysql.stream.tokens import Token, Tokens

_EXISTENCE: Final = ("IF", "NOT", "EXISTS")
_KEEPS_NOTHING: Final = {"INDEX", "KEY", "FULLTEXT", "SPATIAL", "CHECK", "PARTITION"}
_KEYS: Final = {"CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN"}


def events(verb: str, tokens: Tokens) -> tuple[TableEvent, ...]:
    """The statement's events, in the order in which they come about."""
    read = _READ.get(verb)
    return () if read is None else tuple(read(tokens))


def _created(tokens: Tokens) -> Iterator[TableEvent]:
    replaces = tokens.peek() == "OR"
    tokens.skip("OR", "REPLACE")
    what = tokens.word()
    if what == "UNIQUE":
        yield from _index(tokens, "ADD KEY")
    elif what == "TABLE":
        perhaps = tokens.peek() == "IF"
        tokens.skip(*_EXISTENCE)
        if (table := tokens.table()) is not None:
            kind = EventKind.REPLACED if replaces else EventKind.CREATED
            rest = list(tokens.rest())
            versioned = _versioned(Tokens(iter(rest), tokens.schema))
            yield TableEvent(kind, table, alterations=versioned, perhaps=perhaps, keys=added(rest, tokens.schema))


def _versioned(tokens: Tokens) -> tuple[Alteration, ...]:
    """WITH SYSTEM VERSIONING, which stands behind a table's columns."""
    while tokens.after("WITH"):
        if tokens.peek() == "SYSTEM":
            return (Alteration("ADD SYSTEM VERSIONING"),)
    return ()


def _index(tokens: Tokens, what: str) -> Iterator[TableEvent]:
    """… INDEX name … ON table."""
    if tokens.word() != "INDEX":
        return
    tokens.skip(*_EXISTENCE)
    name = tokens.name() or ""
    if tokens.after("ON") and (table := tokens.table()) is not None:
        yield TableEvent(EventKind.ALTERED, table, alterations=(Alteration(what, name),))


def _dropped(tokens: Tokens) -> Iterator[TableEvent]:
    match tokens.peek():
        case "DATABASE" | "SCHEMA":
            tokens.take()
            perhaps = tokens.peek() == "IF"
            tokens.skip(*_EXISTENCE)
            if name := tokens.name():
                yield TableEvent(EventKind.DROPPED, (name, ""), perhaps=perhaps)
        case "TABLE" | "TABLES":
            tokens.take()
            perhaps = tokens.peek() == "IF"
            tokens.skip(*_EXISTENCE)
            yield from (TableEvent(EventKind.DROPPED, table, perhaps=perhaps) for table in tokens.tables())
        case "INDEX":
            yield from _index(tokens, "DROP KEY")


def _renamed(tokens: Tokens) -> Iterator[TableEvent]:
    if tokens.word() in ("TABLE", "TABLES"):
        tokens.skip(*_EXISTENCE)
        yield from renamings(_pairs(tokens))


def _pairs(tokens: Tokens) -> Iterator[tuple[TableName, TableName]]:
    while (old := tokens.table()) is not None and tokens.after("TO") and (new := tokens.table()) is not None:
        yield old, new
        if not tokens.after(","):
            return


def renamings(pairs: Iterable[tuple[TableName, TableName]]) -> Iterator[TableEvent]:
    """What renamings, one after the other and together, do to each name: a swap is one statement of several."""
    before: dict[TableName, TableName] = {}
    """A table's name now → its name before the statement."""
    for old, new in pairs:
        before[new] = before.pop(old, old)
    left = set(before.values())
    for old in sorted(left - before.keys()):
        new = next(name for name, former in before.items() if former == old)
        yield TableEvent(EventKind.RENAMED, old, new)
    for new, old in before.items():
        if new != old:
            yield TableEvent(EventKind.REPLACED if new in left else EventKind.CREATED, new, old)


# --- ALTER TABLE ---------------------------------------------------------------------------------------------------


def _altered(tokens: Tokens) -> Iterator[TableEvent]:
    tokens.skip("ONLINE", "OFFLINE", "IGNORE")
    if tokens.word() != "TABLE":
        return
    tokens.skip(*_EXISTENCE)
    table = tokens.table()
    if table is None:
        return
    if tokens.peek() == "WAIT":
        tokens.take()
        tokens.take()
    tokens.skip("NOWAIT")
    alterations: list[Alteration] = []
    others: list[TableEvent] = []
    rest = list(tokens.rest())
    for clause in _clauses(rest):
        for one in _clause(clause, table, tokens.schema):
            if isinstance(one, Alteration):
                alterations.append(one)
            else:
                others.append(one)
    if alterations:
        keys = added(rest, tokens.schema)
        yield TableEvent(EventKind.ALTERED, table, alterations=tuple(alterations), keys=keys)
    yield from others


def _clauses(tokens: Iterable[Token]) -> Iterator[list[Token]]:
    """The tokens between commas that stand in no parentheses."""
    depth = 0
    clause: list[Token] = []
    for token in tokens:
        depth += (token.text == "(") - (token.text == ")") if token.kind == "mark" else 0
        if depth == 0 and token.kind == "mark" and token.text == ",":
            yield clause
            clause = []
        else:
            clause.append(token)
    yield clause


def _clause(clause: Sequence[Token], table: TableName, schema: str) -> Iterator[Alteration | TableEvent]:
    tokens = Tokens(iter(clause), schema)
    match tokens.word():
        case "ADD":
            yield from _add(tokens, clause)
        case "DROP":
            yield from _drop(tokens, clause, table)
        case "CHANGE":
            yield from _column(tokens, "CHANGE COLUMN", renames=True)
        case "MODIFY":
            yield from _column(tokens, "MODIFY COLUMN")
        case "RENAME":
            yield from _rename(tokens, table)
        case "CONVERT":
            yield from _convert(tokens, table)
        case "EXCHANGE" if tokens.after("TABLE"):
            yield from _exchanged(table, tokens.table())
        case "TRUNCATE":
            yield TableEvent(EventKind.EMPTIED, table)
        case "DISCARD":
            yield TableEvent(EventKind.EMPTIED, table)
        case "IMPORT":
            yield TableEvent(EventKind.EXCHANGED, table)


def _exchanged(table: TableName, other: TableName | None) -> Iterator[TableEvent]:
    yield TableEvent(EventKind.EXCHANGED, table, other)
    if other is not None:
        yield TableEvent(EventKind.EXCHANGED, other, table)


def _add(tokens: Tokens, clause: Sequence[Token]) -> Iterator[Alteration]:
    name = ""
    if tokens.peek() == "CONSTRAINT":
        tokens.take()
        tokens.skip(*_EXISTENCE)
        if tokens.peek() not in ("PRIMARY", "UNIQUE", "FOREIGN", "CHECK"):
            name = tokens.name() or ""
    match tokens.peek():
        case "PRIMARY":
            yield Alteration("ADD PRIMARY KEY")
        case "UNIQUE":
            tokens.skip("UNIQUE", "INDEX", "KEY", *_EXISTENCE)
            yield Alteration("ADD KEY", tokens.name() or name if tokens.peek() != "USING" else name)
        case "FOREIGN":
            tokens.skip("FOREIGN", "KEY", *_EXISTENCE)
            yield Alteration("ADD FOREIGN KEY", name or tokens.name() or "")
        case "SYSTEM" if _second(clause) == "VERSIONING":
            yield Alteration("ADD SYSTEM VERSIONING")
        case "PERIOD" if _second(clause) == "FOR":
            pass
        case "VECTOR" if _second(clause) in ("INDEX", "KEY", "("):
            pass
        case word if word in _KEEPS_NOTHING:
            pass
        case "(":
            yield from _columns(clause[2:])
        case _:
            tokens.skip("COLUMN", *_EXISTENCE)
            yield from _columns(clause[_place(clause, "(") + 1 :]) if tokens.peek() == "(" else _named(tokens)


def _second(clause: Sequence[Token]) -> str:
    """The word behind ADD or DROP and the one that follows it."""
    return clause[2].word if len(clause) > 2 else ""


def _place(clause: Sequence[Token], mark: str) -> int:
    return next(place for place, token in enumerate(clause) if token.word == mark)


def _columns(inside: Sequence[Token]) -> Iterator[Alteration]:
    """ADD COLUMN (a …, b …), from behind the first parenthesis on; keys may stand among them."""
    for clause in _clauses(inside):
        if clause and clause[0].word not in _KEEPS_NOTHING | _KEYS:
            yield from _named(Tokens(iter(clause), ""))
        elif clause:
            yield from _add(Tokens(iter(clause), ""), clause)


def _named(tokens: Tokens) -> Iterator[Alteration]:
    if name := tokens.name():
        yield Alteration("ADD COLUMN", name)


def _drop(tokens: Tokens, clause: Sequence[Token], table: TableName) -> Iterator[Alteration | TableEvent]:
    match tokens.peek():
        case "PARTITION":
            yield TableEvent(EventKind.EMPTIED, table)
        case "PRIMARY":
            yield Alteration("DROP PRIMARY KEY")
        case "FOREIGN":
            tokens.skip("FOREIGN", "KEY", *_EXISTENCE)
            yield Alteration("DROP FOREIGN KEY", tokens.name() or "")
        case "INDEX" | "KEY":
            tokens.take()
            tokens.skip(*_EXISTENCE)
            yield Alteration("DROP KEY", tokens.name() or "")
        case "CONSTRAINT":
            tokens.take()
            tokens.skip(*_EXISTENCE)
            yield Alteration("DROP CONSTRAINT", tokens.name() or "")
        case "SYSTEM" if _second(clause) == "VERSIONING":
            yield Alteration("DROP SYSTEM VERSIONING")
        case "PERIOD" if _second(clause) == "FOR":
            pass
        case "CHECK":
            pass
        case _:
            yield from _column(tokens, "DROP COLUMN")


def _column(tokens: Tokens, what: str, *, renames: bool = False) -> Iterator[Alteration]:
    tokens.skip("COLUMN", *_EXISTENCE)
    name = tokens.name() or ""
    new = tokens.name() or "" if renames else ""
    if new.lower() == name.lower() and renames:
        what, new = "MODIFY COLUMN", ""
    yield Alteration(what, name, new)


def _rename(tokens: Tokens, table: TableName) -> Iterator[Alteration | TableEvent]:
    match tokens.peek():
        case "INDEX" | "KEY":
            pass
        case "COLUMN":
            tokens.take()
            tokens.skip(*_EXISTENCE)
            old = tokens.name() or ""
            tokens.skip("TO")
            yield Alteration("RENAME COLUMN", old, tokens.name() or "")
        case _:
            tokens.skip("TO", "AS", "=")
            if (new := tokens.table()) is not None:
                yield from renamings([(table, new)])


def _convert(tokens: Tokens, table: TableName) -> Iterator[Alteration | TableEvent]:
    """TO CHARACTER SET; in MariaDB also a partition to a table, and a table to a partition."""
    match tokens.word():
        case "TO":
            tokens.skip("CHARACTER", "SET", "CHARSET")
            yield Alteration("CONVERT TO CHARACTER SET", tokens.name() or "")
        case "PARTITION" if tokens.after("TABLE"):
            yield from _exchanged(table, tokens.table())
        case "TABLE":
            yield from _exchanged(table, tokens.table())


_READ: Final[dict[str, Callable[[Tokens], Iterator[TableEvent]]]] = {
    "CREATE": _created,
    "DROP": _dropped,
    "RENAME": _renamed,
    "ALTER": _altered,
}
