"""The record's settings: one page, straight on the one row."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from events.admin.recordtrim import TrimMixin
from events.models import RecordSettings
from leadops.lib.admin import change_url


@admin.register(RecordSettings)
class RecordSettingsAdmin(TrimMixin):
    """What is kept of the record, and for how long."""

    fieldsets = (
        (
            "How long it is kept",
            {"fields": (("exchanges_kept", "snapshots_kept"), "events_kept")},
        ),
        (
            "Sealing",
            {"fields": (("seal_after", "heads_every"), "heads_to")},
        ),
    )

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
