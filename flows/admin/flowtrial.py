"""A flow as it might be, tried on its last leads before it is published."""

from __future__ import annotations

import textwrap
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from flows import plans, versions
from flows.models import Flow
from flows.simulation import comparison
from flows.simulation.walk import Grounds
from flows.versions import NotPossible
from leadops.lib.admin import ConsoleAdmin, button, change_url

COUNTS = (20, 100, 500)
LISTED = 100  # leads that differ
MAX_DRAFT = 262_144  # characters
PUBLISHED = "published from a draft"


class TrialForm(forms.Form):
    content = forms.CharField(max_length=MAX_DRAFT, strip=False)
    leads = forms.IntegerField(min_value=1, max_value=comparison.MOST)


class FlowTrialMixin(ConsoleAdmin):
    """Adds the page to a flow's. Who may change the flow may use it."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.trial_view)
        ours = path("<path:object_id>/trial/", view, name="flows_flow_trial")
        return [ours, *super().get_urls()]

    def has_trial_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return bool(self.has_change_permission(request))

    @button(description="Try a change", icon="rule", permissions=["trial"])
    def try_change(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(trial_url(unquote(object_id)))

    def trial_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        flow = self.get_object(request, unquote(object_id))
        if flow is None:
            raise Http404
        if not self.has_change_permission(request, flow):
            raise PermissionDenied
        found = _desk(request, flow)
        if found.pop("published", False):
            messages.success(request, "The draft is the flow now.")
            return HttpResponseRedirect(change_url(Flow, flow.pk))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Try a change of {flow.name}",
            "opts": self.opts,
            "object": flow,
            "flow": flow,
            "back": change_url(Flow, flow.pk),
            **found,
        }
        return TemplateResponse(request, "admin/flows/trial.html", context)


def _desk(request: HttpRequest, flow: Flow) -> dict[str, Any]:
    """The draft as it is written, and what came of it."""
    if request.method != "POST":
        return {**_choices(), "content": _first(request, flow), "leads": comparison.USUAL}
    form = TrialForm(request.POST)
    found: dict[str, Any] = {
        **_choices(),
        "content": request.POST.get("content", ""),
        "leads": comparison.USUAL,
    }
    if not form.is_valid():
        texts = [str(text) for errors in form.errors.values() for text in errors]
        return {**found, "problems": texts}
    found["leads"] = form.cleaned_data["leads"]
    try:
        if "_publish" in request.POST:
            by = request.user.get_username()
            versions.publish(flow, form.cleaned_data["content"], by=by, note=PUBLISHED)
            return {**found, "published": True}
        return {**found, **_tried(flow, form.cleaned_data["content"], found["leads"])}
    except NotPossible as error:
        return {**found, "problems": error.problems}


def _tried(flow: Flow, content: str, leads: int) -> dict[str, Any]:
    """Raises NotPossible."""
    drafted = versions.documents().compiled(flow, content)
    current = plans.current()
    if flow.pk not in current.flows:
        raise NotPossible(["The flow as it is cannot be used: there is nothing to compare with"])
    now = timezone.now()
    before = Grounds.of(current, current.flows[flow.pk], now)
    after = Grounds.of(drafted, drafted.flows[flow.pk], now)
    made = comparison.compare(before, after, leads)
    return {
        "made": made,
        "changed": made.changes(),
        "differing": made.differing[:LISTED],
        "unlisted": max(0, len(made.differing) - LISTED),
    }


def _first(request: HttpRequest, flow: Flow) -> str:
    """What the page begins with: a version where one is named, else the flow as it is."""
    number = request.GET.get("version", "")
    version = None
    if number.isascii() and number.isdecimal() and len(number) < 7:
        version = flow.versions.filter(number=int(number)).first()
    content = version.content if version else versions.documents().write(flow)
    return textwrap.dedent(content)


def _choices() -> dict[str, Any]:
    return {"counts": COUNTS, "problems": ()}


def trial_url(flow_id: str) -> str:
    return reverse("admin:flows_flow_trial", args=[quote(flow_id)])
