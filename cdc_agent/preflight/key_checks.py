"""Checks of foreign keys that change rows by themselves, on either side of a route.

What the source's keys do is replicated, from its log or derived (PF048 where that cannot be). What the target's own do
depends on `triggers`: for each of them it is said what the setting makes of it, and which one fits (PF075).
"""

from __future__ import annotations

from collections.abc import Iterator

from cdc_agent.mapping import links
from cdc_agent.model.changes import TableName
from cdc_agent.model.tables import ForeignKey
from cdc_agent.preflight.context import OnRoute
from cdc_agent.preflight.findings import Finding, error, info, warning

UNDERIVED_HINT = (
    "route the parent as well, without `where`, and copy the key's columns of both; or give the target the same "
    "foreign key with `triggers: fire`; or accept that these rows stay as they are: `cascades: accept` on the route"
)


def underived(on: OnRoute, *, acting: bool) -> Iterator[Finding]:
    """Keys of the source that leave no trace in its log, and that the agent cannot follow on the target.

    `acting`: the target's own keys act in the agent's session, and may do the same.
    """
    own = on.target_table.foreign_keys if acting else ()
    for key in on.source_table.foreign_keys:
        if not key.acts or _followed(on, key) or any(_does_the_same(on, one, key) for one in own):
            continue
        message = f"foreign key {key.name} ({_actions(key)}): its changes are not in the binlog, and cannot be derived"
        if on.route.cascades == "accept":
            yield info("PF048", on.where, f"{message}; the route accepts it")
        else:
            yield error("PF048", on.where, message, UNDERIVED_HINT)


def _followed(on: OnRoute, key: ForeignKey) -> bool:
    """Whether the agent does on the target what the key does on the source."""
    parents = on.routed(key.references)
    describe = on.target.pictures.describe
    return bool(parents) and all(links.follow(key, parent, on.routing, describe) for parent in parents)


def _does_the_same(on: OnRoute, own: ForeignKey, key: ForeignKey) -> bool:
    """Whether a key of the target does to its rows what one of the source does."""
    parents = {route.target for route in on.routed(key.references)}
    carried = links.copies(on.route.columns, on.target_table)
    columns = tuple(carried.get(name.lower()) for name in key.columns)
    return own.references in parents and own.columns == columns and _alike(own, key)


def _alike(own: ForeignKey, key: ForeignKey) -> bool:
    return _deeds(own) == _deeds(key)


def _deeds(key: ForeignKey) -> tuple[str, str]:
    """What it does; NO ACTION and RESTRICT are two words for nothing."""
    delete, update = (one.replace("RESTRICT", "NO ACTION") for one in (key.on_delete, key.on_update))
    return delete, update


def of_target(on: OnRoute, *, acting: bool) -> Iterator[Finding]:
    """Keys of the target that act on other rows when one of this table is removed or moved."""
    for child, key in on.target.server.acting_keys():
        if key.references == on.target_name:
            name = f"foreign key {key.name} of {'.'.join(child)} ({_actions(key)})"
            yield _judged(on, name, acting=acting, replicated=_replicated(on, child, key))


def _judged(on: OnRoute, name: str, *, acting: bool, replicated: bool) -> Finding:
    setting = f"`triggers: {on.settings.triggers}`"
    if acting and replicated:
        message = f"{setting} lets {name} act beside what is replicated of it"
        return info("PF075", on.where, message, "`triggers: auto` suppresses it where the role may: the source decides")
    if acting:
        return info("PF075", on.where, f"{setting} lets {name} act, which the source has not: right as it is")
    if replicated:
        return info("PF075", on.where, f"{setting} keeps {name} from acting: the source's is replicated")
    message = f"{setting} keeps {name} from acting, and the source has none: its rows are left without a parent"
    return warning("PF075", on.where, message, "`triggers: fire` lets it act, and is recommended here")


def _replicated(on: OnRoute, child: TableName, key: ForeignKey) -> bool:
    """Whether a key of the source does to rows of this pipeline what the target's would."""
    for name, own in on.source.server.acting_keys():
        if own.references != on.source_table.full_name or not _alike(own, key):
            continue
        for route in on.routed(name):
            described = on.target.pictures.describe(*route.target) if route.target == child else None
            if described is not None:
                carried = links.copies(route.settings.columns, described)
                if tuple(carried.get(column.lower()) for column in own.columns) == key.columns:
                    return True
    return False


def _actions(key: ForeignKey) -> str:
    return f"ON DELETE {key.on_delete} ON UPDATE {key.on_update}"
