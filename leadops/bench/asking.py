"""What people and programs ask of a large record over HTTP, and how long they wait for it."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from typing import Final
from urllib.parse import quote, urlencode

from events import cursors
from leadops.bench.years import RARE, RARE_OUTCOME, RARE_REASON, RARE_TYPE, Year

Query = Mapping[str, str | Sequence[str]]
FIELD = re.compile(rb'name="csrfmiddlewaretoken" value="([^"]+)"')
TIMEOUT: Final = 60.0
# What the page says where its time was up before it was full; and where the database's was.
PARTIAL: Final = b"Looked back to"
TOO_SLOW: Final = b"That took too long to find"


@dataclass(frozen=True, slots=True)
class Answer:
    """`ms` from the request to the answer's last byte."""

    status: int
    ms: float
    body: bytes


class Client:
    """One kept-alive connection of somebody signed in, or of a program with a key."""

    def __init__(self, port: int, *, key: str = "") -> None:
        self.key, self.cookies = key, SimpleCookie()
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)

    def sign_in(self, username: str, password: str) -> None:
        """Through the form, as a browser does; raises RuntimeError where it is refused."""
        found = FIELD.search(self.get("/admin/login/").body)
        given = {"username": username, "password": password, "next": "/"}
        token = found[1].decode() if found else ""
        answer = self.send("POST", "/admin/login/", {**given, "csrfmiddlewaretoken": token})
        if answer.status != 302:
            raise RuntimeError(f"Signing in answers {answer.status}")

    def get(self, path: str) -> Answer:
        return self.send("GET", path)

    def send(self, method: str, path: str, form: Mapping[str, str] | None = None) -> Answer:
        headers = {"Accept": "text/html" if not self.key else "application/json"}
        body = urlencode(form) if form else None
        if form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        elif self.cookies:
            headers["Cookie"] = "; ".join(f"{m.key}={m.value}" for m in self.cookies.values())
        begin = time.perf_counter()
        try:
            reply = self._reply(method, path, body, headers)
            data = reply.read()
        except TimeoutError:
            self.connection.close()
            return Answer(0, (time.perf_counter() - begin) * 1000, b"")
        taken = (time.perf_counter() - begin) * 1000
        for line in reply.headers.get_all("Set-Cookie") or []:
            self.cookies.load(line)
        return Answer(reply.status, taken, data)

    def _reply(
        self, method: str, path: str, body: str | None, headers: dict[str, str]
    ) -> http.client.HTTPResponse:
        try:
            self.connection.request(method, path, body, headers)
            return self.connection.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self.connection.close()  # the server ends connections that were idle, or old
            self.connection.request(method, path, body, headers)
            return self.connection.getresponse()


@dataclass(slots=True)
class Asked:
    """The answers to one question: milliseconds; how often the answer was a part of it, with a
    way to go on; how often it was an error, or a time-out."""

    name: str
    times: list[float] = field(default_factory=list)
    partial: int = 0
    errors: int = 0

    def note(self, answer: Answer) -> None:
        self.times.append(answer.ms)
        self.partial += PARTIAL in answer.body
        self.errors += answer.status != 200 or TOO_SLOW in answer.body

    def share(self, wanted: float) -> float:
        ordered = sorted(self.times)
        return ordered[min(int(len(ordered) * wanted), len(ordered) - 1)]


def ask(client: Client, name: str, paths: Sequence[str]) -> Asked:
    """Ask for each of the paths once."""
    asked = Asked(name)
    for path in paths:
        asked.note(client.get(path))
    return asked


@dataclass(frozen=True, slots=True)
class Known:
    """What can be asked for: slugs of the year's parties, in its order."""

    year: Year
    flows: Sequence[str]
    sources: Sequence[str]
    recipients: Sequence[str]


def pages(known: Known) -> dict[str, Query]:
    """Every filter that the console offers, common and rare, and combinations that leave little
    of much."""
    year, flow, source = known.year, known.flows[1], known.sources[2]
    recipient, rare = known.recipients[0], known.recipients[-1]
    lead = year.lead_id(RARE["reason"], year.days // 2)
    old = {"start": f"{year.first}", "end": f"{year.first + timedelta(days=20)}"}
    first = datetime(year.first.year, year.first.month, year.first.day, tzinfo=UTC)
    end = cursors.encode(first + timedelta(seconds=1), "")
    return {
        "all": {},
        "type": {"type": "recipient.delivered"},
        "types": {"type": "recipient.*"},
        "type rare": {"type": RARE_TYPE},
        "type absent": {"type": "auction.opened"},
        "outcome": {"outcome": "rejected"},
        "outcome rare": {"outcome": RARE_OUTCOME},
        "outcome absent": {"outcome": "unreadable"},
        "flow": {"flow": flow},
        "source": {"source": source},
        "recipient": {"recipient": recipient},
        "recipient rare": {"recipient": rare},
        "category": {"category": "rate_limit"},
        "category absent": {"category": "security"},
        "reason": {"reason": "area"},
        "reason rare": {"reason": RARE_REASON},
        "reason absent": {"reason": "nobody ever said this"},
        "lead": {"lead": lead},
        "delivery": {"delivery": lead.replace("lead_", "dlv_")},
        "endpoint": {"endpoint": "production"},
        "endpoint absent": {"endpoint": "fallback"},
        "mapping absent": {"mapping": "7"},
        "status": {"status": "503"},
        "status absent": {"status": "418"},
        "tests": {"test": "only"},
        "no tests": {"test": "no"},
        "last hour": {"period": "1h"},
        "last 30 days, outcome rare": {"period": "30d", "outcome": RARE_OUTCOME},
        "long ago": old,
        "long ago, outcome rare": {**old, "outcome": RARE_OUTCOME},
        "recipient, type rare": {"recipient": recipient, "type": RARE_TYPE},
        "recipient, type absent": {"recipient": recipient, "type": "auction.bid"},
        "recipient rare, type": {"recipient": rare, "type": "recipient.error"},
        "recipient, outcome absent": {"recipient": recipient, "outcome": "unreadable"},
        "recipient, source, reason": {"recipient": recipient, "source": source, "reason": "HTTP"},
        "flow, reason rare": {"flow": flow, "reason": RARE_REASON},
        "flow, tests, type": {"flow": flow, "test": "only", "type": "recipient.failed"},
        "types, outcomes": {
            "type": ["recipient.failed", "recipient.error"],
            "outcome": [RARE_OUTCOME, "unreadable"],
        },
        "source, tests": {"source": source, "test": "only"},
        "last page": {"after": end},
        "last page, type": {"after": end, "type": "recipient.delivered"},
        "last page, outcome rare": {"after": end, "outcome": RARE_OUTCOME},
    }


def calls(known: Known) -> dict[str, Query]:
    """The same of the API, as far as it has the filters."""
    year, recipient, rare = known.year, known.year.recipients[0], known.year.recipients[-1]
    old = {"start": f"{year.first}", "end": f"{year.first + timedelta(days=20)}"}
    return {
        "all": {},
        "type": {"type": "recipient.delivered"},
        "types": {"type": "recipient.*"},
        "type rare": {"type": RARE_TYPE},
        "type absent": {"type": "auction.opened"},
        "outcome": {"outcome": "rejected"},
        "outcome rare": {"outcome": RARE_OUTCOME},
        "outcome absent": {"outcome": "unreadable"},
        "recipient": {"entity_id": recipient},
        "recipient rare": {"entity_id": rare},
        "recipient, type rare": {"entity_id": recipient, "type": RARE_TYPE},
        "recipient, type absent": {"entity_id": recipient, "type": "auction.bid"},
        "recipient, outcome absent": {"entity_id": recipient, "outcome": "unreadable"},
        "types, outcome absent": {"type": "recipient.*", "outcome": "unreadable"},
        "long ago": old,
        "long ago, outcome rare": {**old, "outcome": RARE_OUTCOME},
        "lead": {"lead_id": year.lead_id(RARE["reason"], year.days // 2)},
    }


def address(path: str, query: Query) -> str:
    return f"{path}?{urlencode(query, doseq=True, quote_via=quote)}" if query else path
