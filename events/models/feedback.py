"""What a buyer says later."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from events.models.delivery import Delivery
from events.models.lead import Lead
from leadops.lib.fields import IdField


class Feedback(models.Model):
    class Kind(models.TextChoices):
        CONVERSION = "conversion"
        RETURN = "return"
        CONTACTED = "contacted"
        QUALITY = "quality"
        DISPOSITION = "disposition"
        OTHER = "other"

    class Outcome(models.TextChoices):
        PROCESSED = "processed"
        REJECTED = "rejected"

    id = IdField("fbk")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    recipient = models.ForeignKey(
        "recipients.Recipient", on_delete=models.PROTECT, related_name="feedback"
    )
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="feedback")
    delivery = models.ForeignKey(
        Delivery, on_delete=models.PROTECT, null=True, related_name="feedback"
    )
    key = models.CharField(max_length=200, help_text="The partner's own; the same twice is once.")
    value = models.CharField(max_length=500, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField(db_default=Now())
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.PROCESSED)
    rejection = models.CharField(
        max_length=300, blank=True, default="", help_text="Why it could not be applied."
    )
    days_to_convert = models.PositiveIntegerField(null=True)
    money = models.DecimalField(
        max_digits=12, decimal_places=4, default=0, help_text="What it changed in the revenue."
    )

    class Meta:
        verbose_name_plural = "feedback"
        constraints = [
            models.UniqueConstraint(fields=["recipient", "key"], name="one_feedback_a_key"),
            models.UniqueConstraint(
                fields=["delivery"],
                condition=models.Q(kind="return", outcome="processed"),
                name="a_sale_is_returned_once",
            ),
        ]
        indexes = [models.Index(fields=["recipient", "-received_at"], name="feedback_recipient")]

    def __str__(self) -> str:
        return f"{self.kind} on {self.lead_id}"
