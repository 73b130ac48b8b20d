"""An invented value for a field, by its type or its name: nobody's, but of the right form."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

BY_TYPE: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "first_name": "Test",
        "last_name": "Lead",
        "email": "test.lead@example.com",  # RFC 2606: nobody's
        "phone": "+15125550123",  # 555-01xx is kept free for such uses
        "postal_code": "78701",
        "state": "TX",
        "country": "US",
        "street": "1 Test Street",
        "city": "Austin",
        "number": 1,
        "currency": "100.00",
        "range": "1-10",
        "boolean": True,
        "date": "2026-01-31",
        "date_of_birth": "1980-01-31",
        "time": "12:00",
        "url": "https://example.com/test",
        "ip": "192.0.2.1",  # RFC 5737
        "gender": "female",
        "ssn": "219-09-9999",  # printed in an advertisement, and never given to anybody
        "trustedform_url": "https://cert.trustedform.com/0000000000000000000000000000000000000000",
    }
)


def sample_of(name: str, kind: str) -> Any:
    """The value for a field; a word that says what it is where the type says too little."""
    if kind in BY_TYPE:
        return BY_TYPE[kind]
    guess = name.lower().rstrip("0123456789_")
    return BY_TYPE.get(guess, "test")
