"""Tracebacks as the log may hold them: what PostgreSQL refuses it quotes, and that may be what
somebody posted."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Iterator

import psycopg
from django.db import Error as DjangoError
from django.db import InterfaceError, OperationalError

AWAY = (psycopg.OperationalError, psycopg.InterfaceError, OperationalError, InterfaceError)
_QUOTED = re.compile(r'".*"', re.DOTALL)


class Formatter(logging.Formatter):
    """Lines of the log; of errors of the database kind, state and place, without any values."""

    def formatException(self, ei: object) -> str:
        error = ei[1] if isinstance(ei, tuple) else None
        if error is None or not any(map(_quotes, _chain(error))):
            return super().formatException(ei)  # type: ignore[arg-type]
        parts = [
            "".join(traceback.format_tb(each.__traceback__))
            + f"{type(each).__name__}: {_said(each)}"
            for each in _chain(error)
        ]
        return "\n".join(reversed(parts))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and those that it came of."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _quotes(error: BaseException) -> bool:
    """Of the database, and not of the way there, whose words are needed to mend it."""
    return isinstance(error, psycopg.Error | DjangoError) and not isinstance(error, AWAY)


def _said(error: BaseException) -> str:
    """Its first line alone, without what it quotes; the others show statement and data."""
    text = str(error)
    if not _quotes(error):
        return text
    cause = error if isinstance(error, psycopg.Error) else error.__cause__
    state = f" ({cause.sqlstate})" if isinstance(cause, psycopg.Error) and cause.sqlstate else ""
    said = re.split(r"\n(?:LINE \d+|DETAIL|CONTEXT|HINT):", text, maxsplit=1)[0]
    return _QUOTED.sub("…", said).partition("\n")[0] + state
