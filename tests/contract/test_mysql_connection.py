"""Connections and catalogues of real MySQL and MariaDB servers."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from cdc_agent.config.model import Database as Settings
from cdc_agent.config.model import Tls
from cdc_agent.engines.mysql import foreign_keys
from cdc_agent.engines.mysql.catalogue import describe, list_tables, triggers
from cdc_agent.engines.mysql.connection import Session, connect
from cdc_agent.errors import KeysHidden, SourceUnavailable, TargetUnavailable
from cdc_agent.model.tables import TargetColumn, TargetTable
from cdc_agent.model.values import Kind
from tests.support.servers import Database, Server


@pytest.fixture
def database(any_mysql: Server) -> Iterator[Database]:
    found = any_mysql.create_database("engine")
    yield found
    found.drop()


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    found = connect(Settings(url=database.url()), purpose="test")
    yield found
    found.close()


def _described(session: Session, database: Database, *statements: str) -> TargetTable:
    for statement in statements:
        database.run(statement)
    found = describe(session, database.name, "t")
    assert found is not None
    return found


def _column(table: TargetTable, name: str) -> TargetColumn:
    found = table.column(name)
    assert found is not None
    return found


def test_a_session_has_the_settings_that_values_depend_on(session: Session) -> None:
    """UTC, utf8mb4, strict, backslash escapes, zero dates allowed."""
    with session.cursor() as cursor:
        cursor.execute("SELECT @@time_zone, @@character_set_client, @@character_set_results, @@sql_mode, @@autocommit")
        ((zone, client, results, mode, autocommit),) = cursor.fetchall()
    assert (zone, client, results, autocommit) == ("+00:00", "utf8mb4", "utf8mb4", 1)
    assert set(mode.split(",")) == {"STRICT_ALL_TABLES", "NO_AUTO_VALUE_ON_ZERO", "NO_ENGINE_SUBSTITUTION"}


def test_columns_are_described_with_defaults_generation_and_identity(session: Session, database: Database) -> None:
    """What binding asks of a column."""
    table = _described(
        session,
        database,
        "CREATE TABLE t (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, a INT, b VARCHAR(4) DEFAULT 'NULL',"
        " c TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), d INT NOT NULL, g INT AS (a + 1) STORED,"
        " v INT AS (a + 2) VIRTUAL, n INT DEFAULT NULL, j JSON,"
        " e ENUM('a''b','c','x,y') NOT NULL DEFAULT 'x,y')",
    )
    assert [c.name for c in table.columns if c.has_default] == ["id", "b", "c", "e"]
    assert [c.name for c in table.columns if c.generated] == ["g", "v"]
    assert [c.name for c in table.columns if c.identity] == ["id"]
    assert [c.name for c in table.columns if not c.nullable] == ["id", "c", "d", "e"]
    assert _column(table, "j").type.kind is Kind.JSON
    assert _column(table, "e").type.labels[0] == "a'b"
    assert _column(table, "e").type.labels[2] == "x,y"
    assert table.primary_key == ("id",)


def test_unique_and_foreign_keys_are_described(session: Session, database: Database) -> None:
    """Keys that forbid but do not identify, over a prefix, are there under a name that is no column's."""
    table = _described(
        session,
        database,
        "CREATE TABLE p (a INT, b INT, PRIMARY KEY (a, b))",
        "CREATE TABLE t (id INT PRIMARY KEY, x VARCHAR(9), y TEXT, pa INT, pb INT, UNIQUE KEY two (x, id),"
        " UNIQUE KEY prefix (y(5)), KEY plain (x), CONSTRAINT fk FOREIGN KEY (pa, pb) REFERENCES p (a, b)"
        " ON DELETE CASCADE)",
    )
    assert set(table.unique_keys) == {("x", "id"), ("y(5)",)}
    (key,) = table.foreign_keys
    assert (key.name, key.columns, key.references) == ("fk", ("pa", "pb"), (database.name, "p"))
    assert (key.referenced_columns, key.on_delete) == (("a", "b"), "CASCADE")


@pytest.fixture
def reader(database: Database) -> Iterator[Session]:
    """A session of a user who may do nothing but read the database's tables."""
    name, password = f"reads_{uuid.uuid4().hex[:8]}", "reads-5ecret"
    database.run(f"CREATE USER {name}@'%' IDENTIFIED BY '{password}'")
    database.run(f"GRANT SELECT ON `{database.name}`.* TO {name}@'%'")
    found = connect(Settings(url=database.url(name, password)), purpose="test")
    yield found
    found.close()
    database.run(f"DROP USER {name}@'%'")


PARENT = "CREATE TABLE p (id INT PRIMARY KEY, code VARCHAR(9) UNIQUE)"
CHILD = (
    "CREATE TABLE t (id INT PRIMARY KEY, one INT, two VARCHAR(9), three INT,"
    " CONSTRAINT `a ``key` FOREIGN KEY (one) REFERENCES p (id) ON DELETE CASCADE ON UPDATE SET NULL,"
    " CONSTRAINT code FOREIGN KEY (two) REFERENCES p (code) ON UPDATE CASCADE,"
    " CONSTRAINT still FOREIGN KEY (three) REFERENCES p (id) ON DELETE NO ACTION)"
)


def test_who_may_only_read_sees_what_foreign_keys_do(database: Database, reader: Session) -> None:
    """MariaDB has an empty REFERENTIAL_CONSTRAINTS for such a user."""
    keys = {key.name: key for key in _described(reader, database, PARENT, CHILD).foreign_keys}
    assert (keys["a `key"].on_delete, keys["a `key"].on_update) == ("CASCADE", "SET NULL")
    assert (keys["code"].on_update, keys["code"].referenced_columns) == ("CASCADE", ("code",))
    assert [name for name, key in keys.items() if not key.acts] == ["still"]
    found = foreign_keys.of_wanted(reader, lambda table: table == (database.name, "t"))
    assert sorted(key.name for _, key in found) == ["a `key", "code", "still"]
    assert foreign_keys.of_wanted(reader, lambda table: table[1] == "p") == []
    assert (database.name, "p") in foreign_keys.acted_on(reader)


def test_a_foreign_key_of_which_nothing_is_told_is_loud(database: Database, reader: Session) -> None:
    """Its name makes two lines of what MariaDB prints; it is never taken for one that does nothing."""
    database.run(PARENT)
    database.run("CREATE TABLE t (one INT, CONSTRAINT `a\nb` FOREIGN KEY (one) REFERENCES p (id) ON DELETE CASCADE)")
    if not reader.server.is_mariadb:
        assert describe(reader, database.name, "t") is not None
        return
    with pytest.raises(KeysHidden, match="does not say what it does"):
        describe(reader, database.name, "t")
    assert (database.name, "p") in foreign_keys.acted_on(reader)


def test_a_primary_key_over_a_prefix_identifies_nothing(session: Session, database: Database) -> None:
    """Two rows may differ behind the prefix, so the key is one that only forbids."""
    table = _described(session, database, "CREATE TABLE t (x VARCHAR(99), PRIMARY KEY (x(10)))")
    assert (table.primary_key, table.unique_keys) == ((), (("x(10)",),))


def test_a_view_is_no_table_and_triggers_are_seen(session: Session, database: Database) -> None:
    """Only what can be written is described."""
    _described(
        session,
        database,
        "CREATE TABLE t (id INT PRIMARY KEY)",
        "CREATE VIEW w AS SELECT * FROM t",
        "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.id = NEW.id",
    )
    assert describe(session, database.name, "w") is None
    assert list_tables(session, database.name) == [(database.name, "t")]
    assert (database.name, "t") in list_tables(session)
    assert triggers(session, database.name, "t") == ["g"]


def test_the_server_s_own_invisible_key_is_not_a_key(session: Session, database: Database) -> None:
    """sql_generate_invisible_primary_key adds a column that no source sends."""
    if session.server.is_mariadb:
        pytest.skip("MySQL only")
    with session.cursor() as cursor:
        cursor.execute("SET SESSION sql_generate_invisible_primary_key = ON")
        cursor.execute("CREATE TABLE t (a INT)")
    table = _described(session, database)
    assert [c.name for c in table.columns] == ["a"]
    assert (table.primary_key, table.unique_keys) == ((), ())


def test_an_unreachable_server_says_why(any_mysql: Server) -> None:
    """The system's reason is told, and the error is the caller's."""
    with pytest.raises(SourceUnavailable) as refusal:
        connect(Settings(url="mysql://x:canary@127.0.0.1:1/x"), purpose="test", unavailable=SourceUnavailable)
    assert "refused" in refusal.value.render()
    assert "canary" not in refusal.value.render()


def test_tls_is_verified_as_far_as_the_mode_says(database: Database, any_mysql: Server) -> None:
    """`require` encrypts, `verify-full` refuses a certificate that nobody vouches for."""
    url = database.url()
    encrypted = any_mysql.run("SHOW VARIABLES LIKE 'have_ssl'") == [("have_ssl", "YES")] or any_mysql.engine == "mysql"
    if not encrypted:
        with pytest.raises(TargetUnavailable):
            connect(Settings(url=url, tls=Tls(mode="require")), purpose="test")
        return
    assert _cipher(Settings(url=url, tls=Tls(mode="require"))) != ""
    assert _cipher(Settings(url=url, tls=Tls(mode="disable"))) == ""
    for mode in ("verify-ca", "verify-full"):
        with pytest.raises(TargetUnavailable, match="cannot connect") as refusal:
            connect(Settings(url=url, tls=Tls(mode=mode)), purpose="test")
        assert "certificate" in refusal.value.render().lower()


def _cipher(settings: Settings) -> str:
    session = connect(settings, purpose="test")
    with session.cursor() as cursor:
        cursor.execute("SHOW STATUS LIKE 'Ssl_cipher'")
        ((_, cipher),) = cursor.fetchall()
    session.close()
    return str(cipher)
