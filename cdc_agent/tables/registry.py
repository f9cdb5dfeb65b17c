"""The engines' readers: from a database of the configuration to its tables.

Only here is an engine's name looked up for one. A further engine adds a line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from cdc_agent.config.model import Database
from cdc_agent.errors import Retryable
from cdc_agent.model.engines import Engine
from cdc_agent.tables.base import TableReader
from cdc_agent.tables.mysql import MysqlTables
from cdc_agent.tables.postgres import PostgresTables

READERS: Final[Mapping[Engine, Callable[[Database, str, type[Retryable]], TableReader]]] = {
    Engine.POSTGRES: PostgresTables,
    Engine.MYSQL: MysqlTables,
}


def tables(database: Database, purpose: str, *, unavailable: type[Retryable]) -> TableReader:
    """A reader that connects when first asked; `unavailable` is what it raises when it cannot."""
    return READERS[database.engine](database, purpose, unavailable)
