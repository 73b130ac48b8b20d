"""Flows: fields, sources, and the overview of the steps."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from flows import fields
from flows.admin.caps import CapsMixin
from flows.admin.flowmoves import FlowMovesMixin
from flows.admin.flowtrial import FlowTrialMixin
from flows.admin.flowversions import FlowVersionsMixin
from flows.admin.imports import ImportMixin, imports_url
from flows.admin.picture import PictureMixin
from flows.admin.rules import rules_view
from flows.admin.simulate import SimulateMixin
from flows.admin.submission import SubmissionMixin
from flows.models import Flow, FlowField, FlowSource, Step
from flows.patterns import registry
from flows.services import SERVICES
from flows.steps import appending
from leadops.lib import locators
from leadops.lib.admin import Cards, ConsoleAdmin, Ordered, Rows, change_url, column
from recipients.admin.terms import AT_THE_DOOR, DOOR_CAPS, SOURCE_PRICES

SUMMARY = 140  # characters
KIND_LABELS = {"Filter": "info", "Enhance": "warning", "Deliver": "success"}


def field_types() -> list[tuple[str, str]]:
    return [(name, name.replace("_", " ")) for name in sorted(fields.field_types())]


class FieldForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new field is as private as its type says, unless somebody chooses otherwise."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        privacy = self.fields.get("privacy")
        if isinstance(privacy, forms.ChoiceField) and self.instance._state.adding:
            privacy.required, privacy.initial = False, ""
            privacy.choices = [("", "By type"), *FlowField.Privacy.choices]

    def clean_privacy(self) -> str:
        chosen: str = self.cleaned_data["privacy"]
        return chosen or fields.privacy_of(self.cleaned_data.get("type", ""))


class FieldRows(Ordered, Rows):
    model = FlowField
    form = FieldForm
    chosen = {"type": field_types}
    template_before = "admin/flows/fields_note.html"
    verbose_name = "field"
    verbose_name_plural = "fields"
    fields = ("name", "type", "required", "privacy", "position")
    code_lines = ("name",)


class SourceCards(Ordered, Cards):
    model = FlowSource
    verbose_name = "source"
    verbose_name_plural = "sources"
    code_boxes = {
        "accept": 5,
        "aliases": 3,
        "require": 2,
        "allowed_ips": 2,
        "pricing": 5,
        "duplicate_match": 2,
    }
    judged = {"accept": AT_THE_DOOR}
    terms = {"caps": DOOR_CAPS, "prices": SOURCE_PRICES}
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("source", "active"),
                    ("shown_submission", "shown_import"),
                    "accept",
                    ("aliases", "require"),
                    "price",
                    "prices",
                    "pricing",
                    "caps",
                    "allowed_ips",
                    ("duplicate_match", "duplicate_within"),
                    "position",
                )
            },
        ),
    )
    readonly_fields = ("shown_submission", "shown_import")

    @column(description="Submission specification")
    def shown_submission(self, row: FlowSource) -> SafeString | str:
        if row._state.adding:
            return "Save it first"
        url = reverse("admin:flows_flow_submission", args=[quote(row.flow_id), row.pk])
        return format_html('<a class="leadops-link" href="{}">Open, share, try it</a>', url)

    @column(description="Leads from a file")
    def shown_import(self, row: FlowSource) -> SafeString | str:
        if row._state.adding:
            return "Save it first"
        url = imports_url(flow=row.flow.slug, source=row.source.slug)
        return format_html('<a class="leadops-link" href="{}">Import, watch</a>', url)


class StepRows(Ordered, Rows):
    """The steps in order; each is edited on a page of its own."""

    model = Step
    verbose_name = "step"
    verbose_name_plural = "steps"
    fields = ("shown_step", "kind_label", "summary", "position")
    readonly_fields = ("shown_step", "kind_label", "summary")
    template_before = "admin/flows/steps_note.html"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Step]:
        query: QuerySet[Step] = super().get_queryset(request)
        return query.select_related("remediation", "enhancement").prefetch_related(
            "recipients__recipient"
        )

    @column(description="Step")
    def shown_step(self, step: Step) -> SafeString:
        url = change_url(Step, step.pk)
        return format_html('<a class="leadops-link" href="{}">{}</a>', url, step.name)

    @column(description="Kind", label=KIND_LABELS)
    def kind_label(self, step: Step) -> str:
        return step.get_kind_display()

    @column(description="Does")
    def summary(self, step: Step) -> str:
        text = SUMMARIES[Step.Kind(step.kind)](step)
        return text if len(text) <= SUMMARY else text[: SUMMARY - 1] + "…"


def _filters(step: Step) -> str:
    outcome = "stop" if step.on_fail == Step.OnFail.STOP else "note it and go on"
    return f"{_rule(step.rules)} – else {outcome}"


def _rule(rule: Any) -> str:
    """A rule in words: `state in TX, CA and score gt 80`."""
    if not isinstance(rule, dict) or not rule:
        return "always"
    for word, joint in (("all", " and "), ("any", " or ")):
        if word in rule:
            return joint.join(_rule(part) for part in rule[word])
    if "not" in rule:
        return f"not ({_rule(rule['not'])})"
    value = rule.get("value", "")
    if isinstance(value, list):
        value = ", ".join(str(item) for item in value)
    return f"{rule.get('field', '')} {str(rule.get('op', '')).replace('_', ' ')} {value}".strip()


def _delivers(step: Step) -> str:
    names = ", ".join(row.recipient.name for row in step.recipients.all())
    pattern = registry.PATTERNS.get(step.pattern)
    text = f"{pattern.label if pattern else step.pattern}: {names or 'nobody yet'}"
    return f"{text}; then {step.remediation.name}" if step.remediation else text


def _enhances(step: Step) -> str:
    row = getattr(step, "enhancement", None)
    if row is None:
        return "asks nobody yet"
    service = SERVICES.get(row.service)
    asked = locators.without_secrets(row.url).partition("?")[0]
    asked = asked or (service.label if service else row.service)
    names = appending.names(row.append or (service.append if service else {}))
    return f"{asked}: appends {', '.join(names)}"


SUMMARIES = {
    Step.Kind.FILTER: _filters,
    Step.Kind.ENHANCE: _enhances,
    Step.Kind.DELIVER: _delivers,
}


@admin.register(Flow)
class FlowAdmin(
    PictureMixin,
    CapsMixin,
    FlowMovesMixin,
    FlowVersionsMixin,
    FlowTrialMixin,
    SimulateMixin,
    SubmissionMixin,
    ImportMixin,
    ConsoleAdmin,
):
    """What happens to leads of one kind."""

    list_display = ("shown_name", "sources_count", "steps_count", "currency", "state")
    list_filter = ("active",)
    search_fields = ("name", "slug")
    search_help_text = "Name or slug"
    ordering = ("name",)
    prepopulated_fields = {"slug": ("name",)}
    code_boxes = {"duplicate_match": 3}
    terms = {"caps": DOOR_CAPS}
    autocomplete_fields = ("suppress",)
    inlines = (StepRows, FieldRows, SourceCards)
    actions_detail = ("simulate", "try_change", "import_leads", "flow_versions")
    fieldsets = (
        (None, {"fields": (("name", "slug"), ("currency", "active"))}),
        ("Duplicates", {"fields": (("duplicate_match", "duplicate_within"),)}),
        ("Caps at the door", {"fields": ("used", "caps")}),
        (
            "Suppression and consent",
            {
                "fields": (
                    "suppress",
                    ("consent_field", "consent_required"),
                    ("consent_at", "consent_max_age"),
                    "consent_text",
                )
            },
        ),
        (
            "How long the record keeps its leads",
            {"fields": (("exchanges_kept", "snapshots_kept"), "events_kept")},
        ),
    )

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(rules_view)
        return [path("rules/", view, name="rules"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Flow]:
        query: QuerySet[Flow] = super().get_queryset(request)
        return query.annotate(
            source_count=Count("sources", distinct=True), step_count=Count("steps", distinct=True)
        )

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """Steps have pages of their own, so they come once the flow is there."""
        return self.inlines if obj else self.inlines[1:]

    @column(description="Name", ordering="name", header=True)
    def shown_name(self, flow: Flow) -> list[str]:
        return [flow.name, flow.slug]

    @column(description="Sources", ordering="source_count")
    def sources_count(self, flow: Any) -> int:
        return int(flow.source_count)

    @column(description="Steps", ordering="step_count")
    def steps_count(self, flow: Any) -> int:
        return int(flow.step_count)

    @column(description="State", label={"Active": "success", "Off": ""})
    def state(self, flow: Flow) -> str:
        return "Active" if flow.active else "Off"

    def in_use(self, obj: Flow) -> str:
        if obj.leads.exists():
            return f"{obj} has leads in the record; switch it off instead."
        return ""
