"""What an integration is: a transport with what one service wants of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from recipients.options import Option
from recipients.responses import ReaderSpec
from recipients.transports.base import Transport


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
class Integration:
    """A way to send that staff choose by name.

    `schemes` are those that its addresses may have. `reading` is how the service's replies read
    where a recipient says nothing of its own; None: by status alone. `check` looks, at save, for
    what does not fit together.
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
