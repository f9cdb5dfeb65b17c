"""Somebody who copies tables through the second entrance of a running pipeline, chunk by chunk, again and again.

As a backfill does: watch the table, read rows as others see them, ask for the log's end, and put the rows in behind it.
A seed may have rows on the source that are older than its log: nothing but this brings them over.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from random import Random
from typing import TYPE_CHECKING

from cdc_agent.errors import AgentError
from cdc_agent.flow.entrance import Entered, Entrance, Entry, Watch
from cdc_agent.model.values import Row
from tests.simulation.catalogue import SourceTable

if TYPE_CHECKING:
    from tests.simulation.world import Agent, World

POLL_SECONDS = 0.05


class Copier:
    """One for each agent; lives and dies with it."""

    def __init__(self, world: World, agent: Agent, entrance: Entrance, tables: Sequence[SourceTable]) -> None:
        self._world = world
        self._agent = agent
        self._entrance = entrance
        self._tables = tables
        self._random = Random(f"copier {world.scenario.seed} {agent.name}")

    def run(self) -> None:
        """Until a pass over all tables is done that began in calm weather, or the pipeline ends."""
        while True:
            calm = not self._world.weather.rate
            if not self._pass():
                return
            if calm:
                self._world.copied = True
                return
            self._world.scheduler.sleep(self._random.choice((0.0, 0.1, 1.0)))

    def _pass(self) -> bool:
        """Every table, as often as it takes; False when nobody takes rows any more."""
        for table in self._random.sample(self._tables, len(self._tables)):
            while not self._table(table):
                if not self._agent.running:
                    return False
                self._world.scheduler.sleep(POLL_SECONDS)
        return True

    def _table(self, table: SourceTable) -> bool:
        """Whether all of it has entered; False when it is worth another try, unless the pipeline has ended."""
        size = self._random.choice((1, 3, 20))
        try:
            with self._entrance.watch(table.full_name) as watch:
                keys = sorted(self._world.log.shown(table.full_name))
                self._world.scheduler.step()
                for start in range(0, len(keys), size):
                    self._chunk(table, keys[start : start + size], watch)
        except AgentError:
            return False
        return True

    def _chunk(self, table: SourceTable, keys: Sequence[Row], watch: Watch) -> None:
        """The rows of these keys that are there. Raises what their entry ended with."""
        world = self._world
        shown = world.log.shown(table.full_name)
        rows = [tuple(shown[key].values()) for key in keys if key in shown]
        world.scheduler.step()
        behind = world.log.position(world.log.end)
        version = world.versions[self._random.randrange(2)][table.name]
        world.model.on_entry(self._agent.name, table.name, rows)
        future = self._entrance.put(Entry.of_rows(version, rows, behind=behind, watch=watch))
        self._wait(future)
        entered = future.result(0)
        world.tell(
            f"{self._agent.name} copied {table.name}: {entered.written} rows, {entered.passed_over} passed over, "
            f"{len(entered.refused)} refused"
        )

    def _wait(self, future: Future[Entered]) -> None:
        while not future.done():
            self._world.scheduler.sleep(POLL_SECONDS)
