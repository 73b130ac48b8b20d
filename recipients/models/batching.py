"""How a recipient's leads are gathered and sent together."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from leadops.lib.fields import DurationField
from recipients import batchchecks, validation
from recipients.models.recipient import Recipient
from recipients.responses import BulkSpec


class Batching(models.Model):
    """Leads wait until there are `count`, or until the first is `age` old, and go as one file."""

    class Format(models.TextChoices):
        JSON = "json", "JSON list"
        CSV = "csv", "CSV"
        XLSX = "xlsx", "Excel (.xlsx)"

    class Formulas(models.TextChoices):
        GUARD = "guard", "Made harmless with an apostrophe"
        KEEP = "keep", "Sent as they are"

    recipient = models.OneToOneField(Recipient, on_delete=models.CASCADE, related_name="batching")
    count = models.PositiveIntegerField(
        "leads",
        default=100,
        validators=[MinValueValidator(1), MaxValueValidator(10_000)],
        help_text="A batch goes when it holds so many, 10,000 at most.",
    )
    age = DurationField(
        "or after",
        default=300.0,
        validators=[batchchecks.age],
        help_text="It goes when its first lead has waited so long, e.g. 5m; 7d at most.",
    )
    format = models.CharField(max_length=4, choices=Format.choices, default=Format.JSON)
    name = models.CharField(
        "file name",
        max_length=200,
        blank=True,
        validators=[validation.template],
        help_text="E.g. leads-{{batch.id}}. Blank: the batch's id. The id is added where it is "
        "missing, and the ending.",
    )
    wrapper = models.CharField(
        max_length=100,
        blank=True,
        help_text="JSON: the key that the list stands under, e.g. leads. Blank: a bare list.",
    )
    formulas = models.CharField(
        max_length=5,
        choices=Formulas.choices,
        default=Formulas.GUARD,
        help_text="CSV: values that a spreadsheet would run, such as =HYPERLINK(…). Numbers and "
        "phone numbers are never touched.",
    )
    items = models.CharField(
        "answers",
        max_length=300,
        blank=True,
        help_text="Where the reply lists its answers: a path such as results, an XPath, lines or "
        "csv. Each is read by the recipient's own rules. Blank: one answer counts for all leads.",
    )
    key_path = models.CharField(
        "lead's key",
        max_length=300,
        blank=True,
        help_text="Where an answer names its lead. Without this and a number, the first answer "
        "is the first lead's.",
    )
    number_path = models.CharField(
        "lead's number",
        max_length=300,
        blank=True,
        help_text="Where an answer gives its lead's place in the file.",
    )
    first = models.PositiveSmallIntegerField("counted from", default=1)
    matches = models.CharField(
        "the key that was sent",
        max_length=300,
        blank=True,
        validators=[validation.template],
        help_text="What the mapping sent as the lead's key, e.g. {{lead.id}}. Blank: the "
        "delivery's id, {{delivery.id}}.",
    )

    def __str__(self) -> str:
        return f"Batches of {self.recipient}"

    def clean(self) -> None:
        batchchecks.batching(self)

    def bulk_spec(self) -> BulkSpec | None:
        """How the reply reads lead by lead; None where one answer counts for all."""
        if not self.items:
            return None
        return BulkSpec(
            items=self.items, key=self.key_path, number=self.number_path, first=self.first
        )
