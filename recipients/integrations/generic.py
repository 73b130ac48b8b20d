"""Integrations with any service that speaks HTTP."""

from __future__ import annotations

from recipients.integrations.base import Integration
from recipients.transports.bodies import OPTIONS
from recipients.transports.http import HttpTransport

HTTP = Integration(
    name="http",
    label="HTTP",
    about="JSON, XML, form, query or CSV requests to any service.",
    transport=HttpTransport(),
    options=OPTIONS,
)
WEBHOOK = Integration(
    name="webhook.post",
    label="Webhook",
    about="A plain POST to an address.",
    transport=HttpTransport(),
    options=OPTIONS,
)
