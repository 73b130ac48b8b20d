"""`bench record`: what a year's record answers over HTTP, erases, seals and verifies, and how fast.

Disk: about a gigabyte for a million events. With `--keep` the database stays where it is told to;
`--reuse` measures on it again, without making it anew.
"""

from __future__ import annotations

import json
import random
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from leadops.bench import asking, pumping, years
from leadops.bench.asking import Asked, Client, Known, address, ask
from leadops.bench.record_year import child, clocked
from leadops.bench.system import System, running
from leadops.bench.years import DAYS, EVENTS_A_LEAD, RARE, Year
from leadops.lib import postgres

EVENTS = 2_000_000
FLOWS, SOURCES, RECIPIENTS = 6, 12, 40
EXCHANGES = 30  # days: the usual
AT_ONCE = 2  # connections that lay the year down
PERSONS, LEADS_A_PERSON = 3, 5
TIMES = 5  # that each list is asked for
WARMING = 3  # questions to each before its time counts: statements, caches of the web's processes
LEAST_TIMELINES = 40
LEAST = 2 * max(RARE.values()) * EVENTS_A_LEAD * DAYS  # else nothing is rare
LARGEST = 100_000  # events a second: what `ratio` is against
LAID = "bench-record.json"  # in a home that is kept: what was made there
BUNDLE_HEAD = """
leadops: 1
accounts:
  - {username: bench, role: administrator, password: "${BENCH_PASSWORD}", key: "${BENCH_STAFF_KEY}"}
"""


@dataclass(frozen=True, slots=True)
class Laid:
    """What stands in a home: how many leads a day until when, and what it took to make it."""

    leads: int
    today: str
    password: str
    key: str
    figures: dict[str, Any]


def run(
    seconds: float, *, events: int = EVENTS, keep: Path | None = None, reuse: Path | None = None
) -> dict[str, Any]:
    """Every figure; `seconds` for the timelines, the rest takes what it takes."""
    laid = _read(reuse) if reuse else None
    password, key = (laid.password, laid.key) if laid else _secrets()
    given = {
        "BENCH_PASSWORD": password,
        "BENCH_STAFF_KEY": key,
        "LEADOPS_API_RATE": "0",  # the fastest answers would be refused as too many
    }
    home = reuse or keep
    home = home.resolve() if home else None
    with running(workers=0, environment=given, kept=home) as system, _attached(system):
        if laid is None:
            system.load(bundle())
            known = _known(system, events // EVENTS_A_LEAD // DAYS)
            figures = _set_up(system, known.year)
            laid = Laid(known.year.leads, f"{known.year.today}", password, key, figures)
            if keep:
                _write(system.home, laid)
        else:
            known = _known(system, laid.leads, date.fromisoformat(laid.today))
        figures = {**laid.figures, **_measured(system, known, seconds, laid)}
    figures |= pumping.share_of_sealing(figures["sealed_us_an_event"])
    return _told(figures)


@contextmanager
def _attached(system: System) -> Iterator[None]:
    """In here the database goes on when the last of our commands ends."""
    postgres.attach(system.home)
    try:
        yield
    finally:
        postgres.leave()


def _secrets() -> tuple[str, str]:
    return secrets.token_urlsafe(18), secrets.token_urlsafe(24)


def is_kept(home: Path) -> bool:
    """Did a bench leave its database there?"""
    return (home / LAID).is_file()


def _read(home: Path) -> Laid:
    return Laid(**json.loads((home / LAID).read_text()))


def _write(home: Path, laid: Laid) -> None:
    path = home / LAID
    path.touch(mode=0o600)
    path.write_text(json.dumps(asdict(laid)))


def _told(figures: dict[str, Any]) -> dict[str, Any]:
    """With the figures that every bench has; `rate` is that of verifying the seals."""
    rate = figures["seals_verified_a_second"]
    return {
        "rate": rate,
        "bare_rate": float(LARGEST),
        "ratio": rate / LARGEST,
        "p50_ms": figures["list_p50_ms"],
        "p95_ms": figures["list_p95_ms"],
        **figures,
        "lost": 0,
    }


def bundle() -> str:
    """Flows, sources and recipients to name the events' parties; nothing is ever sent."""
    lines = [BUNDLE_HEAD, "sources:"]
    lines += [f"  - {{slug: form-{n}, name: Form {n}, price: 10.00}}" for n in range(SOURCES)]
    lines.append("recipients:")
    for n in range(RECIPIENTS):
        lines.append(
            f"  - {{slug: buyer-{n}, name: Buyer {n}, price: 45.00,"
            f" endpoint: {{url: 'https://buyer.example/{n}', format: json}},"
            " mapping: {email: '{{lead.email}}'}, response: {success: status = 200}}"
        )
    lines.append("flows:")
    for n in range(FLOWS):
        lines.append(
            f"  - {{slug: flow-{n}, name: Flow {n}, fields: {{email: {{type: email}},"
            f" phone_1: {{type: phone}}, state: {{type: state}}}},"
            f" sources: [{{source: form-{n}}}],"
            f" steps: [{{deliver: buyers, pattern: single, recipients: [buyer-{n}]}}]}}"
        )
    return "\n".join(lines) + "\n"


def _known(system: System, leads: int, today: date | None = None) -> Known:
    """The parties that the bundle made, in its order."""
    found: dict[str, list[tuple[str, str]]] = {}
    with system.connect() as connection:
        for table in ("flows_flow", "flows_source", "recipients_recipient"):
            rows = connection.execute(f"SELECT id, slug FROM {table}").fetchall()  # noqa: S608
            found[table] = sorted(rows, key=lambda row: int(row[1].rpartition("-")[2]))
    flows, sources, recipients = ([id for id, _ in rows] for rows in found.values())
    slugs = [[slug for _, slug in rows] for rows in found.values()]
    year = Year(
        leads,
        flows,
        sources,
        recipients,
        today=today or datetime.now(UTC).date(),
        days_of_exchanges=EXCHANGES,
    )
    return Known(year, *slugs)


def _set_up(system: System, year: Year) -> dict[str, Any]:
    """Lay the year down, with its figures and seals; what that took."""
    figures: dict[str, Any] = {"events": year.events}
    free = shutil.disk_usage(system.home).free
    with clocked(figures, "setup_seconds"):
        years.lay_down(
            system.connect,
            year,
            whole=True,
            at_once=AT_ONCE,
            after_first=lambda: child(system.environment, "record", "count_here"),
        )
    with system.connect() as connection:
        connection.execute(COPY_FIGURES, {"days": year.days})
        figures["setup_gb"] = years.size(connection)
    figures["setup_disk_gb"] = max(0, free - shutil.disk_usage(system.home).free) / 1e9
    figures |= child(system.environment, "record", "seal_here")
    return figures


# The first day's figures are every day's.
COPY_FIGURES = """
    INSERT INTO events_rollup (hour, kind, flow_id, source_id, recipient_id, outcome, category,
        reason, attempt, bucket, test, n, ms, revenue, cost)
    SELECT hour + day * interval '1 day', kind, flow_id, source_id, recipient_id, outcome,
        category, reason, attempt, bucket, test, n, ms, revenue, cost
    FROM events_rollup, generate_series(1, %(days)s - 1) day
"""


# --- measured


def _measured(system: System, known: Known, seconds: float, laid: Laid) -> dict[str, Any]:
    person = Client(system.port)
    person.sign_in("bench", laid.password)
    program = Client(system.port, key=laid.key)
    figures = _timelines(person, program, known.year, seconds)
    figures |= _lists(person, program, known)
    figures |= _erased(system, program, known.year)
    figures |= child(system.environment, "record", "verify_here")
    figures["errors"] = figures["lists_in_error"] + figures["verify_problems"]
    return figures


def _timelines(person: Client, program: Client, year: Year, seconds: float) -> dict[str, Any]:
    """Milliseconds of a lead's page and of its events by the API, of leads by chance."""
    chance = random.Random(7)  # noqa: S311

    def lead() -> str:
        return year.lead_id(chance.randint(1, year.leads), chance.randrange(year.days))

    page = _many(person, lambda: f"/leads/{lead()}/", seconds / 2)
    call = _many(program, lambda: f"/api/v1/leads/{lead()}/events", seconds / 2)
    return {
        "timeline_p50_ms": call.share(0.5),
        "timeline_p95_ms": call.share(0.95),
        "lead_page_p50_ms": page.share(0.5),
        "lead_page_p95_ms": page.share(0.95),
        "timelines_in_error": page.errors + call.errors,
    }


def _many(client: Client, path: Callable[[], str], seconds: float) -> Asked:
    for _ in range(WARMING):
        client.get(path())
    asked, end = Asked("timeline"), time.perf_counter() + seconds
    while time.perf_counter() < end or len(asked.times) < LEAST_TIMELINES:
        asked.note(client.get(path()))
    return asked


def _lists(person: Client, program: Client, known: Known) -> dict[str, Any]:
    """Of every filter: the page of events, and the API's list."""
    found = {
        "list": [_list(person, n, address("/events/", q)) for n, q in asking.pages(known).items()],
        "api": [
            _list(program, n, address("/api/v1/events", q)) for n, q in asking.calls(known).items()
        ],
    }
    figures: dict[str, Any] = {}
    for kind, lists in found.items():
        times = Asked(kind, [ms for asked in lists for ms in asked.times])
        slowest = max(lists, key=lambda asked: asked.share(0.5))
        figures |= {f"{kind}_p50_ms": times.share(0.5), f"{kind}_p95_ms": times.share(0.95)}
        figures |= {f"{kind}_slowest": slowest.name, f"{kind}_slowest_ms": slowest.share(0.5)}
        figures[f"{kind}_ms"] = {asked.name: round(asked.share(0.5), 1) for asked in lists}
    figures["lists_that_go_on"] = [a.name for a in found["list"] if a.partial]
    wrong = [f"{kind}: {a.name}" for kind, lists in found.items() for a in lists if a.errors]
    return {**figures, "lists_wrong": wrong, "lists_in_error": len(wrong)}


def _list(client: Client, name: str, path: str) -> Asked:
    client.get(path)  # what it reads may be nowhere but on the disk
    return ask(client, name, [path] * TIMES)


def _erased(system: System, program: Client, year: Year) -> dict[str, Any]:
    """Seconds until a person with a few leads is erased, by the API."""
    took: list[float] = []
    for n in range(PERSONS):
        email = f"person-{secrets.token_hex(6)}-{n}@example.com"
        child(system.environment, "record", "own_here", email, *_some_leads(year))
        answer = program.send("POST", "/api/v1/erasures", {"email": email, "reason": "Asked to"})
        done = json.loads(answer.body) if answer.status in (200, 201, 202) else {}
        if done.get("state") != "done":
            raise RuntimeError(f"Erasing answers {answer.status}: {answer.body[:300]!r}")
        took.append(answer.ms / 1000)
    return {"erase_seconds": sorted(took)[len(took) // 2], "erase_worst_seconds": max(took)}


def _some_leads(year: Year) -> list[str]:
    """Over the whole year; none that a list asks for."""
    chance = random.SystemRandom()
    usual = [n for n in range(1, year.leads + 1) if n not in RARE.values()]
    return [
        year.lead_id(chance.choice(usual), year.days * n // LEADS_A_PERSON)
        for n in range(LEADS_A_PERSON)
    ]


# --- in a process of that database


def _say(figures: dict[str, Any]) -> None:
    print(json.dumps(figures))  # noqa: T201


def count_here() -> None:
    """Write the figures of the events that there are so far."""
    from django.db import transaction

    from events import recount
    from events.models import Counted, Rollup

    with transaction.atomic():
        cells = recount.recount(recount.Comparison())
    Rollup.objects.bulk_create(
        (
            Rollup(**dict(zip((*Counted.KEY, *Counted.SUMS), (*key, *sums), strict=True)))
            for key, sums in cells.items()
        ),
        batch_size=1_000,
    )
    _say({"cells": len(cells)})


def own_here(email: str, *lead_ids: str) -> None:
    """Have the leads found by this address, as they would be had it been posted."""
    from events import search
    from events.models import LeadKey

    digest = search.digest("email", email)
    LeadKey.objects.bulk_create(LeadKey(lead_id=id, kind="email", digest=digest) for id in lead_ids)
    _say({"leads": len(lead_ids)})


def seal_here() -> None:
    """Seal all there is: events a second, and what each costs our processor and the database's."""
    from django.db import connection

    from events.sealing import seals

    connection.ensure_connection()
    figures: dict[str, Any] = {}
    with _busy() as spent, clocked(figures, "seal_seconds"):
        done = seals.seal()
    _say(
        {
            **figures,
            "sealed_events": done.events,
            "sealed_a_second": done.events / figures["seal_seconds"],
            "sealed_us_an_event": spent[0] * 1e6 / max(done.events, 1),
        }
    )


@contextmanager
def _busy() -> Iterator[list[float]]:
    """Seconds of processor time spent in here by this process and its database connection."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = int(cursor.fetchone()[0])
    spent: list[float] = []
    before = time.process_time() + pumping.cpu_seconds(pid)
    yield spent
    spent.append(time.process_time() + pumping.cpu_seconds(pid) - before)


def verify_here() -> None:
    """Verify the seals alone, then everything."""
    from django.db import transaction

    from events import verify
    from events.models import Event
    from events.sealing import checking

    figures: dict[str, Any] = {}
    with clocked(figures, "verify_seals_seconds"), transaction.atomic():
        found = checking.check()
    by_check: dict[str, float] = {}
    problems: list[str] = [*found.problems]
    began = start = time.perf_counter()
    for check in verify.run([]):
        by_check[check.name] = round(time.perf_counter() - began, 1)
        problems += [f"{check.name}: {each}" for each in check.problems[:3]]
        began = time.perf_counter()
    events = Event.objects.count()
    whole = time.perf_counter() - start
    _say(
        {
            **figures,
            "seals_verified_a_second": found.events / figures["verify_seals_seconds"],
            "verify_seconds": whole,
            "verified_a_second": events / whole,
            "verify_by_check": by_check,
            "verify_problems": len(problems),
            "verify_first_problems": problems[:6],
        }
    )
