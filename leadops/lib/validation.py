"""Checks of configuration that several apps share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from leadops.lib import conditions


def plain_object(value: Any) -> None:
    """An object of texts, numbers and booleans, or of tables of these."""
    if not isinstance(value, dict):
        raise ValidationError("Write an object: {…}.")
    for key, item in value.items():
        parts = item.values() if isinstance(item, dict) else (item,)
        if not all(isinstance(part, str | int | float | bool) for part in parts):
            raise ValidationError(f"{key}: only texts, numbers and booleans.")


def rules(value: Any) -> None:
    """Rules that parse; the messages say where they do not, and bring their causes."""
    try:
        conditions.parse(value)
    except conditions.ConditionError as error:
        raise several({str(each): each for each in error.all}) from error


def several(mistakes: Mapping[str, Exception]) -> ValidationError:
    """One error for several mistakes, each with its message and, for who knows the line, itself as
    the cause."""
    found = []
    for message, cause in mistakes.items():
        error = ValidationError(message)
        error.__cause__ = cause
        found.append(error)
    return found[0] if len(found) == 1 else ValidationError(found)


def duplicates(match: Any, within: float | None) -> None:
    """Sets of fields, and the time within which they make a duplicate."""
    if not isinstance(match, list) or any(
        not isinstance(group, list) or not group or any(not isinstance(n, str) for n in group)
        for group in match
    ):
        raise ValidationError({"duplicate_match": 'A list of sets, e.g. [["email"], ["phone_1"]].'})
    if match and not within:
        raise ValidationError({"duplicate_within": "Say within which time, e.g. 30d."})
