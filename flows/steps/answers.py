"""Answers of services that are kept: what a turn looks up for the leads that are about to ask.

Only for steps that keep answers: one statement a turn, whatever the number of leads. Two leads
that miss the same answer at once both ask; the later answer is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.utils import timezone

from flows.models import ServiceAnswer
from flows.steps.enhancements import EnhanceStep
from leadops.lib import secrets, wire
from leadops.lib.bulk import Table, dumps
from recipients.mapping import RenderError
from recipients.plan import Context

READ = """
    SELECT digest, body FROM flows_serviceanswer
    WHERE digest = ANY(ARRAY(SELECT decode(d, 'hex') FROM unnest(%s::text[]) AS d))
      AND expires_at > %s
"""
TABLE = Table(
    "flows_serviceanswer",
    {
        "digest": "bytea",
        "step_id": "text",
        "lead_id": "text",
        "body": "text",
        "expires_at": "timestamptz",
    },
)
REPLACE = (
    "ON CONFLICT (digest) DO UPDATE SET body = excluded.body, lead_id = excluded.lead_id, "
    "expires_at = excluded.expires_at"
)
HAND_OVER = """
    UPDATE flows_serviceanswer AS a SET lead_id = %s, digest = coalesce(
        (
            SELECT decode(r.now, 'hex') FROM json_to_recordset(%s::json) AS r(was text, now text)
            WHERE decode(r.was, 'hex') = a.digest
        ),
        a.digest
    )
    WHERE a.lead_id = %s
"""

Values = Mapping[str, Any]


@dataclass(slots=True)
class Kept:
    """The answers that a turn has found, and those that came in it.

    `looked_up` are the questions whose answers it has looked for.
    """

    at: datetime
    found: dict[bytes, Values] = field(default_factory=dict)
    looked_up: set[bytes] = field(default_factory=set)
    new: dict[bytes, dict[str, Any]] = field(default_factory=dict)

    def look_up(self, digests: Iterable[bytes]) -> None:
        """Read what is kept for these questions."""
        wanted = {*digests} - self.looked_up
        if not wanted:
            return
        self.looked_up |= wanted
        with wire.cursor() as cursor:
            cursor.execute(READ, [wire.array(sorted(d.hex() for d in wanted)), self.at])
            for digest, body in cursor.fetchall():
                self.found[bytes(digest)] = orjson.loads(secrets.decrypt(body))

    def get(self, digest: bytes) -> Values | None:
        """The answer, where one is kept. Looked up alone where the turn did not foresee it: the
        question hangs on what another service said a moment ago."""
        if not digest:
            return None
        self.look_up([digest])
        return self.found.get(digest)

    def keep(
        self, step: EnhanceStep, digest: bytes, lead_id: str, values: Values, *, ping: float = 0.0
    ) -> None:
        """Keep an answer for as long as its step says, one of a ping for so many seconds."""
        if not digest:
            return
        self.found[digest] = values
        self.new[digest] = {
            "digest": digest,
            "step_id": step.id,
            "lead_id": lead_id,
            "body": secrets.encrypt(dumps(values)),
            "expires_at": self.at + timedelta(seconds=ping or step.cached),
        }

    def forget(self, lead_id: str) -> None:
        """Keep nothing of a lead after all."""
        for digest in [d for d, row in self.new.items() if row["lead_id"] == lead_id]:
            del self.new[digest]

    def write(self, cursor: Any) -> None:
        """Write the new ones, in an order that is the same for everybody who writes."""
        TABLE.insert(cursor, [self.new[digest] for digest in sorted(self.new)], suffix=REPLACE)


def digest_of(step: EnhanceStep, context: Context, *, test: bool) -> bytes:
    """Names what a step asks; blank where it keeps no answers, or where there is nothing to ask."""
    return question_of(step, context, test=test) if step.cached else b""


def question_of(step: EnhanceStep, context: Context, *, test: bool) -> bytes:
    """The same, of a step that keeps no answers too."""
    if step.broken:
        return b""
    try:
        asked = list(_asked(step, context))
    except RenderError:
        return b""  # asking says why
    if not any(asked):
        return b""
    return secrets.search_digest("test answer" if test else "answer", dumps([step.mark, asked]))


def of_ping(question: bytes, whose: str) -> bytes:
    """Names the answer to a question that a ping has asked, for its own lead: `whose` is the id of
    the ping, then of the lead."""
    return (
        secrets.search_digest("answer of a ping", f"{whose} {question.hex()}") if question else b""
    )


def hand_over(cursor: Any, ping_id: str, lead_id: str, questions: Iterable[str]) -> None:
    """The answers of a ping become those of its lead."""
    named = [(bytes.fromhex(each), each) for each in questions]
    rows = [
        {"was": of_ping(each, ping_id).hex(), "now": of_ping(each, lead_id).hex()}
        for each, _ in named
    ]
    cursor.execute(HAND_OVER, [lead_id, dumps(rows), ping_id])


def _asked(step: EnhanceStep, context: Context) -> Iterator[Any]:
    if step.cache_key is not None:
        yield step.cache_key.text(context).strip()
        return
    yield step.endpoint.url.text(context)
    yield step.plan.mapping.render(context)


def forget_old() -> int:
    """Delete the answers that are kept no longer; how many."""
    return ServiceAnswer.objects.filter(expires_at__lt=timezone.now()).delete()[0]


def forget_leads(lead_ids: Iterable[str]) -> int:
    """Delete what services said about these leads; how many."""
    return ServiceAnswer.objects.filter(lead_id__in=[*lead_ids]).delete()[0]
