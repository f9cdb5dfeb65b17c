"""PostgreSQL's results as rows of canonical text: at one go, or one by one in bounded memory.

Values come as the output functions print them, and not through a cast, which differs for inet, bool and others.
Raises psycopg.Error as it comes.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result
from psycopg.generators import fetch, send

from cdc_agent.engines.postgres.texts import canonical, needs_trimming
from cdc_agent.model.changes import Column
from cdc_agent.model.values import Row

_Finish = Callable[[pq.abc.PGresult], list[Row]]


def finisher(columns: Sequence[Column]) -> _Finish:
    """The function from a result to rows of these columns."""
    types = [column.type for column in columns]

    def plain(result: pq.abc.PGresult) -> list[Row]:
        get, fields = result.get_value, range(result.nfields)
        return [tuple([get(row, field) for field in fields]) for row in range(result.ntuples)]

    if not any(map(needs_trimming, types)):
        return plain
    return lambda result: [tuple(map(canonical, row, types)) for row in plain(result)]


def execute(opened: psycopg.Connection[Any], query: str, parameters: Sequence[bytes | None]) -> pq.abc.PGresult:
    """Run one statement; its result is held in memory. Raises psycopg.Error as it comes."""
    result = opened.pgconn.exec_params(query.encode(), parameters)
    if result.status != pq.ExecStatus.TUPLES_OK:
        raise error_from_result(result)
    return result


def one_by_one(opened: psycopg.Connection[Any], query: str) -> Generator[pq.abc.PGresult]:
    """A result for each row, in libpq's single-row mode; when closed early, the statement is cancelled.

    https://www.postgresql.org/docs/current/libpq-single-row-mode.html
    """
    pgconn = opened.pgconn
    pgconn.send_query_params(query.encode(), None)
    pgconn.set_single_row_mode()
    opened.wait(send(pgconn))
    try:
        while (result := opened.wait(fetch(pgconn))) is not None:
            if result.status == pq.ExecStatus.SINGLE_TUPLE:
                yield result
            elif result.status != pq.ExecStatus.TUPLES_OK:
                raise error_from_result(result)
    finally:
        if pgconn.transaction_status == pq.TransactionStatus.ACTIVE:
            _end(opened)


def _end(opened: psycopg.Connection[Any]) -> None:
    opened.cancel_safe()
    while opened.wait(fetch(opened.pgconn)) is not None:
        pass
