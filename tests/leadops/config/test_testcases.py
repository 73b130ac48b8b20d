"""`tests` of a recipient in a bundle."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from leadops.config import loading
from recipients.models import Recipient, TestCase
from tests.leadops.config.bundles import changed, load, mistakes

pytestmark = pytest.mark.django_db

PLACE = "    breaker: {failures: 50%, of: 100, wait: 5m}"
WHOLE = """
    tests:
      - name: Success
        lead: {first_name: Zoë, score: 90, opted_in: true}
        at: 2026-03-08T07:00:00Z
        reply:
          status: 200
          headers: {Content-Type: application/json}
          body: {status: accepted, price: 45.5}
        expect:
          request: {firstName: Zoë, tags: [a, 1]}
          exact: true
          outcome: accepted
          price: 45.50
      - name: Asks their sandbox
        lead: {first_name: A}
        sandbox: true
        expect: {outcome: accepted}
      - name: As XML
        lead: {first_name: A}
        expect: {request: <firstName>A</firstName>}"""


def bundle(tests: str = WHOLE) -> str:
    return changed(PLACE, PLACE + tests)


def cases() -> list[TestCase]:
    return list(Recipient.objects.get(slug="abc-insurance").test_cases.all())


def test_it_takes_cases_with_all_their_keys():
    load(bundle())
    first, second, third = cases()
    assert first.lead == {"first_name": "Zoë", "score": 90, "opted_in": True}
    assert first.at == datetime(2026, 3, 8, 7, tzinfo=UTC)
    assert (first.reply_status, first.reply_headers) == (200, "Content-Type: application/json")
    assert first.reply_body == '{"status": "accepted", "price": 45.5}'
    assert first.request == '{\n  "firstName": "Zoë",\n  "tags": [\n    "a",\n    1\n  ]\n}'
    assert (first.exact, first.outcome, first.price) == (True, "accepted", Decimal("45.50"))
    assert second.sandbox
    assert third.request == "<firstName>A</firstName>"


def test_a_dump_of_cases_changes_nothing_and_dumps_the_same():
    load(bundle())
    dump = loading.dump()
    assert "name: Asks their sandbox" in dump
    assert load(dump) == []
    assert loading.dump() == dump


def test_cases_that_the_file_does_not_name_go_away():
    load(bundle())
    load(bundle(WHOLE.split("      - name: Asks")[0].rstrip()))
    assert [case.name for case in cases()] == ["Success"]
    load(changed(PLACE, PLACE))
    assert cases() == []


@pytest.mark.parametrize(
    ("tests", "said"),
    [
        ("[{name: A, expect: {outcome: accepted}}]", "Without a reply there is no outcome"),
        ("[{name: A, lead: {a: b}}]", "Say what is expected"),
        ("[{lead: {a: b}, expect: {request: a}}]", "The key name is missing"),
        ("[{name: A, at: soon, expect: {request: a}}]", "is no moment"),
        ("[{name: A, expect: {request: a}}, {name: A, expect: {request: a}}]", "already"),
        ("[{name: A, reply: {status: 99}, expect: {request: a}}]", "greater than or equal to 100"),
        ("[{name: A, reply: {status: 200}, expect: {outcome: fine}}]", "is not possible"),
        ("[{name: A, want: x, expect: {request: a}}]", "Unknown key"),
        ("[{name: A, lead: {a: [1]}, expect: {request: a}}]", "only texts"),
    ],
)
def test_it_says_what_is_wrong(tests: str, said: str):
    assert said in str(mistakes(bundle(f"\n    tests: {tests}")))
