"""A small market for the fault journeys: one source, one flow, one buyer, a stream of leads."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections import Counter
from typing import Any

import requests

from leadops.buyers import Buyers
from tests.journeys.system import LiveSystem

SOURCE_KEY = "src_journeys-have-a-key-of-their-own"
PRICE = 45

SETUP = """
from decimal import Decimal
from flows.models import Flow, FlowField, FlowSource, Source, SourceKey, Step, StepRecipient
from recipients.models import Endpoint, MappingRow, Recipient

url, key = {url!r}, {key!r}
source = Source.objects.create(slug="web", name="Web", price=Decimal(15))
opener = SourceKey(source=source)
opener.set(key)
opener.save()
buyer = Recipient.objects.create(
    slug="buyer", name="Buyer", price=Decimal({price}), success='status = "accepted"'
)
Endpoint.objects.create(recipient=buyer, url=url, timeout=2)
MappingRow.objects.create(recipient=buyer, key="email", value="{{{{lead.email}}}}")
flow = Flow.objects.create(slug="auto", name="Auto")
FlowField.objects.create(flow=flow, name="email", type="email", required=True)
FlowSource.objects.create(flow=flow, source=source)
step = Step.objects.create(flow=flow, name="buyers", kind="deliver", pattern="single")
StepRecipient.objects.create(step=step, recipient=buyer)
"""


def set_up(system: LiveSystem, url: str) -> None:
    """Source, flow and buyer; the buyer receives at `url`."""
    script = SETUP.format(url=url, key=SOURCE_KEY, price=PRICE)
    system.manage("shell", "-v0", "-c", script)


class Stream:
    """Posts leads at a steady rate, as a careful source does: again, with the same key, until
    it has an answer."""

    THREADS = 4
    _numbers = itertools.count()  # of all streams: each lead is another one

    def __init__(self, system: LiveSystem, *, rate: float = 40.0) -> None:
        self.system = system
        self.began: Any = system.value("SELECT clock_timestamp()")
        self.pause = self.THREADS / rate
        self.answered: dict[str, str] = {}  # e-mail → lead id
        self.answers: list[
            tuple[float, str]
        ] = []  # when they came, on the monotonic clock; lead id
        self.problems: list[str] = []
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._post) for _ in range(self.THREADS)]

    def __enter__(self) -> Stream:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.end()

    def end(self) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(60)

    def _post(self) -> None:
        session = requests.Session()
        while not self._ending.is_set():
            email = f"lead{next(self._numbers)}@example.com"
            self._post_until_answered(session, email)
            time.sleep(self.pause)

    def _post_until_answered(self, session: requests.Session, email: str) -> None:
        until = time.monotonic() + 45
        while time.monotonic() < until:
            try:
                answer = session.post(
                    f"{self.system.url}/api/v1/flows/auto/leads",
                    data=json.dumps({"email": email}),
                    headers={
                        "Authorization": f"Bearer {SOURCE_KEY}",
                        "Content-Type": "application/json",
                        "Idempotency-Key": email,
                    },
                    timeout=5,
                )
            except requests.RequestException:
                time.sleep(0.1)
                continue
            if answer.status_code == 201:
                lead = self.answered[email] = answer.json()["lead"]["id"]
                self.answers.append((time.monotonic(), lead))
                return
            if answer.status_code < 500:
                self.problems.append(f"{answer.status_code} {answer.text[:200]}")
                return
            time.sleep(0.1)
        self.problems.append(f"{email} was not answered in 45 s")


def settled(system: LiveSystem) -> bool:
    """Whether nothing is left to do."""
    return bool(system.value("SELECT count(*) = 0 FROM flows_work"))


def check_books(system: LiveSystem, stream: Stream, buyers: Buyers) -> None:
    """What must hold after any fault, once everything has settled."""
    assert stream.problems == []
    since = "SELECT id FROM events_lead WHERE created_at >= %s"
    stored = {lead for (lead,) in system.sql(since, stream.began)}
    assert set(stream.answered.values()) <= stored, "An answered lead is lost."
    assert len(stored) == len(stream.answered), "A lead was stored twice."
    _check_deliveries(system)
    _check_money(system)
    _check_buyer(system, buyers)


def _check_deliveries(system: LiveSystem) -> None:
    unfinished = system.sql(
        "SELECT status, reason, (SELECT array_agg(type || ' ' || reason ORDER BY seq) "
        "FROM events_event WHERE lead_id = events_lead.id) FROM events_lead WHERE status <> 'done'"
    )
    assert unfinished == [], f"Leads are not done: {unfinished[:5]}"
    wrong = system.sql(
        "SELECT lead_id, array_agg(type ORDER BY seq) FROM events_event "
        "GROUP BY lead_id HAVING count(*) FILTER (WHERE type IN "
        "('recipient.delivered', 'recipient.failed', 'recipient.skipped')) <> 1"
    )
    assert wrong == [], "A delivery has not exactly one final event."
    gaps = system.sql(
        "SELECT lead_id FROM events_event GROUP BY lead_id HAVING max(seq) <> count(*)"
    )
    assert gaps == [], "A lead's events are not numbered without gaps."


def _check_money(system: LiveSystem) -> None:
    sold = system.value("SELECT count(*) FROM events_event WHERE type = 'recipient.delivered'")
    assert system.value("SELECT coalesce(sum(revenue), 0) FROM events_lead") == PRICE * sold
    assert system.value("SELECT coalesce(sum(revenue), 0) FROM events_delivery") == PRICE * sold
    counted = "SELECT coalesce(sum(revenue), 0) FROM events_figure WHERE kind = 'delivery'"
    assert system.value(counted) == PRICE * sold


def _check_buyer(system: LiveSystem, buyers: Buyers) -> None:
    """The buyer saw repeats only under the same key, and every lead that counts as sold."""
    keys: dict[str, set[str]] = {}
    for entry in buyers.log():
        keys.setdefault(_email(entry), set()).add(_key(entry))
    many = {email: found for email, found in keys.items() if len(found) != 1}
    assert many == {}, "A lead was sent again under another idempotency key."
    owners = Counter(key for found in keys.values() for key in found)
    assert [key for key, times in owners.items() if times > 1] == []
    sold = system.value("SELECT count(*) FROM events_delivery WHERE state = 'accepted'")
    assert sold <= len(keys)


def _email(entry: dict[str, Any]) -> str:
    body = entry["body"]
    return str((json.loads(body) if isinstance(body, str) else body)["email"])


def _key(entry: dict[str, Any]) -> str:
    headers = {name.lower(): value for name, value in dict(entry["headers"]).items()}
    return str(headers["idempotency-key"])
