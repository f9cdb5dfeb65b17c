"""Positions in a source's log, as text and as values that can be compared.

A position is where a transaction ends. Its text form is what `cdc_agent.checkpoint.position` holds:

- ``lsn:16/B374D848``: PostgreSQL, the commit record's end LSN;
- ``binlog:binlog.000007:1543;gtid=3e11fa47-…:1-77``: MySQL with GTIDs, file and offset kept for people and for lag;
- ``binlog:mariadb-bin.000007:1543;gtid=0-1-270,5-2-31``: MariaDB, the last GTID of every domain;
- ``binlog:binlog.000007:1543``: file and offset only (``gtid_mode=OFF``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias


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


class BinlogPosition(NamedTuple):
    """A place in a MySQL or MariaDB binlog; `gtid` is '' when the server keeps no GTIDs."""

    file: str
    offset: int
    gtid: str = ""

    def __str__(self) -> str:
        place = f"binlog:{self.file}:{self.offset}"
        return f"{place};gtid={self.gtid}" if self.gtid else place

    @property
    def sequence(self) -> tuple[int, int]:
        """(number of the file, offset): orders positions of one server."""
        return int(self.file.rpartition(".")[2]), self.offset


Position: TypeAlias = "Lsn | BinlogPosition"

_LSN = re.compile(r"lsn:([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8})")
_BINLOG = re.compile(r"binlog:([^:;]+\.\d+):(\d+)(?:;gtid=(\S+))?")


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
        return BinlogPosition(match[1], int(match[2]), match[3] or "")
    raise ValueError(f"not a position: {text!r}")
