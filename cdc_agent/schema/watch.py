"""What one session knows of its tables, and what it says of each version of a table that it meets for the first time.

In: what the store remembers, then tables as the log and the target's catalogue have them. Out: a `Verdict`: go on, with
what is to be remembered in the transaction of the version's first rows; change the target first; or stop here. Never
writes anything itself, and is not asked again for a version that was judged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import structlog

from cdc_agent.config.model import PipelineSettings, RouteSettings, SchemaChanges
from cdc_agent.conversions.base import Context
from cdc_agent.errors import AgentError, SchemaChange, SourceChanged, TargetLost, TargetTableMissing
from cdc_agent.mapping.routes import Route
from cdc_agent.model.changes import Alteration, EventKind, Table, TableEvent, TableName
from cdc_agent.model.remembered import Aspect, Condition, Memory, Note, Remembered, TableState
from cdc_agent.model.tables import TargetTable
from cdc_agent.schema.decision import CreateTable, Judged, Problem, missing_table, problems
from cdc_agent.schema.versions import Known, Version, completed, of_catalogue, of_source, of_text, to_text
from cdc_agent.schema.words import Speaker, Words

log = structlog.get_logger(__name__)

Pair: TypeAlias = "tuple[TableName, TableName]"
"""A route's tables: source and target."""
_NOTHING = Version(())


@dataclass(frozen=True, slots=True)
class GoOn:
    """The version is taken; `notes` are written with its first rows."""

    notes: Sequence[Note] = ()
    passed_over: bool = False
    """Its rows have no table to go to, and the policy is to warn."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Nothing of this version may be applied."""

    error: AgentError
    notes: Sequence[Note] = ()


@dataclass(frozen=True, slots=True)
class Follow:
    """The target is changed first; then the version is judged again."""

    statements: Sequence[str]
    notes: Sequence[Note]
    """The intent."""
    otherwise: Stop
    """What happens where the target refuses the statements."""


Verdict: TypeAlias = "GoOn | Stop | Follow"


class Watch:
    """Used by the thread that maps."""

    def __init__(
        self,
        pipeline: str,
        settings: PipelineSettings,
        memory: Memory,
        context: Callable[[RouteSettings], Context],
        speaker: Speaker,
    ) -> None:
        self._pipeline = pipeline
        self._policy = settings.schema_changes
        self._texts = {(one.source, one.target): one.description for one in memory.known if one.aspect is Aspect.TABLES}
        self._known: dict[Pair, Known] = {}
        self._states: dict[Pair, TableState] = {(one.source, one.target): one for one in memory.states}
        self._context = context
        self._speaker = speaker
        self._tried: set[tuple[str, ...]] = set()

    def judge(self, route: Route, table: Table, target: TargetTable | None) -> Verdict:
        """A version of the source's table, or of the target's, that this session meets for the first time."""
        known = self._known_of(route)
        if target is None:
            if known is None and "*" not in route.settings.from_:
                return GoOn()
            problem = missing_table(route.source, route.target, known=known is not None and bool(known.target.columns))
            return self._verdict(route, Known(of_source(table), _NOTHING), [problem])
        now = Known(of_source(table), of_catalogue(target))
        if known is None:
            known = Known(_NOTHING, now.target, logged=False)
        elif not known.target.columns:
            return self._take(route, now)
        now = replace(now, source=completed(now.source, known.source))
        if known == now:
            return GoOn(self._settled(route))
        judged = Judged(route.settings, route.source, route.target, known, now, self._context(route.settings))
        return self._verdict(route, now, problems(judged))

    def happened(self, event: TableEvent, routes: Sequence[Route]) -> list[Note]:
        """What the log tells before it shows the rows behind it: renamed columns, since a restart may lie between.

        Where rows came or went without a trace in the log, the table is marked as differing.
        """
        if event.unlike:
            differing: list[Note] = [self._differs(route, SourceChanged.code, event.unlike) for route in routes]
            self.take(differing)
            return differing
        if event.kind is not EventKind.ALTERED or not (renamed := _renames(event.alterations)):
            return []
        notes: list[Note] = []
        for route in routes:
            known = self._known_of(route)
            if known is not None:
                notes.append(_remembered(route, replace(known, renamed=(*known.renamed, *renamed))))
        self.take(notes)
        return notes

    def take(self, notes: Sequence[Note]) -> None:
        """What was judged is known from here on: every route of a version is judged by what was known before it."""
        for note in notes:
            if isinstance(note, TableState):
                self._states[note.source, note.target] = note
            else:
                self._texts[note.source, note.target] = note.description
                self._known.pop((note.source, note.target), None)

    # --- what is known

    def _known_of(self, route: Route) -> Known | None:
        pair = (route.source, route.target)
        if pair not in self._known and (text := self._texts.get(pair)) is not None:
            self._known[pair] = of_text(text)
        return self._known.get(pair)

    def _take(self, route: Route, now: Known) -> GoOn:
        return GoOn([_remembered(route, now), *self._settled(route)])

    def _settled(self, route: Route) -> list[Note]:
        """A table that waited does so no longer; one that differs does until somebody reconciles it."""
        state = self._states.get((route.source, route.target))
        if state is None or state.condition not in (Condition.WAITING, Condition.ALTERING):
            return []
        if state.condition is Condition.ALTERING and state.reason:
            return [self._differs(route, SourceChanged.code, state.reason)]
        log.info("schema_change_done", pipeline=self._pipeline, table=".".join(route.source))
        return [TableState(route.source, route.target, Condition.STREAMING)]

    def _differs(self, route: Route, code: str, reason: str, statement: str = "") -> TableState:
        log.warning("table_differs", pipeline=self._pipeline, table=".".join(route.source), code=code, reason=reason)
        return TableState(route.source, route.target, Condition.DIFFERING, code, reason, statement)

    # --- what is done

    def _verdict(self, route: Route, now: Known, found: Sequence[Problem]) -> Verdict:
        if not found:
            return self._take(route, now)
        policy = route.settings.schema_changes or self._policy
        words = [self._speaker.words(route, now.source, problem.remedy) for problem in found]
        statements = tuple(statement for one in words for statement in one.statements)
        if policy is SchemaChanges.WARN:
            return self._warned(route, now, found, statements)
        stop = self._stop(route, now, found, statements, words)
        wanted = policy is SchemaChanges.FOLLOW and all(one.followed for one in found)
        if not wanted or not statements or any(one.hindrance for one in words) or statements in self._tried:
            return stop
        self._tried.add(statements)
        unlike = "; ".join(one.unlike for one in words if one.unlike)
        # An intent's reason is what its statements do not bring about.
        intent = TableState(
            route.source, route.target, Condition.ALTERING, stop.error.code, unlike, ";\n".join(statements)
        )
        self.take([intent])
        return Follow(statements, [intent], stop)

    def _warned(self, route: Route, now: Known, found: Sequence[Problem], statements: Sequence[str]) -> GoOn:
        reason = "; ".join(one.text for one in found)
        state = self._differs(route, _kind(found).code, reason, ";\n".join(statements))
        absent = any(isinstance(one.remedy, CreateTable) for one in found)
        return GoOn([_remembered(route, now), state], passed_over=absent)

    def _stop(
        self, route: Route, now: Known, found: Sequence[Problem], statements: Sequence[str], words: Sequence[Words]
    ) -> Stop:
        kind, reason = _kind(found), "; ".join(one.text for one in found)
        details = [f"{statement};" for statement in statements]
        details += [one.hindrance for one in words if one.hindrance] + [one.unlike for one in words if one.unlike]
        statement = ";\n".join(statements)
        state = TableState(route.source, route.target, Condition.WAITING, kind.code, reason, statement, to_text(now))
        before = self._states.get((route.source, route.target))
        noted = before is not None and replace(before, since="") == state
        return Stop(kind(reason, details=details), () if noted else (state,))


def _remembered(route: Route, known: Known) -> Remembered:
    return Remembered(Aspect.TABLES, route.source, route.target, to_text(known))


def _kind(found: Sequence[Problem]) -> type[SchemaChange]:
    if any(isinstance(one.remedy, CreateTable) for one in found):
        return TargetTableMissing
    return TargetLost if all(one.lost for one in found) else SourceChanged


def _renames(alterations: Sequence[Alteration]) -> list[tuple[str, str]]:
    wanted = ("RENAME COLUMN", "CHANGE COLUMN")
    return [(one.name, one.new) for one in alterations if one.what in wanted and one.new]
