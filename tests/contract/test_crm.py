"""The commands on a hundred and sixty tables: seconds and lines that a person can bear."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from cdc_agent.config.load import read_text
from tests.support import crm
from tests.support.commandline import Done
from tests.support.servers import Database, Server
from tests.support.sync import Sync, pipeline

SECONDS = 30.0
"""Each command but `setup --create-tables` takes one to four on an idle machine."""
LINES = 40


@pytest.fixture
def both(request: pytest.FixtureRequest) -> tuple[Server, Server]:
    """PostgreSQL and MySQL or MariaDB, in the order that the test asks for."""
    postgres, mysql = request.getfixturevalue("postgres"), request.getfixturevalue("mysql")
    return (postgres, mysql) if request.param == "from PostgreSQL" else (mysql, postgres)


@pytest.fixture
def sync(both: tuple[Server, Server], tmp_path: Path) -> Iterator[Sync]:
    """The schema on the source, an empty target, one wildcard."""
    one, other = both[0].create_database("one"), both[1].create_database("other")
    crm.generate().make(one)
    sync = Sync(tmp_path, {"one": one, "other": other}, {"there": pipeline(("one", one), ("other", other), ["*"])})
    yield sync
    sync.close()


def timed(sync: Sync, *arguments: str) -> Done:
    start = time.monotonic()
    done = sync.command(*arguments)
    assert time.monotonic() - start < SECONDS, arguments
    return done


def proposal(one: Database, other: Database) -> str:
    """What `init` writes for the two."""
    bare = [database.url().replace(f":{database.server.password}@", "@") for database in (one, other)]
    secrets = {"CDC_AGENT_SOURCE_PASSWORD": one.server.password, "CDC_AGENT_TARGET_PASSWORD": other.server.password}
    command = [sys.executable, "-m", "cdc_agent", "init", "--source", bare[0], "--target", bare[1]]
    names = ["--source-name", "one", "--target-name", "other"]
    start = time.monotonic()
    done = subprocess.run([*command, *names], capture_output=True, text=True, check=True, env={**os.environ, **secrets})
    assert time.monotonic() - start < SECONDS
    return done.stdout


@pytest.mark.parametrize("both", ["from PostgreSQL", "to PostgreSQL"], indirect=True)
def test_a_hundred_and_sixty_tables_are_no_more_work_than_ten(sync: Sync) -> None:
    """init, setup and check ask catalogues in bulk; what they print fits on a screen; every foreign key is made."""
    one, other = sync.databases["one"], sync.databases["other"]
    schema = crm.generate()
    empty = proposal(one, other)
    assert len(empty.splitlines()) <= LINES
    report = json.loads(sync.command("setup", "--create-tables", "--json").out)
    assert len([what for what in report["done"] if ": table " in what]) == len(schema.tables)
    assert [what for what in report["left_out"] if "foreign key" in what] == []
    assert foreign_keys(other) == sum(len(table.all_references) for table in schema.tables)
    timed(sync, "setup")
    shown = timed(sync, "check").out.splitlines()
    assert len(shown) <= LINES
    found = json.loads(timed(sync, "check", "--json").out)["findings"]
    assert len(found) > 5 * LINES
    assert len(timed(sync, "check", "--verbose").out.splitlines()) > len(found)
    text = proposal(one, other)
    assert len(text.splitlines()) <= LINES
    reading = read_text(text, "proposal.yaml", {"ONE_PASSWORD": "a", "OTHER_PASSWORD": "b"})
    assert reading.problems == ()
    assert len(YAML(typ="safe").load(text)["pipelines"]["one-to-other"]["tables"]) == 1


def foreign_keys(database: Database) -> int:
    if database.engine == "postgres":
        return int(database.run("SELECT count(*) FROM pg_constraint WHERE contype = 'f'")[0][0])
    question = "SELECT count(*) FROM information_schema.referential_constraints WHERE constraint_schema = %s"
    return int(database.run(question, (database.name,))[0][0])
