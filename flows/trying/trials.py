"""A/B tests of mappings: a share of a recipient's leads goes by another version for a while.

Run-time state of the recipient, as pausing is: bundles neither hold nor end it.
"""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from leadops.lib import history
from recipients.models import MappingVersion, Recipient

FIRST, LAST = 1, 99  # percent: all or none of the leads is no comparison
COLUMNS = ("trial_version", "trial_percent", "trial_since")


class NoTrial(ValueError):
    """Why it cannot be tried."""


def start(recipient: Recipient, version: MappingVersion, percent: int, *, by: str) -> None:
    """From now on `percent` of its leads go by `version`. Raises NoTrial."""
    newest = recipient.mapping_versions.first()
    if newest is not None and newest.number == version.number:
        raise NoTrial(f"Version {version.number} is the mapping itself: choose another one.")
    if not FIRST <= percent <= LAST:
        raise NoTrial(f"A trial takes {FIRST} to {LAST} percent of the leads.")
    _set(recipient, version.number, percent, by=by)


def end(recipient: Recipient, *, by: str) -> None:
    """All leads go by what is configured again. Nothing happens without a trial."""
    if recipient.trial_version is not None:
        _set(recipient, None, 0, by=by)


def _set(recipient: Recipient, number: int | None, percent: int, *, by: str) -> None:
    with transaction.atomic():
        row = Recipient.objects.select_for_update().get(pk=recipient.pk)
        before = _shown(row)
        row.trial_version, row.trial_percent = number, percent
        row.trial_since = timezone.now() if number else None
        row.save(update_fields=COLUMNS)
        history.keeper().record_change(before, _shown(row), row, by)
    for column in COLUMNS:
        setattr(recipient, column, getattr(row, column))


def _shown(recipient: Recipient) -> dict[str, object]:
    if recipient.trial_version is None:
        return {"mapping_trial": {}}
    values = {"version": recipient.trial_version, "percent": recipient.trial_percent}
    return {"mapping_trial": values}
