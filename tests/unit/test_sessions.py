"""What one session leaves to the next."""

from __future__ import annotations

from collections.abc import Sequence

from cdc_agent.flow.recovery import StormGuard
from cdc_agent.flow.session import Left
from cdc_agent.model.changes import TableName

TABLES: list[TableName] = [("crm", f"t{number}") for number in range(1000)]


def test_a_new_session_reads_the_tables_of_the_last_one_at_one_go() -> None:
    """After a lost connection a thousand tables are one question, and not one each as their rows come."""
    left = Left(StormGuard(0.1))
    asked: list[Sequence[TableName]] = []
    first = left.remembering(asked.append)
    for table in TABLES:
        first([table])
    assert [len(names) for names in asked] == [1] * 1000
    asked.clear()
    second = left.remembering(asked.append)
    second([("crm", "new")])
    second([TABLES[0]])
    assert [sorted(names) for names in asked] == [sorted([("crm", "new"), *TABLES]), [TABLES[0]]]
