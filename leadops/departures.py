"""Connections that another process has taken over while their request was answered."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable
from typing import Any

from leadops.arrivals import Application, StartResponse
from leadops.lib.handover import HANDED_OVER


class HandedOver(BrokenPipeError):
    """There is nobody to answer: what gunicorn takes for a client that has hung up."""

    def __init__(self) -> None:
        super().__init__(errno.EPIPE, "the connection was handed over")


class Departures:
    """WSGI: raises HandedOver instead of an answer that would go to somebody else's connection."""

    def __init__(self, application: Application) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        answer = self.application(environ, start_response)
        if environ.get(HANDED_OVER):
            close = getattr(answer, "close", None)
            if close is not None:
                close()
            raise HandedOver
        return answer


def leave(connection: Any) -> None:
    """Give gunicorn a socket to close where its own is gone: its bookkeeping needs one."""
    if connection.sock.fileno() < 0:
        connection.sock = socket.socket()
