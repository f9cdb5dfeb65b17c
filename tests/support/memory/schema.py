"""Stands where servers would be asked how a change of a schema is spelled."""

from __future__ import annotations

from cdc_agent.mapping.routes import Route
from cdc_agent.schema.decision import Remedy
from cdc_agent.schema.versions import Version
from cdc_agent.schema.words import Words


class Speechless:
    """A `schema.words.Speaker` for databases that have no SQL."""

    def words(self, route: Route, source: Version, remedy: Remedy | None) -> Words:
        return Words()
