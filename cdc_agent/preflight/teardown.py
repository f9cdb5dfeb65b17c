"""``cdc-agent teardown``: removes what setup made for pipelines, so that nothing pins a log.

In: a configuration and the names of pipelines. Out: a report of what was removed. Slots go first, since a slot without
an agent fills its server's disk; a database that cannot be reached does not keep the others from being cleaned.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from cdc_agent.config.model import Config
from cdc_agent.errors import AgentError, TablesTooNew
from cdc_agent.flow import ends as databases
from cdc_agent.preflight.servers import Servers
from cdc_agent.preflight.setup import Report
from cdc_agent.store import checkpoints, versions


def tear_down(config: Config, names: Sequence[str], *, schema: bool = False) -> Report:
    """Remove slots, publications and checkpoints of pipelines; with `schema` also cdc_agent where none remains.

    Raises the first AgentError after everything that could be removed was removed; TablesTooNew is one.
    """
    with Servers(config, "teardown") as servers:
        teardown = _Teardown(config, servers)
        for name in names:
            teardown.pipeline(name)
        if schema:
            for target in dict.fromkeys(config.pipelines[name].target for name in names):
                teardown.attempt(functools.partial(teardown.schema, target))
        if teardown.failures:
            raise teardown.failures[0]
        return teardown.report


class _Teardown:
    def __init__(self, config: Config, servers: Servers) -> None:
        self._config = config
        self._servers = servers
        self.report = Report()
        self.failures: list[AgentError] = []

    def attempt(self, step: Callable[[], None]) -> None:
        try:
            step()
        except AgentError as error:
            self.failures.append(error)

    def _note(self, changed: bool, what: str) -> None:
        (self.report.done if changed else self.report.unchanged).append(what)

    def pipeline(self, name: str) -> None:
        """All of it or, where a newer program has upgraded the target's tables, nothing."""
        if self._too_new(self._config.pipelines[name].target):
            return
        self.attempt(lambda: self._log(name))
        self.attempt(lambda: self._checkpoint(name))

    def _too_new(self, target: str) -> bool:
        try:
            versions.readable(self._servers[target])
        except TablesTooNew as error:
            self.failures.append(error)
            return True
        except AgentError:
            return False
        return False

    def _log(self, name: str) -> None:
        reader = databases.reader(self._config, name)
        databases.log(reader.database).remove(reader, self._note)

    def _checkpoint(self, name: str) -> None:
        target = self._config.pipelines[name].target
        self._note(checkpoints.remove(self._servers[target], name), f"{target}: checkpoint of {name}")

    def schema(self, target: str) -> None:
        """Drop cdc_agent where no pipeline, of this configuration or another, has a checkpoint any more."""
        remaining = checkpoints.pipelines(self._servers[target])
        if remaining:
            self.report.unchanged.append(f"{target}: cdc_agent, which {', '.join(remaining)} still needs")
            return
        there = versions.schema_exists(self._servers[target])
        versions.drop(self._servers[target])
        self._note(there, f"{target}: tables of cdc_agent")
