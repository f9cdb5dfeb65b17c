"""What the agent is meant to reach, looked up in the summary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.figures.two_way import BEFORE, CASE
from benchmarks.peers import debezium, native, rows

MAPPED: Final = ", five expressions"
BASE: Final = "10 columns, 10 rows"
_POSTGRES: Final = "PostgreSQL → PostgreSQL"

Summary = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound, and what was measured; None where it was not."""

    text: str
    bound: float
    value: float | None
    at_least: bool = True

    @property
    def reached(self) -> bool | None:
        """None when it was not measured."""
        if self.value is None:
            return None
        return self.value >= self.bound if self.at_least else self.value <= self.bound


def goals(summary: Summary) -> list[Goal]:
    """Every goal in the order of the table."""
    m = _mysql(summary)
    from_mysql, to_mysql, both_mysql = f"{m} → PostgreSQL", f"PostgreSQL → {m}", f"{m} → {m}"
    sides = f"PostgreSQL ⇄ {m}"
    read_postgres, read_mysql = debezium.NAMES["postgresql"], debezium.NAMES["mysql"]
    merge = f"LOAD DATA and merge into {m}, batches of 1,000"
    bound = 0.7 if "MariaDB 10" in _mysql_server(summary) else 1.4

    def base(who: str, peer: str) -> float | None:
        return _against(summary, "throughput", BASE, who, peer, "rate")

    def single(who: str, peer: str) -> float | None:
        return _against(summary, "transaction-size", "1", who, peer, "rate")

    return [
        Goal(f"{_POSTGRES} against PostgreSQL's own replication, rows/s", 0.5, base(_POSTGRES, native.NAME)),
        Goal(f"{_POSTGRES} against Debezium's capture alone, rows/s", 3, base(_POSTGRES, read_postgres)),
        Goal(f"{from_mysql} against Debezium's capture alone, rows/s", 2.5, base(from_mysql, read_mysql)),
        Goal(f"{from_mysql} against pymysqlreplication's rows alone, rows/s", 6, base(from_mysql, rows.NAME)),
        *(
            Goal(f"{who} against the bare LOAD DATA merge by 1,000, rows/s", bound, base(who, merge))
            for who in (to_mysql, both_mysql)
        ),
        Goal(f"{_POSTGRES}, one-row transactions/s against Debezium's capture", 2, single(_POSTGRES, read_postgres)),
        Goal(f"{from_mysql}, one-row transactions/s against Debezium's capture", 2, single(from_mysql, read_mysql)),
        Goal(
            f"{_POSTGRES}, p99 latency at 500/s against PostgreSQL's own",
            3,
            _against(summary, "latency", "500", _POSTGRES, native.NAME, "p99"),
            at_least=False,
        ),
        *(
            Goal(f"{who}, p99 latency at 500/s, ms", 50, _median(summary, "latency", "500", who, "p99"), at_least=False)
            for who in (to_mysql, from_mysql)
        ),
        Goal("the agent's peak memory in all of this, MiB", 200, _peak(summary), at_least=False),
        *(
            Goal(
                f"{who}, five expressions on ten columns against none, rows/s",
                0.7,
                _against(summary, "mapping", BASE, who + MAPPED, who, "rate"),
            )
            for who in (_POSTGRES, to_mysql, from_mysql, both_mysql)
        ),
        *(
            Goal(
                f"{_POSTGRES}, a column of {int(width):,} bytes, against PostgreSQL's own replication, rows/s",
                0.8,
                _against(summary, "width", width, _POSTGRES, native.NAME, "rate"),
            )
            for width in ("1000", "10000")
        ),
        Goal(
            f"{_POSTGRES}, 50 columns, against PostgreSQL's own replication, rows/s",
            0.7,
            _against(summary, "columns", "50", _POSTGRES, native.NAME, "rate"),
        ),
        *(
            Goal(
                f"{who}, 1,000 tables, seconds to start",
                3,
                _median(summary, "scale", "1,000 tables", who, "start_seconds"),
                at_least=False,
            )
            for who in (_POSTGRES, both_mysql)
        ),
        Goal(
            f"{sides}, transactions/s on each of two live sides against the version before",
            1.5,
            _against(summary, "two-way", CASE, sides, sides + BEFORE, "rate"),
        ),
    ]


def _mysql(summary: Summary) -> str:
    """`MySQL` or `MariaDB`, whichever was measured."""
    return str(summary["throughput"]["servers"][1].split()[0]) if "throughput" in summary else "MySQL"


def _mysql_server(summary: Summary) -> str:
    return str(summary["throughput"]["servers"][1]) if "throughput" in summary else ""


def _found(summary: Summary, figure: str, case: str, who: str) -> dict[str, Any]:
    found: dict[str, Any] = summary.get(figure, {}).get("cases", {}).get(case, {}).get(who, {})
    return found


def _against(summary: Summary, figure: str, case: str, who: str, peer: str, value: str) -> float | None:
    found: float | None = _found(summary, figure, case, who).get("against", {}).get(peer, {}).get(value)
    return found


def _median(summary: Summary, figure: str, case: str, who: str, value: str) -> float | None:
    found: float | None = _found(summary, figure, case, who).get("median", {}).get(value)
    return found


def _peak(summary: Summary) -> float | None:
    """The highest of every round; many tables and pipelines are stated apart."""
    return max(_peaks(summary), default=None)


def _peaks(summary: Summary) -> Iterator[float]:
    for figure, of in summary.items():
        for case in of["cases"].values() if figure != "scale" else ():
            for contender in case.values():
                if "peak_mib" in contender["spread"]:
                    yield contender["spread"]["peak_mib"][1]
