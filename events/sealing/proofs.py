"""A lead's proof: its events' exact texts, each with its way up to a seal, and the seals' chain up
to a published head. `docs/check_proof.py` checks one with Python's standard library alone.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.db import connection

from events.models import Seal
from events.sealing import canonical, merkle, published, seals, settled

FORMAT = 1
MOST_SEALS = 100_000  # in one proof; with a head every hour there are some dozens


class Unproved(Exception):
    """There is no proof; the text says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event stands."""

    id: str
    tx: int
    month: Any


PLACES = """
    SELECT id, tx::text::bigint, date_trunc('month', timestamp AT TIME ZONE 'UTC')::date
    FROM events_event WHERE lead_id = %s ORDER BY seq
"""


def proof(lead_id: str) -> dict[str, Any]:
    """The proof, ready for JSON. Raises Unproved: no events, none sealed, or a seal that the
    events of today do not fit."""
    by_seal, waiting = _places(lead_id)
    if not by_seal:
        raise Unproved(_why(lead_id, waiting))
    events = [each for n in sorted(by_seal) for each in _under(Seal.objects.get(n=n), by_seal[n])]
    events.sort(key=lambda each: canonical.read(each["text"])["seq"])
    chain, heads = _chain(sorted(by_seal))
    return {
        "leadops_proof": FORMAT,
        "lead": lead_id,
        "columns": list(canonical.COLUMNS),
        "events": events,
        "not_sealed_yet": waiting,
        "seals": [_said(seal) for seal in chain],
        "heads": [{"n": seal.n, "hash": bytes(seal.hash).hex()} for seal in heads],
    }


def _places(lead_id: str) -> tuple[dict[int, list[Place]], list[str]]:
    """The lead's events by the number of their seal, and the ids of those that have none yet."""
    with connection.cursor() as cursor:
        cursor.execute(PLACES, [lead_id])
        places = [Place(*row) for row in cursor.fetchall()]
    by_seal: dict[int, list[Place]] = defaultdict(list)
    waiting = []
    for place in places:
        seal = _seal_of(place)
        if seal is None:
            waiting.append(place.id)
        else:
            by_seal[seal.n].append(place)
    return by_seal, waiting


def _seal_of(place: Place) -> Seal | None:
    """None when no seal covers it yet. Raises Unproved where one should, and does not."""
    month = Seal.objects.filter(month=place.month, from_tx__lte=place.tx)
    seal = month.order_by("-from_tx").first()
    if seal is not None and place.tx < seal.to_tx:
        return seal
    last = Seal.objects.first()
    if last is not None and place.tx < last.to_tx:
        raise Unproved(f"{place.id} stands among sealed events, but no seal covers it.")
    return None


def _why(lead_id: str, waiting: list[str]) -> str:
    if waiting:
        return f"None of the {len(waiting)} events of {lead_id} is sealed yet."
    return f"The record holds no events of {lead_id}."


def _under(seal: Seal, places: list[Place]) -> list[dict[str, Any]]:
    """The texts of a seal's events, and their ways to its root."""
    wanted = {place.id for place in places}
    hashes, texts = [], {}
    with connection.cursor() as cursor:
        rows = settled.texts(cursor, start=seal.from_tx, end=seal.to_tx, month=seal.month)
        for index, (_, _, _, text) in enumerate(rows):
            hashes.append(merkle.leaf_hash(text))
            if any(id.encode() in text for id in wanted):
                texts[index] = text
    if merkle.root(hashes) != bytes(seal.root):
        raise Unproved(f"The events of today are not those of seal {seal.n}: see manage.py verify.")
    return [
        {
            "seal": seal.n,
            "index": index,
            "of": len(hashes),
            "text": text.decode(),
            "path": [each.hex() for each in merkle.path(hashes, index)],
        }
        for index, text in texts.items()
        if canonical.read(text)["id"] in wanted
    ]


def _chain(numbers: list[int]) -> tuple[list[Seal], list[Seal]]:
    """The seals from each of `numbers` to the next published head, or to the last seal; and those
    at the ends, which others can hold."""
    chain: dict[int, Seal] = {}
    heads: dict[int, Seal] = {}
    for n in numbers:
        if n in chain:
            continue
        end = published.next_head(n)
        part = list(Seal.objects.filter(n__gte=n, n__lte=end).order_by("n")[:MOST_SEALS])
        chain |= {seal.n: seal for seal in part}
        heads[part[-1].n] = part[-1]
    return [chain[n] for n in sorted(chain)], [heads[n] for n in sorted(heads)]


def _said(seal: Seal) -> list[int | str]:
    """What a seal says, as it is hashed."""
    return [canonical.NAME, canonical.FORMAT, *seals.facts_of(seal).words()]
