"""What can be exported, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from events.exports.subjects.base import Subject
from events.exports.subjects.deliveries import Deliveries
from events.exports.subjects.events import Events
from events.exports.subjects.leads import Leads

SUBJECTS: Mapping[str, Subject] = MappingProxyType(
    {each.name: each for each in (Events(), Leads(), Deliveries())}
)

__all__ = ["SUBJECTS", "Subject"]
