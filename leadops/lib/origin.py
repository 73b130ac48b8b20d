"""By which way somebody acts: pages, API, a bundle, a command. For the record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum

from django.http import HttpRequest, HttpResponse

API = "/api/"


class Origin(StrEnum):
    CONSOLE = "console"
    API = "api"
    BUNDLE = "bundle"
    COMMAND = "command"  # whatever is no request: commands, workers


_current: ContextVar[Origin] = ContextVar("origin", default=Origin.COMMAND)


def current() -> Origin:
    return _current.get()


@contextmanager
def acting(by: Origin) -> Iterator[None]:
    token = _current.set(by)
    try:
        yield
    finally:
        _current.reset(token)


class Origins:
    """Middleware: requests come from the console or over the API."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with acting(Origin.API if request.path.startswith(API) else Origin.CONSOLE):
            return self.get_response(request)
