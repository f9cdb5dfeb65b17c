"""The source's foreign keys as statements of its log change them, and what is remembered of them."""

from __future__ import annotations

import pytest

from cdc_agent.mapping.keys import Keys, KeysInForce
from cdc_agent.model.changes import TableEvent
from cdc_agent.model.remembered import Remembered
from cdc_agent.model.tables import ForeignKey
from cdc_agent.sources.mysql.stream import statements
from cdc_agent.sources.mysql.stream.statements import SchemaChange

PARENT = ("app", "parent")
CHILD = ("app", "child")
KEY = ForeignKey("fk", ("p",), PARENT, ("id",), "CASCADE", "NO ACTION")
NOW = ForeignKey("now", ("p",), PARENT, ("id",), "SET NULL", "NO ACTION")


def events(text: str) -> tuple[TableEvent, ...]:
    found = statements.read(text, "app")
    assert isinstance(found, SchemaChange)
    return found.events


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "CREATE TABLE child (id int PRIMARY KEY, p int, CONSTRAINT fk FOREIGN KEY (p) REFERENCES parent (id)"
            " ON DELETE CASCADE) ENGINE=InnoDB",
            [KEY],
        ),
        ("ALTER TABLE `child` ADD CONSTRAINT `fk` FOREIGN KEY (`p`) REFERENCES `app`.`parent`(`id`) ON DELETE cascade", [KEY]),
        (
            "ALTER TABLE child ADD x int, ADD FOREIGN KEY (p, x) REFERENCES other.t (a, b) MATCH FULL ON UPDATE SET NULL"
            " ON DELETE NO ACTION, DROP FOREIGN KEY old",
            [ForeignKey("", ("p", "x"), ("other", "t"), ("a", "b"), "NO ACTION", "SET NULL")],
        ),
        ("ALTER TABLE child ADD CONSTRAINT FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE", [
            ForeignKey("", ("p",), PARENT, ("id",), "CASCADE", "NO ACTION")
        ]),
        ("ALTER TABLE child ADD CONSTRAINT IF NOT EXISTS fk FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE", [KEY]),
        ("CREATE TABLE child (id int, p int REFERENCES parent (id))", None),
        ("ALTER TABLE child ADD FOREIGN KEY an_index (p) REFERENCES parent (id)", None),
        ("ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (p) REFERENCES parent", None),
        ("ALTER TABLE child DROP FOREIGN KEY fk", []),
    ],
)  # fmt: skip
def test_a_statement_tells_the_keys_that_it_adds(text: str, expected: list[ForeignKey] | None) -> None:
    """By their clause; what depends on the server's version is not told."""
    (event,) = events(text)
    assert event.keys == (None if expected is None else tuple(expected))


def in_force(
    *statements_: str, first: Keys = ((CHILD, KEY),), known: list[Remembered] | None = None
) -> dict[str, list[ForeignKey]]:
    """The keys after some statements, by their child; the server has `NOW` alone when it is asked again."""
    asked: list[Keys] = [first] if known is None else []
    keys = KeysInForce(known or (), lambda: asked.pop() if asked else [(CHILD, NOW)], "scope")
    for text in statements_:
        for event in events(text):
            if event.table[1] != "unrouted":
                keys.hear(event)
    found: dict[str, list[ForeignKey]] = {}
    for (_, table), key in keys.keys:
        found.setdefault(table, []).append(key)
    return found


def test_keys_come_and_go_with_the_statements_of_the_log() -> None:
    """Under their names, in whatever case these are written; those that the server makes up are counted."""
    assert in_force("ALTER TABLE child DROP FOREIGN KEY FK") == {}
    assert in_force("ALTER TABLE child DROP CONSTRAINT `fk`") == {}
    assert in_force("DROP TABLE IF EXISTS other, child") == {}
    assert in_force("DROP DATABASE app") == {}
    assert in_force("ALTER TABLE child ADD COLUMN x int", "ALTER TABLE other DROP FOREIGN KEY fk") == {"child": [KEY]}
    more = "ALTER TABLE child ADD FOREIGN KEY (p) REFERENCES parent (id)"
    assert [key.name for key in in_force(more, more)["child"]] == ["fk", "child_ibfk_1", "child_ibfk_2"]
    again = "ALTER TABLE child DROP FOREIGN KEY fk, ADD CONSTRAINT fk FOREIGN KEY (q) REFERENCES parent (id)"
    assert [key.columns for key in in_force(again)["child"]] == [("q",)]
    assert in_force("CREATE TABLE IF NOT EXISTS child (id int)") == {"child": [KEY]}
    assert in_force("CREATE OR REPLACE TABLE child (id int)") == {}


def test_keys_follow_tables_and_columns_that_are_renamed() -> None:
    """At both of their ends."""
    (key,) = in_force("RENAME TABLE parent TO above")["child"]
    assert key.references == ("app", "above")
    (key,) = in_force("ALTER TABLE child RENAME COLUMN p TO q", "ALTER TABLE parent CHANGE id number int")["child"]
    assert (key.columns, key.referenced_columns) == (("q",), ("number",))
    made_up = in_force(
        "ALTER TABLE child ADD FOREIGN KEY (p) REFERENCES parent (id)", "ALTER TABLE child RENAME TO kid"
    )
    assert [key.name for key in made_up["kid"]] == ["fk", "kid_ibfk_1"]


@pytest.mark.parametrize(
    "text",
    [
        "RENAME TABLE child TO gone, new TO child",
        "RENAME TABLE unrouted TO child2",
        "ALTER TABLE child ADD COLUMN q int REFERENCES parent (id)",
    ],
)
def test_where_the_log_does_not_tell_the_server_is_asked(text: str) -> None:
    """For a table that came under another's name, and for what its version decides."""
    assert in_force(text) == {"child": [NOW]}


def test_what_is_remembered_is_what_is_in_force_next_time() -> None:
    """The server's present keys are not asked for then; only for tables that no route took before."""
    first = KeysInForce((), lambda: [(CHILD, KEY)], "scope")
    known = first.notes()
    assert first.notes() == []
    assert in_force(known=known) == {"child": [KEY]}
    for event in events("ALTER TABLE child DROP FOREIGN KEY fk"):
        assert first.hear(event)
        assert not first.hear(event)
    (gone,) = first.notes()
    assert (gone.source, gone.description) == (CHILD, "")
    kept = [one for one in known if one.source != CHILD]
    assert in_force(known=kept) == {}
    wider = KeysInForce(known, lambda: [(("app", "other"), NOW), (CHILD, NOW)], "more")
    assert list(wider.keys) == [(("app", "other"), NOW), (CHILD, KEY)]
