"""What a reply to a whole batch says stands with each of its leads, and in the record of the batch:
there it repeats nobody's private values, for whoever of them is erased is erased alone."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from events.masking import TextMask, is_searched, mentions
from flows.plan import FlowPlan
from flows.steps import impersonal

MOST_KNOWN = 64  # texts; most replies have one reason and one body


def hiding(leads: Sequence[tuple[Mapping[str, Any], FlowPlan]]) -> Callable[[str], str]:
    """Masks in a text what it repeats of any of these leads; each has its values and its flow.
    Nothing is looked at before there is a text."""

    @functools.cache
    def private() -> frozenset[str]:
        return frozenset(
            str(value)
            for values, flow in leads
            for name, value in impersonal.private_of(values, flow).items()
            if is_searched(name) and not isinstance(value, bool)
        )

    @functools.lru_cache(maxsize=MOST_KNOWN)
    def hide(text: str) -> str:
        if not text.strip() or not mentions(text, private()):
            return text
        # A pattern of the values of thousands of leads would be too long.
        said = {str(place): v for place, v in enumerate(private()) if mentions(text, [v])}
        return TextMask([said], dict.fromkeys(said, "personal")).text(text)

    return hide
