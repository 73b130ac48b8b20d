"""A step's own page: a filter's rules, or who gets the lead and in which pattern."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.widgets import UnfoldAdminSelectWidget

from flows.models import Flow, Step, StepRecipient
from flows.patterns import registry
from leadops.lib.admin import ConsoleAdmin, Ordered, Rows

FILTERS, DELIVERS = "kind == 'filter'", "kind == 'deliver'"


class StepForm(forms.ModelForm):  # type: ignore[type-arg]
    """Patterns and orders are chosen from those there are."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._choose("pattern", [(p.name, p.label) for p in registry.PATTERNS.values()])
        self._choose("order", [(name, name.replace("_", " ")) for name in registry.ORDERS])

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        if field := self.fields.get(name):
            self.fields[name] = forms.ChoiceField(
                choices=choices,
                widget=UnfoldAdminSelectWidget,
                label=field.label,
                help_text=field.help_text,
                initial=field.initial,
            )


class RecipientRows(Ordered, Rows):
    model = StepRecipient
    tab = False
    hide_title = True
    verbose_name = "recipient"
    verbose_name_plural = "recipients, in order"
    fields = ("position", "recipient", "price", "weight", "priority")
    autocomplete_fields = ("recipient",)


@admin.register(Step)
class StepAdmin(ConsoleAdmin):
    """Reached from its flow; changes of it stand in the flow's history."""

    form = StepForm
    inlines = (RecipientRows,)
    code_boxes = {"rules": 10}
    autocomplete_fields = ("remediation",)
    list_display = ("name", "flow", "kind", "position")
    list_select_related = ("flow",)
    search_fields = ("name", "flow__name")
    conditional_fields = {
        "rules": FILTERS,
        "reason": FILTERS,
        "on_fail": FILTERS,
        "pattern": DELIVERS,
        "order": DELIVERS,
        "remediation": DELIVERS,
    }
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "flow",
                    ("kind", "name"),
                    "rules",
                    "reason",
                    "on_fail",
                    "pattern",
                    "order",
                    "remediation",
                )
            },
        ),
    )

    def top_of(self, obj: Step) -> Flow:
        return obj.flow

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A step does not move to another flow, and a filter does not become a delivery."""
        return ("flow", "kind") if obj else ()

    def get_inlines(self, request: HttpRequest, obj: Step | None) -> Any:
        kind = obj.kind if obj else request.GET.get("kind", Step.Kind.DELIVER)
        return self.inlines if kind == Step.Kind.DELIVER else ()

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
    return reverse("admin:flows_flow_change", args=[flow_id]) + "#steps"
