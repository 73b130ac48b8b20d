"""Finding a lead by what people have in hand: an id, an e-mail address, a phone number."""

from __future__ import annotations

from events import search
from events.leadtags import with_tags
from events.models import Lead, LeadKey
from events.visibility import Sight

MOST = 50


def find(text: str, sight: Sight) -> list[Lead]:
    """The leads that `text` names and the viewer may see, newest first."""
    text = text.strip().replace("\0", "")[:300]
    if not text:
        return []
    return list(
        with_tags(sight.leads(), sight)
        .filter(id__in=_lead_ids(text, sight))
        .select_related("flow", "source")
        .order_by("-created_at", "-id")[:MOST]
    )


def _lead_ids(text: str, sight: Sight) -> list[str]:
    prefix = text.split("_", 1)[0]
    if prefix == "lead":
        return [text]
    if prefix == "evt":
        return list(sight.events().filter(id=text).values_list("lead_id", flat=True)[:1])
    if prefix == "dlv":
        return list(sight.deliveries().filter(id=text).values_list("lead_id", flat=True)[:1])
    digest = search.digest("email" if "@" in text else "phone", text)
    if digest is None:
        return []
    keys = LeadKey.objects.filter(digest=digest).order_by("-created_at")
    return list(keys.values_list("lead_id", flat=True)[:MOST])
