"""The picture of a flow: on top of its page, and on a page of its own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from events import visibility
from events.periods import Span, midnight
from events.zones import remembered
from flows import versions
from flows.byhand import moving
from flows.models import Flow
from flows.picture import Picture, picture
from leadops.lib.admin import ConsoleAdmin, change_url

# Name → its words, days back to its first day, days it lasts; in the viewer's time zone.
PERIODS = {"today": ("Today", 0, 1), "yesterday": ("Yesterday", 1, 1), "7d": ("7 days", 6, 7)}


class PictureMixin(ConsoleAdmin):
    """Adds the picture. Account managers have its own page alone, for flows of their recipients,
    and see there what is theirs."""

    change_form_before_template = "admin/flows/picture_part.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.picture_view)
        ours = path("<path:object_id>/picture/", view, name="flows_flow_picture")
        return [ours, *super().get_urls()]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> Any:
        extra = dict(extra_context or {})
        flow = Flow.objects.filter(pk=unquote(object_id or "")).first()
        if flow is not None and self.has_view_or_change_permission(request, flow):
            versions.keep_first(flow)  # before anything of it is changed here
            extra.update(drawn(request, flow))
            extra["behind"] = sum(moving.behind(flow).values())
            extra["versions_url"] = reverse("admin:flows_flow_versions", args=[quote(flow.pk)])
        return super().changeform_view(request, object_id, form_url, extra)

    def picture_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        flow = Flow.objects.filter(pk=unquote(object_id)).first()
        if flow is None:
            raise Http404
        context = drawn(request, flow)
        shown: Picture = context["picture"]
        if not shown.sees_all and not any(box.parts for box in shown.boxes):
            raise PermissionDenied
        back = change_url(Flow, flow.pk) if shown.sees_all else reverse("dashboards:overview")
        return TemplateResponse(
            request,
            "admin/flows/picture.html",
            {
                **self.admin_site.each_context(request),
                "title": flow.name,
                "opts": self.opts,
                "object": flow,
                "back": back,
                **context,
            },
        )


def drawn(request: HttpRequest, flow: Flow) -> dict[str, Any]:
    """The picture for this viewer, over the period of the address."""
    period = request.GET.get("period", "")
    period = period if period in PERIODS else "today"
    span = _span(request, period)
    return {
        "flow": flow,
        "picture": picture(flow, span, visibility.of_user(request.user)),
        "period": period,
        "periods": [(name, words) for name, (words, *_) in PERIODS.items()],
        "zone": span.zone.key,
    }


def _span(request: HttpRequest, period: str) -> Span:
    zone, now = remembered(request.session), timezone.now()
    _, back, days = PERIODS[period]
    first = now.astimezone(zone).date() - timedelta(days=back)
    end = midnight(first + timedelta(days=days), zone)
    return Span(midnight(first, zone), min(end, now), zone)
