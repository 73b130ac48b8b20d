"""Replies without any endpoint: a buyer that is made up, so that flows can be tried before its
address is known. Touches no network."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Final

import orjson

from leadops.lib import money
from leadops.lib.http import Door, Reply, Request
from recipients.outcomes import Outcome
from recipients.plan import EndpointPlan
from recipients.transports.base import Job
from recipients.transports.errors import TransportError
from recipients.transports.http import HttpTransport

SCHEME: Final = "simulated"
JSON: Final = {"content-type": "application/json"}
SHARES: Final = ("accepted", "rejected", "duplicate", "error")
DECIDED: Final = SHARES[:3]
STATUS: Final = {"accepted": 200, "rejected": 200, "duplicate": 409, "error": 503}
REASONS: Final = {
    "rejected": "Simulated: does not fit",
    "duplicate": "Simulated: known already",
    "error": "Simulated: down for the moment",
}
_STEPS: Final = 2**64


@dataclass(frozen=True, slots=True)
class Chances:
    """Shares of 1; `error` is of attempts, the others are of what is left, which they fill."""

    error: float
    accepted: float
    rejected: float

    def verdict(self, attempt_drawn: float, lead_drawn: float) -> str:
        """What two numbers from 0 up to 1 come to."""
        if attempt_drawn < self.error:
            return "error"
        if lead_drawn < self.accepted:
            return "accepted"
        return "rejected" if lead_drawn < self.accepted + self.rejected else "duplicate"


def chances(endpoint: EndpointPlan) -> Chances:
    """Of the endpoint's options, in per cent. ValueError where they make no whole."""
    parts = {name: endpoint.options[name] for name in SHARES}
    check_shares(parts)
    decided = sum(parts[name] for name in DECIDED)
    return Chances(
        error=parts["error"] / 100,
        accepted=parts["accepted"] / decided if decided else 0.0,
        rejected=parts["rejected"] / decided if decided else 0.0,
    )


def check_shares(parts: dict[str, int]) -> None:
    """Per cents from 0 that make 100 together. ValueError."""
    if any(not 0 <= part <= 100 for part in parts.values()):
        raise ValueError("a share is from 0 to 100 per cent")
    if (total := sum(parts.values())) != 100:
        raise ValueError(f"the shares make {total} per cent, not 100")


class SimulatedTransport(HttpTransport):
    """What would be sent is built and recorded; the answer is drawn by the lead's id.

    A lead gets the same verdict however often it is tried, so that a retry sells no refused lead.
    An error is drawn anew for each attempt: most of them pass.
    """

    def send(self, request: Request, *, job: Job, door: Door) -> Reply:
        endpoint = job.endpoint
        delay = endpoint.options["delay"]
        time.sleep(min(delay, request.timeout))
        if delay > request.timeout:
            raise TransportError("Timeout", may_have_arrived=True, details="Simulated")
        lead = str(job.context.get("lead", {}).get("id", ""))
        whom = f"{endpoint.id} {lead}"
        verdict = chances(endpoint).verdict(_drawn(f"{whom} {job.attempt}"), _drawn(whom))
        return _reply(verdict, whom, endpoint)


def _drawn(of: str) -> float:
    """From 0 up to 1, as if by chance, and always the same for a text."""
    digest = hashlib.sha256(of.encode()).digest()
    return int.from_bytes(digest[:8], "big") / _STEPS


def _reply(verdict: str, whom: str, endpoint: EndpointPlan) -> Reply:
    own = endpoint.options[f"{verdict}_reply"]
    if own:
        return Reply(STATUS[verdict], {}, own.encode(), protocol="Simulated")
    document: dict[str, object] = {"status": verdict}
    if verdict == Outcome.ACCEPTED:
        document["lead_id"] = f"SIM-{hashlib.sha256(whom.encode()).hexdigest()[:10].upper()}"
        if endpoint.options["price"]:
            document["price"] = str(money.parse(endpoint.options["price"]))
    else:
        document["reason"] = REASONS[verdict]
    return Reply(STATUS[verdict], JSON, orjson.dumps(document), protocol="Simulated")
