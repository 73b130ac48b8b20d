"""Every integration by the name that bundles and the admin use."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from recipients.integrations.base import Integration
from recipients.integrations.files import SFTP
from recipients.integrations.five9 import FIVE9
from recipients.integrations.generic import CUSTOM_JSON, CUSTOM_XML, GENERIC, HTTP, WEBHOOK
from recipients.integrations.hubspot import HUBSPOT
from recipients.integrations.mail import EMAIL
from recipients.integrations.salesforce import SALESFORCE
from recipients.integrations.simulated import SIMULATED
from recipients.integrations.soap import SOAP
from recipients.integrations.stores import OBJECT_STORE

# In the order in which they are offered.
ALL = (
    HTTP,
    WEBHOOK,
    CUSTOM_JSON,
    CUSTOM_XML,
    GENERIC,
    SOAP,
    SALESFORCE,
    HUBSPOT,
    FIVE9,
    EMAIL,
    SFTP,
    OBJECT_STORE,
    SIMULATED,
)
INTEGRATIONS: Mapping[str, Integration] = MappingProxyType({each.name: each for each in ALL})


def integration_for(name: str) -> Integration:
    """Raises ValueError for a name that nothing has."""
    try:
        return INTEGRATIONS[name]
    except KeyError:
        raise ValueError(f"there is no integration {name!r}") from None
