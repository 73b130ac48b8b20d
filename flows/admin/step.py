"""A step's own page: a filter's rules, or who gets the lead and in which pattern."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from flows import validation
from flows.admin.caps import CapsMixin
from flows.admin.enhancement import AskMixin, EnhancementCard
from flows.models import Flow, Step, StepRecipient
from flows.patterns import registry
from leadops.lib.admin import Cards, ConsoleAdmin, Ordered, change_url, column
from leadops.lib.admin.rows import OrderedFormSet
from recipients.admin.terms import CAPS, PRICES

OWN_FIELDS = {
    Step.Kind.FILTER: ("name", "rules", ("reason", "on_fail")),
    Step.Kind.ENHANCE: ("name",),
    Step.Kind.DELIVER: (
        "name",
        ("pattern", "order"),
        ("remediation", "while_open"),
        ("when_declined",),
        ("auction_deadline", "offer_valid"),
        "tell_losers",
        ("learn_over", "learn_minimum"),
        "used",
        "caps",
    ),
}

HELP = {
    "pattern": "Single: the first in line. Multi: all, each on its own. Waterfall: one after the "
    "other until one accepts. Exclusive window: a waterfall whose tiers open with the lead's age. "
    "Simultaneous: all at once, the first to accept has it. Ping/post: the best bid.",
    "order": "Who stands first in line. Round robin: fewest leads so far. Weighted, percentage: "
    "furthest behind its weight in leads given, in leads accepted. Best price: the highest. "
    "Longest idle: the longest without a lead.",
}


NOUNS = {
    Step.Kind.FILTER: "filter",
    Step.Kind.ENHANCE: "enhancement",
    Step.Kind.DELIVER: "delivery",
}


def patterns() -> list[tuple[str, str]]:
    return [(pattern.name, pattern.label) for pattern in registry.PATTERNS.values()]


def orders() -> list[tuple[str, str]]:
    return [(name, name.replace("_", " ").capitalize()) for name in registry.ORDERS]


class StepForm(forms.ModelForm):  # type: ignore[type-arg]
    """Flow and kind of a new step come with the page."""

    flow_id = ""
    kind = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, text in HELP.items():
            if name in self.fields:
                self.fields[name].help_text = text
        if self.instance._state.adding:
            self.instance.flow_id, self.instance.kind = self.flow_id, self.kind

    def clean_name(self) -> str:
        """Django checks the constraint only where the flow stands in the form."""
        name: str = self.cleaned_data["name"]
        others = Step.objects.filter(flow_id=self.instance.flow_id, name=name)
        if others.exclude(pk=self.instance.pk).exists():
            raise ValidationError("This flow has a step of this name already.")
        return name


class RecipientFormSet(OrderedFormSet):
    def clean(self) -> None:
        super().clean()
        kept = [form for form in self.forms if form.has_changed() or form.instance.pk]
        kept = [form for form in kept if form not in self.deleted_forms]
        validation.candidates(len(kept))
        for form in kept:
            if form.cleaned_data.get("opens_after") is not None:
                self._check_tier(form)

    def _check_tier(self, form: Any) -> None:
        try:
            validation.opening(self.instance.pattern)
        except ValidationError as error:
            form.add_error("opens_after", error)


class RecipientCards(Ordered, Cards):
    model = StepRecipient
    formset = RecipientFormSet
    tab = False
    hide_title = True
    verbose_name = "recipient"
    verbose_name_plural = "recipients, in order"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("recipient", "price"),
                    "prices",
                    "caps",
                    ("weight", "priority"),
                    "opens_after",
                    "position",
                )
            },
        ),
    )
    autocomplete_fields = ("recipient",)
    terms = {"prices": PRICES, "caps": CAPS}


@admin.register(Step)
class StepAdmin(AskMixin, CapsMixin, ConsoleAdmin):
    """Reached from its flow; changes of it stand in the flow's history."""

    form = StepForm
    inlines = (RecipientCards,)
    readonly_fields = ("shown_flow", "kind")
    # Nothing but an auction asks for bids. Who may only read has no box for the pattern.
    conditional_fields = dict.fromkeys(
        ("auction_deadline", "offer_valid", "tell_losers"),
        "typeof pattern === 'undefined' || pattern == 'ping_post'",
    )
    code_boxes = {"rules": 10}
    terms = {"caps": CAPS}
    chosen = {"pattern": patterns, "order": orders}
    autocomplete_fields = ("remediation",)
    list_display = ("name", "flow", "kind", "position")
    list_select_related = ("flow",)
    search_fields = ("name", "flow__name")

    def top_of(self, obj: Step) -> Flow:
        return obj.flow

    def kind_of(self, request: HttpRequest, obj: Step | None) -> str:
        """The kind of the step, or of the one that is to be added (`?kind=filter`)."""
        kind = obj.kind if obj else request.GET.get("kind", "")
        return kind if kind in Step.Kind.values else Step.Kind.DELIVER

    def get_fieldsets(self, request: HttpRequest, obj: Step | None = None) -> Any:
        fields: Any = OWN_FIELDS[Step.Kind(self.kind_of(request, obj))]
        if obj is not None:
            fields = (("shown_flow", "kind"), *fields)
        if not self.has_change_permission(request, obj):
            fields = self.readable(fields)
        return [(None, {"fields": fields})]

    def rules_from(self, request: HttpRequest) -> str:
        adds = "flow" in request.GET and "/add/" in request.path
        return f"flow:{request.GET['flow']}" if adds else super().rules_from(request)

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        form.flow_id = request.GET.get("flow", "")
        form.kind = self.kind_of(request, obj)
        return form

    def get_inlines(self, request: HttpRequest, obj: Step | None) -> Any:
        kind = self.kind_of(request, obj)
        if kind == Step.Kind.ENHANCE:
            return (EnhancementCard,)
        return self.inlines if kind == Step.Kind.DELIVER else ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Steps are added from their flow's page, which says for which flow and of which kind."""
        return "flow" in request.GET and super().has_add_permission(request)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        flow = Flow.objects.filter(pk=request.GET.get("flow", "")).first()
        if flow is None:
            messages.info(request, "Open a flow and add the step there.")
            return HttpResponseRedirect(reverse("admin:flows_flow_changelist"))
        noun = NOUNS[Step.Kind(self.kind_of(request, None))]
        extra = {"title": f"Add {noun} to {flow}", **(extra_context or {})}
        return super().add_view(request, form_url, extra)

    @column(description="Flow")
    def shown_flow(self, step: Step) -> SafeString:
        return format_html(
            '<a class="leadops-link" href="{}">{}</a>', _flow_url(step.flow_id), step.flow
        )

    def save_model(self, request: HttpRequest, obj: Step, form: Any, change: bool) -> None:
        if not change:
            last = obj.flow.steps.order_by("-position").first()
            obj.position = last.position + 1 if last else 0
        super().save_model(request, obj, form, change)

    def response_post_save_add(self, request: HttpRequest, obj: Step) -> HttpResponse:
        return self._to_flow(obj)

    def response_post_save_change(self, request: HttpRequest, obj: Step) -> HttpResponse:
        return self._to_flow(obj)

    def delete_model(self, request: HttpRequest, obj: Step) -> None:
        request.left_flow = obj.flow_id  # type: ignore[attr-defined]
        super().delete_model(request, obj)

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: Any) -> HttpResponse:
        super().response_delete(request, obj_display, obj_id)
        return HttpResponseRedirect(_flow_url(getattr(request, "left_flow", "")))

    @staticmethod
    def _to_flow(obj: Step) -> HttpResponse:
        return HttpResponseRedirect(_flow_url(obj.flow_id))


def _flow_url(flow_id: str) -> str:
    return change_url(Flow, flow_id) + "#steps"
