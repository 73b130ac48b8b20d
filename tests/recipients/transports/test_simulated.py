"""Simulated replies: shares, determinism, delay, and no network."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadops.lib.http import Door
from recipients import mapping, responses
from recipients.deliver import Attempt, deliver
from recipients.integrations import FieldError, integration_for
from recipients.options import OptionError, compile_options
from recipients.outcomes import Outcome
from recipients.plan import EndpointPlan, RecipientPlan
from recipients.transports.simulated import Chances

SIMULATED = integration_for("simulated")
# A door that would refuse any way out: none is tried.
NOWHERE = Door()


def endpoint(id: str = "ept_1", **options: Any) -> EndpointPlan:
    return EndpointPlan(
        id=id,
        url=mapping.compile_template("simulated://buyer"),
        integration="simulated",
        options=compile_options(SIMULATED.options, {"delay": "0s", **options}),
        timeout=0.05,
    )


def attempt(lead: str, target: EndpointPlan, *, number: int = 1, **reading: Any) -> Attempt:
    spec = responses.ReaderSpec(**reading) if reading else SIMULATED.reading
    assert spec is not None
    plan = RecipientPlan(
        id="rcp_1",
        slug="abc",
        name="ABC",
        mapping=mapping.compile_document({"id": "{{lead.id}}"}),
        reader=responses.compile_reader(spec),
        production=target,
    )
    context = {"lead": {"id": lead}, "delivery": {"id": "dlv_1"}}
    return deliver(
        plan, target, context, attempt=number, idempotency_key="dlv_1", test=False, door=NOWHERE
    )


def outcomes(target: EndpointPlan, count: int = 400) -> Counter[Outcome]:
    return Counter(attempt(f"lead_{n}", target).result.outcome for n in range(count))


def test_it_answers_by_its_shares():
    found = outcomes(endpoint(accepted=50, rejected=25, duplicate=15, error=10))
    for outcome, share in (
        (Outcome.ACCEPTED, 0.50), (Outcome.REJECTED, 0.25),
        (Outcome.DUPLICATE, 0.15), (Outcome.SERVER_ERROR, 0.10),
    ):  # fmt: skip
        assert found[outcome] / 400 == pytest.approx(share, abs=0.1)


@pytest.mark.parametrize(
    ("share", "outcome"),
    [
        ("accepted", Outcome.ACCEPTED),
        ("rejected", Outcome.REJECTED),
        ("duplicate", Outcome.DUPLICATE),
        ("error", Outcome.SERVER_ERROR),
    ],
)
def test_one_share_may_be_all(share: str, outcome: Outcome):
    shares = {**dict.fromkeys(("accepted", "rejected", "duplicate", "error"), 0), share: 100}
    assert outcomes(endpoint(**shares), 30) == {outcome: 30}


def test_a_lead_gets_the_same_verdict_whenever_it_is_tried():
    target = endpoint(accepted=50, rejected=30, duplicate=20, error=0)
    for n in range(30):
        first, again = attempt(f"lead_{n}", target), attempt(f"lead_{n}", target, number=3)
        assert first.result == again.result
    assert outcomes(target) == outcomes(target)


def test_an_error_may_pass_and_never_changes_what_the_buyer_thinks():
    target = endpoint(accepted=30, rejected=20, duplicate=0, error=50)
    passed = 0
    for n in range(60):
        tries = [attempt(f"lead_{n}", target, number=k).result.outcome for k in range(1, 8)]
        answers = {each for each in tries if each is not Outcome.SERVER_ERROR}
        assert len(answers) <= 1
        passed += tries[0] is Outcome.SERVER_ERROR and bool(answers)
    assert passed


def test_buyers_judge_the_same_lead_otherwise():
    one, other = (endpoint(id, accepted=50, rejected=50, duplicate=0, error=0) for id in "ab")
    found = {(attempt(f"lead_{n}", one).result.outcome,
              attempt(f"lead_{n}", other).result.outcome) for n in range(60)}  # fmt: skip
    assert len(found) == 4


def test_it_says_price_id_and_reason():
    found = attempt("lead_1", endpoint(accepted=100, rejected=0, duplicate=0, error=0,
                                       price="$45.50")).result  # fmt: skip
    assert found.price == Decimal("45.50")
    assert found.buyer_lead_id.startswith("SIM-")
    refused = attempt("lead_1", endpoint(accepted=0, rejected=100, duplicate=0, error=0)).result
    assert refused.reason == "Simulated: does not fit"


def test_it_answers_in_the_buyers_own_words_where_they_are_given():
    target = endpoint(
        accepted=100, rejected=0, duplicate=0, error=0, accepted_reply="<r><ok>1</ok><p>7</p></r>"
    )
    found = attempt("lead_1", target, success='//ok = "1"', price="//p").result
    assert (found.outcome, found.price) == (Outcome.ACCEPTED, Decimal("7"))


def test_no_answer_comes_past_the_time_out():
    found = attempt("lead_1", endpoint(delay="10s"))
    assert (found.result.outcome, found.reply) == (Outcome.UNKNOWN, None)


def test_it_records_what_would_have_been_sent():
    found = attempt("lead_1", endpoint())
    assert found.request is not None
    assert (found.request.url, found.request.body) == ("simulated://buyer", '{"id":"lead_1"}')


class Written:
    url, format, auth, auth_username, auth_secret = "simulated://buyer", "json", "none", "", ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"accepted": 90}, "the shares make 110 per cent, not 100"),
        ({"accepted": -5, "rejected": 95}, "from 0 to 100"),
        ({"delay": "2m"}, "at most"),
    ],
)
def test_it_refuses_options_that_make_no_whole(options: dict[str, Any], said: str):
    assert SIMULATED.check is not None
    with pytest.raises(FieldError, match=said):
        SIMULATED.check(Written(), compile_options(SIMULATED.options, options))


def test_it_refuses_a_price_that_is_none():
    with pytest.raises(OptionError, match="price"):
        compile_options(SIMULATED.options, {"price": "a lot"})


SHARE = st.floats(0, 1, exclude_max=True)


@given(error=st.floats(0, 1), accepted=st.floats(0, 1), drawn=SHARE, of_lead=SHARE)
def test_there_is_a_verdict_for_every_number(error, accepted, drawn, of_lead):
    known = Chances(error, accepted, 1 - accepted)
    assert known.verdict(drawn, of_lead) in ("accepted", "rejected", "duplicate", "error")
