"""A lead as rules read it: its values, and those of its source under `source.x`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.plan import SourcePlan


def judged(values: Mapping[str, Any], source: SourcePlan | None) -> Mapping[str, Any]:
    """What a rule is evaluated on. The lead's own values go before those of its source."""
    return values if source is None else {**values, "source": source.values}
