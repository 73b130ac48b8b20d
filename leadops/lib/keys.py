"""API keys: shown once, stored as keyed hashes."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from leadops.lib import secrets


class ApiKey(models.Model):
    """A key that opens the API for its owner. Subclasses add the owner."""

    name = models.CharField(
        max_length=100, blank=True, help_text="What uses this key, e.g. “landing page”."
    )
    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField("ends with", max_length=8, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    revoked_at = models.DateTimeField(
        null=True, blank=True, help_text="From this moment on the key opens nothing."
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name or f"…{self.hint}"

    def set(self, plain: str) -> None:
        """Make `plain` the key. Only its keyed hash and last four characters are kept."""
        self.digest = secrets.hash_key(plain)
        self.hint = plain[-4:] if len(plain) >= 12 else ""
