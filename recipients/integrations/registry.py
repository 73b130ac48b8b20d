"""Every integration by the name that bundles and the admin use."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from recipients.integrations.base import Integration
from recipients.integrations.files import SFTP
from recipients.integrations.generic import HTTP, WEBHOOK
from recipients.integrations.mail import EMAIL
from recipients.integrations.soap import SOAP

INTEGRATIONS: Mapping[str, Integration] = MappingProxyType(
    {integration.name: integration for integration in (HTTP, WEBHOOK, SOAP, EMAIL, SFTP)}
)


def integration_for(name: str) -> Integration:
    """Raises ValueError for a name that nothing has."""
    try:
        return INTEGRATIONS[name]
    except KeyError:
        raise ValueError(f"there is no integration {name!r}") from None
