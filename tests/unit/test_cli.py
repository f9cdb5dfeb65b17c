"""The command line without databases: options, exit states, how errors look."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cdc_agent.cli import COMMANDS, main
from cdc_agent.cli.common import ending, error_json
from cdc_agent.errors import TakenOver

BAD = "databases: {a: {url: 'ftp://x/y'}}\npipelines: {p: {source: a, target: b, tables: []}}\n"
UNREACHABLE = """\
databases:
  one: {url: "postgresql://u@127.0.0.1:1/a", password: "s3cret-canary"}
  two: {url: "mysql://u@127.0.0.1:1/b"}
pipelines:
  one-to-two: {source: one, target: two, tables: [{from: t, to: t}]}
"""


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture
def unreachable(tmp_path: Path) -> str:
    """A valid configuration whose databases do not answer."""
    path = tmp_path / "agent.yaml"
    path.write_text(UNREACHABLE)
    return str(path)


def test_help_lists_every_command() -> None:
    """`--help` names all commands and loads no database driver."""
    result = call("--help")
    assert result.exit_code == 0
    assert all(f"  {name}" in result.output for name in COMMANDS)
    program = "import sys, cdc_agent.cli; print([m for m in ('psycopg', 'pymysql', 'sqlglot') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "[]\n"


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_help(command: str) -> None:
    """Each command explains itself."""
    result = call(command, "--help")
    assert result.exit_code == 0, result.output
    assert "Usage:" in result.output


@pytest.mark.parametrize("command", ["check", "grants", "setup", "teardown", "run", "status", "quarantine"])
def test_a_bad_configuration_exits_with_2(command: str, tmp_path: Path) -> None:
    """Every command that reads a configuration reports all of its problems on standard error and exits with 2."""
    path = tmp_path / "agent.yaml"
    path.write_text(BAD)
    extra = ["--yes"] if command == "teardown" else []
    result = call(command, "-c", str(path), *extra)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error CF001: {path} has 3 problems\n  {path}:1: ")


def test_an_unknown_command_or_option_is_a_usage_error() -> None:
    """Usage errors exit with 2 as well."""
    assert call("explode").exit_code == 2
    assert call("run", "--explode").exit_code == 2


def test_an_unknown_pipeline_is_named_with_its_nearest(unreachable: str) -> None:
    """A misspelt --pipeline says what was probably meant."""
    result = call("grants", "-c", unreachable, "--pipeline", "one-to-tow")
    assert result.exit_code == 2
    assert (
        result.stderr
        == "error CF001: no pipeline 'one-to-tow' in the configuration\n  hint: did you mean 'one-to-two'?\n"
    )


def test_errors_are_json_when_json_is_asked_for(unreachable: str) -> None:
    """With --json an error is one JSON object with code, message, details and hint."""
    result = call("grants", "-c", unreachable, "--pipeline", "x", "--json")
    assert json.loads(result.stderr)["error"]["code"] == "CF001"
    error = TakenOver("another agent took over", details=["expected generation 7"])
    assert json.loads(error_json(error)) == {
        "error": {
            "code": "CK002",
            "message": "another agent took over",
            "details": ["expected generation 7"],
            "hint": TakenOver.hint,
        }
    }


def test_an_unreachable_database_stops_setup_with_1(unreachable: str) -> None:
    """Errors other than the configuration's exit with 1, and show no password."""
    result = call("setup", "-c", unreachable)
    assert result.exit_code == 1
    assert "cannot" in result.stderr
    assert "s3cret-canary" not in result.output


def test_check_goes_on_when_databases_are_unreachable(unreachable: str) -> None:
    """Both unreachable databases are findings of one run, whose exit status is 3."""
    result = call("check", "-c", unreachable, "--json")
    assert result.exit_code == 3
    found = [(f["code"], f["where"]) for f in json.loads(result.stdout)["findings"]]
    assert ("PF001", "one") in found
    assert ("PF001", "two") in found
    assert found[0][0] == "PF007"
    assert "s3cret-canary" not in result.output


def test_status_of_unreachable_databases_says_so(unreachable: str) -> None:
    """`status` prints a line for each pipeline, reachable or not."""
    result = call("status", "-c", unreachable, "--json")
    assert result.exit_code == 0
    (pipeline,) = json.loads(result.stdout)["pipelines"]
    assert (pipeline["name"], pipeline["state"]) == ("one-to-two", "unreachable")


def test_teardown_asks(unreachable: str) -> None:
    """Without --yes nothing happens until a person agrees."""
    result = CliRunner().invoke(main, ["teardown", "-c", unreachable], input="n\n")
    assert result.exit_code == 1
    assert "Drop slots" in result.stderr


def test_init_takes_no_existing_file(tmp_path: Path) -> None:
    """A proposal never overwrites a file."""
    path = tmp_path / "agent.yaml"
    path.write_text("mine")
    result = call("init", "--source", "mysql://h/a", "--target", "mysql://h/b", "-o", str(path))
    assert result.exit_code == 2
    assert path.read_text() == "mine"


def test_a_signal_stops_a_run_that_waits_for_its_databases(unreachable: str) -> None:
    """SIGTERM ends a run in order, also while it retries an unreachable database."""
    command = [sys.executable, "-m", "cdc_agent", "run", "-c", unreachable, "--log-level", "debug"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    first = process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 0, first + rest
    assert "s3cret-canary" not in first + rest


def test_an_unexpected_error_shows_where_and_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    """CA000 names the type and the frames; the error's own text, which may quote a row, is left out."""

    def breaks() -> None:
        raise KeyError("canary")

    with pytest.raises(SystemExit) as caught:
        ending(as_json=False)(breaks)()
    assert caught.value.code == 1
    text = capsys.readouterr().err
    assert text.startswith("error CA000: internal error: KeyError\n")
    assert "breaks" in text
    assert "canary" not in text
