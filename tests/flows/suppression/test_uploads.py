"""Files worked into lists, piece by piece."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import OperationalError

from events.models import Event
from flows import tasks
from flows.suppression import entries, lines, uploads
from flows.suppression.lines import Refused
from recipients.models import (
    SuppressionEntry,
    SuppressionList,
    SuppressionPiece,
    SuppressionUpload,
)
from recipients.suppression import plan_of

pytestmark = pytest.mark.django_db

NUMBERS = [f"51255501{place:02}" for place in range(30)]


def make_list(**values: Any) -> SuppressionList:
    given = {"slug": "dnc", "name": "Do not call", "fields": ["phone_1"], **values}
    return SuppressionList.objects.create(**given)


def send(row: SuppressionList, data: bytes | list[str], **how: Any) -> SuppressionUpload:
    text = data if isinstance(data, bytes) else "\n".join(data).encode()
    made = uploads.start(row, io.BytesIO(text), by="olga", **how)
    tasks.suppression_upload(made.id)
    made.refresh_from_db()
    row.refresh_from_db()
    return made


def on(row: SuppressionList, *texts: str) -> list[bool | None]:
    return entries.check(plan_of(row), texts)


def test_it_adds_what_a_file_holds_and_counts_it():
    row = make_list()
    made = send(row, [*NUMBERS, NUMBERS[0], "no number"])
    assert (made.state, made.lines, made.read, made.bad, made.changed) == ("done", 32, 31, 1, 30)
    assert made.report[0][0] == 32
    assert row.entries == SuppressionEntry.objects.count() == 30
    assert on(row, "(512) 555-0100", "5125550199", "x") == [True, False, None]
    assert not SuppressionPiece.objects.exists()


def test_it_works_in_many_pieces(monkeypatch):
    monkeypatch.setattr(lines, "PIECE", 64)
    made = send(make_list(), NUMBERS)
    assert made.total > 3
    assert (made.state, made.position, made.changed) == ("done", made.total, 30)


def test_a_file_again_adds_nothing():
    row = make_list()
    send(row, NUMBERS)
    assert send(row, NUMBERS).changed == 0
    assert row.entries == 30


def test_it_replaces_the_list_at_the_end():
    row = make_list()
    send(row, NUMBERS)
    made = send(row, ["5125550199", *NUMBERS[:1]], mode="replace")
    assert (made.state, row.entries, SuppressionEntry.objects.count()) == ("done", 2, 2)
    assert on(row, "5125550199", NUMBERS[0], NUMBERS[1]) == [True, True, False]


def test_a_list_that_is_being_replaced_holds_what_it_held(monkeypatch):
    row = make_list()
    send(row, NUMBERS)
    monkeypatch.setattr(lines, "PIECE", 16)
    made = uploads.start(row, io.BytesIO(b"5125550198\n5125550199\n"), by="olga", mode="replace")
    uploads._step(made.id)
    assert on(row, NUMBERS[0], "5125550198") == [True, False]
    row.refresh_from_db()
    assert row.entries == 30


@pytest.mark.parametrize(
    ("data", "said"), [(b"phone\nx\ny\n", "No line"), (b"phone\n5125550199\nx\ny\n", "More lines")]
)
def test_a_wrong_file_does_not_empty_a_list(data, said):
    row = make_list()
    send(row, NUMBERS)
    made = send(row, data, mode="replace")
    assert made.state == "failed"
    assert made.problem.startswith(said)
    assert row.entries == SuppressionEntry.objects.count() == 30


def test_it_removes_what_a_file_holds():
    row = make_list()
    send(row, NUMBERS)
    made = send(row, [NUMBERS[0], "5125550199"], mode="remove")
    assert (made.changed, row.entries) == (1, 29)
    assert on(row, NUMBERS[0]) == [False]


def test_it_takes_hashes_in_any_letters():
    row = make_list(hashed="sha256")
    hashes = [hashlib.sha256(number.encode()).hexdigest() for number in NUMBERS]
    made = send(row, ["SHA256", *hashes[:10], *(text.upper() for text in hashes[10:]), "abc"])
    assert (made.changed, made.bad) == (30, 1)
    assert on(row, NUMBERS[3], hashes[4], "5125550199") == [True, True, False]


def test_the_record_says_how_many_and_never_which():
    row = make_list()
    send(row, [*NUMBERS, "x"])
    part, event = Event.objects.filter(type="config.changed").order_by("timestamp")
    assert part.data["after"] == {"entries added": 30, "bad lines": 0, "part": "1 of 2"}
    assert event.reason == "Suppression list Do not call: 30 entries added in all"
    assert event.data["by"] == "olga"
    assert event.data["after"] == {"entries added in all": 30, "bad lines": 1}
    assert not any(number in str(event.data) for number in NUMBERS)


def test_it_goes_on_where_a_worker_died(monkeypatch):
    row = make_list()
    monkeypatch.setattr(lines, "PIECE", 64)
    made = uploads.start(row, io.BytesIO("\n".join(NUMBERS).encode()), by="olga")
    whole = uploads._step
    steps = iter(range(2))

    def dies(upload_id: str) -> bool:
        if next(steps, None) is None:
            raise OperationalError("gone")
        return whole(upload_id)

    monkeypatch.setattr(uploads, "_step", dies)
    with pytest.raises(OperationalError):
        uploads.work(made.id, seconds=60, stopping=lambda: False)
    made.refresh_from_db()
    assert (made.state, made.position) == ("running", 2)
    monkeypatch.setattr(uploads, "_step", whole)
    assert uploads.JOBS.unfinished() == [made.id]
    tasks.suppression_upload(made.id)
    made.refresh_from_db()
    row.refresh_from_db()
    assert (made.state, made.changed, row.entries) == ("done", 30, 30)
    assert uploads.JOBS.unfinished() == []


def test_of_two_workers_one_leaves_it_to_the_other():
    made = uploads.start(make_list(), io.BytesIO(b"5125550100"), by="olga")
    SuppressionUpload.objects.update(worked_until="2999-01-01T00:00Z")
    assert uploads.work(made.id, seconds=1, stopping=lambda: False)
    assert SuppressionPiece.objects.count() == 1


def test_what_breaks_fails_and_leaves_nothing_behind(monkeypatch):
    row = make_list()
    made = uploads.start(row, io.BytesIO(b"5125550100"), by="olga", mode="replace")
    monkeypatch.setattr(uploads, "_work_in", lambda _: 1 / 0)
    tasks.suppression_upload(made.id)
    made.refresh_from_db()
    assert (made.state, made.problem) == ("failed", "It cannot be worked in; the log says why.")
    assert not SuppressionPiece.objects.exists()


def test_it_can_be_cancelled(monkeypatch):
    monkeypatch.setattr(lines, "PIECE", 64)
    row = make_list()
    made = uploads.start(row, io.BytesIO("\n".join(NUMBERS).encode()), by="olga", mode="replace")
    uploads._step(made.id)
    assert uploads.cancel(made.id)
    assert not uploads.cancel(made.id)
    tasks.suppression_upload(made.id)
    made.refresh_from_db()
    assert made.state == "cancelled"
    assert not SuppressionEntry.objects.exists()


def test_a_file_that_is_refused_is_not_kept(monkeypatch):
    monkeypatch.setattr(uploads, "MOST_BYTES", 20)
    for data in (b"", b"\0\1\2", b"5125550100\n" * 9):
        with pytest.raises(Refused):
            uploads.start(make_list(slug=f"l{len(data)}"), io.BytesIO(data), by="olga")
    assert not SuppressionUpload.objects.exists()


def test_a_list_takes_its_entries_with_it():
    row = make_list()
    send(row, NUMBERS)
    kept = make_list(slug="other")
    send(kept, NUMBERS[:2])
    row.delete()
    assert SuppressionEntry.objects.count() == kept.entries == 2


def test_entries_keep_what_they_were_read_as():
    row = make_list()
    send(row, NUMBERS)
    for field, value in (("hashed", "md5"), ("type", "email"), ("fields", ["email"])):
        changed = SuppressionList.objects.get()
        setattr(changed, field, value)
        with pytest.raises(ValidationError) as caught:
            changed.full_clean()
        assert field in caught.value.message_dict
    same = SuppressionList.objects.get()
    same.fields = ["phone_1", "phone_2"]
    same.full_clean()


def test_what_was_left_behind_is_taken_up(monkeypatch):
    made = uploads.start(make_list(), io.BytesIO(b"5125550100"), by="olga")
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(tasks.queue, "enqueue", lambda *given: asked.append(given))
    tasks.resume_suppression_uploads()
    assert asked == [(uploads.TASK, made.id)]
