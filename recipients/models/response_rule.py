"""One rule that turns a reply into an outcome."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models

from recipients import validation
from recipients.models.recipient import Recipient
from recipients.outcomes import Outcome


class ResponseRule(models.Model):
    """All of its conditions must hold; the first rule that matches decides."""

    recipient = models.ForeignKey(
        Recipient, on_delete=models.CASCADE, related_name="response_rules"
    )
    position = models.PositiveIntegerField(default=0)
    status = models.CharField(max_length=40, blank=True, help_text="200, 5xx or 200-299.")
    contains = models.CharField(max_length=300, blank=True, help_text="Text in the body.")
    matches = models.CharField(max_length=500, blank=True, help_text="A regular expression.")
    when = models.CharField(max_length=500, blank=True, help_text='E.g. result.code = "D1".')
    header = models.CharField(max_length=300, blank=True, help_text="E.g. X-Result = dup.")
    outcome = models.CharField(
        max_length=20,
        choices=[(word.value, word.value) for word in Outcome if word is not Outcome.SKIPPED],
    )
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        parts = [self.status, self.contains, self.matches, self.when, self.header]
        return f"{' + '.join(part for part in parts if part)} → {self.outcome}"

    def clean(self) -> None:
        if not any([self.status, self.contains, self.matches, self.when, self.header]):
            raise ValidationError("A rule needs a condition: status, contains, matches, when.")
        validation.response_rule(self)
