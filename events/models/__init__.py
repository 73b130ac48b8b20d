from events.models.alert import Alert, AlertThreshold, Channel
from events.models.delivery import Delivery
from events.models.destination import Destination
from events.models.feedback import Feedback
from events.models.lead import Lead, LeadKey
from events.models.record import AppendOnly, Event, Exchange, Snapshot
from events.models.recordsettings import RecordSettings
from events.models.rollup import Counted, Figure, Rollup, Tally

__all__ = [
    "Alert",
    "AlertThreshold",
    "AppendOnly",
    "Channel",
    "Counted",
    "Delivery",
    "Destination",
    "Event",
    "Exchange",
    "Feedback",
    "Figure",
    "Lead",
    "LeadKey",
    "RecordSettings",
    "Rollup",
    "Snapshot",
    "Tally",
]
