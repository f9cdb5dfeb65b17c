"""PostgreSQL itself reads back what the encoders wrote, whatever the text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdc_agent.targets.postgres.encoding import array_text, copy_text
from tests.support.servers import Server

SPECIAL = st.sampled_from([*"\t\n\r\\\"'{},N ", "\\N", "NULL", "\\.", "\\x", "é", "😀", "\x01", "\x7f"])
TEXT = st.lists(SPECIAL | st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8).map("".join)
VALUE = st.none() | TEXT.map(str.encode)
ROWS = st.integers(1, 4).flatmap(lambda width: st.lists(st.tuples(*[VALUE] * width), max_size=20))


@pytest.fixture(scope="module")
def connection(request: pytest.FixtureRequest) -> Iterator[psycopg.Connection[Any]]:
    """One connection for all examples, which leave nothing behind but rows that the next one truncates."""
    from tests.support import servers

    server: Server = servers.server(servers.selection().of("postgres")[-1])
    database = server.create_database("copy")
    with database.connect() as opened:
        columns = "n int GENERATED ALWAYS AS IDENTITY, a text, b text, c text, d text"
        opened.execute(f"CREATE TEMPORARY TABLE copied ({columns})".encode())
        yield opened
    database.drop()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_copy_reads_what_was_encoded(connection: psycopg.Connection[Any], rows: list[tuple[bytes | None, ...]]) -> None:
    """COPY gives back every value of every row, in order."""
    width = len(rows[0]) if rows else 1
    columns = ", ".join("abcd"[:width])
    connection.execute("TRUNCATE copied")
    with connection.cursor().copy(f"COPY copied ({columns}) FROM STDIN".encode()) as copy:
        copy.write(copy_text(rows))
    found = connection.execute(f"SELECT {columns} FROM copied ORDER BY n".encode()).fetchall()
    assert [tuple(None if v is None else v.encode() for v in row) for row in found] == rows


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(VALUE, max_size=20))
def test_an_array_holds_what_was_encoded(connection: psycopg.Connection[Any], values: list[bytes | None]) -> None:
    """An array literal gives back every element, NULL told from its word."""
    (found,) = connection.execute("SELECT %s::text[]", (array_text(values).decode(),)).fetchone() or ((),)
    assert [None if value is None else value.encode() for value in found] == values
