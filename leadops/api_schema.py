"""What all calls have in common, said in each of the API's description: errors, and examples."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

EXAMPLES = Path(__file__).with_name("api_examples.yaml")
METHODS = ("get", "post", "put", "patch", "delete")
ERROR: dict[str, Any] = {
    "type": "object",
    "description": "Every error has this shape.",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "fields": {
                    "type": "object",
                    "additionalProperties": {"type": "string"},
                    "description": "What is wrong with which field or parameter.",
                },
            },
        }
    },
}
ERRORS: dict[str, tuple[str, dict[str, Any]]] = {
    "400": (
        "Cannot be read.",
        {"code": "unparsable", "message": "Not JSON: unexpected character: line 1 column 1"},
    ),
    "401": (
        "No key, or one that opens nothing.",
        {"code": "unauthorized", "message": "This key opens nothing."},
    ),
    "403": (
        "A key of the wrong kind.",
        {
            "code": "forbidden",
            "message": "You do not have permission to perform this action.",
        },
    ),
    "404": (
        "No such thing, or not yours to see.",
        {"code": "not_found", "message": "There is no lead 'lead_0VbZ'."},
    ),
    "413": (
        "Too large.",
        {"code": "too_large", "message": "The body is larger than 256 KiB."},
    ),
    "415": (
        "A content type that is not read.",
        {
            "code": "unsupported_type",
            "message": 'Unsupported media type "image/png" in request.',
        },
    ),
    "422": (
        "Not what is asked for; the fields are named.",
        {
            "code": "wrong_shape",
            "message": "Some parameters are not what they should be.",
            "fields": {"limit": "A number from 1 to 1,000."},
        },
    ),
    "429": (
        "Too many calls; `Retry-After` says how long to wait.",
        {"code": "too_many_requests", "message": "Request was throttled."},
    ),
    "503": (
        "The database is away; `Retry-After` says when to come again.",
        {
            "code": "unavailable",
            "message": "Not stored. Send it again, with the same Idempotency-Key.",
        },
    ),
}
REFERENCE = {"$ref": "#/components/schemas/Error"}


def described(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A hook of drf-spectacular: every call with the errors that it can come to, and examples."""
    result["components"].setdefault("schemas", {})["Error"] = ERROR
    for path, method, operation in operations(result):
        for status in _errors(method, operation):
            operation["responses"].setdefault(status, _answer(status))
        for part, kind, content in bodies(operation):
            _exemplify(f"{method} {path} {part}", kind, content)
    return result


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and description of every call."""
    for path, described_path in schema["paths"].items():
        for method in METHODS:
            if method in described_path:
                yield path, method, described_path[method]


def bodies(operation: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What it takes (`request`) and answers (by status), with each content type."""
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield "request", kind, content
    for status, answer in operation["responses"].items():
        for kind, content in answer.get("content", {}).items():
            yield status, kind, content


def _exemplify(place: str, kind: str, content: dict[str, Any]) -> None:
    """By the schema's name, else by the place and its content type, else by the place."""
    name = content["schema"].get("$ref", "").rpartition("/")[2]
    known = _examples()
    found = next((known[at] for at in (name, f"{place} {kind}", place) if at in known), None)
    if found is not None and "examples" not in content:
        content["examples"] = {"example": {"value": found}}


@functools.cache
def _examples() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(EXAMPLES.read_text())
    return loaded


def _errors(method: str, operation: dict[str, Any]) -> list[str]:
    found = ["401", "403", "429", "503"]
    parameters = operation.get("parameters", [])
    if any(each["in"] == "path" for each in parameters):
        found.append("404")
    if "requestBody" in operation:
        found += ["400", "413", "415", "422"]
    elif any(each["in"] == "query" for each in parameters):
        found.append("422")
    return sorted(found)


def _answer(status: str) -> dict[str, Any]:
    said, error = ERRORS[status]
    shown = {"value": {"error": error}, "summary": said}
    content = {"schema": REFERENCE, "examples": {error["code"]: shown}}
    return {"description": said, "content": {"application/json": content}}
