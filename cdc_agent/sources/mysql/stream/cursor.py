"""Where in the log we are: the file, the offset behind the last transaction, and the GTIDs up to there.

In: where events end, as the low 32 bits that they hold, and the identities of transactions. Out: positions, which are
always ends of transactions or what came behind them. It never looks into the future: an offset that an event announces
counts when its transaction has ended.
"""

from __future__ import annotations

from typing import TypeAlias

from cdc_agent.model.positions import BinlogPosition
from cdc_agent.sources.mysql.gtid import MariadbGtids, MysqlGtids

Gtid: TypeAlias = "tuple[str, int] | tuple[int, int, int]"
"""MySQL's (source, number) or MariaDB's (domain, server, number)."""


class Cursor:
    """Stands at the end of a transaction, or in front of the first."""

    __slots__ = ("_gtids", "_number", "_reported", "_text", "file", "offset", "reached")

    def __init__(self, position: BinlogPosition, gtids: MysqlGtids | MariadbGtids | None) -> None:
        """`gtids` is the set up to `position`, None when it is not known."""
        self.file, self.offset = position.file, position.offset
        self._gtids = gtids
        self._text = position.gtid
        self._reported = position.sequence
        self._number = self._reported[0]
        self.reached: BinlogPosition | None = None
        """Behind the last commit that was reached."""

    @property
    def position(self) -> BinlogPosition:
        return BinlogPosition(self.file, self.offset, self._text)

    @property
    def place(self) -> str:
        """For error messages."""
        return f"{self.file}:{self.offset}"

    def end(self, low: int) -> int:
        """The whole offset from its low 32 bits; files pass 4 GiB when one transaction is that large."""
        end = (self.offset & ~0xFFFFFFFF) | low
        return end + (1 << 32) if end < self.offset - (1 << 31) else end

    def reach(self, low: int, gtid: Gtid | None) -> BinlogPosition:
        """The position behind a commit that ends there."""
        self.offset = self.end(low)
        if gtid is not None and self._gtids is not None:
            self._text = self._gtids.add(*gtid)
        self._reported = (self._number, self.offset)
        self.reached = position = BinlogPosition(self.file, self.offset, self._text)
        return position

    @property
    def number(self) -> int:
        """The file's place among the files of the log."""
        return self._number

    def unreported(self) -> BinlogPosition | None:
        """Where we are, once, if that lies behind all that was reached or given before."""
        where = (self._number, self.offset)
        if where <= self._reported:
            return None
        self._reported = where
        return self.position

    def pass_over(self, low: int) -> None:
        """An event between transactions ends there; 0 for one that stands in no file."""
        if low:
            self.go_on(self.end(low))

    def go_on(self, offset: int) -> None:
        """Nothing that concerns us stands before this offset; one that lies behind us says nothing new."""
        self.offset = max(self.offset, offset)

    def turn_to(self, file: str, offset: int) -> None:
        """Another file goes on."""
        self.file, self.offset = file, offset
        self._number = BinlogPosition(file, offset).sequence[0]

    @property
    def has_gtids(self) -> bool:
        """Whether the set up to here is known; positions have GTIDs then."""
        return self._gtids is not None

    def learn(self, gtids: MysqlGtids) -> None:
        """The set up to here, where none was known; an empty one comes from a server that keeps none."""
        if text := str(gtids):
            self._gtids, self._text = gtids, text
