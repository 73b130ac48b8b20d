"""What an integration is: a transport with what one service wants of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from leadops.lib.http import Reply, Request
from recipients.options import Option
from recipients.plan import BodyFormat, EndpointPlan
from recipients.responses import ReaderSpec
from recipients.transports.base import Job, Transport


@dataclass(frozen=True, slots=True)
class Field:
    """A field that the service takes; offered where the mapping is written."""

    name: str
    help: str = ""
    required: bool = False
    example: str = ""


class Written(Protocol):
    """What a check sees of an endpoint as it was written, its references not filled in."""

    url: str
    format: str
    auth: str
    auth_username: str
    auth_secret: str


class FieldError(ValueError):
    """Something does not fit; `field` is the endpoint's."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


# Given an endpoint and its compiled options; raises FieldError.
Check = Callable[[Written, Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Probe:
    """A cheap call that tells whether the service knows us, and that changes nothing there.

    `request` makes it, with credentials, for a job without a payload; `problem` says what is wrong
    by the answer, "" for nothing.
    """

    request: Callable[[Job], Request]
    problem: Callable[[Reply, EndpointPlan], str]


@dataclass(frozen=True, slots=True)
class Integration:
    """A way to send that staff choose by name.

    `schemes` are those that its addresses may have; `url` is shown as an example of one. `format`
    and `method` are set where the service takes no other. `reading` is how the service's replies
    read where a recipient says nothing of its own; None: by status alone. `check` looks, at save,
    for what does not fit together. `docs` is where the vendor says all this.
    `batches`: its transport takes several leads as one file.
    """

    name: str
    label: str
    about: str
    transport: Transport
    options: tuple[Option, ...] = ()
    fields: tuple[Field, ...] = ()
    schemes: tuple[str, ...] = ("http", "https")
    reading: ReaderSpec | None = None
    check: Check | None = None
    url: str = ""
    format: BodyFormat | None = None
    method: str = ""
    probe: Probe | None = None
    docs: str = ""
    batches: bool = False

    @property
    def fixed(self) -> Mapping[str, str]:
        """What of an endpoint nobody is asked for, by the endpoint's field."""
        both = {"format": str(self.format or ""), "method": self.method}
        return {field: value for field, value in both.items() if value}
