"""Exports by the clock: of what, when, and where they are sent."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from events.admin.unmasked import MaskedUnlessSeen
from events.models import Export, ExportSchedule
from leadops.lib.admin import choices, column


@admin.register(ExportSchedule)
class ExportScheduleAdmin(MaskedUnlessSeen):
    list_display = ("slug", "what", "format", "every", "destination", "next", "active")
    list_filter = (choices("every"), "active")
    list_filter_submit = True
    list_select_related = ("destination",)
    search_fields = ("slug",)
    search_help_text = "Slug"
    fieldsets: ClassVar = (
        (
            None,
            {"fields": (("slug", "active"), ("every", "at", "timezone"), "destination", "tries")},
        ),
        (
            "The file",
            {"fields": (("what", "format"), "filters", "fields", ("with_lead", "masked"))},
        ),
        ("Condition", {"fields": (("next", "last"),)}),
    )
    readonly_fields = ("next", "last")

    @column(description="Next")
    def next(self, obj: ExportSchedule) -> str:
        if not obj.active:
            return "–"
        return f"{obj.next_at:%d %b %Y %H:%M} UTC" if obj.next_at else "within a minute"

    @column(description="Last file")
    def last(self, obj: ExportSchedule) -> str:
        """What became of its newest file."""
        newest = Export.objects.filter(schedule=obj.slug).order_by("-created_at").first()
        if newest is None:
            return "–"
        if newest.send_error:
            return f"not sent: {newest.send_error}"
        return "sent" if newest.sent_at else str(newest.get_state_display()).lower()
