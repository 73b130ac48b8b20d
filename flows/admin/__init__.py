from flows.admin.flow import FlowAdmin
from flows.admin.recipient import RecipientAdmin
from flows.admin.source import SourceAdmin
from flows.admin.step import StepAdmin
from flows.admin.suppression import SuppressionListAdmin

__all__ = ["FlowAdmin", "RecipientAdmin", "SourceAdmin", "StepAdmin", "SuppressionListAdmin"]
