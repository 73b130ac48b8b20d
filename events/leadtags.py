"""The words that hooks put on leads: the staff's own, shown to those who see every lead."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, QuerySet

from events.models import EventHook, Lead, LeadTag
from events.visibility import Sight


def given() -> list[str]:
    """Those that hooks give."""
    found = EventHook.objects.exclude(tag="").order_by("tag")
    return list(found.values_list("tag", flat=True).distinct())


def with_tags(leads: QuerySet[Lead], sight: Sight) -> QuerySet[Lead]:
    """Each with its tags, in the same query; for others than staff as they are."""
    if not sight.sees_all:
        return leads
    of_lead = LeadTag.objects.filter(lead_id=OuterRef("pk")).order_by("tag")
    return leads.annotate(tags=ArraySubquery(of_lead.values("tag")))


def tagged(leads: QuerySet[Lead], tag: str) -> QuerySet[Lead]:
    """Those that have the tag. The caller has looked whether the asker may know."""
    return leads.filter(Exists(LeadTag.objects.filter(lead_id=OuterRef("pk"), tag=tag)))


def of_leads(ids: Collection[str]) -> dict[str, list[str]]:
    """The tags of some leads, in the order of the alphabet, by one query."""
    found: dict[str, list[str]] = defaultdict(list)
    rows = LeadTag.objects.filter(lead_id__in=ids).order_by("lead_id", "tag")
    for lead_id, tag in rows.values_list("lead_id", "tag"):
        found[lead_id].append(tag)
    return found
