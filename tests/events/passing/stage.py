"""A source that wants to know, its server on loopback, and a lead of its that was sold."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.utils import timezone

from events.feedback.process import take
from events.feedback.reading import Statement
from events.models import Event, FeedbackLine, PassedFeedback
from events.passing import working
from flows.models import FlowField, Source
from leadops.lib import webhooks
from recipients.models import Recipient
from recipients.outcomes import Outcome
from tests.flows.scene import Scene, attempt, recipient, scene

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass
class Receiver:
    """`status` is what it answers, after `delay` seconds; `got` the posts that came."""

    url: str = ""
    status: int = 200
    delay: float = 0.0
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def messages(self) -> list[tuple[str, dict[str, Any]]]:
        """Each post's webhook-id and body, its signature verified."""
        for headers, body in self.got:
            webhooks.verify([SECRET], headers, body, now=time.time())
        return [(headers["webhook-id"], json.loads(body)) for headers, body in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
            time.sleep(found.delay)
            self.send_response(found.status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.url = f"http://127.0.0.1:{server.server_port}/feedback?token=hidden-here"
    yield found
    server.shutdown()
    server.server_close()


@dataclass
class Sold:
    """A lead that `abc` bought, of a source that wants to know what becomes of it."""

    play: Scene
    buyer: Recipient
    source: Source
    lead_id: str

    def say(self, kind: str = "conversion", **rest: Any) -> str:
        """What the buyer says; the feedback's id."""
        (answer,) = take(self.buyer, [Statement(kind, "lead_id", self.lead_id, **rest)])
        return answer.id

    def types(self) -> list[str]:
        rows = Event.objects.filter(lead_id=self.lead_id, type__startswith="feedback.")
        return [event.type.partition(".")[2] for event in rows.order_by("seq")]

    def last(self) -> Event:
        return Event.objects.filter(lead_id=self.lead_id).latest("seq")


@pytest.fixture
def sold(receiver: Receiver) -> Sold:
    play = scene(recipient("abc"))
    answer = play.post()
    play.play(abc=[attempt(Outcome.ACCEPTED, buyer_lead_id="B-1", price=Decimal("45.50"))])
    FlowField.objects.filter(name="email").update(privacy="personal")
    source = play.source
    source.feedback_url, source.feedback_secret = receiver.url, SECRET
    source.feedback_kinds = ["conversion", "return"]
    source.feedback_fields = ["state", "email"]
    source.full_clean()
    source.save()
    buyer = Recipient.objects.get(slug="abc")
    return Sold(play, buyer, source, answer.lead_id)


def run() -> int:
    """One run of the task, everything due that waits for another try."""
    past = timezone.now() - timedelta(seconds=1)
    FeedbackLine.objects.update(due_at=past)
    PassedFeedback.objects.filter(state="waiting").update(due_at=past)
    return working.run(seconds=10.0)
