"""A hint, a message and the documentation never name a command or an option that does not exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cdc_agent.cli import COMMANDS, main

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/errors.md", "docs/configuration.md", "docs/guarantees.md")
PLANNED = (
    "backfill", "verify", "repair", "sync", "schema", "checkpoints", "replay", "conflicts", "duplicates", "audit",
    "report", "alerts", "health", "dashboard", "doctor",
)  # fmt: skip
"""Commands of the design: words of the texts as soon as they are there."""
TOLD = frozenset(("backfill", "verify", "repair", "replay", "doctor")) - COMMANDS.keys()
"""Those that a sentence names as something to run, without quotes; verify-full is a mode of TLS."""
CALL = re.compile(r"cdc-agent ([a-z][\w-]*)((?: +[^\s`'\"|;:,()]+)*)")
QUOTED = re.compile(r"`([a-z]+)((?: [^`]*)?)`")
WORD = re.compile(rf"(?<![\w-])({'|'.join(sorted(TOLD))})(?![\w-])")


def strings(path: Path) -> Iterator[str]:
    """The texts of a module, without its docstrings; what is filled in is left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
            yield node.value


def texts() -> list[tuple[str, str]]:
    """(where, text) of everything that a person reads."""
    modules = sorted((ROOT / "cdc_agent").rglob("*.py"))
    found = [(str(path.relative_to(ROOT)), text) for path in modules for text in strings(path)]
    return found + [(page, (ROOT / page).read_text(encoding="utf-8")) for page in PAGES]


def problem(command: str, rest: str) -> str:
    """What is wrong with a call; '' when nothing is."""
    if command not in COMMANDS:
        return f"there is no command {command}"
    found = main.get_command(click.Context(main), command)
    assert found is not None
    known = {name for parameter in found.params for name in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
    unknown = [word for word in re.findall(r"--[a-z][a-z-]*", rest) if word not in known]
    return f"{command} has no {', '.join(unknown)}" if unknown else ""


def wrong(text: str) -> list[str]:
    """What a text says that cannot be done."""
    calls = [(command, rest) for command, rest in CALL.findall(text) if command not in ("keeps", "is")]
    calls += [
        (command, rest) for command, rest in QUOTED.findall(text) if " --" in rest and command in (*COMMANDS, *PLANNED)
    ]
    calls += [(command, rest) for command, rest in QUOTED.findall(text) if not rest and command in TOLD]
    return [found for command, rest in calls if (found := problem(command, rest))]


def test_texts_name_commands_and_options_that_exist() -> None:
    """Hints of errors and findings, help texts, README and the pages for a DBA."""
    assert [(where, found) for where, text in texts() for found in wrong(text)] == []


def test_no_sentence_of_the_program_sends_to_a_command_that_is_not_there() -> None:
    """`repair with verify` is a command's name as well, though nothing marks it."""
    found = [(where, WORD.findall(text)) for where, text in texts() if where.endswith(".py") and WORD.search(text)]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "run cdc-agent explode -c FILE",
        "cdc-agent setup -c FILE --explode",
        "`verify --repair` mends it",
        "`check --explode`",
        "or `backfill`",
    ],
)
def test_the_test_notices(text: str) -> None:
    """A command or an option that is not there is found in each form."""
    assert wrong(text) != []
