"""Searches that people keep: who sees which, and keeping, sharing, throwing away."""

from __future__ import annotations

import re
from typing import Any, Final

from django.db.models import Q, QuerySet

from events.eventpages.columns import Columns
from events.eventpages.filters import Filters
from events.models import SavedSearch

MOST: Final = 100  # of one person
# What is kept for long names nobody: an address, or a number as long as a phone's.
PERSON = re.compile(r"@|(?:\d[ ().+-]*){7}")


class NotKept(ValueError):
    """It cannot be kept; the text says why."""


def visible(user: Any) -> QuerySet[SavedSearch]:
    """A person's own searches, and those that others share."""
    return SavedSearch.objects.filter(Q(owner=user) | Q(shared=True)).select_related("owner")


def changeable(user: Any) -> QuerySet[SavedSearch]:
    """Those that somebody may throw away: their own; administrators the shared ones too."""
    own = Q(owner=user)
    return SavedSearch.objects.filter(own | Q(shared=True) if user.is_superuser else own)


def keep(
    user: Any, filters: Filters, columns: Columns, *, name: str, shared: bool = False
) -> SavedSearch:
    """Keep it under a name; one of the same name is replaced. Raises NotKept."""
    name = name.replace("\0", "").strip()[:60]
    if not name:
        raise NotKept("Give it a name.")
    if PERSON.search(name) or PERSON.search(filters.reason):
        raise NotKept("A search that is kept must not name a person: leave out what does.")
    if filters.lead or filters.delivery:
        raise NotKept("A search for one lead or delivery cannot be kept: its address can.")
    query = "&".join(filter(None, (filters.query, columns.query)))
    others = SavedSearch.objects.filter(owner=user).exclude(name=name)
    if others.count() >= MOST:
        raise NotKept(f"You keep {MOST} searches already: throw one away first.")
    made, _ = SavedSearch.objects.update_or_create(
        owner=user, name=name, defaults={"query": query, "shared": shared}
    )
    return made
