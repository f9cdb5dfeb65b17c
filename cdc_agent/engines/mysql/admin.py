"""`engines.admin.Admin` for MySQL and MariaDB."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import pymysql

from cdc_agent.config.model import Database, Engine
from cdc_agent.engines.admin import Found, OldRows
from cdc_agent.engines.mysql import catalogue, foreign_keys
from cdc_agent.engines.mysql.connection import connect, quote, translate
from cdc_agent.engines.mysql.ddl import APPLICABLE, MysqlDdl
from cdc_agent.model.changes import Identity, TableName
from cdc_agent.model.shapes import Shape
from cdc_agent.model.tables import ForeignKey, TargetTable


class MysqlAdmin:
    """An autocommit connection; see `engines.admin.Admin`."""

    engine = Engine.MYSQL

    def __init__(self, database: Database, purpose: str) -> None:
        self._purpose = purpose
        self._acting: list[tuple[TableName, ForeignKey]] | None = None
        self._session = connect(database, purpose=purpose)

    @property
    def flavor(self) -> str:
        return self._session.server.flavor.value

    @property
    def version(self) -> tuple[int, ...]:
        return self._session.server.version

    def rows(self, statement: str, parameters: Sequence[object] = ()) -> Found:
        try:
            with self._session.cursor() as cursor:
                cursor.execute(statement, tuple(parameters) or None)
                return list(cursor.fetchall())
        except pymysql.MySQLError as error:
            raise translate(error, self._purpose) from error

    def run(self, statement: str, parameters: Sequence[object] = ()) -> int:
        try:
            with self._session.cursor() as cursor:
                return int(cursor.execute(statement, tuple(parameters) or None))
        except pymysql.MySQLError as error:
            raise translate(error, self._purpose) from error

    def quote(self, *names: str) -> str:
        return ".".join(quote(name) for name in names)

    def describe(self, schema: str, name: str) -> TargetTable | None:
        try:
            return catalogue.describe(self._session, schema, name)
        except pymysql.MySQLError as error:
            raise translate(error, self._purpose) from error

    def describe_all(self, names: Sequence[TableName]) -> dict[TableName, TargetTable]:
        return catalogue.describe_all(self._session, names)

    def shapes(self, names: Sequence[TableName]) -> dict[TableName, Shape]:
        return catalogue.shapes(self._session, names)

    def dialect(self, source_flavor: str) -> MysqlDdl:
        """See `Admin`; collations are looked up on this server."""
        return MysqlDdl(self.flavor, source_flavor, functools.cache(self._collations))

    def _collations(self) -> frozenset[str]:
        return frozenset(str(name) for row in self.rows(APPLICABLE) for name in row if name)

    def tables(self) -> list[tuple[str, str]]:
        try:
            return catalogue.list_tables(self._session)
        except pymysql.MySQLError as error:
            raise translate(error, self._purpose) from error

    def left_out(self) -> list[tuple[TableName, str]]:
        return catalogue.left_out(self._session)

    def setting(self, name: str) -> str:
        found = self.rows("SHOW GLOBAL VARIABLES LIKE %s", (name.replace("_", r"\_"),))
        return str(found[0][1] or "") if found else ""

    def clock(self) -> float:
        return float(self.rows("SELECT UNIX_TIMESTAMP(SYSDATE(6))")[0][0])

    def identities(self, names: Sequence[TableName]) -> dict[TableName, OldRows]:
        """Whole rows: what a smaller row image leaves out is read again."""
        return dict.fromkeys(names, OldRows(Identity.FULL))

    def triggers(self, names: Sequence[TableName]) -> dict[TableName, list[str]]:
        return catalogue.all_triggers(self._session, names)

    def acting_keys(self) -> list[tuple[TableName, ForeignKey]]:
        if self._acting is None:
            self._acting = foreign_keys.acting(self._session)
        return self._acting

    @property
    def logs_cascades(self) -> bool:
        """Whether the binlog holds what foreign keys do to children: MySQL 9.6 and newer, unless told not to.

        https://dev.mysql.com/doc/relnotes/mysql/9.6/en/news-9-6-0.html
        """
        return self.setting("innodb_native_foreign_keys") == "OFF"

    def close(self) -> None:
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
