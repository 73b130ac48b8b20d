"""Card numbers that sources post: where they are refused, and what is taken for none."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.models import Event, Lead, Snapshot
from flows.arrival.cards import reason, without
from flows.models import Work
from tests.flows.scene import recipient, scene

CARD = "4111111111111111"
TYPES = {"phone_1": "phone", "score": "number", "notes": "string"}


def refused(name, value):
    return without({name: value}, TYPES, mask="#")[1]


@pytest.mark.parametrize(
    "value",
    [
        CARD,
        int(CARD),
        float(CARD),
        "my card: 4111-1111-1111-1111 exp 12/27",
        "４１１１ １１１１ １１１１ １１１１",
        "4111\u00a01111\u00a01111\u00a01111",
        "4111–1111–1111–1111",
        "4111\u200b111111111111",
        {"deep": [{"er": CARD}]},
        f"https://example.com/pay?card={CARD}",
    ],
)
def test_it_refuses_a_card_number_however_it_is_written(value):
    kept, names = without({"notes": value, "state": "TX"}, TYPES, mask="#")
    assert names == ("notes",)
    assert "1111" not in json.dumps(kept)
    assert kept["state"] == "TX"


def test_it_refuses_a_card_number_for_a_name():
    assert without({CARD: "x", "a": {CARD: 1}}, {}, mask="#") == (
        {"•••": "x", "a": {"•••": 1}},
        ("•••", "a"),
    )


@pytest.mark.parametrize("name", ["notes", "cc_id", "card_ref", "phone_1", "phone"])
def test_no_such_name_excuses_it(name):
    assert refused(name, CARD) == (name,)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("leadgen_id", CARD),
        ("clickId", int(CARD)),
        ("fbid", CARD),
        ("ts", "4111111111111111"),
        ("landing_page", f"https://example.com/p/{CARD}?ad_id={CARD}"),
        ("phone_1", "+44 7911 123456"),
        ("phone_1", "4915112345671"),
        ("mobile", "4915112345671"),
        ("score", 378282246310005),
        ("insured", True),
        ("nothing", None),
    ],
)
def test_it_takes_identifiers_and_telephones_for_what_they_are(name, value):
    assert refused(name, value) == ()


def test_an_excused_name_does_not_excuse_groups():
    assert refused("order_id", "4111 1111 1111 1111") == ("order_id",)


def test_the_reason_names_the_fields_alone():
    assert reason(("notes", "x" * 100)) == f"Card numbers are refused: notes, {'x' * 60}"
    assert reason(()) == "Card numbers are refused"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30)
    | st.sampled_from([CARD, int(CARD), f"x {CARD}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["notes", "a", "b"]), json_values))
def test_what_it_keeps_bears_no_card_and_all_else_is_kept(values):
    kept, names = without(values, TYPES, mask="#")
    assert CARD not in json.dumps(kept)
    assert set(names) <= set(values)
    assert all(kept[name] == values[name] for name in values if name not in names)
    assert without(kept, TYPES, mask="#") == (kept, ())


def test_a_lead_with_a_card_number_is_refused_and_the_number_kept_nowhere(db):
    play = scene(recipient("abc"))
    answer = play.post(phone_1=CARD, note="4111 1111 1111 1111", **{"4111-1111-1111-1111": 1})
    assert (answer.outcome, answer.price) == ("rejected", 0)
    assert answer.reason == "Card numbers are refused: phone_1, note, •••"
    events = Event.objects.filter(lead_id=answer.lead_id).order_by("seq")
    assert [event.type for event in events] == ["source.submitted", "source.rejected"]
    # The record keeps our own names alone: a source may write anything for a name.
    assert events[1].reason == "Card numbers are refused: phone_1"
    kept = [
        answer.kept(),
        *(event.data for event in events),
        *Snapshot.objects.filter(lead_id=answer.lead_id).values_list("body", flat=True),
        *Lead.objects.filter(pk=answer.lead_id).values_list("reason", flat=True),
    ]
    assert "1111" not in json.dumps(kept, default=str)
    assert "•••" in json.dumps(kept, default=str, ensure_ascii=False)
    assert not Work.objects.exists()


def test_a_lead_with_long_identifiers_is_taken(db):
    play = scene(recipient("abc"))
    assert play.post(leadgen_id=CARD, ts=1704153600000).outcome == "accepted"
