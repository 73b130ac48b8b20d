"""The embedded server itself: made, started, asked, stopped, and cleared away when dead.

Nothing here is safe against a second process doing the same: `leadops.lib.postgres` holds
the locks.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from leadops.lib.embedded.place import PORT, Place, ServerError

USER = "leadops"
DATABASE = "leadops"
START_SECONDS = 60.0
STOP_SECONDS = 10.0
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}  # ours may name another PostgreSQL
HAS_PROC = os.path.isdir("/proc/self")

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


def answers(at: Place, *, patience: float = 0.0) -> bool:
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


def init(at: Place) -> None:
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
    creation = f'CREATE DATABASE "{DATABASE}";\n'
    _run(at, "postgres", "--single", "-D", str(draft), "-j", "postgres", typed=creation)
    draft.rename(at.data)


def start(at: Place) -> None:
    settings = {**OPTIONS, "unix_socket_directories": str(at.sockets), "port": str(PORT)}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with _log_file(at) as output:
        server = subprocess.Popen(  # noqa: S603
            [str(at.binaries / "postgres"), "-D", str(at.data), *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=ENVIRONMENT,
            user=at.uid,
            group=at.gid,
            extra_groups=[] if at.user else None,
            # The terminal's Ctrl-C is not for it: the last user stops it.
            start_new_session=True,
        )
    until = time.monotonic() + START_SECONDS
    while not answers(at):
        if server.poll() is not None or time.monotonic() > until:
            raise ServerError(f"The embedded PostgreSQL did not start.\n{_log_tail(at)}")
        time.sleep(0.02)


def stop(at: Place) -> None:
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
    clear_remains(at)


def clear_remains(at: Place) -> None:
    """End what is left of a dead or hung server, then drop its pid file.

    A pid file may name a stranger by now (reused pid); what counts is which postgres
    processes really work in our data folder.
    """
    for pid in running(at):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + STOP_SECONDS
    while running(at):
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
    return pid if pid in running(at) else None


def running(at: Place) -> list[int]:
    if HAS_PROC:
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
    return not HAS_PROC or _state(pid) != "Z"


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"


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


def _run(at: Place, program: str, *arguments: str, typed: str = "") -> None:
    done = subprocess.run(  # noqa: S603
        [str(at.binaries / program), *arguments],
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=ENVIRONMENT,
        user=at.uid,
        group=at.gid,
        extra_groups=[] if at.user else None,
    )
    if done.returncode:
        raise ServerError(f"{program} failed.\n{done.stderr.strip()[-2000:]}")
