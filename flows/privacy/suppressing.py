"""Suppression lists at an erasure: who is erased is put on one, or taken off all, if asked for."""

from __future__ import annotations

from collections.abc import Sequence

from events.privacy.holdings import Subject
from flows.suppression import entries
from flows.suppression.values import Unusable
from recipients.models import SuppressionList


class NoSuchList(LookupError):
    """There is no suppression list of that slug."""


def change(subject: Subject, *, by: str, add_to: str = "") -> int:
    """Put the person's addresses and numbers on the list of that slug; without one, take them off
    every list. How many entries came or went. Raises NoSuchList."""
    if add_to:
        row = SuppressionList.objects.filter(slug=add_to).first()
        if row is None:
            raise NoSuchList(f"There is no suppression list {add_to!r}.")
        return _each(row, subject, by=by, adds=True)
    rows = SuppressionList.objects.order_by("pk")
    return sum(_each(row, subject, by=by, adds=False) for row in rows)


def _each(row: SuppressionList, subject: Subject, *, by: str, adds: bool) -> int:
    changed = 0
    for text in _values(row, subject):
        try:
            changed += (entries.add if adds else entries.remove)(row, [text], by=by)
        except Unusable:
            continue
    return changed


def _values(row: SuppressionList, subject: Subject) -> Sequence[str]:
    """What of the person may stand on a list of this type."""
    match row.value_type:
        case "email":
            return subject.emails
        case "phone":
            return subject.numbers
        case _:
            return (*subject.emails, *subject.numbers)
