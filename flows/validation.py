"""What a flow's configuration must satisfy: one set of checks for admin and bundle."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError

from flows import fields
from flows.arrival import termchecks
from flows.patterns import registry
from flows.pricing import service as pricing_service
from flows.services import SERVICES, settings
from flows.steps import appending
from leadops.lib.validation import duplicates as duplicates
from leadops.lib.validation import plain_object as plain_object
from leadops.lib.validation import rules as rules
from recipients import addresses, gatechecks
from recipients import prices as price_rules
from recipients import validation as sending
from recipients.termerrors import TermError

if TYPE_CHECKING:
    from flows.models import Enhancement

FIELD_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
RESERVED = frozenset({"id", "source", "appended", "timestamp", "flow"})
LONGEST_AUCTION = 60.0
LONGEST_SERVICE = 60.0
KINDS = ("conversion", "return", "contacted", "quality", "disposition", "other")
WORDS = ("value", "reason")


def currency(value: str) -> None:
    if not re.fullmatch(r"[A-Z]{3}", value):
        raise ValidationError("Three capitals, e.g. USD.")


def feedback_kinds(value: Any) -> None:
    if not isinstance(value, list) or any(kind not in KINDS for kind in value):
        raise ValidationError(f"A list of kinds: {', '.join(KINDS)}.")


def feedback_words() -> list[str]:
    """What a source is told of a buyer's words, unless it says otherwise."""
    return list(WORDS)


def feedback_include(value: Any) -> None:
    if not isinstance(value, list) or any(word not in WORDS for word in value):
        raise ValidationError(f"A list of: {', '.join(WORDS)}.")


def field_name(value: str) -> None:
    if not FIELD_NAME.match(value):
        raise ValidationError("Small letters, digits and underscores, a letter first.")
    if value in RESERVED:
        raise ValidationError(f"{value} is a word of the system.")


def field_type(value: str) -> None:
    if value not in fields.field_types():
        known = ", ".join(fields.field_types())
        raise ValidationError(f"{value!r} is no field type; there is: {known}.")


def aliases(value: Any) -> None:
    _term(partial(termchecks.aliases, target=_names_a_field), value)


def field_names(value: Any) -> None:
    _term(partial(termchecks.field_names, target=_names_a_field), value)


def networks(value: Any) -> None:
    _term(termchecks.networks, value)


def origins(value: Any) -> None:
    _term(termchecks.origins, value)


def hosts(value: Any) -> None:
    _term(termchecks.hosts, value)


def prices(value: Any) -> None:
    _term(price_rules.parse, value)


def pricing(value: Any) -> None:
    if value != {}:
        _term(pricing_service.compiled, value)


def _term(check: Callable[[Any], Any], value: Any) -> None:
    """The message names the place, and the cause carries it for who knows the line."""
    try:
        check(value)
    except TermError as error:
        raise gatechecks.told(error) from error


def _names_a_field(name: str) -> None:
    try:
        field_name(name)
    except ValidationError as error:
        raise ValueError(error.messages[0].rstrip(".")) from error


def pattern(value: str) -> None:
    if value not in registry.PATTERNS:
        known = ", ".join(registry.PATTERNS)
        raise ValidationError(f"{value!r} is no pattern of this version; there is: {known}.")


def order(value: str) -> None:
    if value not in registry.ORDERS:
        known = ", ".join(registry.ORDERS)
        raise ValidationError(f"{value!r} is no order of this version; there is: {known}.")


def consent(field: str, within: dict[str, Any]) -> None:
    """Ages, texts and times are those of a field of evidence."""
    if field:
        return
    if wrong := [name for name, value in within.items() if value]:
        raise ValidationError({wrong[0]: "Name the field with the evidence first."})


def positive(value: float) -> None:
    if value <= 0:
        raise ValidationError("Longer than nothing, e.g. 30d.")


def candidates(number: int) -> None:
    """A delivery needs somebody to deliver to."""
    if not number:
        raise ValidationError("A delivery needs at least one recipient.")


def filter_rules(rules: Any) -> None:
    if not rules:
        raise ValidationError({"rules": "A filter needs rules."})


def deadline(value: float) -> None:
    if not 0 < value <= LONGEST_AUCTION:
        raise ValidationError(f"Between 1ms and {LONGEST_AUCTION:.0f}s.")


def learning(order: str, *, over: float | None, minimum: int | None, pattern: str = "") -> None:
    """A step of this order or pattern may learn, and says over which time."""
    chosen = registry.PATTERNS.get(pattern)
    learns = order in registry.LEARNING or (chosen is not None and chosen.asks)
    if over is not None and not learns:
        known = ", ".join(sorted(registry.LEARNING))
        raise ValidationError(
            {"learn_over": f"Of the orders only these learn: {known}. Auctions do in any."}
        )
    if minimum is not None and over is None:
        raise ValidationError({"learn_over": "Say over which time it learns, e.g. 7d."})


def opening(pattern: str) -> None:
    """A recipient of a step of this pattern may open at an age of its own."""
    chosen = registry.PATTERNS.get(pattern)
    if chosen is not None and not chosen.uses_tiers:
        raise ValidationError(f"{chosen.label} has no tiers: all are open at once.")


def remediation(pattern: str) -> None:
    """A step of this pattern may have a remediation pool."""
    chosen = registry.PATTERNS.get(pattern)
    if chosen is not None and not chosen.uses_remediation:
        raise ValidationError({"remediation": f"{chosen.label} has no remediation pool."})


def service(value: str) -> None:
    if value not in SERVICES:
        known = ", ".join(SERVICES)
        raise ValidationError(f"{value!r} is no service; there is: {known}.")


def service_url(value: str) -> None:
    sending.template(value)
    if addresses.scheme_of(value) not in ("http", "https"):
        raise ValidationError("Write a whole address, e.g. https://api.example.com/lookup.")
    try:
        addresses.check(value)
    except ValueError as error:
        raise ValidationError(str(error)) from error


def service_timeout(value: float) -> None:
    if not 0 < value <= LONGEST_SERVICE:
        raise ValidationError(f"Between 1ms and {LONGEST_SERVICE:.0f}s: the lead waits for it.")


def append(value: Any) -> None:
    if value != {}:
        _term(appending.parse, value)


def enhancement(row: Enhancement) -> None:
    """Its settings are complete, and fit its service."""
    sending.endpoint_auth(row)
    try:
        settings.check(row)
    except TermError as error:
        attribute, _, rest = error.path.partition(".")
        # Where within the attribute, for who knows the line; and in words for who does not.
        cause = TermError(error.message, rest)
        raise ValidationError({attribute: _caused(f"{cause}.", cause)}) from error


def _caused(message: str, cause: Exception) -> ValidationError:
    error = ValidationError(message)
    error.__cause__ = cause
    return error
