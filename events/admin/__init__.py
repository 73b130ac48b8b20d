from events.admin.alerts import AlertAdmin, AlertThresholdAdmin, ChannelAdmin
from events.admin.destinations import DestinationAdmin
from events.admin.exports import ExportScheduleAdmin
from events.admin.hooks import EventHookAdmin
from events.admin.passedfeedback import PassedFeedbackAdmin
from events.admin.record import OperationsAdmin
from events.admin.recordsettings import RecordSettingsAdmin
from events.admin.seals import SealAdmin
from events.admin.subscriptions import EventSubscriptionAdmin

__all__ = [
    "AlertAdmin",
    "AlertThresholdAdmin",
    "ChannelAdmin",
    "DestinationAdmin",
    "EventHookAdmin",
    "EventSubscriptionAdmin",
    "ExportScheduleAdmin",
    "OperationsAdmin",
    "PassedFeedbackAdmin",
    "RecordSettingsAdmin",
    "SealAdmin",
]
