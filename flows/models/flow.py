"""What happens to leads of one kind: their fields, who may send them, what they cost."""

from __future__ import annotations

from django.db import models

from flows import validation
from flows.models.source import Source
from leadops.lib.fields import DurationField, IdField


class Flow(models.Model):
    id = IdField("flow")
    slug = models.SlugField(unique=True, help_text="Names it in bundles, URLs and the API.")
    name = models.CharField(max_length=200)
    currency = models.CharField(
        max_length=3, default="USD", validators=[validation.currency], help_text="E.g. USD."
    )
    active = models.BooleanField(default=True, help_text="Off: new leads are refused.")
    duplicate_match = models.JSONField(
        "duplicates match on",
        default=list,
        blank=True,
        help_text='Sets of fields, any of which makes a duplicate, e.g. [["email"], ["phone_1"]].',
    )
    duplicate_within = DurationField(
        "duplicates within", null=True, blank=True, help_text="E.g. 30d."
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        validation.duplicates(self.duplicate_match, self.duplicate_within)


class FlowField(models.Model):
    """A field of the flow's leads."""

    class Privacy(models.TextChoices):
        PLAIN = "plain"
        PERSONAL = "personal"
        SENSITIVE = "sensitive"

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="fields")
    position = models.PositiveIntegerField(default=0)
    name = models.CharField(max_length=60, validators=[validation.field_name])
    type = models.CharField(max_length=30, default="string", validators=[validation.field_type])
    required = models.BooleanField(default=False)
    privacy = models.CharField(max_length=10, choices=Privacy.choices, default=Privacy.PLAIN)

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["flow", "name"], name="one_field_a_name")]

    def __str__(self) -> str:
        return self.name


class FlowSource(models.Model):
    """A source that may send to the flow, and on which terms."""

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="sources")
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="flows")
    position = models.PositiveIntegerField(default=0)
    price = models.DecimalField(
        max_digits=12,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="Blank: the source's own price.",
    )
    accept = models.JSONField(
        "accepts",
        default=dict,
        blank=True,
        validators=[validation.rules],
        help_text="Leads that do not pass are rejected at the door.",
    )
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["flow", "source"], name="a_source_once_a_flow")
        ]

    def __str__(self) -> str:
        return str(self.source)
