"""The step "route and map" for one pipeline: undecoded pieces in, writes bound to target tables out.

Plans are compiled when a table version is first met, and kept for as long as that version lives. Nothing here talks
to a database but through the two functions it is given: one that describes a target table, one that reads a source
row again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cdc_agent.config.model import RouteSettings
from cdc_agent.conversions.base import Context
from cdc_agent.errors import Fatal, NoKeyOrder, SourceSchemaError, TargetSchemaError, TruncateTooWide
from cdc_agent.flow.batching import Segment
from cdc_agent.flow.completing import Reread, mend
from cdc_agent.flow.runs import Run
from cdc_agent.mapping.keys import KeysInForce
from cdc_agent.mapping.links import linked, links
from cdc_agent.mapping.plans import bind
from cdc_agent.mapping.routes import Route, Routes
from cdc_agent.model.changes import Change, Rows, Table, TableEvent, TableName, Transaction, Truncate
from cdc_agent.model.refusals import RejectedChange
from cdc_agent.model.remembered import Note
from cdc_agent.model.steps import Clear
from cdc_agent.model.tables import TargetTable
from cdc_agent.model.writes import Link, Plan, Provenance, Rejection, Writes, constant
from cdc_agent.schema.watch import Follow, GoOn, Stop, Watch

Describe = Callable[[str, str], "TargetTable | None"]
Foresee = Callable[[Sequence[TableName]], None]
"""Told of the target tables that are described next, so that they can be read at one go."""


Happened = Callable[[TableEvent], None]
"""Told of what happened to routed tables, in order with their rows; what it raises stops there."""


def _unheeded(event: TableEvent) -> None:
    """Nobody is told."""


class Held(Exception):
    """A table's schema has changed in a transaction, so that something must be done before it is mapped."""

    def __init__(self, verdict: Stop | Follow, transaction: Transaction) -> None:
        super().__init__()
        self.verdict = verdict
        self.transaction = transaction


def _unforeseen(names: Sequence[TableName]) -> None:
    """They are described one by one."""


@dataclass(slots=True)
class Mapped:
    """What the mapping made of some transactions."""

    segments: list[Segment] = field(default_factory=list)
    changes: int = 0
    """Source row changes (and truncates) looked at."""
    transactions: int = 0
    """Source transactions that had something for the target."""
    rejected: list[RejectedChange] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    """What is to be remembered of tables with the checkpoint."""
    runs: list[Run] = field(default_factory=list)
    """What the segments were made of, for rows that have to be read again."""


@dataclass(frozen=True, slots=True)
class Engines:
    """What both ends are, for binding."""

    source: str
    target: str
    source_zone: str
    target_zone: str

    def context(self, settings: RouteSettings) -> Context:
        """What the conversions of a route depend on."""
        return Context(
            engine=self.target,
            source_engine=self.source,
            source_zone=self.source_zone,
            target_zone=self.target_zone,
            zero_dates=settings.zero_dates,
        )


class Router:
    """Owned by one applier thread."""

    def __init__(
        self,
        routes: Routes,
        engines: Engines,
        describe: Describe,
        forget: Callable[[], None],
        keys: KeysInForce | None = None,
        foresee: Foresee = _unforeseen,
        happened: Happened = _unheeded,
        watch: Watch | None = None,
    ) -> None:
        """`keys` are the source's foreign keys whose actions its log may not hold; None where it holds them all."""
        self._happened = happened
        self._watch = watch
        self._notes: list[tuple[Transaction, Note]] = []
        """What is to be remembered of tables, each with the transaction that brought it."""
        self._told: list[TableEvent] = []
        """What was told of and is not mapped yet: behind a change of a schema it is met again."""
        self._routes = routes
        self._engines = engines
        self._describe = describe
        self._forget = forget
        self._keys = keys
        self._foresee = foresee
        self._ahead: Sequence[Transaction] = ()
        """What is being mapped, until its new tables were looked at."""
        self._links: Mapping[TableName, tuple[Link, ...]] | None = None
        self._plans: dict[Table, list[Plan]] = {}
        self._latest: dict[tuple[TableName, bool], Table] = {}
        self._apart: dict[TableName, tuple[Table, list[Plan]]] = {}

    def reset(self) -> None:
        """Forget all plans: the target's tables may have changed while the connection was down."""
        self._plans.clear()
        self._latest.clear()
        self._apart.clear()

    def map(self, transactions: Sequence[Transaction], reread: Reread) -> Mapped:
        """Raises Held when one of them brings a schema that must not be mapped yet; those before it may be mapped.

        They are mapped again then, by the keys in force at their place.
        """
        if self._keys is None:
            return self._map(transactions, reread)
        before = self._keys.savepoint()
        try:
            mapped = self._map(transactions, reread)
        except Held:
            if self._keys.back_to(before):
                self._forget_links()
            raise
        if any(transaction.pieces for transaction in transactions):
            mapped.notes += self._keys.notes()
        return mapped

    def _map(self, transactions: Sequence[Transaction], reread: Reread) -> Mapped:
        mapped = Mapped()
        self._ahead = transactions
        touched: set[int] = set()
        for item in self._runs(transactions):
            before = len(mapped.segments) + len(mapped.rejected)
            if isinstance(item, Run):
                self._rows(item, reread, mapped)
                of = [transaction for transaction, _ in item.parts]
            elif isinstance(item[1], TableEvent):
                self._hear(item[1])
                self._event(item[0], item[1])
                continue
            else:
                self._truncate(item[1], mapped)
                of = [item[0]]
            if len(mapped.segments) + len(mapped.rejected) > before:
                touched.update(map(id, of))
        mapped.transactions = len(touched)
        if self._notes:
            mapped.notes += self._notes_of(transactions)
        if self._told:
            pieces = {id(piece) for transaction in transactions for piece in transaction.pieces}
            self._told = [event for event in self._told if id(event) not in pieces]
        return mapped

    def _hear(self, event: TableEvent) -> None:
        """The source's foreign keys may have changed: what is derived behind this place is another thing."""
        if self._keys is not None and self._keys.hear(event):
            self._forget_links()

    def _forget_links(self) -> None:
        self._links = None
        self._plans.clear()

    def _notes_of(self, transactions: Sequence[Transaction]) -> list[Note]:
        """The rest stays for the transactions to which it belongs."""
        these = set(map(id, transactions))
        notes, self._notes = self._notes, [one for one in self._notes if id(one[0]) not in these]
        return [note for transaction, note in notes if id(transaction) in these]

    def _event(self, transaction: Transaction, event: TableEvent) -> None:
        altered = self._routes.as_altered(event)
        if altered is None or any(one is event for one in self._told):
            return
        self._told.append(event)
        self._happened(altered)
        if self._watch is not None:
            notes = self._watch.happened(altered, self._routes.for_table(altered.table))
            self._notes += [(transaction, note) for note in notes]

    def map_apart(self, table: Table, changes: Sequence[Change], provenance: Provenance) -> Mapped:
        """Whole rows that did not come from the log, through the same routes.

        Raises SourceSchemaError when no route takes the table, NoKeyOrder when a target table has no key by which a
        row that is there already could be found, and what binding raises.
        """
        mapped = Mapped(changes=len(changes), transactions=1)
        for plan in self._plans_apart(table):
            rejections: list[Rejection] = []
            rows = plan.map(changes, rejections)
            if rows:
                mapped.segments.append(Writes(plan.binding, rows, constant(provenance)))
            mapped.rejected += [RejectedChange.of(table, plan.binding, one, provenance) for one in rejections]
        return mapped

    def _plans_apart(self, table: Table) -> list[Plan]:
        """Kept for the last version that came of each table, while its targets are as they were described.

        The log's own versions are none of these.
        """
        version, plans = self._apart.get(table.full_name, (None, []))
        targets = [plan.binding.table for plan in plans]
        if version is not table or any(self._describe(*target.full_name) != target for target in targets):
            plans = [self._bind(route, table) for route in self._routes.for_table(table.full_name)]
            self._apart[table.full_name] = table, plans
        if not plans:
            raise SourceSchemaError(f"no route of the pipeline takes {'.'.join(table.full_name)}")
        for plan in plans:
            if plan.binding.keyless:
                name = ".".join(plan.binding.table.full_name)
                raise NoKeyOrder(f"rows cannot enter {name} apart from the log: it has no key to find them by")
        return plans

    def _runs(self, transactions: Sequence[Transaction]) -> Iterator[Run | tuple[Transaction, Truncate | TableEvent]]:
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
                if isinstance(piece, Rows):
                    plans = self._plans.get(piece.table)
                    if plans is None:
                        plans = self._first_seen(piece.table, transaction)
                    joins = not any(plan.filtered for plan in plans)
                    run = Run(piece.table, plans, [(transaction, piece)], joins)
                else:
                    yield transaction, piece
        if run is not None:
            yield run

    def _rows(self, run: Run, reread: Reread, mapped: Mapped) -> None:
        mapped.runs.append(run)
        if len(run.plans) == 1 and (plan := run.plans[0]).direct is not None:
            rejections: list[Rejection] = []
            writes = Writes(plan.binding, plan.direct(run.messages(), rejections), run.provenance)
            mapped.changes += len(writes.rows) + len(rejections)
            self._take(run, plan, writes, rejections, reread, mapped)
            return
        changes = run.changes()
        mapped.changes += len(changes)
        for plan in run.plans:
            rejections = []
            writes = run.writes(plan, changes, rejections)
            self._take(run, plan, writes, rejections, reread, mapped)

    def _take(
        self, run: Run, plan: Plan, writes: Writes, rejections: Sequence[Rejection], reread: Reread, mapped: Mapped
    ) -> None:
        if not rejections:
            if writes.rows:
                mapped.segments.append(writes)
            return
        for one in mend(run, plan, reread):
            if isinstance(one, Writes):
                mapped.segments.append(one)
            else:
                mapped.rejected.append(one)

    def _first_seen(self, table: Table, transaction: Transaction) -> list[Plan]:
        """The plans of every route that takes this table version; [] when none does."""
        self._look_ahead()
        self._forget_outdated(table)
        routes = self._passing(table, transaction)
        try:
            plans = [self._bind(route, table) for route in routes]
        except Fatal as error:
            if self._watch is None:
                raise
            raise Held(Stop(error), transaction) from error
        self._replace_version(table)
        self._plans[table] = plans
        return plans

    def _passing(self, table: Table, transaction: Transaction) -> list[Route]:
        """The routes by which the version's rows are mapped. Raises Held."""
        routes = self._routes.for_table(table.full_name)
        if self._watch is None:
            return routes
        passing: list[Route] = []
        notes: list[Note] = []
        for route in routes:
            verdict = self._watch.judge(route, table, self._describe(*route.target))
            if not isinstance(verdict, GoOn):
                raise Held(verdict, transaction)
            notes += verdict.notes
            if not verdict.passed_over:
                passing.append(route)
        self._watch.take(notes)
        self._notes += [(transaction, note) for note in notes]
        return passing

    def _look_ahead(self) -> None:
        """The first new table of a batch is seldom the last: have all of their target tables read at one go."""
        ahead, self._ahead = self._ahead, ()
        if not ahead:
            return
        pieces = (piece for transaction in ahead for piece in transaction.pieces if isinstance(piece, Rows))
        new = dict.fromkeys(piece.table for piece in pieces if piece.table not in self._plans)
        self._foresee([route.target for table in new for route in self._routes.for_table(table.full_name)])

    def _forget_outdated(self, table: Table) -> None:
        before = self._latest.get((table.full_name, table.keys_act))
        if before is not None and before.columns != table.columns:
            self._forget()
            self._apart.clear()

    def _replace_version(self, table: Table) -> None:
        """Only once the new one is taken: until then rows of the one before may have to be mapped again."""
        version = table.full_name, table.keys_act
        before = self._latest.get(version)
        if before is not None:
            self._plans.pop(before, None)
        self._latest[version] = table

    def _bind(self, route: Route, table: Table) -> Plan:
        schema, name = route.target
        target = self._describe(schema, name)
        if target is None:
            raise TargetSchemaError(
                f"target table {schema}.{name} does not exist",
                hint="create it, or run cdc-agent setup --create-tables",
            )
        plan = self._bound(route, table, target)
        if self._keys is None or not table.keys_act:
            return plan
        if self._links is None:
            self._links = links(self._keys.keys, self._routes, self._describe)
        found = linked(plan, self._links)
        return (
            linked(self._bound(route, table, target, before_image=True), self._links)
            if found.binding.watched
            else found
        )

    def _bound(self, route: Route, table: Table, target: TargetTable, *, before_image: bool = False) -> Plan:
        return bind(
            route.settings,
            table,
            target,
            source_engine=self._engines.source,
            target_engine=self._engines.target,
            source_zone=self._engines.source_zone,
            target_zone=self._engines.target_zone,
            before_image=before_image,
        )

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
