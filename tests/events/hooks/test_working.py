"""The follower on the real record: what fires, once, whatever happens between."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from events.following import Position
from events.hooks import figures, firing, judging, telling
from events.hooks.loading import Names
from events.hooks.running import Hooks
from events.hooks.working import Follower
from events.models import (
    Alert,
    Channel,
    Event,
    EventHook,
    HookFiring,
    HookFollower,
    HookNotice,
    LeadTag,
)
from events.vocabulary import EventType
from leadops.lib import webhooks
from leadops.lib.http import Door
from recipients.outcomes import Outcome
from tests.events.test_following import write
from tests.factories import count, deliver_lead, make_flow, make_recipient, make_source

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ERRORS = {"field": "event.type", "op": "is", "value": "recipient.error"}


def make_hook(slug: str = "watcher", **fields: Any) -> EventHook:
    given = {"name": slug.title(), "active": True, "cool_down": 0.0, **fields}
    notify = given.pop("notify", [])
    hook = EventHook(slug=slug, **given)
    hook.full_clean()
    hook.save()
    hook.notify.set(notify)
    return hook


def begin() -> Follower:
    """A follower that is where the record ends."""
    follower = Follower()
    follower.step()
    return follower


def fired() -> list[str]:
    return list(HookFiring.objects.order_by("at", "id").values_list("text", flat=True))


def recorded(kind: EventType) -> list[Event]:
    return list(Event.objects.filter(type=kind.value).order_by("timestamp", "id"))


def door(networks: Any = None) -> Door:
    given = settings.LEADOPS_PRIVATE_NETWORKS if networks is None else networks
    return Door(private_networks=given, pool_size=1)


def due() -> None:
    HookNotice.objects.update(due_at=timezone.now() - timedelta(seconds=1))


class Listener:
    def __init__(self) -> None:
        self.status = 200
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.url = ""


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(found.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.url = f"http://127.0.0.1:{server.server_port}/hook"
    yield found
    server.shutdown()
    server.server_close()


def test_a_sale_tags_its_lead_and_calls_a_signed_webhook(listener: Listener) -> None:
    source, buyer = make_source(), make_recipient(price="60.00")
    flow = make_flow(source, buyer)
    channel = Channel.objects.create(slug="ops", url=listener.url)
    make_hook(
        types=["flow.completed"],
        when={"all": [
            {"field": "lead.margin", "op": "gt", "value": 20},
            {"field": "state", "op": "is", "value": "TX"},
        ]},
        tag="high-value",
        url=listener.url,
        secret=SECRET,
        notify=[channel],
    )  # fmt: skip
    follower = begin()
    lead_id = deliver_lead(flow, source)
    deliver_lead(flow, source, state="CA", email="b@example.com")
    assert follower.step().fired == 1
    assert fired() == ["margin is 45.0; state is TX"]
    assert LeadTag.objects.get().lead_id == lead_id
    tagged, said = recorded(EventType.LEAD_TAGGED)[0], recorded(EventType.HOOK_FIRED)[0]
    assert (tagged.lead_id, tagged.data["tag"]) == (lead_id, "high-value")
    assert tagged.seq == Event.objects.filter(lead_id=lead_id).count(), "no gap in the lead's own"
    assert said.data["event"]["lead_id"] == lead_id
    assert said.data["did"] == ["tagged high-value", "tells ops", "calls its webhook"]
    assert telling.look(door()) == 2
    assert telling.look(door()) == 0
    (headers, body), (_, notice) = sorted(
        listener.got, key=lambda each: "webhook-id" not in each[0]
    )
    webhooks.verify([SECRET], headers, body, now=time.time())
    assert json.loads(body)["data"]["text"] == "margin is 45.0; state is TX"
    assert json.loads(notice) == json.loads(body)


def test_five_failures_in_a_row_pause_a_recipient_once() -> None:
    source, buyer = make_source(), make_recipient()
    flow = make_flow(source, buyer)
    make_hook(when=ERRORS, types=["recipient.*"], per="recipient", times=2, pause="recipient",
              cool_down=60.0, tests=True)  # fmt: skip
    make_hook("other", when=ERRORS, per="recipient", pause="recipient", cool_down=60.0)
    follower = begin()
    outcomes = {buyer.slug: [Outcome.SERVER_ERROR] * 3}
    deliver_lead(flow, source, outcomes=outcomes)
    follower.step()
    buyer.refresh_from_db()
    assert buyer.paused_at is not None
    assert "other" in buyer.paused_reason or "watcher" in buyer.paused_reason
    assert len(recorded(EventType.RECIPIENT_PAUSED)) == 1
    did = [event.data["did"][-1] for event in recorded(EventType.HOOK_FIRED)]
    assert sorted(did) == ["Abc Insurance was paused already", "paused Abc Insurance"]


def test_hooks_do_not_see_what_hooks_did() -> None:
    make_hook()  # on every event there is
    follower = begin()
    write()
    follower.step()
    assert len(fired()) == 1
    for _ in range(3):
        follower.step()
    assert len(fired()) == 1
    with pytest.raises(ValidationError, match="what hooks did"):
        make_hook("loop", types=["hook.fired"])


def test_a_crash_between_the_action_and_the_position_leaves_neither(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_hook(types=["config.changed"], times=2, within=600.0)
    follower = begin()
    write(), write()
    real = firing.carry_out

    def dies(*args: Any) -> int:
        real(*args)
        raise SystemExit

    monkeypatch.setattr(firing, "carry_out", dies)
    with pytest.raises(SystemExit):
        follower.step()
    monkeypatch.setattr(firing, "carry_out", real)
    assert fired() == []
    assert not recorded(EventType.HOOK_FIRED)
    HookFollower.objects.update(due_at=timezone.now())  # its lease runs out
    Follower().step()
    assert len(fired()) == 1
    assert len(recorded(EventType.HOOK_FIRED)) == 1


def test_of_two_followers_one_writes() -> None:
    make_hook(types=["config.changed"])
    begin().let_go()
    for _ in range(40):
        write()
    followers = [Follower() for _ in range(3)]

    def follow(follower: Follower) -> None:
        for _ in range(30):
            follower.step(rows=5)
            follower.let_go()
        connection.close()

    threads = [threading.Thread(target=follow, args=(each,)) for each in followers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while followers[0].step(rows=50).more:
        pass
    assert HookFiring.objects.count() == len(recorded(EventType.HOOK_FIRED)) == 40
    slow = Follower()
    assert slow.step().mine, "nothing new: nobody writes"


def test_a_follower_that_lost_its_lease_writes_nothing() -> None:
    make_hook(types=["config.changed"])
    slow = begin()
    write()
    row = HookFollower.objects.get()
    assert row.tx is not None
    at = Position(row.tx, row.after)
    HookFollower.objects.update(lease="somebody else")
    hooks = list(EventHook.objects.all())
    assert slow._write(at, at, 1, hooks, judging.Judged()) == (0, False)
    assert not fired()


def test_nothing_is_read_while_no_hook_is_active() -> None:
    hook = make_hook(types=["config.changed"])
    follower, never = begin(), threading.Event()
    follower.let_go()
    EventHook.objects.update(active=False)
    follower.look(timezone.now(), stopping=never)
    assert HookFollower.objects.get().tx is None
    write()
    hook.active = True
    hook.save()
    follower.look(timezone.now(), stopping=never)
    assert fired() == [], "it begins with what comes after it was switched on"
    write()
    follower.look(timezone.now(), stopping=never)
    assert len(fired()) == 1


def test_a_hook_whose_rules_take_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    make_hook(types=["config.changed"])
    make_hook("good", types=["config.changed"])
    follower = begin()
    write(), write()
    monkeypatch.setattr(judging, "SLOWEST", -1.0)
    follower.step()
    assert {hook.stopped_reason[:26] for hook in EventHook.objects.all()} == {
        "Its rules take too long: 0"
    }
    assert Alert.objects.filter(resolved_at=None).count() == 2
    assert len(recorded(EventType.HOOK_STOPPED)) == 2
    hook = EventHook.objects.get(slug="good")
    hook.save()
    assert hook.stopped_at is None, "somebody has seen to it"


def test_words_of_buyers_are_masked() -> None:
    source, buyer = make_source(), make_recipient()
    flow = make_flow(source, buyer)
    make_hook(
        types=["flow.completed"],
        when={"all": [
            {"field": "event.note", "op": "not_blank"},
            {"field": "email", "op": "blank"},
        ]},
    )  # fmt: skip
    lead_id = deliver_lead(flow, source)
    follower = begin()
    from django.db import transaction

    from events import leads
    from events.hooks.firing import now

    with transaction.atomic(), connection.cursor() as cursor:
        journal = now(cursor)
        lead = leads.lock(cursor, [lead_id])[lead_id]
        journal.record(lead, EventType.FLOW_COMPLETED, entity_id=flow.id,
                       note="Known as john.smith@example.com")  # fmt: skip
        leads.save(cursor, [lead])
        journal.write(cursor)
    follower.step()
    assert fired() == ["event.note is Known as •••; email is missing"]
    assert "john.smith" not in json.dumps(HookFiring.objects.get().told)
    assert "john.smith" not in json.dumps(recorded(EventType.HOOK_FIRED)[0].data)


def test_a_webhook_is_tried_again_under_its_id_until_it_is_taken(listener: Listener) -> None:
    make_hook(types=["config.changed"], url=listener.url, secret=SECRET)
    follower = begin()
    write()
    follower.step()
    listener.status = 503
    telling.look(door())
    notice = HookNotice.objects.get()
    assert notice.error == "Answered 503"
    assert notice.due_at > timezone.now() - timedelta(seconds=1)
    listener.status = 200
    due()
    telling.look(door())
    first, second = listener.got
    assert first[0]["webhook-id"] == second[0]["webhook-id"] == notice.id
    assert first[1] == second[1]
    notice.refresh_from_db()
    assert notice.sent_at is not None


def test_a_private_webhook_is_refused_and_given_up_aloud(listener: Listener) -> None:
    make_hook(types=["config.changed"], url=listener.url, secret=SECRET)
    follower = begin()
    write()
    follower.step()
    telling.look(door(networks=()))
    assert not listener.got
    assert "private" in HookNotice.objects.get().error.lower()
    due()
    HookNotice.objects.update(created_at=timezone.now() - timedelta(days=4))
    telling.look(door(networks=()))
    assert HookNotice.objects.get().given_up_at is not None
    assert "cannot tell its webhook" in Alert.objects.get().text


def test_an_unusual_hour_fires_once() -> None:
    buyer = make_recipient()
    now = datetime(2026, 3, 20, 15, 10, tzinfo=UTC)
    hook = make_hook(metric="rejection_rate", per="recipient", pause="recipient", cool_down=7200.0)
    EventHook.objects.update(armed_at=now - timedelta(days=1))
    hour = figures.over(now)
    assert hour == datetime(2026, 3, 20, 14, tzinfo=UTC)
    for back in range(15):
        bad = 60 if back == 0 else 20
        at = hour - timedelta(days=back)
        count(at, "delivery", n=bad, recipient_id=buyer.id, outcome="rejected")
        count(at, "delivery", n=100 - bad, recipient_id=buyer.id)
    hooks = [EventHook.objects.get(id=hook.id)]
    names = Names().fresh()
    assert figures.judge_due(hooks, names, now) == 1
    assert figures.judge_due(hooks, names, now) == 0, "though this one has old rows at hand"
    assert "rejection rate 60.0 % (60 of 100)" in fired()[0]
    buyer.refresh_from_db()
    assert buyer.paused_at is not None
    count(hour + timedelta(hours=1), "delivery", n=90, recipient_id=buyer.id, outcome="rejected")
    for back in range(1, 5):
        count(hour + timedelta(hours=1) - timedelta(days=back), "delivery", n=90,
              recipient_id=buyer.id)  # fmt: skip
    assert figures.judge_due(hooks, names, now + timedelta(hours=1)) == 0, "it rests"


def test_the_program_follows_and_tells_by_itself(listener: Listener) -> None:
    make_hook(types=["config.changed"], url=listener.url, secret=SECRET)
    hooks = Hooks()
    hooks.start()
    try:
        end = time.monotonic() + 60
        while not HookFollower.objects.exclude(tx=None).exists():  # it begins with what comes next
            assert time.monotonic() < end
            time.sleep(0.05)
        write()
        while not HookNotice.objects.exclude(sent_at=None).exists():
            assert time.monotonic() < end
            time.sleep(0.05)
    finally:
        hooks.stop(20.0)
    assert len(listener.got) == 1
    assert HookFollower.objects.get().trouble == ""
