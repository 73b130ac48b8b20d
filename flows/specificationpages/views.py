"""A delivery specification for a buyer, opened by a link and without a login."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from flows.trying import specifications
from leadops.lib.links import SignedLink
from recipients.models import SpecificationLink

# The address is the key: it goes neither to search engines nor to other sites.
HEADERS = {"X-Robots-Tag": "noindex, nofollow, noarchive", "Referrer-Policy": "no-referrer"}


@never_cache
@require_safe
def specification(request: HttpRequest, token: str) -> HttpResponse:
    """404 for links that were revoked or never were, 410 for those that have expired."""
    link = SpecificationLink.of_token(token)
    now = timezone.now()
    if link is None or link.has_ended(now):
        return ended(request, link)
    context = {
        "specification": specifications.current(link.recipient),
        "recipient": link.recipient,
        "link": link,
        "now": now,
    }
    return kept_private(render(request, "specification/page.html", context))


def ended(request: HttpRequest, link: SignedLink | None) -> HttpResponse:
    """What a link opens that is good no more; None: there is no such link."""
    status = 404 if link is None else 410
    return kept_private(render(request, "specification/ended.html", status=status))


def kept_private(answer: HttpResponse) -> HttpResponse:
    for name, value in HEADERS.items():
        answer[name] = value
    return answer
