"""Leads under way by earlier versions of a flow: how many, moved to the current one, how far."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from flows.byhand import moving
from flows.byhand.moving import NothingToMove
from flows.models import Flow, FlowMove
from leadops.lib import queue
from leadops.lib.admin import ConsoleAdmin

ALL = "all"


class FlowMovesMixin(ConsoleAdmin):
    """Adds a part to the page of a flow's versions. Who may see the flow sees how many; who may
    change it moves them."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.moves_view)
        ours = path("<path:object_id>/versions/moves/", view, name="flows_flow_moves")
        return [ours, *super().get_urls()]

    def moves_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The part alone, as it asks for itself while leads are moved; a post starts or cancels."""
        flow = self.get_object(request, unquote(object_id))
        if flow is None:
            raise Http404
        changes = self.has_change_permission(request, flow)
        sees = self.has_view_or_change_permission(request, flow)
        if not sees or (request.method == "POST" and not changes):
            raise PermissionDenied
        if request.method == "POST":
            _act(request, flow)
            return HttpResponseRedirect(reverse("admin:flows_flow_versions", args=[quote(flow.pk)]))
        context = {**moves_of(flow), "changes": changes}
        return TemplateResponse(request, "admin/flows/moves.html", context)


def _act(request: HttpRequest, flow: Flow) -> None:
    by = request.user.get_username()
    if "_cancel" in request.POST:
        open_ones = FlowMove.objects.filter(flow=flow, state__in=FlowMove.OPEN)
        done = [moving.cancel(move.id, by=by) for move in open_ones]
        said = "Cancelled. Leads that were moved stay moved." if any(done) else "It had ended."
        messages.success(request, said)
        return
    try:
        with transaction.atomic():
            move = moving.start(flow, _wanted(flow, request.POST.get("_move", "")), by=by)
            queue.enqueue(moving.TASK, move.id)
    except NothingToMove as error:
        messages.error(request, str(error))
        return
    leads = "1 lead is" if move.total == 1 else f"{move.total:,} leads are"
    messages.success(request, f"{leads} being moved to the current version.")


def _wanted(flow: Flow, given: str) -> list[int]:
    if given == ALL:
        return list(flow.versions.values_list("number", flat=True))
    if not given.isascii() or not given.isdecimal() or len(given) > 6:
        raise Http404
    return [int(given)]


def moves_of(flow: Flow) -> dict[str, Any]:
    """What the part shows."""
    move = FlowMove.objects.filter(flow=flow).order_by("-created_at").first()
    behind = moving.behind(flow)
    return {
        "flow": flow,
        "behind": behind.items(),
        "behind_total": sum(behind.values()),
        "move": move,
        "part": (move.moved + move.left) / max(1, move.total) if move else 0,
        "newest": flow.versions.values_list("number", flat=True).first(),
        "moves_url": reverse("admin:flows_flow_moves", args=[quote(flow.pk)]),
    }
