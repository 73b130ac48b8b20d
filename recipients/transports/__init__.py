"""Ways to reach a recipient, one file each. How to add one: docs/adding-a-transport.md."""

from recipients.transports.base import Job, Transport
from recipients.transports.errors import NotSendable, TransportError
from recipients.transports.registry import TRANSPORTS, transport_for

__all__ = ["TRANSPORTS", "Job", "NotSendable", "Transport", "TransportError", "transport_for"]
