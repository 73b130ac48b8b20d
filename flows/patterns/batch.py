"""All recipients of the list, each in batches of its own."""

from __future__ import annotations

from flows.patterns.multi import Multi


class InBatches(Multi):
    """As `multi`; and who has no batches of its own gathers a hundred leads, or five minutes of
    them, for a JSON list."""

    name = "batch"
    label = "All recipients, in batches"
    gathers = True
