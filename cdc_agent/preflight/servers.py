"""The databases of a configuration, each connected to once and only when it is asked for.

In: a `Config`. Out: `engines.admin.Admin`s by name. A database that cannot be reached raises the same error each
time, without a second attempt.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from cdc_agent.config.model import Config
from cdc_agent.engines.admin import Admin
from cdc_agent.engines.registry import connect
from cdc_agent.errors import AgentError


class Servers:
    """Used by one thread, as a context manager that closes what was opened."""

    def __init__(self, config: Config, purpose: str) -> None:
        self._config = config
        self._purpose = purpose
        self._open: dict[str, Admin] = {}
        self._failed: dict[str, AgentError] = {}

    def __getitem__(self, name: str) -> Admin:
        """The connection to the database of that name; raises the AgentError of the first attempt."""
        if name in self._failed:
            raise self._failed[name]
        if name not in self._open:
            try:
                self._open[name] = connect(self._config.databases[name], self._purpose)
            except AgentError as error:
                self._failed[name] = error
                raise
        return self._open[name]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connection in self._open.values():
            connection.close()
