"""`manage.py buyers`: simulated buyers to deliver to."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from leadops.buyers.log import MAX_ENTRIES
from leadops.buyers.server import Desk, serve


class Command(BaseCommand):
    help = "Simulated buyers: a real HTTP server, behaviours by path; GET / lists them."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=9100)
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--mail-port", type=int, help="for e-mails; without, none are taken")
        parser.add_argument("--log-size", type=int, default=MAX_ENTRIES, help="requests kept")
        parser.add_argument("--no-log", action="store_true", help="keep counts only")

    def handle(self, *args: Any, **options: Any) -> None:
        host, port, mail_port = options["host"], options["port"], options["mail_port"]
        listener = _listen(host, port)
        mail = None if mail_port is None else _listen(host, mail_port)
        desk = Desk(log_size=0 if options["no_log"] else options["log_size"])
        self.stdout.write(f"ready http://{host}:{listener.getsockname()[1]}")
        self.stdout.flush()
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(_until_told(desk, listener, mail))


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise CommandError(f"Cannot listen on {host}:{port}: {error.strerror}") from error


async def _until_told(desk: Desk, listener: socket.socket, mail: socket.socket | None) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    task = asyncio.ensure_future(serve(desk, listener, mail=mail))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    await task
