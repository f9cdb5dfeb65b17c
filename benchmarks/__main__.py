"""Print throughput for every pairing, the native figure of the same run beside it."""

from __future__ import annotations

import click
from rich.console import Console
from rich.table import Table

from benchmarks.throughput import Figure, agent, native, pair_of_servers


@click.command()
@click.option("--rows", default=200_000, show_default=True, help="Rows of each backlog.")
@click.option("--rows-each", default=10, show_default=True, help="Rows of each transaction.")
@click.option("--only", multiple=True, help="A pairing such as postgresql-mysql; all by default.")
def main(rows: int, rows_each: int, only: tuple[str, ...]) -> None:
    """Measure on servers of its own; nothing else should run on the machine."""
    engines = ("postgresql", "mysql")
    pairings = [(s, t) for s in engines for t in engines if not only or f"{s}-{t}" in only]
    figures: list[Figure] = []
    with pair_of_servers() as running:
        reference = native(running["postgresql"], rows, rows_each, "n")
        for source, target in pairings:
            tag = f"{source[0]}{target[0]}"
            figures.append(agent(running[source], running[target], rows, rows_each, tag))
    Console().print(_table(reference, figures, rows_each))


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
