"""`init` on real servers: what it proposes can be checked, set up and run."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from tests.conftest import Pairing
from tests.support import servers
from tests.support.servers import Database, Server, ServerSpec
from tests.support.sync import Sync, pipeline


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cdc_agent", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
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


EXACT = {"mysql": "utf8mb4_0900_bin", "mariadb": "utf8mb4_nopad_bin"}
LOOSE = {"mysql": "utf8mb4_0900_ai_ci", "mariadb": "utf8mb4_general_nopad_ci"}


UNLIKE = [
    (one, two) for one, two in product(servers.selection().of("mariadb", "mysql"), repeat=2) if one.engine != two.engine
]


@pytest.mark.parametrize("specs", UNLIKE, ids=lambda pair: f"{pair[0]}-to-{pair[1]}")
def test_keys_of_the_other_flavour_are_not_held_equal(specs: tuple[ServerSpec, ServerSpec], tmp_path: Path) -> None:
    """Between MySQL and MariaDB a created table takes over a collation that both have, and else tells any two texts
    apart: three keys of the source stay three, also where another unique key holds them apart.
    """
    source, target = map(servers.server, specs)
    one, other = source.create_database("s"), target.create_database("t")
    one.run(
        f"CREATE TABLE people (name varchar(20) COLLATE {EXACT[source.engine]} PRIMARY KEY,"
        f" nick varchar(20) COLLATE {LOOSE[source.engine]} UNIQUE,"
        " old varchar(20) CHARACTER SET latin1 COLLATE latin1_german1_ci)"
    )
    sync = Sync(tmp_path, {"one": one, "other": other}, {"there": pipeline(("one", one), ("other", other), ["people"])})
    with contextlib.closing(sync):
        sync.setup("--create-tables")
        one.run("INSERT INTO people VALUES ('ann', 'a', 'x'), ('Ann', 'b', 'x'), ('ann ', 'a ', 'x')")
        sync.catch_up()
        assert other.run("SELECT HEX(name) FROM people ORDER BY 1") == [("416E6E",), ("616E6E",), ("616E6E20",)]
        question = "SELECT COLLATION_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s ORDER BY COLUMN_NAME"
        found = [collation for (collation,) in other.run(question, (other.name,))]
        assert found == [EXACT[target.engine], EXACT[target.engine], "latin1_german1_ci"]


def test_a_created_timestamp_is_not_set_by_updates(
    mysql: Server, mariadb: Server, private_server: Callable[..., Server], tmp_path: Path
) -> None:
    """A TIMESTAMP that is NOT NULL keeps its value when another column changes, whatever the server does by default."""
    source = mysql.create_database("s")
    target = private_server(mariadb, {"explicit_defaults_for_timestamp": "OFF"}).create_database("t")
    source.run("CREATE TABLE made (id int PRIMARY KEY, at timestamp(3) NOT NULL, body varchar(9))")
    tables = {"there": pipeline(("one", source), ("other", target), ["made"])}
    with contextlib.closing(Sync(tmp_path, {"one": source, "other": target}, tables)) as sync:
        sync.setup("--create-tables")
        target.run("SET time_zone = '+00:00'; INSERT INTO made VALUES (1, '2024-02-29 12:00:00.5', 'a')")
        target.run("UPDATE made SET body = 'b'")
        assert target.run("SET time_zone = '+00:00'; SELECT CAST(at AS CHAR), body FROM made") == [
            ("2024-02-29 12:00:00.500", "b")
        ]
