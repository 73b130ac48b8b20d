"""Hooks: what they look for, what they do, what they would have done, and what they did."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest
from django.utils import timezone

from events import following
from events.admin.subscriptions import PARTIES, WordsField, kept_text, lag_text, missed_text, names
from events.following import Position
from events.hooks import offered, telling, trying, working
from events.hooks.presets import PRESETS
from events.models import EventHook, HookFiring, HookFollower
from events.retention import readers
from leadops.lib.admin import ConsoleAdmin, RulesWidget, choices, column

SHOWN = 20  # firings
NOTHING = "nothing"  # waits
AT_EASE = timedelta(seconds=2 * working.IDLE_SECONDS)
WORDS = ("types", "flows", "recipients")
HELP = {
    "types": "For example: recipient.* flow.completed. None: all.",
    "flows": "Slugs of flows. None: all.",
    "recipients": "Slugs of recipients. None: all.",
}


class HookRules(RulesWidget):
    """Offers the fields of events; it is tried as a whole, below the form."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        more = json.dumps(offered.offered(), ensure_ascii=False)
        context["widget"].update(url="", more=more)
        return context


class HookForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean(self) -> dict[str, Any]:
        """What hooks never see would never hold: say so rather than stay silent for ever."""
        cleaned: dict[str, Any] = super().clean() or {}
        for name in ("when", "reset"):
            hidden = offered.hidden(cleaned.get(name) or {}, cleaned.get("flows") or [])
            if hidden:
                said = f"{', '.join(hidden)}: personal values do not reach hooks."
                self.add_error(name, ValidationError(said))
        return cleaned


@admin.register(EventHook)
class EventHookAdmin(ConsoleAdmin):
    form = HookForm
    list_display = ("name", "slug", "looks_at", "does", "state", "last", "times_fired")
    list_filter = ("active", choices("metric"))
    list_filter_submit = True
    search_fields = ("name", "slug")
    search_help_text = "Name or slug"
    autocomplete_fields = ("notify",)
    code_lines = ("url",)
    change_form_before_template = "admin/events/hook_presets.html"
    change_form_after_template = "admin/events/hook_tried.html"
    fieldsets: ClassVar = (
        (None, {"fields": (("name", "slug"), ("active", "state"), "metric")}),
        (
            "Events that it looks for",
            {
                "fields": (
                    "types",
                    ("flows", "recipients"),
                    "when",
                    "per",
                    ("times", "within"),
                    "reset",
                    ("cool_down", "tests"),
                )
            },
        ),
        (
            "Figures that it looks for",
            {"fields": (("direction", "days"), ("deviations", "factor"), "minimum")},
        ),
        (
            "What it does",
            {"fields": ("notify", ("tag", "pause"), "url", ("secret", "previous_secret"))},
        ),
    )
    readonly_fields = ("state",)

    def formfield_for_dbfield(
        self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name in WORDS and isinstance(db_field, models.JSONField):
            kind = PARTIES.get(db_field.name)
            return WordsField(
                required=False,
                validators=[*db_field.validators, *([names(*kind)] if kind else [])],
                label=str(db_field.verbose_name).capitalize(),
                help_text=HELP[db_field.name],
            )
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(getattr(field, "widget", None), RulesWidget):
            field.widget = HookRules()
        return field

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Bundles and receivers know it by its slug, which stays."""
        found = super().get_readonly_fields(request, obj)
        return found if obj is None else (*found, "slug")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Of a preset, where one is asked for."""
        slug = request.GET.get("preset", "")
        if slug not in PRESETS:
            return dict(super().get_changeform_initial_data(request))
        preset = PRESETS[slug]
        return {"slug": slug, "name": preset.title, **preset.initial}

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> Any:
        extra: dict[str, Any] = {**(extra_context or {})}
        hook = self.get_object(request, object_id) if object_id else None
        if hook is None:
            extra["presets"] = PRESETS
        elif request.method == "GET":
            extra |= _below(hook, trial="try" in request.GET)
        return super().changeform_view(request, object_id, form_url, extra)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        extra = {**(extra_context or {}), "subtitle": None}
        return super().changelist_view(request, extra)

    @column(description="Looks at")
    def looks_at(self, hook: EventHook) -> str:
        if hook.metric:
            return str(hook.get_metric_display())
        found = " ".join(hook.types) or "All events"
        return found if len(found) <= 60 else f"{found[:60]}…"

    @column(description="Does")
    def does(self, hook: EventHook) -> str:
        found = [
            f"tags {hook.tag}" if hook.tag else "",
            f"pauses the {hook.pause}" if hook.pause else "",
            "webhook" if hook.url else "",
            "notifies" if hook.notify.all() else "",
        ]
        return ", ".join(word for word in found if word) or "records it"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("notify")

    @column(description="State", label={"Active": "success", "Off": "", "Stopped": "danger"})
    def state(self, hook: EventHook) -> str:
        if hook.stopped_at and hook.active:
            return "Stopped"
        return "Active" if hook.active and hook.pk else "Off"

    @column(description="Fired last", ordering="fired_at")
    def last(self, hook: EventHook) -> str:
        return f"{hook.fired_at:%Y-%m-%d %H:%M:%S} UTC" if hook.fired_at else "–"

    @column(description="Times", ordering="fired")
    def times_fired(self, hook: EventHook) -> str:
        return f"{hook.fired:,}"


def _below(hook: EventHook, *, trial: bool) -> dict[str, Any]:
    """What stands below the form: what it would have done and did, and what is in its way."""
    rows = HookFiring.objects.filter(hook=hook).order_by("-at", "-id")
    return {
        "hook": hook,
        "trial": trying.tried(hook, timezone.now()) if trial else None,
        "firings": list(rows[:SHOWN]),
        "untold": telling.waiting(hook),
        **(_following() if hook.active and not hook.metric else {}),
        "trouble": HookFollower.objects.exclude(trouble="").values_list("trouble", flat=True),
    }


def _following() -> dict[str, str]:
    """How far the record has been looked at, for all hooks."""
    follower = HookFollower.objects.exclude(tx=None).first()
    if follower is None:
        return {"behind": "Begins with what comes next"}
    behind = _behind(follower)
    waits = behind != NOTHING
    return {
        "behind": behind,
        "kept": kept_text(readers.of_hooks()) if waits else "",
        "missed": missed_text(follower) if follower.missed else "",
    }


def _behind(follower: HookFollower) -> str:
    lag = following.lag(Position(follower.tx or 0, follower.after))
    # What no hook looks for is passed by only now and then.
    at_ease = lag.since is not None and timezone.now() - lag.since < AT_EASE
    return NOTHING if at_ease or not lag.events else lag_text(lag)
