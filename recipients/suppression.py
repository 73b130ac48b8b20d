"""What a suppression list is to those that look values up in it, and what may be written of one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError

from recipients.plan import ListPlan

if TYPE_CHECKING:
    from recipients.models import SuppressionList

# Field types by which values of lists are read; names are those of lead fields' types.
TYPES = {
    "phone": "Phone number",
    "email": "E-mail address",
    "string": "Text",
    "postal_code": "Postal code",
    "ip": "IP address",
}
_BY_NAME = (
    ("email", re.compile(r"e_?mail")),
    ("phone", re.compile(r"phone|mobile|cell|landline|caller")),
    ("postal_code", re.compile(r"postal|zip")),
    ("ip", re.compile(r"(?:^|_)ip(?:_|$)")),
)
_NAME = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*\Z")


def plan_of(row: SuppressionList) -> ListPlan:
    return ListPlan(row.id, row.slug, tuple(row.fields), row.value_type, row.hashed)


def type_by_name(name: str) -> str:
    """The type that a field's name promises; a component such as `email.domain` is a text."""
    if "." not in name:
        for kind, pattern in _BY_NAME:
            if pattern.search(name):
                return kind
    return "string"


def field_names(value: Any) -> None:
    """At least one name of a lead's field or of a component, none twice."""
    if not isinstance(value, list) or not value:
        raise ValidationError('Name the fields that are looked up, e.g. ["phone_1"].')
    for name in value:
        if not isinstance(name, str) or not _NAME.match(name):
            raise ValidationError(f"{str(name)[:60]!r} is no name of a field.")
    if len(set(value)) < len(value):
        raise ValidationError("A field stands here twice.")


def value_type(value: str) -> None:
    if value and value not in TYPES:
        raise ValidationError(f"{value!r} is no type of a list; there is: {', '.join(TYPES)}.")


def values_stay(row: SuppressionList, before: SuppressionList) -> None:
    """The entries of a list are digests: nobody can read them in another way afterwards."""
    if row.hashed != before.hashed:
        raise ValidationError({"hashed": "It has entries, which cannot be read anew."})
    if row.value_type != before.value_type:
        field = "type" if row.type != before.type else "fields"
        raise ValidationError(
            {field: f"Its entries were read as {TYPES[before.value_type].lower()}."}
        )


def plans_of(rows: Iterable[SuppressionList]) -> tuple[ListPlan, ...]:
    return tuple(plan_of(row) for row in rows)
