"""The step "route and map" for one pipeline: undecoded pieces in, writes bound to target tables out.

Plans are compiled when a table version is first met, and kept for as long as that version lives. Nothing here talks
to a database but through the two functions it is given: one that describes a target table, one that reads a source
row again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cdc_agent.errors import TargetSchemaError, TruncateTooWide
from cdc_agent.flow.batching import Segment
from cdc_agent.mapping.links import links
from cdc_agent.mapping.plans import UNSENT_CODE, bind
from cdc_agent.mapping.routes import Route, Routes
from cdc_agent.model.changes import DELETE, INSERT, UPDATE, Change, Rows, Table, TableName, Transaction, Truncate
from cdc_agent.model.refusals import Quarantined
from cdc_agent.model.steps import Clear
from cdc_agent.model.tables import ForeignKey, TargetTable
from cdc_agent.model.values import UNSENT, Row, Value
from cdc_agent.model.writes import Binding, Link, Plan, Rejection, Write

Describe = Callable[[str, str], "TargetTable | None"]
Reread = Callable[[Table, Mapping[str, Value]], "Row | None"]
OPERATIONS: Mapping[int, str] = {INSERT: "insert", UPDATE: "update", DELETE: "delete"}


@dataclass(slots=True)
class Mapped:
    """What the mapping made of some transactions."""

    segments: list[Segment] = field(default_factory=list)
    changes: int = 0
    """Source row changes (and truncates) looked at."""
    transactions: int = 0
    """Source transactions that had something for the target."""
    quarantined: list[Quarantined] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    """What the segments were made of, for rows that have to be read again."""


@dataclass(slots=True)
class Run:
    """Neighbouring rows of one table version, of one transaction or several."""

    table: Table
    plans: Sequence[Plan]
    parts: list[tuple[Transaction, Rows]]
    joins: bool
    """Whether a later transaction's rows may join: not behind a filter, which may leave nothing of them."""

    def messages(self) -> list[bytes]:
        if len(self.parts) == 1:
            return self.parts[0][1].messages
        return [message for _, rows in self.parts for message in rows.messages]

    def changes(self) -> list[Change]:
        return self.table.decode(self.messages())


@dataclass(frozen=True, slots=True)
class Engines:
    """What both ends are, for binding."""

    source: str
    target: str
    source_zone: str
    target_zone: str


class Router:
    """Owned by one applier thread."""

    def __init__(
        self,
        routes: Routes,
        engines: Engines,
        describe: Describe,
        forget: Callable[[], None],
        unlogged: Sequence[tuple[TableName, ForeignKey]] = (),
    ) -> None:
        """`unlogged` are the source's foreign keys whose actions its log does not hold, with their child tables."""
        self._routes = routes
        self._engines = engines
        self._describe = describe
        self._forget = forget
        self._unlogged = unlogged
        self._links: Mapping[TableName, tuple[Link, ...]] | None = None
        self._plans: dict[Table, list[Plan]] = {}
        self._latest: dict[TableName, Table] = {}

    def reset(self) -> None:
        """Forget all plans: the target's tables may have changed while the connection was down."""
        self._plans.clear()
        self._latest.clear()

    def map(self, transactions: Sequence[Transaction], reread: Reread) -> Mapped:
        mapped = Mapped()
        touched: set[int] = set()
        for item in self._runs(transactions):
            before = len(mapped.segments) + len(mapped.quarantined)
            if isinstance(item, Run):
                self._rows(item, reread, mapped)
                of = [transaction for transaction, _ in item.parts]
            else:
                self._truncate(item[1], mapped)
                of = [item[0]]
            if len(mapped.segments) + len(mapped.quarantined) > before:
                touched.update(map(id, of))
        mapped.transactions = len(touched)
        return mapped

    def _runs(self, transactions: Sequence[Transaction]) -> Iterator[Run | tuple[Transaction, Truncate]]:
        """Rows of one table that follow each other are decoded and mapped at one go, whatever commits lie between."""
        run: Run | None = None
        for transaction in transactions:
            for piece in transaction.pieces:
                if run is not None and run.joins and isinstance(piece, Rows) and piece.table is run.table:
                    run.parts.append((transaction, piece))
                    continue
                if run is not None:
                    yield run
                    run = None
                if isinstance(piece, Truncate):
                    yield transaction, piece
                else:
                    plans = self.plans(piece.table)
                    joins = not any(plan.filtered for plan in plans)
                    run = Run(piece.table, plans, [(transaction, piece)], joins)
        if run is not None:
            yield run

    def _rows(self, run: Run, reread: Reread, mapped: Mapped) -> None:
        mapped.runs.append(run)
        if len(run.plans) == 1 and run.plans[0].direct is not None:
            rejections: list[Rejection] = []
            writes = run.plans[0].direct(run.messages(), rejections)
            mapped.changes += len(writes) + len(rejections)
            self._take(run, run.plans[0], writes, rejections, reread, mapped)
            return
        changes = run.changes()
        mapped.changes += len(changes)
        for plan in run.plans:
            rejections = []
            writes = plan.map(changes, rejections)
            self._take(run, plan, writes, rejections, reread, mapped)

    def _take(
        self,
        run: Run,
        plan: Plan,
        writes: list[Write],
        rejections: Sequence[Rejection],
        reread: Reread,
        mapped: Mapped,
    ) -> None:
        if rejections:
            for transaction, rows in run.parts:
                self._mend(plan, run.table, run.table.decode(rows.messages), transaction, reread, mapped)
        elif writes:
            mapped.segments.append((plan.binding, writes))

    def _mend(
        self,
        plan: Plan,
        table: Table,
        changes: Sequence[Change],
        transaction: Transaction,
        reread: Reread,
        mapped: Mapped,
    ) -> None:
        """Map again, one change at a time, reading again the rows of which the log sent too little."""
        for change in changes:
            rejections: list[Rejection] = []
            writes = plan.map([change], rejections)
            if rejections and rejections[0].code == UNSENT_CODE:
                rejections.clear()
                whole = reread_change(table, change, reread)
                writes = plan.map([whole], rejections) if whole is not None else []
            if writes:
                mapped.segments.append((plan.binding, writes))
            mapped.quarantined.extend(_quarantined(table, plan, r, transaction) for r in rejections)

    def plans(self, table: Table) -> list[Plan]:
        """The plans of every route that takes this table version; [] when none does."""
        plans = self._plans.get(table)
        if plans is None:
            self._notice_new_version(table)
            plans = self._plans[table] = [self._bind(route, table) for route in self._routes.for_table(table.full_name)]
        return plans

    def _notice_new_version(self, table: Table) -> None:
        before = self._latest.get(table.full_name)
        if before is not None:
            if before.columns != table.columns:
                self._forget()
            self._plans.pop(before, None)
        self._latest[table.full_name] = table

    def _bind(self, route: Route, table: Table) -> Plan:
        schema, name = route.target
        target = self._describe(schema, name)
        if target is None:
            raise TargetSchemaError(
                f"target table {schema}.{name} does not exist",
                hint="create it, or run cdc-agent setup --create-tables",
            )
        plan = bind(
            route.settings,
            table,
            target,
            source_engine=self._engines.source,
            target_engine=self._engines.target,
            source_zone=self._engines.source_zone,
            target_zone=self._engines.target_zone,
        )
        if not self._unlogged:
            return plan
        if self._links is None:
            self._links = links(self._unlogged, self._routes, self._describe)
        if target.full_name not in self._links:
            return plan
        return replace(plan, binding=replace(plan.binding, links=self._links))

    def _truncate(self, truncate: Truncate, mapped: Mapped) -> None:
        targets: dict[TableName, TargetTable] = {}
        for name in truncate.tables:
            for route in self._routes.for_table(name):
                target = self._describe(*route.target) if route.settings.truncate else None
                if target is not None:
                    self._check_truncate(route, truncate)
                    targets[target.full_name] = target
        if targets:
            mapped.changes += 1
            mapped.segments.append(Clear(tuple(targets.values()), truncate.cascade, truncate.restart_identity))

    def _check_truncate(self, route: Route, truncate: Truncate) -> None:
        others = [name for name in self._routes.others_into(route) if name not in truncate.tables]
        if others:
            raise TruncateTooWide(
                f"{'.'.join(route.source)} was truncated; {'.'.join(route.target)} holds rows of other tables as well",
                details=[f"also filled from {'.'.join(name)}" for name in others],
            )


def whole_rows(mapped: Mapped, reread: Reread) -> Callable[[Binding, Row], Row | None]:
    """The `Missing` of a batch: finds the change behind a partial row, and reads its source row again."""
    index: dict[Binding, dict[Row, tuple[Plan, Table, Change]]] = {}

    def missing(binding: Binding, key: Row) -> Row | None:
        if not index:
            _index(mapped, index)
        found = index.get(binding, {}).get(key)
        return None if found is None else _whole_row(*found, reread)

    return missing


def _index(mapped: Mapped, index: dict[Binding, dict[Row, tuple[Plan, Table, Change]]]) -> None:
    """Every change of a batch under the keys that its target row has before and after it."""
    for run in mapped.runs:
        for change in run.changes():
            for plan in run.plans:
                keys = index.setdefault(plan.binding, {})
                for _, key, row in plan.map([change], []):
                    keys[key] = (plan, run.table, change)
                    if row is not None:
                        keys[tuple([row[i] for i in plan.binding.key])] = (plan, run.table, change)


def _whole_row(plan: Plan, table: Table, change: Change, reread: Reread) -> Row | None:
    whole = reread_change(table, change, reread)
    if whole is None or whole[2] is None:
        return None
    writes = plan.map([(INSERT, None, whole[2])], [])
    return writes[0][2] if writes else None


def reread_change(table: Table, change: Change, reread: Reread) -> Change | None:
    """The change with its new row completed from the source as it is now; None when the row is gone.

    What the log sent stays: only UNSENT columns are filled. A row that is newer than the change is no harm, since
    the change that made it newer is still to come.
    """
    operation, old, new = change
    known = new if new is not None else old
    if known is None or not table.key:
        return None
    key = {table.columns[i].name: known[i] for i in table.key}
    row = reread(table, key)
    if row is None:
        return None
    filled = tuple([now if sent is UNSENT else sent for sent, now in zip(known, row, strict=True)])
    return (operation, old, filled) if new is not None else (operation, filled, None)


def _quarantined(table: Table, plan: Plan, rejection: Rejection, transaction: Transaction) -> Quarantined:
    operation, old, new = rejection.change
    row = new if new is not None else old
    return Quarantined(
        source_table=".".join(table.full_name),
        target_table=".".join(plan.binding.table.full_name),
        operation=OPERATIONS[operation],
        row=row_json([column.name for column in table.columns], row or ()),
        column=rejection.column,
        reason=rejection.reason,
        code=rejection.code,
        position=str(transaction.position or ""),
        source_commit_time=transaction.commit_time,
    )


def row_json(names: Sequence[str], row: Row) -> str:
    """A row as JSON: column → canonical text or null; a column that was not sent is absent."""
    return json.dumps(
        {
            name: None if value is None else value.decode("utf-8", "backslashreplace")
            for name, value in zip(names, row, strict=True)
            if value is not UNSENT
        },
        ensure_ascii=False,
    )
