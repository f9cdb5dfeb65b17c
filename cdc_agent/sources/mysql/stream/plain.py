"""The short way: a transaction of one rows event, taken at one go.

In: a `Plain` that the `EventReader` has found and checked. Out: the same call of the assembler that the long way, event
by event, comes to; a property test compares the two. Most transactions are such, so this is the hot path of the reader:
for each it costs a look-up of its table map.
"""

from __future__ import annotations

from typing import Final

from cdc_agent.sources.assemble import Assembler
from cdc_agent.sources.mysql.events import identities, kinds
from cdc_agent.sources.mysql.events.reader import Plain
from cdc_agent.sources.mysql.stream.cursor import Cursor, Gtid
from cdc_agent.sources.mysql.stream.tables import OWN, KnownTables
from cdc_agent.sources.mysql.stream.transactions import source_name

PREFIXES: Final = tuple(bytes((kind,)) for kind in range(256))
"""What stands before a row event's body in a message: its kind."""


class PlainTransactions:
    """Takes transactions whose table map is known, outside of any other transaction."""

    __slots__ = ("_assembler", "_cursor", "_known", "_tables")

    def __init__(self, cursor: Cursor, assembler: Assembler, tables: KnownTables) -> None:
        self._cursor = cursor
        self._assembler = assembler
        self._tables = tables
        self._known = tables.by_map

    def take(self, found: Plain) -> bool:
        """Hand over a transaction at one go; False for one that needs a closer look, of which nothing is taken then."""
        _, gtid, table_map, kind, rows, end, seconds, size, digest = found
        known = self._known.get(table_map)
        if known is None or known[1] == OWN:
            return False
        body, time = gtid[20:-4], None
        identity: Gtid
        if gtid[5] == kinds.GTID:
            source, number, time = identities.gtid(body)
            identity = (source_name(source), number)
        else:
            domain, number, _ = identities.mariadb_gtid(body)
            identity = (domain, int.from_bytes(gtid[6:10], "little"), number)
        table = known[2]
        if table is not None and rows[6] & kinds.KEYS_FLAGS:
            table = self._tables.without_keys(table)
        message = b"" if table is None else PREFIXES[kind] + rows
        position = self._cursor.reach(end, identity, size, digest)
        self._assembler.whole(table, message, position, float(seconds) if time is None else time)
        return True
