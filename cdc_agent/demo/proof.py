"""The proof at the end of the demonstration: plain SELECTs on both sides, sharing nothing with the agent.

Each side's rows are read in the other side's terms, put into one form, sorted and hashed with SHA-256.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, TypeAlias

from psycopg import sql

Marks: TypeAlias = "tuple[tuple[tuple[int, int], ...], str]"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One table on both sides."""

    name: str
    phone_query: str
    crm_query: str


COMPARISONS: Final = (
    Comparison(
        "contacts = customers",
        "SELECT id, full_name, phone, company, email, CASE WHEN vip THEN 'A' ELSE 'C' END, array_to_json(tags)::text,"
        " note, updated_at FROM contacts",
        "SELECT id, name, mobile, company, email, level, labels, remark, changed_at FROM customers",
    ),
    Comparison(
        "calls = follow_ups",
        "SELECT id, contact_id, seconds, direction, started_at FROM calls WHERE seconds > 0",
        "SELECT id, customer_id, CAST(REGEXP_SUBSTR(summary, '[0-9]+') AS SIGNED),"
        " CASE WHEN summary LIKE 'called us%' THEN 'in' ELSE 'out' END, happened_at FROM follow_ups",
    ),
    Comparison(
        "deals = opportunities",
        "SELECT id, contact_id, title, stage, amount, closes_on FROM deals",
        "SELECT id, customer_id, title, stage, amount, closes_on FROM opportunities",
    ),
)


@dataclass(frozen=True, slots=True)
class Digest:
    """Rows and the SHA-256 over them, sorted."""

    rows: int
    sha256: str


def digest(connection: Any, query: str, json_columns: Sequence[int] = ()) -> Digest:
    """Hash what a query returns; times are compared in UTC, JSON by its content."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        rows = sorted(json.dumps([_plain(v) for v in row], ensure_ascii=False) for row in cursor.fetchall())
    connection.commit()
    return Digest(len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest())


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return aware.astimezone(UTC).isoformat()
    if isinstance(value, str) and value.startswith("["):
        return json.loads(value)
    if isinstance(value, Decimal) or hasattr(value, "isoformat"):
        return str(value)
    return value


def writes(phone: Any, crm: Any) -> Marks:
    """What was written last: each PostgreSQL table's latest xmin and rows, and the end of the binlog. Still when idle.

    Not the WAL's end, which maintenance moves, and not the statistics, which a session that wrote last reports late.
    """
    with phone.cursor() as cursor:
        cursor.execute("SELECT schemaname, relname FROM pg_stat_user_tables ORDER BY 1, 2")
        tables = [sql.Identifier(*name) for name in cursor.fetchall()]
        newest = sql.SQL("SELECT coalesce(max(xmin::text::bigint), 0), count(*) FROM {}")
        marks = []
        for table in tables:
            cursor.execute(newest.format(table))
            marks.append(cursor.fetchone())
    phone.commit()
    with crm.cursor() as cursor:
        cursor.execute("SHOW BINARY LOGS")
        last = cursor.fetchall()[-1]
    crm.commit()
    return tuple(marks), f"{last[0]}:{last[1]}"
