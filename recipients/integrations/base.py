"""What an integration is: a transport with what one service wants of it."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Integration:
    """A way to send that staff choose by name.

    `schemes` are those that its addresses may have. `reading` is how the service's replies read
    where a recipient says nothing of its own; None: by status alone.
    """

    name: str
    label: str
    about: str
    transport: Transport
    options: tuple[Option, ...] = ()
    fields: tuple[Field, ...] = ()
    schemes: tuple[str, ...] = ("http", "https")
    reading: ReaderSpec | None = None
