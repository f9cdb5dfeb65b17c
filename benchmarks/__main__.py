"""Print throughput for every pairing, the native figure of the same run beside it."""

from __future__ import annotations

import click
from rich.console import Console
from rich.table import Table

from benchmarks import latency as latencies
from benchmarks.throughput import Figure, agent, native, pair_of_servers

ENGINES = ("postgresql", "mysql")


@click.group()
def main() -> None:
    """Measure on servers of its own; nothing else should run on the machine."""


@main.command()
@click.option("--rows", default=200_000, show_default=True, help="Rows of each backlog.")
@click.option("--rows-each", default=10, show_default=True, help="Rows of each transaction.")
@click.option("--only", multiple=True, help="A pairing such as postgresql-mysql; all by default.")
def throughput(rows: int, rows_each: int, only: tuple[str, ...]) -> None:
    """Rows a second over a backlog."""
    pairings = [(s, t) for s in ENGINES for t in ENGINES if not only or f"{s}-{t}" in only]
    figures: list[Figure] = []
    with pair_of_servers() as running:
        reference = native(running["postgresql"], rows, rows_each, "n")
        for source, target in pairings:
            tag = f"{source[0]}{target[0]}"
            figures.append(agent(running[source], running[target], rows, rows_each, tag))
    Console().print(_table(reference, figures, rows_each))


@main.command()
@click.option("--rates", default="1,500", show_default=True, help="Transactions a second, comma-separated.")
@click.option("--seconds", default=5.0, show_default=True)
def latency(rates: str, seconds: float) -> None:
    """Milliseconds from commit to visible."""
    table = Table(title="commit on the source to visible on the target, one-row transactions")
    for heading in ("what", "transactions/s", "median ms", "p99 ms", "worst ms"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    with pair_of_servers() as running:
        for number, rate in enumerate(int(text) for text in rates.split(",")):
            span = max(seconds, 60 / rate)
            results = [latencies.native(running["postgresql"], rate, span, f"n{number}")]
            for source, target in ((s, t) for s in ENGINES for t in ENGINES):
                tag = f"{source[0]}{target[0]}{number}"
                results.append(latencies.agent(running[source], running[target], rate, span, tag))
            for one in results:
                figures = (one.rate, one.median, one.p99, one.worst)
                table.add_row(one.what, *(f"{figure:,.1f}" for figure in figures))
    Console().print(table)


def _table(reference: Figure, figures: list[Figure], rows_each: int) -> Table:
    table = Table(title=f"10 columns, {rows_each} rows a transaction, servers on the same cores")
    for heading in ("what", "rows", "seconds", "rows/s", "against native", "agent's peak MiB"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for figure in (reference, *figures):
        table.add_row(
            figure.what,
            f"{figure.rows:,}",
            f"{figure.seconds:.2f}",
            f"{figure.rate:,.0f}",
            f"{figure.rate / reference.rate:.2f}",
            f"{figure.peak_mb:.0f}" if figure.peak_mb else "",
        )
    return table


if __name__ == "__main__":
    main()
