from recipients.models.batching import Batching
from recipients.models.breaker import Breaker
from recipients.models.credentials import Credentials
from recipients.models.endpoint import Endpoint
from recipients.models.mapping_row import MappingRow
from recipients.models.mapping_version import MappingVersion
from recipients.models.partner_key import PartnerKey
from recipients.models.ping import Ping
from recipients.models.recipient import Recipient
from recipients.models.response_rule import ResponseRule
from recipients.models.retry_rule import RetryRule
from recipients.models.secret import Secret
from recipients.models.specification_link import SpecificationLink
from recipients.models.suppression import (
    SuppressionEntry,
    SuppressionList,
    SuppressionPiece,
    SuppressionUpload,
)
from recipients.models.test_case import TestCase
from recipients.models.token import Token

__all__ = [
    "Batching",
    "Breaker",
    "Credentials",
    "Endpoint",
    "MappingRow",
    "MappingVersion",
    "PartnerKey",
    "Ping",
    "Recipient",
    "ResponseRule",
    "RetryRule",
    "Secret",
    "SpecificationLink",
    "SuppressionEntry",
    "SuppressionList",
    "SuppressionPiece",
    "SuppressionUpload",
    "TestCase",
    "Token",
]
