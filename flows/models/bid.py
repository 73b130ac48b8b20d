"""What recipients have offered for leads."""

from __future__ import annotations

from django.db import models


class Bid(models.Model):
    """A recipient's answer in an auction; `amount` null: none that can be taken. Run-time state
    for as long as the lead is under way; the record has it for good."""

    lead_id = models.CharField(max_length=32, db_collation="C")
    step_id = models.CharField(max_length=32, db_collation="C")
    recipient_id = models.CharField(max_length=32, db_collation="C")
    amount = models.DecimalField(max_digits=12, decimal_places=4, null=True)
    bid_id = models.CharField(max_length=200)
    reason = models.CharField(max_length=500)
    told = models.CharField(
        max_length=20,
        db_default="",
        help_text="Blank: it was not told that it lost. sent: it is being told; else the outcome.",
    )
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["lead_id", "step_id", "recipient_id"], name="one_bid_a_recipient_and_step"
            )
        ]
        indexes = [models.Index(fields=["at"], name="bid_at")]

    def __str__(self) -> str:
        return f"{self.recipient_id}: {self.amount}"
