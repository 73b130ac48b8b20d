"""`bench fields`: what a lead of thirty fields costs to read, in memory.

One turn is: refuse card numbers, parse every field by its type, spread it into the flat values that
rules and mappings see. The bare limit reads the same fields with one plain look each: stripped,
lowered, matched against a pattern of its kind.
"""

from __future__ import annotations

import re
import time
from typing import Any, Final

from flows import fields
from flows.arrival import cards
from leadops.bench.turns import Rounds, Turn

ROUND: Final = 20

LEAD: Final[dict[str, tuple[str, Any]]] = {
    "first_name": ("first_name", "Mary"),
    "last_name": ("last_name", "O'Neil-Smith"),
    "email": ("email", "Mary.Smith@Example.co.uk"),
    "email_2": ("email", "mary@gmail.com"),
    "phone_1": ("phone", "(512) 789-1111"),
    "phone_2": ("phone", "+1 512-789-1112"),
    "phone_3": ("phone", "5127891113 x44"),
    "street": ("street", "12 Main St, Apt 4"),
    "city": ("city", "St. Helena"),
    "state": ("state", "California"),
    "postal_code": ("postal_code", "94574-1234"),
    "country": ("country", "USA"),
    "date_of_birth": ("date_of_birth", "2/29/84"),
    "insured_since": ("date", "Jan 15, 2024"),
    "called_at": ("time", "2024-01-15T10:30:47.234Z"),
    "best_time": ("time", "2:30 pm"),
    "gender": ("gender", "F"),
    "ssn": ("ssn", "219-09-9999"),
    "income": ("currency", "$85,000"),
    "home_value": ("range", "$250,000 to $500,000"),
    "credit": ("range", "Good (700-749)"),
    "score": ("number", "85"),
    "vehicles": ("number", 2),
    "insured": ("boolean", "yes"),
    "homeowner": ("boolean", True),
    "ip": ("ip", "203.0.113.7"),
    "landing_page": ("url", "https://example.com/quotes?utm_source=x&gclid=Cj0KCQiA"),
    "trustedform_cert_url": (
        "trustedform_url",
        "https://cert.trustedform.com/2605ec3a321e1b3a41addf0bba1213505ef57985",
    ),
    "campaign": ("string", "winter_2024"),
    "comments": ("string", "Please call in the evening, after six. Two cars, one garage."),
}
VALUES: Final = {name: raw for name, (_, raw) in LEAD.items()}
TYPES: Final = {name: kind for name, (kind, _) in LEAD.items()}
LOOKS: Final = {
    "email": re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+"),
    "phone": re.compile(r"[\d() +x-]{10,20}"),
    "url": re.compile(r"https?://\S+"),
    "date": re.compile(r"[\w/, ]{6,20}"),
}
ANY: Final = re.compile(r".*", re.DOTALL)


def run(seconds: float) -> dict[str, Any]:
    """Both measured for `seconds`, then each field alone. It is the processor's time of this
    thread: a round is long enough for others on a busy machine to come between."""
    rounds = Rounds(ROUND, clock=time.thread_time)
    rounds.play({"read": _read, "bare": _bare}, seconds=seconds)
    read = rounds.middle("read")
    return {
        **rounds.against("bare", ours="read"),
        "fields": len(LEAD),
        "lead_us": read * 1e6,
        "field_us": read * 1e6 / len(LEAD),
        **_each_alone(),
    }


def _read() -> bool:
    values, refused = cards.without(VALUES, TYPES, mask="•••")
    flat: dict[str, Any] = {}
    for name, kind in TYPES.items():
        flat.update(fields.flatten(name, fields.parse(kind, values[name])))
    return not refused and all(flat[f"{name}.valid"] for name in TYPES)


def _bare() -> bool:
    flat: dict[str, Any] = {}
    for name, (kind, raw) in LEAD.items():
        text = str(raw).strip().lower()
        flat[name], flat[f"{name}.raw"] = text, raw
        flat[f"{name}.valid"] = LOOKS.get(kind, ANY).fullmatch(text) is not None
    return all(flat[f"{name}.valid"] for name in LEAD)


def _each_alone() -> dict[str, float]:
    """The microseconds of each field: the middle of a few rounds."""
    rounds = Rounds(ROUND, clock=time.thread_time)
    for name in LEAD:
        turn = _alone(name)
        for _ in range(5):
            rounds.round(name, turn)
    return rounds.microseconds()


def _alone(name: str) -> Turn:
    kind, raw = LEAD[name]
    return lambda: bool(fields.flatten(name, fields.parse(kind, raw)))
