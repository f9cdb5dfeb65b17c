"""Positions in a source's log, as text and as values that can be compared.

A position is where a transaction ends. Its text form is what `cdc_agent.checkpoint.position` holds:

- ``lsn:16/B374D848``: PostgreSQL, the commit record's end LSN;
- ``binlog:binlog.000007:1543;gtid=3e11fa47-…:1-77``: MySQL with GTIDs, file and offset kept for people and for lag;
- ``binlog:mariadb-bin.000007:1543;gtid=0-1-270,5-2-31``: MariaDB, the last GTID of every domain;
- ``binlog:binlog.000007:1543``: file and offset only (``gtid_mode=OFF``).

A binlog's position may end with ``;seen=binlog.000007:1543-31:9a8b7c6d``: an event of 31 bytes that ends there, with
its digest. It is at or before the position, and tells this log from another that has grown to the same numbers.

Positions of one source's log compare by `reached` and subtract by `since`. Both raise ForeignCheckpoint for a position
of another engine's log: a checkpoint's, whose source's URL leads elsewhere now.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, NoReturn, TypeAlias

from cdc_agent.errors import ForeignCheckpoint


@dataclass(frozen=True, slots=True, order=True)
class Lsn:
    """A PostgreSQL log sequence number: bytes from the start of the WAL."""

    value: int

    def __str__(self) -> str:
        return f"lsn:{self.value >> 32:X}/{self.value & 0xFFFFFFFF:X}"

    @property
    def text(self) -> str:
        """PostgreSQL's own spelling, ``16/B374D848``."""
        return f"{self.value >> 32:X}/{self.value & 0xFFFFFFFF:X}"

    def reached(self, goal: Position) -> bool:
        """Whether a log that was read up to here has been read up to `goal`."""
        return self.value >= (goal.value if isinstance(goal, Lsn) else _differ(self, goal))

    def since(self, earlier: Position) -> int:
        """Bytes of log between `earlier` and here; negative when `earlier` is later."""
        return self.value - (earlier.value if isinstance(earlier, Lsn) else _differ(self, earlier))


class Seen(NamedTuple):
    """An event of a binlog that was looked at: by it the log is recognised."""

    file: str
    end: int
    """The offset behind it."""
    size: int
    """Bytes."""
    digest: int
    """32 bits."""

    def __str__(self) -> str:
        return f"{self.file}:{self.end}-{self.size}:{self.digest:08x}"


class BinlogPosition(NamedTuple):
    """A place in a MySQL or MariaDB binlog; `gtid` is '' when the server keeps no GTIDs."""

    file: str
    offset: int
    gtid: str = ""
    seen: Seen | None = None
    """The last event up to here that was looked at; None when none was."""

    def __str__(self) -> str:
        gtid = f";gtid={self.gtid}" if self.gtid else ""
        seen = f";seen={self.seen}" if self.seen is not None else ""
        return f"binlog:{self.file}:{self.offset}{gtid}{seen}"

    @property
    def sequence(self) -> tuple[int, int]:
        """(number of the file, offset): orders positions of one server."""
        return self.number, self.offset

    @property
    def number(self) -> int:
        """The file's place among the files of its log."""
        return int(self.file.rpartition(".")[2])

    def reached(self, goal: Position) -> bool:
        """Whether a log that was read up to here has been read up to `goal`."""
        return self.sequence >= (goal.sequence if isinstance(goal, BinlogPosition) else _differ(self, goal))

    def since(self, earlier: Position, files: Mapping[str, int] | None = None) -> int | None:
        """Bytes of log between `earlier` and here; `files` are the log's files with their sizes in bytes.

        None when the two stand in different files and the sizes of those between are not known.
        """
        if not isinstance(earlier, BinlogPosition):
            return _differ(self, earlier)
        sizes = {BinlogPosition(file, 0).number: size for file, size in (files or {}).items()}
        between = [sizes[number] for number in range(earlier.number, self.number) if number in sizes]
        if len(between) != abs(self.number - earlier.number):
            return None
        return sum(between) + self.offset - earlier.offset


Position: TypeAlias = "Lsn | BinlogPosition"


def _differ(one: Position, other: Position) -> NoReturn:
    raise ForeignCheckpoint(f"positions of two engines: {one} and {other}")


_LSN = re.compile(r"lsn:([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8})")
_BINLOG = re.compile(
    r"binlog:([^:;]+\.\d+):(\d+)(?:;gtid=([^\s;]+))?(?:;seen=([^:;]+\.\d+):(\d+)-(\d+):([0-9a-f]{8}))?"
)


def parse_lsn(text: str) -> Lsn:
    """Read PostgreSQL's spelling ``16/B374D848``; ValueError when it is not one."""
    high, slash, low = text.partition("/")
    if not slash:
        raise ValueError(f"not an LSN: {text!r}")
    return Lsn((int(high, 16) << 32) | int(low, 16))


def parse_position(text: str) -> Position:
    """Read the text form back; ValueError when it is none of the forms above."""
    if match := _LSN.fullmatch(text):
        return Lsn((int(match[1], 16) << 32) | int(match[2], 16))
    if match := _BINLOG.fullmatch(text):
        seen = Seen(match[4], int(match[5]), int(match[6]), int(match[7], 16)) if match[4] else None
        return BinlogPosition(match[1], int(match[2]), match[3] or "", seen)
    raise ValueError(f"not a position: {text!r}")
