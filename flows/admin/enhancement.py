"""An enhancement's part of its step's page, and the page that asks its service by hand."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django import forms
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.widgets import UnfoldAdminSelectWidget

from events import visibility
from events.models import Lead
from flows.models import Enhancement, Step
from flows.services import SERVICES
from flows.trying import servicecalls
from leadops.lib.admin import Cards, ConsoleAdmin, button, change_url
from leadops.lib.forms import StructuredField
from leadops.lib.validation import plain_object
from recipients.admin.options import EndpointForm, options_field

KNOWN = (
    "One that is known by name fills in what is blank below; Sends then names what it is to be "
    "told: "
    + "; ".join(
        f"{each.label}: {', '.join(given.name for given in each.inputs)}"
        for each in SERVICES.values()
        if each.inputs
    )
    + "."
)


def services() -> list[tuple[str, str]]:
    return [(each.name, each.label) for each in SERVICES.values()]


class EnhancementForm(EndpointForm):
    """The settings, with what is wrong with an option said beside that option."""

    class Meta:
        model = Enhancement
        exclude: ClassVar[list[str]] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if (widget := self._widget("auth_options")) is not None:
            widget.current = str(self.instance.auth)
        if "service" in self.fields:
            self.fields["service"].help_text = KNOWN

    def has_changed(self) -> bool:
        """A step without settings asks nobody: they are saved even where all is as usual."""
        return self.instance._state.adding or super().has_changed()


class EnhancementCard(Cards):
    model = Enhancement
    form = EnhancementForm
    tab = False
    show_count = False
    hide_title = True
    can_delete = False
    min_num = 1
    max_num = 1
    verbose_name = "service"
    verbose_name_plural = "service"
    code_lines = ("url", "success", "reason_path", "cache_key")
    code_boxes: ClassVar[dict[str, int]] = {"headers": 2, "send": 4, "append": 4, "when": 4}
    chosen: ClassVar[Any] = {"service": services}
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("service", "timeout"),
                    "url",
                    ("method", "format"),
                    "send",
                    "append",
                    "headers",
                )
            },
        ),
        (
            "Credentials",
            {
                "fields": (
                    ("auth", "auth_place"),
                    ("auth_name", "auth_username"),
                    "auth_secret",
                    "auth_options",
                )
            },
        ),
        (
            "When, and what if not",
            {
                "fields": (
                    "when",
                    ("success", "reason_path"),
                    ("on_fail", "test_leads", "pings"),
                    ("cache_for", "cache_key"),
                    "cost",
                )
            },
        ),
    )

    def formfield_for_dbfield(
        self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name == "auth_options":
            return options_field(db_field)
        return super().formfield_for_dbfield(db_field, request, **kwargs)


class AskForm(forms.Form):
    """A recent lead, or one that is typed in."""

    lead = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget, label="A recent lead")
    values = StructuredField(
        empty={},
        checks=[plain_object],
        rows=10,
        label="Or these values",
        required=False,
        help_text="Invented values for the fields of the flow. Used where no lead is chosen.",
    )

    def __init__(self, data: Any, *, leads: list[Lead], **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.leads = {lead.id: lead for lead in leads}
        named = [(lead.id, f"{lead.id}, {lead.created_at:%d %b %H:%M}") for lead in leads]
        self.fields["lead"].choices = [("", "None: the values below"), *named]  # type: ignore[attr-defined]


class AskMixin(ConsoleAdmin):
    """Adds the page to a step's. Who may change the step may use it."""

    actions_detail: ClassVar[Any] = ["ask_now"]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.ask_view)
        ours = path("<path:object_id>/ask/", view, name="flows_step_asking")
        return [ours, *super().get_urls()]

    def has_ask_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Only of an enhancement is there something to ask."""
        asks = Step.objects.filter(pk=unquote(object_id or ""), kind=Step.Kind.ENHANCE).exists()
        return asks and bool(self.has_change_permission(request))

    @button(description="Ask now", icon="network_check", permissions=["ask"])
    def ask_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(ask_url(unquote(object_id)))

    def ask_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        step = self.get_object(request, unquote(object_id))
        if step is None or step.kind != Step.Kind.ENHANCE:
            raise Http404
        if not self.has_change_permission(request, step):
            raise PermissionDenied
        values = servicecalls.invented(step)
        form = AskForm(
            request.POST if request.method == "POST" else None,
            leads=servicecalls.recent(step) if visibility.sees_personal(request.user) else [],
            initial={"values": "\n".join(f"{n}: {json.dumps(v)}" for n, v in values.items())},
        )
        context = {
            **self.admin_site.each_context(request),
            "title": f"Ask {step.name}",
            "opts": self.opts,
            "object": step,
            "step": step,
            "back": change_url(Step, step.pk),
            "form": form,
            **(self._asked(request, step, form) if form.is_valid() else {}),
        }
        return TemplateResponse(request, "admin/flows/ask.html", context)

    @staticmethod
    def _asked(request: HttpRequest, step: Step, form: AskForm) -> dict[str, Any]:
        """What the page shows of a call that was made."""
        chosen = form.leads.get(form.cleaned_data["lead"])
        try:
            if chosen is not None:
                lead, source = servicecalls.of_lead(chosen), chosen.source_id
                hidden = servicecalls.hidden(chosen)
            else:
                lead, source = servicecalls.of_values(step, form.cleaned_data["values"]), ""
                hidden = []
            by = request.user.get_username()
            called = servicecalls.call(step, lead, by=by, source_id=source, hidden=hidden)
            return {"called": called}
        except servicecalls.NotPossible as error:
            return {"problem": str(error)}


def ask_url(step_id: str) -> str:
    return reverse("admin:flows_step_asking", args=[quote(step_id)])
