"""Where in the log we are: the file, the offset behind the last transaction, and the GTIDs up to there.

In: where events end, as the low 32 bits that they hold, and the identities of transactions. Out: positions, which are
always ends of transactions or what came behind them. It never looks into the future: an offset that an event announces
counts when its transaction has ended.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from cdc_agent.model.positions import BinlogPosition, Seen
from cdc_agent.sources.mysql.events import kinds
from cdc_agent.sources.mysql.events.reader import Event, digest
from cdc_agent.sources.mysql.gtid import MariadbGtids, MysqlGtids

Gtid: TypeAlias = "tuple[str, int] | tuple[int, int, int]"
"""MySQL's (source, number) or MariaDB's (domain, server, number)."""

_seen: Final = tuple.__new__
"""What `Seen(…)` does in the end; a busy log makes a million of them."""


class Cursor:
    """Stands at the end of a transaction, or in front of the first."""

    __slots__ = ("_gtids", "_number", "_reported", "_seen", "_text", "file", "offset", "reached")

    def __init__(self, position: BinlogPosition, gtids: MysqlGtids | MariadbGtids | None) -> None:
        """`gtids` is the set up to `position`, None when it is not known."""
        self.file, self.offset = position.file, position.offset
        self._gtids = gtids
        self._text = position.gtid
        self._reported = position.sequence
        self._number = self._reported[0]
        self._seen = position.seen
        """The last event of the file that was looked at."""
        self.reached: BinlogPosition | None = None
        """Behind the last commit that was reached."""

    @property
    def position(self) -> BinlogPosition:
        return BinlogPosition(self.file, self.offset, self._text, self._seen)

    @property
    def place(self) -> str:
        """For error messages."""
        return f"{self.file}:{self.offset}"

    def end(self, low: int) -> int:
        """The whole offset from its low 32 bits; files pass 4 GiB when one transaction is that large."""
        end = (self.offset & ~0xFFFFFFFF) | low
        return end + (1 << 32) if end < self.offset - (1 << 31) else end

    def reach(self, low: int, gtid: Gtid | None, size: int, digest: int) -> BinlogPosition:
        """The position behind a commit that ends there, by an event of this size and digest."""
        self.offset = self.end(low)
        if gtid is not None and self._gtids is not None:
            self._text = self._gtids.add(*gtid)
        self._reported = (self._number, self.offset)
        self._seen = seen = _seen(Seen, (self.file, self.offset, size, digest))
        self.reached = position = BinlogPosition(self.file, self.offset, self._text, seen)
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

    def pass_over(self, event: Event) -> None:
        """An event between transactions, which may stand in no file."""
        if not event.end or event.flags & kinds.ARTIFICIAL_FLAG:
            return
        end = self.end(event.end)
        if end >= self.offset and event.kind != kinds.FORMAT_DESCRIPTION:
            self._seen = Seen(self.file, end, event.size, digest(event))
        self.go_on(end)

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
