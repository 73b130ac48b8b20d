"""What a recipient was sent, as it was configured from one moment to the next."""

from __future__ import annotations

from django.db import models

from recipients.models.recipient import Recipient


class MappingVersion(models.Model):
    """`content` is {"rows": [{"key", "value", "when", "keep_blank"}, …]} or {"text": "…"}.

    Never changed: deliveries name the version that they were sent by.
    """

    recipient = models.ForeignKey(
        Recipient, on_delete=models.CASCADE, related_name="mapping_versions", db_index=False
    )
    number = models.PositiveIntegerField()
    content = models.JSONField()
    made_at = models.DateTimeField(auto_now_add=True)
    made_by = models.CharField(max_length=150, blank=True)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["recipient", "number"], name="a_mapping_version_once_a_recipient"
            )
        ]

    def __str__(self) -> str:
        return f"version {self.number}"
