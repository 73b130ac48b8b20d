"""What a buyer is sent: each field, with the value that it has for a sample lead."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from leadops.lib.redact import MASK
from recipients import mapping
from recipients.mapping import Row
from recipients.models import Recipient
from recipients.plan import Context, RecipientPlan
from recipients.specification.samples import example_of
from recipients.specification.ways import REFERENCE, hidden

MASKED = re.compile(r"""\bformat\s+[^\s{}]+\s+"([^"]+)\"""")
ALWAYS, KNOWN, SOMETIMES = "always", "when known", "in some cases"
EXAMPLE_LENGTH = 120
# Values that every lead and delivery has.
ALWAYS_THERE = frozenset({"lead.id", "lead.timestamp", "now", "delivery_attempt"})
ALWAYS_ROOTS = ("delivery.", "flow.")
WORDS = {
    "email": "e-mail address",
    "phone": "phone number",
    "postal_code": "postal code",
    "state": "code of a state, e.g. TX",
    "country": "code of a country, e.g. US",
    "date": "date, YYYY-MM-DD",
    "date_of_birth": "date, YYYY-MM-DD",
    "time": "time, HH:MM",
    "url": "address of a page",
    "ip": "IP address",
    "ssn": "social security number",
    "currency": "amount",
    "trustedform_url": "address of a certificate",
}


@dataclass(frozen=True, slots=True)
class Item:
    """A field of the document; `sent` says when it is there."""

    name: str
    type: str
    format: str
    example: str
    sent: str


def _rows(recipient: Recipient) -> list[Row]:
    if recipient.mapping_text.strip():
        return mapping.rows_of_text(recipient.mapping_text)
    return [
        Row(row.key, row.value, row.when, row.keep_blank) for row in recipient.mapping_rows.all()
    ]


def items_of(
    recipient: Recipient,
    context: Context,
    plan: RecipientPlan,
    *,
    kinds: Mapping[str, str],
    required: Collection[str],
) -> Iterator[Item]:
    """One a name; of several cases of a name the one that gives a value serves as example."""
    by_name: dict[str, list[Row]] = {}
    for row in _rows(recipient):
        by_name.setdefault(row.key, []).append(row)
    for name, cases in by_name.items():
        found = [example_of(row, context) for row in cases]
        value = next((each for each in reversed(found) if each not in (None, "")), None)
        sent = {_sent(row, required) for row in cases}
        yield Item(
            name=name,
            type=_type(value),
            format=next((text for row in cases if (text := _form(row, kinds))), ""),
            example=_shown(value, name, plan),
            sent=min(sent, key=(ALWAYS, KNOWN, SOMETIMES).index),
        )


def _sent(row: Row, required: Collection[str]) -> str:
    if row.when:
        return SOMETIMES
    template = mapping.compile_template(row.value)
    if row.keep_blank or template.is_constant:
        return ALWAYS
    return ALWAYS if all(_is_there(path, required) for path in template.paths) else KNOWN


def _is_there(path: str, required: Collection[str]) -> bool:
    if path in ALWAYS_THERE or path.startswith(ALWAYS_ROOTS):
        return True
    return path.startswith("lead.") and path.removeprefix("lead.") in required


def _form(row: Row, kinds: Mapping[str, str]) -> str:
    """The mask it is written by, else what a field of its kind looks like."""
    if found := MASKED.search(row.value):
        return found[1]
    if REFERENCE.search(row.value):
        return "the same for all leads"
    template = mapping.compile_template(row.value)
    if template.is_constant:
        return "the same for all leads"
    words = {WORDS.get(kinds.get(path.removeprefix("lead."), ""), "") for path in template.paths}
    return words.pop() if len(words) == 1 else ""


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float | Decimal):
        return "number"
    if isinstance(value, list):
        return "list"
    return "object" if isinstance(value, dict) else "text"


def _shown(value: Any, name: str, plan: RecipientPlan) -> str:
    if value in (None, ""):
        return ""
    if plan.redactor.is_sensitive(name.rpartition(".")[2]):
        return MASK
    return hidden(plan.redactor.text(mapping.text_of(value)))[:EXAMPLE_LENGTH]
