"""The engines' objects in this room: from a database of the configuration to an open administrative connection.

Only here is an engine's name looked up for one. A further engine adds a line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from cdc_agent.config.model import Database
from cdc_agent.engines.admin import Admin
from cdc_agent.engines.mysql.admin import MysqlAdmin
from cdc_agent.engines.postgres.admin import PostgresAdmin
from cdc_agent.model.engines import Engine

ADMINS: Final[Mapping[Engine, Callable[[Database, str], Admin]]] = {
    Engine.POSTGRES: PostgresAdmin,
    Engine.MYSQL: MysqlAdmin,
}


def connect(database: Database, purpose: str) -> Admin:
    """Open a connection. Raises a Retryable error when the server cannot be reached."""
    return ADMINS[database.engine](database, purpose)
