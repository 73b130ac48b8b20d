"""Ways to write a value that its type understands, for who has to send it; and what it is."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_DATE: Final = ("2026-01-31", "01/31/2026", "Jan 31, 2026")

FORMS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "email": ("ann@example.com",),
        "phone": ("5125550123", "(512) 555-0123", "+15125550123"),
        "postal_code": ("78701", "78701-1234", "K1A 0B1"),
        "state": ("TX", "Texas"),
        "country": ("US", "USA", "United States"),
        "number": ("1000", "1,000.5"),
        "currency": ("100.00", "$1,000.50"),
        "range": ("1-10", "1 to 10"),
        "boolean": ("true", "yes", "1", "false", "no", "0"),
        "date": _DATE,
        "date_of_birth": ("1980-01-31", "01/31/1980"),
        "time": ("14:30", "2:30 PM"),
        "url": ("https://example.com/page",),
        "ip": ("192.0.2.1", "2001:db8::1"),
        "gender": ("female", "F"),
        "ssn": ("219-09-9999",),
        "trustedform_url": (
            "https://cert.trustedform.com/0000000000000000000000000000000000000000",
        ),
    }
)
WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "string": "text",
        "email": "e-mail address",
        "phone": "phone number",
        "postal_code": "postal code",
        "date_of_birth": "date of birth",
        "boolean": "yes or no",
        "currency": "amount of money",
        "url": "address of a page",
        "ip": "IP address",
        "ssn": "social security number",
        "trustedform_url": "address of a TrustedForm certificate",
    }
)


def word_of(kind: str) -> str:
    return WORDS.get(kind, kind.replace("_", " "))
