"""pgoutput's messages, byte by byte as the protocol describes them; whatever is not described is an error."""

from __future__ import annotations

import struct

import pytest

from cdc_agent.config.names import default_name
from cdc_agent.errors import DecodeError
from cdc_agent.model.positions import Lsn
from cdc_agent.model.values import UNSENT
from cdc_agent.sources.postgres import pgoutput
from cdc_agent.sources.postgres.pgoutput import parse
from cdc_agent.sources.postgres.stream import start_command

MICROS = 700_000_000_000_000
SECONDS = 946_684_800 + 700_000_000
ROW = b"\0\4" + b"t\0\0\0\2ab" + b"n" + b"u" + b"t\0\0\0\0"
VALUES = (b"ab", None, UNSENT, b"")
RELATION = (
    b"R\0\0\x40\x01public\0t\0d\0\2" + b"\1id\0" + struct.pack(">Ii", 23, -1) + b"\0a\0" + struct.pack(">Ii", 1043, 24)
)

MESSAGES = [
    (b"B" + struct.pack(">QqI", 5, MICROS, 7), pgoutput.Begin(Lsn(5), SECONDS, 7)),
    (b"C\0" + struct.pack(">QQq", 5, 6, MICROS), pgoutput.Commit(Lsn(5), Lsn(6), SECONDS)),
    (b"O" + struct.pack(">Q", 9) + "östlich\0".encode(), pgoutput.Origin(Lsn(9), "östlich")),
    (
        RELATION,
        pgoutput.Relation(
            0x4001,
            "public",
            "t",
            "d",
            (pgoutput.RelationColumn(True, "id", 23, -1), pgoutput.RelationColumn(False, "a", 1043, 24)),
        ),
    ),
    (b"R\0\0\0\1\0t\0f\0\0", pgoutput.Relation(1, "pg_catalog", "t", "f", ())),
    (b"Y\0\0\0\1public\0mood\0", pgoutput.TypeName(1, "public", "mood")),
    (b"I\0\0\0\1N" + ROW, pgoutput.Insert(1, VALUES)),
    (b"U\0\0\0\1N" + ROW, pgoutput.Update(1, "", None, VALUES)),
    (b"U\0\0\0\1K" + ROW + b"N" + ROW, pgoutput.Update(1, "K", VALUES, VALUES)),
    (b"U\0\0\0\1O" + ROW + b"N" + ROW, pgoutput.Update(1, "O", VALUES, VALUES)),
    (b"D\0\0\0\1K" + ROW, pgoutput.Delete(1, "K", VALUES)),
    (b"D\0\0\0\1O" + ROW, pgoutput.Delete(1, "O", VALUES)),
    (b"T\0\0\0\2\3\0\0\0\1\0\0\0\2", pgoutput.TruncateRelations((1, 2), cascade=True, restart_identity=True)),
    (b"T\0\0\0\1\0\0\0\0\1", pgoutput.TruncateRelations((1,), cascade=False, restart_identity=False)),
    (
        b"M\1" + struct.pack(">Q", 3) + b"cdc_agent\0\0\0\0\2[]",
        pgoutput.LogicalMessage(True, Lsn(3), "cdc_agent", b"[]"),
    ),
]


@pytest.mark.parametrize(("message", "meaning"), MESSAGES, ids=lambda value: type(value).__name__)
def test_each_message_is_read(message: bytes, meaning: object) -> None:
    """Every message of the protocol comes out field by field."""
    assert parse(message) == meaning


@pytest.mark.parametrize(("message", "meaning"), MESSAGES, ids=lambda value: type(value).__name__)
def test_a_message_cut_anywhere_is_an_error(message: bytes, meaning: object) -> None:
    """No prefix of a message, and nothing longer than it, is taken for a message."""
    for end in range(len(message)):
        with pytest.raises(DecodeError):
            parse(message[:end])
    with pytest.raises(DecodeError):
        parse(message + b"\0")


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(b"S" + bytes(5), id="stream start: not asked for"),
        pytest.param(b"X", id="unknown"),
        pytest.param(b"C\1" + bytes(24), id="commit flags"),
        pytest.param(b"R\0\0\0\1s\0t\0x\0\0", id="replica identity"),
        pytest.param(b"I\0\0\0\1K\0\0", id="insert of an old row"),
        pytest.param(b"U\0\0\0\1X\0\0N\0\0", id="old row mark"),
        pytest.param(b"U\0\0\0\1K\0\0K\0\0", id="two old rows"),
        pytest.param(b"D\0\0\0\1N\0\0", id="delete of a new row"),
        pytest.param(b"I\0\0\0\1N\0\1b\0\0\0\1x", id="binary column"),
        pytest.param(b"Y\0\0\0\1\xff\0t\0", id="name not UTF-8"),
    ],
)
def test_what_the_protocol_does_not_describe_is_an_error(message: bytes) -> None:
    """Unknown input stops the pipeline; it is never skipped."""
    with pytest.raises(DecodeError):
        parse(message)


@pytest.mark.parametrize(
    ("pipeline", "name"),
    [("crm", "cdc_agent_crm"), ("phone-to-crm", "cdc_agent_phone_to_crm"), ("x" * 53, "cdc_agent_" + "x" * 53)],
)
def test_a_plain_pipeline_name_is_kept_in_its_slot(pipeline: str, name: str) -> None:
    """Where the alphabet and the length allow it, people find their own name again."""
    assert default_name(pipeline) == name


def test_slot_names_stay_distinct_and_legal() -> None:
    """Names that had to be changed or cut carry a digest, so that no two pipelines share a slot."""
    pipelines = [
        "phone-to-crm",
        "phone_to_crm",
        "phone--to-crm",
        "phone-to-crm-",
        "phone to crm",
        "Phone-to-crm",
        "电话",
        "客户",
        "x" * 54,
        "x" * 55,
        "-" * 70,
    ]
    names = [default_name(pipeline) for pipeline in pipelines]
    assert len(set(names)) == len(names)
    assert all(len(name) <= 63 and set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_") for name in names)


def test_names_in_the_replication_command_are_quoted() -> None:
    """A publication's name goes through an identifier and a string, each quote doubled in its own way."""
    command = start_command("s", """p"'; DROP""", Lsn(0x16B374D848))
    assert command == (
        """START_REPLICATION SLOT "s" LOGICAL 16/B374D848 (proto_version '1', """
        """publication_names '"p""''; DROP"', messages 'true')"""
    )
