"""Checks of configuration that several apps share."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError

from leadops.lib import conditions


def plain_object(value: Any) -> None:
    """An object of texts, numbers and booleans."""
    if not isinstance(value, dict):
        raise ValidationError("Write an object: {…}.")
    for key, item in value.items():
        if not isinstance(item, str | int | float | bool):
            raise ValidationError(f"{key}: only texts, numbers and booleans.")


def rules(value: Any) -> None:
    """Rules that parse; the message says where they do not."""
    try:
        conditions.parse(value)
    except conditions.ConditionError as error:
        raise ValidationError(str(error)) from error
