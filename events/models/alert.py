"""What somebody should be told, and how."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now

from leadops.lib.fields import DurationField, IdField


def validate_channel(url: str) -> None:
    """Something that we can reach people by; raises ValidationError."""
    parts = urlsplit(url)
    address = parts.netloc or parts.path
    if parts.scheme == "mailto" and re.fullmatch(r"[^@\s,;]+@[^@\s,;]+", address):
        return
    if parts.scheme in ("http", "https") and parts.hostname:
        return
    raise ValidationError("Write mailto://name@example.com or https://….")


class Channel(models.Model):
    """A way to reach people."""

    slug = models.SlugField(unique=True)
    url = models.CharField(
        "URL",
        max_length=500,
        validators=[validate_channel],
        help_text="mailto://ops@example.com goes through the site's mail server (EMAIL_URL); "
        "https://… gets a POST with JSON.",
    )

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug


class AlertThreshold(models.Model):
    """A figure and the bound that it must keep."""

    class Metric(models.TextChoices):
        DELIVERY_RATE = "delivery_rate", "Delivery rate"
        ERROR_RATE = "error_rate", "Error rate"
        RESPONSE_MS = "response_ms", "Response time, p95 in ms"
        REVENUE = "revenue", "Revenue"

    class Scope(models.TextChoices):
        ALL = "all", "All together"
        EACH_RECIPIENT = "each_recipient", "Each recipient"

    RATES = (Metric.DELIVERY_RATE, Metric.ERROR_RATE)

    name = models.CharField(max_length=100, unique=True)
    metric = models.CharField(max_length=20, choices=Metric.choices)
    below = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    above = models.DecimalField(
        max_digits=14,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="Rates are written as shares: 0.9 is 90 %.",
    )
    over = DurationField(default=900.0, help_text="How far back it looks, e.g. 15m.")
    minimum = models.PositiveIntegerField(
        default=20, help_text="Says nothing on fewer attempts than this."
    )
    scope = models.CharField(max_length=20, choices=Scope.choices, default=Scope.EACH_RECIPIENT)
    notify = models.ManyToManyField(Channel, blank=True, related_name="thresholds")
    escalate_after = DurationField(
        null=True, blank=True, help_text="Says it again when it is still open after this long."
    )
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if (self.below is None) == (self.above is None):
            raise ValidationError("Set one bound: below or above.")
        name = "below" if self.below is not None else "above"
        if self.metric in self.RATES and not 0 <= getattr(self, name) <= 1:
            raise ValidationError({name: "A rate is a share between 0 and 1: 0.9 is 90 %."})


class Alert(models.Model):
    """A threshold that was crossed, or a thing that needs somebody; open until resolved."""

    class Told(models.TextChoices):
        NOTHING = "", "Nothing"
        RAISED = "raised"
        ESCALATED = "escalated"
        RESOLVED = "resolved"

    id = IdField("alrt")
    threshold = models.ForeignKey(
        AlertThreshold, on_delete=models.CASCADE, null=True, related_name="alerts"
    )
    subject = models.CharField(max_length=100, help_text="What it is about, e.g. a recipient.")
    text = models.CharField(max_length=500)
    raised_at = models.DateTimeField(db_default=Now())
    escalated_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    told = models.CharField(
        max_length=10,
        blank=True,
        db_default="",
        choices=Told.choices,
        help_text="The last that its channels were told.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["threshold", "subject"],
                condition=models.Q(resolved_at__isnull=True),
                nulls_distinct=False,
                name="one_open_alert_a_subject",
            )
        ]

    def __str__(self) -> str:
        return self.text
