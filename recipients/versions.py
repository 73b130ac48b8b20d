"""Versions of mappings: what is configured, numbered whenever it has become different."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Max

from recipients.models import MappingRow, MappingVersion, Recipient

FOUND = "as it was found"  # made by no save that keeps versions


def content_of(recipient: Recipient) -> dict[str, Any]:
    """What the recipient's mapping is now, as versions hold it."""
    if recipient.mapping_text.strip():
        return {"text": recipient.mapping_text}
    return {
        "rows": [
            {"key": row.key, "value": row.value, "when": row.when, "keep_blank": row.keep_blank}
            for row in recipient.mapping_rows.all()
        ]
    }


def keep(recipient: Recipient, *, by: str, note: str = "") -> MappingVersion | None:
    """Number what is configured now; None where the newest version says the same already."""
    with transaction.atomic():
        # Two savers at once would take the same number.
        now = Recipient.objects.select_for_update().get(pk=recipient.pk)
        last = now.mapping_versions.first()
        content = content_of(now)
        if last is not None and last.content == content:
            return None
        number = last.number + 1 if last else 1
        return MappingVersion.objects.create(
            recipient=now, number=number, content=content, made_by=by[:150], note=note[:200]
        )


def keep_all() -> None:
    """Number what was changed without `keep`, by a script for example; two queries and no write
    where nothing was. Harmless when several processes do it at once."""
    newest = newest_of_all()
    recipients = Recipient.objects.only("id", "mapping_text").prefetch_related("mapping_rows")
    missing = []
    for recipient in recipients:
        last, content = newest.get(recipient.id), content_of(recipient)
        if last is None or last.content != content:
            number = last.number + 1 if last else 1
            missing.append(
                MappingVersion(recipient=recipient, number=number, content=content, note=FOUND)
            )
    if missing:
        MappingVersion.objects.bulk_create(missing, ignore_conflicts=True)


def newest_of_all() -> dict[str, MappingVersion]:
    """The newest version by recipient, in one query."""
    query = MappingVersion.objects.order_by("recipient_id", "-number").distinct("recipient_id")
    return {version.recipient_id: version for version in query}


def newest_of(recipients: Iterable[str]) -> dict[str, MappingVersion]:
    """The same of these recipients, by their ids."""
    rows = MappingVersion.objects.filter(recipient_id__in=list(recipients))
    newest = rows.order_by("recipient_id", "-number").distinct("recipient_id")
    return {version.recipient_id: version for version in newest}


def newest_numbers() -> dict[str, int]:
    """The number of what is configured, by recipient."""
    found = MappingVersion.objects.order_by().values_list("recipient_id")
    return dict(found.annotate(Max("number")))


def on_trial(recipients: Iterable[Recipient]) -> dict[str, MappingVersion]:
    """The versions on trial by recipient; no query where there is no trial."""
    wanted = {each.id: each.trial_version for each in recipients if each.trial_version}
    if not wanted:
        return {}
    query = MappingVersion.objects.filter(recipient_id__in=wanted, number__in=set(wanted.values()))
    return {row.recipient_id: row for row in query if wanted[row.recipient_id] == row.number}


def restore(recipient: Recipient, version: MappingVersion) -> None:
    """Make a version's content the mapping, unsaved parts of it validated: ValidationError.

    Saves the rows; the recipient itself, with its text, is the caller's to save.
    """
    content: Mapping[str, Any] = version.content
    recipient.mapping_text = content.get("text", "")
    recipient.full_clean()
    if "rows" not in content:
        return
    rows = [
        MappingRow(recipient=recipient, position=place, **row)
        for place, row in enumerate(content["rows"])
    ]
    for row in rows:
        row.full_clean()
    recipient.mapping_rows.all().delete()
    for row in rows:
        row.save()


def lines_of(content: Mapping[str, Any]) -> list[str]:
    """A version as text, a line for a row: what people compare."""
    if "text" in content:
        return str(content["text"]).splitlines()
    return [_line(row) for row in content["rows"]]


def _line(row: Mapping[str, Any]) -> str:
    value = row["value"] if "\n" not in row["value"] else json.dumps(row["value"])
    when = f"  when {row['when']}" if row["when"] else ""
    blank = "  also when blank" if row["keep_blank"] else ""
    return f"{row['key']}: {value}{when}{blank}"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of two versions compared; `side` is both, before or after."""

    side: str
    text: str


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Line]:
    """All lines of two contents, in order; what was replaced stands before what replaced it."""
    old, new = lines_of(before), lines_of(after)
    found: list[Line] = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            found += [Line("both", text) for text in old[a:b]]
            continue
        found += [Line("before", text) for text in old[a:b]]
        found += [Line("after", text) for text in new[c:d]]
    return found
