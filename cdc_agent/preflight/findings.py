"""What `check` finds: severity, a stable code, where, what, and what to do.

docs/errors.md lists every code, and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Severity(StrEnum):
    """An error would stop or harm a pipeline; a warning may; an info is good to know."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


RULES: Final = {
    "PF001": "a database cannot be reached",
    "PF002": "the server's version is not supported",
    "PF003": "the clocks of two servers differ by more than a second",
    "PF004": "an unencrypted or unverified connection to another host",
    "PF005": "the role has more rights than it needs",
    "PF006": "the role lacks a right",
    "PF007": "the configuration file has a weakness",
    "PF010": "wal_level is not logical",
    "PF011": "no free replication slot",
    "PF012": "no free WAL sender",
    "PF013": "wal_sender_timeout is very short",
    "PF014": "WAL that a slot keeps is not limited, or limited",
    "PF015": "the slot cannot be read",
    "PF016": "the publication does not have every routed table",
    "PF020": "the binlog is off",
    "PF021": "binlog_format is not ROW",
    "PF022": "binlog_row_image is not FULL",
    "PF023": "binlog_row_metadata is not FULL",
    "PF024": "the binlog is compressed",
    "PF025": "binlog_row_value_options is set",
    "PF026": "server_id is 0",
    "PF027": "two replicas would have one server_id",
    "PF028": "gtid_mode is off",
    "PF029": "the binlog is kept for less than a day",
    "PF030": "the binlog behind the checkpoint is gone, or is another one",
    "PF040": "a routed source table does not exist",
    "PF041": "a routed target table does not exist",
    "PF042": "a table has no key",
    "PF043": "updates and deletes of a table are not logged",
    "PF044": "the mapping does not fit the tables",
    "PF045": "a column's values may not fit their target",
    "PF046": "a NOT NULL column of the target gets no value",
    "PF047": "a target table has other unique keys",
    "PF048": "foreign-key cascades are not in the binlog, and cannot be derived",
    "PF049": "triggers or foreign keys act on replicated rows",
    "PF050": "keys that the target holds equal are refused",
    "PF051": "a table's storage engine has no transactions",
    "PF052": "a source column is not replicated",
    "PF053": "a source table is system-versioned",
    "PF054": "a wildcard leaves out what is no table with a log",
    "PF055": "a partition's TRUNCATE is not in the log",
    "PF060": "the opposite direction maps other tables",
    "PF061": "a pipeline is not set up",
    "PF062": "LOAD DATA LOCAL is off",
    "PF063": "the agent's tables have another version",
    "PF064": "existing rows are not copied",
    "PF065": "a target may lose commits in a crash",
    "PF067": "a table waits for its schema",
    "PF068": "a table is known to differ",
    "PF070": "rows of the source may share a key of the target",
    "PF071": "a filter may remove rows that did not come from here",
    "PF075": "foreign keys of the target act on replicated rows, or are kept from it",
}
"""Code → what it says in general."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of `check`."""

    severity: Severity
    code: str
    where: str
    """The database, pipeline or table: ``crm``, ``phone-to-crm: public.calls → crm.calls``."""
    message: str
    hint: str = ""
    cause: str = ""
    """The message without what is special to this finding, where several share it."""
    subject: str = ""
    """What this finding is about among those of one cause: ``calls.started``; `where` without it."""

    def render(self) -> str:
        """The form for people."""
        text = f"{self.severity} {self.code}: {self.where}: {self.message}"
        return f"{text}\n  hint: {self.hint}" if self.hint else text


FEW: Final = 3
"""So many findings of one code are shown one by one."""
CAUSES: Final = 6
"""So many causes of a code are shown."""
SUBJECTS: Final = 4


def render(found: Sequence[Finding], *, everything: bool = False) -> str:
    """All findings for people, errors first, those of one code together; with `everything` each by itself."""
    ordered = [finding for severity in Severity for finding in found if finding.severity is severity]
    groups: dict[tuple[Severity, str], list[Finding]] = {}
    for finding in ordered:
        groups.setdefault((finding.severity, finding.code), []).append(finding)
    lines: list[str] = []
    for some in groups.values():
        short = everything or len(some) <= FEW
        lines += [finding.render() for finding in some] if short else _grouped(some)
    counts = ", ".join(f"{sum(f.severity is s for f in found)} {s}s" for s in Severity).replace("infos", "notes")
    hidden = not everything and any(len(some) > FEW for some in groups.values())
    return "\n".join([*lines, f"{counts}; --verbose shows each" if hidden else counts])


def _grouped(some: Sequence[Finding]) -> Iterator[str]:
    """Findings of one code, by what causes them, the most frequent first."""
    first = some[0]
    causes: dict[str, list[Finding]] = {}
    for finding in some:
        causes.setdefault(finding.cause or RULES[finding.code], []).append(finding)
    shown = sorted(causes.items(), key=lambda one: -len(one[1]))
    yield f"{first.severity} {first.code}: {len(some)} times: {RULES[first.code]}"
    for cause, group in shown[:CAUSES]:
        what = "" if cause == RULES[first.code] else f"{cause}: "
        more = f" and {len(group) - SUBJECTS} more" if len(group) > SUBJECTS else ""
        yield f"  {len(group)} × {what}{', '.join(f.subject or f.where for f in group[:SUBJECTS])}{more}"
    if len(shown) > CAUSES:
        yield f"  and {len(shown) - CAUSES} more causes"
    if first.hint:
        same = all(finding.hint == first.hint for finding in some)
        yield f"  hint: {first.hint}" if same else f"  hint, for the first: {first.hint}"


def error(code: str, where: str, message: str, hint: str = "") -> Finding:
    return Finding(Severity.ERROR, code, where, message, hint)


def warning(code: str, where: str, message: str, hint: str = "") -> Finding:
    return Finding(Severity.WARNING, code, where, message, hint)


def info(code: str, where: str, message: str, hint: str = "") -> Finding:
    return Finding(Severity.INFO, code, where, message, hint)


OLDEST: Final = {"postgresql": (14,), "mysql": (8, 0), "mariadb": (10, 5)}
"""The oldest versions that work."""


def outdated(where: str, flavor: str, version: tuple[int, ...]) -> Iterator[Finding]:
    """A finding when a server is older than what works."""
    oldest = OLDEST[flavor]
    if version < oldest:
        found, least = (".".join(map(str, one)) for one in (version, oldest))
        yield error("PF002", where, f"{flavor} {found}; {least} is the oldest that works", "upgrade the server")


SKEW_SECONDS: Final = 1.0


def skewed(where: str, source: float, target: float) -> Iterator[Finding]:
    """A finding when two clocks, given as seconds ahead of ours, differ by more than a second."""
    if abs(source - target) > SKEW_SECONDS:
        message = f"the clocks of source and target differ by {abs(source - target):.1f} s"
        yield warning("PF003", where, message, "run NTP on both servers: conflict rules compare times")
