"""Alerts: what is open, when to raise one, whom to tell."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import connection, transaction
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest

from events import alerting
from events.journal import Journal
from events.models import Alert, AlertThreshold, Channel
from leadops.lib import durations, locators
from leadops.lib.admin import ConsoleAdmin, choices, column, mono


class StateFilter(admin.SimpleListFilter):
    """Open ones, unless others are asked for."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("resolved", "Resolved"), ("all", "All")]

    def choices(self, changelist: Any) -> Any:
        yield {
            "selected": self.value() is None,
            "query_string": changelist.get_query_string(remove=[self.parameter_name]),
            "display": "Open",
        }
        for word, title in self.lookup_choices:
            yield {
                "selected": self.value() == word,
                "query_string": changelist.get_query_string({self.parameter_name: word}),
                "display": title,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "all":
            return queryset
        return queryset.filter(resolved_at__isnull=self.value() != "resolved")


@admin.register(Alert)
class AlertAdmin(ConsoleAdmin):
    """Raised by figures and workers; staff may close one by hand."""

    list_display = ("text", "state", "shown_threshold", "subject_code", "raised", "resolved")
    list_filter = (StateFilter,)
    list_select_related = ("threshold",)
    search_fields = ("text", "=subject")
    search_help_text = "Words, or the id of what it is about"
    ordering = ("-raised_at",)
    actions = ("resolve_selected",)
    fields = ("text", "subject", "threshold", "raised_at", "resolved_at")

    def get_actions(self, request: HttpRequest) -> Any:
        return super(ConsoleAdmin, self).get_actions(request)

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.operates)  # type: ignore[union-attr]

    @column(description="State", label={"Open": "danger", "Resolved": "success"})
    def state(self, alert: Alert) -> str:
        return "Resolved" if alert.resolved_at else "Open"

    @column(description="Threshold")
    def shown_threshold(self, alert: Alert) -> str:
        return alert.threshold.name if alert.threshold else "–"

    @column(description="Raised", ordering="raised_at")
    def raised(self, alert: Alert) -> str:
        return f"{alert.raised_at:%Y-%m-%d %H:%M}"

    @column(description="Resolved", ordering="resolved_at")
    def resolved(self, alert: Alert) -> str:
        return f"{alert.resolved_at:%Y-%m-%d %H:%M}" if alert.resolved_at else "–"

    @column(description="About")
    def subject_code(self, alert: Alert) -> str:
        return mono(alert.subject)

    @admin.action(description="Close selected alerts", permissions=["resolve"])
    def resolve_selected(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        done = 0
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            journal = Journal(cursor.fetchone()[0])
            for alert in queryset.filter(resolved_at__isnull=True):
                done += alerting.resolve_alerts(
                    cursor, journal, subject=alert.subject, threshold_id=alert.threshold_id
                )
            journal.write(cursor)
        messages.success(request, f"Closed {done} alert{'' if done == 1 else 's'}.")


@admin.register(AlertThreshold)
class AlertThresholdAdmin(ConsoleAdmin):
    list_display = ("name", "metric", "bound", "window", "scope", "open_count", "state")
    list_filter = (choices("metric"), "active")
    list_filter_submit = True
    search_fields = ("name",)
    search_help_text = "Name"
    autocomplete_fields = ("notify",)
    fieldsets = (
        (None, {"fields": (("name", "active"), ("metric", "scope"), ("below", "above"))}),
        ("When", {"fields": (("over", "minimum"),)}),
        ("Whom to tell", {"fields": (("notify", "escalate_after"),)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[AlertThreshold]:
        query: QuerySet[AlertThreshold] = super().get_queryset(request)
        return query.annotate(
            opened=Count("alerts", filter=Q(alerts__resolved_at__isnull=True), distinct=True)
        )

    @column(description="Bound")
    def bound(self, threshold: AlertThreshold) -> str:
        if threshold.below is not None:
            return f"below {threshold.below.normalize():f}"
        return f"above {threshold.above.normalize():f}" if threshold.above is not None else "–"

    @column(description="Over", ordering="over")
    def window(self, threshold: AlertThreshold) -> str:
        return durations.text(threshold.over)

    @column(description="Open alerts", ordering="opened")
    def open_count(self, threshold: Any) -> int:
        return int(threshold.opened)

    @column(description="State", label={"Active": "success", "Off": ""})
    def state(self, threshold: AlertThreshold) -> str:
        return "Active" if threshold.active else "Off"


@admin.register(Channel)
class ChannelAdmin(ConsoleAdmin):
    list_display = ("slug", "leads_to", "used_by")
    search_fields = ("slug", "url")
    search_help_text = "Slug or address"
    code_lines = ("url",)
    fields = ("slug", "url")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Channel]:
        query: QuerySet[Channel] = super().get_queryset(request)
        return query.annotate(uses=Count("thresholds"))

    @column(description="Leads to")
    def leads_to(self, channel: Channel) -> str:
        return mono(locators.place(channel.url))

    def read_url(self, channel: Channel) -> str:
        return locators.place(channel.url)

    read_url.short_description = "URL"  # type: ignore[attr-defined]

    @column(description="Thresholds", ordering="uses")
    def used_by(self, channel: Any) -> int:
        return int(channel.uses)
