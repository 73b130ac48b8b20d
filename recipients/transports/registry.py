"""Which transport carries which integration."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from recipients.transports.base import Transport
from recipients.transports.errors import NotSendable
from recipients.transports.http import HttpTransport

_HTTP = HttpTransport()

TRANSPORTS: Mapping[str, Transport] = MappingProxyType(
    {
        "http": _HTTP,
        "webhook.post": _HTTP,
    }
)


def transport_for(integration: str) -> Transport:
    """Raises NotSendable for an integration that nothing carries."""
    try:
        return TRANSPORTS[integration]
    except KeyError:
        raise NotSendable("Unknown integration", f"No transport for {integration!r}") from None
