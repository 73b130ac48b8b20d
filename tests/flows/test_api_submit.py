"""/flows/{flow}/sources/{source}/submit as a sender of LeadConduit's sees it."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.models import Lead, Snapshot
from flows.api import submit
from flows.models import FlowField, SourceKey
from leadops.lib.throttle import Throttle
from tests.factories import make_source
from tests.flows.scene import LEAD, recipient, scene

KEY = "web-form-a-key-0123456789"
FORM = "application/x-www-form-urlencoded"
POSTED = "email=ann%40example.com&state=TX&first_name=Ann"
XML = "<lead><email>ann@example.com</email><state>TX</state></lead>"


@pytest.fixture
def play(db):
    play = scene(recipient("abc"))
    key = SourceKey(source=play.source)
    key.set(KEY)
    key.save()
    return play


@pytest.fixture(autouse=True)
def throttles(monkeypatch):
    monkeypatch.setattr(submit, "BY_ADDRESS", Throttle(60, burst=1000))
    monkeypatch.setattr(submit, "BY_SOURCE", Throttle(60, burst=1000))


def opened(play: Any, **settings: Any) -> None:
    for name, value in {"open_submit": True, **settings}.items():
        setattr(play.source, name, value)
    play.source.full_clean()
    play.source.save()


@pytest.fixture
def post(client, play):
    def post(body: Any = LEAD, type: str = "", *, query: str = "", key: str = KEY, **headers: str):
        if not isinstance(body, str | bytes):
            body, type = json.dumps(body), type or "application/json"
        if key:
            headers = {"Authorization": f"Bearer {key}", **headers}
        return client.post(address(play, query), body, content_type=type or FORM, headers=headers)

    return post


def address(play: Any, query: str = "") -> str:
    return f"/flows/auto/sources/{play.source.slug}/submit{query}"


def stored() -> int:
    return Lead.objects.count()


def test_it_answers_as_leadconduit_does(post):
    reply = post()
    assert reply.status_code == 201
    lead = Lead.objects.get()
    assert reply.json() == {
        "outcome": "success",
        "reason": "",
        "lead": {"id": lead.id, "email": LEAD["email"]},
        "price": 15,
    }
    assert reply["Cache-Control"] == "no-store"


def test_a_rejected_lead_is_a_failure_with_its_reason(post):
    reply = post({"state": "TX"})
    assert reply.status_code == 201
    assert reply.json()["outcome"] == "failure"
    assert reply.json()["reason"] == "Missing required field: email"
    assert reply.json()["price"] == 0


@pytest.mark.parametrize("type", ["application/xml", "text/xml; charset=utf-8"])
def test_xml_is_answered_in_xml(post, type):
    reply = post(XML, type)
    assert reply["Content-Type"].startswith(type.partition(";")[0])
    root = ElementTree.fromstring(reply.content)  # noqa: S314  our own words
    assert root.tag == "result"
    assert root.findtext("outcome") == "success"
    assert root.findtext("lead/id") == Lead.objects.get().id
    assert root.findtext("price") == "15"


@pytest.mark.parametrize(
    ("accept", "type"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/xml", "text/xml"),
        ("application/xml;q=0.5, application/json;q=0.9", "application/json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("text/plain", "text/plain"),
        ("image/png", "application/json"),
        ("application/json;q=junk, text/plain;q=0.1", "text/plain"),
    ],
)
def test_forms_are_answered_as_they_ask(post, accept, type):
    reply = post(POSTED, Accept=accept)
    assert reply.status_code == 201
    assert reply["Content-Type"] == f"{type}; charset=utf-8"


def test_the_page_for_a_person_hides_the_price_and_escapes_what_was_posted(post):
    reply = post("email=%3Cscript%3Ealert(1)", Accept="text/html")
    text = reply.content.decode()
    assert "&lt;script&gt;" in text
    assert "<script>" not in text
    assert "15" not in post(POSTED, Accept="text/html").content.decode().partition("<body>")[2]


def test_parameters_of_the_address_are_a_lead_too(client, play):
    auth = {"Authorization": f"Bearer {KEY}"}
    assert client.get(address(play, f"?{POSTED}"), headers=auth).json()["outcome"] == "success"
    assert client.get(address(play), headers=auth).status_code == 400
    assert client.head(address(play, f"?{POSTED}"), headers=auth).status_code == 405
    assert client.put(address(play), headers=auth).status_code == 405
    assert stored() == 1


def test_a_parameter_stands_before_the_body(post):
    assert (
        post("email=body%40example.com&state=TX", query="?email=query%40example.com").json()[
            "lead"
        ]["email"]
        == "query@example.com"
    )


def test_a_parameter_named_format_is_a_field(post):
    assert post(query="?format=xml").status_code == 201


def test_forms_with_parts_are_read(client, play):
    body = {"email": "ann@example.com", "state": "TX"}
    reply = client.post(address(play), body, headers={"Authorization": f"Bearer {KEY}"})
    assert reply.json()["outcome"] == "success"


def test_basic_shows_the_key_as_the_password(client, play):
    word = base64.b64encode(f"API:{KEY}".encode()).decode()
    for credentials, status in ((word, 201), ("!!", 401), ("", 401)):
        headers = {"Authorization": f"Basic {credentials}"}
        assert client.post(address(play), POSTED, FORM, headers=headers).status_code == status


def test_it_finds_flow_and_source_by_id(client, play):
    reply = client.post(
        f"/flows/{play.flow.id}/sources/{play.source.id}/submit",
        POSTED,
        FORM,
        headers={"Authorization": f"Bearer {KEY}"},
    )
    assert reply.status_code == 201


def test_errors_are_told_in_its_words(post, play):
    for reply, status in (
        (post(key=""), 401),
        (post(key="wrong"), 401),
        (post("{", "application/json"), 400),
        (post("[1]", "application/json"), 422),
        (post("a", "image/png"), 415),
        (post("x" * 300_000), 413),
    ):
        assert reply.status_code == status
        assert reply.json()["outcome"] == "error"
        assert reply.json()["reason"]
    assert post("{", "application/json", Accept="text/xml").content.startswith(b"<?xml")
    play.flow.active = False
    play.flow.save()
    assert post().status_code == 409
    assert stored() == 0


def test_another_sources_key_does_not_open_it(client, play):
    make_source("other", key="other-key-0123456789")
    headers = {"Authorization": "Bearer other-key-0123456789"}
    assert client.post(address(play), POSTED, FORM, headers=headers).status_code == 403
    for unknown in ("/flows/auto/sources/nobody/submit", "/flows/nope/sources/form/submit"):
        assert client.post(unknown, POSTED, FORM).status_code == 401


# --- without a key


def test_an_open_address_needs_no_key(post, play):
    assert post(key="").status_code == 401
    opened(play)
    assert post(POSTED, key="").json()["outcome"] == "success"
    assert post(POSTED, key="wrong").status_code == 401  # a wrong key is still a wrong key


def test_an_open_address_is_throttled(post, play, monkeypatch):
    opened(play)
    monkeypatch.setattr(submit, "BY_ADDRESS", Throttle(1, burst=2))
    codes = [post(POSTED, key="").status_code for _ in range(3)]
    assert codes == [201, 201, 429]
    assert int(post(POSTED, key="")["Retry-After"]) >= 1
    assert post(POSTED).status_code == 201  # with the key it is not


def test_only_named_sites_may_post_without_a_key(post, play):
    opened(play, allowed_origins=["https://www.example.com"])
    for headers, status in (
        ({"Origin": "https://www.example.com"}, 201),
        ({"Referer": "https://www.example.com/form?x=1"}, 201),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://www.example.com.evil.example"}, 403),
        ({}, 403),
    ):
        assert post(POSTED, key="", **headers).status_code == status, headers
    assert post(POSTED).status_code == 201


def test_scripts_of_other_sites_may_read_only_where_no_key_is_needed(client, post, play):
    origin = {"Origin": "https://www.example.com"}
    asked = client.options(address(play), headers=origin)
    assert "Access-Control-Allow-Origin" not in asked
    assert "Access-Control-Allow-Origin" not in post(POSTED, **origin)
    opened(play)
    asked = client.options(address(play), headers=origin)
    assert (asked.status_code, asked["Access-Control-Allow-Origin"]) == (204, "*")
    assert "Content-Type" in asked["Access-Control-Allow-Headers"]
    assert post(POSTED, key="", **origin)["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in asked
    opened(play, allowed_origins=["https://www.example.com"])
    assert post(POSTED, key="", **origin)["Access-Control-Allow-Origin"] == origin["Origin"]


# --- redirects


def test_a_form_goes_on_to_an_allowed_page(post, play):
    opened(play, redirect_hosts=["www.example.com", "*.example.org"])
    url = "https://www.example.com/thanks?a=b"
    reply = post(POSTED, key="", query=f"?redir_url={quote(url)}")
    assert (reply.status_code, reply["Location"]) == (303, url)
    reply = post(f"{POSTED}&redir_url=http%3A%2F%2Fa.b.example.org%2F", key="")
    assert (reply.status_code, reply["Location"]) == (303, "http://a.b.example.org/")
    assert post({"state": "TX"}, query="?redir_url=https://www.example.com/").status_code == 303


def test_a_page_of_another_host_is_not_followed_and_the_lead_is_kept(post, play):
    opened(play, redirect_hosts=["www.example.com"])
    reply = post(POSTED, key="", query="?redir_url=https://evil.example/")
    assert reply.status_code == 201
    assert "Location" not in reply
    assert "evil.example" in reply.json()["redirect"]
    assert stored() == 1


def test_who_shows_the_key_is_sent_anywhere_unless_hosts_are_named(post, play):
    to = "?redir_url=https://anywhere.example/thanks"
    reply = post(POSTED, query=to)
    assert (reply.status_code, reply["Location"]) == (303, "https://anywhere.example/thanks")
    opened(play)
    assert post(POSTED, key="", query=to).status_code == 201
    opened(play, redirect_hosts=["www.example.com"])
    assert post(POSTED, query=to).status_code == 201


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "//www.example.com/",
        "www.example.com",
        "https:www.example.com",
        "https:///www.example.com",
        "https://www.example.com%0d%0aSet-Cookie:x",
        "https://www.example.com/%0D%0ASet-Cookie: x=1",
        "https://www.example.com\\@evil.example",
        "https://www.example.com@evil.example",
        "https://evil.example%23@www.example.com",
        "https://www.example.com\t.evil.example",
        "https://www..example.com",
        "data:text/html,x",
        "https://" + "a" * 3000,
    ],
)
def test_a_crooked_redirect_is_refused_before_anything_is_stored(post, play, url):
    opened(play, redirect_hosts=["www.example.com"])
    reply = post(POSTED, key="", query=f"?redir_url={quote(url, safe='%')}")
    if reply.status_code == 303:  # an encoded line break is part of an allowed page's address
        assert reply["Location"] == "https://www.example.com/%0D%0ASet-Cookie:%20x=1"
        return
    assert reply.status_code in (201, 400)
    assert "Location" not in reply
    assert stored() == (reply.status_code == 201)


# --- what it takes


def test_it_takes_trustedforms_field(post, play):
    FlowField.objects.create(flow=play.flow, name="trustedform_cert_url", type="trustedform_url")
    url = "https://cert.trustedform.com/0123456789abcdef0123456789abcdef01234567"
    post(f"{POSTED}&xxTrustedFormCertUrl={url}")
    values = Snapshot.objects.latest("version").body
    assert values["trustedform_cert_url"] == url
    assert "xxTrustedFormCertUrl" not in values


def test_it_makes_test_leads(post):
    post(f"{POSTED}&test=true")
    assert Lead.objects.get().test


def test_it_repeats_an_answer_under_its_key(post):
    first, second = (post(POSTED, **{"Idempotency-Key": "a"}) for _ in range(2))
    assert first.json() == second.json()
    assert second["Idempotent-Replayed"] == "true"


def test_it_waits_where_it_is_asked_to(post):
    reply = post({"state": "TX"}, Prefer="wait=20")
    assert reply.json()["result"] == "rejected"
    assert reply["Preference-Applied"] == "wait"


def test_a_ping_is_answered_in_its_words_and_is_no_lead(client, play):
    url = address(play).replace("submit", "ping")
    reply = client.post(url, POSTED, FORM, headers={"Authorization": f"Bearer {KEY}"})
    assert reply.status_code == 200
    told = reply.json()
    assert told["outcome"] == ("success" if told["price"] > 0 else "failure")
    assert "lead" not in told
    assert client.post(url, POSTED, FORM).status_code == 401
    assert stored() == 0


BOMB = (
    '<!DOCTYPE lead [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    "]><lead><email>&b;</email></lead>"
)


@pytest.mark.parametrize(
    "body",
    [
        BOMB,
        '<!DOCTYPE lead [<!ENTITY x SYSTEM "file:///etc/passwd">]><lead><email>&x;</email></lead>',
        "<lead>" + "<a>" * 300 + "</a>" * 300 + "</lead>",
        "<lead>" + "<a/>" * 3000 + "</lead>",
        "<lead>",
        "plain words",
        "<lead>only text</lead>",
        b"\xff\xfe\x00",
        "",
    ],
)
def test_hostile_xml_is_400_and_stores_nothing(post, body):
    reply = post(body, "text/xml", Accept="application/json")
    assert reply.status_code in (400, 422), reply.content
    assert reply.json()["outcome"] == "error"
    assert b"root:" not in reply.content
    assert stored() == 0


def test_huge_xml_is_413(post):
    assert post(f"<lead><a>{'x' * 70_000}</a></lead>", "text/xml").status_code == 413


def test_a_body_may_not_carry_too_many_fields(post):
    assert post("&".join(f"f{n}=1" for n in range(600))).status_code in (400, 422)
    assert post({f"f{n}": 1 for n in range(600)}).status_code == 422


TYPES = (FORM, "application/json", "text/xml", "multipart/form-data; boundary=x", "", 'a;b="')
PARTS = b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\na@example.com\r\n--x--\r\n'


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    body=st.binary(max_size=200)
    | st.sampled_from([PARTS, PARTS[:50], PARTS.replace(b"email", b"\xff\0")])
    | st.text(alphabet='<>/a &;="{}[],:', max_size=60).map(str.encode),
    type=st.sampled_from(TYPES),
    query=st.text(max_size=30).map(quote) | st.sampled_from(["redir_url=%0d%0a", "%00=%00", "="]),
    accept=st.text(alphabet="texhml/*;q=0.19, ", max_size=30),
)
def test_whatever_is_posted_is_answered_in_its_words(client, play, body, type, query, accept):
    reply = client.post(
        address(play, f"?{query}"),
        body,
        content_type=type,
        headers={"Authorization": f"Bearer {KEY}", "Accept": accept},
    )
    assert reply.status_code in (201, 400, 413, 415, 422), reply.content
    assert b"Traceback" not in reply.content
    if reply["Content-Type"].startswith("application/json"):
        assert reply.json()["outcome"] in ("success", "failure", "error")
