"""The oracle calls equal what is the same in both engines, and finds every planted difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.oracle import Match, as_bool, assert_equal, differences, digest, wait_until_equal
from tests.support.servers import Database, Pairing, Server

MakeDatabase = Callable[[Server], Database]

POSTGRES = {
    "id": ("int PRIMARY KEY", "1"),
    "flag": ("boolean", "true"),
    "big": ("bigint", "9007199254740993"),
    "amount": ("numeric(20,4)", "12345678901234.5000"),
    "ratio": ("double precision", "0.1"),
    "ratio4": ("real", "16777216"),
    "name": ("varchar(40)", "'Zoë 🦆'"),
    "code": ("char(5)", "'ab'"),
    "raw": ("bytea", r"'\x00ff0a'"),
    "day": ("date", "'2024-02-29'"),
    "at": ("time(3)", "'23:59:59.5'"),
    "stamp": ("timestamp(6)", "'2024-03-10 02:30:00.120000'"),
    "moment": ("timestamptz(6)", "'2024-11-03 01:30:00-05'"),
    "span": ("interval", "'-3 days -2:00:01'"),
    "ident": ("uuid", "'6F9619FF-8B86-D011-B42D-00C04FC964FF'"),
    "doc": ("jsonb", """'{"b": 1.50, "a": [1, null, "é"]}'"""),
    "tags": ("text[]", "ARRAY['y','x']"),
    "bits": ("bit(4)", "B'0101'"),
    "nothing": ("text", "NULL"),
}
MYSQL = {
    "id": ("int PRIMARY KEY", "1"),
    "flag": ("tinyint(1)", "1"),
    "big": ("bigint", "9007199254740993"),
    "amount": ("decimal(24,6)", "12345678901234.5"),
    "ratio": ("double", "0.1"),
    "ratio4": ("float", "16777216"),
    "name": ("varchar(40)", "'Zoë 🦆'"),
    "code": ("char(5)", "'ab'"),
    "raw": ("blob", "x'00ff0a'"),
    "day": ("date", "'2024-02-29'"),
    "at": ("time(6)", "'23:59:59.5'"),
    "stamp": ("datetime(6)", "'2024-03-10 02:30:00.12'"),
    "moment": ("timestamp(6) NULL", "'2024-11-03 06:30:00'"),
    "span": ("time", "'-74:00:01'"),
    "ident": ("binary(16)", "x'6F9619FF8B86D011B42D00C04FC964FF'"),
    "doc": ("json", """'{"a":[1,null,"é"],"b":1.5}'"""),
    "tags": ("set('x','y','z')", "'x,y'"),
    "bits": ("bit(4)", "b'0101'"),
    "nothing": ("varchar(5)", "NULL"),
}


@pytest.fixture
def make() -> Iterator[MakeDatabase]:
    made: list[Database] = []

    def one_row_of_every_type(server: Server) -> Database:
        made.append(server.create_database("oracle"))
        columns = POSTGRES if server.is_postgres else MYSQL
        listed = ", ".join(f"{name} {kind}" for name, (kind, _) in columns.items())
        values = ", ".join(value for _, value in columns.values())
        zone = "" if server.is_postgres else "SET time_zone = '+00:00';"
        made[-1].run(f"CREATE TABLE everything ({listed}); {zone} INSERT INTO everything VALUES ({values})")
        return made[-1]

    yield one_row_of_every_type
    for database in made:
        database.drop()


def test_the_same_content_is_equal_in_both_engines(pairing: Pairing, make: MakeDatabase) -> None:
    """One row of every type is equal, however each engine and type spells it."""
    source, target = make(pairing.source), make(pairing.target)
    assert_equal(source, target, ["everything"])


@pytest.mark.parametrize(
    "planted",
    [
        "UPDATE everything SET big = big - 1",
        "UPDATE everything SET amount = amount + 0.0001",
        "UPDATE everything SET ratio4 = 16777200",
        "UPDATE everything SET name = 'Zoe 🦆'",
        "UPDATE everything SET name = ''",
        "UPDATE everything SET moment = '2024-11-03 07:30:00'",
        "UPDATE everything SET stamp = '2024-03-10 03:30:00.12'",
        "UPDATE everything SET nothing = ''",
        """UPDATE everything SET doc = '{"b": "1.50", "a": [1, null, "é"]}'""",
        "UPDATE everything SET day = NULL",
        "DELETE FROM everything",
        "INSERT INTO everything (id) VALUES (2)",
        "UPDATE everything SET id = 3",
    ],
)
def test_a_planted_difference_is_found(postgres: Server, mysql: Server, make: MakeDatabase, planted: str) -> None:
    """Whatever changes in one value or row of the target is named."""
    source, target = make(postgres), make(mysql)
    target.run(planted)
    with pytest.raises(AssertionError, match="everything → everything"):
        assert_equal(source, target, ["everything"])


def test_a_difference_names_row_and_column(postgres: Server, make: MakeDatabase) -> None:
    """The message shows the row, the column and both values."""
    source, target = make(postgres), make(postgres)
    target.run("UPDATE everything SET name = 'Bob'")
    [title, line] = differences(source, target, ["everything"])
    assert title == "everything → everything: different in source and target (1):"
    assert line.endswith("name is 'Bob' instead of 'Zoë 🦆'")


def test_columns_are_compared_through_a_mapping(postgres: Server, mysql: Server, make: MakeDatabase) -> None:
    """Each target column is compared with its expression over the source."""
    source, target = make(postgres), make(mysql)
    target.run("CREATE TABLE people (nr int PRIMARY KEY, label varchar(80), vip char(1))")
    target.run("INSERT INTO people VALUES (1, 'ZOË 🦆 (ab)', 'Y')")
    columns = {"nr": "id", "label": "upper(name) || ' (' || trim(code) || ')'", "vip": "flag"}
    match = Match("everything", "people", columns, where="id < 10", hints={"vip": as_bool})
    assert_equal(source, target, [match])


def test_a_table_without_a_key_is_compared_as_a_bag(any_server: Server, make: MakeDatabase) -> None:
    """Without a key the number of equal rows counts, not their order."""
    source, target = make(any_server), make(any_server)
    for database, rows in ((source, "(1), (2), (2)"), (target, "(2), (1), (2)")):
        database.run(f"CREATE TABLE bag (a int); INSERT INTO bag VALUES {rows}")
    assert_equal(source, target, ["bag"])
    assert digest(source, "bag") == digest(target, "bag")
    target.run("INSERT INTO bag VALUES (2)")
    assert differences(source, target, ["bag"]) == ["bag → bag: only in the target (1):", "    (Decimal('2'),)"]
    assert digest(source, "bag") != digest(target, "bag")


def test_waiting_ends_with_the_last_difference(postgres: Server, make: MakeDatabase) -> None:
    """When the two never become equal, the message says in what."""
    source, target = make(postgres), make(postgres)
    target.run("DELETE FROM everything")
    with pytest.raises(AssertionError, match=r"still differ after 0.1 s\neverything → everything: missing"):
        wait_until_equal(source, target, ["everything"], timeout=0.1)
