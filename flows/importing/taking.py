"""A file is taken: looked through, cut into pieces, kept; then somebody says what is what and
starts it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import BinaryIO

from django.db import transaction
from django.utils import timezone

from events.vocabulary import EventType
from flows.byhand import by_hand
from flows.importing import columns, pieces, reading
from flows.importing.reading import Refused, Row
from flows.models import LeadImport, LeadImportPiece
from flows.models.lead_import import FASTEST
from flows.plan import FlowPlan
from leadops.lib import secrets

MOST_BYTES = 100 * 1024 * 1024
SAMPLE = 200  # rows by which columns are recognised
State = LeadImport.State


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody chose besides the file. `header` None: found by itself."""

    by: str
    filename: str = ""
    test: bool = False
    rate: int = 50
    header: bool | None = None


def take(flow: FlowPlan, source_id: str, file: BinaryIO, wanted: Wanted) -> LeadImport:
    """Keep the file as an import that is not started, its columns proposed; raises Refused.

    `file` is on disk or in memory, and read three times.
    """
    how = reading.encoding(file, most=MOST_BYTES)
    file.seek(0)
    mark = reading.delimiter(reading.head_of(file, how).lstrip("\ufeff"))
    file.seek(0)
    rows = reading.rows(file, how, mark)
    first = next(rows, None)
    if first is None:
        raise Refused("The file holds nothing but blanks.")
    header = columns.is_header(first) if wanted.header is None else wanted.header
    named = columns.names(first, header=header)
    sample = list(islice(rows if header else chain([first], rows), SAMPLE))
    if not sample:
        raise Refused("The file names its columns and has no lead below them.")
    made = LeadImport(
        flow_id=flow.id,
        source_id=source_id,
        by=wanted.by,
        filename=wanted.filename[:200].replace("\0", ""),
        test=wanted.test,
        rate=min(max(wanted.rate, 1), FASTEST),
        encoding=how.name,
        odd_line=how.odd_line,
        delimiter=mark,
        header=header,
        columns=named,
        targets=_proposed(flow, source_id, named, sample),
    )
    with transaction.atomic():
        made.save(force_insert=True)
        _keep(made, chain(sample, rows))
        file.seek(0)
        made.digest = digest_of(file)
        made.save(update_fields=["total", "pieces_total", "digest"])
    return made


def _proposed(
    flow: FlowPlan, source_id: str, named: Sequence[str], sample: Sequence[Row]
) -> list[str]:
    terms = flow.terms[source_id]
    found = columns.proposals(
        named,
        flow.fields,
        terms.aliases,
        beside=sorted(terms.require - {field.name for field in flow.fields}),
        sample=[row.cells for row in sample if not row.problem],
    )
    return [proposal.target for proposal in found]


def _keep(made: LeadImport, rows: Iterator[Row]) -> None:
    for number, piece in enumerate(pieces.cut(_judged(rows, len(made.columns)))):
        LeadImportPiece.objects.create(
            lead_import=made,
            number=number,
            first=made.total + 1,
            rows=len(piece),
            data=pieces.packed(piece),
        )
        made.total += len(piece)
        made.pieces_total += 1


def _judged(rows: Iterator[Row], width: int) -> Iterator[Row]:
    """Rows with as many values as there are columns; blank ones at the end do not count."""
    for row in rows:
        cells = row.cells
        while len(cells) > width and not cells[-1].strip():
            cells = cells[:-1]
        if row.problem or len(cells) == width:
            yield Row(row.line, cells, row.problem)
            continue
        one = "" if len(cells) == 1 else "s"
        problem = f"It has {len(cells):,} value{one} where there are {width} columns"
        yield Row(row.line, cells[: reading.MAX_COLUMNS], problem)


def digest_of(file: BinaryIO) -> bytes:
    """By which the same file is known again, and nothing else."""
    found = hashlib.sha256()
    while data := file.read(reading.CHUNK):
        found.update(data)
    return secrets.search_digest("lead import", found.hexdigest())


def same_file(made: LeadImport) -> LeadImport | None:
    """The newest earlier import of the same file from the same source that took leads in."""
    rows = LeadImport.objects.filter(
        flow_id=made.flow_id, source_id=made.source_id, digest=bytes(made.digest), test=made.test
    )
    rows = rows.exclude(pk=made.pk).exclude(state=State.DRAFT)
    return rows.exclude(state=State.CANCELLED, accepted=0).order_by("-created_at").first()


def needed(flow: FlowPlan, source_id: str) -> set[str]:
    """The fields without which no row would be accepted."""
    return {field.name for field in flow.fields if field.required} | flow.terms[source_id].require


def targets_of(flow: FlowPlan, source_id: str) -> list[str]:
    """Where columns may go: the flow's fields, and what else the source must send."""
    known = [field.name for field in flow.fields]
    return known + sorted(flow.terms[source_id].require - set(known))


def settle(made: LeadImport, targets: Sequence[str], allowed: Collection[str]) -> None:
    """Say where each column goes, while it is not started; raises Refused."""
    named = made.columns
    if len(targets) != len(named):
        raise Refused(f"Say of each of the {len(named)} columns where it goes.")
    for target, name in zip(targets, named, strict=True):
        if target and target not in allowed and target != name:
            raise Refused(f"There is no field {target[:100]!r}.")
    changed = LeadImport.objects.filter(pk=made.pk, state=State.DRAFT).update(targets=list(targets))
    if not changed:
        raise Refused("It is started already.")
    made.targets = list(targets)


def begin(made: LeadImport, flow: FlowPlan, *, by: str) -> None:
    """Start it; raises Refused where its columns do not do."""
    if found := columns.problems(made.targets, needed(flow, made.source_id)):
        raise Refused(" ".join(found))
    with by_hand.noted() as (_, journal):
        row = LeadImport.objects.select_for_update().get(pk=made.pk)
        if not row.may_start:
            raise Refused("It is started already.")
        row.state, row.started_at, row.touched_at = State.QUEUED, journal.at, timezone.now()
        row.save(update_fields=["state", "started_at", "touched_at"])
        journal.operation(
            EventType.IMPORT_STARTED,
            entity_id=row.id,
            flow_id=row.flow_id,
            reason=f"{row.total:,} rows of a file are taken in, started by {by}",
            by=by,
            source=row.source.slug,
            rows=row.total,
            **({"test": True} if row.test else {}),
        )
    made.state = State.QUEUED
