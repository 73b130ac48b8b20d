"""The record of operations: who changed, paused, resumed what; alerts raised and resolved."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import DropdownFilter

from events.models import Event
from events.vocabulary import EventType
from leadops.lib import documents, history
from leadops.lib.admin import ConsoleAdmin, column, mono

OPERATIONS = (
    EventType.CONFIG_CHANGED,
    EventType.RECIPIENT_PAUSED,
    EventType.RECIPIENT_RESUMED,
    EventType.ALERT_RAISED,
    EventType.ALERT_RESOLVED,
)


class TypeFilter(DropdownFilter):  # type: ignore[misc]
    title = "type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind.value, kind.value) for kind in OPERATIONS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        return queryset.filter(type=self.value()) if self.value() else queryset


@admin.register(Event)
class OperationsAdmin(ConsoleAdmin):
    """Events about no lead; those about leads stand on the leads' pages."""

    list_display = ("at", "kind", "about", "by", "entity_code")
    list_filter = (TypeFilter,)
    list_filter_submit = True
    search_fields = ("reason", "=entity_id")
    search_help_text = "Words, or the id of an object"
    ordering = ("-timestamp", "-id")
    fieldsets = ((None, {"fields": (("at", "kind"), "about", ("by", "entity_code"), "parts")}),)
    readonly_fields = ("at", "kind", "about", "by", "entity_code", "parts")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        query: QuerySet[Event] = super().get_queryset(request)
        return query.filter(type__in=[kind.value for kind in OPERATIONS])

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fieldsets

    @column(description="At", ordering="timestamp")
    def at(self, event: Event) -> str:
        return f"{event.timestamp:%Y-%m-%d %H:%M:%S}"

    @column(
        description="Type",
        label={
            "config.changed": "info",
            "recipient.paused": "warning",
            "recipient.resumed": "success",
            "alert.raised": "danger",
            "alert.resolved": "success",
        },
    )
    def kind(self, event: Event) -> str:
        return event.type

    @column(description="What")
    def about(self, event: Event) -> str:
        return event.reason or EventType(event.type).text  # type: ignore[call-arg]  # by its word

    @column(description="By", empty_value="LeadOps")
    def by(self, event: Event) -> str:
        return str(event.data.get("by") or "LeadOps")

    @column(description="Object")
    def entity_code(self, event: Event) -> str:
        return mono(event.entity_id)

    @column(description="Details")
    def parts(self, event: Event) -> SafeString:
        if event.type == EventType.CONFIG_CHANGED:
            change = history.change_of(event.data, event.timestamp, event.reason)
            return render_to_string("admin/change_parts.html", {"change": change})
        return format_html('<pre class="leadops-read">{}</pre>', documents.write(event.data))
