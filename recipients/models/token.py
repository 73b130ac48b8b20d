"""Tokens that workers fetched from recipients' services."""

from __future__ import annotations

from django.db import models

from leadops.lib.fields import SecretField
from recipients.models.endpoint import Endpoint


class Token(models.Model):
    """One set of an endpoint's credentials and the token that was fetched with them.

    Written by workers, past the signals that announce changes of configuration.
    """

    mark = models.CharField(primary_key=True, max_length=64)
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="tokens")
    value = SecretField(blank=True)
    refresh = SecretField(blank=True)
    expires_at = models.DateTimeField(null=True)
    fetched_at = models.DateTimeField(null=True)
    # Until then one process fetches the next, and the others wait for it.
    claimed_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"Token of {self.endpoint_id}"
