"""The plain decoder of pgoutput's messages, protocol versions 1 to 4 without streaming of open transactions.

One message of the logical replication stream in, one frozen value out, field by field as the protocol describes it:
https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html. The hot path does not use it for
rows: `row_decoder` compiles a function for each relation version, and this is the reference that it is tested
against. Raises `errors.DecodeError` for anything unknown, cut short or too long; never skips, never does I/O.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from cdc_agent.errors import DecodeError
from cdc_agent.model.positions import Lsn
from cdc_agent.model.values import UNSENT, Row, Value

POSTGRES_EPOCH: Final = 946_684_800
"""2000-01-01 00:00 UTC in seconds since the Unix epoch: the zero of PostgreSQL's timestamps."""


@dataclass(frozen=True, slots=True)
class Begin:
    commit_lsn: Lsn
    """Where the commit record starts; the transaction's position, `Commit.end_lsn`, lies behind it."""
    commit_time: float
    """Seconds since the Unix epoch."""
    xid: int


@dataclass(frozen=True, slots=True)
class Commit:
    commit_lsn: Lsn
    end_lsn: Lsn
    commit_time: float


@dataclass(frozen=True, slots=True)
class Origin:
    commit_lsn: Lsn
    """The commit on the origin's server."""
    name: str


@dataclass(frozen=True, slots=True)
class RelationColumn:
    key: bool
    """Part of the replica identity; under REPLICA IDENTITY FULL every column is."""
    name: str
    type_oid: int
    type_modifier: int


@dataclass(frozen=True, slots=True)
class Relation:
    oid: int
    schema: str
    name: str
    identity: str
    """pg_class.relreplident: ``d`` primary key, ``i`` index, ``f`` full, ``n`` nothing."""
    columns: tuple[RelationColumn, ...]


@dataclass(frozen=True, slots=True)
class TypeName:
    oid: int
    schema: str
    name: str


@dataclass(frozen=True, slots=True)
class Insert:
    relation: int
    new: Row


@dataclass(frozen=True, slots=True)
class Update:
    relation: int
    mark: str
    """What `old` is: ``K`` the old key, ``O`` the old row, ``''`` nothing was sent."""
    old: Row | None
    new: Row


@dataclass(frozen=True, slots=True)
class Delete:
    relation: int
    mark: str
    old: Row


@dataclass(frozen=True, slots=True)
class TruncateRelations:
    relations: tuple[int, ...]
    cascade: bool
    restart_identity: bool


@dataclass(frozen=True, slots=True)
class LogicalMessage:
    """What `pg_logical_emit_message` wrote."""

    transactional: bool
    lsn: Lsn
    prefix: str
    content: bytes


Message: TypeAlias = (
    "Begin | Commit | Origin | Relation | TypeName | Insert | Update | Delete | TruncateRelations | LogicalMessage"
)


def parse(message: bytes) -> Message:
    """Decode one message. Rows come as they were sent: nulls in an old key's other columns included."""
    fields = _Fields(message)
    read = _READERS.get(fields.letter())
    if read is None:
        raise DecodeError(f"pgoutput message {message[:1]!r} is not known")
    decoded = read(fields)
    fields.end()
    return decoded


class _Fields:
    """The fields of one message in their order, each bounds-checked."""

    def __init__(self, message: bytes) -> None:
        self._message = message
        self._at = 0

    def take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._message):
            raise DecodeError(f"pgoutput message {self._message[:1]!r} ends too early")
        taken = self._message[self._at : end]
        self._at = end
        return taken

    def unsigned(self, size: int) -> int:
        return int.from_bytes(self.take(size))

    def signed(self, size: int) -> int:
        return int.from_bytes(self.take(size), signed=True)

    def letter(self) -> str:
        return self.take(1).decode("latin-1")

    def lsn(self) -> Lsn:
        return Lsn(self.unsigned(8))

    def time(self) -> float:
        return POSTGRES_EPOCH + self.signed(8) / 1_000_000

    def text(self) -> str:
        end = self._message.find(b"\0", self._at)
        if end < 0:
            raise DecodeError(f"pgoutput message {self._message[:1]!r} ends within a name")
        taken = self._message[self._at : end]
        self._at = end + 1
        try:
            return taken.decode()
        except UnicodeDecodeError as error:
            raise DecodeError(f"pgoutput message {self._message[:1]!r} has a name that is not UTF-8") from error

    def row(self) -> Row:
        return tuple(self._value() for _ in range(self.unsigned(2)))

    def _value(self) -> Value:
        match self.letter():
            case "t":
                return self.take(self.unsigned(4))
            case "n":
                return None
            case "u":
                return UNSENT
            case other:
                raise DecodeError(f"pgoutput sent a column as {other!r}, which was not asked for")

    def end(self) -> None:
        if self._at != len(self._message):
            raise DecodeError(f"pgoutput message {self._message[:1]!r} is longer than its fields")


def _begin(fields: _Fields) -> Begin:
    return Begin(fields.lsn(), fields.time(), fields.unsigned(4))


def _commit(fields: _Fields) -> Commit:
    if fields.unsigned(1):
        raise DecodeError("pgoutput sent a commit with flags, which no known version does")
    return Commit(fields.lsn(), fields.lsn(), fields.time())


def _origin(fields: _Fields) -> Origin:
    return Origin(fields.lsn(), fields.text())


def _relation(fields: _Fields) -> Relation:
    oid, schema, name, identity = fields.unsigned(4), fields.text(), fields.text(), fields.letter()
    if identity not in "dnfi":
        raise DecodeError(f"relation {schema}.{name} has the unknown replica identity {identity!r}")
    columns = tuple(_relation_column(fields) for _ in range(fields.unsigned(2)))
    return Relation(oid, schema or "pg_catalog", name, identity, columns)


def _relation_column(fields: _Fields) -> RelationColumn:
    return RelationColumn(
        bool(fields.unsigned(1) & 1), fields.text(), type_oid=fields.unsigned(4), type_modifier=fields.signed(4)
    )


def _type(fields: _Fields) -> TypeName:
    return TypeName(fields.unsigned(4), fields.text() or "pg_catalog", fields.text())


def _insert(fields: _Fields) -> Insert:
    relation = fields.unsigned(4)
    _expect(fields.letter(), "N")
    return Insert(relation, fields.row())


def _update(fields: _Fields) -> Update:
    relation, mark = fields.unsigned(4), fields.letter()
    if mark == "N":
        return Update(relation, "", None, fields.row())
    _expect(mark, "KO")
    old = fields.row()
    _expect(fields.letter(), "N")
    return Update(relation, mark, old, fields.row())


def _delete(fields: _Fields) -> Delete:
    relation, mark = fields.unsigned(4), fields.letter()
    _expect(mark, "KO")
    return Delete(relation, mark, fields.row())


def _expect(mark: str, known: str) -> None:
    if mark not in known:
        raise DecodeError(f"pgoutput sent a row as {mark!r} where one of {known!r} belongs")


def _truncate(fields: _Fields) -> TruncateRelations:
    count, options = fields.unsigned(4), fields.unsigned(1)
    relations = tuple(fields.unsigned(4) for _ in range(count))
    return TruncateRelations(relations, cascade=bool(options & 1), restart_identity=bool(options & 2))


def _message(fields: _Fields) -> LogicalMessage:
    flags, lsn, prefix = fields.unsigned(1), fields.lsn(), fields.text()
    return LogicalMessage(bool(flags & 1), lsn, prefix, fields.take(fields.unsigned(4)))


_READERS: Final[dict[str, Callable[[_Fields], Message]]] = {
    "B": _begin,
    "C": _commit,
    "O": _origin,
    "R": _relation,
    "Y": _type,
    "I": _insert,
    "U": _update,
    "D": _delete,
    "T": _truncate,
    "M": _message,
}
