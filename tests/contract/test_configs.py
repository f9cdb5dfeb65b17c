"""Every file in configs/ works as it stands: it loads, `check` passes, and rows go through each of its pipelines."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support import servers
from tests.support.servers import Database, Server, ServerSpec

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Example:
    """What a configuration needs around it: databases by name with their schemas, rows to write, rows to expect."""

    schemas: Mapping[str, str]
    """Database → script under the repository. PostgreSQL's come first in `engines`."""
    engines: Mapping[str, str]
    writes: Mapping[str, str]
    """Database → what an application does there."""
    expected: Mapping[str, Mapping[str, list[tuple[object, ...]]]] = field(default_factory=dict)
    """Database → query → its rows in the end."""


EXAMPLES = {
    "phone-crm.yaml": Example(
        schemas={"phone": "cdc_agent/demo/phone.sql", "crm": "cdc_agent/demo/crm.sql"},
        engines={"phone": "postgres", "crm": "mysql"},
        writes={
            "phone": "INSERT INTO contacts (id, full_name, phone, email, vip, tags, updated_at) VALUES"
            " (1, 'Ann Ä', '+1', 'ANN@Example.com', true, '{a,\"b c\"}', '2024-05-06 07:08:09.123456+02'),"
            " (3, 'Bob', '+3', NULL, false, '{}', '2024-01-01 00:00+00');"
            "INSERT INTO calls (id, contact_id, staff_phone, direction, started_at, seconds) VALUES"
            " (1, 1, '+9', 'in', '2024-05-06 07:08+00', 90), (3, 3, '+9', 'out', '2024-05-06 07:09+00', 0);"
            "UPDATE contacts SET vip = true WHERE id = 3",
            "crm": "INSERT INTO customers (id, name, mobile, email, level, labels, changed_at) VALUES"
            " (2, 'Cyd', '+2', 'cyd@example.com', 'A', '[\"x\"]', '2024-02-03 04:05:06.5'),"
            " (4, 'Dee', '+4', NULL, 'B', '[]', '2024-02-03 04:05:06');"
            "INSERT INTO opportunities VALUES (2, 2, '10 phones', 'offer', 1234.50, '2024-12-31');"
            "DELETE FROM customers WHERE id = 4",
        },
        expected={
            "phone": {
                "SELECT id, full_name, phone, email, vip, tags::text, updated_at AT TIME ZONE 'UTC' = "
                "timestamp '2024-02-03 04:05:06.5' FROM contacts WHERE id % 2 = 0": [
                    (2, "Cyd", "+2", "cyd@example.com", True, "{x}", True)
                ],
                "SELECT id, contact_id, title, stage, amount::text, closes_on::text FROM deals": [
                    (2, 2, "10 phones", "offer", "1234.50", "2024-12-31")
                ],
                "SELECT count(*) FROM contacts": [(3,)],
            },
            "crm": {
                "SELECT id, name, mobile, email, level, CAST(changed_at AS CHAR) FROM customers "
                "WHERE id % 2 = 1 ORDER BY id": [
                    (1, "Ann Ä", "+1", "ann@example.com", "A", "2024-05-06 05:08:09.123456"),
                    (3, "Bob", "+3", None, "A", "2024-01-01 00:00:00.000000"),
                ],
                "SELECT id, customer_id, channel, summary FROM follow_ups": [(1, 1, "phone", "called us, 90 s")],
                "SELECT JSON_EXTRACT(labels, '$[1]') FROM customers WHERE id = 1": [('"b c"',)],
                "SELECT COUNT(*) FROM customers": [(3,)],
            },
        },
    ),
}


def test_every_configuration_is_an_example() -> None:
    """A file that is added to configs/ is run here, too."""
    assert sorted(file.name for file in (ROOT / "configs").glob("*.y*ml")) == sorted(EXAMPLES)


@dataclass
class Deployment:
    """A configuration with its databases, and the environment that it reads them from."""

    file: Path
    databases: dict[str, Database]
    environment: dict[str, str]

    def command(self, *arguments: str) -> str:
        """Run the agent's command to its end; what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "cdc_agent", arguments[0], "-c", str(self.file), *arguments[1:]],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env={**os.environ, **self.environment},
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(params=sorted(EXAMPLES))
def deployment(request: pytest.FixtureRequest, any_mysql: Server, private_server: Callable[..., Server]) -> Deployment:
    """The configuration's databases under the names that it gives them, on servers of their own."""
    example = EXAMPLES[request.param]
    specs: dict[str, ServerSpec] = {"postgres": servers.selection().of("postgres")[-1], "mysql": any_mysql.spec}
    databases, environment = {}, {}
    for name, engine in example.engines.items():
        server = private_server(specs[engine], in_memory=True)
        server.run(f"CREATE DATABASE {name}")
        databases[name] = Database(server, name)
        databases[name].run((ROOT / example.schemas[name]).read_text("utf-8"))
        environment[f"{name.upper()}_URL"] = databases[name].url().replace(f":{server.password}@", "@")
        environment[f"{name.upper()}_PASSWORD"] = server.password
    return Deployment(ROOT / "configs" / request.param, databases, environment)


def test_a_configuration_runs(deployment: Deployment) -> None:
    """Set up, checked and run until caught up twice, it leaves the rows that its mapping promises, on every side."""
    example = EXAMPLES[deployment.file.name]
    deployment.command("setup")
    deployment.command("check")
    for name, script in example.writes.items():
        deployment.databases[name].run(script)
    for _ in ("forth", "and no echo back"):
        deployment.command("run", "--until-caught-up")
        for name, queries in example.expected.items():
            for query, rows in queries.items():
                assert deployment.databases[name].run(query) == rows, (name, query)
