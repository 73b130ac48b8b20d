from events.models.alert import Alert, AlertThreshold, Channel
from events.models.delivery import Delivery
from events.models.destination import Destination
from events.models.export import Export, ExportLink, ExportPiece
from events.models.exportschedule import ExportSchedule
from events.models.feedback import Feedback
from events.models.hook import EventHook, HookCount, HookFiring, HookFollower, HookNotice
from events.models.lead import Lead, LeadKey
from events.models.leadtag import LeadTag
from events.models.passing import FeedbackLine, PassedFeedback
from events.models.privacyrequest import PrivacyRequest
from events.models.record import AppendOnly, Event, Exchange, Snapshot
from events.models.recordsettings import RecordSettings
from events.models.rollup import Counted, Figure, Rollup, Tally
from events.models.savedsearch import SavedSearch
from events.models.seal import Head, Seal
from events.models.streamsbeat import StreamsBeat
from events.models.subscription import EventSubscription
from events.models.trim import Trim, TrimRun

__all__ = [
    "Alert",
    "AlertThreshold",
    "AppendOnly",
    "Channel",
    "Counted",
    "Delivery",
    "Destination",
    "Event",
    "EventHook",
    "EventSubscription",
    "Exchange",
    "Export",
    "ExportLink",
    "ExportPiece",
    "ExportSchedule",
    "Feedback",
    "FeedbackLine",
    "Figure",
    "Head",
    "HookCount",
    "HookFiring",
    "HookFollower",
    "HookNotice",
    "Lead",
    "LeadKey",
    "LeadTag",
    "PassedFeedback",
    "PrivacyRequest",
    "RecordSettings",
    "Rollup",
    "SavedSearch",
    "Seal",
    "Snapshot",
    "StreamsBeat",
    "Tally",
    "Trim",
    "TrimRun",
]
