"""`bench rules`: what a condition of twenty rules costs a lead, in memory.

One turn is: evaluate twenty rules of all kinds, two groups among them, that all hold, so that every
one is looked at. The bare limit is the same condition written out by hand in Python. Apart from it:
a condition that fails late, with the sentence that says why, one of a list of ten
thousand values, and reading the twenty from their document.
"""

from __future__ import annotations

import re
from typing import Any, Final

from leadops.bench.turns import Rounds, Turn
from leadops.lib import conditions

ROUND: Final = 50

LEAD: Final[dict[str, Any]] = {
    "id": "lead_7K9mHpQR3x2B5N8j",
    "source.name": "Web Form A",
    "first_name": "Mary",
    "email": "mary@example.com",
    "email.valid": True,
    "email.domain": "example.com",
    "phone_1": "5555551234",
    "phone_1.valid": True,
    "phone_1.area": "555",
    "city": "St. Helena",
    "state": "CA",
    "postal_code": "94574",
    "score": 85,
    "income": "$62,500",
    "born": "1984-02-29",
    "born.age": 42,
    "owner": True,
    "appended.phone_check": {"carrier": "Verizon", "line": {"type": "mobile"}},
}
ZIPS: Final = tuple(f"{number:05d}" for number in range(90_000, 100_000))


def _rule(field: str, op: str, value: Any = None) -> dict[str, Any]:
    return {"field": field, "op": op} | ({} if value is None else {"value": value})


TWENTY: Final[dict[str, Any]] = {
    "all": [
        _rule("state", "in", ["TX", "CA", "FL"]),
        _rule("city", "is", "st. helena"),
        _rule("source.name", "is_not", "Web Form B"),
        _rule("first_name", "not_blank"),
        _rule("email", "valid"),
        _rule("email.domain", "not_in", ["mailinator.com", "yopmail.com"]),
        _rule("phone_1", "valid"),
        _rule("phone_1.area", "is_not", "900"),
        _rule("postal_code", "matches", r"^9\d{4}$"),
        _rule("score", "gt", 80),
        _rule("score", "lte", 100),
        _rule("income", "gte", 50_000),
        _rule("born", "lt", "2005-01-01"),
        _rule("born.age", "between", [18, 65]),
        _rule("owner", "is", True),
        _rule("phone_2", "blank"),
        _rule("appended.phone_check.carrier", "contains", "veri"),
        _rule("appended.phone_check.line.type", "is", "mobile"),
        {"any": [_rule("state", "is", "CA"), _rule("state", "is", "TX")]},
        {"not": _rule("city", "contains", "angeles")},
    ]
}


def run(seconds: float) -> dict[str, Any]:
    """What each turn costs, measured for `seconds`."""
    turns = {"rules": _twenty(), "bare": _bare, "failing": _failing(), "list": _long_list()}
    turns["parse"] = lambda: conditions.parse(TWENTY).size == len(TWENTY["all"]) + 1
    rounds = Rounds(ROUND)
    rounds.play(turns, seconds=seconds)
    return {**rounds.against("bare", ours="rules"), **rounds.microseconds()}


def _twenty() -> Turn:
    evaluate = conditions.parse(TWENTY).evaluate
    return lambda: evaluate(LEAD).passed


def _failing() -> Turn:
    evaluate = conditions.parse(TWENTY).evaluate
    lead = {**LEAD, "owner": False}

    def turn() -> bool:
        failed = evaluate(lead).failed
        return failed is not None and failed.text == "owner is false, not true"

    return turn


def _long_list() -> Turn:
    evaluate = conditions.parse(_rule("postal_code", "in", list(ZIPS))).evaluate
    return lambda: evaluate(LEAD).passed


_ZIP: Final = re.compile(r"^9\d{4}$")
_STATES: Final = frozenset({"tx", "ca", "fl"})
_DOMAINS: Final = frozenset({"mailinator.com", "yopmail.com"})


def _bare() -> bool:
    """The twenty, by hand."""
    lead = LEAD
    checked = lead["appended.phone_check"]
    return bool(
        lead["state"].strip().casefold() in _STATES
        and lead["city"].strip().casefold() == "st. helena"
        and lead["source.name"].strip().casefold() != "web form b"
        and lead["first_name"].strip()
        and lead["email.valid"] is True
        and lead["email.domain"].strip().casefold() not in _DOMAINS
        and lead["phone_1.valid"] is True
        and lead["phone_1.area"].strip() != "900"
        and _ZIP.search(lead["postal_code"].strip())
        and lead["score"] > 80
        and lead["score"] <= 100
        and float(lead["income"].replace("$", "").replace(",", "")) >= 50_000
        and lead["born"] < "2005-01-01"
        and 18 <= lead["born.age"] <= 65
        and lead["owner"] is True
        and not (lead.get("phone_2") or "").strip()
        and "veri" in checked["carrier"].casefold()
        and checked["line"]["type"].casefold() == "mobile"
        and lead["state"].casefold() in ("ca", "tx")
        and "angeles" not in lead["city"].casefold()
    )
