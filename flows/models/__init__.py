from flows.models.batch import Batch
from flows.models.batch_answer import BatchAnswer
from flows.models.bid import Bid
from flows.models.bulk_retry import BulkRetry
from flows.models.capcount import CapCount
from flows.models.enhancement import Enhancement
from flows.models.flow import Flow, FlowField, FlowSource
from flows.models.flow_move import FlowMove
from flows.models.flow_version import FlowVersion
from flows.models.guard import DuplicateClaim, IntakeKey, RecipientClaim
from flows.models.lead_import import LeadImport, LeadImportPiece, LeadImportRow
from flows.models.ping import SourcePing
from flows.models.price_figure import PriceFigure
from flows.models.revision import Revision
from flows.models.service_answer import ServiceAnswer
from flows.models.share import Measured, StepShare
from flows.models.source import Source, SourceKey
from flows.models.step import Step, StepRecipient
from flows.models.submission_link import SubmissionLink
from flows.models.work import Pump, Work

__all__ = [
    "Batch",
    "BatchAnswer",
    "Bid",
    "BulkRetry",
    "CapCount",
    "DuplicateClaim",
    "Enhancement",
    "Flow",
    "FlowField",
    "FlowMove",
    "FlowSource",
    "FlowVersion",
    "IntakeKey",
    "LeadImport",
    "LeadImportPiece",
    "LeadImportRow",
    "Measured",
    "PriceFigure",
    "Pump",
    "RecipientClaim",
    "Revision",
    "ServiceAnswer",
    "Source",
    "SourceKey",
    "SourcePing",
    "Step",
    "StepRecipient",
    "StepShare",
    "SubmissionLink",
    "Work",
]
