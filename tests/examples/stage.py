"""Where the examples are played: simulated buyers, a door to them, and what became of the leads.

Leads go through intake and the engine's turns; what is due is sent as the pump's threads send it.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from events.models import Delivery, Event, Lead
from flows.models import Flow, Source
from flows.turns import askers
from flows.turns.desk import Sending
from flows.turns.inquiries import Answers, Inquiry, Question
from leadops.buyers import Buyers
from leadops.lib.http import Door
from recipients.auth import Keyring
from recipients.deliver import Attempt, deliver
from recipients.models import Endpoint
from tests.flows.scene import Scene
from tests.leadops.config.bundles import load

HERE = Path(__file__).parent
LEAD = {
    "email": "john.smith@example.com",
    "first_name": "John",
    "last_name": "Smith",
    "phone_1": "(512) 555-1234",
    "state": "TX",
    "score": "85",
    "timezone": "America/Chicago",
    "product_interest": "Auto",
    "loan_amount": "25000",
    "credit_range": "680-720",
}
# More than any example needs: what waits for something else than time would go on for ever.
MOST_ROUNDS = 40


@dataclass(frozen=True)
class Story:
    """What became of a lead, as the tables have it now."""

    lead_id: str

    @property
    def lead(self) -> Lead:
        return Lead.objects.get(id=self.lead_id)

    @property
    def delivery(self) -> Delivery:
        """Its only one."""
        return Delivery.objects.get(lead_id=self.lead_id)

    def to(self, slug: str) -> Delivery:
        return Delivery.objects.get(lead_id=self.lead_id, recipient__slug=slug)

    def events(self, kind: str) -> list[Event]:
        return list(Event.objects.filter(lead_id=self.lead_id, type=kind).order_by("seq"))

    def event(self, kind: str) -> Event:
        """The last of its type."""
        return self.events(kind)[-1]

    def waits(self) -> list[float]:
        """Seconds that each retry was put off, as the record has them."""
        return [
            round((datetime.fromisoformat(each.data["retry_at"]) - each.timestamp).total_seconds())
            for each in self.events("retry.scheduled")
        ]


class Stage:
    """One example, loaded, with its source and flow."""

    def __init__(self, buyers: Buyers, door: Door, *, name: str) -> None:
        self.buyers = buyers
        self.door = door
        self.name = name
        self.keyring = Keyring()
        self.scene: Scene

    def load(self, example: str, *changes: tuple[str, str]) -> None:
        """Load an example for the buyers of this test; `changes` are other words in its text."""
        text = (HERE / f"{example}.yaml").read_text()
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        load(text.replace("http://127.0.0.1:9100/b/", f"{self.buyers.url}/b/{self.name}-"))
        self.scene = Scene(Flow.objects.get(), Source.objects.get())

    def post(self, *, test: bool = False, **lead: str) -> Story:
        return Story(self.scene.post(test=test, **{**LEAD, **lead}).lead_id)

    def run(self, *, test: bool = False, **lead: str) -> Story:
        """A lead, from the door to what became of it; retries come at once."""
        story = self.post(test=test, **lead)
        for _ in range(MOST_ROUNDS):
            if not self.once() and not self.hurry():
                break
        return story

    def hurry(self) -> bool:
        """Let the time pass that retries and rate limits wait for; False when nothing waits."""
        Endpoint.objects.filter(not_before__isnull=False).update(not_before=None)
        return self.scene.hurry()

    def once(self) -> int:
        """Send what is due, and what at once follows from its answers; how many attempts."""
        done = self.scene.take(self.scene.claim())
        sent = 0
        while done.starts or done.asks:
            sent += len(done.starts)
            with ThreadPoolExecutor(len(done.starts) + 1) as threads:
                results = list(zip(done.starts, threads.map(self.send, done.starts), strict=True))
            answers = [(inquiry, self.ask(inquiry)) for inquiry in done.asks]
            done = self.scene.take((), results, answers=answers)
        return sent

    def ask(self, inquiry: Inquiry) -> Answers:
        """Put the questions of an inquiry, all at once."""
        ends = time.monotonic() + inquiry.seconds

        def one(question: Question) -> Attempt | None:
            return askers.put(
                question, ends=ends, test=inquiry.test, door=self.door, keyring=self.keyring
            )

        with ThreadPoolExecutor(len(inquiry.questions) or 1) as threads:
            return tuple(threads.map(one, inquiry.questions))

    def send(self, sending: Sending) -> Attempt:
        return deliver(
            sending.plan,
            sending.endpoint,
            sending.context,
            attempt=sending.attempt,
            tries=sending.tries,
            idempotency_key=sending.delivery_id,
            test=sending.test,
            door=self.door,
            keyring=self.keyring,
        )

    def log(self, path: str = "") -> list[dict[str, Any]]:
        """What the buyers of this test received."""
        return self.buyers.log(path=f"/b/{self.name}-{path}")

    def received(self, path: str = "") -> dict[str, Any]:
        """The only request's headers, by small letters."""
        (entry,) = self.log(path)
        return {name.lower(): value for name, value in entry["headers"].items()}

    def body(self, path: str = "") -> Any:
        """The only request's JSON."""
        (entry,) = self.log(path)
        return json.loads(entry["body"])
