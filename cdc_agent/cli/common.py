"""What all commands share: the common options, the configuration they name, and how errors end a command."""

from __future__ import annotations

import difflib
import functools
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn, ParamSpec

import click

from cdc_agent import failpoints
from cdc_agent.config.load import load
from cdc_agent.config.model import Config
from cdc_agent.errors import AgentError, ConfigError
from cdc_agent.observe import logs

DONE: Final = 0
STOPPED: Final = 1
USAGE: Final = 2
FINDINGS: Final = 3

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Invocation:
    """The common options of one call."""

    path: Path
    pipelines: tuple[str, ...]
    as_json: bool

    def config(self) -> Config:
        """The configuration; raises ConfigError with every problem."""
        failpoints.armed()
        return load(self.path)

    def chosen(self, config: Config) -> list[str]:
        """The pipelines to work on: those named, or all. Raises ConfigError for a name that is not there."""
        return chosen(config, self.pipelines)

    def show(self, plain: str, data: Any) -> None:
        """Print `data` as JSON when asked for, else `plain`."""
        click.echo(json.dumps(data, ensure_ascii=False, indent=2) if self.as_json else plain)


def chosen(config: Config, names: tuple[str, ...]) -> list[str]:
    """`names` when all of them are pipelines, every pipeline when empty; raises ConfigError."""
    for name in names:
        if name not in config.pipelines:
            close = difflib.get_close_matches(name, config.pipelines, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(config.pipelines)}"
            raise ConfigError(f"no pipeline {name!r} in the configuration", hint=hint)
    return list(dict.fromkeys(names)) or list(config.pipelines)


def common(function: Callable[..., None]) -> Callable[..., None]:
    """Add the common options; the function gets them as `invocation`. Its errors end the process as documented."""

    @click.option(
        "-c",
        "--config",
        "path",
        type=click.Path(path_type=Path, dir_okay=False),
        default=Path("cdc-agent.yaml"),
        envvar="CDC_AGENT_CONFIG",
        show_default=True,
        show_envvar=True,
        help="The configuration file.",
    )
    @click.option("--pipeline", "pipelines", multiple=True, metavar="NAME", help="Only this pipeline; repeatable.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @functools.wraps(function)
    def command(path: Path, pipelines: tuple[str, ...], as_json: bool, **rest: Any) -> None:
        logs.configure(level="warning")
        ending(as_json)(function)(Invocation(path, pipelines, as_json), **rest)

    return command


def ending(as_json: bool) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Turn errors into a message on standard error and an exit status."""

    def wrap(function: Callable[P, None]) -> Callable[P, None]:
        @functools.wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
            try:
                function(*args, **kwargs)
            except AgentError as error:
                fail(error, as_json)
            except click.ClickException:
                raise
            except (click.exceptions.Exit, click.Abort):
                raise
            except Exception as error:  # noqa: BLE001 - the command line's edge
                fail(_internal(error), as_json)

        return guarded

    return wrap


def fail(error: AgentError, as_json: bool) -> NoReturn:
    """Print the error and exit: 2 for the configuration, 1 for everything else."""
    click.echo(error_json(error) if as_json else logs.redact_text(error.render()), err=True)
    sys.exit(USAGE if isinstance(error, ConfigError) else STOPPED)


def error_json(error: AgentError) -> str:
    """The error as one JSON object: code, message, details, hint."""
    content = {
        "code": error.code,
        "message": logs.redact_text(error.message),
        "details": [logs.redact_text(detail) for detail in error.details],
        "hint": error.advice,
    }
    return json.dumps({"error": content}, ensure_ascii=False)


def _internal(error: Exception) -> AgentError:
    """An error that is none of ours; its text may quote values and is not shown."""
    frames = logs.frames(error.__traceback__)[-6:]
    return AgentError(
        f"internal error: {type(error).__name__}", details=frames, hint="this is a bug: report it with these lines"
    )
