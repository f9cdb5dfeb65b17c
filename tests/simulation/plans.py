"""Plans compiled once for each route and pair of tables, however many sessions bind them: compiling is the product's
own, only not again.
"""

from __future__ import annotations

from typing import Any

from cdc_agent.config.model import RouteSettings
from cdc_agent.mapping.plans import bind
from cdc_agent.model.changes import Table
from cdc_agent.model.tables import TargetTable
from cdc_agent.model.writes import Plan

_plans: dict[tuple[object, ...], Plan] = {}


def remembered_bind(route: RouteSettings, source: Table, target: TargetTable, **engines: Any) -> Plan:
    """`mapping.plans.bind`, remembered."""
    key = (id(route), source, target, *engines.values())
    plan = _plans.get(key)
    if plan is None:
        plan = _plans[key] = bind(route, source, target, **engines)
    return plan
