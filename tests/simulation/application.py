"""What an application does on the source: transactions as lists of small intentions, and what comes of them.

An `Intention` says what to do by numbers that are reduced to what there is, so that a story stays possible when some
of its transactions are left out. `Application.commit` carries one out: the rows change, the log grows by one entry, and
a `Truth` notes what every target row must be from there on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import TypeAlias

from cdc_agent.model.changes import DELETE, INSERT, UPDATE, Identity, Table
from cdc_agent.model.values import UNSENT, Row
from tests.simulation.catalogue import KEYS, MEANINGS, POISON, SOURCES, SourceTable
from tests.support.memory.log import Entry, Mark, MemoryLog, RowChange, Truncated, message

_Row: TypeAlias = "tuple[SourceTable, int, Row | None, Row | None, bool]"
"""(table, operation, old row, new row, whether the log holds it)"""
_Change: TypeAlias = "_Row | SourceTable | Mark | _Undone"
"""A row, the table that was truncated, a savepoint or the way back to it, what is taken back thereby."""

IDS = 7
"""Few keys, so that transactions meet each other."""


@dataclass(frozen=True)
class _Undone:
    row: _Row


@dataclass(frozen=True)
class Intention:
    """One statement. `action` is insert, update, move, delete, truncate or cycle; the numbers choose rows and values."""

    table: str
    action: str
    first: int
    second: int
    third: int


@dataclass(frozen=True)
class Plan:
    """One transaction. `kind` is local, echo or from (through another database); `idle` bytes of log come before it."""

    kind: str
    intentions: tuple[Intention, ...]
    idle: int = 0
    version: int = 0
    """The version of the tables that the log describes; another one means new plans in the agent."""
    undone: tuple[int, int] = (0, 0)
    """Which of the intentions are taken back by a savepoint, where the log shows such."""


@dataclass(frozen=True)
class Effect:
    """One target row: gone from under `old`, there under `new` (None: not there). Keys of a table without one are rows."""

    target: str
    old: Row | None
    new: Row | None
    row: Row | None
    rejected: bool = False
    """The mapping does not accept the new row."""
    whole: bool = True
    """Whether the log holds all of the new row."""


@dataclass(frozen=True)
class Cleared:
    targets: tuple[str, ...]


@dataclass
class Truth:
    """What one transaction means for the target."""

    end: int
    effects: list[Effect | Cleared] = field(default_factory=list)
    changes: int = 0
    """Row changes of routed tables, and truncates."""
    echo: bool = False
    substantive: bool = True
    path: tuple[str, ...] = ()
    routed: bool = False
    """Whether it holds anything of a routed table."""


@dataclass(frozen=True)
class Style:
    """How the source logs rows."""

    engine: str
    identity: Identity
    minimal: bool
    """MySQL's minimal row image: the key, and what changed."""
    toast: bool
    direct: bool
    cascades_logged: bool
    savepoints: bool = False
    """Whether the log holds what was taken back to a savepoint, and says so."""


class Application:
    def __init__(
        self, style: Style, log: MemoryLog, tables: Sequence[Mapping[str, Table]], texts: Sequence[bytes]
    ) -> None:
        self.rows: dict[str, dict[Row, Row]] = {name: {} for name in SOURCES}
        """By key; a table without one is counted by serial numbers."""
        self.truths: list[Truth] = []
        self._style = style
        self._log = log
        self._tables = tables
        self._texts = texts
        self._serial = 0
        self._changes: list[_Change] = []

    def commit(self, plan: Plan, random: Random) -> Truth:
        """Carry a plan out, and append it to the log."""
        truth = Truth(self._log.end + 16 + plan.idle, path=("hub",) if plan.kind == "from" else ())
        if plan.kind == "echo":
            return self._echo(truth, plan)
        self._changes = []
        self._carry_out(plan)
        version = self._tables[plan.version % len(self._tables)]
        logged = [entry for change in self._changes if (entry := self._log_change(change, version, truth, random))]
        truth.substantive = bool(logged)
        self._renew_current()
        self._log.append(Entry(logged, truth.end, float(truth.end), truth.path or None))
        self.truths.append(truth)
        return truth

    def _carry_out(self, plan: Plan) -> None:
        first, last = plan.undone if self._style.savepoints else (0, 0)
        for intention in plan.intentions[:first]:
            self._do(intention)
        self._take_back([one for one in plan.intentions[first:last] if one.action != "truncate"])
        for intention in plan.intentions[last:]:
            self._do(intention)

    def _take_back(self, intentions: Sequence[Intention]) -> None:
        """SAVEPOINT, these, ROLLBACK TO."""
        before, changes = {name: dict(rows) for name, rows in self.rows.items()}, self._changes
        self._changes = []
        for intention in intentions:
            self._do(intention)
        undone = [_Undone(row) for row in self._changes]  # type: ignore[arg-type]
        self._changes = [*changes, Mark.SAVEPOINT, *undone, Mark.ROLLBACK_TO] if undone else changes
        self.rows.update(before)

    def begin_with(self, tables: Sequence[str], random: Random) -> None:
        """Rows that are older than the log."""
        self._changes = []
        for name in tables:
            for number in range(IDS):
                if random.random() < 0.7:
                    draw = random.randrange
                    self._insert(SOURCES[name], Intention(name, "insert", number, draw(1000), draw(4000)))
        self._renew_current()

    def _echo(self, truth: Truth, plan: Plan) -> Truth:
        """The target's own rows come back: such as it would not have unless they were taken for new."""
        truth.echo, truth.path = True, ("crm",)
        row = (b"777", b"echo", b"echo", b"9")
        tables = self._tables[plan.version % len(self._tables)]
        changes = [RowChange(tables["items"], message(INSERT, None, row))] * len(plan.intentions)
        self._log.append(Entry(changes, truth.end, float(truth.end), truth.path))
        self.truths.append(truth)
        return truth

    def _log_change(
        self, change: _Change, version: Mapping[str, Table], truth: Truth, random: Random
    ) -> RowChange | Truncated | Mark | None:
        """What the log holds of a change, None for nothing; what it means goes to `truth`."""
        if isinstance(change, Mark):
            return change
        if isinstance(change, _Undone):
            return self._log_change(change.row, version, Truth(truth.end), random)
        if isinstance(change, SourceTable):
            self._note_truncate(change, truth)
            return Truncated((change.full_name,))
        table, operation, old, new, logged = change
        effects = list(_effects(table, old, new))
        if not logged:
            truth.effects.extend(replace(effect, whole=False) for effect in effects)
            return None
        images = self._images(table, operation, old, new, random)
        truth.effects.extend(_partial(effect, table, images, new) for effect in effects)
        truth.changes += table.name != "other"
        truth.routed |= table.name != "other"
        return RowChange(version[table.name], message(operation, *images))

    # --- statements

    def _do(self, intention: Intention) -> None:
        table, rows = SOURCES[intention.table], self.rows[intention.table]
        picked = list(rows)[intention.first % len(rows)] if rows else None
        if intention.action == "insert" or picked is None:
            if intention.action in ("insert", "update", "move"):
                self._insert(table, intention)
        elif intention.action == "truncate":
            self._truncate(table)
        elif intention.action == "delete":
            self._delete(table, picked)
        elif intention.action == "move":
            self._move(table, picked, intention)
        elif intention.action == "cycle":
            self._cycle(table, picked, intention)
        else:
            self._update(table, picked, self._changed(table, rows[picked], intention))

    def _insert(self, table: SourceTable, intention: Intention) -> None:
        rows = self.rows[table.name]
        row = tuple([self._value(table, i, intention) for i in range(len(table.columns))])
        if table.key:
            key: Row = (b"%d" % (1 + intention.first % IDS),)
            if key in rows:
                self._update(table, key, self._changed(table, rows[key], intention))
                return
            row = (key[0], *row[1:])
        else:
            self._serial += 1
            key = (b"#%d" % self._serial,)
        if self._allowed(table, row, None):
            rows[key] = row
            self._changes.append((table, INSERT, None, row, True))

    def _value(self, table: SourceTable, column: int, intention: Intention) -> bytes | None:
        number = intention.second + 3 * column
        parents = {name: key for name, key in KEYS if name == table.name}
        if table.name in parents and table.columns[column] == parents[table.name].columns[0]:
            of = self.rows[parents[table.name].references[1]]
            return list(of)[number % len(of)][0] if of else None
        if column in table.nullable and number % 5 == 0:
            return None
        if column not in table.text:
            return b"%d" % (number % 10)
        if table.name == "people":
            return b"mail%d" % (number % 5)
        return self._texts[intention.third % len(self._texts)] if column != table.toasted else b"note%d" % (number % 4)

    def _changed(self, table: SourceTable, row: Row, intention: Intention) -> Row:
        column = intention.third % len(table.columns)
        if column in table.key:
            column = len(table.columns) - 1
        changed = list(row)
        if column not in table.key:
            changed[column] = self._value(table, column, intention)
        return tuple(changed)

    def _allowed(self, table: SourceTable, row: Row, instead_of: Row | None) -> bool:
        """The source's own constraints: NOT NULL, the second unique key, foreign keys."""
        if any(value is None and i not in table.nullable for i, value in enumerate(row)):
            return False
        if table.name == "people" and row[1] is not None:
            return all(other[1] != row[1] for key, other in self.rows["people"].items() if key != instead_of)
        return True

    def _update(self, table: SourceTable, key: Row, row: Row) -> None:
        rows = self.rows[table.name]
        if not self._allowed(table, row, key):
            return
        before = rows[key]
        if not table.key:
            rows[key] = row
        else:
            new_key = tuple([row[i] for i in table.key])
            if new_key != key and new_key in rows:
                return
            del rows[key]
            rows[new_key] = row
        self._changes.append((table, UPDATE, before, row, True))
        if table.key and before[0] != row[0]:
            self._act(table, before[0], row[0])

    def _move(self, table: SourceTable, key: Row, intention: Intention) -> None:
        row = self._changed(table, self.rows[table.name][key], intention)
        if table.key:
            row = (b"%d" % (1 + intention.second % IDS), *row[1:])
        self._update(table, key, row)

    def _cycle(self, table: SourceTable, key: Row, intention: Intention) -> None:
        """Two rows change their places by way of a third: e-mail addresses, or keys."""
        rows = self.rows[table.name]
        other = list(rows)[intention.second % len(rows)]
        if other == key or not table.key:
            return
        if table.name == "people" and intention.third % 2:
            one, two = rows[key][1], rows[other][1]
            for where, value in ((key, b"nobody"), (other, one), (key, two)):
                self._update(table, where, (*rows[where][:1], value))
        else:
            spare = (b"99",)
            for old, new in ((key, spare), (other, key), (spare, other)):
                self._update(table, old, (*new, *rows[old][1:]))

    def _delete(self, table: SourceTable, key: Row) -> None:
        row = self.rows[table.name].pop(key)
        self._changes.append((table, DELETE, row, None, True))
        if table.key:
            self._act(table, row[0], None)

    def _act(self, parent: SourceTable, old: bytes | None, new: bytes | None) -> None:
        """Foreign keys act: ON DELETE when `new` is None, else ON UPDATE."""
        logged = self._style.cascades_logged
        for child_name, foreign in KEYS:
            if foreign.references[1] != parent.name:
                continue
            child = SOURCES[child_name]
            place = child.columns.index(foreign.columns[0])
            rows = self.rows[child_name]
            for key in [key for key, row in rows.items() if row[place] == old]:
                before = rows[key]
                if new is None and foreign.on_delete == "CASCADE":
                    del rows[key]
                    self._changes.append((child, DELETE, before, None, logged))
                    if child.key:
                        self._act(child, before[0], None)
                else:
                    row = rows[key] = tuple([new if i == place else value for i, value in enumerate(before)])
                    self._changes.append((child, UPDATE, before, row, logged))

    def _truncate(self, table: SourceTable) -> None:
        if not any(foreign.references[1] == table.name for _, foreign in KEYS):
            self.rows[table.name].clear()
            self._changes.append(table)

    # --- what the log says, and what it means

    def _images(
        self, table: SourceTable, operation: int, old: Row | None, new: Row | None, random: Random
    ) -> tuple[Row | None, Row | None]:
        key_only = self._style.identity is Identity.KEY and bool(table.key)
        before = _only(old, table.key) if old is not None and key_only else old
        if operation != UPDATE:
            return before, new
        assert old is not None
        assert new is not None
        moved = any(old[i] != new[i] for i in table.key)
        if self._style.minimal and table.key:
            assert before is not None
            # A decoder takes over what only the old image holds: the key.
            return before, tuple([k if a == b else b for k, a, b in zip(before, old, new, strict=True)])
        if self._style.engine == "postgresql" and key_only and not moved:
            before = None
        place = table.toasted
        if place is not None and self._style.toast and old[place] == new[place] and random.random() < 0.7:
            new = tuple([UNSENT if i == place else value for i, value in enumerate(new)])
        return before, new

    def _note_truncate(self, table: SourceTable, truth: Truth) -> None:
        targets = tuple(m.target for m in MEANINGS if m.source == table.name)
        if targets:
            truth.effects.append(Cleared(targets))
            truth.changes += 1
            truth.routed = True

    def _renew_current(self) -> None:
        for table in {_table(change) for change in self._changes if not isinstance(change, Mark)}:
            self._log.current[table.full_name] = {
                key: dict(zip(table.columns, row, strict=True)) for key, row in self.rows[table.name].items()
            }


def _table(change: _Row | SourceTable | _Undone) -> SourceTable:
    row = change.row if isinstance(change, _Undone) else change
    return row if isinstance(row, SourceTable) else row[0]


TEXTS = (b"ann", b"bob", b"", b"x", b"far too long", POISON)
"""The last two are used where the seed wants rows that are refused."""


def _effects(table: SourceTable, old: Row | None, new: Row | None) -> Iterator[Effect]:
    for meaning in MEANINGS:
        if meaning.source != table.name:
            continue
        before = meaning.row(old) if old is not None and meaning.takes(old) else None
        after = meaning.row(new) if new is not None and meaning.takes(new) else None
        if before is not None or after is not None:
            rejected = after is not None and new is not None and not meaning.fits(new)
            yield Effect(meaning.target, _key(table, before), _key(table, after), after, rejected)


def _partial(effect: Effect, table: SourceTable, images: tuple[Row | None, Row | None], new: Row | None) -> Effect:
    """The effect of a change of which the log may hold only a part."""
    old_image, new_image = images
    if new_image is None or new is None or UNSENT not in new_image:
        return effect
    if old_image is not None:
        new_image = tuple([o if n is UNSENT else n for o, n in zip(old_image, new_image, strict=True)])
    return effect if UNSENT not in new_image else replace(effect, whole=False)


def _only(row: Row, key: Sequence[int]) -> Row:
    return tuple([value if i in key else UNSENT for i, value in enumerate(row)])


def _key(table: SourceTable, row: Row | None) -> Row | None:
    if row is None:
        return None
    return row[:1] if table.key else row


def random_plans(random: Random, count: int, *, tables: Sequence[str], texts: int) -> list[Plan]:
    """A workload. `texts` is how many of `TEXTS` may appear."""
    return [_plan(random, tables, texts) for _ in range(count)]


def _plan(random: Random, tables: Sequence[str], texts: int) -> Plan:
    kind = random.choices(("local", "echo", "from", "other", "idle"), (12, 1, 1, 1, 1))[0]
    idle = random.choice((0, 0, 0, 100, 5_000_000))
    if kind == "idle":
        return Plan("local", (), idle)
    size = random.choices((1, 2, 5, 15), (10, 6, 3, 1))[0]
    chosen = ("other",) if kind == "other" else tables
    some = tuple(_intention(random, chosen, texts) for _ in range(size))
    undone = sorted((random.randrange(size + 1), random.randrange(size + 1))) if random.random() < 0.2 else (0, 0)
    version = random.choices((0, 1), (9, 1))[0]
    return Plan("local" if kind == "other" else kind, some, idle, version, tuple(undone))  # type: ignore[arg-type]


def _intention(random: Random, tables: Sequence[str], texts: int) -> Intention:
    actions = ("insert", "update", "move", "delete", "cycle", "truncate")
    action = random.choices(actions, (8, 8, 3, 4, 2, 0.3))[0]
    draw = random.randrange
    return Intention(random.choice(tables), action, draw(1000), draw(1000), draw(texts * 1000) % (texts * 12))
