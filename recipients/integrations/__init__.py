"""What staff choose from when they connect a recipient. See docs/adding-a-transport.md."""

from recipients.integrations.base import Field, FieldError, Integration
from recipients.integrations.registry import INTEGRATIONS, integration_for

__all__ = ["INTEGRATIONS", "Field", "FieldError", "Integration", "integration_for"]
