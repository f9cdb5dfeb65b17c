"""Sets of global transaction identifiers: what was read of a log, kept cheaply and printed for every transaction.

In: the identifiers that GTID events carry, one by one, and the text or bytes that servers use for whole sets. Out:
the text that `positions.BinlogPosition.gtid` holds. MySQL's sets are intervals for each source, a source being a
server's UUID or ``uuid:tag``; MariaDB's position is the last identifier of each domain.

https://dev.mysql.com/doc/refman/8.4/en/replication-gtids-concepts.html and
https://mariadb.com/kb/en/gtid/ define the forms. Nothing here does I/O. ValueError is raised for text, DecodeError for
bytes, that are no such set.
"""

from __future__ import annotations

import re
import struct
import uuid
from bisect import bisect_right
from typing import Final, Protocol

from cdc_agent.errors import DecodeError

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TAG: Final = re.compile(r"[a-z_][a-z0-9_]{0,31}")
_INTERVAL: Final = re.compile(r"([0-9]+)(?:-([0-9]+))?")
_MARIADB: Final = re.compile(r"([0-9]+)-([0-9]+)-([0-9]+)")
_TAGGED_FORMAT: Final = 1


class Gtids(Protocol):
    """What both kinds of sets can do for the stream."""

    def __str__(self) -> str: ...


class MysqlGtids:
    """A MySQL GTID set. Adding the next number of the source that was added to last takes well below a microsecond."""

    def __init__(self, text: str = "") -> None:
        """Read the server's text, line breaks and all; ValueError when it is not a GTID set."""
        self._intervals: dict[str, list[list[int]]] = {}
        self._texts: dict[str, str] = {}
        self._hot: list[int] = []
        self._hot_source = ""
        self._before = self._after = ""
        for source, first, last in _parsed(text):
            self._insert(source, first, last)

    def add(self, source: str, number: int) -> str:
        """Add one identifier and return the whole set's text; adding it again changes nothing."""
        hot = self._hot
        if source == self._hot_source and number == hot[1] + 1:
            hot[1] = number
            return f"{self._before}{number}{self._after}"
        if self._hot_source:
            self._texts.pop(self._hot_source, None)
        hot = self._insert(source, number, number)
        text = str(self)
        self._warm(source, hot)
        return text

    def _insert(self, source: str, first: int, last: int) -> list[int]:
        """Merge an interval in and return the one that it became part of."""
        self._texts.pop(source, None)
        intervals = self._intervals.setdefault(source, [])
        start = bisect_right(intervals, [first - 1])
        if start and intervals[start - 1][1] >= first - 1:
            start -= 1
        end = start
        while end < len(intervals) and intervals[end][0] <= last + 1:
            end += 1
        merged = [first, last]
        if end > start:
            merged = [min(first, intervals[start][0]), max(last, intervals[end - 1][1])]
        intervals[start:end] = [merged]
        return merged

    def _warm(self, source: str, interval: list[int]) -> None:
        """Prepare the text before and after the number that will follow in `interval`."""
        if interval is not self._intervals[source][-1]:
            self._hot, self._hot_source = [], ""
            return
        self._hot, self._hot_source = interval, source
        sources = sorted(self._intervals)
        at = sources.index(source)
        texts = [self._text(name) for name in sources]
        finished = "".join(f":{_interval(pair)}" for pair in self._intervals[source][:-1])
        own = f"{source}{finished}:{interval[0]}-"
        self._before = ",".join([*texts[:at], own])
        self._after = "".join(f",{text}" for text in texts[at + 1 :])

    def _text(self, source: str) -> str:
        text = self._texts.get(source)
        if text is None:
            text = source + "".join(f":{_interval(pair)}" for pair in self._intervals[source])
            self._texts[source] = text
        return text

    def __str__(self) -> str:
        self._texts.pop(self._hot_source, None)
        return ",".join(self._text(source) for source in sorted(self._intervals))

    def __contains__(self, identifier: tuple[str, int]) -> bool:
        source, number = identifier
        return any(first <= number <= last for first, last in self._intervals.get(source, ()))

    def includes(self, other: MysqlGtids) -> bool:
        """Whether every identifier of `other` is in this set."""
        return all(
            any(first <= low and high <= last for first, last in self._intervals.get(source, ()))
            for source, intervals in other._intervals.items()
            for low, high in intervals
        )

    def encode(self) -> bytes:
        """The bytes that COM_BINLOG_DUMP_GTID wants; with tags in the form that MySQL 8.3 introduced."""
        sources = sorted(self._intervals)
        tagged = any(":" in source for source in sources)
        count = len(sources)
        if tagged:
            count = _TAGGED_FORMAT << 56 | count << 8 | _TAGGED_FORMAT
        parts = [struct.pack("<Q", count)]
        for source in sources:
            server, _, tag = source.partition(":")
            parts.append(uuid.UUID(server).bytes)
            if tagged:
                parts.append(bytes((len(tag) << 1,)) + tag.encode())
            intervals = self._intervals[source]
            parts.append(struct.pack("<Q", len(intervals)))
            parts += [struct.pack("<QQ", first, last + 1) for first, last in intervals]
        return b"".join(parts)

    @classmethod
    def decode(cls, data: bytes) -> MysqlGtids:
        """Read `encode`'s form, as PREVIOUS_GTIDS events hold it; DecodeError when it is not one."""
        found = cls()
        try:
            (count,) = struct.unpack_from("<Q", data)
            tagged = count >> 56 == _TAGGED_FORMAT
            at = 8
            for _ in range(count >> 8 & 0xFFFFFFFFFFFF if tagged else count):
                source = str(uuid.UUID(bytes=data[at : at + 16]))
                at += 16
                if tagged:
                    size = data[at] >> 1
                    tag = data[at + 1 : at + 1 + size].decode("ascii")
                    source, at = f"{source}:{tag}" if tag else source, at + 1 + size
                (intervals,) = struct.unpack_from("<Q", data, at)
                at += 8
                for _ in range(intervals):
                    first, end = struct.unpack_from("<QQ", data, at)
                    found._insert(source, first, end - 1)
                    at += 16
        except (struct.error, ValueError, IndexError):
            raise DecodeError("a GTID set in the log is cut short") from None
        return found


def _interval(pair: list[int]) -> str:
    first, last = pair
    return str(first) if first == last else f"{first}-{last}"


def _parsed(text: str) -> list[tuple[str, int, int]]:
    """(source, first, last) of every interval; tags may follow each other after one UUID."""
    found = []
    for element in "".join(text.split()).lower().split(","):
        if not element:
            continue
        server, *parts = element.split(":")
        if not _UUID.fullmatch(server) or not parts:
            raise ValueError(f"not a GTID set: {element!r}")
        source = server
        for part in parts:
            match = _INTERVAL.fullmatch(part)
            if match:
                found.append(_range(source, int(match[1]), int(match[2] or match[1])))
            elif _TAG.fullmatch(part):
                source = f"{server}:{part}"
            else:
                raise ValueError(f"not a GTID set: {element!r}")
    return found


def _range(source: str, first: int, last: int) -> tuple[str, int, int]:
    if not 1 <= first <= last:
        raise ValueError(f"not an interval of GTIDs: {first}-{last}")
    return source, first, last


class MariadbGtids:
    """MariaDB's position: the last identifier of each replication domain. Every domain is named, or a restart would
    read the unnamed ones from the start of the log.
    """

    def __init__(self, text: str = "") -> None:
        """Read ``0-1-270,5-2-31``; ValueError when it is not such a list."""
        self._last: dict[int, tuple[int, int]] = {}
        self._hot_domain = -1
        self._before = self._after = ""
        for element in "".join(text.split()).split(","):
            if not element:
                continue
            match = _MARIADB.fullmatch(element)
            if match is None:
                raise ValueError(f"not a MariaDB GTID: {element!r}")
            self._last[int(match[1])] = (int(match[2]), int(match[3]))

    def add(self, domain: int, server: int, number: int) -> str:
        """Move a domain to the identifier that was read, and return the whole position's text."""
        self._last[domain] = (server, number)
        if domain != self._hot_domain:
            self._warm(domain)
        return f"{self._before}{domain}-{server}-{number}{self._after}"

    def _warm(self, domain: int) -> None:
        self._hot_domain = domain
        lower = sorted(other for other in self._last if other < domain)
        higher = sorted(other for other in self._last if other > domain)
        self._before = "".join(f"{self._text(other)}," for other in lower)
        self._after = "".join(f",{self._text(other)}" for other in higher)

    def _text(self, domain: int) -> str:
        server, number = self._last[domain]
        return f"{domain}-{server}-{number}"

    def __str__(self) -> str:
        return ",".join(self._text(domain) for domain in sorted(self._last))

    def domains(self) -> dict[int, int]:
        """Domain → the last sequence number read of it."""
        return {domain: number for domain, (_, number) in self._last.items()}

    def includes(self, other: MariadbGtids) -> bool:
        """Whether every domain of `other` was read at least as far here."""
        mine = self.domains()
        return all(mine.get(domain, -1) >= number for domain, number in other.domains().items())
