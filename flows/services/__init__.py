"""What enhancement steps choose by name: services that are known, each described by one module."""

from flows.services.base import Input, Service
from flows.services.registry import SERVICES

__all__ = ["SERVICES", "Input", "Service"]
