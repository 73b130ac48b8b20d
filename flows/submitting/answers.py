"""What came of a lead, in the words of submit addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flows.arrival.storing import Answer
from flows.submitting.replies import Outcome, Reply

EMAIL: Final = "email"


def reply_to(
    answer: Answer, posted: Mapping[str, Any], more: Mapping[str, str] | None = None
) -> Reply:
    """The reply; of what was posted it repeats the e-mail address, by which senders match it."""
    lead = {"id": answer.lead_id}
    email = posted.get(EMAIL)
    if isinstance(email, str) and email.strip():
        lead[EMAIL] = email
    outcome = Outcome.SUCCESS if answer.outcome == "accepted" else Outcome.FAILURE
    return Reply(outcome, answer.reason, lead, answer.price, dict(more or {}))
