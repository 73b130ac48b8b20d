"""Integrations with any service that speaks HTTP."""

from __future__ import annotations

from dataclasses import replace

from leadops.lib import webhooks
from recipients.integrations.base import Integration
from recipients.options import Option, OptionKind
from recipients.plan import BodyFormat
from recipients.transports.bodies import OPTIONS, options_for
from recipients.transports.http import HttpTransport
from recipients.transports.webhook import WebhookTransport

HTTP = Integration(
    name="http",
    label="HTTP",
    about="JSON, XML, form, query or CSV requests to any service.",
    transport=HttpTransport(),
    options=OPTIONS,
    batches=True,
)
# Under the name that people know from elsewhere.
GENERIC = replace(HTTP, name="generic_http", label="Any HTTP service", about="The same as HTTP.")
CUSTOM_JSON = Integration(
    name="custom_json",
    label="Custom JSON",
    about="JSON to a service of any buyer.",
    transport=HttpTransport(),
    options=options_for(BodyFormat.JSON),
    format=BodyFormat.JSON,
    batches=True,
)
CUSTOM_XML = Integration(
    name="custom_xml",
    label="Custom XML",
    about="XML to a service of any buyer.",
    transport=HttpTransport(),
    options=options_for(BodyFormat.XML),
    format=BodyFormat.XML,
)
WEBHOOK = Integration(
    name="webhook.post",
    label="Webhook",
    about="A POST with JSON, signed after Standard Webhooks: the mapped fields, or the whole lead.",
    transport=WebhookTransport(),
    options=(
        Option(
            "secret",
            OptionKind.SECRET,
            "Signs each request: whsec_ and 24 to 64 bytes in base64. Without, it is not signed.",
            example="${BUYER_WEBHOOK_SECRET}",
            check=webhooks.key_of,
        ),
        Option(
            "previous_secret",
            OptionKind.SECRET,
            "While the secret is changed: signs too, until the receiver knows the new one.",
            check=webhooks.key_of,
        ),
    ),
    format=BodyFormat.JSON,
    method="POST",
)
