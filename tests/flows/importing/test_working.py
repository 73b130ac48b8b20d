"""Rows of a file through intake: once each, counted, paused, cancelled, taken up again."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from events import verify
from events.models import Event, Lead
from flows import plans, tasks
from flows.arrival import intake, preparing, storing
from flows.importing import files, keeping, pieces, steering, taking, working
from flows.importing.reading import Refused
from flows.importing.taking import Wanted
from flows.models import Flow, FlowSource, LeadImport, LeadImportPiece, LeadImportRow, Source, Work
from leadops.lib import queue
from tests.factories import make_flow, make_recipient, make_source

pytestmark = pytest.mark.django_db

CARD = "4111 1111 1111 1111"


@pytest.fixture
def flow() -> Flow:
    made = make_flow(make_source(), make_recipient())
    Flow.objects.filter(pk=made.pk).update(duplicate_match=[["email"]], duplicate_within=86400.0)
    plans.changed()
    return made


def table(count: int, *, first: int = 0) -> bytes:
    lines = ["E-Mail,Phone,Given name,State,Notes"]
    lines += [f"ann{n}@example.com,512555{n:04},Ann,TX,none" for n in range(first, first + count)]
    return "\n".join(lines).encode()


def take(flow: Flow, data: bytes, **facts: Any) -> LeadImport:
    plan = plans.current().flows[flow.pk]
    source = Source.objects.get()
    facts = {"by": "olga", "rate": 500, **facts}
    return taking.take(plan, source.pk, io.BytesIO(data), Wanted(**facts))


def started(flow: Flow, data: bytes, **facts: Any) -> LeadImport:
    job = take(flow, data, **facts)
    taking.begin(job, plans.current().flows[flow.pk], by="olga")
    return job


def run(job: LeadImport, *, seconds: float = 120.0, rows: int | None = None) -> bool:
    """Work on it, for so many rows at most."""
    left = [rows]

    def stopping() -> bool:
        if left[0] is None:
            return False
        job.refresh_from_db()
        return job.done >= left[0]

    done = working.work(job.id, seconds=seconds, stopping=stopping)
    job.refresh_from_db()
    return done


def test_it_proposes_columns_and_takes_every_row_in(flow):
    job = started(flow, table(3))
    assert job.targets == ["email", "phone_1", "first_name", "state", ""]
    assert (job.total, job.state) == (3, "queued")
    assert run(job)
    assert (job.state, job.accepted, job.rejected, job.failed) == ("done", 3, 0, 0)
    assert job.cost == 45
    assert Lead.objects.filter(status="working").count() == 3
    assert Work.objects.filter(kind="advance").count() == 3
    event = Event.objects.filter(type="source.accepted").first()
    assert event.data["import"]["id"] == job.id
    assert [p for check in verify.run() for p in check.problems] == []


def test_it_records_its_beginning_and_its_end(flow):
    job = started(flow, table(2) + b"\nno mail,,,TX,\n")
    run(job)
    begun = Event.objects.get(type="import.started")
    assert (begun.entity_id, begun.data["by"], begun.data["rows"]) == (job.id, "olga", 3)
    ended = Event.objects.get(type="import.ended")
    assert (ended.data["accepted"], ended.data["rejected"], ended.data["how"]) == (2, 1, "done")


def test_it_counts_what_is_wrong_by_reason(flow):
    rows = b"\nbad,,,TX,\nworse,,,TX,\n,5125550101,,TX,\nann0@example.com,,,TX,\nonly,two\n"
    job = started(flow, table(1) + rows)
    run(job)
    assert (job.accepted, job.rejected, job.failed) == (1, 4, 1)
    assert sum(job.reasons.values()) == 5
    assert job.reasons["Missing required field: email"] == 1
    assert job.reasons["Duplicate: Previously submitted"] == 1
    assert job.reasons["It has 2 values where there are 5 columns"] == 1
    assert max(job.reasons.values()) == 2
    assert not any("bad" in reason or "worse" in reason for reason in job.reasons)


def test_it_changes_no_configuration(flow):
    """Else every piece of a file would have all processes compile everything anew."""
    before = plans.newest()
    job = started(flow, table(3))
    run(job)
    keeping.purge(job.id)
    job.delete()
    assert plans.newest() == before


def test_a_task_of_an_import_that_is_gone_does_nothing(flow):
    job = started(flow, table(1))
    LeadImport.objects.all().delete()
    assert working.work(job.id, seconds=1.0, stopping=lambda: False)


def test_test_leads_cost_nothing_and_say_so(flow):
    job = started(flow, table(2), test=True)
    run(job)
    assert (job.accepted, job.cost) == (2, 0)
    assert set(Lead.objects.values_list("test", flat=True)) == {True}


def test_a_second_run_takes_nothing_twice(flow):
    job = started(flow, table(3))
    run(job)
    assert run(job)
    assert Lead.objects.count() == 3
    LeadImport.objects.update(state="running", position=0)  # as if the end had not been noted
    run(job)
    assert (Lead.objects.count(), job.accepted) == (3, 3)


def test_two_workers_do_not_work_on_one(flow):
    job = started(flow, table(1))
    assert working.JOBS.claim(job.id, 60)
    assert run(job)
    assert not Lead.objects.exists()
    assert working.JOBS.unfinished() == []
    LeadImport.objects.update(worked_until=datetime.now(UTC) - timedelta(seconds=1))
    assert working.JOBS.unfinished() == [job.id]


def test_what_a_dead_worker_left_is_gone_on_with(flow, monkeypatch):
    """Between two rows, and within one: before and behind its commit."""
    job = started(flow, table(6))
    real, seen = working._note, []

    def dies(*args: Any, **facts: Any) -> None:
        seen.append(1)
        if len(seen) == 3:
            raise KeyboardInterrupt
        real(*args, **facts)

    with monkeypatch.context() as patch:
        patch.setattr(working, "_note", dies)
        with pytest.raises(KeyboardInterrupt):
            run(job)
    job.refresh_from_db()
    assert (job.accepted, Lead.objects.count()) == (2, 2)
    assert run(job)
    assert (job.accepted, Lead.objects.count(), LeadImportRow.objects.count()) == (6, 6, 6)


def test_a_row_that_another_worker_took_is_passed_over(flow):
    job = started(flow, table(2))
    plan = plans.current().flows[flow.pk]
    worker = working.Worker(LeadImport.objects.get(pk=job.pk), 60.0)
    assert worker._load()
    other = working.Worker(LeadImport.objects.get(pk=job.pk), 60.0)
    other._load()
    source = plans.current().sources[job.source_id]
    for each in (worker, other):
        assert each._take(plan, source, datetime.now(UTC))
    job.refresh_from_db()
    assert (job.accepted, Lead.objects.count()) == (1, 1)


def test_a_key_that_somebody_else_used_loses_no_row(flow):
    job = started(flow, table(2))
    plan = plans.current().flows[flow.pk]
    source = plans.current().sources[job.source_id]
    posted = preparing.Submission({"email": "x@example.com"}, key=f"{job.id}:1")
    intake.receive(plan, source, posted, at=datetime.now(UTC))
    run(job)
    assert (job.state, job.done, Lead.objects.count()) == ("done", 2, 2)


def test_it_pauses_and_goes_on(flow):
    job = started(flow, table(5))
    assert not run(job, rows=2)
    assert steering.pause(job.id, by="olga")
    assert run(job)
    assert (job.state, job.accepted) == ("paused", 2)
    assert not steering.pause(job.id, by="olga")
    assert steering.resume(job.id, by="olga")
    run(job)
    assert (job.state, job.accepted) == ("done", 5)


def test_a_cancel_stops_within_the_row(flow, monkeypatch):
    """The row under way when somebody cancels is not taken: the counts are those of the record."""
    job = started(flow, table(5))
    run(job, rows=2)
    real = storing.store

    def cancels(*args: Any, **facts: Any) -> Any:
        LeadImport.objects.filter(pk=job.pk).update(state="cancelled")
        return real(*args, **facts)

    with monkeypatch.context() as patch:
        patch.setattr(storing, "store", cancels)
        assert run(job)
    assert (job.accepted, Lead.objects.count()) == (2, 2)


def test_a_cancelled_one_stays_so(flow):
    job = started(flow, table(5))
    run(job, rows=2)
    assert steering.cancel(job.id, by="olga")
    assert not steering.cancel(job.id, by="olga")
    assert run(job)
    assert (job.state, job.accepted) == ("cancelled", 2)
    assert Event.objects.get(type="import.ended").data["how"] == "cancelled"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda: Flow.objects.update(active=False), "is paused"),
        (lambda: Source.objects.update(active=False), "switched off"),
        (lambda: FlowSource.objects.update(active=False), "may not send"),
    ],
)
def test_it_pauses_itself_where_it_cannot_go_on(flow, change, said):
    job = started(flow, table(2))
    change()
    plans.changed()
    run(job)
    assert (job.state, job.accepted) == ("paused", 0)
    assert said in job.problem


def test_it_waits_while_enough_leads_wait(flow, monkeypatch):
    monkeypatch.setattr(working, "MOST_WAITING", 2)
    monkeypatch.setattr(working, "LOOK", 0.0)
    monkeypatch.setattr(working, "PAUSE", 0.01)
    job = started(flow, table(5))
    assert not run(job, seconds=1.0)
    assert (job.accepted, job.waits_for) == (2, "Enough leads are waiting for their turn")
    Work.objects.all().delete()
    assert not run(job, rows=3)
    assert job.waits_for == ""


def test_it_keeps_to_its_rate(flow):
    job = started(flow, table(50), rate=1)
    assert not run(job, seconds=2.0)
    assert 1 <= job.accepted <= 5


def test_a_row_that_cannot_be_stored_is_put_aside(flow, monkeypatch):
    job = started(flow, table(3))
    real = storing.store

    def fails(prepared: Any, **facts: Any) -> Any:
        if prepared.values["email"] == "ann1@example.com":
            raise RuntimeError("broken")
        return real(prepared, **facts)

    monkeypatch.setattr(storing, "store", fails)
    run(job)
    assert (job.state, job.accepted, job.failed) == ("done", 2, 1)
    assert "cannot be stored" in next(iter(job.reasons))


def test_reasons_are_counted_together_when_there_are_too_many(flow, monkeypatch):
    monkeypatch.setattr(working, "REASONS", 1)
    job = started(flow, table(1) + b"\nbad,,,TX,\n,,,TX,\nx,y\n")
    run(job)
    assert len(job.reasons) == 2
    assert job.reasons["Other"] == 2


def test_the_error_file_has_the_rows_as_they_came_and_comes_back(flow):
    data = "E-Mail;Phone;State\r\nbad;+1 512 555 0100;=cmd()\r\nann@example.com;;TX\r\nx;y\r\n"
    job = started(flow, data.encode())
    run(job)
    found = "".join(files.errors(job))
    lines = found.removeprefix("\ufeff").splitlines()
    assert lines[0] == '"E-Mail";"Phone";"State";"leadops_reason";"leadops_line"'
    assert lines[1].startswith('"bad";"\'+1 512 555 0100";"\'=cmd()";"Invalid email')
    assert lines[2].endswith('"It has 2 values where there are 3 columns";"4"')
    assert "ann@example.com" not in found
    again = found.replace('"bad"', '"new@example.com"').replace('"x"', '"other@example.com"')
    second = started(flow, again.encode())
    assert second.targets == ["email", "phone_1", "state", "", ""]
    run(second)
    assert second.accepted == 2
    lead = Event.objects.filter(type="source.accepted").latest("timestamp").lead_id
    assert lead
    ids = "".join(files.accepted(second)).splitlines()
    assert len(ids) == 3


def test_card_numbers_are_refused_and_kept_nowhere(flow):
    job = started(
        flow,
        f"email,first_name,junk\nann@example.com,{CARD},\n"
        f"b@example.com,Bob,{CARD}\n{CARD}\n".encode(),
    )
    run(job)
    assert (job.accepted, job.rejected, job.failed) == (1, 1, 1)
    assert CARD not in "".join(files.errors(job))
    kept = [cell for _, row in pieces.read(job) for cell in row.cells]
    assert not any(CARD in cell for cell in kept)
    assert CARD not in str(list(LeadImportRow.objects.values_list("reason", "told")))


def test_what_is_kept_is_encrypted_and_goes(flow):
    job = started(flow, table(2) + b"\nbad,,,TX,\n")
    assert "ann0" not in LeadImportPiece.objects.get().data
    run(job)
    assert keeping.forget_old() == 0
    long_ago = datetime.now(UTC) - timedelta(days=8)
    LeadImport.objects.update(finished_at=long_ago)
    assert keeping.forget_old() == 1
    assert not LeadImportPiece.objects.exists()
    assert not LeadImportRow.objects.exists()
    job.refresh_from_db()
    assert (job.accepted, job.rejected, job.columns) == (2, 1, [])
    assert keeping.forget_old() == 0


def test_what_nobody_starts_or_resumes_goes_too(flow):
    take(flow, table(1))
    paused = started(flow, table(2, first=5))
    steering.pause(paused.id, by="olga")
    long_ago = datetime.now(UTC) - timedelta(days=8)
    LeadImport.objects.update(created_at=long_ago, touched_at=long_ago)
    keeping.forget_old()
    paused.refresh_from_db()
    assert (LeadImport.objects.count(), paused.state) == (1, "cancelled")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"\n \n", "nothing but blanks"),
        (b"email,phone\n", "no lead below"),
        (b",".join(b"c%d" % n for n in range(10_000)) + b"\na\n", "10,000 columns"),
        (b'"email,phone\nann@example.com,1\n', "Line 1"),
        (b"x" * 101 + b",b\nAnn,y\n", "column 1 is longer"),
    ],
)
def test_it_refuses_what_is_no_table(flow, data, said):
    with pytest.raises(Refused, match=said):
        take(flow, data)
    assert not LeadImport.objects.exists()


def test_a_file_without_a_header_has_numbered_columns(flow):
    job = take(flow, b"ann@example.com,5125550100\nbob@example.com,5125550101\n")
    assert (job.header, job.columns, job.total) == (False, ["Column 1", "Column 2"], 2)
    assert job.targets == ["email", "phone_1"]


def test_columns_of_one_name_go_to_one_place_once(flow):
    job = take(flow, b"email,email\nann@example.com,b@example.com\n")
    assert job.targets == ["email", ""]
    taking.settle(job, ["email", "email"], {"email"})
    with pytest.raises(Refused, match="Two columns go to email"):
        taking.begin(job, plans.current().flows[flow.pk], by="olga")


def test_it_does_not_start_without_what_is_required_nor_twice(flow):
    plan = plans.current().flows[flow.pk]
    job = take(flow, table(1))
    taking.settle(job, ["", "phone_1", "", "", "Notes"], taking.targets_of(plan, job.source_id))
    with pytest.raises(Refused, match="email is required"):
        taking.begin(job, plan, by="olga")
    with pytest.raises(Refused, match="no field 'nope'"):
        taking.settle(job, ["nope", "", "", "", ""], {"email"})
    job = started(flow, table(1))
    with pytest.raises(Refused, match="started already"):
        taking.begin(job, plan, by="olga")


def test_the_same_file_is_known_again(flow):
    first = started(flow, table(2))
    assert taking.same_file(first) is None
    assert taking.same_file(take(flow, table(2))) == first
    assert taking.same_file(take(flow, table(3))) is None


def test_a_task_works_on_and_starts_its_successor(flow, monkeypatch):
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(queue, "enqueue", lambda *args, **_: calls.append(args))
    job = started(flow, table(2))
    tasks.resume_lead_imports()
    assert calls == [(working.TASK, job.id)]
    monkeypatch.setattr(tasks, "IMPORT_TURN", 0.0)
    tasks.lead_import(job.id)
    assert len(calls) == 2
    monkeypatch.setattr(tasks, "IMPORT_TURN", 60.0)
    tasks.lead_import(job.id)
    job.refresh_from_db()
    assert job.state == "done"
    with connection.cursor() as cursor:
        cursor.execute("SELECT worked_until FROM flows_leadimport")
        assert cursor.fetchone() == (None,)
