"""XA branches between their PREPARE and their decision.

The rows of a branch stand in the log at PREPARE, and whether they count is said later, perhaps much later. They are
held here until then: small branches in memory, large ones as the place in the server's log where they can be read
again (the log is the store: nothing is written to local disk, and memory stays bounded).

A restart forgets what was held. Therefore a branch that is decided without having been seen is looked for in the log,
and the position never needs to stay behind for it. Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

from cdc_agent.sources.mysql.events.identities import Xid

HELD_BYTES: Final = 1024 * 1024
"""Bytes of one branch kept in memory."""
ALL_HELD_BYTES: Final = 16 * 1024 * 1024
"""Bytes of all branches kept in memory."""


@dataclass(slots=True)
class Branch:
    """One branch: its row events (table maps among them) in order, or only where they are."""

    xid: Xid
    file: str
    start: int
    """Byte offset in `file` of the transaction that ends in the XA PREPARE."""
    events: list[tuple[int, bytes]] | None = field(default_factory=list)
    """(event type, body); None when they must be read again."""
    size: int = 0


class BranchReader(Protocol):
    """Reads branches from the source's log; its own connection, called by the reader thread."""

    def read(self, branch: Branch) -> Iterable[tuple[int, bytes]]:
        """The table maps and row events of a branch. Raises LogGone when the log was purged meanwhile."""

    def find(self, xid: Xid, file: str, before: int) -> Branch:
        """The branch prepared last under this name in front of a place in the log. Raises LogGone when it is not
        there.
        """


class Branches:
    """The branches that were prepared and not decided yet."""

    def __init__(self, *, held: int = HELD_BYTES, all_held: int = ALL_HELD_BYTES) -> None:
        self._held = held
        self._all_held = all_held
        self._size = 0
        self._branches: dict[Xid, Branch] = {}

    def hold(self, branch: Branch, kind: int, body: bytes) -> None:
        """Keep an event of a branch that is being read, while there is room."""
        if branch.events is None:
            return
        branch.size += len(body)
        if branch.size > self._held or self._size + branch.size > self._all_held:
            branch.events, branch.size = None, 0
        else:
            branch.events.append((kind, body))

    def prepared(self, branch: Branch) -> None:
        self.decided(branch.xid)
        self._branches[branch.xid] = branch
        self._size += branch.size

    def decided(self, xid: Xid) -> Branch | None:
        """Let go of a branch; None when it was prepared before we began to read."""
        branch = self._branches.pop(xid, None)
        if branch is not None:
            self._size -= branch.size
        return branch
