"""A small file that says where it comes from, to see whether a destination takes files."""

from __future__ import annotations

from io import BytesIO

from django.utils import timezone

from events.destinations.delivering import Sent, deliver
from events.models import Destination
from leadops.lib.http import Door

TIMEOUT = 20.0  # seconds that somebody waits for
NAME = "leadops-test.txt"


def send_test(destination: Destination, *, by: str, door: Door | None = None) -> Sent:
    """Always under the same name, so that tests do not pile up. Raises Undelivered."""
    text = (
        f"A test of LeadOps: destination {destination.slug}, by {by}, "
        f"{timezone.now():%Y-%m-%d %H:%M:%S} UTC.\n"
    )
    return deliver(
        destination,
        NAME,
        "text/plain; charset=utf-8",
        BytesIO(text.encode()),
        door=door,
        timeout=TIMEOUT,
    )
