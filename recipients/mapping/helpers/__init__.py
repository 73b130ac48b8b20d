"""The helpers of the mapping language. A new one is a function in one of these files."""

from recipients.mapping.helpers import choice, codes, dates, lists, numbers, text
from recipients.mapping.helpers.registry import REGISTRY, BadArguments, Helper

__all__ = [
    "REGISTRY",
    "BadArguments",
    "Helper",
    "choice",
    "codes",
    "dates",
    "lists",
    "numbers",
    "text",
]
