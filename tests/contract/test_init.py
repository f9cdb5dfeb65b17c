"""`init` on real servers: what it proposes can be checked, set up and run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import Pairing
from tests.support.servers import Database, Server
from tests.support.sync import Sync, pipeline


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cdc_agent", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **environment},
    )


def bare(database: Database) -> str:
    """The URL without its password."""
    return database.url().replace(f":{database.server.password}@", "@")


def test_a_proposal_can_be_set_up_and_run(postgres: Server, mysql: Server, tmp_path: Path) -> None:
    """Two applications' tables are paired, and with the proposal as it is a row arrives."""
    phone, crm = postgres.create_database("phone"), mysql.create_database("crm")
    phone.run(
        "CREATE TABLE contacts (id integer PRIMARY KEY, full_name varchar(80) NOT NULL, phone_number varchar(30))"
    )
    crm.run(
        "CREATE TABLE customer (customer_id integer PRIMARY KEY, name varchar(80) NOT NULL, phone varchar(30), vat int)"
    )
    secrets = {"CDC_AGENT_SOURCE_PASSWORD": postgres.password, "CDC_AGENT_TARGET_PASSWORD": mysql.password}
    file = tmp_path / "agent.yaml"
    names = ("--source-name", "phone", "--target-name", "crm")
    made = run("init", "--source", bare(phone), "--target", bare(crm), *names, "-o", str(file), **secrets)
    assert made.returncode == 0, made.stderr
    text = file.read_text()
    assert postgres.password not in text
    assert "# vat: ?" in text
    passwords = {"PHONE_PASSWORD": postgres.password, "CRM_PASSWORD": mysql.password}
    try:
        for command in (["check"], ["setup"]):
            done = run(*command, "-c", str(file), **passwords)
            assert done.returncode == 0, done.stdout + done.stderr
        phone.run("INSERT INTO contacts VALUES (1, 'Ada', '+44 20')")
        done = run("run", "--until-caught-up", "-c", str(file), **passwords)
        assert done.returncode == 0, done.stderr
        assert crm.run("SELECT customer_id, name, phone, vat FROM customer") == [(1, "Ada", "+44 20", None)]
    finally:
        run("teardown", "--yes", "-c", str(file), **passwords)


def test_tables_that_are_missing_are_created(pairing: Pairing, tmp_path: Path) -> None:
    """`setup --create-tables` makes the target table in the shape of the source's, keys compared as the source does."""
    source, target = pairing.source.create_database("s"), pairing.target.create_database("t")
    source.run(
        "CREATE TABLE made (code varchar(20) NOT NULL, part integer NOT NULL, body varchar(200),"
        " amount decimal(12,3), at timestamp NULL, PRIMARY KEY (code, part))"
    )
    sync = Sync(
        tmp_path, {"one": source, "other": target}, {"there": pipeline(("one", source), ("other", target), ["made"])}
    )
    other = "A" if pairing.source.is_postgres else "b"
    try:
        sync.setup("--create-tables")
        source.run(f"INSERT INTO made (code, part, body, amount) VALUES ('a', 1, 'x', 1.5), ('{other}', 1, NULL, NULL)")
        sync.catch_up()
        rows = target.run("SELECT code, part, body, amount FROM made ORDER BY body IS NULL")
        assert [(code, part, body) for code, part, body, _ in rows] == [("a", 1, "x"), (other, 1, None)]
        assert [None if amount is None else float(amount) for *_, amount in rows] == [1.5, None]
        sync.setup("--create-tables")
    finally:
        sync.close()
