"""The MySQL and MariaDB target on real servers: what is particular to them, and every way in which rows get there.

Each way of applying (multi-row statements, staging by LOAD DATA, staging without it) has to give the same rows, so
most tests run with few rows and with many, and with ``local_infile`` on and off.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pymysql
import pytest

from cdc_agent.config.model import Database as DatabaseSettings
from cdc_agent.errors import (
    NotSetUp,
    OutcomeUnknown,
    PrivilegeMissing,
    RowRefused,
    TakenOver,
    TargetSchemaError,
    TargetUnavailable,
    TransactionAborted,
)
from cdc_agent.model import echo
from cdc_agent.model.checkpoints import Checkpoint
from cdc_agent.model.steps import Clear, Ordered, Removes, Step, Updates, Upserts
from cdc_agent.model.values import UNSENT, Row, Value
from cdc_agent.model.writes import CHANGE, REMOVE, UPSERT, Binding, Write
from cdc_agent.store.tables import CHECKPOINT_COLUMNS, checkpoint_values
from cdc_agent.targets.mysql import MysqlTarget
from tests.support.servers import Database, Server
from tests.support.targets import ENTRY, make_store

_pipelines = itertools.count(1)
MANY = 2500


@pytest.fixture
def database(any_mysql: Server) -> Iterator[Database]:
    make_store(any_mysql)
    found = any_mysql.create_database("target")
    yield found
    found.drop()


@pytest.fixture
def first(database: Database) -> Checkpoint:
    """A checkpoint row as `setup` leaves it."""
    return _set_up(database)


def _set_up(database: Database) -> Checkpoint:
    row = Checkpoint(
        pipeline=f"{database.name}-{next(_pipelines)}",
        source="phone",
        path=("phone",),
        generation=1,
        position="lsn:0/1",
        source_identity="x",
        source_commit_time=None,
        transactions=0,
        changes=0,
        echoes=0,
        quarantined=0,
        host="db-1:1",
    )
    columns = ", ".join(f"`{column}`" for column in CHECKPOINT_COLUMNS)
    places = ", ".join(["%s"] * len(CHECKPOINT_COLUMNS))
    database.run(f"INSERT INTO cdc_agent.checkpoint ({columns}) VALUES ({places})", checkpoint_values(row))
    return row


@pytest.fixture
def target(database: Database, first: Checkpoint) -> Iterator[MysqlTarget]:
    found = _target(database)
    yield found
    found.close()


@pytest.fixture(params=["staged by LOAD DATA", "staged by INSERT"])
def way(request: pytest.FixtureRequest, any_mysql: Server, target: MysqlTarget) -> str:
    """Large steps with ``local_infile`` on the server and without it."""
    any_mysql.run("SET GLOBAL local_infile = 1")
    target.connect()
    assert target._wire.can_load
    target._wire.can_load = request.param == "staged by LOAD DATA"
    return str(request.param)


def _target(database: Database, **options: Any) -> MysqlTarget:
    found = MysqlTarget(DatabaseSettings(url=database.url()), name="crm", **options)
    found.connect()
    return found


def _bind(target: MysqlTarget, database: Database, table: str, **options: Any) -> Binding:
    described = target.describe(database.name, table)
    assert described is not None
    columns = tuple(column for column in described.columns if not column.generated)
    names = [column.name for column in columns]
    key = options.get("key", described.primary_key)
    indexes = tuple(names.index(name) for name in key) if key else tuple(range(len(names)))
    return Binding(described, columns, indexes, keyless=not key)


def _apply(target: MysqlTarget, at: Checkpoint, *steps: Any, missing: Any = None) -> None:
    target.begin(at)
    try:
        target.apply(steps, missing or _never)
    except Exception:
        target.rollback()
        raise
    target.commit()


def _never(binding: Binding, key: Row) -> Row | None:
    raise AssertionError("no row was missing")


def _rows(database: Database, table: str, order: str = "1") -> list[tuple[Any, ...]]:
    return database.run(f"SELECT * FROM `{table}` ORDER BY {order}")


def _row(*values: object) -> Row:
    return tuple(None if v is None else UNSENT if v is UNSENT else str(v).encode() for v in values)


@pytest.mark.parametrize("count", [3, MANY])
def test_upserts_insert_what_is_new_and_replace_what_is_there(
    database: Database, first: Checkpoint, target: MysqlTarget, way: str, count: int
) -> None:
    """An upsert leaves exactly its row, whether its key existed or not, in small batches and in large ones."""
    database.run("CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20), b TEXT)")
    database.run("INSERT INTO t VALUES (1, 'old', 'old'), (-5, 'kept', NULL)")
    binding = _bind(target, database, "t")
    rows = [_row(i, f"it's \\ {i}\t", None if i % 3 else "line\nline") for i in range(count)]
    _apply(target, first, Upserts(binding, rows))
    expected = [(i, f"it's \\ {i}\t", None if i % 3 else "line\nline") for i in range(count)]
    assert _rows(database, "t") == [(-5, "kept", None), *expected]


@pytest.mark.parametrize("count", [3, MANY])
def test_upserts_never_overwrite_another_row_by_a_second_unique_key(
    database: Database, first: Checkpoint, target: MysqlTarget, way: str, count: int
) -> None:
    """With a second unique key, rows are matched by their key alone; a clash is refused, and nothing is changed."""
    database.run("CREATE TABLE t (id INT PRIMARY KEY, email VARCHAR(40) UNIQUE, n INT)")
    database.run("INSERT INTO t VALUES (0, 'before', 0), (100000, 'taken', 7)")
    binding = _bind(target, database, "t")
    rows = [_row(i, f"{i}@x", i) for i in range(count)]
    _apply(target, first, Upserts(binding, rows))
    after = _rows(database, "t")
    assert after == [*((i, f"{i}@x", i) for i in range(count)), (100000, "taken", 7)]
    clash = [*rows[:-1], _row(count - 1, "taken", 1)]
    with pytest.raises(RowRefused, match="1062") as refusal:
        _apply(target, first, Upserts(binding, clash))
    assert "taken" not in refusal.value.render()
    assert _rows(database, "t") == after


@pytest.mark.parametrize("count", [3, 20, MANY])
def test_updates_write_the_sent_columns_and_fetch_missing_rows(
    database: Database, first: Checkpoint, target: MysqlTarget, way: str, count: int
) -> None:
    """An update leaves unsent columns alone; a row that the target lacks is asked for, and inserted if it exists."""
    database.run("CREATE TABLE t (a INT, b VARCHAR(5), x TEXT, y TEXT, PRIMARY KEY (a, b))")
    binding = _bind(target, database, "t")
    _apply(target, first, Upserts(binding, [_row(i, "k", "x", f"y{i}") for i in range(count) if i != 1]))
    asked: list[Row] = []

    def missing(of: Binding, key: Row) -> Row | None:
        asked.append(key)
        return _row(1, "k", "new", "full") if key == _row(1, "k") else None

    updates = [_row(i, "k", f"new{i}") for i in (*range(count), 99999)]
    _apply(target, first, Updates(binding, (0, 1, 2), updates), missing=missing)
    assert asked == [_row(1, "k"), _row(99999, "k")]
    expected = [(i, "k", f"new{i}", f"y{i}") if i != 1 else (1, "k", "new", "full") for i in range(count)]
    assert _rows(database, "t") == expected


@pytest.mark.parametrize("count", [3, MANY])
def test_removes_delete_by_key_and_a_missing_row_is_no_error(
    database: Database, first: Checkpoint, target: MysqlTarget, way: str, count: int
) -> None:
    """Keys of several columns, with large integers and bytes that end in zero, find their rows."""
    database.run("CREATE TABLE t (a BIGINT UNSIGNED, b BINARY(4), c CHAR(5), PRIMARY KEY (a, b, c))")
    big = 2**63 + 1
    binding = _bind(target, database, "t")
    rows = [_row(big + i, "\\x01ff", "z ") for i in range(count + 1)]
    _apply(target, first, Upserts(binding, rows))
    _apply(target, first, Removes(binding, [*rows[:-1], _row(7, "\\x01", "z")]))
    assert _rows(database, "t") == [(big + count, b"\x01\xff\0\0", "z")]


def test_a_nullable_key_is_matched_null_safely(database: Database, first: Checkpoint, target: MysqlTarget) -> None:
    """A key column that is NULL identifies its row as any other value does."""
    database.run("CREATE TABLE t (a INT, b INT, n INT)")
    database.run("INSERT INTO t VALUES (1, NULL, 1), (1, 2, 1), (NULL, NULL, 1)")
    binding = _bind(target, database, "t", key=("a", "b"))
    writes = [(CHANGE, _row(1, None), _row(1, None, 9)), (UPSERT, _row(None, 3), _row(None, 3, 3))]
    _apply(target, first, Ordered(binding, writes), Removes(binding, [_row(None, None)]))
    assert _rows(database, "t", "a, b") == [(None, 3, 3), (1, None, 9), (1, 2, 1)]


def test_ordered_writes_move_keys_and_swap_unique_values(
    database: Database, first: Checkpoint, target: MysqlTarget
) -> None:
    """One by one, in order: a moved key keeps its unsent columns, and a unique value may pass from row to row."""
    database.run("CREATE TABLE t (id INT PRIMARY KEY, u VARCHAR(9) UNIQUE, big TEXT)")
    database.run("INSERT INTO t VALUES (1, 'a', 'kept'), (2, 'b', 'too')")
    binding = _bind(target, database, "t")
    writes = [
        (CHANGE, _row(1), _row(10, "tmp", UNSENT)),
        (CHANGE, _row(2), _row(2, "a", UNSENT)),
        (CHANGE, _row(10), _row(10, "b", UNSENT)),
        (UPSERT, _row(3), _row(3, "c", "x")),
        (REMOVE, _row(3), None),
        (UPSERT, _row(4), _row(4, "c", "y")),
        (CHANGE, _row(5), _row(6, "six", UNSENT)),
    ]
    _apply(target, first, Ordered(binding, writes), missing=lambda of, key: _row(6, "six", "reread"))
    assert _rows(database, "t") == [(2, "a", "too"), (4, "c", "y"), (6, "six", "reread"), (10, "b", "kept")]


def test_a_keyless_table_loses_or_changes_exactly_one_of_equal_rows(
    database: Database, first: Checkpoint, target: MysqlTarget
) -> None:
    """Rows without a key are found by every column, exactly, be they floats, JSON or texts equal by collation."""
    database.run(
        "CREATE TABLE t (n INT, f FLOAT, d DOUBLE, j JSON, b VARBINARY(9), s VARCHAR(9), l VARCHAR(9) CHARACTER SET"
        " latin1, y YEAR, t BIT(4), dt DATETIME(6), g POINT, de DECIMAL(8,2), e ENUM('x','y'))"
    )
    binding = _bind(target, database, "t")
    point = "0101000020E6100000000000000000F03F0000000000000040"

    def row(n: int, text: str, *, number: str = "0.1") -> Row:
        json, moment = '{"a": [1, 2]}', "2024-01-02 03:04:05.000006"
        return _row(n, number, number, json, "\\x00ff", text, "ü", 0, "0101", moment, point, "1.50", "y")

    inserted = [row(1, "a"), row(1, "a"), row(1, "A"), row(2, "b"), (*row(3, "c")[:1], *[None] * 12)]
    writes = [(UPSERT, one, one) for one in inserted]
    _apply(target, first, Ordered(binding, writes))
    changes = [
        (REMOVE, row(1, "a"), None),
        (CHANGE, row(2, "b"), row(2, "changed")),
        (REMOVE, inserted[-1], None),
    ]
    _apply(target, first, Ordered(binding, changes))
    assert sorted(database.run("SELECT n, s FROM t")) == [(1, "A"), (1, "a"), (2, "changed")]


@pytest.mark.parametrize("count", [3, MANY])
def test_a_keyless_table_takes_many_rows(
    database: Database, first: Checkpoint, target: MysqlTarget, way: str, count: int
) -> None:
    """Inserts into a table without a key are all kept, equal ones too."""
    database.run("CREATE TABLE t (n INT, s TEXT)")
    binding = _bind(target, database, "t")
    rows = [_row(i // 2, "same") for i in range(count)]
    _apply(target, first, Ordered(binding, [(UPSERT, row, row) for row in rows]))
    assert _rows(database, "t") == [(i // 2, "same") for i in range(count)]


def test_a_cleared_table_comes_back_with_the_transaction(
    database: Database, first: Checkpoint, target: MysqlTarget
) -> None:
    """TRUNCATE stands and falls with the checkpoint, which MySQL's own TRUNCATE would commit."""
    database.run("CREATE TABLE p (id INT PRIMARY KEY)")
    database.run("CREATE TABLE c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id))")
    database.run("INSERT INTO p VALUES (1)")
    database.run("INSERT INTO c VALUES (1, 1)")
    parent, child = target.describe(database.name, "p"), target.describe(database.name, "c")
    assert parent is not None
    assert child is not None
    target.begin(first)
    target.apply([Clear((parent, child), restart_identity=True)], _never)
    target.rollback()
    assert _rows(database, "p") == [(1,)]
    assert _checkpoint(database, first) == first
    _apply(target, replace(first, position="lsn:0/2"), Clear((parent, child)))
    assert _rows(database, "p") == _rows(database, "c") == []


def test_clearing_goes_from_children_to_parents_when_foreign_keys_act(database: Database, first: Checkpoint) -> None:
    """With `triggers: fire` foreign keys are checked, and the tables of one TRUNCATE are cleared in a legal order."""
    database.run("CREATE TABLE p (id INT PRIMARY KEY)")
    database.run("CREATE TABLE c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id))")
    database.run("INSERT INTO p VALUES (1)")
    database.run("INSERT INTO c VALUES (1, 1)")
    target = _target(database, triggers="fire")
    tables = (target.describe(database.name, "p"), target.describe(database.name, "c"))
    binding = _bind(target, database, "c")
    with pytest.raises(RowRefused, match="1452"):
        _apply(target, first, Upserts(binding, [_row(2, 9)]))
    _apply(target, first, Clear(tables))  # type: ignore[arg-type]
    target.close()
    assert _rows(database, "p") == _rows(database, "c") == []


def test_foreign_keys_do_not_act_by_default(database: Database, first: Checkpoint, target: MysqlTarget) -> None:
    """A child may come before its parent, and removing a parent does not cascade: the source says what happens."""
    database.run("CREATE TABLE p (id INT PRIMARY KEY)")
    database.run("CREATE TABLE c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE)")
    child, parent = _bind(target, database, "c"), _bind(target, database, "p")
    _apply(target, first, Upserts(child, [_row(1, 1)]), Upserts(parent, [_row(1)]), Removes(parent, [_row(1)]))
    assert _rows(database, "c") == [(1, 1)]


def test_suppress_refuses_a_table_with_triggers(database: Database, first: Checkpoint) -> None:
    """MySQL cannot suppress triggers, so `suppress` is loud."""
    database.run("CREATE TABLE t (id INT PRIMARY KEY)")
    database.run("CREATE TRIGGER loud BEFORE INSERT ON t FOR EACH ROW SET NEW.id = NEW.id + 1")
    target = _target(database, triggers="suppress")
    with pytest.raises(TargetSchemaError, match="loud"):
        target.describe(database.name, "t")
    target.close()


REFUSED: Sequence[tuple[str, object]] = (
    ("TINYINT", 300),
    ("TINYINT UNSIGNED", -1),
    ("VARCHAR(3)", "toolong"),
    ("VARCHAR(9) CHARACTER SET latin1", "😀"),
    ("VARCHAR(9) CHARACTER SET utf8mb3", "😀"),
    ("DATE", "2024-02-31"),
    ("DATE", "infinity"),
    ("DATETIME", "0044-03-15 12:00:00 BC"),
    ("TIMESTAMP NULL", "2300-01-01 00:00:00+00"),
    ("DOUBLE", "NaN"),
    ("DOUBLE", "Infinity"),
    ("DECIMAL(5,2)", "12345.00"),
    ("DECIMAL(5,2)", "NaN"),
    ("INT NOT NULL", None),
    ("ENUM('a','b')", "c"),
    ("SET('a','b')", "a,c"),
    ("JSON", "{"),
    ("VARBINARY(2)", "\\x000102"),
    ("BIT(2)", "111"),
    ("INT CHECK (v > 5)", 1),
    ("POINT", "0101000080000000000000F03F00000000000000400000000000000840"),
)


@pytest.mark.parametrize(("declaration", "value"), REFUSED, ids=[f"{d} {v}" for d, v in REFUSED])
def test_a_value_that_does_not_fit_is_refused_and_never_bent(
    database: Database, first: Checkpoint, target: MysqlTarget, any_mysql: Server, declaration: str, value: object
) -> None:
    """Both ways of writing, LOAD DATA with its warnings included, refuse the row without naming the value."""
    any_mysql.run("SET GLOBAL local_infile = 1")
    target.connect()
    database.run(f"CREATE TABLE t (id INT PRIMARY KEY, v {declaration})")
    binding = _bind(target, database, "t")
    good = _GOOD.get(declaration.split("(")[0].split()[0])
    many = [_row(i, good) for i in range(1, MANY)]
    for rows, fresh in (([_row(0, value)], False), ([*many, _row(0, value)], False), ([*many, _row(0, value)], True)):
        with pytest.raises(RowRefused) as refusal:
            _apply(target, first, Upserts(binding, rows, fresh=fresh))
        assert str(value) not in refusal.value.render() or value in (1, -1, 300, "c", "{", "111")
        assert _rows(database, "t") == []
    _apply(target, first, Upserts(binding, many))
    assert database.run("SELECT COUNT(*) FROM t") == [(MANY - 1,)]


_GOOD = {"INT": 10, "TINYINT": 1}


# --- rows that the source inserted, loaded straight into their table


@pytest.fixture
def loads(any_mysql: Server, target: MysqlTarget) -> list[str]:
    """The tables that rows are loaded into from now on, staging tables as `stage`."""
    any_mysql.run("SET GLOBAL local_infile = 1")
    target.connect()
    wire = target._wire
    load, found = wire.load, []

    def noted(statement: str, data: bytes, doing: str) -> int:
        name = statement.split(" INTO TABLE ")[1].split()[0].split(".")[1].strip("`")
        found.append("stage" if name.startswith("stage_") else name)
        return load(statement, data, doing)

    wire.load = noted  # type: ignore[method-assign]
    return found


def _fresh(count: int = MANY, *more: object, first: int = 0) -> list[Row]:
    return [_row(i, *(more or (f"v{i}",))) for i in range(first, first + count)]


def test_many_fresh_rows_are_loaded_into_the_table_itself(
    database: Database, first: Checkpoint, target: MysqlTarget, loads: list[str]
) -> None:
    """Neither staged nor merged; few rows, and rows that may be there, go as ever. An id of 0 stays 0."""
    database.run(
        "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20), g INT AS (LENGTH(v)) STORED, n INT)"
    )
    binding = _bind(target, database, "t")
    binding = replace(binding, columns=binding.columns[:2])
    _apply(target, first, Upserts(binding, _fresh(), fresh=True))
    assert loads == ["t"]
    assert _rows(database, "t") == [(i, f"v{i}", len(f"v{i}"), None) for i in range(MANY)]
    _apply(target, first, Upserts(binding, _fresh(3, first=MANY), fresh=True), Upserts(binding, _fresh()))
    assert loads == ["t", "stage"]
    assert database.run("SELECT COUNT(*) FROM t") == [(MANY + 3,)]


def test_fresh_rows_that_are_there_already_are_merged(
    database: Database, first: Checkpoint, target: MysqlTarget, loads: list[str]
) -> None:
    """A replay, or a row written on both sides, replaces what is there and nothing else; the next batches as well."""
    database.run("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20), kept INT)")
    database.run("INSERT INTO t VALUES (5, 'old', 1), (-1, 'other', 2)")
    binding = _bind(target, database, "t")
    binding = replace(binding, columns=binding.columns[:2])
    _apply(target, first, Upserts(binding, _fresh(), fresh=True))
    assert loads == ["t", "stage"]
    assert database.run("SELECT COUNT(*), SUM(v = 'old'), SUM(kept) FROM t") == [(MANY + 1, 0, 3)]
    _apply(target, first, Upserts(binding, _fresh(first=MANY), fresh=True))
    assert loads == ["t", "stage", "stage"]
    assert database.run("SELECT COUNT(*) FROM t") == [(2 * MANY + 1,)]


def test_rows_equal_by_collation_are_never_one_row(
    database: Database, first: Checkpoint, target: MysqlTarget, loads: list[str]
) -> None:
    """Two rows of the source that are one for the target: a clash, in batches of any size, as sets and in order."""
    database.run("CREATE TABLE t (k VARCHAR(9) COLLATE utf8mb4_general_ci PRIMARY KEY, n INT)")
    binding = _bind(target, database, "t")
    for size in (MANY, 3):
        rows = [*(_row(f"k{i}", 0) for i in range(size)), _row("K1", 7)]
        with pytest.raises(RowRefused, match="1048, column k"):
            _apply(target, first, Upserts(binding, rows, fresh=True))
    assert loads == ["t", "stage"]
    _apply(target, first, Upserts(binding, [_row("k1", 0), _row("k2", 0)]))
    for step in (Ordered(binding, [(UPSERT, (b"K1",), _row("K1", 7))]), Upserts(binding, [_row("K1", 7)])):
        with pytest.raises(RowRefused, match=r"1062|1048"):
            _apply(target, first, step)
    for size in (1, 20, MANY):
        _apply(target, first, Removes(binding, [(b"K%d" % i,) for i in range(size + 1)]))
        updates = Updates(binding, (0, 1), [(b"K%d" % i, b"7") for i in range(size + 1)])
        _apply(target, first, updates, missing=lambda binding, key: None)
    assert database.run("SELECT k, n FROM t ORDER BY k") == [("k1", 0), ("k2", 0)]
    _apply(target, first, Ordered(binding, [(CHANGE, (b"k1",), _row("K1", 1))]))
    assert database.run("SELECT k, n FROM t ORDER BY k") == [("K1", 1), ("k2", 0)]


CAREFUL: Sequence[tuple[str, str, str]] = (
    ("another row has the unique value", "id INT PRIMARY KEY, v VARCHAR(20) UNIQUE", "1062"),
    ("a check", "id INT PRIMARY KEY, v VARCHAR(20) CHECK (v <> 'v7')", "3819|4025"),
    ("too long", "id INT PRIMARY KEY, v VARCHAR(4)", "1406|1265"),
    ("no partition", "id INT PRIMARY KEY, v TEXT) PARTITION BY RANGE (id) (PARTITION p VALUES LESS THAN (9)", "1526"),
    ("a unique value that is computed", "id INT PRIMARY KEY, v TEXT, g INT AS (id DIV 2) STORED UNIQUE", "1062"),
)


@pytest.mark.parametrize(("columns", "number"), [(c, n) for _, c, n in CAREFUL], ids=[name for name, _, _ in CAREFUL])
def test_a_fresh_row_that_is_refused_is_refused_as_ever(
    database: Database, first: Checkpoint, target: MysqlTarget, loads: list[str], columns: str, number: str
) -> None:
    """What LOAD DATA would leave out or bend is an error with its reason, and nothing is left of the batch."""
    database.run(f"CREATE TABLE t ({columns})")
    if "(20) UNIQUE" in columns:
        database.run("INSERT INTO t VALUES (-1, 'v7')")
    before = _rows(database, "t")
    binding = _bind(target, database, "t")
    with pytest.raises(RowRefused, match=number):
        _apply(target, first, Upserts(binding, _fresh(), fresh=True))
    assert loads[0] == "t"
    assert _rows(database, "t") == before
    target.begin(first)
    assert target.attempt([Upserts(binding, [_row(1, "v")], fresh=True)], _never) is None
    assert isinstance(target.attempt([Upserts(binding, _fresh(), fresh=True)], _never), RowRefused)
    target.commit()
    assert database.run("SELECT v FROM t WHERE id >= 0") == [("v",)]


@pytest.mark.parametrize("action", ["", "ON DELETE CASCADE"])
def test_a_fresh_child_without_its_parent_is_refused_when_foreign_keys_act(
    database: Database, first: Checkpoint, action: str
) -> None:
    """LOAD DATA would leave the row out."""
    database.server.run("SET GLOBAL local_infile = 1")
    database.run("CREATE TABLE p (id INT PRIMARY KEY)")
    database.run(f"CREATE TABLE c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id) {action})")
    database.run("INSERT INTO p VALUES (1)")
    target = _target(database, triggers="fire")
    binding = _bind(target, database, "c")
    with pytest.raises(RowRefused, match="1452"):
        _apply(target, first, Upserts(binding, [*_fresh(MANY, 1), _row(MANY, 9)], fresh=True))
    assert _rows(database, "c") == []
    _apply(target, first, Upserts(binding, _fresh(MANY, 1), fresh=True))
    assert database.run("SELECT COUNT(*) FROM c") == [(MANY,)]
    target.close()


UNSAFE: Sequence[tuple[str, str, Sequence[str]]] = (
    ("a table without transactions", "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE=MyISAM", ()),
    ("a key that is not unique", "CREATE TABLE t (id INT NOT NULL, v VARCHAR(20), KEY (id))", ("id",)),
    ("a key that may be NULL", "CREATE TABLE t (id INT UNIQUE, v VARCHAR(20))", ("id",)),
    ("a unique prefix", "CREATE TABLE t (id VARCHAR(9) NOT NULL, v VARCHAR(20), UNIQUE (id(2)))", ("id",)),
    ("a column with a default", "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20), d INT NOT NULL DEFAULT 7)", ()),
)


@pytest.mark.parametrize(("ddl", "key"), [(d, k) for _, d, k in UNSAFE], ids=[name for name, _, _ in UNSAFE])
def test_fresh_rows_are_not_loaded_straight_where_that_may_be_another_thing(
    database: Database, first: Checkpoint, target: MysqlTarget, loads: list[str], ddl: str, key: Sequence[str]
) -> None:
    """Where the server would not warn of a row that is there already, or could not take a batch back."""
    if "MyISAM" in ddl and database.engine == "mysql":
        pytest.skip("with GTIDs, MySQL does not write such a table in a transaction")
    database.run(ddl)
    binding = _bind(target, database, "t", **({"key": key} if key else {}))
    binding = replace(binding, columns=binding.columns[:2])
    rows = _fresh(MANY) if "id(2)" not in ddl else [_row(10 + i, "v") for i in range(90)]
    _apply(target, first, Upserts(binding, rows, fresh=True))
    _apply(target, first, Upserts(binding, rows, fresh=True))
    assert "t" not in loads
    assert database.run("SELECT COUNT(*) FROM t") == [(len(rows),)]
    if "DEFAULT" in ddl:
        assert database.run("SELECT DISTINCT d FROM t") == [(7,)]


def test_fresh_rows_of_a_table_with_a_trigger_are_staged(
    database: Database, first: Checkpoint, target: MysqlTarget, loads: list[str]
) -> None:
    """What a trigger does must be done once, and its errors must not turn into warnings."""
    database.run("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))")
    database.run("CREATE TABLE seen (id INT)")
    database.run("CREATE TRIGGER note AFTER INSERT ON t FOR EACH ROW INSERT INTO seen VALUES (NEW.id)")
    _apply(target, first, Upserts(_bind(target, database, "t"), _fresh(), fresh=True))
    assert loads == ["stage"]
    assert database.run("SELECT COUNT(*), COUNT(DISTINCT id) FROM seen") == [(MANY, MANY)]


def _writes_of(value: Value) -> list[Write]:
    return [(UPSERT, (b"1",), (b"1", value))]


@pytest.mark.parametrize("column", ["INT NOT NULL AUTO_INCREMENT UNIQUE", "TIMESTAMP NOT NULL"])
def test_a_null_that_the_server_would_fill_in_is_refused(
    database: Database, first: Checkpoint, target: MysqlTarget, loads: list[str], column: str
) -> None:
    """A number or a time of the server's own is not what the source has, and LOAD DATA would not even warn of it. Nor
    would an INSERT of few rows, or an UPDATE.
    """
    database.run(f"CREATE TABLE t (id INT PRIMARY KEY, v {column})")
    binding = _bind(target, database, "t")
    upserts = [Upserts(binding, _fresh(size, None), fresh=fresh) for size in (MANY, 3, 1) for fresh in (True, False)]
    steps: list[Step] = [*upserts, Updates(binding, (0, 1), [(b"1", None)]), Ordered(binding, _writes_of(None))]
    for step in steps:
        with pytest.raises(RowRefused, match="column v cannot be NULL"):
            _apply(target, first, step)
    assert loads == []
    assert _rows(database, "t") == []


def test_a_column_that_is_left_out_and_has_no_default_refuses_fresh_rows(
    database: Database, first: Checkpoint, target: MysqlTarget, loads: list[str]
) -> None:
    """LOAD DATA would make up an empty value."""
    database.run("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20), w VARCHAR(5) NOT NULL)")
    binding = _bind(target, database, "t")
    with pytest.raises(RowRefused, match="1364"):
        _apply(target, first, Upserts(replace(binding, columns=binding.columns[:2]), _fresh(), fresh=True))
    assert loads == ["stage"]


def test_fresh_rows_are_logged_as_rows(database: Database, first: Checkpoint, target: MysqlTarget) -> None:
    """The binlog has the rows, and no load that a reader would have to do again."""
    if database.run("SELECT @@log_bin") == [(0,)]:
        pytest.skip("this server writes no binlog")
    database.server.run("SET GLOBAL local_infile = 1")
    target.connect()
    database.run("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))")
    binding = _bind(target, database, "t")
    database.run("FLUSH BINARY LOGS")
    file = _current_log(database)
    _apply(target, first, Upserts(binding, _fresh(), fresh=True))
    kinds = {event[2] for event in database.run(f"SHOW BINLOG EVENTS IN '{file}'")}
    assert any(kind.startswith("Write_rows") for kind in kinds)
    assert not any("load" in kind.lower() for kind in kinds)


def test_generated_columns_auto_increment_zero_and_zero_dates_are_written_as_sent(
    database: Database, first: Checkpoint, target: MysqlTarget
) -> None:
    """An id of 0 stays 0, a zero date stays a zero date, and generated columns are the server's."""
    database.run("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, d DATE, n INT, g INT AS (n + 1) STORED)")
    binding = _bind(target, database, "t")
    _apply(target, first, Upserts(binding, [_row(0, "0000-00-00", 0), _row(5, "2024-00-15", 5)]))
    assert database.run("SELECT id, CAST(d AS CHAR), g FROM t ORDER BY 1") == [
        (0, "0000-00-00", 1),
        (5, "2024-00-15", 6),
    ]


def test_odd_names_are_quoted(database: Database, first: Checkpoint, target: MysqlTarget) -> None:
    """Backticks, quotes, per cents, keywords and non-ASCII letters in names change nothing."""
    database.run(
        "CREATE TABLE `a``b%s \"x` (`select` INT PRIMARY KEY, `col\\\\'` TEXT, `größe %d` INT, `cdc_agent_number` INT)"
    )
    binding = _bind(target, database, 'a`b%s "x')
    many = [_row(i, "x", i, i) for i in range(MANY)]
    _apply(target, first, Upserts(binding, many))
    _apply(target, first, Updates(binding, (0, 2), [_row(i, 7) for i in range(20)]), Removes(binding, [_row(3)]))
    assert database.run('SELECT COUNT(*), SUM(`größe %d` = 7) FROM `a``b%s "x`') == [(MANY - 1, 19)]


def test_one_row_of_a_transaction_can_be_attempted_and_given_up(
    database: Database, first: Checkpoint, target: MysqlTarget
) -> None:
    """A refused attempt leaves what was applied before it, the quarantined row and the checkpoint commit together."""
    database.run("CREATE TABLE t (id INT PRIMARY KEY, n TINYINT)")
    binding = _bind(target, database, "t")
    second = replace(first, position="lsn:0/2", transactions=1, changes=3, quarantined=1, source_commit_time=12.5)
    target.begin(second)
    assert target.attempt([Upserts(binding, [_row(1, 1)])], _never) is None
    refusal = target.attempt([Upserts(binding, [_row(2, 2)]), Upserts(binding, [_row(3, 333)])], _never)
    assert isinstance(refusal, RowRefused)
    assert target.attempt([Upserts(binding, [_row(i, 3) for i in range(10, 10 + MANY)])], _never) is None
    target.quarantine(first.pipeline, [replace(ENTRY, reason="out of range")])
    target.finish(replace(second, position="lsn:0/3"))
    target.commit(history=second)
    assert database.run("SELECT id FROM t ORDER BY id LIMIT 2") == [(1,), (10,)]
    found = database.run("SELECT reason, state FROM cdc_agent.quarantine WHERE pipeline = %s", (first.pipeline,))
    assert found == [("out of range", "waiting")]
    history = database.run("SELECT position FROM cdc_agent.checkpoint_history WHERE pipeline = %s", (first.pipeline,))
    assert history == [("lsn:0/2",)]
    assert target.checkpoint(first.pipeline) == replace(second, position="lsn:0/3")


def test_the_older_of_two_agents_stops_and_names_the_other(
    database: Database, first: Checkpoint, target: MysqlTarget
) -> None:
    """The generation decides, and what the older one wanted to write is not written."""
    database.run("CREATE TABLE t (id INT PRIMARY KEY)")
    old = target.take_over(first.pipeline, "db-1:1")
    other = _target(database)
    new = other.take_over(first.pipeline, "db-2:77")
    assert (old.generation, new.generation) == (2, 3)
    with pytest.raises(TakenOver) as refusal:
        target.begin(old)
    assert "expected generation 2, found 3 (host db-2:77" in refusal.value.render()
    other.begin(new)
    other.commit()
    other.close()


def test_the_checkpoint_row_is_a_genuine_marker(database: Database, first: Checkpoint, target: MysqlTarget) -> None:
    """What an agent writes carries the digest by which the other direction knows it, also after a take-over."""
    taken = target.take_over(first.pipeline, "db-1:1")
    target.begin(replace(taken, position="lsn:0/9", transactions=4, path=("hub", "phone")))
    target.commit()
    columns = ", ".join(f"`{column}`" for column in CHECKPOINT_COLUMNS)
    (row,) = database.run(f"SELECT {columns} FROM cdc_agent.checkpoint WHERE pipeline = %s", (first.pipeline,))
    marker = echo.read_marker(
        {n: None if v is None else str(v).encode() for n, v in zip(CHECKPOINT_COLUMNS, row, strict=True)}
    )
    assert marker == echo.Marker(first.pipeline, ("hub", "phone"))


def test_a_pipeline_without_a_row_is_not_set_up(database: Database, first: Checkpoint, target: MysqlTarget) -> None:
    """Reading says None, writing and taking over say what is missing."""
    assert target.checkpoint("nobody's") is None
    with pytest.raises(NotSetUp):
        target.take_over("nobody's", "here")
    with pytest.raises(TakenOver, match="removed"):
        target.begin(replace(first, pipeline="nobody's"))


def test_a_deadlock_rolls_everything_back_and_is_retryable(
    database: Database, first: Checkpoint, target: MysqlTarget
) -> None:
    """After TransactionAborted nothing of the transaction is left, and the same batch can be applied again."""
    database.run("CREATE TABLE t (id INT PRIMARY KEY, n INT)")
    database.run("INSERT INTO t VALUES (1, 0), (2, 0)")
    binding = _bind(target, database, "t")
    assert target._session is not None
    target._session.query("SET SESSION innodb_lock_wait_timeout = 1")
    with database.connect() as other:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("UPDATE t SET n = 5 WHERE id = 2")
        target.begin(replace(first, position="lsn:0/5"))
        with pytest.raises(TransactionAborted):
            target.apply([Upserts(binding, [_row(1, 1)]), Upserts(binding, [_row(2, 1)])], _never)
        with other.cursor() as cursor:
            cursor.execute("COMMIT")
    assert _rows(database, "t") == [(1, 0), (2, 5)]
    assert _checkpoint(database, first) == first
    _apply(target, first, Upserts(binding, [_row(1, 1), _row(2, 1)]))
    assert _rows(database, "t") == [(1, 1), (2, 1)]


def test_a_lost_connection_is_unavailable_and_at_commit_of_unknown_outcome(
    database: Database, first: Checkpoint, target: MysqlTarget
) -> None:
    """A killed session is reported by what it may have done; `rollback` and `close` never raise, `connect` mends it."""
    database.run("CREATE TABLE t (id INT PRIMARY KEY)")
    binding = _bind(target, database, "t")
    target.begin(first)
    _kill(database, target)
    with pytest.raises(TargetUnavailable):
        target.apply([Upserts(binding, [_row(1)])], _never)
    target.rollback()
    target.connect()
    target.begin(first)
    _kill(database, target)
    with pytest.raises(OutcomeUnknown):
        target.commit()
    target.rollback()
    target.close()
    target.close()
    with pytest.raises(TargetUnavailable):
        target.begin(first)


def test_an_unreachable_server_and_a_wrong_password_are_told_apart(any_mysql: Server) -> None:
    """One is worth waiting for, the other is not."""
    nobody = DatabaseSettings(url="mysql://x:y@127.0.0.1:1/x")
    with pytest.raises(TargetUnavailable):
        MysqlTarget(nobody, name="crm").connect()
    wrong = DatabaseSettings(url=any_mysql.url(password="s3cret", database="cdc_agent"))
    with pytest.raises(PrivilegeMissing) as refusal:
        MysqlTarget(wrong, name="crm").connect()
    assert "s3cret" not in refusal.value.render()


def test_a_read_only_server_is_waited_for_and_one_without_local_infile_works(
    any_mysql: Server, private_server: Callable[..., Server]
) -> None:
    """After a failover the old primary is read-only: that passes, and no row is to blame."""
    server = private_server(any_mysql, {"local_infile": "0"}, in_memory=True)
    make_store(server)
    database = server.create_database("own")
    server.run("CREATE USER agent IDENTIFIED BY 'p'; GRANT ALL ON cdc_agent.* TO agent")
    server.run(f"GRANT ALL ON {database.name}.* TO agent")
    database.run("CREATE TABLE t (id INT PRIMARY KEY)")
    first = _set_up(database)
    target = MysqlTarget(DatabaseSettings(url=database.url("agent", "p")), name="crm")
    target.connect()
    rows = [_row(i) for i in range(MANY)]
    _apply(target, first, Upserts(_bind(target, database, "t"), rows))
    assert database.run("SELECT COUNT(*) FROM t") == [(MANY,)]
    server.run("SET GLOBAL read_only = 1")
    with pytest.raises(TargetUnavailable):
        target.begin(first)
    target.close()


def test_a_row_beyond_the_packet_limit_is_refused_and_the_session_lives(
    database: Database, first: Checkpoint, target: MysqlTarget, way: str
) -> None:
    """The server would hang up on such a statement; the row is refused before it is sent."""
    database.run("CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT)")
    binding = _bind(target, database, "t")
    ((limit,),) = database.run("SELECT @@max_allowed_packet")
    huge = (b"1", b"x" * limit)
    for rows in ([huge], [*(_row(i, "x") for i in range(2, MANY)), huge]):
        with pytest.raises(RowRefused, match="max_allowed_packet"):
            _apply(target, first, Upserts(binding, rows))
    _apply(target, first, Upserts(binding, [_row(1, "small")]))
    assert _rows(database, "t") == [(1, "small")]


def test_staging_leaves_nothing_in_the_binlog(database: Database, first: Checkpoint, target: MysqlTarget) -> None:
    """Only the rows themselves are logged, so that a large batch costs the log what a small one does."""
    if database.run("SELECT @@log_bin") == [(0,)]:
        pytest.skip("this server writes no binlog")
    if database.run("SELECT @@binlog_format") != [("ROW",)]:
        pytest.skip("this server does not log rows")
    database.run("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    binding = _bind(target, database, "t")
    database.run("FLUSH BINARY LOGS")
    file = _current_log(database)
    for _ in range(2):
        _apply(target, first, Upserts(binding, [_row(i, i) for i in range(MANY)]))
    target.close()
    events = database.run(f"SHOW BINLOG EVENTS IN '{file}'")
    text = " ".join(str(event[5]) for event in events if event[2] != "Annotate_rows")  # the statement, as a comment
    assert f"{database.name}.t" in text
    assert "stage_" not in text


def test_a_changed_table_is_seen_after_forget(database: Database, first: Checkpoint, target: MysqlTarget) -> None:
    """Descriptions are cached until `forget`, and staging tables are made anew with the new columns."""
    database.run("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(3))")
    rows = [_row(i, "abc") for i in range(MANY)]
    _apply(target, first, Upserts(_bind(target, database, "t"), rows))
    database.run("ALTER TABLE t MODIFY v VARCHAR(10)")
    assert target.describe(database.name, "t") is target.describe(database.name, "t")
    target.forget()
    longer = [_row(i, "abcdefgh") for i in range(MANY)]
    _apply(target, first, Upserts(_bind(target, database, "t"), longer))
    assert database.run("SELECT DISTINCT v FROM t") == [("abcdefgh",)]
    assert target.describe(database.name, "none") is None


def test_the_server_cannot_ask_for_a_file(database: Database, target: MysqlTarget) -> None:
    """LOAD DATA LOCAL gets the rows from memory; a statement that names a file of this machine gets nothing."""
    database.server.run("SET GLOBAL local_infile = 1")
    database.run("CREATE TABLE t (line TEXT)")
    assert target._session is not None
    target._session.query(f"LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE `{database.name}`.t")
    target._session.query("COMMIT")
    assert _rows(database, "t") == []


def _checkpoint(database: Database, like: Checkpoint) -> Checkpoint | None:
    other = _target(database)
    found = other.checkpoint(like.pipeline)
    other.close()
    return found


def _kill(database: Database, target: MysqlTarget) -> None:
    assert target._session is not None
    database.run(f"KILL {target._session.thread_id()}")


def _current_log(database: Database) -> str:
    try:
        return str(database.run("SHOW BINARY LOG STATUS")[0][0])
    except pymysql.MySQLError:
        return str(database.run("SHOW MASTER STATUS")[0][0])


_TYPES: Sequence[tuple[str, str, str]] = (
    ("TINYINT UNSIGNED", "255", "255"),
    ("BIGINT UNSIGNED", "18446744073709551615", "18446744073709551615"),
    (
        "DECIMAL(65,30)",
        "-12345678901234567890123456789012345.123456789012345678901234567891",
        "-12345678901234567890123456789012345.123456789012345678901234567891",
    ),
    ("FLOAT", "0.1", "0.1"),
    ("DOUBLE", "1.7976931348623157e+308", "1.7976931348623157e308"),
    ("CHAR(5) CHARACTER SET latin1", "é  ", "é"),
    ("VARCHAR(9) CHARACTER SET gbk", "中文", "中文"),
    ("VARCHAR(9) CHARACTER SET utf16", "😀", "😀"),
    ("TEXT", "\\N\t\n\r\0'\"\\", "\\N\t\n\r\0'\"\\"),
    ("DATE", "9999-12-31", "9999-12-31"),
    ("DATETIME(6)", "2024-02-29 12:00:00.000001", "2024-02-29 12:00:00.000001"),
    ("TIMESTAMP(6) NULL", "2024-02-29 12:00:00.5+00", "2024-02-29 12:00:00.500000"),
    ("TIME(6)", "-838:59:59", "-838:59:59.000000"),
    ("YEAR", "0", "0000"),
    ("YEAR", "2155", "2155"),
    ("ENUM('1','a''b','x,y')", "x,y", "x,y"),
    ("ENUM('2','1')", "1", "1"),
    ("SET('a','b','c')", "a,c", "a,c"),
    ("SET('a','b')", "", ""),
)


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("count", [2, MANY])
def test_every_type_arrives_as_sent(
    database: Database, first: Checkpoint, target: MysqlTarget, way: str, count: int, fresh: bool
) -> None:
    """Values at the edges of each type read back as they were, and NULL as NULL, by literals and by staging."""
    columns = ", ".join(f"c{i} {declared}" for i, (declared, _, _) in enumerate(_TYPES))
    database.run(f"CREATE TABLE t (id INT PRIMARY KEY, {columns}) CHARACTER SET utf8mb4")
    binding = _bind(target, database, "t")
    sent = [_row(i, *(value for _, value, _ in _TYPES)) for i in range(count)]
    _apply(target, first, Upserts(binding, [*sent, _row(count, *(None for _ in _TYPES))], fresh=fresh))
    texts = ", ".join(f"CAST(c{i} AS CHAR)" for i in range(len(_TYPES)))
    found = database.run(f"SET time_zone = '+00:00'; SELECT {texts} FROM t ORDER BY id")
    assert len(found) == count + 1
    assert set(found[-1]) == {None}
    for i, (declared, value, text) in enumerate(_TYPES):
        assert {row[i] for row in found[:-1]} == {text}, f"{declared} {value}"


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("count", [2, MANY])
def test_binary_spatial_and_json_values_arrive_as_sent(
    database: Database, first: Checkpoint, target: MysqlTarget, way: str, count: int, fresh: bool
) -> None:
    """Bytes that are no text, bits, points with their SRID and axis order, and JSON with any character."""
    database.run(
        "CREATE TABLE t (id INT PRIMARY KEY, b LONGBLOB, f BINARY(4), n BIT(64), p POINT, j JSON) CHARACTER SET utf8mb4"
    )
    binding = _bind(target, database, "t")
    every_byte = "\\x" + bytes(range(256)).hex()
    point = "0101000020E6100000000000000000F03F0000000000000040"
    json = '{"k": ["\\\\\\"\\n😀", 1.5, null]}'
    rows = [_row(i, every_byte, "\\x01", "1" * 64, point, json) for i in range(count)]
    _apply(target, first, Upserts(binding, rows, fresh=fresh))
    found = database.run("SELECT DISTINCT b, f, n + 0, ST_SRID(p), HEX(p), JSON_EXTRACT(j, '$.k[0]') FROM t")
    stored = "E6100000" + "0101000000" + point[18:]
    assert found == [(bytes(range(256)), b"\x01\0\0\0", 2**64 - 1, 4326, stored, '"\\\\\\"\\n😀"')]


def test_mariadb_s_own_types_arrive_as_sent(database: Database, first: Checkpoint, target: MysqlTarget) -> None:
    """UUID and INET6 go as text."""
    if database.engine != "mariadb" or database.server.spec.order < (10, 7):
        pytest.skip("only MariaDB from 10.7 on has the type uuid")
    database.run("CREATE TABLE t (id INT PRIMARY KEY, u UUID, i INET6)")
    sent = [_row(i, "123e4567-e89b-12d3-a456-426655440000", "2001:db8::1") for i in range(MANY)]
    binding = _bind(target, database, "t")
    _apply(target, first, Upserts(binding, sent[:2]), Upserts(binding, sent))
    found = database.run("SELECT DISTINCT CAST(u AS CHAR), CAST(i AS CHAR) FROM t")
    assert found == [("123e4567-e89b-12d3-a456-426655440000", "2001:db8::1")]
