"""One lead to one recipient in one step."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from events.models.lead import Lead
from leadops.lib.fields import IdField
from recipients.outcomes import Category, Outcome


class Delivery(models.Model):
    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENDING = "sending", "Sending"
        ACCEPTED = "accepted", "Accepted"
        DECLINED = "declined", "Declined"
        FAILED = "failed", "Failed"
        SKIPPED = "skipped", "Skipped"
        REVIEW = "review", "Needs review"

    FINAL = frozenset({State.ACCEPTED, State.DECLINED, State.FAILED, State.SKIPPED})

    id = IdField("dlv")
    lead = models.ForeignKey(
        Lead,
        on_delete=models.PROTECT,
        related_name="deliveries",
        db_constraint=False,
        db_index=False,
    )
    recipient = models.ForeignKey(
        "recipients.Recipient",
        on_delete=models.PROTECT,
        related_name="deliveries",
        db_constraint=False,
        db_index=False,
    )
    flow = models.ForeignKey(
        "flows.Flow",
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    step = models.PositiveSmallIntegerField(help_text="Where the step stood at that time.")
    step_id = models.CharField(
        max_length=32, db_collation="C", editable=False, default="", db_default=""
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    outcome = models.CharField(
        max_length=20, blank=True, default="", choices=[(o.value, o.value) for o in Outcome]
    )
    category = models.CharField(
        max_length=20, blank=True, default="", choices=[(c.value, c.value) for c in Category]
    )
    reason = models.CharField(max_length=500, blank=True, default="")
    waits_for = models.CharField(
        max_length=200, blank=True, default="", help_text="Why it is not sent right now."
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    tries = models.PositiveSmallIntegerField(
        default=0, help_text="Attempts at the endpoint in use; the retry policy counts these."
    )
    endpoint = models.CharField(max_length=20, default="production")
    price = models.DecimalField(max_digits=12, decimal_places=4, null=True)
    revenue = models.DecimalField(max_digits=12, decimal_places=4, default=0)
    buyer_lead_id = models.CharField(max_length=200, blank=True, default="")
    late = models.BooleanField(default=False, help_text="Accepted after the lead was sold.")
    sold = models.BooleanField(
        default=False, db_default=False, help_text="Accepted in time once, however it ended since."
    )
    in_doubt = models.BooleanField(
        default=False, db_default=False, help_text="An attempt had no answer: it may have arrived."
    )
    mapping_version = models.PositiveIntegerField(default=0)
    routing = models.JSONField(
        null=True, editable=False, help_text="The figures it was chosen by, where its step learns."
    )
    pricing = models.JSONField(
        null=True, editable=False, help_text="How its price came about, where rules said it."
    )
    holds = models.JSONField(
        null=True, editable=False, help_text="Places it holds in caps and limits."
    )
    batch = models.CharField(
        max_length=32,
        db_collation="C",
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text="The batch it goes with, or went with last.",
    )
    created_at = models.DateTimeField(db_default=Now())
    first_attempt_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    returned_at = models.DateTimeField(null=True)
    # Set while `state` is review. The state itself is in no index: it changes with every attempt,
    # and PostgreSQL would then write each row's index entries anew.
    held_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["lead", "step_id", "recipient"], name="a_lead_once_a_recipient_and_step"
            )
        ]
        indexes = [
            models.Index(fields=["recipient", "-created_at"], name="delivery_recipient_created"),
            models.Index(fields=["-created_at"], name="delivery_created"),
            models.Index(
                fields=["recipient", "buyer_lead_id"],
                condition=~models.Q(buyer_lead_id=""),
                name="delivery_buyer_lead_id",
            ),
            models.Index(
                fields=["held_at", "id"],
                condition=models.Q(held_at__isnull=False),
                name="delivery_held",
            ),
            models.Index(fields=["batch"], condition=~models.Q(batch=""), name="delivery_batch"),
        ]

    def __str__(self) -> str:
        return str(self.id)
