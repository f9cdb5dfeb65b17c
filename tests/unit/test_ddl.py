"""The statements that make a target's tables: what is the same, what is left out and said, what is refused."""

from __future__ import annotations

import pytest

from cdc_agent.engines import ddl
from cdc_agent.engines.ddl import Copy, Dialect, Made
from cdc_agent.engines.mysql.catalogue import mariadb_default, mysql_default
from cdc_agent.engines.mysql.ddl import MysqlDdl
from cdc_agent.engines.postgres.catalogue import default_of
from cdc_agent.engines.postgres.ddl import PostgresDdl
from cdc_agent.errors import TargetSchemaError
from cdc_agent.model.shapes import Default, Index, Shape
from cdc_agent.model.tables import ForeignKey, TargetColumn, TargetTable
from cdc_agent.model.values import Kind, Type

INTEGER = Type(Kind.INTEGER, "integer", precision=32)
TEXT = Type(Kind.TEXT, "text")
SHORT = Type(Kind.TEXT, "character varying(20)", length=20)
JSON = Type(Kind.JSON, "jsonb")
INSTANT = Type(Kind.INSTANT, "timestamp with time zone", precision=6)
EMPTY = Type(Kind.TEXT, "varchar(0)", length=0, charset="utf8mb4", collation="utf8mb4_bin")
TO_MYSQL = MysqlDdl("mysql", "postgresql")
TO_POSTGRES = PostgresDdl("mysql", lambda declared, base: None)
SAME_POSTGRES = PostgresDdl("postgresql", lambda declared, base: "pg_catalog")


def column(name: str, type_: Type, *, nullable: bool = True, identity: bool = False) -> TargetColumn:
    return TargetColumn(name, type_, nullable, has_default=identity, identity=identity)


def shape(
    name: str,
    *columns: TargetColumn,
    key: tuple[str, ...] = ("id",),
    foreign: tuple[ForeignKey, ...] = (),
    indexes: tuple[Index, ...] = (),
    defaults: dict[str, Default] | None = None,
    identity: tuple[str, ...] = (),
) -> Shape:
    unique = tuple(index.columns for index in indexes if index.unique)
    table = TargetTable("s", name, columns, key, unique, foreign)
    return Shape(table, defaults or {}, indexes, identity)


def copy(one: Shape, **renamed: str) -> Copy:
    names = {column.name: renamed.get(column.name, column.name) for column in one.table.columns}
    return Copy(one, ("t", one.table.name), names)


def made(dialect: Dialect, *shapes: Shape) -> list[Made | TargetSchemaError]:
    return list(ddl.create([copy(one) for one in shapes], dialect))


def one(dialect: Dialect, *shapes: Shape) -> Made:
    """The last of these tables."""
    found = made(dialect, *shapes)[-1]
    assert isinstance(found, Made), found
    return found


ID = column("id", INTEGER, nullable=False)
PARENT = shape("parent", ID, column("name", SHORT))


def child(action: str = "CASCADE", references: tuple[str, str] = ("s", "parent"), of: str = "id") -> Shape:
    key = ForeignKey("child_parent", ("parent",), references, (of,), action, "CASCADE")
    return shape("child", ID, column("parent", INTEGER), foreign=(key,), indexes=(Index("by_parent", ("parent",)),))


def test_a_table_has_its_keys_indexes_and_foreign_keys() -> None:
    """Tables come first, then indexes, then foreign keys, which may point in circles."""
    found = one(TO_MYSQL, PARENT, child())
    assert "PRIMARY KEY (`id`)" in found.table
    assert found.indexes == ("CREATE INDEX `by_parent` ON `t`.`child` (`parent`)",)
    (foreign,) = found.foreign_keys
    assert foreign.parent == ("t", "parent")
    assert foreign.statement == (
        "ALTER TABLE `t`.`child` ADD FOREIGN KEY (`parent`) REFERENCES `t`.`parent` (`id`)"
        " ON DELETE CASCADE ON UPDATE CASCADE"
    )
    assert found.left_out == ()
    (named,) = one(TO_POSTGRES, PARENT, child()).foreign_keys
    assert 'ADD CONSTRAINT "child_parent" FOREIGN KEY' in named.statement


@pytest.mark.parametrize("odd", [child("SET DEFAULT"), child(references=("s", "elsewhere")), child(of="name")])
def test_a_foreign_key_that_cannot_be_made_is_said(odd: Shape) -> None:
    """An action that the engine lacks, a parent that is not copied, columns that are no key there."""
    found = one(TO_MYSQL, PARENT, odd)
    assert found.foreign_keys == ()
    assert [what for what in found.left_out if what.startswith("foreign key child_parent")]


def test_a_table_that_is_there_is_referred_to_and_not_made() -> None:
    """`without` names what the target has."""
    found = list(ddl.create([copy(PARENT), copy(child())], TO_MYSQL, without=[("t", "parent")]))
    assert [one.target for one in found if isinstance(one, Made)] == [("t", "child")]
    assert isinstance(found[0], Made)
    assert len(found[0].foreign_keys) == 1


def test_one_table_that_cannot_be_made_does_not_keep_the_others_from_it() -> None:
    """The error names its table; what follows is made."""
    document = shape("document", column("body", JSON, nullable=False), key=("body",))
    wide = shape("wide", *(column(f"c{n}", TEXT, nullable=False) for n in range(4)), key=("c0", "c1", "c2", "c3"))
    unlogged = Shape(PARENT.table, logged=False)
    long = shape("n" * 70, ID)
    refused = made(TO_MYSQL, document, wide, unlogged, long, child())
    assert [isinstance(one, Made) for one in refused] == [False, False, False, False, True]
    messages = [one.message for one in refused if isinstance(one, TargetSchemaError)]
    assert [message.split(":")[0] for message in messages] == ["t.document", "t.wide", "t.parent", f"t.{'n' * 70}"]
    assert "4080 bytes" in messages[1]
    (error,) = made(TO_POSTGRES, long)
    assert isinstance(error, TargetSchemaError)
    assert "63 bytes" in error.message


def test_a_key_that_identifies_rows_becomes_the_primary_key() -> None:
    """Where the source has none: the replica identity's index, or a unique key without NULL."""
    mail, code = column("mail", SHORT, nullable=False), column("code", SHORT, nullable=False)
    unique = (Index("u", ("mail",), unique=True), Index("v", ("code",), unique=True))
    first = one(TO_MYSQL, shape("a", ID, mail, code, key=(), indexes=unique))
    assert "PRIMARY KEY (`mail`)" in first.table
    assert len(first.indexes) == 1
    second = one(TO_MYSQL, shape("a", ID, mail, code, key=(), indexes=unique, identity=("code",)))
    assert "PRIMARY KEY (`code`)" in second.table
    none = one(TO_MYSQL, shape("a", ID, column("mail", SHORT), key=(), indexes=unique[:1]))
    assert "PRIMARY KEY" not in none.table


def test_defaults_and_numbering() -> None:
    """Constants, the time and numbering pass between engines; an expression is left out and said."""
    defaults = {
        "state": Default("'new'::text", value="new"),
        "at": Default("now()", now=True),
        "token": Default("gen_random_uuid()"),
    }
    columns = (
        column("id", INTEGER, nullable=False, identity=True),
        column("state", SHORT, nullable=False),
        column("at", INSTANT, nullable=False),
        column("token", SHORT),
    )
    there = shape("a", *columns, defaults=defaults)
    found = one(TO_MYSQL, there)
    assert "`id` int NOT NULL AUTO_INCREMENT" in found.table
    assert "`state` varchar(20) NOT NULL DEFAULT 'new'" in found.table
    assert "`at` datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)" in found.table
    assert found.left_out == ("the default of column token, gen_random_uuid()",)
    same = one(SAME_POSTGRES, there)
    assert '"id" integer NOT NULL GENERATED BY DEFAULT AS IDENTITY' in same.table
    assert '"token" character varying(20) NULL DEFAULT gen_random_uuid()' in same.table
    assert same.left_out == ()


def test_columns_of_no_length() -> None:
    """MySQL's varchar(0) holds NULL and the empty text; PostgreSQL's shortest holds one character."""
    assert '"flag" character varying(1) NULL' in one(TO_POSTGRES, shape("a", ID, column("flag", EMPTY))).table
    assert "`flag` varchar(0)" in one(MysqlDdl("mysql", "mysql"), shape("a", ID, column("flag", EMPTY))).table


def test_a_long_text_is_indexed_by_its_beginning_and_never_unique_by_it() -> None:
    """A unique index over a prefix would refuse rows that the source has."""
    notes = column("notes", TEXT)
    plain, unique = Index("by_notes", ("notes",)), Index("only_notes", ("notes",), unique=True)
    found = one(TO_MYSQL, shape("a", ID, notes, indexes=(plain, unique)))
    assert found.indexes == ("CREATE INDEX `by_notes` ON `t`.`a` (`notes`(768))",)
    assert found.left_out == ("unique index only_notes (notes), which mysql cannot hold",)


def test_single_columns() -> None:
    """ADD, MODIFY and RENAME in either dialect; a new column may be NULL, for the rows that are there."""
    table, name = ("t", "a"), column("name", SHORT, nullable=False)
    assert ddl.add_column(table, "name", name, TO_MYSQL) == "ALTER TABLE `t`.`a` ADD COLUMN `name` varchar(20) NULL"
    filled = ddl.add_column(table, "name", name, SAME_POSTGRES, Default("''::text", value=""))
    assert filled == 'ALTER TABLE "t"."a" ADD COLUMN "name" character varying(20) NOT NULL DEFAULT \'\'::text'
    assert ddl.change_column(table, "name", name, TO_MYSQL) == [
        "ALTER TABLE `t`.`a` MODIFY COLUMN `name` varchar(20) NOT NULL"
    ]
    assert ddl.change_column(table, "name", column("name", TEXT), SAME_POSTGRES) == [
        'ALTER TABLE "t"."a" ALTER COLUMN "name" TYPE text, ALTER COLUMN "name" DROP NOT NULL'
    ]
    assert ddl.rename_column(table, "a", "b", TO_MYSQL) == "ALTER TABLE `t`.`a` RENAME COLUMN `a` TO `b`"


@pytest.mark.parametrize(
    ("found", "value", "now"),
    [
        (default_of("'it''s'::character varying"), "it's", False),
        (default_of("'-1'::integer"), "-1", False),
        (default_of("0.5"), "0.5", False),
        (default_of("true"), "true", False),
        (default_of("now()"), None, True),
        (default_of("lower('A'::text)"), None, False),
        (default_of("'a'::text || 'b'::text"), None, False),
        (mysql_default("new", ""), "new", False),
        (mysql_default("CURRENT_TIMESTAMP(6)", "DEFAULT_GENERATED"), None, True),
        (mysql_default("uuid()", "DEFAULT_GENERATED"), None, False),
        (mysql_default("b'1'", ""), None, False),
        (mariadb_default("'it''s'"), "it's", False),
        (mariadb_default("0"), "0", False),
        (mariadb_default("current_timestamp()"), None, True),
        (mariadb_default("uuid()"), None, False),
    ],
)
def test_defaults_are_read_as_each_server_spells_them(found: Default, value: str | None, now: bool) -> None:
    """A constant, the time, or an expression that is only shown."""
    assert (found.value, found.now) == (value, now)
