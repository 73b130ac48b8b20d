"""The page of event types says what the vocabulary says, with examples that are so."""

from __future__ import annotations

import pytest

from events.ownfields import ENVELOPE, FIELDS, OWN
from events.vocabulary import EventType
from tests import eventtypes

# What nobody's run has shown yet would stand here, with the reason.
WITHOUT_EXAMPLE: frozenset[str] = frozenset()


def test_every_type_says_its_own_fields():
    assert set(OWN) == {kind.value for kind in EventType}
    named = {name for own in OWN.values() for name in own}
    assert named == set(FIELDS)
    assert not named & set(ENVELOPE)


def test_the_papers_are_as_they_would_be_made():
    text = eventtypes.OUTCOMES.read_text()
    assert eventtypes.with_table(text) == text, "make docs"
    assert eventtypes.PAGE.read_text() == eventtypes.page(), "make docs"


@pytest.mark.parametrize("kind", list(EventType), ids=str)
def test_its_example_is_one(kind: EventType):
    example = eventtypes.examples().get(kind.value)
    if kind.value in WITHOUT_EXAMPLE:
        assert example is None, "It has one by now."
        return
    assert example is not None
    assert example["type"] == kind.value
    assert set(example) - set(ENVELOPE) <= set(OWN[kind])
    assert set(ENVELOPE) <= set(example)
