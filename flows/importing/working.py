"""The work on an import: row by row through intake, at a pace that leaves live leads their place.

A row's result is written in the transaction that takes its lead in, under a key of its own. A
worker that dies between two rows, or within one, loses nothing and takes nothing twice; of two
workers that meet over a row, the second finds it taken.
"""

from __future__ import annotations

import logging
import re
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import psycopg
from django.conf import settings
from django.db import connection, transaction
from django.db.models.expressions import RawSQL

from flows import plans
from flows.arrival import intake
from flows.arrival.preparing import Prepared, Submission
from flows.arrival.storing import Answer
from flows.byhand import by_hand
from flows.importing import cells, pieces, steering
from flows.importing.reading import Row
from flows.models import LeadImport, LeadImportPiece, LeadImportRow
from flows.plan import DeliverStep, FlowPlan, Plans, SourcePlan
from leadops.lib import jobs, secrets

log = logging.getLogger(__name__)

TASK = "flows.tasks.lead_import"
MOST_WAITING = 200  # leads and deliveries due in its flow, before it takes more in
PAUSE = 0.5  # seconds between looks while enough are waiting
LOOK = 1.0  # seconds between looks at how many wait
REASONS = 20  # different ones that are counted apart
State, Outcome = LeadImport.State, LeadImportRow.Outcome
JOBS = jobs.Jobs("flows_leadimport")
AWAY = (*jobs.AWAY, psycopg.OperationalError, psycopg.InterfaceError)

NOW = """
    SELECT clock_timestamp(), (SELECT number FROM flows_revision WHERE id = 1), state, rate, (
        SELECT p.xmin::text FROM flows_leadimportpiece p
        WHERE p.lead_import_id = i.id AND p.number = %s
    )
    FROM flows_leadimport i WHERE id = %s
"""
TAKEN = """
    INSERT INTO flows_leadimportrow (lead_import_id, "row", lead_id, outcome, reason, told)
    VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
COUNTED = """
    UPDATE flows_leadimport
    SET accepted = accepted + (%(outcome)s = 'accepted')::int,
        rejected = rejected + (%(outcome)s = 'rejected')::int,
        failed = failed + (%(outcome)s = 'failed')::int,
        cost = cost + %(cost)s, state = 'running', waits_for = ''
    WHERE id = %(id)s AND state IN ('queued', 'running')
"""
# The rarer of many reasons are counted together.
REASON = """
    UPDATE flows_leadimport SET reasons = reasons || jsonb_build_object(
        k.word, coalesce((reasons->>k.word)::int, 0) + 1
    )
    FROM (
        SELECT CASE WHEN i.reasons ? %(reason)s
            OR (SELECT count(*) FROM jsonb_object_keys(i.reasons)) < %(most)s
            THEN %(reason)s ELSE 'Other' END AS word
        FROM flows_leadimport i WHERE i.id = %(id)s
    ) AS k
    WHERE id = %(id)s
"""
ADVANCED = """
    UPDATE flows_leadimport SET position = position + 1 WHERE id = %s AND position = %s
"""
WAITING = """
    SELECT count(*) FROM (
        SELECT FROM flows_work WHERE lane = ANY(%s) AND due_at <= clock_timestamp()
        AND lease IS NULL LIMIT %s
    ) AS waiting
"""
WAITS = "UPDATE flows_leadimport SET waits_for = %s WHERE id = %s"


class Stopped(Exception):
    """Somebody paused or cancelled it in the meantime: nothing of the row is kept."""


class TakenAlready(Exception):
    """Another worker has taken the row."""


def work(import_id: str, *, seconds: float, stopping: Callable[[], bool]) -> bool:
    """Work on one for some seconds; True when it is at its end, or somebody else has it."""
    lease = settings.LEADOPS_LEASE
    job = LeadImport.objects.filter(pk=import_id).first()
    if job is None:
        return True  # its flow or source was deleted in the meantime
    step = Worker(job, lease).step
    return JOBS.work(import_id, step, seconds=seconds, lease=lease, stopping=stopping)


@dataclass
class Worker:
    """What a worker has at hand: the open rows of the piece it is at, as they stood in `version`
    of it."""

    job: LeadImport
    lease: float
    rows: deque[tuple[int, Row]] = field(default_factory=deque)
    version: str = ""
    due: float = 0.0  # on the monotonic clock: when the next row may go
    looked: float = 0.0
    renewed: float = field(default_factory=time.monotonic)

    @property
    def id(self) -> str:
        return str(self.job.pk)

    def step(self) -> bool:
        """One row, or a moment's wait for its turn; False when nothing is left to do."""
        self._renew()
        if not self.rows and not self._load():
            return False
        with connection.cursor() as cursor:
            cursor.execute(NOW, [self.job.position, self.id])
            at, revision, state, rate, version = cursor.fetchone()
        if state not in LeadImport.OPEN:
            return False
        if version != self.version:  # somebody was erased in the meantime, perhaps one of these
            self.rows.clear()
            return True
        current = plans.current(revision or 0)
        parties = _parties(self.job, current)
        if isinstance(parties, str):
            steering.stop(self.id, parties)
            return False
        if self._waits(rate, parties[0]):
            return True
        if not self._take(*parties, at):
            return False
        self.rows.popleft()
        if not self.rows:
            self._piece_done()
        return True

    def _renew(self) -> None:
        if time.monotonic() - self.renewed > self.lease / 4:
            JOBS.renew(self.id, self.lease)
            self.renewed = time.monotonic()

    def _load(self) -> bool:
        """The rows of the next piece that are not taken; False at the end of the file."""
        while True:
            self.job = job = LeadImport.objects.get(pk=self.id)
            if job.position >= job.pieces_total:
                _finish(self.id)
                return False
            versions = LeadImportPiece.objects.annotate(version=RawSQL("xmin::text", []))
            piece = versions.get(lead_import=job, number=job.position)
            self.version = piece.version
            last = piece.first + piece.rows - 1
            done = set(
                LeadImportRow.objects.filter(
                    lead_import=job, row__range=(piece.first, last)
                ).values_list("row", flat=True)
            )
            numbered = enumerate(pieces.unpacked(piece.data), piece.first)
            self.rows = deque((number, row) for number, row in numbered if number not in done)
            if self.rows:
                return True
            self._piece_done()  # its worker died behind the last row

    def _waits(self, rate: int, flow: FlowPlan) -> bool:
        """Sleeps a little where it is not the next row's turn."""
        now = time.monotonic()
        if now - self.looked >= LOOK:
            if _enough_waiting(flow):
                self._say("Enough leads are waiting for their turn")
                time.sleep(PAUSE)
                return True
            self.looked = now
        if now < self.due:
            time.sleep(min(self.due - now, PAUSE))
            return time.monotonic() < self.due
        self.due = max(self.due, now - 1.0) + 1.0 / rate  # a second's rows may be made up for
        return False

    def _say(self, text: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(WAITS, [text, self.id])

    def _take(self, flow: FlowPlan, source: SourcePlan, at: datetime) -> bool:
        """The first open row; False when the import was stopped."""
        number, row = self.rows[0]
        try:
            if row.problem:
                self._fail(number, row.problem)
            else:
                self._receive(flow, source, number, row, at)
        except Stopped:
            return False
        except TakenAlready:
            pass
        except AWAY:
            raise
        except Exception:
            log.exception("Row %s of %s cannot be stored", number, self.id)
            return self._put_aside(number)
        return True

    def _receive(
        self, flow: FlowPlan, source: SourcePlan, number: int, row: Row, at: datetime
    ) -> None:
        def beside(prepared: Prepared, answer: Answer) -> None:
            if answer.outcome == Outcome.ACCEPTED:
                _note(self.id, number, Outcome.ACCEPTED, lead_id=answer.lead_id, cost=answer.price)
                return
            kept = prepared.reasons[0].kept
            told = "; ".join(answer.reasons)
            _note(self.id, number, Outcome.REJECTED, lead_id=answer.lead_id, reason=kept, told=told)

        submission = Submission(
            values=cells.values(row.cells, self.job.targets),
            test=self.job.test,
            key=f"{self.id}:{number}",
            imported={"id": self.id, "row": number},
        )
        answer = intake.receive(flow, source, submission, at=at, beside=beside)
        if answer.repeated:  # its result stands already, unless somebody else used the row's key
            self._note_known(number, answer)

    def _note_known(self, number: int, answer: Answer) -> None:
        with transaction.atomic():
            _note(
                self.id,
                number,
                answer.outcome,
                lead_id=answer.lead_id,
                reason="Taken in before" if answer.reasons else "",
                told="; ".join(answer.reasons),
            )

    def _put_aside(self, number: int) -> bool:
        try:
            self._fail(number, "It cannot be stored; the log says why")
        except Stopped:
            return False
        except TakenAlready:
            pass
        return True

    def _fail(self, number: int, problem: str) -> None:
        with transaction.atomic():
            _note(self.id, number, Outcome.FAILED, reason=problem, told=problem)

    def _piece_done(self) -> None:
        """On to the next; card numbers, which nobody may keep, are masked in what stays."""
        job = self.job
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(ADVANCED, [self.id, job.position])
            if cursor.rowcount:
                cells.mask_piece(job, job.position)
        job.position += 1


def _parties(job: LeadImport, current: Plans) -> tuple[FlowPlan, SourcePlan] | str:
    """Flow and source, if they deal with each other at the moment; else why not."""
    flow, source = current.flows.get(job.flow_id), current.sources.get(job.source_id)
    if flow is None:
        return "The flow cannot be used at the moment; correct its configuration."
    if source is None or not source.active:
        return "The source is switched off."
    if source.id not in flow.terms or not flow.terms[source.id].active:
        return f"The source may not send to {flow.name} any more."
    if not flow.active:
        return f"The flow {flow.name} is paused; it takes no leads."
    return flow, source


def _enough_waiting(flow: FlowPlan) -> bool:
    lanes = [flow.id, *_recipients(flow)]
    with connection.cursor() as cursor:
        cursor.execute(WAITING, [lanes, MOST_WAITING])
        return bool(cursor.fetchone()[0] >= MOST_WAITING)


def _recipients(flow: FlowPlan) -> Iterable[str]:
    for step in flow.steps:
        if isinstance(step, DeliverStep):
            yield from (candidate.recipient for candidate in step.candidates)
            if step.remediation is not None:
                yield step.remediation.recipient


def _note(
    import_id: str,
    number: int,
    outcome: str,
    *,
    lead_id: str = "",
    reason: str = "",
    told: str = "",
    cost: Decimal = Decimal(0),
) -> None:
    """What came of a row, in the transaction that takes it; raises Stopped, TakenAlready."""
    word = grouped(reason)
    hidden = secrets.encrypt(told) if told else ""
    with connection.cursor() as cursor:
        cursor.execute(TAKEN, [import_id, number, lead_id, outcome, word, hidden])
        if not cursor.rowcount:
            raise TakenAlready
        cursor.execute(COUNTED, {"id": import_id, "outcome": str(outcome), "cost": cost})
        if not cursor.rowcount:
            raise Stopped
        if word:
            cursor.execute(REASON, {"id": import_id, "reason": word, "most": REASONS})


def grouped(reason: str) -> str:
    """A reason without the value that was seen, so that rows are counted by what is wrong."""
    text = re.sub(r" \(['\"].*\)$|: '.*$", "", reason, flags=re.DOTALL)
    text = re.sub(r"Previously submitted [\d-]+", "Previously submitted", text)
    if text.startswith("Not accepted from "):
        text = text.partition(" is ")[0]
    return text[:200]


def _finish(import_id: str) -> None:
    with by_hand.noted() as (_, journal):
        row = LeadImport.objects.select_for_update().get(pk=import_id)
        if row.is_open:
            steering.end(row, State.DONE, journal, by=row.by)
