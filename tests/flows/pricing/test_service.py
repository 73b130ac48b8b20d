"""Pricing services as they are written."""

from __future__ import annotations

import contextlib
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from flows import validation
from flows.pricing import service
from recipients.termerrors import TermError

GOOD = {"url": "https://prices.example/quote", "price": "offer.price"}


def test_it_compiles_to_a_small_endpoint():
    secrets = set()

    def fill(text: str) -> str:
        secrets.add("s3cret-word")
        return text.replace("${KEY}", "s3cret-word")

    document = {
        **GOOD,
        "headers": {"X-Key": "${KEY}"},
        "send": {"zip": "{{lead.postal_code}}", "who": {"state": "{{upper lead.state}}"}},
        "timeout": "1500ms",
        "max_price": "30",
    }
    found = service.compiled(document, fill=fill, secrets=secrets)
    assert found.endpoint.timeout == 1.5
    assert found.endpoint.method == "POST"
    assert (found.max_price, found.fallback) == (Decimal(30), None)
    assert found.endpoint.headers[0][1].text({}) == "s3cret-word"
    assert "s3cret-word" not in found.plan.redactor.text("it said s3cret-word")
    assert found.plan.mapping.render({"lead": {"postal_code": "1", "state": "tx"}}) == {
        "zip": "1",
        "who": {"state": "TX"},
    }


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"url": ""}, ""),
        ({"url": "ftp://x/y"}, "url"),
        ({"url": "prices.example"}, "url"),
        ({"url": "https://{{lead.host}}/x"}, "url"),
        ({"url": 5}, "url"),
        ({"price": ""}, ""),
        ({"price": "["}, "price"),
        ({"method": "DELETE"}, "method"),
        ({"format": "csv"}, "format"),
        ({"timeout": "soon"}, "timeout"),
        ({"timeout": "11s"}, "timeout"),
        ({"timeout": 0}, ""),
        ({"max_price": -1}, "max_price"),
        ({"fallback": "x"}, "fallback"),
        ({"headers": ["x"]}, "headers"),
        ({"headers": {"Host": "x"}}, "headers.Host"),
        ({"headers": {"X\r\nY": "x"}}, "headers.X\r\nY"),
        ({"headers": {"X": {"a": 1}}}, "headers.X"),
        ({"send": {"zip": "{{lead.zip"}}, "send.zip"),
        ({"send": ["x"]}, "send"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_mistakes_are_named_with_their_place(change, path):
    if change == {"timeout": 0}:
        service.compiled({**GOOD, **change})  # none given: the usual one
        return
    with pytest.raises(TermError) as caught:
        service.compiled({**GOOD, **change})
    assert caught.value.path == path
    with pytest.raises(ValidationError):
        validation.pricing({**GOOD, **change})


ANY = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text())


@given(st.dictionaries(st.sampled_from(service.KEYS), ANY | st.dictionaries(st.text(), ANY)))
def test_whatever_is_written_is_compiled_or_refused_in_words(document):
    with contextlib.suppress(TermError):
        service.compiled(document)
    service.normal(document)


def test_it_is_stored_in_one_spelling():
    one = service.normal({**GOOD, "timeout": "1s", "max_price": 30, "send": {}})
    assert one == {**GOOD, "timeout": "1s", "max_price": "30.00"}
    assert service.normal(one) == one
