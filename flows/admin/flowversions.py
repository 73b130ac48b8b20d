"""Versions of a flow: listed, compared, gone back to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from flows import versions
from flows.admin.flowmoves import moves_of
from flows.admin.flowtrial import trial_url
from flows.models import Flow, FlowVersion
from flows.versions import NotPossible
from leadops.lib.admin import ConsoleAdmin, button, change_url

LISTED = 200  # older ones are reached by their numbers in the address


@dataclass(frozen=True, slots=True)
class _Row:
    version: FlowVersion
    is_current: bool
    added: int
    removed: int


class FlowVersionsMixin(ConsoleAdmin):
    """Adds the page to a flow's. Who may see the flow may compare, who may change it go back."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.versions_view)
        ours = path("<path:object_id>/versions/", view, name="flows_flow_versions")
        return [ours, *super().get_urls()]

    def has_versions_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return bool(self.has_view_or_change_permission(request))

    @button(description="Versions", icon="difference", permissions=["versions"])
    def flow_versions(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(versions_url(unquote(object_id)))

    def versions_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        flow = self.get_object(request, unquote(object_id))
        if flow is None:
            raise Http404
        changes = self.has_change_permission(request, flow)
        sees = self.has_view_or_change_permission(request, flow)
        if not sees or (request.method == "POST" and not changes):
            raise PermissionDenied
        versions.keep_first(flow)
        if request.method == "POST":
            _restore(request, flow)
            return HttpResponseRedirect(versions_url(flow.pk))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Versions of {flow.name}",
            "opts": self.opts,
            "object": flow,
            "flow": flow,
            "back": change_url(Flow, flow.pk),
            "changes": changes,
            "trial_url": trial_url(flow.pk) if changes else "",
            **_shown(request, flow),
            **moves_of(flow),
        }
        return TemplateResponse(request, "admin/flows/versions.html", context)


def _restore(request: HttpRequest, flow: Flow) -> None:
    version = _numbered(flow, request.POST.get("_restore", ""))
    if version is None:
        raise Http404
    try:
        versions.restore(flow, version, by=request.user.get_username())
    except NotPossible as error:
        text = "; ".join(error.problems)
        messages.error(request, f"Version {version.number} is no longer valid: {text}")
    else:
        messages.success(request, f"The flow is that of version {version.number} again.")


def _shown(request: HttpRequest, flow: Flow) -> dict[str, Any]:
    """The list, newest first, each with how much it changed; and the two that are compared."""
    listed = list(flow.versions.all()[: LISTED + 1])
    rows = []
    for version, older in zip(listed, [*listed[1:], None], strict=True):
        lines = versions.difference(older.content, version.content) if older else []
        added = sum(line.side == "after" for line in lines)
        removed = sum(line.side == "before" for line in lines)
        rows.append(_Row(version, version is listed[0], added, removed))
    found: dict[str, Any] = {"rows": rows[:LISTED], "more": len(listed) > LISTED}
    older = listed[1] if len(listed) > 1 else None
    before = _numbered(flow, request.GET.get("before", "")) or older
    after = _numbered(flow, request.GET.get("after", "")) or listed[0]
    if before is None:
        return found
    lines = versions.difference(before.content, after.content)
    return {**found, "compared": {"before": before, "after": after, "lines": lines}}


def _numbered(flow: Flow, number: str) -> FlowVersion | None:
    if not number.isascii() or not number.isdecimal() or len(number) > 6:
        return None
    found: FlowVersion | None = flow.versions.filter(number=int(number)).first()
    return found


def versions_url(flow_id: str) -> str:
    return reverse("admin:flows_flow_versions", args=[quote(flow_id)])
