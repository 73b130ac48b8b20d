"""The buyers of the past: the simulated buyers of today, asked directly, with bad days added."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import urlsplit

from leadops.buyers import misbehaviours
from leadops.buyers.behaviours import find
from leadops.buyers.messages import Answer, Received, target_of
from leadops.demo.pastmail import PastMail
from leadops.lib.http import Door, HttpError, Reply, Request
from leadops.lib.http.errors import ConnectionLost, ConnectionRefused, DeadlineExceeded

assert misbehaviours  # noqa: S101  imported to be registered

# What goes wrong on ordinary days, and in which share of the attempts.
NOISE = (("refused", 0.002), ("lost", 0.003), ("late", 0.002), ("broken", 0.004))
# In the words of the real door.
FAILURES: Mapping[str, Callable[[], HttpError]] = {
    "refused": lambda: ConnectionRefused("Connection failed: [Errno 111] Connection refused"),
    "lost": lambda: ConnectionLost("The connection was closed before the whole answer"),
}
SHORT_OF_BREATH = Answer(503, b'{"status":"error","message":"Service unavailable"}')


@dataclass(frozen=True, slots=True)
class BadDay:
    """Hours in which a recipient does not answer, or answers slowly."""

    recipient: str
    start: datetime
    end: datetime
    slower: float = 0.0  # 0: it is away

    def covers(self, recipient: str, at: datetime) -> bool:
        return recipient == self.recipient and self.start <= at < self.end


def bad_days(recipients: list[str], now: datetime) -> list[BadDay]:
    """An outage of the first recipient a week ago, slow hours of the second three days ago."""
    noon = now.replace(hour=14, minute=20, second=0, microsecond=0)
    found = []
    if recipients:
        start = noon - timedelta(days=7)
        found.append(BadDay(recipients[0], start, start + timedelta(hours=2, minutes=40)))
    if len(recipients) > 1:
        start = noon - timedelta(days=3)
        found.append(BadDay(recipients[1], start, start + timedelta(hours=5), slower=7.0))
    return found


class PastDoor(Door):
    """Answers at once, and says how long it would have taken: `seconds` of the last request."""

    def __init__(
        self, bad: list[BadDay], rng: Random, *, noise: Sequence[tuple[str, float]] = NOISE
    ) -> None:
        super().__init__()
        self.bad = bad
        self.noise = noise
        self.rng = rng
        self.seconds = 0.0
        self.recipient = ""
        self.at = datetime.now(UTC)
        self.attempt = 1
        self._number = 0

    def about(self, recipient: str, *, at: datetime, attempt: int) -> PastDoor:
        """Ready for an attempt of `recipient` at a moment."""
        self.recipient, self.at, self.attempt = recipient, at, attempt
        return self

    @contextlib.contextmanager
    def line(self, host: str, port: int, **_settings: Any) -> Iterator[Any]:
        """To the mail server of any buyer; it takes what it gets."""
        self.seconds = self._pace()
        yield PastMail()

    def send(self, request: Request) -> Reply:
        day = next((each for each in self.bad if each.covers(self.recipient, self.at)), None)
        self.seconds = self._pace()
        fate = self._fate(away=day is not None and not day.slower)
        if fate in FAILURES:
            self.seconds = 0.002 if fate == "refused" else self.seconds
            raise FAILURES[fate]()
        answer = SHORT_OF_BREATH if fate == "broken" else self._asked(request)
        if answer.delay:
            self.seconds = answer.delay * self._spread()
        self.seconds *= day.slower if day and day.slower else 1.0
        if fate == "late" or answer.script or self.seconds >= request.timeout:
            self.seconds = request.timeout
            raise DeadlineExceeded(f"No answer within {request.timeout:g} s")
        headers = {"content-type": answer.content_type}
        headers.update((name.lower(), value) for name, value in answer.headers)
        return Reply(answer.status, headers, answer.body, self.seconds)

    def _pace(self) -> float:
        """Seconds; each recipient has a pace of its own."""
        own = Random(self.recipient)  # noqa: S311  no secret
        return own.uniform(0.09, 0.55) * self._spread()

    def _spread(self) -> float:
        return self.rng.lognormvariate(0, 0.4)

    def _fate(self, *, away: bool) -> str:
        """What goes wrong on the way, now and then; always while the buyer is away."""
        if away:
            return "broken" if self.rng.random() < 0.3 else "refused"
        draw = self.rng.random()
        for name, share in self.noise:
            draw -= share
            if draw < 0:
                return name
        return ""

    def _asked(self, request: Request) -> Answer:
        """What the simulated buyer behind the address answers."""
        parts = urlsplit(request.url)
        target = target_of(f"{parts.path}?{parts.query}")
        self._number += 1
        # Answers are not packed here: nothing would unpack them.
        lines = [f"{n}: {v}" for n, v in request.headers.items() if n != "Accept-Encoding"]
        head = "\r\n".join([f"{request.method} {parts.path} HTTP/1.1", *lines]).encode()
        received = Received(
            request.method, target, head, request.body, "", self.attempt - 1, self._number
        )
        return find(target)(received)
