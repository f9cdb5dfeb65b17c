"""The engines' objects in this room, each looked up by its name here only. A further engine adds a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cdc_agent.model.engines import Engine
from cdc_agent.preflight.mysql_side import MysqlSide
from cdc_agent.preflight.postgres_side import PostgresSide
from cdc_agent.preflight.side import Side

SIDES: Final[Mapping[Engine, Side]] = {Engine.POSTGRES: PostgresSide(), Engine.MYSQL: MysqlSide()}
