"""What every transport does. How to add one: docs/adding-a-transport.md."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from leadops.lib.http import Door, Reply, Request
from recipients.auth.session import Session
from recipients.plan import Context, EndpointPlan


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt to be sent. `payload` is what the mapping gave; `timeout` is in seconds.

    `attempt` counts from 1; `idempotency_key` is the same for all attempts of a delivery.
    `session` is what authentication has and notes.
    """

    payload: Any
    endpoint: EndpointPlan
    context: Context
    attempt: int
    idempotency_key: str
    timeout: float
    test: bool = False
    session: Session = field(default_factory=Session, compare=False, repr=False)


class Transport(Protocol):
    """Makes a message of a payload, and takes it to the recipient.

    Both raise TransportError and nothing else that is foreseeable. `build` touches no network and
    gives the same request for the same job. `send` sends once: repeating is the retry policy's.
    Only what was refused for its credentials, and so not taken, is followed by another request; and
    what a service wants to be told after a lead, by `followups`.
    """

    def build(self, job: Job) -> Request:
        """The message, with credentials. Raises NotSendable."""

    def send(self, request: Request, *, job: Job, door: Door) -> Reply:
        """The whole answer, whatever it says: reading it is the reader's.

        `request` is what `build` made of `job`.
        """
