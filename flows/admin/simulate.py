"""Simulate: a lead walked through a flow before the eyes of who asks, without sending it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.enums import ActionVariant

from events import visibility
from events.models import Lead
from flows import plans
from flows.models import Flow
from flows.plan import FlowPlan
from flows.simulation import leads
from flows.simulation.leads import BadLead, Posted
from flows.simulation.walk import Grounds, Suppose, walk
from leadops.lib.admin import ConsoleAdmin, button, change_url

RECENT = 20
PASTED = "pasted"
SUPPOSED = (
    (Suppose.DECLINE.value, "decline: shows everybody whose turn would come"),
    (Suppose.ACCEPT.value, "accept: shows who would have it"),
)


class SimulateForm(forms.Form):
    """`lead` is a recent one's id, or `pasted`."""

    lead = forms.CharField(max_length=40)
    source = forms.CharField(max_length=40, required=False)
    values = forms.CharField(required=False, max_length=leads.MAX_PASTED, strip=False)
    suppose = forms.ChoiceField(choices=SUPPOSED)
    test = forms.BooleanField(required=False)


class SimulateMixin(ConsoleAdmin):
    """Adds the page to a flow's. Who may see the flow and its leads may use it: nothing is sent."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.simulate_view)
        ours = path("<path:object_id>/simulate/", view, name="flows_flow_simulate")
        return [ours, *super().get_urls()]

    def has_simulate_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        sees_leads = bool(request.user.sees_all)  # type: ignore[union-attr]
        return sees_leads and bool(self.has_view_or_change_permission(request))

    @button(
        description="Simulate",
        icon="science",
        permissions=["simulate"],
        variant=ActionVariant.DEFAULT,
    )
    def simulate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(simulate_url(unquote(object_id)))

    def simulate_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        flow = self.get_object(request, unquote(object_id))
        if flow is None:
            raise Http404
        if not self.has_simulate_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": f"Simulate {flow.name}",
            "opts": self.opts,
            "object": flow,
            "flow": flow,
            "back": change_url(Flow, flow.pk),
            **_desk(request, flow),
        }
        return TemplateResponse(request, "admin/flows/simulate.html", context)


def _desk(request: HttpRequest, flow: Flow) -> dict[str, Any]:
    """The form as it was filled in, and what came of it."""
    current = plans.current()
    plan = current.flows.get(flow.id)
    shown = visibility.of_user(request.user).sees_personal  # requests hold what leads say
    recent = leads.newest(flow.id, RECENT) if shown else []
    sources = list(flow.sources.select_related("source"))
    first = recent[0].id if recent else PASTED
    asked = request.GET.get("lead", first) if request.method != "POST" else ""
    form = SimulateForm(request.POST or None, initial={"lead": asked, "suppose": "decline"})
    given = form.data if form.is_bound else form.initial
    found: dict[str, Any] = {
        "recent": [(lead, _named(lead)) for lead in recent],
        "chosen": given.get("lead", PASTED),
        "sources": sources,
        "source": given.get("source", ""),
        "values": given.get("values") or leads.sample(flow),
        "supposed": SUPPOSED,
        "suppose": given.get("suppose", Suppose.DECLINE.value),
        "test": bool(given.get("test")),
        "problem": "",
    }
    if plan is None:
        return {**found, "problem": "The flow cannot be used: its configuration does not compile."}
    if not form.is_bound:
        return found
    if not form.is_valid():
        return {**found, "problem": "; ".join(str(t) for e in form.errors.values() for t in e)}
    try:
        if not shown and form.cleaned_data["lead"] != PASTED:
            raise BadLead("People's leads are not shown to your role; type one in.")
        posted = _posted(plan, form.cleaned_data)
        grounds = Grounds.of(current, plan, timezone.now())
        return {**found, "walk": walk(grounds, posted, suppose=Suppose(found["suppose"]))}
    except BadLead as error:
        return {**found, "problem": str(error)}


def _posted(plan: FlowPlan, values: dict[str, Any]) -> Posted:
    if values["lead"] == PASTED:
        return leads.pasted(values["values"], values["source"], test=values["test"])
    return leads.recorded(plan, values["lead"])


def _named(lead: Lead) -> str:
    """`21 Nov 03:42:18 UTC · sold · lead_…`"""
    state = lead.result or lead.status
    return f"{lead.created_at:%d %b %H:%M:%S} UTC · {state} · {lead.id}"


def simulate_url(flow_id: str) -> str:
    return reverse("admin:flows_flow_simulate", args=[quote(flow_id)])
