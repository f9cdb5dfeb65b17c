"""Which transactions share one commit on the target, whatever they are."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cdc_agent.flow.applier import batches
from cdc_agent.model.changes import Rows, Transaction
from cdc_agent.model.positions import Lsn
from tests.support.mapping import Log

LOG = Log()
TABLE = LOG.table("t", key=())
paths = st.sampled_from([(), ("a",), ("a", "b")])


@st.composite
def transactions(draw: st.DrawFn) -> list[Transaction]:
    """Whole ones with rows or without, and large ones in parts, as a reader hands them over."""
    made: list[Transaction] = []
    for number in range(draw(st.integers(0, 20))):
        path, parts = draw(paths), draw(st.sampled_from([1, 1, 1, 1, 2, 3]))
        for part in range(parts):
            pieces = [Rows(TABLE, [b""])] if parts > 1 or draw(st.booleans()) else []
            last = part == parts - 1
            made.append(Transaction([*pieces], 1, path, part == 0, last, Lsn(number) if last else None))
    return made


def is_whole(transaction: Transaction) -> bool:
    return transaction.first and transaction.last


@given(transactions())
def test_batches_are_the_log_in_pieces(drained: list[Transaction]) -> None:
    """Nothing is lost, doubled or moved; rows of one batch came along one path; a part of a large one is alone."""
    made = list(batches(drained))
    assert [id(one) for batch in made for one in batch] == [id(one) for one in drained]
    for batch in made:
        assert batch
        assert len({one.path for one in batch if one.pieces}) <= 1
        assert len(batch) == 1 or all(map(is_whole, batch))


@given(transactions())
def test_only_a_path_or_a_part_ends_a_batch(drained: list[Transaction]) -> None:
    """Transactions without rows join what they stand among: between two batches stands another path, or a part."""
    for before, after in pairwise(batches(drained)):
        if is_whole(before[0]) and is_whole(after[0]):
            assert {one.path for one in before if one.pieces} != {after[0].path}
            assert after[0].pieces


def test_echoes_between_local_transactions_cost_no_commit() -> None:
    """Two live sides: every second transaction in the log is the other side's, come back."""
    local = [Transaction([Rows(TABLE, [b""])], 1, (), position=Lsn(2 * n)) for n in range(100)]
    echoes = [Transaction([], 0, ("crm",), position=Lsn(2 * n + 1), echo=True) for n in range(100)]
    drained = [one for pair in zip(local, echoes, strict=True) for one in pair]
    assert [len(batch) for batch in batches(drained)] == [200]
    assert [len(batch) for batch in batches(drained[1:])] == [199]
