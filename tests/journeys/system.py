"""A whole system with real processes: `manage.py up` on a free port, in a home of its own."""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit, urlunsplit

import psutil
import psycopg
import requests

from leadops.lib import postgres, processes

PROJECT = Path(__file__).resolve().parents[2]
START_SECONDS = 120.0  # others use the machine as well
RESTORE_SECONDS = 60.0


def free_port() -> int:
    """A port of loopback that nobody used a moment ago."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port: int = door.getsockname()[1]
        return port


def wait_for(condition: Callable[[], object], timeout: float = 15.0, *, what: str = "it") -> float:
    """Wait until `condition()` holds; the seconds that took. Its errors count as not yet."""
    began = time.monotonic()
    while True:
        error: Exception | None = None
        try:
            if condition():
                return time.monotonic() - began
        except (psycopg.Error, requests.RequestException, OSError, LookupError) as caught:
            error = caught
        assert time.monotonic() - began < timeout, f"{what} did not come in {timeout} s ({error})"
        time.sleep(0.05)


class LiveSystem:
    """Starts, is asked and harmed, and stops. Use as a context manager."""

    variables: ClassVar[Mapping[str, str]] = {}

    def __init__(self, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="leadops-tests-live-"))
        self.home.chmod(0o755)
        self.port = free_port()
        self.arguments = arguments
        self.given = dict(environment or {})
        self.up: subprocess.Popen[str] | None = None
        self.lines: queue.Queue[str] = queue.Queue()
        self._database = self._own_database()

    def __enter__(self) -> LiveSystem:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        try:
            self.stop()
        finally:
            self.discard()

    # --- life

    def start(self, timeout: float = START_SECONDS) -> float:
        """Start and wait for `ready`; the seconds it took."""
        began = time.monotonic()
        self.launch()
        self.wait_until_ready(timeout)
        return time.monotonic() - began

    def launch(self) -> subprocess.Popen[str]:
        """Start without waiting."""
        command = ["up", "--port", str(self.port), *self.arguments]
        self.lines = queue.Queue()
        with open(self.home / "up.log", "a") as errors:
            self.up = subprocess.Popen(
                [sys.executable, "manage.py", *command],
                cwd=PROJECT,
                env=self.environment(),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        reading = threading.Thread(target=_read, args=(self.up, self.lines), daemon=True)
        reading.start()
        return self.up

    def wait_until_ready(self, timeout: float = START_SECONDS) -> None:
        assert self.up is not None
        until = time.monotonic() + timeout
        while time.monotonic() < until and self.up.poll() is None:
            try:
                if self.lines.get(timeout=0.2) == f"ready {self.url}":
                    return
            except queue.Empty:
                continue
        raise AssertionError(f"Not ready after {timeout} s.\n{self.logs()}")

    def stop(self, timeout: float = 30.0) -> int:
        """SIGTERM, as from a service manager; the exit status. Nothing may be left after it."""
        assert self.up is not None
        if self.up.poll() is None:
            self.up.terminate()
        status = self.up.wait(timeout)
        assert self.processes() == [], self.processes()
        return status

    def restore(self) -> None:
        """Make it run and be whole, whatever was done to it before."""
        if self.up is not None and self.up.poll() is None:
            with contextlib.suppress(AssertionError):
                wait_for(self.is_whole, RESTORE_SECONDS)
                return
        self.halt()
        self.start()
        wait_for(self.is_whole, RESTORE_SECONDS, what="a whole system")

    def is_whole(self) -> bool:
        """Whether it is ready, and has all the workers that it is to have."""
        clusters = [self.workers(name) for name in ("pump", "misc")]
        ready = self.get("/readyz", timeout=3).status_code == 200
        return ready and len(self.pump_pids()) == 2 and all(len(each) == 2 for each in clusters)

    def halt(self) -> None:
        """End all that `up` has started, at once; what it stored stays."""
        if self.up is not None and self.up.poll() is None:
            self.up.kill()
            self.up.wait()
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def discard(self) -> None:
        """Remove every trace, whatever state it is in."""
        self.halt()
        if self._database:
            self._drop_database()
        else:
            postgres.stop(self.home)
        shutil.rmtree(self.home, ignore_errors=True)

    # --- its faces

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, *, key: str = "", timeout: float = 10.0) -> requests.Response:
        return requests.get(self.url + path, headers=_headers(key), timeout=timeout)

    def post(
        self, path: str, json: Any, key: str = "", *, timeout: float = 10.0, **headers: str
    ) -> requests.Response:
        """POST JSON; further headers by keyword, `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.post(
            self.url + path, json=json, headers={**_headers(key), **named}, timeout=timeout
        )

    def sql(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Rows of a query; none for a statement without."""
        with psycopg.connect(self.conninfo(), autocommit=True) as connection:
            cursor = connection.execute(query, parameters or None)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def value(self, query: str, *parameters: object) -> Any:
        """The first column of the first row."""
        return self.sql(query, *parameters)[0][0]

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of manage.py in this system."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=check,
            timeout=120,
        )

    def conninfo(self) -> str:
        if self._database:
            return self._database
        return psycopg.conninfo.make_conninfo("", **postgres.conninfo(self.home))

    def environment(self) -> dict[str, str]:
        ours = ("DJANGO_SETTINGS_MODULE", "LEADOPS_TEST_HOME", "LEADOPS_LOG_LEVEL")
        clean = {name: value for name, value in os.environ.items() if name not in ours}
        database = {"DATABASE_URL": self._database} if self._database else {}
        return {
            **clean,
            "LEADOPS_HOME": str(self.home),
            "LEADOPS_PRIVATE_NETWORKS": "127.0.0.0/8,::1/128",
            **database,
            **self.variables,
            **self.given,
        }

    def logs(self) -> str:
        """The end of every log, for a failure's message."""
        files = [self.home / "up.log", *sorted((self.home / "logs").glob("*.log"))]
        return "\n".join(
            f"--- {path.name}\n{path.read_text(errors='replace')[-3000:]}"
            for path in files
            if path.exists()
        )

    # --- its processes

    def processes(self) -> list[psutil.Process]:
        """Everything that `up` has started, at any depth; not the database."""
        found = []
        for pid in processes.marked(processes.RUN_VARIABLE, str(self.home)):
            try:
                process = psutil.Process(pid)
                if process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.NoSuchProcess:
                continue
        return found

    def role(self, name: str) -> list[psutil.Process]:
        """The processes of one program: web, pump, misc; its main process first."""
        found = [process for process in self.processes() if _role(process) == name]
        return sorted(found, key=lambda process: process.pid != os.getpgid(process.pid))

    def main(self, name: str) -> psutil.Process:
        """The process that leads a program."""
        return self.role(name)[0]

    def workers(self, name: str) -> list[psutil.Process]:
        """A cluster's workers: the sentinel's first children (then monitor and pusher)."""
        sentinel = self.main(name).children()[0]
        return sorted(sentinel.children(), key=lambda child: child.pid)[:-2]

    def pump_pids(self) -> list[int]:
        """Pumps that beat now, by slot; not those that were killed since their last beat."""
        rows = self.sql(
            "SELECT pid FROM flows_pump WHERE beat > clock_timestamp() - interval '4 s' "
            "ORDER BY slot"
        )
        return [pid for (pid,) in rows if psutil.pid_exists(pid)]

    def kill_database(self) -> int:
        """kill -9 of the embedded server's main process; its pid."""
        at = postgres.place(self.home)
        pid = int(at.pid_file.read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        return pid

    # --- within

    def _own_database(self) -> str:
        """With a real server, a database of this system's own; its URL."""
        server = os.environ.get("DATABASE_URL", "")
        if not server:
            return ""
        name = f"leadops_live_{os.getpid()}_{self.port}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]
        return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))

    def _drop_database(self) -> None:
        name = urlsplit(self._database).path.lstrip("/")
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[arg-type]


def _read(up: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
    assert up.stdout is not None
    for line in up.stdout:
        lines.put(line.rstrip("\n"))


def _headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


def _role(process: psutil.Process) -> str:
    try:
        return process.environ().get(processes.ROLE_VARIABLE, "")
    except psutil.Error:
        return ""
