"""A submission specification for a source, opened by a link and without a login; test leads can be
posted from it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from flows.arrival import submissions
from flows.arrival.submissions import Submitting
from flows.models import SubmissionLink
from flows.specificationpages.views import ended, kept_private

MAX_VALUE = 1000  # characters
PREFIX = "field."


@never_cache
@csrf_exempt  # the address is the key: whoever has it may post test leads, and needs no cookie
@require_http_methods(["GET", "HEAD", "POST"])
def submission(request: HttpRequest, token: str) -> HttpResponse:
    """404 for links that were revoked or never were, 410 for those that have expired."""
    link = SubmissionLink.of_token(token)
    now = timezone.now()
    if link is None or link.has_ended(now):
        return ended(request, link)
    specification = submissions.current(link.terms, base=request.build_absolute_uri("/")[:-1])
    tried, status = _tried(request, link, specification) if request.method == "POST" else ({}, 200)
    context = {
        "specification": specification,
        "link": link,
        "now": now,
        "values": _values(specification, submissions.starting_values(specification.items)),
        **tried,
    }
    return kept_private(render(request, "submission/page.html", context, status=status))


def _tried(
    request: HttpRequest, link: SubmissionLink, specification: Submitting
) -> tuple[dict[str, Any], int]:
    """What the page shows of the test lead, and its status."""
    given = {
        item.name: request.POST.get(f"{PREFIX}{item.name}", "")[:MAX_VALUE]
        for item in specification.items
    }
    shown: dict[str, Any] = {"values": _values(specification, given)}
    if submissions.TRIES.wait(link.pk):
        return {**shown, "problem": "Too many test leads. Wait a minute."}, 429
    try:
        tried = submissions.attempt(link.terms, given, at=timezone.now())
    except submissions.NotTaken as error:
        return {**shown, "problem": str(error)}, 409
    return {**shown, "tried": tried}, 200


def _values(specification: Submitting, values: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {"item": item, "name": f"{PREFIX}{item.name}", "value": values.get(item.name, "")}
        for item in specification.items
    ]
