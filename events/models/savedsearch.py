"""A search of events that somebody keeps."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from leadops.lib.fields import IdField


class SavedSearch(models.Model):
    """Filters and columns under a name; a person's own, or shared with all of the staff.

    Whoever opens it sees of its events what their role shows them.
    """

    id = IdField("find")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="searches"
    )
    name = models.CharField(max_length=60)
    query = models.TextField(help_text="As in the address of the page of events.")
    shared = models.BooleanField(default=False, help_text="All of the staff may open it.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name", "id"]
        verbose_name_plural = "saved searches"
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="one_search_a_name"),
        ]

    def __str__(self) -> str:
        return self.name
