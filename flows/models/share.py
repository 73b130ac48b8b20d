"""What recipients have had of a step's leads, and how they behave: what routing goes by.

Written by workers. Neither is configuration, and neither is the record: they can be lost.
"""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class StepShare(models.Model):
    """A recipient's account in a step, under the step's terms (see `flows.shares`)."""

    terms = models.CharField(max_length=60, db_collation="C")
    recipient_id = models.CharField(max_length=32, db_collation="C")
    flow_id = models.CharField(max_length=32, db_collation="C")
    step_id = models.CharField(max_length=32, db_collation="C")
    sent = models.BigIntegerField(default=0)
    ended = models.BigIntegerField(default=0)
    accepted = models.BigIntegerField(default=0)
    last_at = models.DateTimeField(null=True)
    since = models.DateTimeField(db_default=Now(), help_text="When the account began.")

    class Meta:
        db_table = "flows_share"
        constraints = [
            models.UniqueConstraint(fields=["terms", "recipient_id"], name="an_account_a_recipient")
        ]
        indexes = [models.Index(fields=["flow_id"], name="share_flow")]

    def __str__(self) -> str:
        return f"{self.recipient_id}: {self.sent} sent, {self.accepted} accepted"


class Measured(models.Model):
    """A recipient's figures in a flow over a window, as of the last minute."""

    flow_id = models.CharField(max_length=32, db_collation="C")
    over = models.FloatField(help_text="Seconds.")
    recipient_id = models.CharField(max_length=32, db_collation="C")
    deliveries = models.BigIntegerField()
    accepted = models.BigIntegerField()
    returned = models.BigIntegerField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "flows_measured"
        constraints = [
            models.UniqueConstraint(
                fields=["flow_id", "over", "recipient_id"], name="one_measure_a_window"
            )
        ]

    def __str__(self) -> str:
        return f"{self.recipient_id}: {self.accepted} of {self.deliveries}"
