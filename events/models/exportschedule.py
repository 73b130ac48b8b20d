"""When exports are made by the clock, and where they go. Whether filters and columns are such as an
export takes is asked by who saves one: the form and the bundle."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from events.models.destination import Destination
from events.models.export import Format, What
from leadops.lib.fields import IdField
from recipients.validation import time_zone


class ExportSchedule(models.Model):
    """An export by the clock: of the day, week or month before, sent where files go."""

    class Every(models.TextChoices):
        DAY = "day", "Every day, of the day before"
        WEEK = "week", "Every week, of the week before"
        MONTH = "month", "Every month, of the month before"

    id = IdField("exs")
    slug = models.SlugField(unique=True)
    what = models.CharField(max_length=12, choices=What.choices, default=What.EVENTS)
    format = models.CharField(max_length=10, choices=Format.choices, default=Format.CSV)
    filters = models.JSONField(
        default=dict, blank=True, help_text="Those of the API's list, without start and end."
    )
    fields = models.JSONField(
        default=list, blank=True, help_text="Columns, in their order; empty: the usual ones."
    )
    with_lead = models.BooleanField("with the lead's values", default=True)
    masked = models.BooleanField(
        default=True,
        help_text="Otherwise personal values show as far as its owner may see them at that time.",
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        help_text="Whoever saved it last, if it is not masked.",
    )
    every = models.CharField(max_length=5, choices=Every.choices, default=Every.DAY)
    at = models.TimeField(help_text="For example 06:00. Weeks on Monday, months on their first.")
    timezone = models.CharField(max_length=60, default="UTC", validators=[time_zone])
    destination = models.ForeignKey(Destination, on_delete=models.PROTECT, related_name="schedules")
    tries = models.PositiveSmallIntegerField(
        default=5,
        validators=[MinValueValidator(1), MaxValueValidator(20)],
        help_text="How often it is sent at most, ever more slowly, until it has arrived.",
    )
    active = models.BooleanField(default=True)
    next_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug

    def save(self, *args: Any, **kwargs: Any) -> None:
        """When it is due next is worked out anew where anything was changed."""
        if kwargs.get("update_fields") is None:
            self.next_at = None
        super().save(*args, **kwargs)
