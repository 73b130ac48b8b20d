"""The list of leads: filters, newest first, page by page without counting."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from events import cursors
from events.chosen import Chosen
from events.leadtags import tagged, with_tags
from events.models import Delivery, Lead
from events.visibility import Sight

PAGE = 50
PERIODS = {"1d": ("24 hours", 1), "7d": ("7 days", 7), "30d": ("30 days", 30)}
TESTS = {"": "All leads", "no": "Without test leads", "only": "Test leads"}
SHOWN = (
    "id", "created_at", "status", "result", "reason", "test", "demo", "currency", "cost",
    "revenue", "flow__name", "source__name",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filters(Chosen):
    """What was chosen."""

    known = {
        "status": frozenset(Lead.Status.values),
        "result": frozenset(Lead.Result.values),
        "period": PERIODS,
        "test": TESTS,
    }

    flow: str = ""
    source: str = ""
    recipient: str = ""
    status: str = ""
    result: str = ""
    period: str = ""
    test: str = ""
    tag: str = ""


def exported(chosen: Filters, now: datetime) -> dict[str, str]:
    """The same choice as an export of leads takes it."""
    names = ("flow", "source", "recipient", "status", "result", "tag")
    query = {name: value for name in names if (value := getattr(chosen, name))}
    if chosen.test:
        query["test"] = "true" if chosen.test == "only" else "false"
    if chosen.period:
        start = now - timedelta(days=PERIODS[chosen.period][1])
        query["start"] = start.date().isoformat()
    return {"what": "leads", **query, "look": "1"}


@dataclass(slots=True)
class Page:
    leads: list[Lead] = field(default_factory=list)
    after: str = ""  # the cursor of the next page; blank: this was the last

    def deliveries(self, sight: Sight) -> dict[str, list[Delivery]]:
        """By lead: who got it, as far as the viewer may know."""
        return deliveries_of([lead.id for lead in self.leads], sight)


def listed(sight: Sight, chosen: Filters) -> Page:
    """One page of leads. A cursor that is none begins anew."""
    leads = _filtered(with_tags(sight.leads(), sight), chosen, sight)
    try:
        at, lead_id = cursors.time_and_id(chosen.after)
        # The first condition alone lets PostgreSQL begin at the right place of its index.
        leads = leads.filter(created_at__lte=at).exclude(Q(created_at=at) & Q(id__gte=lead_id))
    except ValueError:
        pass
    rows = leads.order_by("-created_at", "-id").select_related("flow", "source").only(*SHOWN)
    found = list(rows[: PAGE + 1])
    shown = found[:PAGE]
    more = len(found) > PAGE
    return Page(shown, cursors.encode(shown[-1].created_at, shown[-1].id) if more else "")


def _filtered(leads: QuerySet[Lead], chosen: Filters, sight: Sight) -> QuerySet[Lead]:
    for name in ("status", "result"):
        if value := getattr(chosen, name):
            leads = leads.filter(**{name: value})
    for name in ("flow", "source"):
        if value := getattr(chosen, name):
            leads = leads.filter(**{f"{name}__slug": value})
    if chosen.recipient:
        theirs = sight.deliveries().filter(lead=OuterRef("pk"), recipient__slug=chosen.recipient)
        leads = leads.filter(Exists(theirs))
    if chosen.period:
        days = PERIODS[chosen.period][1]
        leads = leads.filter(created_at__gte=datetime.now(UTC) - timedelta(days=days))
    if chosen.test:
        leads = leads.filter(test=chosen.test == "only")
    if chosen.tag:
        leads = tagged(leads, chosen.tag) if sight.sees_all else leads.none()
    return leads


def deliveries_of(lead_ids: Sequence[str], sight: Sight) -> dict[str, list[Delivery]]:
    """The deliveries of some leads, in one query."""
    found: dict[str, list[Delivery]] = defaultdict(list)
    rows = (
        sight.deliveries()
        .filter(lead__in=lead_ids)
        .select_related("recipient")
        .only("id", "lead_id", "state", "outcome", "revenue", "recipient__name")
        .order_by("id")
    )
    for delivery in rows:
        found[delivery.lead_id].append(delivery)
    return found
