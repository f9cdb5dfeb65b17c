"""What source and target of MySQL share, without a server: versions, identifiers, column types, errors."""

from __future__ import annotations

import pymysql
import pytest

from cdc_agent.engines.mysql.connection import Flavor, parse_server
from cdc_agent.engines.mysql.failures import is_disconnect, translate
from cdc_agent.engines.mysql.identifiers import quote, quote_name
from cdc_agent.engines.mysql.types import from_column_type, parse_labels
from cdc_agent.errors import (
    AgentError,
    DatabaseFault,
    DecodeError,
    PrivilegeMissing,
    RowRefused,
    SourceUnavailable,
    TargetSchemaError,
    TargetUnavailable,
    TransactionAborted,
)
from cdc_agent.model.values import Kind, Type


@pytest.mark.parametrize(
    ("text", "flavor", "version"),
    [
        ("8.0.36", Flavor.MYSQL, (8, 0, 36)),
        ("9.7.4-2", Flavor.MYSQL, (9, 7, 4)),
        ("5.5.5-10.11.19-MariaDB-0+deb12u1-log", Flavor.MARIADB, (10, 11, 19)),
        ("11.8.6-MariaDB-log", Flavor.MARIADB, (11, 8, 6)),
    ],
)
def test_a_handshake_tells_the_flavor_and_version(text: str, flavor: Flavor, version: tuple[int, int, int]) -> None:
    """MariaDB 10 hides its version behind 5.5.5, for replicas of an older age."""
    server = parse_server(text)
    assert (server.flavor, server.version) == (flavor, version)


def test_a_version_that_is_none_is_an_error() -> None:
    """Nothing is guessed of a server that does not say what it is."""
    with pytest.raises(DecodeError):
        parse_server("unknown")


def test_identifiers_are_quoted_and_checked() -> None:
    """Backticks are doubled; what cannot be a name is refused."""
    assert quote("a`b") == "`a``b`"
    assert quote_name("select", 'x"; DROP TABLE t; --') == '`select`.`x"; DROP TABLE t; --`'
    assert quote("ü" * 64) == f"`{'ü' * 64}`"
    for wrong in ("", "a\0b", "x" * 65, "😀"):
        with pytest.raises(TargetSchemaError):
            quote(wrong)


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("int(10) unsigned zerofill", Type(Kind.INTEGER, "int(10) unsigned zerofill", precision=32, unsigned=True)),
        ("tinyint(1)", Type(Kind.INTEGER, "tinyint(1)", precision=8)),
        ("bigint", Type(Kind.INTEGER, "bigint", precision=64)),
        ("decimal(12,4)", Type(Kind.DECIMAL, "decimal(12,4)", precision=12, scale=4)),
        ("decimal(5)", Type(Kind.DECIMAL, "decimal(5)", precision=5, scale=0)),
        ("float", Type(Kind.FLOAT, "float", precision=32)),
        ("double(10,2) unsigned", Type(Kind.FLOAT, "double(10,2) unsigned", precision=64, unsigned=True)),
        ("bit(9)", Type(Kind.BIT, "bit(9)", length=9)),
        ("binary(16)", Type(Kind.BYTES, "binary(16)", length=16, fixed=True)),
        ("longblob", Type(Kind.BYTES, "longblob")),
        ("vector(3)", Type(Kind.BYTES, "vector(3)", length=12)),
        ("datetime(6)", Type(Kind.TIMESTAMP, "datetime(6)", precision=6)),
        ("datetime /* mariadb-5.3 */", Type(Kind.TIMESTAMP, "datetime", precision=0)),
        ("timestamp", Type(Kind.INSTANT, "timestamp", precision=0)),
        ("time(3)", Type(Kind.TIME, "time(3)", precision=3)),
        ("year(4)", Type(Kind.YEAR, "year(4)")),
        ("uuid", Type(Kind.UUID, "uuid")),
        ("geomcollection", Type(Kind.GEOMETRY, "geomcollection")),
        ("inet6", Type(Kind.OTHER, "inet6")),
    ],
)
def test_a_declaration_becomes_its_canonical_type(declared: str, expected: Type) -> None:
    """Every type has a kind; what only its engine understands keeps its name."""
    assert from_column_type(declared) == expected


def test_text_types_know_their_charset_and_json_is_told_on_mariadb() -> None:
    """char(n) is padded, text is limited, and MariaDB's JSON is a LONGTEXT with a check."""
    char = from_column_type("char(5)", "latin1", "latin1_bin")
    assert (char.kind, char.length, char.fixed, char.charset) == (Kind.TEXT, 5, True, "latin1")
    assert from_column_type("text", "utf8mb4").length == 65535
    assert from_column_type("varchar(9) /*M!100301 COMPRESSED*/", "utf8mb4").length == 9
    assert from_column_type("longtext", "utf8mb4", json=True).kind is Kind.JSON
    assert from_column_type("longtext", "utf8mb4").kind is Kind.TEXT


def test_labels_may_hold_quotes_commas_and_parentheses() -> None:
    """Labels come as the server quotes them."""
    declared = r"enum('a''b','c\\d','e\nf','x,y','a)(','ü','','/* x */')"
    assert from_column_type(declared).labels == ("a'b", "c\\d", "e\nf", "x,y", "a)(", "ü", "", "/* x */")
    assert from_column_type("set('p','q''')").labels == ("p", "q'")
    assert parse_labels("") == ()


@pytest.mark.parametrize(
    ("number", "text", "kind", "told"),
    [
        (1062, "Duplicate entry 'canary' for key 't.email'", RowRefused, "key t.email"),
        (1062, "Duplicate entry 'x' for key 'canary' for key 'u'", RowRefused, "key u"),
        (1406, "Data too long for column 'name' at row 1", RowRefused, "column name"),
        (1366, "Incorrect integer value: 'canary' for column `d`.`t`.`n` at row 3", RowRefused, "column n"),
        (1366, "Incorrect value: 'for column canary at row 1' for column 'n' at row 1", RowRefused, "column n"),
        (1048, "Column 'n' cannot be null", RowRefused, "column n"),
        (1265, "Data truncated for column 'n' at row 2", RowRefused, "column n"),
        (
            1452,
            "Cannot add or update a child row: a foreign key constraint fails (`d`.`c`, CONSTRAINT `fk` FOREIGN KEY …",
            RowRefused,
            "constraint fk",
        ),
        (3819, "Check constraint 'positive' is violated.", RowRefused, "constraint positive"),
        (4025, "CONSTRAINT `positive` failed for `d`.`t`", RowRefused, "constraint positive"),
        (1213, "Deadlock found when trying to get lock; try restarting transaction", TransactionAborted, "deadlock"),
        (1205, "Lock wait timeout exceeded", TransactionAborted, "lock"),
        (2013, "Lost connection to MySQL server during query", TargetUnavailable, "connection"),
        (1290, "The MySQL server is running with the --read-only option", TargetUnavailable, "read-only"),
        (1114, "The table 't' is full", TargetUnavailable, "full"),
        (1142, "INSERT command denied to user 'u'@'h' for table `d`.`t`", PrivilegeMissing, "table `d`.`t`"),
        (1045, "Access denied for user 'u'@'h' (using password: YES)", PrivilegeMissing, "password"),
        (1146, "Table 'd.t' doesn't exist", TargetSchemaError, "table d.t"),
        (1054, "Unknown column 'x' in 'field list'", TargetSchemaError, "column x"),
        (1665, "Cannot execute statement: impossible to write to binary log", DatabaseFault, "binlog_format"),
        (1999, "something new: canary", DatabaseFault, "MySQL error 1999"),
    ],
)
def test_an_error_becomes_ours_and_keeps_names_but_no_values(
    number: int, text: str, kind: type[AgentError], told: str
) -> None:
    """What a person or the recovery rules need is kept; the server's text, which quotes rows, is not."""
    error = translate(pymysql.OperationalError(number, text), "writing to d.t")
    assert type(error) is kind
    assert told in error.render()
    assert "writing to d.t" in error.render()
    assert "canary" not in error.render() or "key 'canary'" in text


def test_a_source_s_lost_connection_is_the_source_s() -> None:
    """The caller says whose unavailability it is."""
    lost = pymysql.OperationalError(2006, "gone")
    assert isinstance(translate(lost, "reading", unavailable=SourceUnavailable), SourceUnavailable)
    assert is_disconnect(lost)
    assert is_disconnect(pymysql.InterfaceError(0, ""))
    assert not is_disconnect(pymysql.IntegrityError(1062, ""))
