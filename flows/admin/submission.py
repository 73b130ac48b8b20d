"""A source's submission specification of a flow in the console, and the links that open it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from flows import submissions
from flows.admin.specification import LinkForm
from flows.models import Flow, FlowSource, SubmissionLink
from leadops.lib.admin import ConsoleAdmin, change_url


class SubmissionMixin(ConsoleAdmin):
    """Adds the pages to a flow's. Who may change the flow may make and revoke links."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.submission_view)
        ours = path("<path:object_id>/submission/<int:terms>/", view, name="flows_flow_submission")
        return [ours, *super().get_urls()]

    def submission_view(self, request: HttpRequest, object_id: str, terms: int) -> HttpResponse:
        row = FlowSource.objects.select_related("flow", "source").filter(
            pk=terms, flow=unquote(object_id)
        )
        found = row.first()
        if found is None:
            raise Http404
        changes = self.has_change_permission(request, found.flow)
        allowed = changes if request.method == "POST" else True
        if not self.has_view_permission(request, found.flow) or not allowed:
            raise PermissionDenied
        if request.method == "POST":
            _act(request, found)
            return HttpResponseRedirect(request.path)
        return TemplateResponse(
            request,
            "admin/flows/submission.html",
            {**self.admin_site.each_context(request), **_context(request, found, changes=changes)},
        )


def _context(request: HttpRequest, terms: FlowSource, *, changes: bool) -> dict[str, Any]:
    now = timezone.now()
    return {
        "title": f"Submission specification: {terms.source.name} to {terms.flow.name}",
        "opts": Flow._meta,
        "back": change_url(Flow, terms.flow_id),
        "flow": terms.flow,
        "changes": changes,
        "form": LinkForm(),
        "links": [_shown(request, link, now) for link in terms.submission_links.all()],
        "specification": submissions.current(
            terms, base=request.build_absolute_uri("/").rstrip("/")
        ),
        "now": now,
    }


def _act(request: HttpRequest, terms: FlowSource) -> None:
    by = request.user.get_username()
    if "_revoke" in request.POST:
        link = terms.submission_links.filter(pk=request.POST["_revoke"]).first()
        if link is not None:
            submissions.revoke(link, by=by)
            messages.success(request, "Revoked the link. It opens nothing any more.")
        return
    form = LinkForm(request.POST)
    if form.is_valid():
        days = form.cleaned_data["days"]
        submissions.make_link(terms, days=days, by=by, now=timezone.now())
        messages.success(request, f"Made a link that is good for {days} days.")


def _shown(request: HttpRequest, link: SubmissionLink, now: Any) -> dict[str, Any]:
    address = reverse("specifications:submission", args=[link.token])
    return {
        "link": link,
        "address": request.build_absolute_uri(address),
        "ended": link.has_ended(now),
    }
