"""Certificates that must be renewed: whose, where, and how soon."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q

from leadops.lib.certificates import Standing, standing
from recipients.models import Endpoint
from recipients.vault import MissingSecret, Vault, stored_secrets

SOON: Final = timedelta(days=14)  # before the end, from which staff are told
PARTS: Final = {"tls_certificate": "client certificate", "tls_ca": "own authority"}


@dataclass(frozen=True, slots=True)
class Ending:
    """A certificate that ends soon or has ended; `part` is the endpoint's column."""

    endpoint: Endpoint
    part: str
    standing: Standing

    def told(self, now: datetime) -> str:
        """A sentence for alerts."""
        ends = "expired" if self.standing.until <= now else "expires"
        return (
            f"The {PARTS[self.part]} {self.standing.name} of {self.endpoint.recipient} "
            f"({self.endpoint.kind}) {ends} on {self.standing.until:%Y-%m-%d}: renew it"
        )


def ending(now: datetime) -> list[Ending]:
    """Those of recipients in use, the most urgent first; of each text the one that ends first."""
    rows = list(
        Endpoint.objects.filter(recipient__active=True)
        .exclude(Q(tls_certificate="") & Q(tls_ca=""))
        .select_related("recipient")
        .order_by("pk")
    )
    named = any("${" in getattr(row, part) for row in rows for part in PARTS)
    stored = stored_secrets()[0] if named else {}
    found = [each for row in rows for each in _of(row, stored)]
    due = [each for each in found if each.standing.until <= now + SOON]
    return sorted(due, key=lambda each: each.standing.until)


def _of(endpoint: Endpoint, stored: Mapping[str, str]) -> Iterator[Ending]:
    for part in PARTS:
        try:
            text = Vault(stored).fill(getattr(endpoint, part))
        except MissingSecret:
            continue  # the recipient is switched off for it, and says so
        if text and (known := standing(text)):
            yield Ending(endpoint, part, known)
