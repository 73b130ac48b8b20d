"""What a flow's configuration must satisfy: one set of checks for admin and bundle."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import ValidationError

from flows import fields
from flows.patterns import registry
from leadops.lib.validation import plain_object as plain_object
from leadops.lib.validation import rules as rules

FIELD_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
RESERVED = frozenset({"id", "source", "appended", "timestamp", "flow"})
KINDS = ("conversion", "return", "contacted", "quality", "disposition", "other")


def currency(value: str) -> None:
    if not re.fullmatch(r"[A-Z]{3}", value):
        raise ValidationError("Three capitals, e.g. USD.")


def feedback_kinds(value: Any) -> None:
    if not isinstance(value, list) or any(kind not in KINDS for kind in value):
        raise ValidationError(f"A list of kinds: {', '.join(KINDS)}.")


def field_name(value: str) -> None:
    if not FIELD_NAME.match(value):
        raise ValidationError("Small letters, digits and underscores, a letter first.")
    if value in RESERVED:
        raise ValidationError(f"{value} is a word of the system.")


def field_type(value: str) -> None:
    if value not in fields.field_types():
        known = ", ".join(fields.field_types())
        raise ValidationError(f"{value!r} is no field type; there is: {known}.")


def pattern(value: str) -> None:
    if value not in registry.PATTERNS:
        known = ", ".join(registry.PATTERNS)
        raise ValidationError(f"{value!r} is no pattern of this version; there is: {known}.")


def order(value: str) -> None:
    if value not in registry.ORDERS:
        known = ", ".join(registry.ORDERS)
        raise ValidationError(f"{value!r} is no order of this version; there is: {known}.")


def duplicates(match: Any, within: float | None) -> None:
    if not isinstance(match, list) or any(
        not isinstance(group, list) or not group or any(not isinstance(n, str) for n in group)
        for group in match
    ):
        raise ValidationError({"duplicate_match": 'A list of sets, e.g. [["email"], ["phone_1"]].'})
    if match and not within:
        raise ValidationError({"duplicate_within": "Say within which time, e.g. 30d."})


def candidates(number: int) -> None:
    """A delivery needs somebody to deliver to."""
    if not number:
        raise ValidationError("A delivery needs at least one recipient.")


def filter_rules(rules: Any) -> None:
    if not rules:
        raise ValidationError({"rules": "A filter needs rules."})


def remediation(pattern: str) -> None:
    """A step of this pattern may have a remediation pool."""
    chosen = registry.PATTERNS.get(pattern)
    if chosen is not None and not chosen.uses_remediation:
        raise ValidationError({"remediation": f"{chosen.label} has no remediation pool."})
