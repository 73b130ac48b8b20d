"""Leads that keep coming, over HTTP like anybody's, and what buyers say of them."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import requests
from django.db import DatabaseError, InterfaceError, connection

from events.models import Delivery
from flows.models import FlowField
from leadops.demo.people import person
from leadops.demo.setting import Setting

log = logging.getLogger(__name__)

TIMEOUT = 10.0
READY_SECONDS = 120.0
TESTS = 0.01
REPEATS = 0.03
FEEDBACK_EVERY = 20.0  # seconds
FEEDBACK = (
    ("contacted", "reached"),
    ("conversion", "sold"),
    ("quality", "8"),
    ("return", "Wrong number"),
)
# Above the numbers of past people, which go by the day.
FIRST_PERSON = 10**12


class Stream:
    """Posts until `stopping` is set. Whatever fails is tried again: the demo outlives faults."""

    def __init__(
        self, setting: Setting, url: str, stopping: threading.Event, *, rate: float = 2.0
    ) -> None:
        self.setting = setting
        self.url = url.rstrip("/")
        self.stopping = stopping
        self.rate = rate
        self.rng = Random()  # noqa: S311  no secret
        self.session = requests.Session()
        self.session.trust_env = False
        self.recent: deque[int] = deque(maxlen=200)
        self._fields: dict[str, list[tuple[str, str]]] = {}

    def run(self) -> None:
        self.wait_until_ready()
        told = time.monotonic()
        while not self.stopping.wait(self.rng.expovariate(self.rate)):
            try:
                self.post_lead()
                if time.monotonic() - told > FEEDBACK_EVERY:
                    told = time.monotonic()
                    self.post_feedback()
            except (requests.RequestException, DatabaseError, InterfaceError) as error:
                log.warning("The stream pauses: %s", error)
                connection.close()
                self.stopping.wait(1.0)

    def wait_until_ready(self) -> None:
        """Until the web server answers; it starts at the same time."""
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end and not self.stopping.is_set():
            try:
                if self.session.get(f"{self.url}/healthz", timeout=TIMEOUT).ok:
                    return
            except requests.RequestException:
                pass
            self.stopping.wait(0.3)

    def post_lead(self) -> int:
        """Post one lead of anybody; the status of the answer."""
        number = self._person()
        flow, source = self.setting.routes[number % len(self.setting.routes)]
        values = person(number, self._wanted(flow), today=datetime.now(UTC).date())
        if self.rng.random() < TESTS:
            values["test"] = True
        answer = self._post(
            f"flows/{flow}/leads",
            values,
            self.setting.source_keys[source],
            {"Idempotency-Key": f"demo-{number}-{self.rng.getrandbits(32):x}"},
        )
        return answer.status_code

    def _person(self) -> int:
        """Somebody new, numbered by the millisecond; now and then one who came before."""
        if self.recent and self.rng.random() < REPEATS:
            return self.rng.choice(self.recent)
        number = FIRST_PERSON + time.time_ns() // 1_000_000
        self.recent.append(number)
        return number

    def _wanted(self, flow: str) -> list[tuple[str, str]]:
        if flow not in self._fields:
            rows = FlowField.objects.filter(flow__slug=flow).values_list("name", "type")
            self._fields[flow] = list(rows)
        return self._fields[flow]

    def post_feedback(self) -> int:
        """Say something about a recent sale, as its buyer; the status, 0 without one."""
        sale = self._sale()
        if sale is None:
            return 0
        kind, word = self.rng.choices(FEEDBACK, (5, 3, 2, 1))[0]
        named = {"buyer_lead_id": sale.buyer_lead_id} if sale.buyer_lead_id else {}
        body = {"kind": kind, "lead_id": sale.lead_id, **named}
        body["reason" if kind == "return" else "value"] = word
        key = self.setting.partner_keys[sale.recipient.slug]
        return self._post("feedback", body, key).status_code

    def _sale(self) -> Delivery | None:
        recent = Delivery.objects.filter(
            state=Delivery.State.ACCEPTED,
            created_at__gt=datetime.now(UTC) - timedelta(hours=1),
            recipient__slug__in=self.setting.partner_keys,
            returned_at=None,
            lead__test=False,
        )
        newest = list(recent.select_related("recipient").order_by("-created_at")[:50])
        return self.rng.choice(newest) if newest else None

    def _post(
        self, path: str, body: Any, key: str, headers: dict[str, str] | None = None
    ) -> requests.Response:
        answer = self.session.post(
            f"{self.url}/api/v1/{path}",
            json=body,
            headers={"Authorization": f"Bearer {key}", **(headers or {})},
            timeout=TIMEOUT,
        )
        if answer.status_code >= 400:
            log.warning("%s answers %s: %s", path, answer.status_code, answer.text[:300])
            self.stopping.wait(0.5)
        return answer
