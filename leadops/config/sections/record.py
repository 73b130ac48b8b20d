"""`record`: what is kept of the record, for how long, and who sees it. One object, not a list."""

from __future__ import annotations

from typing import Any

from events.models import RecordSettings
from leadops.config.concealing import Concealing
from leadops.config.items import Item
from leadops.config.kinds import BOOLEAN, DURATION, INTEGER, LIST, RETENTION
from leadops.config.plans import Draft, Plan
from leadops.config.shapes import Key, Shape

SHAPE = Shape(
    keys=(
        Key("retention.events", RETENTION, "events_kept"),
        Key("retention.exchanges", RETENTION, "exchanges_kept"),
        Key("retention.snapshots", RETENTION, "snapshots_kept"),
        Key("seals.after", DURATION, "seal_after"),
        Key("seals.heads_every", DURATION, "heads_every"),
        Key("seals.heads_to", LIST, "heads_to"),
        Key("access.personal_shown_to", LIST, "personal_shown_to"),
        Key("access.revealed_by", LIST, "revealed_by"),
        Key("access.sensitive_revealed", BOOLEAN, "sensitive_revealed"),
        Key("access.reveals_per_hour", INTEGER, "reveals_per_hour"),
        Key("access.views_recorded", BOOLEAN, "views_recorded"),
    )
)

RETENTION_OF_FLOW = (
    Key("retention.events", RETENTION, "events_kept"),
    Key("retention.exchanges", RETENTION, "exchanges_kept"),
    Key("retention.snapshots", RETENTION, "snapshots_kept"),
)


class Record:
    key, kind, name = "record", "record", "slug"

    def objects(self) -> list[RecordSettings]:
        return [RecordSettings.current()]

    def read(self, plan: Plan, items: list[Item]) -> None:
        """Draft the one row; its defaults are no row, and no reason to save one."""
        for item in items:
            obj = plan.known[self.kind][RecordSettings().slug]
            draft = Draft(obj, item, is_new=False)
            plan.top(self.kind, obj.slug, obj)
            draft.take(SHAPE, SHAPE.read(item))
            draft.check()
            if draft.changed:
                plan.work.append(obj.save)

    def write(self, obj: RecordSettings, concealing: Concealing) -> dict[str, Any]:
        return SHAPE.write(obj, concealing.secret)
