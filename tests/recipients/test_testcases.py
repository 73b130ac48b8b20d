"""Cases run without a network, and how they are judged."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadops.lib import conditions
from leadops.lib.http.messages import Reply
from leadops.lib.redact import Redactor
from recipients import mapping, responses
from recipients.expectations import Side, canonical, difference, parsed
from recipients.plan import Auth, AuthKind, BodyFormat, EndpointKind, EndpointPlan, RecipientPlan
from recipients.testcases import Case, run

JSON = {"content-type": "application/json"}
YES = Reply(200, JSON, b'{"status": "accepted", "price": 41.5}')
NO = Reply(200, JSON, b'{"status": "no", "why": "full"}')


def endpoint(**fields: Any) -> EndpointPlan:
    url = mapping.compile_template("https://buyer.example/leads")
    return EndpointPlan(**{"id": "ept_1", "url": url, **fields})


def plan(**fields: Any) -> RecipientPlan:
    values = {
        "production": endpoint(),
        "mapping": mapping.compile_document(
            {"name": "{{lead.first_name}}", "tags": ["a", "b"], "deep": {"n": "{{lead.n}}"}}
        ),
        "reader": responses.compile_reader(
            responses.ReaderSpec(success='status = "accepted"', price="price", reason="why")
        ),
        **fields,
    }
    return RecipientPlan(id="rcp_1", slug="abc", name="ABC", **values)


def case(**fields: Any) -> Case:
    lead = {"id": "test_1", "first_name": "Zoë", "n": 5}
    context = {"lead": lead, "delivery": {"id": "test_1"}}
    return Case(**{"name": "One", "context": context, "reply": YES, **fields})


def test_it_passes_when_everything_is_as_expected():
    request = canonical({"name": "Zoë", "tags": ["a", "b"], "deep": {"n": 5}})
    wanted = case(request=request, exact=True, outcome="accepted", price=Decimal("41.50"))
    judged = run(plan(), wanted)
    assert judged.passed, judged.failures
    assert judged.failures == ()
    assert [each.name for each in judged.compared] == ["Outcome", "Price"]


@pytest.mark.parametrize(
    ("wanted", "failure"),
    [
        ({"outcome": "rejected"}, "Outcome is accepted, expected rejected"),
        ({"price": Decimal("45")}, "Price is 41.50, expected 45.00"),
        ({"reason": "full"}, "Reason is blank, expected full"),
        ({"request": '{"name": "Zoe"}'}, "The request is another"),
        ({"request": '{"deep": {"n": "5"}}'}, "The request is another"),
        ({"request": '{"tags": ["a"]}'}, "The request is another"),
        ({"request": '{"absent": null}'}, "The request is another"),
        ({"request": '{"name": "Zoë"}', "exact": True}, "The request is another"),
        ({"reply": NO, "price": Decimal("41.5")}, "Price is blank, expected 41.50"),
    ],
)
def test_it_fails_and_says_what_is_otherwise(wanted: dict[str, Any], failure: str):
    judged = run(plan(), case(**wanted))
    assert not judged.passed
    assert judged.failures == (failure,)


def test_it_shows_expected_and_actual_lines():
    judged = run(plan(), case(request="name: Zoe\ndeep: {n: 5}"))
    assert [(line.side, line.text.strip()) for line in judged.lines if line.side != Side.BOTH] == [
        (Side.EXPECTED, '"name": "Zoe"'),
        (Side.ACTUAL, '"name": "Zoë"'),
    ]


def test_it_looks_at_the_reason_and_the_request_of_a_refusal():
    wanted = case(reply=NO, outcome="rejected", reason="full", request="{name: Zoë}")
    assert run(plan(), wanted).passed


def test_it_takes_the_recipients_price_where_the_reply_says_none():
    bare = Reply(200, JSON, b'{"status": "accepted"}')
    wanted = case(reply=bare, price=Decimal("45"))
    assert run(plan(price=Decimal("45.0000")), wanted).passed


def test_it_reads_nothing_without_a_reply():
    judged = run(plan(), case(reply=None, request="{name: Zoë}", outcome="accepted"))
    assert judged.passed
    assert judged.compared == ()


@pytest.mark.parametrize(
    ("expected", "exact", "passes"),
    [
        ("<name>Zoë</name>", False, True),
        ("<tags>a</tags>\n  <tags>b</tags>", False, True),
        ("<name>Zoe</name>", False, False),
        ("<name>Zoë</name>", True, False),
    ],
)
def test_it_holds_a_text_against_the_body(expected: str, exact: bool, passes: bool):
    xml = plan(production=endpoint(format=BodyFormat.XML))
    assert run(xml, case(request=expected, exact=exact)).passed is passes


def test_it_holds_a_text_against_the_address_where_there_is_no_body():
    query = plan(production=endpoint(format=BodyFormat.QUERY, method="GET"))
    assert run(query, case(request="name=Zo%C3%AB")).passed


def test_it_takes_the_region_that_the_lead_goes_to():
    west = endpoint(id="ept_2", kind=EndpointKind.REGIONAL, format=BodyFormat.FORM)
    rule = conditions.parse({"field": "first_name", "op": "is", "value": "Zoë"})
    assert run(plan(regional=((rule, west),)), case(request="name=Zo%C3%AB")).passed


def test_it_says_why_there_is_nothing_to_compare():
    broken = mapping.compile_document({"x": "{{math lead.n '/' 0}}"})
    assert run(plan(production=None), case()).problem == "There is no production endpoint."
    judged = run(plan(production=endpoint(format=BodyFormat.XML, xml_root="1 no")), case())
    assert judged.passed is False
    assert "Message" in judged.problem or judged.problem
    assert run(plan(mapping=broken), case(request="{x: 1}")).passed is False


def test_it_shows_no_secret():
    auth = Auth(AuthKind.BEARER, secret="hidden-token-1")
    told = mapping.compile_document({"key": "hidden-token-1", "name": "{{lead.first_name}}"})
    secretive = plan(
        production=endpoint(auth=auth), mapping=told, redactor=Redactor(["hidden-token-1"])
    )
    judged = run(secretive, case(request='{"key": "x"}'))
    assert "hidden-token-1" not in repr(dataclasses.astuple(judged)[1:4])
    assert judged.attempt is not None
    assert "hidden-token-1" not in repr(judged.attempt)
    assert run(secretive, case(request='{"key": "•••"}')).passed


def test_it_sends_nothing_for_credentials_that_are_fetched():
    options = {"token_url": "https://auth.example/token", "grant": "client_credentials"}
    auth = Auth(AuthKind.OAUTH2, username="u", secret="s", options=options)
    assert run(plan(production=endpoint(auth=auth)), case(outcome="accepted")).passed


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), VALUES, min_size=1), st.booleans())
def test_every_payload_is_as_it_is_itself(payload: dict[str, Any], exact: bool):
    assert parsed(canonical(payload)) == payload
    assert difference(canonical(payload), payload, "", exact=exact) == ()


@given(st.text(max_size=200), st.text(max_size=200))
def test_no_text_breaks_the_comparison(expected: str, body: str):
    try:
        lines = difference(expected, {"a": 1}, body, exact=False)
    except ValueError:
        assert expected.strip().startswith("{")
    else:
        assert isinstance(lines, tuple)
