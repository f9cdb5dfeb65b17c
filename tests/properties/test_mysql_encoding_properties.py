"""The generated encoders against their plain reference, and both against a real server's reading of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdc_agent.config.model import Database as DatabaseSettings
from cdc_agent.engines.mysql.connection import Session, connect
from cdc_agent.model.values import Kind, Type
from cdc_agent.targets.mysql.encoding import LOAD_FORMAT, literal, load_cell, load_column, load_encoder, tuple_encoder
from tests.support.servers import Server

_texts = st.text(st.characters(codec="utf-8"), max_size=40).map(str.encode) | st.text(
    "\\\t\n\r\0'\"Nn%`;-", max_size=8
).map(str.encode)
_bytes = st.binary(max_size=20).map(lambda raw: b"\\x" + raw.hex().encode())
VALUES = {
    Kind.TEXT: _texts,
    Kind.INTEGER: st.integers(-(2**63), 2**63 - 1).map(lambda n: b"%d" % n),
    Kind.BYTES: _bytes,
    Kind.BOOL: st.sampled_from([b"t", b"f"]),
    Kind.BIT: st.integers(0, 2**9 - 1).map(lambda n: f"{n:09b}".encode()),
    Kind.YEAR: st.sampled_from([b"0", b"1901", b"2155"]),
    Kind.FLOAT: st.floats(allow_nan=False, allow_infinity=False).map(lambda x: repr(x).encode()),
    Kind.INSTANT: st.datetimes().map(lambda d: d.isoformat(" ").encode() + b"+00"),
    Kind.JSON: _texts,
    Kind.OTHER: _texts,
}


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[Type], list[tuple[bytes | None, ...]]]:
    kinds = draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=6))
    row = st.tuples(*(st.none() | VALUES[kind] for kind in kinds))
    return [Type(kind, "any") for kind in kinds], draw(st.lists(row, max_size=5))


@given(tables())
def test_generated_encoders_equal_the_reference(table: tuple[list[Type], list[tuple[bytes | None, ...]]]) -> None:
    """Whatever the columns and values, the generated functions write what the plain ones do."""
    types, rows = table
    fields = [b"\t".join(load_cell(t, v) for t, v in zip(types, row, strict=True)) for row in rows]
    assert load_encoder(types)(rows) == b"".join(field + b"\n" for field in fields)
    tuples = [b"(" + b",".join(literal(t, v) for t, v in zip(types, row, strict=True)) + b")" for row in rows]
    assert tuple_encoder(types)(rows) == tuples


TYPES = [
    Type(Kind.TEXT, "longtext"),
    Type(Kind.INTEGER, "bigint", precision=64),
    Type(Kind.BYTES, "blob"),
    Type(Kind.BIT, "bit(9)", length=9),
    Type(Kind.YEAR, "year"),
    Type(Kind.FLOAT, "double", precision=64),
]
_READ_BACK = (
    "SELECT HEX(CONVERT(c0 USING utf8mb4)), CAST(c1 AS CHAR), HEX(c2), c3 + 0, CAST(c4 AS CHAR), c5 FROM t ORDER BY n"
)


@pytest.fixture(scope="module")
def sessions() -> Iterator[dict[Server, Session]]:
    found: dict[Server, Session] = {}
    yield found
    for session in found.values():
        session.close()


def _session(server: Server, sessions: dict[Server, Session]) -> Session:
    if id(server) not in sessions:
        server.run("SET GLOBAL local_infile = 1")
        session = connect(
            DatabaseSettings(url=server.url(database="mysql")), purpose="test", local_infile=True, autocommit=True
        )
        columns = ", ".join(f"c{i} {t.native}" for i, t in enumerate(TYPES))
        server.run("CREATE DATABASE IF NOT EXISTS cdc_agent")
        session.query("USE cdc_agent")
        session.query(f"CREATE TEMPORARY TABLE t (n INT AUTO_INCREMENT PRIMARY KEY, {columns}) CHARACTER SET utf8mb4")
        sessions[id(server)] = session  # type: ignore[index]
    return sessions[id(server)]  # type: ignore[index]


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=st.lists(st.tuples(*(st.none() | VALUES[t.kind] for t in TYPES)), min_size=1, max_size=5))
def test_a_server_reads_back_what_was_written(
    any_mysql: Server, sessions: dict[Server, Session], rows: list[tuple[bytes | None, ...]]
) -> None:
    """LOAD DATA and literals both store the very values, bit for bit, and no LOAD gives a warning."""
    session = _session(any_mysql, sessions)
    columns = [load_column(t, f"c{i}", f"@v{i}") for i, t in enumerate(TYPES)]
    sets = ", ".join(assignment for _, assignment in columns if assignment)
    session.query("TRUNCATE TABLE t")
    listed = ", ".join(column for column, _ in columns)
    session.load(
        f"LOAD DATA LOCAL INFILE 'x' INTO TABLE t {LOAD_FORMAT} ({listed}) SET {sets}", load_encoder(TYPES)(rows)
    )
    assert session.warning_count == 0
    assert _read(session) == [_expected(row) for row in rows]
    session.query("TRUNCATE TABLE t")
    session.query(b"INSERT INTO t (c0, c1, c2, c3, c4, c5) VALUES " + b",".join(tuple_encoder(TYPES)(rows)))
    assert _read(session) == [_expected(row) for row in rows]


def _read(session: Session) -> list[tuple[object, ...]]:
    with session.cursor() as cursor:
        cursor.execute(_READ_BACK)
        return list(cursor.fetchall())


def _expected(row: tuple[bytes | None, ...]) -> tuple[object, ...]:
    text, integer, raw, bit, year, number = row
    return (
        None if text is None else text.hex().upper(),
        None if integer is None else integer.decode(),
        None if raw is None else raw[2:].decode().upper(),
        None if bit is None else int(bit, 2),
        None if year is None else year.decode().zfill(4),
        None if number is None else float(number),
    )
