"""What happens after an outcome."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from leadops.lib.fields import DurationField
from recipients import policies
from recipients.models.recipient import Recipient
from recipients.outcomes import Outcome
from recipients.retry import MAX_RETRY_AFTER


class RetryRule(models.Model):
    """A recipient's own policy for one outcome; outcomes without one follow the defaults."""

    class Then(models.TextChoices):
        FAIL = "fail", "Give up; the step goes on"
        RETRY_SAME = "retry_same", "Only this buyer may have it; give up at the end"
        MOVE_ON = "move_on", "Give it to the next buyer (may sell an exclusive lead twice)"
        HOLD = "hold", "Hold for review"

    recipient = models.ForeignKey(Recipient, on_delete=models.CASCADE, related_name="retry_rules")
    outcome = models.CharField(
        max_length=20,
        choices=[
            (word.value, word.value)
            for word in Outcome
            if word not in (Outcome.ACCEPTED, Outcome.SKIPPED)
        ],
    )
    times = models.PositiveIntegerField(
        default=3, validators=[MaxValueValidator(20)], help_text="Retries after the first try."
    )
    backoff = DurationField(
        default=1.0, help_text="Before the first retry; grows each time, e.g. 1s, 2s, 4s."
    )
    factor = models.FloatField(
        default=2.0,
        validators=[MinValueValidator(1), MaxValueValidator(10)],
        help_text="Each wait is so many times the one before.",
    )
    max_wait = DurationField(
        "longest wait",
        default=MAX_RETRY_AFTER,
        validators=[policies.check_max_wait],
        help_text="No wait grows beyond it.",
    )
    jitter = models.FloatField(
        default=0.2,
        validators=[policies.check_share],
        help_text="Up to this share of each wait is left out at random.",
    )
    then = models.CharField(max_length=12, choices=Then.choices, default=Then.FAIL)

    class Meta:
        ordering = ["outcome"]
        constraints = [
            models.UniqueConstraint(fields=["recipient", "outcome"], name="one_policy_an_outcome")
        ]

    def __str__(self) -> str:
        return f"{self.outcome}: {self.times} times"
