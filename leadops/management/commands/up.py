"""`manage.py up`: the whole system in the foreground, watched, and stopped as a whole."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.metadata
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connection

from leadops import env, tables
from leadops.lib import postgres, queue
from leadops.supervision import BUYERS_MAIL_PORT, BUYERS_PORT, Supervisor, clear_leftovers, programs
from leadops.watch import Watchdog, probe

STOP_SECONDS = 22.0
LOOK_SECONDS = 1.0
READY_POLL_SECONDS = 0.1
STATIC_PACKAGES = ("Django", "django-unfold", "djangorestframework", "drf-spectacular-sidecar")


class Command(BaseCommand):
    help = "Runs everything: database, migrations, web and workers. Ctrl-C stops all."
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--host", default="127.0.0.1", help="address that the web binds to")
        parser.add_argument("--workers", type=int, help="pumps (default: one a core)")
        parser.add_argument("--demo", action="store_true", help="with demo data, buyers and leads")

    def handle(self, *_args: Any, **options: Any) -> None:
        signal.signal(signal.SIGTERM, _interrupt)
        signal.signal(signal.SIGINT, _interrupt)
        try:
            self.run(**options)
        except KeyboardInterrupt:
            pass
        finally:
            connection.close()
            postgres.leave()

    def run(self, *, port: int, host: str, workers: int | None, demo: bool, **_rest: Any) -> None:
        home: Path = settings.LEADOPS_HOME
        with _only_one(home):
            if clear_leftovers(home):
                self.stderr.write("Ended what an earlier run had left behind.")
            _check_port(host, port, remedy="Choose another: --port")
            if demo:
                remedy = "The demo's simulated buyers need it"
                for needed in (BUYERS_PORT, BUYERS_MAIL_PORT):
                    _check_port("127.0.0.1", needed, remedy=remedy)
            self._prepare()
            if demo:
                os.environ.setdefault("LEADOPS_PRIVATE_NETWORKS", "127.0.0.0/8,::1/128")
            pumps = workers or queue.default_workers(queue.PUMP)
            parts = programs(host=host, port=port, pumps=pumps, demo=demo)
            self._supervise(Supervisor(home, parts, port=port))

    def _prepare(self) -> None:
        """Database, tables, static files."""
        try:
            connection.ensure_connection()
        except OperationalError as error:
            raise CommandError(f"No database: {error}") from error
        tables.migrate()
        _collect_static(settings.STATIC_ROOT)

    def _supervise(self, supervisor: Supervisor) -> None:
        supervisor.start()
        try:
            self._watch(supervisor)
        finally:
            # A second Ctrl-C must not cut the stop short: it ends within STOP_SECONDS.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            if not supervisor.stop(STOP_SECONDS):
                self.stderr.write("Some processes did not stop in time and were killed.")

    def _watch(self, supervisor: Supervisor) -> None:
        watchdog = Watchdog(supervisor, home=supervisor.home, port=supervisor.port)
        demo_log = _Tail(supervisor.logs / "demo.log")
        ready = False
        looked = time.monotonic()
        while True:
            if not ready and probe(supervisor.port, "/readyz") == 200:
                ready = True
                self._say(f"ready http://127.0.0.1:{supervisor.port}")
            if time.monotonic() - looked >= LOOK_SECONDS:
                looked = time.monotonic()
                watchdog.look()
            self._say(demo_log.new())
            time.sleep(LOOK_SECONDS / 2 if ready else READY_POLL_SECONDS)

    def _say(self, text: str) -> None:
        if text:
            self.stdout.write(text)
            self.stdout.flush()


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def _only_one(home: Path) -> Any:
    """Hold the home for this run; another one is told so."""
    folder = home / "run"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "up.lock", "a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise CommandError(
                f"LeadOps already runs from {home} (process {file.read().strip() or '?'}). "
                "Stop it first, or set LEADOPS_HOME for a second system."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _check_port(host: str, port: int, *, remedy: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"Port {port} on {host} cannot be used: {error.strerror}. {remedy}."
            ) from None


def _collect_static(folder: Path) -> None:
    """Collect once for each set of versions and of our own files: it takes seconds."""
    stamp = folder / ".collected"
    current = static_versions(env.PROJECT)
    if stamp.exists() and stamp.read_text() == current:
        return
    call_command("collectstatic", verbosity=0, interactive=False)
    stamp.write_text(current)


def static_versions(project: Path) -> str:
    """Another text whenever something else would be collected."""
    parts = [sys.version]
    for package in STATIC_PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            parts.append(f"{package} {importlib.metadata.version(package)}")
    for path in sorted(project.glob("*/static/**/*.*")):
        parts.append(f"{path.relative_to(project)} {hashlib.sha256(path.read_bytes()).hexdigest()}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class _Tail:
    """What a log file gains from now on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read = path.stat().st_size if path.exists() else 0

    def new(self) -> str:
        """The lines added since last asked, without the last line's end."""
        if not self.path.exists() or self.path.stat().st_size == self._read:
            return ""
        with open(self.path, "rb") as file:
            file.seek(self._read)
            lines = file.read().rpartition(b"\n")[0]
        self._read += len(lines) + 1 if lines else 0
        return lines.decode(errors="replace")
