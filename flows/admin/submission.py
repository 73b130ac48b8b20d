"""A source's submission specification of a flow in the console, and the links that open it."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from flows.admin.links import Links
from flows.arrival import submissions
from flows.models import Flow, FlowSource
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
            _links(found).act(request)
            return HttpResponseRedirect(request.path)
        return TemplateResponse(
            request,
            "admin/flows/submission.html",
            {**self.admin_site.each_context(request), **_context(request, found, changes=changes)},
        )


def _context(request: HttpRequest, terms: FlowSource, *, changes: bool) -> dict[str, Any]:
    base = request.build_absolute_uri("/").rstrip("/")
    return {
        **_links(terms).context(request),
        "title": f"Submission specification: {terms.source.name} to {terms.flow.name}",
        "opts": Flow._meta,
        "back": change_url(Flow, terms.flow_id),
        "flow": terms.flow,
        "changes": changes,
        "specification": submissions.current(terms, base=base),
    }


def _links(terms: FlowSource) -> Links:
    return Links(
        rows=terms.submission_links.all(),
        page="specifications:submission",
        make=partial(submissions.make_link, terms),
        revoke=submissions.revoke,
    )
