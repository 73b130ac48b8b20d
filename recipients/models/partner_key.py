"""The key with which a recipient posts feedback."""

from __future__ import annotations

from django.db import models

from leadops.lib.keys import ApiKey
from recipients.models.recipient import Recipient


class PartnerKey(ApiKey):
    recipient = models.ForeignKey(Recipient, on_delete=models.CASCADE, related_name="keys")

    class Meta:
        ordering = ["created_at"]
