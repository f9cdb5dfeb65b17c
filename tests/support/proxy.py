"""A TCP proxy on 127.0.0.1 that breaks connections the way networks do: cut, stalled, slow, or a reply lost.

Put it between the agent and a server, then arm one fault. A fault strikes once, and `cuts` counts what was cut, so that
a test can wait for it. What an armed fault looks for must cross in plain text: connect without TLS.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from tests.support.waiting import wait_until

Direction: TypeAlias = Literal["to_server", "to_client"]

HOST = "127.0.0.1"
READ_BYTES = 65536
CONNECT_SECONDS = 30
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class _Verdict:
    """What becomes of bytes that a fault has looked at: how many go on, and whether the connection ends then."""

    forward: int
    end: Literal["", "cut", "lose_replies"] = ""


class _Fault(Protocol):
    def look(self, link: _Link, direction: Direction, data: bytes) -> _Verdict: ...


@dataclass(eq=False)
class _Link:
    """One client's connection and the one to the server behind it."""

    client: socket.socket
    server: socket.socket

    def end(self, direction: Direction) -> tuple[socket.socket, socket.socket]:
        """Where bytes of a direction come from, and where they go."""
        return (self.client, self.server) if direction == "to_server" else (self.server, self.client)

    def reset(self) -> None:
        """Both ends learn at once that the connection is gone."""
        for one in (self.client, self.server):
            _reset(one)

    def lose_replies(self) -> None:
        """The client's side breaks, while the server finishes all that it was sent; its replies go nowhere."""
        _reset(self.client)
        with suppress(OSError):
            self.server.shutdown(socket.SHUT_WR)
            while self.server.recv(READ_BYTES):
                pass


@dataclass
class _CutAfterBytes:
    direction: Direction
    left: int

    def look(self, link: _Link, direction: Direction, data: bytes) -> _Verdict:
        if direction != self.direction:
            return _Verdict(len(data))
        forward = min(self.left, len(data))
        self.left -= forward
        return _Verdict(forward, "cut" if self.left == 0 else "")


@dataclass
class _CutAtPattern:
    """Remembers the end of what each link sent, since a pattern may come in two pieces."""

    pattern: bytes
    before: bool
    tails: dict[_Link, bytes] = field(default_factory=dict)
    struck: _Link | None = None

    def look(self, link: _Link, direction: Direction, data: bytes) -> _Verdict:
        if direction == "to_client":
            return _Verdict(0, "lose_replies") if link is self.struck else _Verdict(len(data))
        seen = self.tails.get(link, b"") + data
        self.tails[link] = seen[-len(self.pattern) + 1 :] if len(self.pattern) > 1 else b""
        if self.struck is not None or self.pattern not in seen:
            return _Verdict(len(data))
        self.struck = link
        return _Verdict(0, "cut") if self.before else _Verdict(len(data))


class Proxy:
    """Listens on `port` until `close`; without a fault it only passes bytes on."""

    def __init__(self, server_port: int, server_host: str = HOST) -> None:
        self.cuts = 0
        self.bytes: dict[Direction, int] = {"to_server": 0, "to_client": 0}
        self._upstream = (server_host, server_port)
        self._latency = 0.0
        self._refusing = False
        self._fault: _Fault | None = None
        self._links: set[_Link] = set()
        self._lock = threading.Lock()
        self._moving = threading.Event()
        self._moving.set()
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name=f"proxy-{self.port}", daemon=True).start()

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._links)

    def cut(self) -> None:
        """Break every open connection now. New ones are taken."""
        for link in list(self._links):
            self._cut(link)

    def refuse(self) -> None:
        """Break every open connection, and each new one as soon as it is made, until `accept`."""
        self._refusing = True
        self.cut()

    def accept(self) -> None:
        self._refusing = False

    def stall(self) -> None:
        """Hold all bytes back, while connections stay open, until `resume`."""
        self._moving.clear()

    def resume(self) -> None:
        self._moving.set()

    def delay(self, seconds: float) -> None:
        """From now on everything that is read waits this long before it goes on, in either direction."""
        self._latency = seconds

    def cut_after(self, count: int, direction: Direction) -> None:
        """Cut the connection that carries the `count`-th byte from now in this direction, just after that byte."""
        self._fault = _CutAfterBytes(direction, count)

    def cut_before(self, pattern: bytes) -> None:
        """Cut the first connection whose client sends `pattern`; the server does not get the end of it."""
        self._fault = _CutAtPattern(pattern, before=True)

    def lose_reply_to(self, pattern: bytes) -> None:
        """Let the first `pattern` through and the server act on it, but cut the client off as the reply comes.

        With `b"COMMIT"`: committed, and the client does not know. On a pipelined connection an earlier reply may be
        lost as well; the server still reads everything that was sent.
        """
        self._fault = _CutAtPattern(pattern, before=False)

    def disarm(self) -> None:
        """Take back a fault that has not struck."""
        self._fault = None

    def wait_for_cut(self, timeout: float = 60.0) -> None:
        """Wait until an armed fault or `cut` has broken a connection since the proxy was made."""
        wait_until(lambda: self.cuts > 0, timeout=timeout, what="the proxy cuts a connection")

    def close(self) -> None:
        """Stop listening and break what is open."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.resume()
        self.refuse()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._refusing:
                _reset(client)
            else:
                self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._upstream, CONNECT_SECONDS)
        except OSError:
            _reset(client)
            return
        server.settimeout(None)
        link = _Link(client, server)
        for one in (client, server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._links.add(link)
        if self._refusing:
            self._cut(link)
            return
        directions: tuple[Direction, ...] = ("to_server", "to_client")
        pumps = [threading.Thread(target=self._pump, args=(link, one), daemon=True) for one in directions]
        for pump in pumps:
            pump.start()

    def _pump(self, link: _Link, direction: Direction) -> None:
        origin, destination = link.end(direction)
        try:
            while data := origin.recv(READ_BYTES):
                self._moving.wait()
                time.sleep(self._latency)
                if not self._pass_on(link, direction, data, destination):
                    return
            destination.shutdown(socket.SHUT_WR)
        except OSError:
            link.reset()
        finally:
            if direction == "to_client":
                self._links.discard(link)
                link.client.close()
                link.server.close()

    def _pass_on(self, link: _Link, direction: Direction, data: bytes, destination: socket.socket) -> bool:
        with self._lock:
            verdict = self._fault.look(link, direction, data) if self._fault else _Verdict(len(data))
            if verdict.end:
                self._fault = None
        self.bytes[direction] += verdict.forward
        destination.sendall(data[: verdict.forward])
        if verdict.end == "lose_replies":
            link.lose_replies()
            self.cuts += 1
        elif verdict.end == "cut":
            self._cut(link)
        return not verdict.end

    def _cut(self, link: _Link) -> None:
        self.cuts += 1
        self._links.discard(link)
        link.reset()


@contextmanager
def proxy_to(server_port: int, server_host: str = HOST) -> Iterator[Proxy]:
    """A proxy in front of a server, closed at the end."""
    proxy = Proxy(server_port, server_host)
    try:
        yield proxy
    finally:
        proxy.close()


def _reset(one: socket.socket) -> None:
    """Close at once, whatever is still unsent, and wake whoever waits on the socket in another thread."""
    with suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
