"""A lead's values for a test call, so that what failed can be tried as it was.

What the buyer was sent before it may be sent again, marked as a test; nothing of it goes to one
that never had the lead, or is shown to those whose role hides it: invented values stand there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from events import directory
from events.masking import personal_names
from events.models import Delivery, Lead
from events.snapshots import Snapshots
from events.visibility import Sight
from flows.trying import testcalls
from recipients.models import Recipient


@dataclass(frozen=True, slots=True)
class Like:
    """`values` of the lead, in place of personal ones invented ones where `invented`."""

    lead_id: str
    values: Mapping[str, Any]
    invented: bool


def like(recipient: Recipient, lead_id: str, sight: Sight) -> Like | None:
    """None where the viewer may not see the lead, or its values are there no longer."""
    lead = sight.leads().filter(id=lead_id).first()
    if lead is None:
        return None
    newest = (lead.id, lead.snapshot)
    recorded = Snapshots.read([newest], timezone.now()).bodies.get(newest)
    if recorded is None:
        return None
    privacy = directory.privacy(lead.flow_id)
    hidden = personal_names(recorded, privacy)
    open_to_it = sight.sees_personal and _had(recipient, lead)
    values = {}
    invented = False
    for name, made_up in testcalls.sample_values(recipient).items():
        if name not in recorded:
            if privacy.get(name) == "sensitive":
                values[name], invented = made_up, True
        elif name in hidden and not open_to_it:
            values[name], invented = made_up, True
        else:
            values[name] = recorded.get(f"{name}.raw", recorded[name])
    return Like(lead.id, values, invented)


def _had(recipient: Recipient, lead: Lead) -> bool:
    """Was it sent to this recipient before?"""
    return Delivery.objects.filter(recipient=recipient, lead=lead, attempts__gt=0).exists()
