"""A look-alike of TrustedForm's certificates, version 4.0 of their API.

https://developers.activeprospect.com/api-reference/certificate-url/run-certificate-operations
A certificate's id may say what is the matter with it: `expired…` is not there any more, `other…`
is that of another lead, `old…` is three days old.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from leadops.buyers.behaviours import under
from leadops.buyers.messages import Answer, Received, as_json
from leadops.buyers.vendors.organizations import Call, call_of
from leadops.buyers.vendors.twilio import credentials_of

_KEPT = timedelta(days=5 * 365)


@under("/trustedform/")
def trustedform(received: Received) -> Answer:
    """TrustedForm: POST /CERTIFICATE with match_lead, retain, insights; ~500"""
    call = call_of(received, "trustedform")
    if call.error.isdigit():
        return as_json(int(call.error), {"outcome": "error", "reason": "internal error"})
    if credentials_of(call) != "API":
        return as_json(401, {"outcome": "error", "reason": "Incorrect API key"})
    asked = _asked(received)
    if asked is None or ("retain" in asked and not asked.get("match_lead")):
        return as_json(422, {"outcome": "error", "reason": "match_lead is required to retain"})
    certificate = call.path.strip("/")
    if not certificate or certificate.startswith("expired"):
        return as_json(404, {"outcome": "error", "reason": "certificate not found"})
    return as_json(200, _told(call, certificate, asked))


def _asked(received: Received) -> dict[str, Any] | None:
    try:
        found = json.loads(received.text())
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _told(call: Call, certificate: str, asked: dict[str, Any]) -> dict[str, Any]:
    matches = not certificate.startswith("other")
    answer: dict[str, Any] = {
        "outcome": "success" if matches else "failure",
        "reason": None if matches else "No match was found for the lead on the certificate",
    }
    if match := asked.get("match_lead"):
        told = {f"{name}_match": matches for name in ("email", "phone") if name in match}
        answer["match_lead"] = {**match, "result": {"success": matches, **told}}
    if "retain" in asked and matches:
        answer["retain"] = {**asked["retain"], "results": _retained(call, certificate)}
    if insights := asked.get("insights"):
        answer["insights"] = {"properties": _properties(certificate, insights)}
    return answer


def _retained(call: Call, certificate: str) -> dict[str, Any]:
    before = bool(call.organization.find(certificate))
    call.organization.keep(certificate, {}, certificate)
    expires = (datetime.now(UTC) + _KEPT).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return {"previously_retained": before, "expires_at": expires}


def _properties(certificate: str, insights: dict[str, Any]) -> dict[str, Any]:
    age = timedelta(days=3) if certificate.startswith("old") else timedelta(minutes=2)
    known = {
        "age_seconds": int(age.total_seconds()),
        "created_at": (datetime.now(UTC) - age).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "domain": "quotes.example.com",
        "is_framed": False,
    }
    return {name: known.get(name) for name in insights.get("properties", ())}
