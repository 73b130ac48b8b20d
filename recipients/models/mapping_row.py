"""One line of what is sent."""

from __future__ import annotations

from django.db import models

from recipients import validation
from recipients.models.recipient import Recipient


class MappingRow(models.Model):
    """A key of the recipient's document and the template that fills it."""

    recipient = models.ForeignKey(Recipient, on_delete=models.CASCADE, related_name="mapping_rows")
    position = models.PositiveIntegerField(default=0)
    key = models.CharField(
        max_length=300,
        validators=[validation.mapping_key],
        help_text="Their field; dots nest: applicant.name.first.",
    )
    value = models.TextField(
        blank=True, validators=[validation.template], help_text="E.g. {{lead.first_name}}."
    )
    when = models.CharField(
        max_length=4000,  # a rule takes more room than an expression
        blank=True,
        validators=[validation.expression],
        help_text="Send it only when this holds, e.g. lead.score > 80.",
    )
    keep_blank = models.BooleanField(default=False, help_text="Send it even when it is blank.")

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.key
