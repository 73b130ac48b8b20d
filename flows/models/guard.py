"""What keeps a lead from being taken twice."""

from __future__ import annotations

from django.db import models


class DuplicateClaim(models.Model):
    """The newest lead that holds a set of values in a flow.

    Taken with one INSERT … ON CONFLICT, so that of two posts in flight one waits for the other.
    """

    flow_id = models.CharField(max_length=32, db_collation="C")
    digest = models.BinaryField(max_length=16, help_text="Keyed digest of the values.")
    lead_id = models.CharField(max_length=32, db_collation="C")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["flow_id", "digest"], name="one_claim_a_value")
        ]
        indexes = [models.Index(fields=["lead_id"], name="duplicateclaim_lead")]

    def __str__(self) -> str:
        return f"{self.flow_id} {self.lead_id}"


class RecipientClaim(models.Model):
    """The newest delivery that brings a recipient a set of values.

    It stands for as long as its delivery is under way, was accepted, or may have arrived: what
    becomes of the delivery, by whomever, is all there is to know, and nothing has to be released.
    """

    recipient_id = models.CharField(max_length=32, db_collation="C")
    digest = models.BinaryField(max_length=16, help_text="Keyed digest of the values.")
    lead_id = models.CharField(max_length=32, db_collation="C")
    delivery_id = models.CharField(max_length=32, db_collation="C")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["recipient_id", "digest"], name="one_claim_a_recipients_value"
            )
        ]
        indexes = [models.Index(fields=["lead_id"], name="recipientclaim_lead")]

    def __str__(self) -> str:
        return f"{self.recipient_id} {self.lead_id}"


class IntakeKey(models.Model):
    """A source's idempotency key in a flow and the answer it got."""

    source_id = models.CharField(max_length=32, db_collation="C")
    flow_id = models.CharField(max_length=32, db_collation="C")
    key = models.CharField(max_length=255)
    lead_id = models.CharField(max_length=32, db_collation="C")
    answer = models.JSONField()
    at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source_id", "flow_id", "key"], name="one_answer_a_key")
        ]

    def __str__(self) -> str:
        return self.key
