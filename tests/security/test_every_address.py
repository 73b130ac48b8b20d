"""Every address of the site, walked as everybody who may not know everything. A new address is
walked by itself under the admin; elsewhere the test fails until somebody says here what it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib import admin
from django.core import signing
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from events import models as record
from events.models import Event, RecordSettings
from flows.models import BulkRetry, LeadImport, Step
from flows.trying import specifications
from leadops.accounts.models import User
from leadops.accounts.roles import Role
from recipients.models import Recipient, Secret, SuppressionList, SuppressionUpload
from recipients.models import TestCase as Case
from tests import factories
from tests.pages import sign_in

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, tzinfo=UTC)
# Two words that stand in nothing else: in the names of all that is the other side's, and in the
# values of people, whoever's lead it is.
NAMES, PERSON, SSN = "zebra", "quagga", "457-55-5462"
PHONE = "5125557788"

# Shown to everybody on purpose: what the system is like, and how it is.
OPEN = {
    "", "healthz", "readyz", "metrics", "api/schema/", "api/docs/", "admin/login/",
    "admin/logout/", "admin/jsi18n/",
}  # fmt: skip
# What stands in an address for which of the other side's things. The keys of links are forged:
# whoever has a true one may see what it opens.
PLACES = {
    "api/v1/flows/<str:flow>/leads": "flow",
    "api/v1/flows/<str:flow>/pings": "flow",
    "api/v1/flows/<str:flow>/events": "flow",
    "api/v1/flows/<str:flow>/imports": "flow",
    "api/v1/flows/<str:flow>/capacity": "flow",
    "api/v1/imports/<str:id>": "imported",
    "api/v1/imports/<str:id>/pause": "imported",
    "api/v1/imports/<str:id>/resume": "imported",
    "api/v1/imports/<str:id>/cancel": "imported",
    "api/v1/imports/<str:id>/errors": "imported",
    "api/v1/imports/<str:id>/accepted": "imported",
    "api/v1/leads/<str:lead_id>": "lead",
    "api/v1/leads/<str:lead_id>/events": "lead",
    "api/v1/leads/<str:lead_id>/reveal": "lead",
    "api/v1/leads/<str:id>/feedback": "lead",
    "api/v1/erasures": "",
    "api/v1/erasures/<str:id>": "request",
    "api/v1/access-requests": "",
    "api/v1/feedback": "",
    "api/v1/events/stream": "",
    "api/v1/exports": "",
    "api/v1/exports/<str:id>": "export",
    "api/v1/exports/<str:id>/cancel": "export",
    "api/v1/exports/<str:id>/link": "export",
    "api/v1/exports/<str:id>/download": "export",
    "api/v1/events": "",
    "api/v1/events/<str:id>": "event",
    "api/v1/recipients/<str:slug>/metrics": "recipient",
    "api/v1/recipients/<str:slug>/pause": "recipient",
    "api/v1/recipients/<str:slug>/resume": "recipient",
    "api/v1/recipients/<str:slug>/capacity": "recipient",
    "api/v1/recipients/<str:slug>/breakers": "recipient",
    "api/v1/recipients/<str:slug>/breakers/<str:endpoint>/open": "recipient production",
    "api/v1/recipients/<str:slug>/breakers/<str:endpoint>/close": "recipient production",
    "api/v1/recipients/<str:slug>/test": "recipient",
    "api/v1/recipients/<str:slug>/retry": "recipient",
    "api/v1/retries/<str:id>": "retry",
    "api/v1/retries/<str:id>/cancel": "retry",
    "api/v1/suppression-lists": "",
    "api/v1/suppression-lists/<str:slug>/entries": "list",
    "api/v1/suppression-lists/<str:slug>/check": "list",
    "api/v1/deliveries/<str:id>/retry": "delivery",
    "api/v1/destinations/<str:slug>/test": "destination",
    "api/v1/<path:rest>": "nothing",
    "api/v1/": "",
    "flows/<str:flow>/sources/<str:source>/submit": "flow source",
    "flows/<str:flow>/sources/<str:source>/ping": "flow source",
    "dashboards/": "",
    "dashboards/recipients/<slug:slug>/": "recipient",
    "leads/": "",
    "leads/<str:lead_id>/": "lead",
    "leads/<str:lead_id>/proof/": "lead",
    "leads/<str:lead_id>/reveal/": "lead",
    "leads/<str:lead_id>/disclosed/": "lead",
    "views/": "",
    "events/": "",
    "events/kept/": "",
    "events/kept/<str:id>/": "saved",
    "events/alike/<str:id>/": "event",
    "exports/": "",
    "exports/new/": "",
    "exports/file/<str:token>/": "forged",
    "exports/<str:id>/": "export",
    "exports/<str:id>/download/": "export",
    "privacy/": "",
    "privacy/<str:id>/": "request",
    "fields/": "",
    "fields.csv": "",
    "fields/<slug:slug>/": "recipient",
    "api/v1/recipients/<str:slug>/fields": "recipient",
    "imports/": "",
    "imports/upload/": "",
    "imports/<str:id>/": "imported",
    "imports/<str:id>/errors.csv": "imported",
    "imports/<str:id>/accepted.csv": "imported",
    "review/": "",
    "review/<str:id>/": "delivery",
    "retries/": "",
    "retries/<str:id>/": "retry",
    "deliveries/<str:id>/again/": "delivery",
    "specifications/<str:token>/": "forged",
    "submissions/<str:token>/": "forged",
    "suppression/<slug:slug>/": "list",
    "suppression/<slug:slug>/change/": "list",
    "suppression/<slug:slug>/upload/": "list",
    "suppression/uploads/<str:id>/": "upload",
}


def routes(resolver: Any = None, before: str = "") -> Iterator[str]:
    for each in (resolver or get_resolver()).url_patterns:
        pattern = before + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from routes(each, pattern)
        elif isinstance(each, URLPattern):
            yield pattern


@pytest.fixture
def world() -> SimpleNamespace:
    """Side A, to which the walkers belong, and side B, with one of everything."""
    RecordSettings.objects.update_or_create(
        id=1, defaults={"personal_shown_to": ["administrator"], "revealed_by": []}
    )
    own = factories.make_recipient("own-buyer", key="key_of_partner_0001")
    other = factories.make_recipient("zebra-buyer")
    web = factories.make_source(key="key_of_source_0001")
    private = factories.make_source("zebra-source")
    ours = factories.make_flow(web, own)
    theirs = factories.make_flow(private, other, slug="zebra-flow")
    person = {"email": f"{PERSON}@example.com", "first_name": PERSON.title(), "phone_1": PHONE}
    own_lead = factories.deliver_lead(ours, web, **person, ssn=SSN)
    lead = factories.deliver_lead(theirs, private, **person, ssn=SSN)
    both = factories.make_flow(web, own, other, slug="both", pattern="multi")
    shared = factories.deliver_lead(both, web, **person)
    users = {
        role: factories.make_user(
            f"zebra-{role}" if role is Role.ADMINISTRATOR else str(role),
            role=role.value,
            recipients=[own] * (role is Role.ACCOUNT_MANAGER),
            key=f"key_of_{role}_0001",
        )
        for role in Role
    }
    things = _things(other, theirs, private, lead, users[Role.ADMINISTRATOR])
    delivery = record.Delivery.objects.get(lead_id=lead)
    event = Event.objects.filter(lead_id=lead, entity_id=other.id).latest("seq")
    return SimpleNamespace(
        users=users,
        own=own,
        own_lead=own_lead,
        ids=[other.id, private.id, lead, delivery.id, event.id],
        shared=shared,
        things={
            **things,
            "flow": theirs.slug, "source": private.slug, "recipient": other.slug,
            "lead": lead, "delivery": delivery.id, "event": event.id,
            "production": "production", "nothing": "nothing", "forged": _forged(other),
        },
        objects=_objects(other, theirs, private, users[Role.ADMINISTRATOR], event, things),
    )  # fmt: skip


def _things(other: Any, flow: Any, source: Any, lead: str, ada: User) -> dict[str, str]:
    listed = SuppressionList.objects.create(slug="zebra-list", name="Zebra list", fields=["email"])
    destination = record.Destination.objects.create(
        slug="zebra-destination", settings={"to": ["zebra@example.com"]}
    )
    made: dict[str, Any] = {
        "imported": LeadImport.objects.create(
            flow=flow, source=source, by=ada.username, filename="zebra.csv", digest=b"x" * 16,
            encoding="utf-8", delimiter=",", state=LeadImport.State.DONE,
        ),
        "request": record.PrivacyRequest.objects.create(
            id="prv_zebra", action="erasure", kind="email", subject=b"x" * 16, by=ada.username,
            reason="zebra", leads=[lead], state="done",
        ),
        "export": record.Export.objects.create(
            created_by=ada.username, reason="zebra", personal=True, horizon=1, begun_at=NOW
        ),
        "retry": BulkRetry.objects.create(by=ada.username, filters={"flow": flow.slug}, total=1),
        "upload": SuppressionUpload.objects.create(
            number=1, target=listed, by=ada.username, filename="zebra.csv"
        ),
        "saved": record.SavedSearch.objects.create(
            owner=ada, name="zebra", query=f"recipient={other.slug}"
        ),
    }  # fmt: skip
    named = {"list": listed.slug, "destination": destination.slug}
    return {**{name: each.pk for name, each in made.items()}, **named}


def _forged(other: Recipient) -> str:
    link = specifications.make_link(other, days=1, by="ada", now=NOW + timedelta(days=9_999))
    return signing.dumps(link.pk, key="another key", salt="links")


def _objects(
    other: Any, flow: Any, source: Any, ada: User, event: Event, things: dict[str, str]
) -> dict[str, Any]:
    """One of each model that the admin shows, the other side's."""
    channel = record.Channel.objects.create(slug="zebra", url="mailto:zebra@example.com")
    threshold = record.AlertThreshold.objects.create(
        name="Zebra", metric="delivery_rate", below="0.9"
    )
    destination = record.Destination.objects.get(slug=things["destination"])
    seal = record.Seal(
        n=1, month=date(2026, 11, 1), from_tx=1, to_tx=2, events=1, first_at=NOW, last_at=NOW,
        root=b"x" * 32, previous=b"x" * 32, hash=b"x" * 32, sealed_at=NOW,
    )  # fmt: skip
    seal.save_base(raw=True, force_insert=True)
    made = [
        ada, other, flow, source, event, channel, threshold, destination, seal,
        flow.steps.last(),
        RecordSettings.objects.get(),
        SuppressionList.objects.get(slug=things["list"]),
        Secret.objects.create(name="ZEBRA_TOKEN", value="zebra"),
        Case.objects.create(recipient=other, name="Zebra case"),
        record.Alert.objects.create(threshold=threshold, subject="zebra", text="Zebra fails"),
        record.ExportSchedule.objects.create(slug="zebra", at="06:00", destination=destination),
        record.EventSubscription.objects.create(slug="zebra", url="https://zebra.example/in"),
        record.EventHook.objects.create(slug="zebra", name="Zebra"),
        record.PassedFeedback.objects.create(
            source=source, state="failed", error="zebra",
            feedback=record.Feedback.objects.create(
                lead_id=event.lead_id, recipient=other, kind="other", reason=PERSON, occurred_at=NOW
            ),
        ),
    ]  # fmt: skip
    return {each._meta.label_lower: each.pk for each in made}


@pytest.fixture
def addresses(world: SimpleNamespace) -> list[str]:
    return [address for route in routes() if (address := _address(route, world)) is not None]


def _address(route: str, world: SimpleNamespace) -> str | None:
    """Where the route leads for the other side's thing; None where it leads to nothing."""
    if route in OPEN:
        return None
    if route.startswith("admin/"):
        return _in_admin(route, world)
    assert route in PLACES, f"{route} is new: say in PLACES what its parts are, and whose"
    parts = [world.things[name] for name in PLACES[route].split()]
    return "/" + re.sub(r"<[^>]+>", lambda _: parts.pop(0), route)


def _in_admin(route: str, world: SimpleNamespace) -> str | None:
    """Whatever model it is of; each needs an object."""
    if "^" in route or "(?P" in route or "django_q" in route or "/r/" in route:
        return None
    found = re.match(r"admin/(\w+/\w+)/", route)
    if "<" not in route or not found:
        return "/" + route
    label = found[1].replace("/", ".")
    assert label in world.objects, f"{route}: make one of {label} in _objects"
    terms = str(Step.objects.get(pk=world.objects["flows.step"]).flow.sources.get().pk)
    filled = route.replace("<int:terms>", terms)
    return "/" + re.sub(r"<[^>]+>", str(world.objects[label]).replace("_", "_5F"), filled)


def text_of(answer: Any, address: str, *given: str) -> str:
    """What it says, but for what was asked and given."""
    assert answer.status_code < 500 or address.endswith("/stream"), (address, answer.status_code)
    body = b"".join(answer) if answer.streaming else answer.content
    text = body.decode(errors="replace") + str(dict(answer.headers))
    asked = {address, *re.split(r"[/?&=]", address), *given}
    for part in sorted(asked, key=len, reverse=True):
        if len(part) > 4:
            text = text.replace(part, "").replace(part.replace("_5F", "_"), "")
    return text


def told(text: str, *words: str) -> list[str]:
    return [word for word in words if word.lower() in text.lower()]


def body_of(world: SimpleNamespace) -> dict[str, str]:
    """What would have most forms act."""
    return {
        "reason": "why", "lead": world.things["lead"], "lead_id": world.things["lead"],
        "suppose": "decline", "kind": "contacted", "value": world.things["lead"],
        "email": f"{PERSON}@example.com", "action": "send", "seen": "1", "do": "find",
        "_form_submitted": "True", "class": "personal", "post": "yes", "confirm": "true",
    }  # fmt: skip


WAYS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def ask(client: Client, way: str, address: str, world: SimpleNamespace, **more: Any) -> Any:
    client.cookies.pop("messages", None)  # what an earlier answer says of what was asked there
    if way == "GET":
        return client.get(address, **more)
    if address.startswith("/api/"):
        body = json.dumps(body_of(world))
        return client.generic(way, address, body, content_type="application/json", **more)
    return client.generic(
        way,
        address,
        "&".join(f"{k}={v}" for k, v in body_of(world).items()),
        content_type="application/x-www-form-urlencoded",
        **more,
    )


def test_it_shows_an_account_manager_nothing_of_others_and_nobodys_values(world, addresses):
    client = sign_in(world.users[Role.ACCOUNT_MANAGER])
    key = factories.bearer("key_of_account_manager_0001")
    before, leaks = _state(world), []
    for address in [*addresses, f"/leads/{world.shared}/", f"/leads/{world.own_lead}/"]:
        api = address.startswith("/api/")
        for way in WAYS if api else WAYS[:2]:
            answer = ask(client, way, address, world, **(key if api else {}))
            text = text_of(answer, address, *([world.things["lead"]] if way == "POST" else []))
            if found := told(text, NAMES, PERSON, PHONE, SSN, *world.ids):
                leaks.append((way, address, answer.status_code, found))
    assert leaks == [], json.dumps(leaks)
    assert _state(world) == before


@pytest.mark.parametrize("who", ["partner", "source"])
def test_it_shows_a_caller_nothing_of_others(world, addresses, who):
    key, client = factories.bearer(f"key_of_{who}_0001"), Client()
    before, leaks = _state(world), []
    for address in addresses:
        for way in WAYS if address.startswith("/api/") else WAYS[:2]:
            answer = ask(client, way, address, world, **key)
            if found := told(text_of(answer, address), NAMES, *world.ids, PERSON, SSN):
                leaks.append((way, address, answer.status_code, found))
    assert leaks == [], json.dumps(leaks)
    assert _state(world) == before


def test_it_opens_nothing_to_who_has_not_signed_in(world, addresses):
    client, leaks = Client(), []
    for address in addresses:
        for way in WAYS[:2]:
            answer = ask(client, way, address, world)
            found = told(text_of(answer, address), NAMES, "own-buyer", PERSON, *world.ids)
            if found or answer.status_code not in (301, 302, 401, 403, 404, 405, 415):
                leaks.append((way, address, answer.status_code, found))
            elif answer.status_code in (301, 302):
                assert "/login/" in answer["Location"], (way, address, answer["Location"])
    assert leaks == [], json.dumps(leaks)


def test_it_masks_values_everywhere_for_a_role_to_which_they_are_not_shown(world, addresses):
    """Ops sees most pages; sensitive values are masked for whoever it is."""
    client = sign_in(world.users[Role.OPS])
    key = factories.bearer("key_of_ops_0001")
    simulated = f"/admin/flows/flow/{world.objects['flows.flow'].replace('_', '_5F')}/simulate/"
    answers = [(a, client.get(a, **(key if "/api/" in a else {}))) for a in addresses]
    answers.append((simulated, ask(client, "POST", simulated, world)))
    leaks = [
        (address, found)
        for address, answer in answers
        if (found := told(text_of(answer, address), PERSON, PHONE, "555-7788", SSN, "457555462"))
    ]
    assert leaks == [], json.dumps(leaks)
    assert sum(answer.status_code == 200 for _, answer in answers) > 100  # it did look


def test_it_lets_an_auditor_change_nothing(world, addresses):
    client = sign_in(world.users[Role.AUDITOR])
    key = factories.bearer("key_of_auditor_0001")
    before = _state(world)
    for address in addresses:
        ask(client, "POST", address, world, **(key if address.startswith("/api/") else {}))
    assert _state(world) == before


def _state(world: SimpleNamespace) -> dict[str, list[Any]]:
    """What nobody of these may change: the record, the configuration, what is under way."""
    rows: dict[str, list[Any]] = {
        kind._meta.label: sorted(kind._default_manager.values_list("pk"))
        for kind in admin.site._registry
        if kind is not Event
    }
    # That feedback about others' leads was refused is on record.
    kept = Event.objects.exclude(type="feedback.rejected").values_list("pk", "type")
    return {**rows, "events": sorted(kept)}
