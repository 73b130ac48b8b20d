"""Takes an example of every type of event from the suite as it runs, for `docs/event-types.md`.

    .venv/bin/python -m pytest -p tests.eventexamples tests/events tests/flows

What is kept of a type is the event that has the most of its fields. `python -m tests.eventtypes`
then writes the page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parent.parent / "docs" / "event-examples.json"
LONGEST = 2_500  # characters; longer ones do not read well
ROW = ("id", "type", "timestamp", "lead_id", "flow_id", "entity_id", "seq", "outcome", "reason",
       "duration_ms")  # fmt: skip
found: dict[str, dict[str, Any]] = {}


@pytest.hookimpl
def pytest_sessionstart() -> None:
    from events.journal import Journal  # Django must be set up

    write = Journal.write

    def taking(self: Journal, cursor: Any) -> None:
        for event in self.events:
            _take(event)
        write(self, cursor)

    Journal.write = taking  # type: ignore[method-assign]


@pytest.hookimpl
def pytest_sessionfinish() -> None:
    kept = json.loads(EXAMPLES.read_text()) if EXAMPLES.exists() else {}
    text = json.dumps({**kept, **found}, indent=1, sort_keys=True, ensure_ascii=False)
    EXAMPLES.write_text(f"{text}\n")


def _take(event: Mapping[str, Any]) -> None:
    from events.ownfields import OWN
    from events.parameters import stamp
    from leadops.lib.bulk import dumps

    if not set(event["data"]) <= set(OWN[event["type"]]):
        return  # tests of the journal itself write whatever they like
    shown = {name: event[name] for name in ROW} | {"timestamp": stamp(event["timestamp"])}
    entry = shown | dict(event["data"])
    entry |= {name: entry[name] or None for name in ROW if name not in ("seq", "duration_ms")}
    text = dumps(entry)
    known = found.get(event["type"])
    if len(text) <= LONGEST and (known is None or _weight(entry) > _weight(known)):
        found[event["type"]] = json.loads(text)


def _weight(entry: Mapping[str, Any]) -> int:
    return sum(value not in (None, "", {}, []) for value in entry.values())
