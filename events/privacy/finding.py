"""Who is meant: by an e-mail address, a phone number or a lead's id; and what is held of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from events import search
from events.models import Lead, LeadKey, PrivacyRequest, Snapshot
from events.privacy import holdings
from events.privacy.holdings import Subject
from leadops.lib import secrets

Kind = PrivacyRequest.Kind
LONGEST = 320  # characters
LOOKED_AT = 200  # leads whose values are read, to know the person's other spellings
RELATED = 50
_NO_DIGIT = re.compile(r"\D+")


class NotFindable(ValueError):
    """Not an e-mail address, phone number or lead id; the text never repeats it."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a request is about. `related` are leads that share an address or a number with a lead
    that was named by its id: perhaps the same person's."""

    kind: str
    digest: bytes
    subject: Subject
    leads: Sequence[Lead] = field(default=(), hash=False)
    related: Sequence[str] = ()

    @property
    def lead_ids(self) -> tuple[str, ...]:
        return self.subject.lead_ids


def person(kind: str, value: str) -> Person:
    """Who is meant. Leads that were erased are none of theirs any more. Raises NotFindable, and
    Lead.DoesNotExist for an id that no lead has."""
    text = value.strip()
    if not text or len(text) > LONGEST or "\0" in text:
        raise NotFindable("Write an e-mail address, a phone number or a lead's id.")
    if kind == Kind.LEAD:
        return _by_id(text)
    digests, normal = _digests(kind, text)
    keys = LeadKey.objects.filter(digest__in=digests)
    ids = set(keys.values_list("lead_id", flat=True))
    leads = _held(ids)
    emails, numbers = _spellings(leads)
    own = {normal}
    subject = Subject(
        tuple(lead.id for lead in leads),
        _oldest(leads),
        emails=tuple(sorted(own | emails if kind == Kind.EMAIL else emails)),
        numbers=tuple(sorted(own | numbers if kind == Kind.PHONE else numbers)),
    )
    return Person(kind, subject_digest(kind, normal), subject, leads)


def subject_digest(kind: str, normal: str) -> bytes:
    """What a request keeps of whom it was about."""
    return secrets.search_digest(f"privacy {kind}"[:16], normal)


def _digests(kind: str, text: str) -> tuple[list[bytes], str]:
    """Under which a lead may be kept, and the normal form. An address that no check would pass is
    looked for as it was posted."""
    found = search.digest(kind, text)
    posted = [secrets.search_digest(kind, form) for form in dict.fromkeys((text, text.lower()))]
    normal = search.normal(kind, text)
    if found is None and kind == Kind.EMAIL and "@" not in text:
        raise NotFindable("This is no e-mail address.")
    if found is None and kind == Kind.PHONE and len(_digits(text)) < 4:
        raise NotFindable("This is no phone number.")
    return ([found] if found else []) + posted, normal or text.lower()


def _by_id(lead_id: str) -> Person:
    lead = Lead.objects.only("id").get(pk=lead_id)
    leads = _held({lead.id})
    emails, numbers = _spellings(leads)
    subject = Subject(
        tuple(each.id for each in leads),
        _oldest(leads),
        tuple(sorted(emails)),
        tuple(sorted(numbers)),
    )
    digests = LeadKey.objects.filter(lead_id=lead.id).values_list("digest", flat=True)
    others = LeadKey.objects.filter(digest__in=list(digests)).exclude(lead_id=lead.id)
    related = sorted(set(others.values_list("lead_id", flat=True)[:RELATED]))
    return Person(Kind.LEAD, subject_digest(Kind.LEAD, lead.id), subject, leads, related)


def _held(ids: set[str]) -> list[Lead]:
    """Those of the leads that were not erased, oldest first."""
    rows = Lead.objects.filter(id__in=ids, salt__isnull=False).select_related("flow", "source")
    return list(rows.order_by("created_at", "id"))


def _oldest(leads: Sequence[Lead]) -> datetime | None:
    return leads[0].created_at if leads else None


def _digits(text: str) -> str:
    """A number's last ten digits: how it is found in texts, whatever stands before them."""
    return _NO_DIGIT.sub("", text)[-10:]


def _spellings(leads: Sequence[Lead]) -> tuple[set[str], set[str]]:
    """E-mail addresses and phone numbers that the newest of the leads' values name."""
    emails: set[str] = set()
    numbers: set[str] = set()
    newest = list(leads)[-LOOKED_AT:]
    if not newest:
        return emails, numbers
    bodies = Snapshot.objects.filter(
        lead_id__in=[lead.id for lead in newest], at__gte=newest[0].created_at
    ).values_list("body", flat=True)
    for body in bodies.iterator(chunk_size=200):
        _note(body, emails, numbers)
    return emails, numbers


def _note(values: Mapping[str, Any], emails: set[str], numbers: set[str]) -> None:
    """By their components: an e-mail has a domain, a phone an area."""
    for name, value in values.items():
        if not isinstance(value, str) or "." in name:
            continue
        if values.get(f"{name}.domain") and "@" in value:
            emails.add(value.lower())
        elif values.get(f"{name}.number") and len(_digits(value)) == 10:
            numbers.add(value)


@dataclass(frozen=True, slots=True)
class Held:
    """How many rows of a table are about the person."""

    table: str
    title: str
    rows: int


def held(found: Person) -> list[Held]:
    """What is held where, empty kinds left out."""
    with connection.cursor() as cursor:
        counted = [
            Held(each.table, each.title, each.count(cursor, found.subject))
            for each in holdings.all_holdings()
        ]
    return [each for each in counted if each.rows]
