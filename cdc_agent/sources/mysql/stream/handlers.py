"""How the parts of the stream say which events they take."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from cdc_agent.sources.mysql.events.reader import Event

Handler: TypeAlias = Callable[[Event], None]
Handlers: TypeAlias = dict[int, Handler]
"""By an event's kind."""
