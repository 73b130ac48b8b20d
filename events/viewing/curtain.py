"""What stands before one viewer's eyes on the page of a lead, and what is drawn aside for now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from events.models import Lead
from events.viewing import revealing
from events.viewing.revealing import Class
from events.visibility import Sight


@dataclass(frozen=True, slots=True)
class Curtain:
    """What stands before one viewer's eyes: the classes that may be revealed, and those that are
    for now. `sight` is what the page is to be shown by; `sensitive` what no snapshot has."""

    sight: Sight
    may: frozenset[Class]
    until: dict[Class, datetime]
    sensitive: dict[str, Any]

    @property
    def closed(self) -> list[str]:
        return sorted(self.may - self.until.keys())

    @property
    def ends(self) -> datetime | None:
        return min(self.until.values(), default=None)


def curtain(user: Any, lead: Lead, sight: Sight) -> Curtain:
    """For the page of a lead that the viewer may see. No query more where the role is shown
    everything it may ever see."""
    may = revealing.allowed(user)
    if not lead.sensitive:
        may -= {Class.SENSITIVE}
    until = revealing.open_until(user, lead.id) if may else {}
    hidden = revealing.sensitive(lead) if Class.SENSITIVE in until else {}
    seen = sight.revealing() if Class.PERSONAL in until else sight
    return Curtain(seen, may, until, hidden)
