"""The dashboards' pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import NoReverseMatch, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from events import charts, directory
from events.dashboards import choices
from events.dashboards.choices import Choice
from events.dashboards.detail import detail
from events.dashboards.overview import DEFAULT_SORT, SORTS, ordered
from events.dashboards.overview import overview as overview_of
from events.dashboards.standing import ENDPOINTS, standing
from events.dashboards.waiting import MOST
from events.pages import page
from events.zones import names


@never_cache
@login_required
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """All recipients that the viewer may see, side by side."""
    user: Any = request.user
    now = choices.now()
    choice = choices.chosen(request, now)
    flows = directory.parties("flows.Flow") if user.sees_all else []
    flow = next((each for each in flows if each.slug == request.GET.get("flow")), None)
    shown = overview_of(
        user.visible_recipients(),
        choice,
        everything=user.sees_all,
        flow=flow.id if flow else "",
        now=now,
    )
    sort = request.GET.get("sort", DEFAULT_SORT)
    labels, steps = charts.each_step(choice.span, shown.steps)
    return page(
        request,
        "dashboards/overview.html",
        "Recipients",
        zone=choice.zone,
        **_choices(choice),
        overview=shown,
        lines=ordered(shown.lines, sort),
        sort=sort,
        columns=[(name, label, _next_sort(name, sort)) for name, label in COLUMNS],
        flows=flows,
        flow=flow,
        pictures=[] if user.sees_all else _pictures(each.recipient.pk for each in shown.lines),
        charts=[charts.deliveries(labels, steps), charts.money(labels, steps)],
    )


COLUMNS = (
    ("name", "Recipient"),
    ("deliveries", "Deliveries"),
    ("delivery_rate", "Delivery rate"),
    ("attempts", "Attempts"),
    ("error_rate", "Error rate"),
    ("p50", "p50"),
    ("p95", "p95"),
    ("revenue", "Revenue"),
    ("cost", "Cost"),
    ("margin", "Margin"),
    ("returns", "Returns"),
    ("failure", "Last failure"),
)
FIRST_UPWARD = {"name"}  # every other column shows its greatest first


def _next_sort(name: str, sort: str) -> str:
    """What a click on a column's head sorts by."""
    if sort.lstrip("-") not in SORTS or sort.lstrip("-") != name:
        return name if name in FIRST_UPWARD else f"-{name}"
    return name if sort.startswith("-") else f"-{name}"


@never_cache
@login_required
@require_safe
def recipient(request: HttpRequest, slug: str) -> HttpResponse:
    """One recipient; 404 for those the viewer may not see."""
    user: Any = request.user
    chosen = get_object_or_404(user.visible_recipients().prefetch_related(ENDPOINTS), slug=slug)
    now = choices.now()
    choice = choices.chosen(request, now)
    shown = detail(chosen, choice)
    labels, steps = charts.each_step(choice.span, shown.steps)
    return page(
        request,
        "dashboards/recipient.html",
        chosen.name,
        zone=choice.zone,
        **_choices(choice),
        recipient=chosen,
        standing=standing(chosen, chosen.endpoints.all(), now),
        detail=shown,
        waiting=shown.waiting[:MOST],
        more_waiting=len(shown.waiting) > MOST,
        charts=[
            charts.delivery_rate(labels, steps),
            charts.deliveries(labels, steps),
            charts.response(labels, steps),
            charts.money(labels, steps),
        ],
        configuration=_configuration(user, chosen),
        pictures=_pictures([chosen.pk]),
    )


def _choices(choice: Choice) -> dict[str, Any]:
    """What the period's form needs."""
    return {
        "choice": choice,
        "periods": [(name, words) for name, (words, _, _) in choices.PERIODS.items()],
        "zones": names(),
        "currencies": directory.currencies(),
    }


def _configuration(user: Any, recipient: Any) -> str:
    """Where the recipient is set up, for those who may change it."""
    if not user.operates:
        return ""
    try:
        return reverse("admin:recipients_recipient_change", args=[recipient.pk])
    except NoReverseMatch:
        return ""


def _pictures(recipients: Iterable[str]) -> list[tuple[str, str]]:
    """The flows that deliver to these: the name of each, and where its picture is."""
    try:
        return [
            (flow.name, reverse("admin:flows_flow_picture", args=[quote(flow.id)]))
            for flow in directory.flows_of(recipients)
        ]
    except NoReverseMatch:
        return []


@login_required
def front(request: HttpRequest) -> HttpResponse:
    """The console's first page: account managers land on their recipients."""
    user: Any = request.user
    if user.sees_all:
        return admin.site.index(request)
    return redirect("dashboards:overview")
