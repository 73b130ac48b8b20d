from flows.models.bulk_retry import BulkRetry
from flows.models.flow import Flow, FlowField, FlowSource
from flows.models.guard import DuplicateClaim, IntakeKey, RecipientClaim
from flows.models.revision import Revision
from flows.models.source import Source, SourceKey
from flows.models.step import Step, StepRecipient
from flows.models.work import Pump, Work

__all__ = [
    "BulkRetry",
    "DuplicateClaim",
    "Flow",
    "FlowField",
    "FlowSource",
    "IntakeKey",
    "Pump",
    "RecipientClaim",
    "Revision",
    "Source",
    "SourceKey",
    "Step",
    "StepRecipient",
    "Work",
]
