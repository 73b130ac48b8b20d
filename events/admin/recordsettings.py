"""The record's settings: one page, straight on the one row."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from events.admin.recordtrim import TrimMixin
from events.models import RecordSettings
from events.models.recordsettings import ROLES
from leadops.lib.admin import change_url


class RolesField(forms.MultipleChoiceField):
    """A list of roles, each a box to tick."""

    def __init__(self, **kwargs: Any) -> None:
        choices = [(role, role.replace("_", " ").capitalize()) for role in ROLES]
        widget = UnfoldAdminCheckboxSelectMultipleWidget()
        super().__init__(choices=choices, widget=widget, required=False, **kwargs)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(initial or [], data or [])


@admin.register(RecordSettings)
class RecordSettingsAdmin(TrimMixin):
    """What is kept of the record, for how long, and who sees it."""

    fieldsets = (
        (
            "How long it is kept",
            {"fields": (("exchanges_kept", "snapshots_kept"), "events_kept")},
        ),
        (
            "Sealing",
            {"fields": (("seal_after", "heads_every"), "heads_to")},
        ),
        (
            "Who sees personal values",
            {
                "fields": (
                    ("personal_shown_to", "revealed_by"),
                    ("reveals_per_hour", "sensitive_revealed"),
                    "views_recorded",
                )
            },
        ),
    )

    def formfield_for_dbfield(
        self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Roles are ticked."""
        if db_field.name in ("personal_shown_to", "revealed_by"):
            return RolesField(
                label=str(db_field.verbose_name).capitalize(), help_text=db_field.help_text
            )
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """There is one row, so there is no list."""
        return HttpResponseRedirect(change_url(RecordSettings, 1))

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """The row; a database that was emptied gets it again, with the defaults."""
        if object_id == "1":
            RecordSettings.objects.get_or_create(id=1)
        return super().get_object(request, object_id, from_field)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
