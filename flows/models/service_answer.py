"""What services answered, kept for whoever asks the same."""

from __future__ import annotations

from django.db import models


class ServiceAnswer(models.Model):
    """An answer, under a keyed digest of what was asked. `body` is encrypted JSON of what was
    appended; `lead_id` the lead that was asked about, by whose erasure it goes."""

    digest = models.BinaryField(max_length=16, unique=True)
    step_id = models.CharField(max_length=32, db_collation="C")
    lead_id = models.CharField(max_length=32, db_collation="C")
    body = models.TextField()
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["expires_at"], name="serviceanswer_expires"),
            models.Index(fields=["lead_id"], name="serviceanswer_lead"),
        ]

    def __str__(self) -> str:
        return f"answer to {self.step_id}"
