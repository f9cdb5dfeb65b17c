"""Command line of the benchmarks: one command for each figure, `all` for every one, `report` for the documents."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from benchmarks import measured, report, servers
from benchmarks.figures import backlogs, latency, recovery, scale, stages, two_way
from benchmarks.figures.backlogs import Plan
from benchmarks.measured import Sample
from benchmarks.servers import Rig

_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Size:
    """Default sizes: of a run whose figures count, and of one that takes a few minutes."""

    rows: int
    repeat: int
    sizes: str
    columns: str
    widths: str
    rates: str
    seconds: float
    tables: str
    pipelines: str


FULL: Final = Size(
    rows=200_000,
    repeat=5,
    sizes="1,10,100,1000,100000",
    columns="5,10,50",
    widths="100,1000,10000",
    rates="100,500,1000,2000",
    seconds=5.0,
    tables="1,1000",
    pipelines="100",
)
QUICK: Final = Size(
    rows=20_000,
    repeat=1,
    sizes="1,10,1000",
    columns="5,50",
    widths="1000",
    rates="100,500",
    seconds=2.0,
    tables="1,100",
    pipelines="10",
)
FIGURES: Final = (
    "throughput",
    "transaction-size",
    "columns",
    "width",
    "operations",
    "mapping",
    "latency",
    "recovery",
    "scale",
    "two-way",
    "stages",
)


class Numbers(click.ParamType[list[int]]):
    """Whole numbers with commas between them."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        """Raises click.BadParameter."""
        try:
            return [int(word) for word in value.split(",")]
        except ValueError:
            self.fail("whole numbers with commas between them", param, ctx)


def common(command: _Command) -> _Command:
    """The options that every figure has."""
    for option in (
        click.option("--rows", type=click.IntRange(100), help="Rows of a backlog.  [200,000; quick: 20,000]"),
        click.option("--repeat", type=click.IntRange(1), help="Rounds, in each of which all take part.  [5; quick: 1]"),
        click.option("--quick", is_flag=True, help="Small sizes: to see that it works, not for figures."),
        click.option("--only", multiple=True, help="A pairing such as postgresql-mysql; all by default."),
        click.option(
            "--mysql-image",
            envvar="CDC_BENCH_MYSQL_IMAGE",
            help="A Docker image of MySQL or MariaDB in place of the mariadbd or mysqld of this machine.",
        ),
        click.option(
            "--results",
            type=click.Path(file_okay=False, path_type=Path),
            help="Where the JSON goes.  [benchmarks/results; quick: its folder quick]",
        ),
    ):
        command = option(command)
    return command


@click.group()
def main() -> None:
    """Measure on servers of its own; nothing else should run on the machine."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers end as well


@main.command("throughput")
@common
def throughput_command(**options: Any) -> None:
    """Rows a second over a backlog of 10-row transactions, with every peer."""
    _measure("throughput", options, lambda rig, plan, size: backlogs.throughput(rig, plan, _say))


@main.command("transaction-size")
@common
@click.option("--sizes", type=Numbers(), help="Rows in a transaction.")
def transaction_size_command(sizes: list[int] | None, **options: Any) -> None:
    """Rows a second and memory against rows in a transaction."""
    _measure(
        "transaction-size",
        options,
        lambda rig, plan, size: backlogs.transaction_size(rig, plan, sizes or _numbers(size.sizes), _say),
    )


@main.command("columns")
@common
@click.option("--columns", type=Numbers(), help="Columns of the table.")
def columns_command(columns: list[int] | None, **options: Any) -> None:
    """Rows a second against columns."""
    _measure(
        "columns",
        options,
        lambda rig, plan, size: backlogs.columns(rig, plan, columns or _numbers(size.columns), _say),
    )


@main.command("width")
@common
@click.option("--widths", type=Numbers(), help="Bytes of the widest column.")
def width_command(widths: list[int] | None, **options: Any) -> None:
    """Rows a second against the width of a row."""
    _measure("width", options, lambda rig, plan, size: backlogs.width(rig, plan, widths or _numbers(size.widths), _say))


@main.command("operations")
@common
def operations_command(**options: Any) -> None:
    """Inserts, updates, deletes, and a mixture with hot rows."""
    _measure("operations", options, lambda rig, plan, size: backlogs.operations(rig, plan, _say))


@main.command("mapping")
@common
def mapping_command(**options: Any) -> None:
    """What five expressions on ten columns cost."""
    _measure("mapping", options, lambda rig, plan, size: backlogs.mapping(rig, plan, _say))


@main.command("large-backlog")
@common
def large_backlog_command(**options: Any) -> None:
    """Ten million rows (with --rows left out), once."""
    options = options | {"rows": options["rows"] or 10_000_000, "repeat": options["repeat"] or 1}
    _measure("large-backlog", options, lambda rig, plan, size: backlogs.large_backlog(rig, plan, _say))


@main.command("latency")
@common
@click.option("--rates", type=Numbers(), help="Transactions a second.")
@click.option("--seconds", type=float, help="How long at each rate.")
def latency_command(rates: list[int] | None, seconds: float | None, **options: Any) -> None:
    """Milliseconds from commit to visible."""
    _measure(
        "latency",
        options,
        lambda rig, plan, size: latency.latency(
            rig, plan, rates or _numbers(size.rates), seconds or size.seconds, _say
        ),
    )


@main.command("recovery")
@common
def recovery_command(**options: Any) -> None:
    """Restart after a kill, with a backlog."""
    _measure("recovery", options, lambda rig, plan, size: recovery.recovery(rig, plan, _say))


@main.command("stages")
@common
def stages_command(**options: Any) -> None:
    """CPU time of each step, one after the other."""
    _measure("stages", options, lambda rig, plan, size: stages.stages(rig, plan, _say))


@main.command("scale")
@common
@click.option("--tables", type=Numbers(), help="Tables in one pipeline.")
@click.option("--pipelines", type=Numbers(), help="Pipelines in one process, of one table each.")
@click.option("--rate", default=100, show_default=True, help="Transactions a second.")
@click.option("--seconds", type=float, help="How long.")
def scale_command(
    tables: list[int] | None, pipelines: list[int] | None, rate: int, seconds: float | None, **options: Any
) -> None:
    """Start, memory and lag with many tables and many pipelines."""
    if not options["only"]:
        options["only"] = ("postgresql-postgresql", "mysql-mysql")
    _measure(
        "scale",
        options,
        lambda rig, plan, size: scale.scale(
            rig,
            plan,
            tables or _numbers(size.tables),
            pipelines or _numbers(size.pipelines),
            rate,
            seconds or size.seconds,
            _say,
        ),
    )


@main.command("two-way")
@common
@click.option("--seconds", type=float, help="How long at each rate.")
@click.option(
    "--before", envvar="CDC_BENCH_BEFORE", help="The interpreter of an older checkout, to compare its agent with."
)
def two_way_command(seconds: float | None, before: str | None, **options: Any) -> None:
    """The most transactions a second on two live sides."""
    _measure(
        "two-way",
        options,
        lambda rig, plan, size: two_way.two_way(rig, plan, seconds or 2 * size.seconds, before, _say),
    )


@main.command("report")
@click.option("--results", type=click.Path(exists=True, path_type=Path), default=measured.RESULTS)
def report_command(results: Path) -> None:
    """Write docs/performance.md's tables and the plots from what was measured."""
    report.write(measured.load_summary(results))


@main.command("all")
@common
@click.option("--full", is_flag=True, help="Ten million rows of backlog as well.")
def all_command(full: bool, **options: Any) -> None:
    """Every figure, each in a process and on servers of its own, then the report.

    A figure that fails does not keep the others from being measured; the exit status is 1 then.
    """
    failed = [figure for figure in (*FIGURES, *(["large-backlog"] if full else [])) if _child(figure, options)]
    if not options["quick"]:
        report.write(measured.load_summary(_folder(options)))
    for figure in failed:
        _say(f"failed: {figure}")
    sys.exit(1 if failed else 0)


def _child(figure: str, options: dict[str, Any]) -> int:
    words = [sys.executable, "-m", "benchmarks", figure, "--results", str(_folder(options))]
    words += ["--quick"] if options["quick"] else []
    words += [word for pairing in options["only"] for word in ("--only", pairing)]
    for name in ("repeat", "rows") if figure != "large-backlog" else ():
        words += [f"--{name}", str(options[name])] if options[name] else []
    words += ["--mysql-image", options["mysql_image"]] if options["mysql_image"] else []
    process = subprocess.Popen(words, start_new_session=True)  # so that an interrupt reaches it once, and from us
    try:
        return process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise


def _folder(options: dict[str, Any]) -> Path:
    """The figures of the documents are not overwritten by a quick run."""
    return options["results"] or (measured.RESULTS / "quick" if options["quick"] else measured.RESULTS)


def _measure(
    figure: str, options: dict[str, Any], measure: Callable[[Rig, Plan, Size], Iterator[Sequence[Sample]]]
) -> None:
    size = QUICK if options["quick"] else FULL
    plan = Plan(options["rows"] or size.rows, options["repeat"] or size.repeat, options["only"])
    samples: list[Sample] = []
    with servers.rig(options["mysql_image"]) as rig:
        settings = {
            "rows": plan.rows,
            "servers": [server.version() for server in rig.source.values()],
            "quick": options["quick"],
        }
        for some in measure(rig, plan, size):
            samples.extend(some)
            measured.keep(figure, samples, settings, _folder(options))
    click.echo(report.section(figure, measured.load_summary(_folder(options))))


def _numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def _say(line: str) -> None:
    click.echo(line, err=True)


if __name__ == "__main__":
    main()
