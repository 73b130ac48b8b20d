"""Every service by the name that bundles and the admin use."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from flows.services import token, trustedform, twilio, zerobounce
from flows.services.base import Service

HTTP: Final = Service(
    name="http",
    label="Any service over HTTP",
    help="Address, what is sent and what is appended are all said in the step.",
)

SERVICES: Mapping[str, Service] = MappingProxyType(
    {
        each.name: each
        for each in (HTTP, token.JSON, twilio.LOOKUP, zerobounce.VALIDATE, trustedform.RETAIN)
    }
)
