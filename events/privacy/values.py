"""What leads say, in all versions, as long as it is there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from events.masking import OPEN_ROOTS

BODIES = """
    SELECT lead_id, version, body FROM events_snapshot
    WHERE lead_id = ANY(%s) AND at >= %s ORDER BY lead_id, version
"""


def of_leads(
    cursor: Any, lead_ids: Sequence[str], since: datetime | None
) -> dict[str, dict[str, Any]]:
    """By lead, every value of every version that was posted or appended; names of earlier versions
    are told apart by their number."""
    if since is None:
        return {}
    cursor.execute(BODIES, [list(lead_ids), since])
    found: dict[str, dict[str, Any]] = {}
    for lead_id, version, body in cursor.fetchall():
        values = found.setdefault(lead_id, {})
        for name, value in (json.loads(body) if isinstance(body, str) else body).items():
            if name.partition(".")[0] in OPEN_ROOTS or value is None or isinstance(value, bool):
                continue
            if values.setdefault(name, value) != value:
                values[f"{name}@{version}"] = value
    return found
