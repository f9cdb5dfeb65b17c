"""An ordinary connection beside the replication stream, for questions to the catalogue.

Opened when it is needed, and once more when it was lost since (`idle_session_timeout`, a pooler). One thread at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import psycopg

from cdc_agent.config.model import Database
from cdc_agent.engines.postgres.connection import connect, lost
from cdc_agent.errors import SourceUnavailable
from cdc_agent.sources.postgres.faults import translate

Answer = TypeVar("Answer")


class Session:
    def __init__(self, database: Database, purpose: str) -> None:
        self._database = database
        self._purpose = purpose
        self._connection: psycopg.Connection[Any] | None = None

    def ask(self, question: Callable[[psycopg.Connection[Any]], Answer], doing: str) -> Answer:
        """What `question` returns. Raises the agent's error for the driver's, as `faults.translate`."""
        found = self._connection
        if found is not None:
            try:
                return question(found)
            except psycopg.Error as error:
                if not lost(error, found):
                    raise translate(error, doing) from error
                self.close()
        opened = self._connection = connect(self._database, purpose=self._purpose, unavailable=SourceUnavailable)
        try:
            return question(opened)
        except psycopg.Error as error:
            raise translate(error, doing) from error

    def close(self) -> None:
        """Safe to call twice; the next question opens a connection again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
