"""What a recipient said of the leads of a large batch, until it is taken in."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class BatchAnswer(models.Model):
    """The answer to one delivery's attempt: written down before any of the batch is taken in, gone
    when it is. It counts while its batch is `answered` and the delivery is at this attempt."""

    delivery_id = models.CharField(max_length=32, primary_key=True, db_collation="C")
    lead_id = models.CharField(max_length=32, db_collation="C")
    attempt = models.PositiveSmallIntegerField()
    judges = models.BooleanField(help_text="Whether it speaks for the endpoint.")
    left_out = models.BooleanField(help_text="Nothing was sent: the file had no room.")
    result = models.JSONField()
    # Request, reply and when: what the lead's exchange keeps. Null once the lead was erased.
    made = models.JSONField(null=True)
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"answer to {self.delivery_id}"
