"""The servers of the run are what the other tests take them for, and nothing of them stays behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

import psycopg
import pymysql
import pytest

from tests.support import containers, engines, processes, servers
from tests.support.servers import MORE, Database, NoSuchServerError, Pairing, Server, ServerSpec, pairings, select
from tests.support.waiting import NeverHappenedError, wait_until

StartPrivate = Callable[..., Server]

REPOSITORY = Path(__file__).parents[2]
BROKEN = (psycopg.OperationalError, pymysql.err.OperationalError, pymysql.err.InternalError, ConnectionError)
HERE = tuple(
    ServerSpec(engine, version, "docker", f"image-{version}")
    for engine, version in (
        ("postgres", "9.6"),
        ("postgres", "15"),
        ("postgres", "17"),
        ("postgres", "18"),
        ("mariadb", "10.11"),
        ("mariadb", "11.8"),
        ("mysql", "9.8"),
    )
)


def test_a_server_is_what_it_is_called(any_server: Server) -> None:
    """The engine and version in the specification are those that run."""
    number = any_server.exact_version.removeprefix("PostgreSQL ")
    assert re.match(rf"{re.escape(any_server.version)}(\.|rc|beta)", number)
    assert ("PostgreSQL" in any_server.exact_version) == any_server.is_postgres
    assert ("MariaDB" in any_server.exact_version) == (any_server.engine == "mariadb")


def test_postgres_writes_a_logical_wal_with_room_for_many_slots(any_postgres: Server) -> None:
    """Settings that logical replication needs."""
    wanted = {"wal_level": "logical", "max_wal_senders": "50", "max_replication_slots": "50", "fsync": "on"}
    assert {name: any_postgres.run(f"SHOW {name}")[0][0] for name in wanted} == wanted


def test_mysql_writes_a_full_binlog(any_mysql: Server) -> None:
    """Rows, whole images, column names; loading from the client; durable commits."""
    names = "log_bin, @@binlog_format, @@binlog_row_image, @@binlog_row_metadata, @@local_infile, @@sync_binlog"
    assert any_mysql.run(f"SELECT @@{names}") == [(1, "ROW", "FULL", "FULL", 1, 1)]
    assert any_mysql.run("SELECT @@innodb_flush_log_at_trx_commit") == [(1,)]
    if any_mysql.engine == "mysql":
        assert any_mysql.run("SELECT @@gtid_mode, @@enforce_gtid_consistency") == [("ON", "ON")]


def test_no_two_mysql_servers_have_the_same_id(any_mysql: Server, private_server: StartPrivate) -> None:
    """A server's id tells it apart in the logs."""
    own = private_server(any_mysql, in_memory=True)
    assert own.run("SELECT @@server_id") != any_mysql.run("SELECT @@server_id")


def test_the_servers_zone_is_not_utc(any_server: Server) -> None:
    """A value that takes a detour through local time must come out wrong."""
    if any_server.is_postgres:
        local, utc = any_server.run("SELECT now()::timestamp(0), (now() AT TIME ZONE 'UTC')::timestamp(0)")[0]
    else:
        local, utc = any_server.run("SELECT now(), utc_timestamp()")[0]
    assert isinstance(local, datetime)
    assert (utc - local).total_seconds() / 3600 in (5, 6)


def test_a_database_is_new_and_can_be_dropped_while_in_use(any_server: Server) -> None:
    """Its name is its own, its URL leads to it, and no connection, slot or prepared transaction keeps it."""
    first, second = any_server.create_database("Some Hint"), any_server.create_database("Some Hint")
    assert first.name != second.name
    assert first.url() == any_server.url(database=first.name)
    for database in (first, second):
        database.run("CREATE TABLE held (a int PRIMARY KEY)")
    if any_server.is_postgres:
        second.run("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (second.name,))
    else:
        _prepare_transaction(second)
    connection = first.connect()
    engines.run(connection, "BEGIN")
    engines.run(connection, "INSERT INTO held VALUES (1)")
    for database in (first, second):
        database.drop()
    with pytest.raises((psycopg.OperationalError, pymysql.err.OperationalError)):
        first.connect()
    connection.close()


def _prepare_transaction(database: Database) -> None:
    with closing(database.connect()) as connection:
        for statement in ("XA START %s", "INSERT INTO held VALUES (%s)", "XA END %s", "XA PREPARE %s"):
            engines.run(connection, statement, (f"{database.name}-1" if "XA" in statement else 1,))


def test_a_url_quotes_what_is_special() -> None:
    """Account and database may hold any character."""
    server = Server(HERE[0], _NoRuntime())
    assert server.url("a@b", "p:/?#", "d b") == "postgresql://a%40b:p%3A%2F%3F%23@127.0.0.1:1/d%20b"


def test_data_survives_a_restart_and_a_kill(any_server: Server, private_server: StartPrivate) -> None:
    """A private server comes back on the same port with what was committed."""
    own = private_server(any_server)
    port = own.port
    database = own.create_database()
    database.run("CREATE TABLE kept (a int PRIMARY KEY)")
    own.restart()
    database.run("INSERT INTO kept VALUES (1)")
    own.kill()
    with pytest.raises(BROKEN):
        own.run("SELECT 1")
    own.start()
    assert database.run("SELECT a FROM kept") == [(1,)]
    assert own.port == port


def test_a_paused_server_is_silent_and_then_goes_on(any_server: Server, private_server: StartPrivate) -> None:
    """A pause breaks no connection, an answer only comes after it."""
    own = private_server(any_server, in_memory=True)
    with own.admin() as connection, connection.cursor() as cursor:
        own.pause()
        query = _Background(lambda: cursor.execute("SELECT 1"))
        with pytest.raises(NeverHappenedError):
            wait_until(lambda: query.poll(), timeout=0.5)
        own.resume()
        wait_until(lambda: query.poll(), what="the answer after the pause")


def test_a_private_server_takes_settings_of_its_own(
    postgres: Server, mysql: Server, private_server: StartPrivate
) -> None:
    """They override ours, under the server's own names."""
    own = private_server(postgres, {"wal_level": "replica", "fsync": "off"}, in_memory=True)
    assert own.run("SHOW wal_level") == [("replica",)]
    own = private_server(mysql, {"binlog_row_image": "MINIMAL"}, in_memory=True)
    assert own.run("SELECT @@binlog_row_image") == [("MINIMAL",)]


def test_a_shared_server_cannot_be_stopped(any_server: Server) -> None:
    """Other tests use it at the same time."""
    for forbidden in (any_server.stop, any_server.kill, any_server.pause, any_server.restart):
        with pytest.raises(AssertionError, match="shared"):
            forbidden()
    assert any_server.run("SELECT 1") == [(1,)]


def test_the_pairings_have_every_server_on_both_sides() -> None:
    """All four pairings occur, and each version is a source and a target."""
    postgres, mysql = list(HERE[:4]), list(HERE[4:])
    pairs = pairings(postgres, mysql)
    assert {(a in postgres, b in postgres) for a, b in pairs} == {(a, b) for a in (True, False) for b in (True, False)}
    assert {source for source, _ in pairs} == {target for _, target in pairs} == set(HERE)


def test_a_pairing_gives_running_servers(pairing: Pairing) -> None:
    """Source and target both answer."""
    assert pairing.source.run("SELECT 1") == pairing.target.run("SELECT 1") == [(1,)]


@pytest.mark.parametrize(
    ("wish", "chosen", "missing"),
    [
        ("default", "postgres:9.6 postgres:18 mariadb:10.11 mariadb:11.8 mysql:9.8", []),
        ("quick", "postgres:18 mariadb:10.11 mysql:9.8", []),
        ("postgres:15,mariadb:10.11", "postgres:15 mariadb:10.11", []),
        ("postgres:16", "postgres:17", ["postgres:16: not here, postgres:17 instead"]),
        ("mysql:9.9", "mysql:9.8", ["mysql:9.9: not here, mysql:9.8 instead"]),
    ],
)
def test_a_wish_chooses_servers_and_names_what_is_missing(wish: str, chosen: str, missing: list[str]) -> None:
    """Versions are ordered by number, and a version that is not here is replaced aloud."""
    selection = select(wish, HERE)
    assert " ".join(map(str, selection.specs)) == chosen
    assert list(selection.missing) == missing


def test_an_expected_version_that_is_not_here_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default set names what the project's own images would have given."""
    monkeypatch.delenv("CDC_TEST_MYSQL_IMAGE", raising=False)
    selection = select("default", tuple(spec for spec in HERE if spec.engine != "mysql"))
    assert selection.missing == ("mysql:9.7: no mysql server of any version here",)


def test_only_all_and_a_list_use_the_versions_fetched_for_all() -> None:
    """The oldest and newest of every run stay what they are when there is more in the cache."""
    more = tuple(ServerSpec(engine, version, "process", "more") for engine in MORE for version in MORE[engine])
    for wish in ("default", "quick"):
        assert select(wish, HERE + more) == select(wish, HERE)
    assert set(more) <= set(select("all", HERE + more).specs)
    assert select(",".join(map(str, more)), HERE + more).specs == more


def test_all_names_each_version_that_could_not_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `make test-all` should have built or fetched and did not is named, and replaced by the nearest."""
    for engine in engines.ENGINES:
        monkeypatch.delenv(f"CDC_TEST_{engine.upper()}_IMAGE", raising=False)
    assert [complaint.partition(", ")[0] for complaint in select("all", HERE).missing] == [
        "postgres:14: not here",
        "postgres:16: not here",
        "postgres:19: not here",
        "mariadb:10.5: not here",
        "mysql:9.7: not here",
    ]


def test_images_named_for_a_run_are_all_that_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever names a version that only `all` adds gets it by default."""
    monkeypatch.setenv("CDC_TEST_POSTGRES_IMAGE", "postgres:14,postgres:19")
    named = tuple(ServerSpec("postgres", version, "docker", f"postgres:{version}") for version in MORE["postgres"])
    assert select("default", named).of("postgres") == [named[0], named[-1]]


def test_what_is_expected_is_what_is_made() -> None:
    """The tests expect the images of docker/images/build and the programs of docker/host/more-postgres, and no others."""
    made = {
        image.removeprefix("cdc-test-")
        for image in subprocess.check_output([REPOSITORY / "docker/images/build", "--list"], text=True).split()
    }
    fetched = re.search(
        "^readonly VERSIONS='(.*)'$", (REPOSITORY / "docker/host/more-postgres").read_text(), re.MULTILINE
    )
    assert fetched is not None
    made |= {f"postgres:{version.partition('.')[0]}" for version in fetched[1].split()}
    assert made == {
        f"{engine}:{one}" for known in (servers.EXPECTED, MORE) for engine in known for one in known[engine]
    }


def test_a_version_that_cannot_be_fetched_is_named(tmp_path: Path) -> None:
    """Each of them, and nothing half fetched stays in the cache."""
    refuses = tmp_path / "npm"
    refuses.write_text("#!/bin/sh\nexit 1\n")
    refuses.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    run = subprocess.run(
        [REPOSITORY / "docker/host/more-postgres"], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert re.findall(r"MISSING (\S+): ", run.stderr) == ["postgres:14", "postgres:16"]
    assert list((tmp_path / "cache/cdc-agent/postgres").iterdir()) == []


def test_sweeping_leaves_what_belongs_to_nobody() -> None:
    """A name that looks like one of ours, such as a lock's, is no reason to fail."""
    alike, orphan = (
        Path(tempfile.mkdtemp(prefix=prefix)) for prefix in ("cdc-test-postgres-18-1.2-", "cdc-test-999999999.1-")
    )
    try:
        processes.sweep()
        assert (alike.exists(), orphan.exists()) == (True, False)
    finally:
        alike.rmdir()


@pytest.mark.parametrize("wish", ["mysql:8.0", "postgres", "oracle:23"])
def test_what_is_asked_for_by_name_must_be_here(wish: str) -> None:
    """A run that names an engine that this machine lacks, or no known engine, fails."""
    with pytest.raises(NoSuchServerError, match=wish):
        select(wish, HERE[:4])


def test_a_killed_test_run_leaves_nothing_for_long(postgres: Server) -> None:
    """What a killed process has started is gone at the latest when the next run has swept."""
    program = "import sys; from tests.support import servers as s; o = s.launch(s.available()[int(sys.argv[1])]);"
    index = servers.available().index(postgres.spec)
    command = [sys.executable, "-c", f"{program} print(o.port, flush=True); sys.stdin.read()", str(index)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as run:
        assert run.stdout is not None
        port = int(run.stdout.readline())
        assert _listens(port)
        run.send_signal(signal.SIGKILL)
    (containers if postgres.spec.provider == "docker" else processes).sweep()
    wait_until(lambda: not _listens(port), what="the end of the orphan")


@pytest.mark.parametrize("body", ["", "import pytest\n\n\n@pytest.mark.skip\ndef test_skipped(): ...\n"])
def test_a_run_that_executes_nothing_fails(tmp_path: Path, body: str) -> None:
    """Neither no test at all nor only skipped ones count as success."""
    (tmp_path / "test_nothing.py").write_text(body)
    assert _pytest(tmp_path).returncode == pytest.ExitCode.NO_TESTS_COLLECTED


def test_a_missing_server_is_named_in_the_summary(tmp_path: Path) -> None:
    """The last lines of a run say which servers it lacked."""
    (tmp_path / "test_one.py").write_text("def test_one(any_postgres): assert any_postgres.run('SELECT 1') == [(1,)]\n")
    run = _pytest(tmp_path, CDC_TEST_SERVERS="postgres:99")
    assert run.returncode == 0
    assert "MISSING  postgres:99: not here, postgres:" in run.stdout


def test_a_parallel_run_shares_its_containers_and_reports_once(tmp_path: Path) -> None:
    """Each process of it uses the same server, the first one's summary tells of all, and nothing stays behind."""
    for number in range(4):
        (tmp_path / f"test_{number}.py").write_text(
            "def test_one(postgres):\n    print('port', postgres.port)\n    assert postgres.run('SELECT 1') == [(1,)]\n"
        )
    run = _pytest(tmp_path, "-n2", "-rP", CDC_TEST_SERVERS="postgres:99", CDC_TEST_REUSE="")
    assert run.returncode == 0, run.stdout
    provider = servers.select("postgres:99", servers.available()).specs[0].provider
    assert run.stdout.count("MISSING  postgres:99") == 1
    assert run.stdout.count(f"({provider})") == 1
    ports = {int(line.split()[1]) for line in run.stdout.splitlines() if line.startswith("port ")}
    assert len(ports) == (1 if provider == "docker" else 2)
    assert not any(_listens(port) for port in ports)


@pytest.mark.parametrize("body", ["", "import pytest\n\n\n@pytest.mark.skip\ndef test_skipped(): ...\n"])
def test_a_parallel_run_that_executes_nothing_fails(tmp_path: Path, body: str) -> None:
    """Nor does a run of several processes count as success that has only skipped."""
    (tmp_path / "test_nothing.py").write_text(body)
    assert _pytest(tmp_path, "-n2").returncode == pytest.ExitCode.NO_TESTS_COLLECTED


def test_a_port_for_a_server_is_none_that_a_connection_may_be_given() -> None:
    """Else a server that is stopped might not get its port back."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(engines.free_port() < lowest for _ in range(20))


def _pytest(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-c", os.devnull, "--rootdir", str(folder)]
    return subprocess.run(
        [*command, *arguments, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
        env=os.environ | environment,
        timeout=300,
    )


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((servers.HOST, port)) == 0


class _Background:
    """Runs a function in a thread and tells whether it has returned."""

    def __init__(self, function: Callable[[], object]) -> None:
        self._thread = threading.Thread(target=function)
        self._thread.start()

    def poll(self) -> bool:
        return not self._thread.is_alive()


class _NoRuntime:
    """A server that does not run, for what needs no answer."""

    port = 1

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def remove(self) -> None: ...

    def alive(self) -> bool:
        return False

    def log(self) -> str:
        return ""
