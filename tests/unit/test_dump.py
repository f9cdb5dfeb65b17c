"""How a dump connection ends: never as if the log had an end."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from cdc_agent.errors import DecodeError, Fatal, SourceUnavailable
from cdc_agent.sources.mysql.dump import Dump


class Speaking:
    """What `Dump` uses of a session: a socket, whose other end is in the test's hand."""

    def __init__(self) -> None:
        self._sock, self.server = socket.socketpair()

    def _force_close(self) -> None:
        self._sock.close()


@pytest.fixture
def speaking() -> Iterator[Speaking]:
    session = Speaking()
    yield session
    session.server.close()
    session._sock.close()


def packet(payload: bytes, number: int = 1) -> bytes:
    return struct.pack("<I", len(payload) | number << 24) + payload


def dump(speaking: Any) -> Dump:
    return Dump(speaking)


def test_an_eof_packet_is_a_lost_connection(speaking: Speaking) -> None:
    """A server that shuts down sends EOF: the agent connects again, it does not believe to be done."""
    reading = dump(speaking)
    speaking.server.sendall(packet(b"\xfe\0\0\0\0"))
    with pytest.raises(SourceUnavailable):
        reading.packets()


def test_a_cut_connection_is_told_from_silence(speaking: Speaking) -> None:
    """No data for a moment is nothing; an end of the stream is a lost connection."""
    reading = dump(speaking)
    assert reading.packets() == []
    speaking.server.close()
    with pytest.raises(SourceUnavailable):
        reading.packets()


def test_half_a_packet_waits_for_the_rest(speaking: Speaking) -> None:
    """What arrives in pieces is handed over whole."""
    reading = dump(speaking)
    whole = packet(b"\0event")
    speaking.server.sendall(whole[:6])
    assert reading.packets() == []
    speaking.server.sendall(whole[6:])
    assert reading.packets() == [b"\0event"]


def test_a_purged_log_stops_the_pipeline(speaking: Speaking) -> None:
    """Error 1236 is final: connecting again would bring it again."""
    reading = dump(speaking)
    message = b"Could not find first log file name in binary log index file"
    speaking.server.sendall(packet(b"\xff" + struct.pack("<H", 1236) + b"#HY000" + message))
    with pytest.raises(Fatal):
        reading.packets()


def test_a_packet_of_unknown_status_is_loud(speaking: Speaking) -> None:
    """What is not understood is not passed over."""
    reading = dump(speaking)
    speaking.server.sendall(packet(b"\x05what"))
    with pytest.raises(DecodeError):
        reading.packets()


def test_a_missing_packet_is_a_lost_connection(speaking: Speaking) -> None:
    """The protocol numbers its packets."""
    reading = dump(speaking)
    speaking.server.sendall(packet(b"\0one") + packet(b"\0three", number=3))
    with pytest.raises(SourceUnavailable):
        reading.packets()
