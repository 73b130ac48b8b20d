"""The programs of `manage.py up`, kept running by supervisord."""

from __future__ import annotations

import configparser
import hashlib
import io
import os
import shlex
import signal
import stat
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from leadops import env
from leadops.lib import processes, queue

GROUP = "leadops"  # supervisord stops the programs of one group together, groups one by one
MANAGE = str(env.PROJECT / "manage.py")
SOCKET_PATH_LIMIT = 107
BUYERS_PORT, BUYERS_MAIL_PORT = 9100, 9125  # as in the demo's bundle
LOG_BYTES = 10_000_000
LOG_BACKUPS = 3
STOP_SECONDS = 18  # more than any program asks for itself
CLEAR_SECONDS = 5.0
RUNNING, FATAL = 20, 200  # of supervisor's ProcessStates


@dataclass(frozen=True)
class Program:
    """One command that is to run all the time."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)  # without quotes and percents
    once: bool = False  # it may end by itself with success


@dataclass(frozen=True)
class State:
    """What supervisord says of a program."""

    pid: int  # 0: not running
    seconds: float  # since it was last started
    running: bool
    given_up: bool


def programs(*, host: str, port: int, pumps: int, demo: bool) -> list[Program]:
    """What a whole system consists of."""
    gunicorn = [sys.executable, "-m", "gunicorn", "--config", "python:leadops.web", "leadops.wsgi"]
    parts = [
        Program("web", gunicorn, {"LEADOPS_BIND": f"{host}:{port}"}),
        _cluster(queue.PUMP, pumps),
        _cluster(queue.MISC, queue.default_workers(queue.MISC)),
        Program("streams", [sys.executable, MANAGE, "streams"]),
    ]
    if demo:
        ports = ["--port", str(BUYERS_PORT), "--mail-port", str(BUYERS_MAIL_PORT)]
        parts.append(Program("buyers", [sys.executable, MANAGE, "buyers", *ports]))
        parts.append(Program("demo", [sys.executable, MANAGE, "demo"], once=True))
    return parts


def _cluster(name: str, workers: int) -> Program:
    command = [sys.executable, MANAGE, "qcluster", "--name", name, "--workers", str(workers)]
    return Program(name, command, queue.environment(name, workers))


class Supervisor:
    """supervisord as our child, and the line to it."""

    def __init__(self, home: Path, parts: Sequence[Program], *, port: int) -> None:
        self.home = home
        self.parts = parts
        self.port = port
        self.run = home / "run"
        self.logs = home / "logs"
        self.socket = _socket(self.run)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Write the configuration and start supervisord and with it all programs."""
        for folder in (self.run, self.logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make_private(self.socket.parent)
        self.socket.unlink(missing_ok=True)
        path = self.run / "supervisord.conf"
        path.write_text(self.configuration())
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-W", "ignore", "-m", "supervisor.supervisord", "-c", str(path)],
            cwd=env.PROJECT,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            # The terminal's Ctrl-C is for `up` alone, which stops the programs in order.
            start_new_session=True,
            preexec_fn=partial(processes.die_with_parent, signal.SIGTERM),
        )

    def _environment(self) -> dict[str, str]:
        """What all programs inherit. Not in the configuration: its quoting cannot say all."""
        return {
            **os.environ,
            processes.RUN_VARIABLE: str(self.home),
            "LEADOPS_HOME": str(self.home),
            "LEADOPS_PORT": str(self.port),
            "PYTHONUNBUFFERED": "1",
        }

    def is_alive(self) -> bool:
        """Whether supervisord runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self, seconds: float) -> bool:
        """Stop all programs at once; what is left after `seconds` is killed. True if none was."""
        if self._process is None:
            return True
        self._process.terminate()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            clear_leftovers(self.home)
            return False
        return True

    def states(self) -> dict[str, State]:
        """Each program's state. Raises OSError or xmlrpc.client.Error when there is no answer."""
        answer: Any = self._line().supervisor.getAllProcessInfo()
        return {info["name"]: _state(info) for info in answer}

    def start_again(self, name: str) -> None:
        """Start a program that supervisord has given up on."""
        self._line().supervisor.startProcess(f"{GROUP}:{name}", False)

    def _line(self) -> Any:
        from supervisor.xmlrpc import SupervisorTransport

        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        return xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)

    def configuration(self) -> str:
        """supervisord.conf, after http://supervisord.org/configuration.html."""
        config = configparser.RawConfigParser()
        config["unix_http_server"] = {"file": _escaped(self.socket), "chmod": "0700"}
        config["rpcinterface:supervisor"] = {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
        }
        config["supervisord"] = {
            "nodaemon": "true",
            "silent": "true",
            "loglevel": "info",
            "logfile": _escaped(self.logs / "supervisord.log"),
            "logfile_maxbytes": str(LOG_BYTES),
            "pidfile": _escaped(self.run / "supervisord.pid"),
            "childlogdir": _escaped(self.logs),
            **({"user": "root"} if os.geteuid() == 0 else {}),
        }
        config[f"group:{GROUP}"] = {"programs": ",".join(part.name for part in self.parts)}
        for part in self.parts:
            config[f"program:{part.name}"] = self._section(part)
        text = io.StringIO()
        config.write(text)
        return text.getvalue()

    def _section(self, part: Program) -> dict[str, str]:
        variables = {processes.ROLE_VARIABLE: part.name, **part.environment}
        pairs = ",".join(f'{key}="{value}"' for key, value in variables.items())
        return {
            "command": _escaped(shlex.join(part.command)),
            "directory": _escaped(env.PROJECT),
            "environment": pairs,
            "autorestart": "unexpected" if part.once else "true",
            "startsecs": "0" if part.once else "1",
            "startretries": "5",
            "stopsignal": "TERM",
            "stopwaitsecs": str(STOP_SECONDS),
            "stopasgroup": "false",  # a cluster's main process leads its own stop
            "killasgroup": "true",
            "redirect_stderr": "true",
            # Twice: supervisor 4.3 expands the names of log files a second time.
            "stdout_logfile": _escaped(_escaped(self.logs / f"{part.name}.log")),
            "stdout_logfile_maxbytes": str(LOG_BYTES),
            "stdout_logfile_backups": str(LOG_BACKUPS),
        }


def clear_leftovers(home: Path) -> int:
    """Kill what an earlier, killed `up` of this home has left running; how many that were.

    Returns when they are gone: until then they hold the port.
    """
    found: set[int] = set()
    until = time.monotonic() + CLEAR_SECONDS
    while time.monotonic() < until:
        left = processes.marked(processes.RUN_VARIABLE, str(home))
        found.update(left)
        # One that is ending has no environment any more, but still its ports.
        if not left and all(map(processes.has_ended, found)):
            break
        for pid in left:
            processes.kill(pid)
        time.sleep(0.02)
    return len(found)


def _state(info: Mapping[str, Any]) -> State:
    return State(
        pid=int(info["pid"]),
        seconds=float(info["now"] - info["start"]),
        running=info["state"] == RUNNING,
        given_up=info["state"] == FATAL,
    )


def _socket(run: Path) -> Path:
    beside = run / "supervisor.sock"
    # supervisord first binds a name with its pid behind it.
    if len(os.fsencode(beside)) + 12 <= SOCKET_PATH_LIMIT:
        return beside
    key = hashlib.blake2s(os.fsencode(run), digest_size=6).hexdigest()
    return Path(tempfile.gettempdir()) / f"leadops-{os.geteuid()}-{key}" / "supervisor.sock"


def _make_private(folder: Path) -> None:
    """Who reaches the socket may start and stop programs."""
    folder.mkdir(mode=0o700, exist_ok=True)
    info = folder.lstat()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.geteuid():
        raise PermissionError(f"{folder} belongs to someone else; remove it or set LEADOPS_HOME.")


def _escaped(value: object) -> str:
    """supervisord expands `%(name)s`."""
    return str(value).replace("%", "%%")
