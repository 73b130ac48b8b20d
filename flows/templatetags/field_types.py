"""What the types of fields are and take, for the page where they are chosen."""

from __future__ import annotations

from django import template

from flows.fields import FIELD_TYPES, FieldType

register = template.Library()


@register.simple_tag
def field_types() -> list[FieldType]:
    """By name, as the select lists them."""
    return [FIELD_TYPES[name] for name in sorted(FIELD_TYPES)]
