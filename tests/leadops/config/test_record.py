"""What is kept of the record, in a bundle: one object, and what flows say of their own."""

from __future__ import annotations

import pytest

from events.models import Event, RecordSettings
from flows.models import Flow
from leadops.config.loading import dump, load
from leadops.lib import durations
from tests.leadops.config.bundles import changed, mistakes
from tests.leadops.config.bundles import load as load_text

pytestmark = pytest.mark.django_db

KEPT = "leadops: 1\nrecord: {retention: {events: 400d, exchanges: forever, snapshots: 90d}}\n"


def read(text: str, **how: bool) -> list[str]:
    return [str(change) for change in load(text.encode(), name="b.yaml", **how).changes]


def test_it_sets_the_one_row_and_tells_of_it():
    said = read(KEPT)
    assert said[0] == "~ record settings: retention.events forever → 400d"
    kept = RecordSettings.objects.get()
    assert (kept.events_kept, kept.exchanges_kept) == (400 * 86_400, durations.FOREVER)
    assert Event.objects.get(type="config.changed").data["after"]["snapshots_kept"] == "90d"
    assert read(KEPT) == []
    assert "    exchanges: forever\n" in dump()
    assert read(dump()) == []
    assert "retention.exchanges forever → 30d" in " ".join(read("leadops: 1\nrecord: {}\n"))


def test_it_is_named_where_a_file_is_silent_only_if_somebody_set_it():
    silent = b"leadops: 1\n"
    assert load(silent, name="b.yaml").alone == ()
    read(KEPT)
    assert [str(one) for one in load(silent, name="b.yaml").alone] == [
        "- record settings: not in the file; stays"
    ]


def test_a_flow_keeps_its_own():
    slug = "  - slug: auto-insurance\n"
    load_text(changed(slug, slug + "    retention: {exchanges: 90d, events: forever}\n"))
    flow = Flow.objects.get()
    assert (flow.exchanges_kept, flow.snapshots_kept) == (90 * 86_400, None)
    assert flow.events_kept == durations.FOREVER
    assert "exchanges: 90d" in dump()


@pytest.mark.parametrize(
    ("said", "mistake"),
    [
        ("{retention: {events: 3h}}", "Keep it for a day at least: 1d"),
        ("{retention: {events: never}}", "“never” is not a duration."),
        ("[a]", "Expected an object of keys and values, found a list"),
    ],
)
def test_it_says_what_it_cannot_take(said: str, mistake: str):
    assert mistake in "".join(mistakes(f"leadops: 1\nrecord: {said}\n"))
