"""What others said of a lead, as the permanent record may repeat it.

Requests, replies and values are in exchanges and snapshots, which can be erased; events cannot.
So whatever a buyer, a bidder or a service repeats of the lead is masked in what becomes an event,
and so is an address that was made of the lead's values. Of a lead that was erased nobody knows any
more what would have to be masked: there the record has words of ours alone.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from events.masking import MASK, OPEN_ROOTS, TextMask, mentions
from events.privacy.wording import TELLING, tells
from flows.plan import FlowPlan
from flows.turns.runs import Run
from recipients.deliver import Attempt
from recipients.outcomes import Result
from recipients.plan import RecipientPlan

_ADDRESS = re.compile(r"@|%40")
_NUMBER = re.compile(r"\+?[\d() .-]{10,20}")


def attempt(run: Run, made: Attempt, *, moves: bool = True) -> Attempt:
    """The attempt with the lead's own values masked in what was said of it. `moves`: the address
    it went to may hold some."""
    if run.lead.salt is None:
        return dataclasses.replace(made, result=_in_our_words(made.result), place=_host(made))
    result = made.result
    place = made.request.url.partition("?")[0] if moves and made.request else ""
    captured = map(str, result.captures.values())
    texts = (result.reason, result.message, result.details, result.buyer_lead_id, place)
    said = " ".join((*texts, *captured))
    if not said.strip():
        return made
    known = private_values(run)
    if not known or not mentions(said, known.values()):
        return made
    mask = _mask(known)
    own_id = MASK if tells(result.buyer_lead_id, known.values()) else result.buyer_lead_id
    return dataclasses.replace(
        made,
        result=dataclasses.replace(
            result,
            reason=mask.text(result.reason),
            message=mask.text(result.message),
            details=mask.text(result.details),
            buyer_lead_id=own_id,
            captures={name: mask.text(str(word)) for name, word in result.captures.items()},
        ),
        place=mask.text(place) if place else None,
    )


def moves(plan: RecipientPlan) -> bool:
    """Whether an address of the recipient may be made of the lead's values."""
    return any(each.integration != "http" or not each.url.is_constant for each in plan.endpoints())


def text(run: Run, said: str) -> str:
    """A text that a person wrote about the lead, without the lead's own values."""
    known = private_values(run)
    if not said or not known or not mentions(said, known.values()):
        return said
    return _mask(known).text(said)


def kept_id(run: Run, own_id: str) -> str:
    """The buyer's name for the lead, as the delivery keeps it; of an erased lead none that is an
    address or a number."""
    if run.lead.salt is None and (_ADDRESS.search(own_id) or _NUMBER.fullmatch(own_id)):
        return ""
    return own_id[:200]


def shown_id(run: Run, own_id: str) -> str:
    """Another's name for the lead or a bid, as an event may hold it."""
    if run.lead.salt is None:
        return ""
    return MASK if own_id and tells(own_id, private_values(run).values()) else own_id


def _mask(known: Mapping[str, Any]) -> TextMask:
    return TextMask([known], dict.fromkeys(known, "personal"))


def private_values(run: Run) -> dict[str, Any]:
    """The values that no event may hold, with their components; of what no flow describes those
    that are long enough to be somebody's: a reason may name a state."""
    return private_of(run.lead.known, run.flow)


def private_of(values: Mapping[str, Any], flow: FlowPlan) -> dict[str, Any]:
    """The same of a lead's values in a flow."""
    return {
        name: value
        for name, value in values.items()
        if value is not None and _is_private(name, value, flow)
    }


def _is_private(name: str, value: Any, flow: FlowPlan) -> bool:
    private = flow.private
    if name in private:
        return True
    root = name.partition(".")[0]
    if root in OPEN_ROOTS or root not in private:
        return False
    return flow.describes(root) or len(str(value)) >= TELLING


def _in_our_words(result: Result) -> Result:
    reason = "" if result.accepted else result.outcome.value.replace("_", " ").capitalize()
    return dataclasses.replace(
        result, reason=reason, message="", details="", buyer_lead_id="", captures={}
    )


def _host(made: Attempt) -> str | None:
    if made.request is None:
        return None
    parts = urlsplit(made.request.url)
    return f"{parts.scheme}://{parts.hostname or ''}"
