"""Deliveries as our own JSON document, signed after Standard Webhooks."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from leadops.lib import webhooks
from leadops.lib.http import Request
from recipients.plan import BodyFormat
from recipients.transports.base import Job
from recipients.transports.bodies import CONTENT_TYPES, Message, json_body, payload_for
from recipients.transports.errors import NotSendable
from recipients.transports.http import HttpTransport

TYPE = "lead.delivered"


class WebhookTransport(HttpTransport):
    """A POST with JSON; unsigned where there is no secret."""

    def build(self, job: Job) -> Request:
        # Signatures are of the bytes on the wire: what unpacks them on the way would break them.
        return super().build(replace(job, endpoint=replace(job.endpoint, compress=False)))

    def message(self, job: Job) -> Message:
        body = json_body(payload_for(job.payload or _document(job), job.endpoint))
        headers = {"Content-Type": CONTENT_TYPES[BodyFormat.JSON]}
        options = job.endpoint.options
        secrets = [
            secret for name in ("secret", "previous_secret") if (secret := options.get(name))
        ]
        if secrets:
            timestamp = int(_now(job).timestamp())
            headers |= webhooks.sign(
                secrets, id=job.idempotency_key, timestamp=timestamp, body=body
            )
        return Message(body, headers=headers)


def _document(job: Job) -> dict[str, Any]:
    """What goes out where there is no mapping."""
    lead = job.context["lead"]
    return {
        "id": lead.get("id", ""),
        "type": TYPE,
        "timestamp": _now(job).isoformat(),
        "test": job.test,
        "data": {name: value for name, value in lead.items() if name != "id"},
    }


def _now(job: Job) -> datetime:
    now = job.context.get("now")
    if not isinstance(now, datetime):
        raise NotSendable("Webhook cannot be signed", "the attempt has no time")
    return now
