"""Who sends leads."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models

from flows import validation
from leadops.lib.fields import IdField, SecretField
from leadops.lib.keys import ApiKey


class Source(models.Model):
    """A lead seller, an affiliate or a form of one's own."""

    id = IdField("src")
    slug = models.SlugField(unique=True, help_text="Names it in bundles, URLs and the API.")
    name = models.CharField(max_length=200)
    active = models.BooleanField(default=True, help_text="Off: its leads are refused.")
    price = models.DecimalField(
        max_digits=12,
        decimal_places=4,
        default=0,
        validators=[MinValueValidator(0)],
        help_text="Paid to it for an accepted lead, unless the flow names another price.",
    )
    fields = models.JSONField(
        "own values",
        default=dict,
        blank=True,
        validators=[validation.plain_object],
        help_text="Available in mappings as {{source.name_of_value}}, e.g. campaign_id.",
    )
    feedback_url = models.URLField(
        "feedback URL", blank=True, help_text="Where buyers' feedback on its leads is passed on."
    )
    feedback_kinds = models.JSONField(
        default=list, blank=True, validators=[validation.feedback_kinds]
    )
    feedback_secret = SecretField(blank=True, help_text="Signs what is passed on.")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class SourceKey(ApiKey):
    """The key with which a source posts leads."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="keys")

    class Meta:
        ordering = ["created_at"]
