"""Words of partners beside their events, and events that leave out other things."""

from __future__ import annotations

from events.feedback import said
from events.models import Event


def test_what_bulk_retries_left_out_stays():
    event = Event(type="retry.bulk_ended", data={"by": "olga", "sent": 3, "left_out": 2})
    said.put([event])
    assert event.data == {"by": "olga", "sent": 3, "left_out": 2}


def test_words_that_are_gone_read_as_nothing():
    data = {"feedback_id": "fbk_1", "left_out": ["value", "reason"], "value": ""}
    assert said.told(data, "", {}) == ({"feedback_id": "fbk_1", "value": ""}, "")
