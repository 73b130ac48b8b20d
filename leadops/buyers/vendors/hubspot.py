"""A look-alike of HubSpot's CRM API: contacts, static lists, workflows, the account.

https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide,
…/crm-lists-v3/guide, https://developers.hubspot.com/docs/methods/workflows/add_contact,
https://developers.hubspot.com/docs/api-reference/error-handling.
Every list is there but those whose name begins with Missing, and so with workflows.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final
from urllib.parse import unquote

from leadops.buyers.behaviours import under
from leadops.buyers.messages import Answer, Received, as_json
from leadops.buyers.vendors.organizations import Call, call_of, lowered, next_number, number_of

PORTAL: Final = 12345678
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z")
_PROPERTY: Final = re.compile(r"[a-z][a-z0-9_]*\Z")
_CORRELATION: Final = "aeb5f871-7f07-4993-9211-075dc63e7cbf"
_WHEN: Final = "2026-01-15T10:30:47.000Z"
_STATES: Final = (  # noqa: SIM905  shorter to read as one text
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ "
    "NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY"
).split()
_LIST: Final = re.compile(r"/crm/v3/lists/object-type-id/0-1/name/(.+)\Z")
_MEMBERS: Final = re.compile(r"/crm/v3/lists/(\d+)/memberships/add\Z")
_ENROL: Final = re.compile(r"/automation/v2/workflows/(\d+)/enrollments/contacts/(.+)\Z")
_ERRORS: Final[dict[str, dict[str, Any]]] = {
    "400": {"category": "VALIDATION_ERROR", "message": "Invalid input JSON"},
    "401": {
        "category": "INVALID_AUTHENTICATION",
        "message": "Authentication credentials not found",
    },
    "403": {"category": "MISSING_SCOPES", "message": "This app hasn't been granted all scopes"},
    "404": {"category": "OBJECT_NOT_FOUND", "message": "resource not found"},
    "409": {"category": "CONFLICT", "message": "Contact already exists. Existing ID: 701"},
    "423": {"category": "LOCKED", "message": "The resource is locked"},
    "429": {
        "errorType": "RATE_LIMIT",
        "policyName": "TEN_SECONDLY_ROLLING",
        "message": "You have reached your ten_secondly_rolling limit.",
    },
    "500": {"message": "internal error"},
    "503": {"message": "Service temporarily unavailable"},
}


@under("/hubspot/")
def hubspot(received: Received) -> Answer:
    """HubSpot: contacts, lists, workflows; ~STATUS, or ~STATUS@lists for a part alone"""
    call = call_of(received, "hubspot")
    status, _, part = call.error.partition("@")
    if status in _ERRORS and part in call.path:
        return _error(int(status), **_ERRORS[status])
    if not call.is_known:
        return _error(401, **_ERRORS["401"])
    return _contacts(call) or _lists(call) or _workflows(call) or _others(call)


def _contacts(call: Call) -> Answer | None:
    if call.method != "POST" or not call.path.startswith("/crm/v3/objects/contacts"):
        return None
    document = _document(call)
    if call.path == "/crm/v3/objects/contacts":
        properties = document.get("properties")
        return _created(call, properties) if isinstance(properties, dict) else _bad("properties")
    if call.path == "/crm/v3/objects/contacts/batch/upsert":
        inputs = document.get("inputs")
        if not isinstance(inputs, list) or not inputs or not isinstance(inputs[0], dict):
            return _bad("inputs")
        return _upserted(call, inputs[0])
    return None


def _created(call: Call, properties: dict[str, Any]) -> Answer:
    if (problem := _problem(properties)) is not None:
        return problem
    email = lowered(properties, "email")
    if there := call.organization.find(email):
        message = f"Contact already exists. Existing ID: {there}"
        return _error(409, category="CONFLICT", message=message)
    return as_json(201, _contact(_keep(call, "", email, properties), properties))


def _upserted(call: Call, one: dict[str, Any]) -> Answer:
    properties = one.get("properties")
    if not isinstance(properties, dict) or not one.get("id") or not one.get("idProperty"):
        return _bad("inputs.0")
    if (problem := _problem(properties)) is not None:
        return problem
    key = str(one["id"]).casefold()
    there = call.organization.find(key)
    contact = {**_contact(_keep(call, there, key, properties), properties), "new": not there}
    value = {"status": "COMPLETE", "results": [contact], "startedAt": _WHEN, "completedAt": _WHEN}
    return as_json(201 if not there else 200, value)


def _problem(properties: dict[str, Any]) -> Answer | None:
    """One error for each property that is wrong, as HubSpot writes them."""
    errors = []
    for name, value in properties.items():
        if not _PROPERTY.match(name):
            errors.append(
                _wrong(name, f'Property "{name}" does not exist', "PROPERTY_DOESNT_EXIST")
            )
        if name == "email" and not _EMAIL.match(str(value)):
            errors.append(_wrong(name, f"Email address {value} is invalid", "INVALID_EMAIL"))
    if not errors:
        return None
    message = f"Property values were not valid: {json.dumps(errors)}"
    return _error(400, category="VALIDATION_ERROR", message=message, errors=errors)


def _wrong(name: str, message: str, code: str) -> dict[str, Any]:
    return {"message": message, "code": code, "context": {"propertyName": [name]}}


def _keep(call: Call, there: str, key: str, properties: dict[str, Any]) -> str:
    id = there or str(100_000 + next_number())
    call.organization.keep(id, properties, key, lowered(properties, "email"), f"id {id}")
    return id


def _contact(id: str, properties: dict[str, Any]) -> dict[str, Any]:
    facts = {"createdAt": _WHEN, "updatedAt": _WHEN, "archived": False}
    return {"id": id, "properties": properties, **facts}


def _lists(call: Call) -> Answer | None:
    if (named := _LIST.match(call.path)) and call.method == "GET":
        name = unquote(named[1])
        if name.startswith("Missing"):
            return _error(404, category="OBJECT_NOT_FOUND", message=f"List {name} does not exist.")
        found = {"listId": number_of(name.casefold()), "name": name, "objectTypeId": "0-1"}
        return as_json(200, {"list": {**found, "processingType": "MANUAL", "size": 330}})
    if _MEMBERS.match(call.path) and call.method == "PUT":
        try:
            ids = [str(id) for id in json.loads(call.received.text())]
        except (ValueError, TypeError):
            return _bad("")
        there = [id for id in ids if call.organization.find(f"id {id}")]
        missing = [id for id in ids if id not in there]
        return as_json(200, {"recordIdsAdded": there, "recordIdsMissing": missing})
    return None


def _workflows(call: Call) -> Answer | None:
    if call.path == "/automation/v3/workflows" and call.method == "GET":
        names = ["Welcome Series", *(f"Welcome Series - {state}" for state in _STATES)]
        there = [{"id": int(number_of(name)), "name": name, "enabled": True} for name in names]
        return as_json(200, {"workflows": there})
    if (found := _ENROL.match(call.path)) and call.method == "POST":
        if not call.organization.find(unquote(found[2]).casefold()):
            return _error(404, category="OBJECT_NOT_FOUND", message="contact does not exist")
        return Answer(204)
    return None


def _others(call: Call) -> Answer:
    if call.path == "/account-info/v3/details" and call.method == "GET":
        facts = {"portalId": PORTAL, "accountType": "STANDARD", "timeZone": "US/Eastern"}
        return as_json(200, {**facts, "companyCurrency": "USD", "uiDomain": "app.hubspot.com"})
    return _error(404, category="OBJECT_NOT_FOUND", message="resource not found")


def _document(call: Call) -> dict[str, Any]:
    try:
        found = json.loads(call.received.text())
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _bad(where: str) -> Answer:
    message = f"Invalid input JSON on line 1, column 1: {where or 'a list of ids'} is missing"
    return _error(400, category="VALIDATION_ERROR", message=message)


def _error(status: int, **facts: Any) -> Answer:
    return as_json(status, {"status": "error", "correlationId": _CORRELATION, **facts})
