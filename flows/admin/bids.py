"""How a recipient has bid, on its page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.admin.utils import unquote
from django.http import HttpRequest

from events import figures
from events.models import Counted
from events.periods import Span
from leadops.lib.admin import money
from recipients.admin.recipient import RecipientPage
from recipients.models import Ping

DAYS = 7


class BidsMixin(RecipientPage):
    """Shows the bids of the last days beside what is said of them."""

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> Any:
        id = unquote(object_id)
        bids = Ping.objects.filter(recipient_id=id).exists() and request.method == "GET"
        extra = {"bids_of_week": bids_of(id) if bids else []}
        return super().change_view(request, object_id, form_url, {**extra, **(extra_context or {})})


def bids_of(recipient_id: str) -> list[tuple[str, str]]:
    """Figures of the last seven days, each with its name; none of who was asked for nothing."""
    now = datetime.now(UTC)
    span = Span(now - timedelta(days=DAYS), now, ZoneInfo("UTC"))
    scope = figures.Scope(span, recipients=[recipient_id])
    [rows] = figures.read(scope, [("kind", "outcome")])
    found = {row.key["outcome"]: row for row in rows if row.key["kind"] == Counted.Kind.BID}
    counts = {word: row.n for word, row in found.items()}
    asked = sum(n for word, n in counts.items() if word != "won")
    if not asked and not counts.get("won"):
        return []
    made = found.get("bid")
    return [
        ("Asked", f"{asked:,}"),
        ("Bid", f"{counts.get('bid', 0):,}"),
        ("Average bid", money(round(made.cost / made.n, 2)) if made and made.n else "–"),
        ("Best bid", f"{counts.get('won', 0):,}"),
        ("No answer in time", f"{counts.get('silent', 0):,}"),
    ]
