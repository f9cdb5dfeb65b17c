"""GTID sets: what is added comes out as the server would print it, in every order, with and without tags."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymysqlreplication.gtid import GtidSet

from cdc_agent.errors import DecodeError
from cdc_agent.sources.mysql.gtid import MariadbGtids, MysqlGtids

A = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
B = "4e11fa47-71ca-11e1-9e33-c80aa9429562"
SOURCES = st.sampled_from([A, B, f"{A}:tag", f"{B}:other"])
IDENTIFIERS = st.lists(st.tuples(SOURCES, st.integers(1, 30)), max_size=60)


def added(identifiers: list[tuple[str, int]]) -> MysqlGtids:
    gtids = MysqlGtids()
    for source, number in identifiers:
        gtids.add(source, number)
    return gtids


@given(IDENTIFIERS)
def test_the_set_does_not_depend_on_the_order_or_on_the_way_it_was_made(identifiers: list[tuple[str, int]]) -> None:
    """Adding one by one, in any order, gives the same text as parsing, and every `add` returns the text so far."""
    gtids = MysqlGtids()
    for index, (source, number) in enumerate(identifiers):
        text = gtids.add(source, number)
        expected = {(s, n) for s, n in identifiers[: index + 1]}
        assert text == str(gtids) == str(MysqlGtids(text)) == str(added(sorted(expected)))
    for source in (A, B, f"{A}:tag"):
        for number in range(1, 31):
            assert ((source, number) in gtids) == ((source, number) in identifiers)


@given(IDENTIFIERS)
def test_the_wire_form_reads_back(identifiers: list[tuple[str, int]]) -> None:
    """What COM_BINLOG_DUMP_GTID sends is what PREVIOUS_GTIDS events hold."""
    gtids = added(identifiers)
    assert str(MysqlGtids.decode(gtids.encode())) == str(gtids)


@given(st.lists(st.tuples(st.sampled_from([A, B]), st.integers(1, 30)), min_size=1, max_size=40))
def test_untagged_sets_are_encoded_as_the_library_does(identifiers: list[tuple[str, int]]) -> None:
    """Without tags the bytes are those of pymysqlreplication."""
    gtids = added(identifiers)
    assert gtids.encode() == GtidSet(str(gtids)).encode()


@given(IDENTIFIERS, IDENTIFIERS)
def test_inclusion_is_that_of_sets(one: list[tuple[str, int]], other: list[tuple[str, int]]) -> None:
    """A set includes another exactly when it has all its identifiers."""
    assert added(one).includes(added(other)) == (set(other) <= set(one))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        (f"{A}:1", f"{A}:1"),
        (f"{A.upper()}:1-3:5,\n{B}:7-9", f"{A}:1-3:5,{B}:7-9"),
        (f"{A}:1-3:4-5", f"{A}:1-5"),
        (f"{A}:1-3:tag:1:3,{A}:5", f"{A}:1-3:5,{A}:tag:1:3"),
    ],
)
def test_the_servers_spellings_are_read(text: str, expected: str) -> None:
    """Line breaks, upper case, adjacent intervals and tags behind one UUID are all the same set."""
    assert str(MysqlGtids(text)) == expected


@pytest.mark.parametrize("text", ["x", A, f"{A}:", f"{A}:0", f"{A}:5-3", f"{A}:-", f"{A}:1-2-3", f"{A[:-1]}:1"])
def test_what_is_no_gtid_set_is_refused(text: str) -> None:
    """A damaged position is an error, never an empty set."""
    with pytest.raises(ValueError, match="GTID"):
        MysqlGtids(text)


def test_a_set_that_is_cut_short_is_refused() -> None:
    """Bytes that end early are an error."""
    data = MysqlGtids(f"{A}:1-3:tag:4").encode()
    for end in range(len(data)):
        with pytest.raises(DecodeError):
            MysqlGtids.decode(data[:end])


def test_mariadb_keeps_the_last_of_each_domain() -> None:
    """Each domain moves by itself, and every one is named."""
    gtids = MariadbGtids("5-2-31,0-1-270")
    assert str(gtids) == "0-1-270,5-2-31"
    assert gtids.add(0, 1, 271) == "0-1-271,5-2-31"
    assert gtids.add(0, 9, 272) == "0-9-272,5-2-31"
    assert gtids.add(7, 1, 1) == "0-9-272,5-2-31,7-1-1"
    assert gtids.add(5, 2, 32) == str(gtids) == "0-9-272,5-2-32,7-1-1"
    assert gtids.includes(MariadbGtids("0-1-272,7-1-1"))
    assert not gtids.includes(MariadbGtids("0-1-273"))
    assert not gtids.includes(MariadbGtids("8-1-1"))


@pytest.mark.parametrize("text", ["1-2", "a-b-c", "1-2-3-4", "-1-2"])
def test_what_is_no_mariadb_position_is_refused(text: str) -> None:
    """A damaged position is an error, never an empty one."""
    with pytest.raises(ValueError, match="GTID"):
        MariadbGtids(text)
