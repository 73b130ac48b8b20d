from events.admin.alerts import AlertAdmin, AlertThresholdAdmin, ChannelAdmin
from events.admin.record import OperationsAdmin

__all__ = ["AlertAdmin", "AlertThresholdAdmin", "ChannelAdmin", "OperationsAdmin"]
