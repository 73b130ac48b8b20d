"""A look-alike of Twilio's Lookup v2. https://www.twilio.com/docs/lookup/v2-api

Numbers that end with 0000 are not there (404); others are judged by how many digits they have.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final
from urllib.parse import unquote

from leadops.buyers.behaviours import under
from leadops.buyers.messages import Answer, Received, as_json
from leadops.buyers.vendors.organizations import Call, call_of

_CARRIERS: Final = ("Verizon Wireless", "AT&T Wireless", "T-Mobile USA, Inc.", "Bandwidth.com")
_TYPES: Final = ("mobile", "mobile", "landline", "nonFixedVoip")
_ERRORS: Final = {"429": (20429, "Too Many Requests"), "500": (20500, "Internal Server Error")}


@under("/twilio/")
def twilio(received: Received) -> Answer:
    """Twilio Lookup: /v2/PhoneNumbers/NUMBER; ~429 ~500"""
    call = call_of(received, "twilio")
    if call.error in _ERRORS:
        return _error(int(call.error), *_ERRORS[call.error])
    if not credentials_of(call):
        return _error(401, 20003, "Authenticate")
    number = unquote(call.path).removeprefix("/v2/PhoneNumbers/").partition("?")[0]
    digits = "".join(char for char in number if char.isascii() and char.isdigit())
    if not digits or digits.endswith("0000"):
        return _error(404, 20404, f"The requested resource {call.path} was not found")
    return as_json(200, _found(digits, received.target.query.get("Fields", "")))


def _found(digits: str, fields: str) -> dict[str, object]:
    national = digits[-10:]
    short, long = len(digits) < 10, len(digits) > 15
    line = {
        "error_code": None,
        "carrier_name": _CARRIERS[int(digits[-1]) % 4],
        "type": _TYPES[int(digits[-1]) % 4],
    }
    valid = not (short or long)
    return {
        "calling_country_code": "1",
        "country_code": "US" if valid else None,
        "phone_number": f"+1{national}",
        "national_format": f"({national[:3]}) {national[3:6]}-{national[6:]}",
        "valid": valid,
        "validation_errors": ["TOO_SHORT"] if short else ["TOO_LONG"] if long else [],
        "caller_name": None,
        "line_type_intelligence": line if valid and "line_type_intelligence" in fields else None,
        "url": f"https://lookups.twilio.com/v2/PhoneNumbers/+1{national}",
    }


def credentials_of(call: Call) -> str:
    """The username of Basic credentials that are taken; "" for others."""
    kind, _, text = call.header("authorization").partition(" ")
    try:
        username, _, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return username if kind.lower() == "basic" and password not in ("", "wrong") else ""


def _error(status: int, code: int, message: str) -> Answer:
    more = f"https://www.twilio.com/docs/errors/{code}"
    value = {"code": code, "message": message, "more_info": more, "status": status}
    return as_json(status, value)
