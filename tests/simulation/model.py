"""The oracle: what the target must hold after each commit, said in its own words.

It knows the transactions of the source (`application.Truth`) and what was committed on the target; it shares no code
with the flow or the mapping. Each commit and each acknowledgement is checked at the moment at which it happens:

1. rows, quarantine and checkpoint belong together;          2. only committed checkpoints are acknowledged;
3. nothing twice, nothing skipped, in order;                  4. generations never go back;
5. whole transactions;                                        6. what the log left out keeps its value, moved keys move;
7. echoes and unrouted transactions move the checkpoint and leave no row.

A row may differ for two reasons only. It is *ahead* when it was read again from the source: until the checkpoint has
passed the place at which that happened. It is *refused* when a change of it waits in the quarantine: until a whole image
of it was written, or the table was cleared. Whatever is refused must have a reason that the model knows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from cdc_agent.model.positions import parse_position
from cdc_agent.model.refusals import Quarantined
from cdc_agent.model.values import Row
from tests.simulation.application import Cleared, Effect, Truth
from tests.simulation.catalogue import KEYS, MEANINGS, PIPELINE, POISON, SOURCE
from tests.support.memory.database import Committed, MemoryDatabase
from tests.support.memory.log import MemoryLog


class Violation(AssertionError):
    """An invariant did not hold."""


LINE: Row = (b"any line",)
LINKED: dict[str, set[str]] = {}
for _child, _key in KEYS:
    LINKED.setdefault(_child, set()).add(_key.references[1])
    LINKED.setdefault(_key.references[1], set()).add(_child)


@dataclass
class Model:
    database: MemoryDatabase
    log: MemoryLog
    truths: Sequence[Truth]
    places: set[int] = field(default_factory=lambda: {0})
    """Every place at which the log has ended."""
    rows: dict[str, dict[Row, Row]] = field(default_factory=lambda: {m.target: {} for m in MEANINGS})
    lines: dict[str, list[Row]] = field(default_factory=lambda: {"ledger": [], "tags": []})
    """The rows of tables without a key."""
    ahead: dict[str, dict[Row, int]] = field(default_factory=lambda: {m.target: {} for m in MEANINGS})
    """Key → the place from which on the row is as it should be."""
    refused: dict[str, set[Row]] = field(default_factory=lambda: {m.target: set() for m in MEANINGS})
    """Keys; in a table without one a single entry stands for all rows."""
    absent: dict[str, set[Row]] = field(default_factory=lambda: {m.target: set() for m in MEANINGS})
    """Keys of rows that are older than the log, and may not have been copied yet."""
    entering: dict[str, int] = field(default_factory=dict)
    """By agent, the rows of the entry that it put in last: also a dead one's COMMIT may still be done."""
    mended: list[tuple[str, Row]] = field(default_factory=list)
    """What the transactions of this commit have put right, unless it was refused again."""
    unfit: dict[str, set[Row]] = field(default_factory=lambda: {m.target: set() for m in MEANINGS})
    """Keys of rows that were copied and that the mapping does not accept."""
    place: int = 0
    applied: int = 0
    """Transactions that the checkpoint covers."""
    generation: int = 0
    changes: int = 0
    echoes: int = 0
    parked: int = 0
    commits: int = 0
    tell: Callable[[str], None] = lambda text: None

    def begin_with(self, rows: Mapping[str, Mapping[Row, Row]]) -> None:
        """What the source holds before its log begins."""
        for meaning in MEANINGS:
            for row in rows[meaning.source].values():
                if meaning.takes(row):
                    made = meaning.row(row)
                    self.rows[meaning.target][made[:1]] = made
                    self.absent[meaning.target].add(made[:1])

    def on_entry(self, agent: str, table: str, rows: Sequence[Row]) -> None:
        """Rows of a source table are put into an agent's second entrance."""
        self.entering[agent] = len(rows)
        for meaning in MEANINGS:
            if meaning.source == table:
                unfit = [row for row in rows if meaning.takes(row) and not meaning.fits(row)]
                self.unfit[meaning.target].update(meaning.row(row)[:1] for row in unfit)

    def on_commit(self, committed: Committed) -> None:
        """A session of the target has committed. Raises Violation."""
        checkpoint = committed.checkpoint
        self.commits += 1
        place = self.log.place(parse_position(checkpoint.position))
        self._expect(checkpoint.generation >= self.generation, "an older generation committed after a newer one")
        self._expect(place >= self.place, "the checkpoint went back")
        self._expect(place in self.places, "the checkpoint is at no transaction's end")
        self.generation = checkpoint.generation
        self.place = place
        covered = self._cover(place)
        for truth in covered:
            self._apply(truth)
        self._take_parked(committed.parked, covered)
        self._check_counts(committed, covered)
        self._check_path(committed, covered)
        self._forget_ahead(place)
        self._check_rows()

    def on_commit_begun(self, seen: str, stored: str) -> None:
        """An agent that holds the lock is about to commit; `seen` is the last checkpoint that it knows."""
        self._expect(seen == stored, "a commit stands on another checkpoint than the stored one")

    def on_acknowledge(self, place: int) -> None:
        self._expect(place <= self.place, "a position was acknowledged that no committed checkpoint holds")

    def on_reread(self, table: str, key: Row) -> None:
        """The agent reads a source row again: what it makes of it is ahead of the log."""
        for meaning in MEANINGS:
            if meaning.source == table:
                ahead = self.ahead[meaning.target]
                ahead[key] = max(ahead.get(key, 0), self.log.end)

    def at_end(self) -> None:
        """Faults have ceased, and the log has been quiet for long."""
        self._expect(self.place == self.truths[-1].end if self.truths else True, "the checkpoint stays behind the log")
        self._expect(self.log.confirmed == self.place, "the log was not acknowledged up to the checkpoint")
        for name, keys in self.absent.items():
            missing = {key for key in keys if not self._excused(name, key)}
            self._expect(not missing, f"rows of {name} were never copied: {missing}")

    # --- what should be there

    def _cover(self, place: int) -> list[Truth]:
        first = self.applied
        while self.applied < len(self.truths) and self.truths[self.applied].end <= place:
            self.applied += 1
        return list(self.truths[first : self.applied])

    def _apply(self, truth: Truth) -> None:
        self.changes += truth.changes
        self.echoes += truth.echo and truth.substantive
        for effect in truth.effects:
            if isinstance(effect, Cleared):
                self._clear(effect)
            elif effect.target in self.lines:
                self._apply_line(effect)
            else:
                self._apply_row(effect)

    def _clear(self, effect: Cleared) -> None:
        for target in effect.targets:
            self.rows[target].clear()
            self.absent[target].clear()
            self.lines.get(target, []).clear()
            self.mended.extend((target, key) for key in self.refused[target])

    def _apply_line(self, effect: Effect) -> None:
        lines = self.lines[effect.target]
        if effect.old is not None:
            lines.remove(effect.old)
        if effect.row is not None:
            lines.append(effect.row)

    def _apply_row(self, effect: Effect) -> None:
        rows, refused, ahead, absent = (of[effect.target] for of in (self.rows, self.refused, self.ahead, self.absent))
        old, new = effect.old, effect.new
        if old is not None and old != new:
            rows.pop(old, None)
            if old in absent:
                absent.discard(old)
                if new is not None:
                    absent.add(new)
            if new is None and effect.whole:
                self.mended.append((effect.target, old))
        if new is None:
            return
        assert effect.row is not None
        rows[new] = effect.row
        if effect.whole and not effect.rejected:
            self.mended.append((effect.target, new))
            absent.discard(new)
        elif old is not None and old != new:
            if old in refused:
                refused.add(new)
            if old in ahead:
                ahead[new] = max(ahead.get(new, 0), ahead[old])

    # --- what was refused

    def _take_parked(self, parked: Sequence[Quarantined], covered: Sequence[Truth]) -> None:
        self.parked += len(parked)
        rejected = {
            (effect.target, key)
            for truth in covered
            for effect in truth.effects
            if isinstance(effect, Effect) and effect.rejected
            for key in (effect.old, effect.new)
        }
        again = {named for entry in parked for named in self._take_entry(entry, rejected)}
        for target, key in self.mended:
            if (target, key) not in again:
                self.refused[target].discard(key)
        self.mended.clear()

    def _take_entry(self, entry: Quarantined, rejected: set[tuple[str, Row | None]]) -> list[tuple[str, Row]]:
        target = entry.target_table.rpartition(".")[2]
        keys = [_key(text) for text in (entry.old_key, entry.new_key) if text is not None]
        explained = (
            any((target, key) in rejected or key in self.unfit[target] for key in keys)
            or POISON.decode() in (entry.new_row or "")
            or any(self._excused(target, key) for key in keys)
            or (target == "people" and bool(self.ahead[target] or self.refused[target]))
        )
        self._expect(explained, f"a row of {target} was refused for no known reason: {entry.reason}")
        self.refused[target].update([LINE] if target in self.lines else keys)
        return [(target, key) for key in keys]

    def _excused(self, target: str, key: Row) -> bool:
        """Whether the row may differ: for itself, or for what its foreign keys refer to or are referred to by."""
        if key in self.refused[target] or key in self.ahead[target]:
            return True
        return any(self.refused[other] or self.ahead[other] for other in _related(target))

    def _forget_ahead(self, place: int) -> None:
        for ahead in self.ahead.values():
            if ahead:
                for key in [key for key, until in ahead.items() if until <= place]:
                    del ahead[key]

    # --- comparing

    def _check_counts(self, committed: Committed, covered: Sequence[Truth]) -> None:
        checkpoint = committed.checkpoint
        copied = checkpoint.changes - self.changes
        if copied and copied in self.entering.values():
            self._expect(not any(truth.changes for truth in covered), "rows entered inside a batch")
            self.changes += copied
        self._expect(checkpoint.pipeline == PIPELINE, "another pipeline's checkpoint")
        self._expect(
            checkpoint.changes == self.changes,
            f"{checkpoint.changes} changes were counted where the log holds {self.changes}",
        )
        self._expect(
            checkpoint.echoes == self.echoes, f"{checkpoint.echoes} echoes were counted instead of {self.echoes}"
        )
        self._expect(checkpoint.quarantined == self.parked, "the count of quarantined rows is not theirs")

    def _check_path(self, committed: Committed, covered: Sequence[Truth]) -> None:
        paths = {truth.path for truth in covered if truth.routed}
        self._expect(len(paths) < 2, "transactions of several paths in one commit")
        if covered:
            expected = (*(paths.pop() if paths else ()), SOURCE)
            self._expect(committed.checkpoint.path == expected, f"the path is {committed.checkpoint.path}")

    def _check_rows(self) -> None:
        for (_, name), table in self.database.tables.items():
            if name in self.lines:
                self._check_lines(name, list(table.rows.values()))
            elif table.rows != self.rows[name] or self.absent[name]:
                self._compare(name, table.rows)

    def _check_lines(self, name: str, found: list[Row]) -> None:
        if sorted(found, key=str) == sorted(self.lines[name], key=str):
            return
        self._expect(
            bool(self.refused[name]) or self._excused(name, LINE), f"{name} holds {found} instead of {self.lines[name]}"
        )
        self.refused[name].add(LINE)

    def _compare(self, name: str, found: dict[Row, Row]) -> None:
        expected, absent = self.rows[name], self.absent[name]
        absent.difference_update(found)
        for key in {**found, **expected}:
            if found.get(key) != expected.get(key) and key not in absent:
                self._expect(
                    self._excused(name, key), f"{name} {key} is {found.get(key)} instead of {expected.get(key)}"
                )
                if key not in self.ahead[name]:
                    self.refused[name].add(key)

    def _expect(self, holds: bool, otherwise: str) -> None:
        if not holds:
            raise Violation(f"{otherwise} (place {self.place}, commit {self.commits})")


def _key(text: str) -> Row:
    return tuple(None if value is None else str(value).encode() for value in json.loads(text).values())


def _related(target: str) -> set[str]:
    found: set[str] = set()
    waiting = [target]
    while waiting:
        for other in LINKED.get(waiting.pop(), ()):
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found
