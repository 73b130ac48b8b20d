"""A whole LeadOps of its own on loopback: database, web, workers, buyers."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psycopg

from leadops.env import PROJECT
from leadops.lib import postgres

SOURCE_KEY = "bench-source-key-0123456789"
START_SECONDS = 60.0
STOP_SECONDS = 40.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def wait_for(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """What `condition` gives as soon as it is true; raises TimeoutError naming `what`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.05)
    raise TimeoutError(f"{what}: not within {seconds:.0f} s")


def connect(home: Path) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection to the embedded database of `home`."""
    return psycopg.connect(" ".join(f"{k}={v}" for k, v in postgres.conninfo(home).items()))


@dataclass
class System:
    """Processes and addresses of one run."""

    home: Path
    port: int
    buyers_port: int
    up: subprocess.Popen[str]
    buyers: subprocess.Popen[str]
    environment: dict[str, str] = field(repr=False)

    @property
    def buyers_url(self) -> str:
        return f"http://127.0.0.1:{self.buyers_port}"

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        connection = connect(self.home)
        connection.autocommit = True
        return connection

    def manage(self, *arguments: str) -> str:
        return subprocess.run(  # noqa: S603  our own command
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def load(self, bundle: str) -> None:
        """Load a configuration bundle given as text."""
        path = self.home / "bench.yaml"
        path.write_text(bundle)
        self.manage("bundle", "load", str(path))

    def buyer_log(self, limit: int) -> list[dict[str, Any]]:
        with urlopen(f"{self.buyers_url}/log?limit={limit}") as reply:  # noqa: S310  loopback
            log: list[dict[str, Any]] = json.load(reply)["entries"]
        return log

    def memory(self) -> dict[str, int]:
        """KiB of its own that each process holds of all that `up` started, and the database's.

        Without what processes share: the database's buffers fill once, and every backend that has
        touched them counts them as resident.
        """
        pids = [*_descendants(self.up.pid), *postgres.pids(self.home)]
        return {f"{_name(pid)}:{pid}": kib for pid in pids if (kib := _own_kib(pid))}


def _descendants(root: int) -> list[int]:
    """The processes that `root` started, and those that they did."""
    listing = subprocess.run(
        ["ps", "-eo", "pid=,ppid="],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    rows = [line.split() for line in listing.splitlines()]
    parents = {int(pid): int(parent) for pid, parent in rows}
    found = []
    for pid in parents:
        ancestor = pid
        while ancestor in parents and ancestor != root:
            ancestor = parents[ancestor]
        if ancestor == root and pid != root:
            found.append(pid)
    return found


def processes(root: int) -> dict[int, str]:
    """The processes that `root` started, and those that they did: what each was called with."""
    return {pid: _name(pid) for pid in _descendants(root)}


def _own_kib(pid: int) -> int:
    """Memory that only this process uses, 0 when it is gone."""
    return _status_kib(pid, "RssAnon:")


def _status_kib(pid: int, name: str) -> int:
    """A figure of /proc/PID/status, 0 when the process is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1])
    return 0


def _name(pid: int) -> str:
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
        return words.split("manage.py")[-1].strip()[:30]
    return ""


@contextlib.contextmanager
def running(
    *,
    workers: int = 2,
    log_buyers: bool = False,
    environment: Mapping[str, str] | None = None,
    kept: Path | None = None,
) -> Iterator[System]:
    """A system, ready to take leads; gone afterwards, but for a home that is to be `kept`. Without
    workers: database and web alone."""
    given = environment or {}
    home = kept or Path(tempfile.mkdtemp(prefix="leadops-bench-"))
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o755)
    port, buyers_port = free_port(), free_port()
    environment = {
        **os.environ,
        "LEADOPS_HOME": str(home),
        "LEADOPS_PRIVATE_NETWORKS": "127.0.0.0/8",
        "LEADOPS_BIND": f"127.0.0.1:{port}",
        "LEADOPS_INTAKE_RATE": "0",  # what one source can send is what is measured
        "BENCH_SOURCE_KEY": SOURCE_KEY,
        **given,
    }
    environment.pop("DATABASE_URL", None)
    quiet = [] if log_buyers else ["--no-log"]
    buyers = start_manage(environment, "buyers", "--port", str(buyers_port), *quiet)
    up = _system(environment, port, workers)
    try:
        _await_ready(buyers)
        _await_ready(up) if workers else _await_port(port)
        yield System(home, port, buyers_port, up, buyers, environment)
    finally:
        for process in (up, buyers):
            process.send_signal(signal.SIGTERM)
        for process in (up, buyers):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
            process.kill()
        postgres.stop(home)
        if kept is None:
            shutil.rmtree(home, ignore_errors=True)


def _system(environment: dict[str, str], port: int, workers: int) -> subprocess.Popen[str]:
    if workers:
        return start_manage(environment, "up", "--port", str(port), "--workers", str(workers))
    start_manage(environment, "migrate", "-v0").wait()
    return _start(environment, "-m", "gunicorn", "--config", "python:leadops.web", "leadops.wsgi")


def _await_port(port: int) -> None:
    def answers() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    wait_for(answers, START_SECONDS, f"port {port}")


def start_manage(environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    """One of our commands, in the background."""
    return _start(environment, "manage.py", *arguments)


def _start(environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603  our own command
        [sys.executable, *arguments],
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _await_ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None  # noqa: S101  piped above
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        line = process.stdout.readline()
        if line.startswith("ready"):
            return
        if not line and process.poll() is not None:
            break
    raise RuntimeError(f"{process.args!r} did not become ready")
