"""Plants each fault of the catalogue in a copy of the tree and runs the tests that must notice.

`python -m tests.mutations [NAME…]` prints a table: fault, the test that caught it, seconds. A fault is caught when a
test fails in its own body; an error of collection, of a fixture or of pytest catches nothing. Exit status 1 when a
fault survives, when its text no longer occurs exactly once, or when its tests fail without it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutations.catalogue import MUTATIONS, Mutation

ROOT = Path(__file__).parents[2]
SECONDS = 600
PASSED, FAILED = 0, 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one run of pytest ended: its status, and the first test that failed in its own body."""

    status: int
    failed: str = ""
    said: str = ""


def main(names: Sequence[str]) -> int:
    """Plant those faults whose names hold one of `names`, or all."""
    chosen = [one for one in MUTATIONS if not names or any(name in one.name for name in names)]
    if not chosen:
        print(f"no fault is called like {', '.join(names)}")
        return 1
    with tempfile.TemporaryDirectory(prefix="cdc-mutations-") as folder:
        copy = _copied(Path(folder))
        survivors = [one.name for one in chosen if not _is_caught(copy, one)]
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} planted faults caught")
    return 1 if survivors else 0


def planted(text: str, mutation: Mutation) -> str:
    """The file's text with the fault in it. Raises ValueError unless `old` occurs exactly once."""
    if (count := text.count(mutation.old)) != 1:
        raise ValueError(f"{mutation.name}: its text occurs {count} times in {mutation.file}")
    return text.replace(mutation.old, mutation.new)


def _is_caught(copy: Path, mutation: Mutation) -> bool:
    file, started = copy / mutation.file, time.monotonic()
    sound = file.read_text("utf-8")
    try:
        file.write_text(planted(sound, mutation), "utf-8")
        outcome = _run(copy, mutation)
    except ValueError as error:
        return _tell(mutation, f"DOES NOT FIT  {error}", started)
    finally:
        file.write_text(sound, "utf-8")
    if outcome.status != FAILED or not outcome.failed:
        return _tell(mutation, f"SURVIVED  pytest ended with {outcome.status}\n{outcome.said}", started)
    if (without := _run(copy, mutation)).status != PASSED:
        return _tell(mutation, f"PROVES NOTHING  its tests fail without it\n{without.said}", started)
    _tell(mutation, outcome.failed, started)
    return True


def _tell(mutation: Mutation, verdict: str, started: float) -> bool:
    print(f"{mutation.invariant}  {mutation.name:60} {time.monotonic() - started:5.0f} s  {verdict}", flush=True)
    return False


def _copied(folder: Path) -> Path:
    """The tree as git would commit it, so that nothing of a run stays behind."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    return folder


def _run(copy: Path, mutation: Mutation) -> Outcome:
    report = copy / "report.xml"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"]
    command += [f"--junitxml={report}", *(["-k", mutation.chosen] if mutation.chosen else []), *mutation.tests]
    try:
        done = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return Outcome(-1, said=f"not done after {SECONDS} s")
    return Outcome(done.returncode, _first_failure(report), done.stdout[-1500:])


def _first_failure(report: Path) -> str:
    """The first test whose own body failed; errors of fixtures and of collection are something else."""
    if not report.exists():
        return ""
    for case in ElementTree.parse(report).iter("testcase"):
        if case.find("failure") is not None:
            return f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
