"""A look-alike of Salesforce's REST API: leads with required fields, duplicates and rules.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_sobject_create.htm
and …/errorcodes.htm, …/headers_autoassign.htm, …/headers_duplicaterules.htm.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from leadops.buyers.behaviours import under
from leadops.buyers.messages import Answer, Received, as_json
from leadops.buyers.vendors.organizations import Call, call_of, lowered, next_number

_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z")
_ROUTE: Final = re.compile(
    r"/services/data/v(\d{2,3})\.0/(?:sobjects/(\w+)(?:/(\w+)/([^/]+))?)?/?\Z"
)
_VERSIONS: Final = range(20, 100)
_OBJECTS: Final = {"Lead": "00Q", "Contact": "003", "Account": "001", "Case": "500"}
_LENGTHS: Final = {"LastName": 80, "FirstName": 40, "Company": 255, "Phone": 40, "City": 40}
_NAMES: Final = (
    "LastName FirstName Company Email Phone MobilePhone Street City State StateCode PostalCode "
    "Country CountryCode LeadSource Status Rating Title Website Industry Description OwnerId "
    "HasOptedOutOfEmail AnnualRevenue NumberOfEmployees Salutation Fax Name Subject"
)
_FIELDS: Final = frozenset(_NAMES.split())
# Status and words of errors that can be asked for; others are 400.
_ERRORS: Final[dict[str, tuple[int, str]]] = {
    "INVALID_SESSION_ID": (401, "Session expired or invalid"),
    "API_DISABLED_FOR_ORG": (403, "API is not enabled for this Organization or Partner"),
    "REQUEST_LIMIT_EXCEEDED": (403, "TotalRequests Limit exceeded."),
    "NOT_FOUND": (404, "The requested resource does not exist"),
    "UNABLE_TO_LOCK_ROW": (400, "unable to obtain exclusive access to this record"),
    "STORAGE_LIMIT_EXCEEDED": (400, "storage limit exceeded"),
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": (400, "Phone must be a mobile number"),
    "DUPLICATE_VALUE": (400, "duplicate value found: Email__c duplicates value on record"),
    "SERVER_UNAVAILABLE": (503, "Server temporarily unavailable"),
    "UNKNOWN_EXCEPTION": (500, "An unexpected error occurred."),
}


@under("/salesforce/")
def salesforce(received: Received) -> Answer:
    """Salesforce: leads by POST or by external id; ~ERROR_CODE"""
    call = call_of(received, "salesforce")
    if call.path == "/services/oauth2/token":
        return _token(call)
    if call.error in _ERRORS:
        status, message = _ERRORS[call.error]
        return _error(status, call.error, message)
    if not call.is_known:
        return _error(401, "INVALID_SESSION_ID", "Session expired or invalid")
    route = _ROUTE.match(call.path)
    if route is None or int(route[1]) not in _VERSIONS:
        return _error(404, "NOT_FOUND", "The requested resource does not exist")
    if route[2] is None:
        base = f"/services/data/v{route[1]}.0"
        return as_json(200, {"sobjects": f"{base}/sobjects", "limits": f"{base}/limits"})
    return _save(call, route[2], route[3] or "", route[4] or "")


def _token(call: Call) -> Answer:
    if "grant_type=" not in call.received.text():
        value = {"error": "unsupported_grant_type", "error_description": "grant type not supported"}
        return as_json(400, value)
    token = f"00D5e000000Abcd!AQ{next_number():06d}"
    return as_json(200, {"access_token": token, "token_type": "Bearer", "scope": "api"})


def _save(call: Call, kind: str, field: str, value: str) -> Answer:
    prefix = _OBJECTS.get(kind, "a00" if kind.endswith("__c") else "")
    if not prefix:
        return _error(404, "NOT_FOUND", "The requested resource does not exist")
    if call.method != ("PATCH" if field else "POST"):
        return _error(405, "METHOD_NOT_ALLOWED", f"HTTP Method '{call.method}' not allowed")
    try:
        record = json.loads(call.received.text())
    except ValueError:
        record = None
    if not isinstance(record, dict):
        return _error(400, "JSON_PARSER_ERROR", "Unexpected character")
    if (problem := _problem(kind, record)) is not None:
        return problem
    return _kept(call, kind, prefix, record, f"{field}={value}" if field else "")


def _problem(kind: str, record: dict[str, Any]) -> Answer | None:
    for name in record:
        if name not in _FIELDS and not name.endswith("__c"):
            return _error(
                400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {kind}"
            )
    if kind == "Lead" and not record.get("LastName"):
        message = "Required fields are missing: [LastName]"
        return _error(400, "REQUIRED_FIELD_MISSING", message, "LastName")
    for name, most in _LENGTHS.items():
        if len(str(record.get(name) or "")) > most:
            message = f"{name}: data value too large: {record[name]} (max length={most})"
            return _error(400, "STRING_TOO_LONG", message, name)
    email = record.get("Email")
    if email and not _EMAIL.match(str(email)):
        message = f"Email: invalid email address: {email}"
        return _error(400, "INVALID_EMAIL_ADDRESS", message, "Email")
    return None


def _kept(call: Call, kind: str, prefix: str, record: dict[str, Any], external: str) -> Answer:
    there = call.organization.find(f"{kind} {external}") if external else ""
    if there:
        call.organization.keep(there, record, f"{kind} {external}")
        return as_json(200, {"id": there, "success": True, "errors": [], "created": False})
    keys = [f"{kind} {lowered(record, name)}" for name in ("Email", "Phone") if record.get(name)]
    allows = (
        "allowsave=true" in call.header("sforce-duplicate-rule-header").replace(" ", "").lower()
    )
    if (matched := call.organization.find(*keys)) and not allows:
        return as_json(400, [_duplicate(kind, matched)])
    id = f"{prefix}5e{next_number():010d}AAA"
    call.organization.keep(id, record, *keys, f"{kind} {external}" if external else "")
    limits = (("Sforce-Limit-Info", "api-usage=18/15000"),)
    value = {"id": id, "success": True, "errors": [], **({"created": True} if external else {})}
    return as_json(201, value, headers=limits)


def _duplicate(kind: str, matched: str) -> dict[str, Any]:
    match = {
        "entityType": kind,
        "errors": [],
        "matchEngine": "FuzzyMatchEngine",
        "matchRecords": [
            {
                "additionalInformation": [],
                "fieldDiffs": [],
                "matchConfidence": 100.0,
                "record": {"attributes": {"type": kind}, "Id": matched},
            }
        ],
        "rule": f"Standard_{kind}_Match_Rule_v1_0",
        "size": 1,
        "success": True,
    }
    return {
        "duplicateResult": {
            "allowSave": True,
            "duplicateRule": f"Standard_{kind}_Duplicate_Rule",
            "duplicateRuleEntityType": kind,
            "errorMessage": "Use one of these records?",
            "matchResults": [match],
        },
        "errorCode": "DUPLICATES_DETECTED",
        "message": "Use one of these records?",
    }


def _error(status: int, code: str, message: str, *fields: str) -> Answer:
    value: dict[str, Any] = {"message": message, "errorCode": code}
    return as_json(status, [{**value, "fields": list(fields)} if status == 400 else value])
