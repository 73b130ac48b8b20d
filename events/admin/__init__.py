from events.admin.alerts import AlertAdmin, AlertThresholdAdmin, ChannelAdmin
from events.admin.destinations import DestinationAdmin
from events.admin.record import OperationsAdmin
from events.admin.recordsettings import RecordSettingsAdmin
from events.admin.seals import SealAdmin

__all__ = [
    "AlertAdmin",
    "AlertThresholdAdmin",
    "ChannelAdmin",
    "DestinationAdmin",
    "OperationsAdmin",
    "RecordSettingsAdmin",
    "SealAdmin",
]
