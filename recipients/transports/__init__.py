"""Ways to reach a recipient, one file each. How to add one: docs/adding-a-transport.md."""

from recipients.transports.base import Job, Transport
from recipients.transports.errors import NotSendable, TransportError

__all__ = ["Job", "NotSendable", "Transport", "TransportError"]
