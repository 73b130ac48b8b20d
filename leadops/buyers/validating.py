"""A buyer that looks at what it gets, and says what is wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from leadops.buyers.behaviours import accept, behaviour
from leadops.buyers.messages import Answer, Received, as_json

_STATE = re.compile(
    "A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|"
    "T[NX]|UT|V[AT]|W[AIVY]"
)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_PHONE = re.compile(r"(\+?1)?\d{10}")


@behaviour("/validate")
def validate(received: Received) -> Answer:
    """looks at email, phone_1 and state in the JSON: 400 naming what is wrong, else accepts"""
    try:
        given = json.loads(received.text())
    except ValueError:
        return as_json(400, {"status": "error", "message": "Not JSON"})
    errors = _errors(given if isinstance(given, dict) else {})
    if errors:
        return as_json(400, {"status": "error", "message": "Invalid lead", "errors": errors})
    return accept(received)


def _errors(given: Mapping[str, Any]) -> dict[str, str]:
    email, phone, state = (str(given.get(name, "")) for name in ("email", "phone_1", "state"))
    found = {}
    if not _EMAIL.fullmatch(email):
        found["email"] = f"{email or 'nothing'} is not an e-mail address"
    if not _PHONE.fullmatch(phone):
        found["phone_1"] = f"{phone or 'nothing'} is not a phone number"
    if not _STATE.fullmatch(state):
        found["state"] = f"{state or 'nothing'} is not a state"
    return found
