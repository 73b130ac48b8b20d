"""Links from a flow's picture."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import template
from django.contrib.admin.utils import quote
from django.urls import reverse

from flows.picture import Box, Line, Part

register = template.Library()
LISTED = {"today": "1d", "yesterday": "7d", "7d": "7d"}  # the shortest that holds the days


@register.simple_tag(takes_context=True)
def leads_url(context: dict[str, Any], line: Line) -> str:
    """The list of leads that a count is about, as far as the list can be narrowed down."""
    query = {"flow": context["flow"].slug, "period": LISTED[context["period"]], **line.leads}
    if not context["picture"].sees_all:
        query.pop("flow")  # a filter that account managers do not have
    return f"{reverse('leads:search')}?{urlencode(query)}"


@register.simple_tag(takes_context=True)
def part_url(context: dict[str, Any], part: Part, box: Box) -> str:
    """A source's or recipient's page; for account managers its figures."""
    if not context["picture"].sees_all:
        return reverse("dashboards:recipient", args=[part.slug])
    page = "flows_source" if box.kind == "sources" else "recipients_recipient"
    return reverse(f"admin:{page}_change", args=[quote(part.id)])


@register.simple_tag(takes_context=True)
def box_url(context: dict[str, Any], box: Box) -> str:
    """A step's page; blank for account managers, who have none."""
    if not context["picture"].sees_all:
        return ""
    if box.id:
        return reverse("admin:flows_step_change", args=[quote(box.id)])
    query = {"flow": context["flow"].slug, "period": LISTED[context["period"]]}
    if box.kind == "done":
        query["status"] = "done"
    return f"{reverse('leads:search')}?{urlencode(query)}"
