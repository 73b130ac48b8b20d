"""Which column of a file is which field of the flow: by name, by the source's names, by values."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flows import fields
from flows.arrival.aliases import Aliases
from flows.importing.reading import MAX_COLUMNS, Refused, Row
from flows.plan import FieldPlan

MAX_NAME: Final = 100  # characters; as of a posted field
ENOUGH: Final = 0.8  # of a column's values are of a type for it to be recognised
# Added to the file of rejected rows, and left out when it comes back.
REASON, LINE = "leadops_reason", "leadops_line"
# What columns of such files are called, by the type of field.
SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = {
    "email": ("email", "emailaddress", "mail"),
    "phone": ("phone", "phonenumber", "mobile", "mobilephone", "cell", "cellphone", "telephone",
              "tel", "homephone", "primaryphone", "daytimephone", "workphone"),
    "first_name": ("firstname", "fname", "givenname", "first", "forename"),
    "last_name": ("lastname", "lname", "surname", "familyname", "last"),
    "postal_code": ("zip", "zipcode", "postalcode", "postcode"),
    "state": ("state", "stateprovince", "province", "region", "statecode"),
    "country": ("country", "countrycode"),
    "street": ("street", "address", "address1", "streetaddress", "addressline1"),
    "city": ("city", "town"),
    "date_of_birth": ("dob", "dateofbirth", "birthdate", "birthday"),
    "ip": ("ip", "ipaddress"),
    "gender": ("gender", "sex"),
    "ssn": ("ssn", "socialsecuritynumber"),
    "url": ("url", "landingpage", "pageurl"),
    "trustedform_url": ("trustedform", "trustedformcerturl", "certurl", "trustedformurl",
                        "xxtrustedformcerturl", "certificateurl"),
}  # fmt: skip
# Types that no other value looks like, the surest first.
BY_VALUE: Final = ("email", "trustedform_url", "ip", "phone", "state")


@dataclass(frozen=True, slots=True)
class Proposal:
    """Where a column's values go; blank: nowhere. `why` says how that was found."""

    target: str = ""
    why: str = ""


def names(first: Row, *, header: bool) -> list[str]:
    """The columns' names; of a file without, their numbers. Raises Refused."""
    if first.problem:
        raise Refused(f"Line {first.line}, which should name the columns: {first.problem}.")
    if len(first.cells) > MAX_COLUMNS:
        raise Refused(
            f"Line {first.line} has {len(first.cells):,} columns; at most {MAX_COLUMNS} are taken."
        )
    if not header:
        return [f"Column {place}" for place in range(1, len(first.cells) + 1)]
    found = [" ".join(cell.split()) for cell in first.cells]
    for place, name in enumerate(found, 1):
        if len(name) > MAX_NAME:
            raise Refused(f"The name of column {place} is longer than {MAX_NAME} characters.")
    return [name or f"Column {place}" for place, name in enumerate(found, 1)]


def is_header(first: Row) -> bool:
    """Does the row name columns? One with an e-mail address or a number is a lead."""
    for cell in first.cells:
        text = cell.strip()
        if any(fields.parse(kind, text).valid for kind in ("email", "phone", "ip") if text):
            return False
        if re.fullmatch(r"[\d$.,/:+() -]+", text):
            return False
    return True


def repeated(columns: Sequence[str]) -> list[str]:
    """Names that more than one column has."""
    seen: dict[str, int] = {}
    for name in columns:
        seen[name.casefold()] = seen.get(name.casefold(), 0) + 1
    return [name for name in dict.fromkeys(columns) if seen[name.casefold()] > 1]


def proposals(
    columns: Sequence[str],
    plans: Sequence[FieldPlan],
    aliases: Aliases,
    *,
    beside: Collection[str] = (),
    sample: Sequence[Sequence[str]] = (),
) -> list[Proposal]:
    """For each column where it goes. `beside` are names that the flow wants without describing
    them; `sample` are some rows. No two columns go to one place."""
    search = _Search(list(columns), plans, beside)
    search.by_name()
    search.by_alias(aliases)
    search.by_synonym()
    search.by_value(sample)
    return search.found


class _Search:
    """Columns that go nowhere yet, and the fields that nothing goes to."""

    def __init__(
        self, columns: list[str], plans: Sequence[FieldPlan], beside: Collection[str]
    ) -> None:
        self.columns = columns
        self.found = [Proposal()] * len(columns)
        self.wanted = {plan.name: plan.type for plan in plans} | dict.fromkeys(beside, "")
        self.spelt = [_spelt(name) for name in columns]
        self.free = [place for place, name in enumerate(columns) if name not in (REASON, LINE)]

    def by_name(self) -> None:
        for place in list(self.free):
            if self.columns[place] in self.wanted:
                self._take(place, self.columns[place], "by its name")
        for place in list(self.free):
            same = (name for name in self.wanted if _spelt(name) == self.spelt[place])
            self._take(place, next(same, ""), "by its name")

    def by_alias(self, aliases: Aliases) -> None:
        for place in list(self.free):
            target = aliases.flat.get(self.columns[place].lower(), "")
            if target in self.wanted:
                self._take(place, target, "by the source's name for it")

    def by_synonym(self) -> None:
        for place in list(self.free):
            word = self.spelt[place]
            of_type = (t for t, kind in self.wanted.items() if word in SYNONYMS.get(kind, ()))
            self._take(place, next(of_type, ""), "by its name")

    def by_value(self, sample: Sequence[Sequence[str]]) -> None:
        for kind in BY_VALUE:
            for place in list(self.free):
                target = next((t for t, each in self.wanted.items() if each == kind), "")
                if target and _holds(kind, [row[place] for row in sample if place < len(row)]):
                    self._take(place, target, "by its values")

    def _take(self, place: int, target: str, why: str) -> None:
        if target:
            self.found[place] = Proposal(target, why)
            del self.wanted[target]
            self.free.remove(place)


def _holds(kind: str, values: Sequence[str]) -> bool:
    given = [value for value in values if value.strip()]
    good = sum(fields.parse(kind, value).valid for value in given)
    return bool(given) and good >= ENOUGH * len(given)


def _spelt(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def problems(targets: Sequence[str], needed: Collection[str]) -> list[str]:
    """Why a mapping cannot be used; none: it can."""
    given = [target for target in targets if target]
    found = [
        f"Two columns go to {name}; choose one of them."
        for name in dict.fromkeys(given)
        if given.count(name) > 1
    ]
    if not given:
        found.append("No column goes to a field.")
    found += [
        f"{name} is required, and no column goes to it."
        for name in sorted(needed)
        if name not in given
    ]
    return found
