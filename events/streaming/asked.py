"""What the reader of a stream asked for, and who that is; as one process tells another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from events.following import EVERYTHING, Choice, Position

SOCKET = "streams"  # the name under which the streams' process takes connections


class Form(StrEnum):
    """How events are written: one JSON object a line, or server-sent events."""

    LINES = "ndjson"
    SSE = "sse"

    @property
    def content_type(self) -> str:
        return {"ndjson": "application/x-ndjson", "sse": "text/event-stream"}[self.value]


@dataclass(frozen=True, slots=True)
class Caller:
    """A member of staff, and what opened the door: a key's digest, or a session of the console
    with the digest of the password it was opened with."""

    user: str
    key: str = ""
    session: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """One stream."""

    caller: Caller
    after: Position
    choice: Choice = EVERYTHING
    form: Form = Form.LINES
    with_lead: bool = True
    chunked: bool = True  # False: HTTP/1.0, which ends with the connection

    def message(self) -> dict[str, Any]:
        """This as JSON can say it."""
        return {
            "user": self.caller.user,
            "key": self.caller.key,
            "session": self.caller.session,
            "password": self.caller.password,
            "after": str(self.after),
            "choice": {name: sorted(getattr(self.choice, name)) for name in self.choice.__slots__},
            "form": self.form.value,
            "with_lead": self.with_lead,
            "chunked": self.chunked,
        }

    @classmethod
    def read(cls, message: Mapping[str, Any]) -> Asked:
        """What `message` said; raises ValueError, KeyError, TypeError for anything else."""
        given = message["choice"]
        return cls(
            caller=Caller(
                user=str(message["user"]),
                key=str(message["key"]),
                session=str(message["session"]),
                password=str(message["password"]),
            ),
            after=Position.read(message["after"]),
            choice=Choice(**{name: frozenset(values) for name, values in given.items()}),
            form=Form(message["form"]),
            with_lead=bool(message["with_lead"]),
            chunked=bool(message["chunked"]),
        )
