from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from lxml import html

from events.models import Alert, Event
from flows import plans
from flows.models import Work
from flows.trying import testcalls
from leadops.buyers import Buyers, running_buyers
from recipients.models import Endpoint, Recipient, Secret
from recipients.outcomes import Outcome
from tests.factories import bearer, make_user
from tests.flows.scene import attempt, recipient, scene
from tests.pages import errors_of, form_of, page_of, sign_in, submit, text_of

pytestmark = pytest.mark.django_db

STAFF = bearer("usr_test_key_0001")


@pytest.fixture(scope="module")
def buyers() -> Iterator[Buyers]:
    with running_buyers() as running:
        yield running


@pytest.fixture
def buyer(buyers: Buyers) -> Recipient:
    buyers.clear()
    made = recipient("abc", sandbox=True)
    point(made, "production", f"{buyers.url}/b/abc/auth/key?keys=good-key")
    point(made, "sandbox", f"{buyers.url}/sandbox/abc")
    return made


def point(made: Recipient, kind: str, url: str, **fields: Any) -> Endpoint:
    endpoint = made.endpoints.get(kind=kind)
    Endpoint.objects.filter(pk=endpoint.pk).update(
        url=url, **{"auth": "bearer", "auth_secret": "good-key", **fields}
    )
    plans.changed()
    return made.endpoints.get(kind=kind)


def paused_by_refusal(made: Recipient) -> Endpoint:
    """One lead was refused for our credentials; the next one waits."""
    flow = scene(made)
    flow.post()
    (sending,) = flow.start()
    flow.take((), [(sending, attempt(Outcome.UNAUTHORIZED, reason="Unknown key"))])
    flow.post(email="next@example.com", phone_1="5555550199")
    flow.start()
    return made.endpoints.get(kind="production")


def held() -> int:
    return Work.objects.extra(where=["due_at = 'infinity'"]).count()


def test_it_sends_an_invented_lead_that_is_marked(buyer: Recipient, buyers: Buyers) -> None:
    scene(buyer)
    called = testcalls.call(buyer, buyer.endpoints.get(kind="sandbox"), by="olga")
    assert called.good
    assert not called.resumed
    assert called.attempt.result.outcome is Outcome.ACCEPTED
    (entry,) = buyers.log(path="/sandbox/abc")
    assert entry["headers"]["X-LeadOps-Test"] == "1"
    assert entry["idempotency_key"].startswith("test_")
    assert entry["body"] == '{"email":"test.lead@example.com"}'
    event = Event.objects.get(type="recipient.tested")
    assert (event.entity_id, event.data["by"], event.data["result"]) == (
        buyer.id, "olga", "accepted",
    )  # fmt: skip
    assert event.data["endpoint"] == "sandbox"


def test_it_reads_values_as_intake_does(buyer: Recipient, buyers: Buyers) -> None:
    scene(buyer)
    buyer.mapping_rows.update(value="{{lead.email.domain}} {{lead.state}}")
    plans.changed()
    values = {"email": "X@Mine.example", "state": "Texas"}
    testcalls.call(buyer, buyer.endpoints.get(kind="sandbox"), by="olga", values=values)
    assert buyers.log(path="/sandbox/abc")[0]["body"] == '{"email":"mine.example TX"}'


def test_a_good_call_resumes_a_paused_endpoint_and_what_waits(buyer: Recipient) -> None:
    endpoint = paused_by_refusal(buyer)
    assert endpoint.paused_at is not None
    assert held() == 1
    called = testcalls.call(buyer, endpoint, by="olga")
    assert (called.good, called.resumed) == (True, True)
    endpoint.refresh_from_db()
    assert endpoint.paused_at is None
    assert held() == 0
    assert Work.objects.count() == 1
    assert not Alert.objects.filter(resolved_at=None).exists()
    event = Event.objects.get(type="recipient.resumed")
    assert event.reason == "A test call came to accepted"
    assert event.data["by"] == "olga"


@pytest.mark.parametrize("path", ["/unauthorized", "/error", "/nowhere", "/garbage", "/reset"])
def test_no_other_call_resumes_it(buyer: Recipient, buyers: Buyers, path: str) -> None:
    endpoint = point(buyer, "production", buyers.url + path)
    Endpoint.objects.filter(pk=endpoint.pk).update(paused_at="2026-01-01T00:00Z")
    called = testcalls.call(buyer, endpoint, by="olga")
    assert not called.good
    endpoint.refresh_from_db()
    assert endpoint.paused_at is not None


def test_a_rejection_is_a_good_answer(buyer: Recipient, buyers: Buyers) -> None:
    endpoint = point(buyer, "production", buyers.url + "/reject")
    assert testcalls.call(buyer, endpoint, by="olga").good


def test_it_says_why_no_call_can_be_made(buyer: Recipient) -> None:
    Endpoint.objects.filter(recipient=buyer).update(url="https://${NOBODY}.example/")
    plans.changed()
    with pytest.raises(testcalls.NotPossible, match="NOBODY"):
        testcalls.call(buyer, buyer.endpoints.get(kind="sandbox"), by="olga")


RIGHT = "s3cret"


def oauth(buyers: Buyers, secret: str = RIGHT) -> dict[str, Any]:
    return {
        "auth": "oauth2",
        "auth_username": "lead",
        "auth_secret": secret,
        "auth_options": {"token_url": buyers.url + "/b/check/auth/token"},
    }


def test_it_tries_credentials_without_a_lead(buyer: Recipient, buyers: Buyers) -> None:
    endpoint = point(buyer, "production", buyers.url + "/b/check/auth/oauth", **oauth(buyers))
    assert testcalls.is_fetching(endpoint)
    for _ in range(2):  # each fetches anew
        assert testcalls.check(buyer, endpoint, by="olga").problem == ""
    assert len(buyers.log(path="/b/check/auth/token")) == 2
    assert buyers.log(path="/b/check/auth/oauth") == []
    endpoint = point(
        buyer, "production", buyers.url + "/b/check/auth/oauth", **oauth(buyers, "wrong-word")
    )
    problem = testcalls.check(buyer, endpoint, by="olga").problem
    assert problem == "Token refused: 401 Unknown client"
    assert Event.objects.filter(type="recipient.tested").count() == 3


def test_it_tries_the_second_value_of_a_secret_too(buyer: Recipient, buyers: Buyers) -> None:
    Secret.objects.create(name="CLIENT", value="old-word", second_value="s3cret")
    endpoint = point(
        buyer, "production", buyers.url + "/b/check/auth/oauth", **oauth(buyers, "${CLIENT}")
    )
    assert testcalls.check(buyer, endpoint, by="olga").problem == ""
    called = testcalls.call(buyer, endpoint, by="olga")
    assert called.attempt.result.outcome is Outcome.ACCEPTED
    assert Secret.objects.get().serves_second


@pytest.fixture
def api() -> Client:
    make_user("olga", role="ops", key="usr_test_key_0001")
    make_user("aud", role="auditor", key="usr_test_key_0002")
    return Client()


def post(api: Client, body: Any = None, **headers: Any) -> Any:
    url = "/api/v1/recipients/abc/test"
    return api.post(url, body or {}, content_type="application/json", **headers)


def test_the_api_calls_the_sandbox(buyer: Recipient, api: Client) -> None:
    answer = post(api, {"lead": {"email": "a@example.com"}}, **STAFF).json()
    assert answer["endpoint"] == "sandbox"
    assert (answer["outcome"], answer["good"], answer["resumed"]) == ("accepted", True, False)
    assert answer["request"]["body"] == '{"email":"a@example.com"}'
    assert answer["request"]["headers"]["Authorization"] == "•••"
    assert answer["reply"]["status"] == 200
    assert "good-key" not in str(answer)


def test_the_api_wants_a_word_for_what_is_no_sandbox(buyer: Recipient, api: Client) -> None:
    assert post(api, {"endpoint": "production"}, **STAFF).status_code == 409
    answer = post(api, {"endpoint": "production", "confirm": True}, **STAFF)
    assert answer.json()["outcome"] == "accepted"
    assert post(api, {"endpoint": "backup"}, **STAFF).status_code == 404
    assert post(api, {"lead": [1]}, **STAFF).status_code == 422


def test_the_api_lets_only_those_call_who_operate(buyer: Recipient, api: Client) -> None:
    assert post(api).status_code == 401
    assert post(api, **bearer("usr_test_key_0002")).status_code == 403


@pytest.fixture
def ops() -> Client:
    return sign_in(make_user("olga"))


def page_url(buyer: Recipient) -> str:
    return f"{page_of(buyer).removesuffix('change/')}test-call/"


def test_the_page_wants_a_word_for_what_is_no_sandbox(
    buyer: Recipient, ops: Client, buyers: Buyers
) -> None:
    endpoint = buyer.endpoints.get(kind="production")
    page = ops.post(page_url(buyer), {"endpoint": endpoint.pk, "_send": "1"})
    assert "Confirm that the production endpoint gets it." in text_of(page)
    assert buyers.log(path="/b/abc") == []
    said = {"endpoint": endpoint.pk, "confirmed": "on", "values": "email: a@example.com"}
    page = ops.post(page_url(buyer), {**said, "_send": "1"})
    assert "The buyer answered" in text_of(page)
    assert "good-key" not in text_of(page)
    tree = html.fromstring(page.content.decode())
    assert tree.xpath("//input[@name='confirmed']/@checked") == []  # each is confirmed anew


def test_the_page_tries_credentials_alone(buyer: Recipient, ops: Client, buyers: Buyers) -> None:
    endpoint = point(buyer, "production", buyers.url + "/b/check/auth/oauth", **oauth(buyers))
    page = ops.post(page_url(buyer), {"endpoint": endpoint.pk, "_check": "1"})
    assert "The credentials are good" in text_of(page)
    Endpoint.objects.filter(pk=endpoint.pk).update(auth_secret="wrong-word")
    plans.changed()
    page = ops.post(page_url(buyer), {"endpoint": endpoint.pk, "_check": "1"})
    assert "Token refused: 401 Unknown client" in text_of(page)


def test_the_page_is_for_those_who_operate(buyer: Recipient) -> None:
    for role in ("auditor", "account_manager"):
        client = sign_in(make_user(f"a-{role}", role=role))
        assert client.get(page_url(buyer)).status_code in (302, 403, 404)
        assert client.post(page_url(buyer), {"_send": "1"}).status_code in (302, 403, 404)


def test_new_credentials_of_a_paused_endpoint_say_what_is_next(
    buyer: Recipient, ops: Client
) -> None:
    Endpoint.objects.filter(kind="production").update(
        paused_at="2026-01-01T00:00Z", paused_reason="Unknown key", url="https://a.example/"
    )
    Endpoint.objects.filter(kind="sandbox").update(url="https://b.example/")
    form = form_of(ops.get(page_of(buyer)))
    place = next(
        name.split("-")[1]
        for name, value in form.items()
        if name.startswith("endpoints-") and value == "production"
    )
    answer = submit(ops, page_of(buyer), **{f"endpoints__{place}__auth_secret": "new-key"})
    assert answer.status_code == 302, errors_of(answer)
    told = text_of(ops.get(page_of(buyer)))
    assert "The production endpoint is still paused: make a test call to resume it." in told


def test_it_asks_the_service_itself_where_it_can(
    buyer: Recipient, ops: Client, buyers: Buyers
) -> None:
    """A vendor's API is asked whether it knows us; no lead is sent, and nothing is resumed."""
    url = f"{buyers.url}/b/asked/hubspot"
    integration = "hubspot.create_or_update_contact"
    point(buyer, "production", url, integration=integration, options={"portal_id": "12345678"})
    endpoint = point(buyer, "production", url, auth_secret="pat-na1-good")
    checked = testcalls.check(buyer, endpoint, by="olga")
    assert (checked.problem, checked.probed) == ("", True)
    (entry,) = buyers.log(path="/b/asked/")
    assert entry["method"] == "GET"
    page = ops.post(page_url(buyer), {"endpoint": endpoint.pk, "_check": "1"})
    assert "The connection works" in text_of(page)
    endpoint = point(buyer, "production", url, auth_secret="expired")
    assert (
        "Authentication credentials not found"
        in testcalls.check(buyer, endpoint, by="olga").problem
    )
