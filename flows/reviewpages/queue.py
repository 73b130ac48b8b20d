"""The list of what waits for a person."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from events import directory, visibility
from events.pages import page
from events.zones import remembered
from flows.byhand import held
from recipients.outcomes import TECHNICAL


@never_cache
@login_required
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """What waits, the longest waiting first; account managers see their recipients'."""
    user: Any = request.user
    sight = visibility.of_user(user)
    chosen = held.Filters.read(request.GET)
    return page(
        request,
        "review/queue.html",
        "Review queue",
        zone=remembered(request.session),
        chosen=chosen,
        found=held.listed(sight, chosen),
        sees_all=sight.sees_all,
        recipients=user.visible_recipients().only("slug", "name").order_by("name"),
        flows=directory.parties("flows.Flow") if sight.sees_all else [],
        outcomes=[(word, word.replace("_", " ")) for word in sorted(TECHNICAL)],
        ages=[(name, words) for name, (words, _) in held.AGES.items()],
    )
