"""What is known of a lead and a recipient that stands in neither's configuration, and the words in
which it turns a lead away, at the door as at a recipient. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flows.arrival.consent import Evidence


@dataclass(frozen=True, slots=True)
class Facts:
    """What admission is told: the lead's consent, the list that it is on, when the recipient got
    another lead with the same values."""

    consent: Evidence | None = None
    suppressed_by: str = ""
    duplicate_of: datetime | None = None


NONE = Facts()


def on_list(slug: str) -> str:
    return f"Suppressed: on list {slug}"


def repeats(earlier: datetime) -> str:
    return f"Duplicate: Previously submitted {earlier:%Y-%m-%d}"
