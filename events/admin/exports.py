"""Exports by the clock: of what, when, and where they are sent."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from events.admin.unmasked import MaskedUnlessSeen
from events.exports import wanted
from events.models import Export, ExportSchedule
from leadops.lib.admin import choices, column


class ExportScheduleForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean(self) -> dict[str, Any]:
        """Filters and columns are such as an export takes."""
        cleaned: dict[str, Any] = super().clean() or {}
        if {"what", "filters", "fields"} <= cleaned.keys():
            asked = {name: cleaned[name] for name in ("what", "filters", "fields")}
            for name, problem in wanted.problems_of(ExportSchedule(**asked)).items():
                self.add_error(name, problem)
        return cleaned


@admin.register(ExportSchedule)
class ExportScheduleAdmin(MaskedUnlessSeen):
    form = ExportScheduleForm
    list_display = ("slug", "what", "format", "every", "destination", "next", "active")
    list_filter = (choices("every"), "active")
    list_filter_submit = True
    list_select_related = ("destination", "owner")
    search_fields = ("slug",)
    search_help_text = "Slug"
    fieldsets: ClassVar = (
        (
            None,
            {
                "fields": (
                    ("slug", "active"),
                    ("every", "at"),
                    "timezone",
                    ("destination", "tries"),
                )
            },
        ),
        (
            "The file",
            {"fields": (("what", "format"), "filters", "fields", "with_lead", ("masked", "owner"))},
        ),
        ("Condition", {"fields": (("next", "last"),)}),
    )
    readonly_fields = ("next", "last", "owner")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Who saves it lends it their rights: what it asks for now is no more than they may see."""
        if not obj.masked:
            obj.owner = request.user
        super().save_model(request, obj, form, change)

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
