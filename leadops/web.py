"""gunicorn's settings: `gunicorn --config python:leadops.web leadops.wsgi`.

Threads, not sync workers: answers that wait (`Prefer: wait`) and streams must not keep
intake from its worker.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from gunicorn.workers import gthread

from leadops import arrivals, departures, env, unreadable
from leadops.lib import processes


class Worker(gthread.ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn's threads, which no client keeps for longer than a request's head may take."""

    def handle(self, conn: Any) -> Any:
        # gunicorn itself would wait for 5 s: a few dozen silent connections, and nobody is served.
        if not conn.initialized and not conn.wait_for_data(arrivals.SILENT_SECONDS):
            return gthread._DEFER
        conn.arrival = arrivals.deadline(arrivals.HEADER_SECONDS)
        with arrivals.within(conn.arrival, conn.sock):
            answered = super().handle(conn)
        departures.leave(conn)
        return answered

    def handle_request(self, req: Any, conn: Any) -> Any:
        arrivals.watchdog.release(conn.arrival)  # its head is here
        return super().handle_request(req, conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Any) -> None:
        answer = unreadable.refusal(exc)
        if answer is None:
            super().handle_error(req, client, addr, exc)
            return
        self.log.warning("Refused what is no request: %s", type(exc).__name__)
        unreadable.refuse(client, answer)


bind = os.environ.get("LEADOPS_BIND", "127.0.0.1:8000")
workers = env.web_workers()
worker_class = Worker
threads = int(os.environ.get("LEADOPS_WEB_THREADS") or 16)
keepalive = 30  # seconds
timeout = 60  # a worker silent for longer is replaced
graceful_timeout = 8  # for requests under way when asked to stop
backlog = 2048
limit_request_line = unreadable.LONGEST_LINE  # filters may be given many times
# The workers' sign of life is a file's time stamp: on a busy disk it would come late.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else tempfile.gettempdir()  # noqa: S108
control_socket_disable = True
proc_name = "leadops-web"
errorlog = "-"
loglevel = "warning"
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1,::1")

if processes.RUN_VARIABLE in os.environ:
    processes.die_with_parent()


def post_fork(_server: Any, worker: Any) -> None:
    """A worker of a master that was killed would keep the port."""
    processes.die_with_parent(parent=worker.ppid)
