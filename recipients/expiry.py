"""Secrets that must be rotated: which, and how soon."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum

from django.db.models import QuerySet
from django.utils import timezone

from recipients.models import Secret

SOON = timedelta(days=14)  # before the date, from which staff are told


class Freshness(StrEnum):
    GOOD = "Good"
    SOON = "Soon"
    EXPIRED = "Expired"


def today() -> date:
    return timezone.now().date()


def freshness(secret: Secret) -> Freshness:
    if secret.expires_at is None or secret.expires_at > today() + SOON:
        return Freshness.GOOD
    return Freshness.SOON if secret.expires_at >= today() else Freshness.EXPIRED


def due() -> QuerySet[Secret]:
    """Those to be rotated, the most urgent first; without their values."""
    query = Secret.objects.filter(expires_at__lte=today() + SOON)
    return query.defer("value", "second_value").order_by("expires_at", "name")


def told(secret: Secret) -> str:
    """A sentence for alerts and pages."""
    ends = "expired" if freshness(secret) is Freshness.EXPIRED else "expires"
    return f"The secret {secret.name} {ends} on {secret.expires_at:%Y-%m-%d}: rotate it"
