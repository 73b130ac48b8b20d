"""Whether recipients get leads at the moment, and why not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch

from recipients.breaker import Breaker, State
from recipients.models import Endpoint, Recipient


@dataclass(frozen=True, slots=True)
class Standing:
    """`tone` colours the word: good, warn, bad or muted. `until`: when it goes on by itself."""

    word: str
    tone: str
    reason: str = ""
    until: datetime | None = None


ACTIVE = Standing("Active", "good")
# What a standing looks at, in one query.
ENDPOINTS = Prefetch("endpoints", queryset=Endpoint.objects.select_related("breaker"))


def standing(recipient: Recipient, endpoints: Iterable[Endpoint], now: datetime) -> Standing:
    if not recipient.active:
        return Standing("Off", "muted", "Switched off in its configuration")
    if recipient.paused_at:
        return Standing("Paused", "warn", recipient.paused_reason)
    for endpoint in endpoints:
        if endpoint.kind == Endpoint.Kind.SANDBOX:
            continue
        if endpoint.paused_at:
            return Standing("Endpoint paused", "bad", f"{endpoint.kind}: {endpoint.paused_reason}")
        if endpoint.not_before and endpoint.not_before > now:
            return Standing(
                "Waiting", "warn", f"{endpoint.kind}: asked us to wait", endpoint.not_before
            )
        if recipient.breaker_enabled and (row := getattr(endpoint, "breaker", None)):
            found = row.value()
            if found.state is not State.CLOSED:
                return _left_alone(endpoint, found)
    return ACTIVE


def _left_alone(endpoint: Endpoint, found: Breaker) -> Standing:
    if found.state is State.OPEN:
        return Standing("Breaker open", "bad", f"{endpoint.kind}: {found.reason}", found.until)
    return Standing("Recovering", "warn", f"{endpoint.kind}: its breaker is {found.state}")


def standings(recipients: Iterable[Recipient], now: datetime) -> Mapping[str, Standing]:
    """By recipient's id; the recipients come with their endpoints prefetched."""
    return {
        recipient.id: standing(recipient, recipient.endpoints.all(), now)
        for recipient in recipients
    }
