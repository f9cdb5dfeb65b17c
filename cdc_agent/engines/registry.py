"""The engines that there are: from a database of the configuration to what serves it.

In: a `config.model.Database`. Out: an open `engines.admin.Admin` of its engine.
"""

from __future__ import annotations

from cdc_agent.config.model import Database, Engine
from cdc_agent.engines.admin import Admin
from cdc_agent.engines.mysql.admin import MysqlAdmin
from cdc_agent.engines.postgres.admin import PostgresAdmin


def connect(database: Database, purpose: str) -> Admin:
    """Open a connection. Raises a Retryable error when the server cannot be reached."""
    if database.engine is Engine.MYSQL:
        return MysqlAdmin(database, purpose)
    return PostgresAdmin(database, purpose)
