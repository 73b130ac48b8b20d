"""The API's description is whole: every call with its answers and errors, every example as its
schema says, and every reading call answers as it is described."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

import jsonschema
import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from events.models import Event
from leadops import api_schema
from tests.events.test_api import ABC, OLGA, WEB, World
from tests.factories import bearer, make_user

# Calls whose body is a file need no example.
FILES = re.compile(r"multipart/|text/csv|application/x-ndjson|text/event-stream")
METRICS = "recipients/{slug}/metrics"
STREAM = "/api/v1/events/stream"  # served by a process of its own
ADA = "key-ada-000000001"


@functools.cache
def schema() -> dict[str, Any]:
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    return dict(generator.get_schema(request=None, public=True))  # type: ignore[no-untyped-call]


def calls() -> list[Any]:
    return [
        pytest.param(path, method, operation, id=f"{method} {path}")
        for path, method, operation in api_schema.operations(schema())
    ]


def strict(node: Any) -> Any:
    """OpenAPI 3.0 says of null in a word of its own; JSON Schema has a type for it."""
    if isinstance(node, list):
        return [strict(each) for each in node]
    if not isinstance(node, Mapping):
        return node
    node = {name: strict(value) for name, value in node.items()}
    return {"anyOf": [node, {"type": "null"}]} if node.pop("nullable", False) else node


def problems(value: Any, shape: Mapping[str, Any]) -> list[str]:
    whole = {**strict(shape), "components": strict(schema()["components"])}
    checker = jsonschema.Draft202012Validator(whole)
    return [f"{'.'.join(map(str, e.path))}: {e.message}" for e in checker.iter_errors(value)]


@pytest.mark.parametrize(("path", "method", "operation"), calls())
def test_a_call_is_described(path: str, method: str, operation: dict[str, Any]):
    assert operation["summary"]
    named = {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}
    assert named == set(re.findall(r"{(\w+)}", path))
    assert {"401", "429", "503"} <= set(operation["responses"])
    assert any(status.startswith("2") for status in operation["responses"])


@pytest.mark.parametrize(("path", "method", "operation"), calls())
def test_its_examples_are_valid(path: str, method: str, operation: dict[str, Any]):
    contents = dict(operation.get("requestBody", {}).get("content", {}))
    parts = [("request", kind, content) for kind, content in contents.items()]
    for status, answer in operation["responses"].items():
        parts += [(status, kind, content) for kind, content in answer.get("content", {}).items()]
    for part, kind, content in parts:
        examples = content.get("examples") or {}
        assert examples or FILES.match(kind), f"{part} {kind} has no example"
        for name, example in examples.items():
            wrong = problems(example["value"], content["schema"])
            assert wrong == [], f"{part} {kind} {name}"


@pytest.mark.django_db
def test_every_reading_call_answers_as_described(client: Client):
    world = World()
    make_user("ada", role="administrator", key=ADA)
    lead_id = world.lead()
    known = {
        "flow": "auto-insurance",
        "lead_id": lead_id,
        "slug": "abc-insurance",
        "id": Event.objects.filter(lead_id=lead_id, type="filter.passed").get().id,
    }
    for path, method, operation in api_schema.operations(schema()):
        if method != "get" or path == STREAM:
            continue
        answer = client.get(path.format(**known), **bearer(ADA))
        found = str(answer.status_code)
        there = "/events/" in path or not path.endswith(("{id}", "errors", "accepted", "download"))
        assert found == ("200" if there else "404"), path
        content = operation["responses"][found]["content"]["application/json"]
        assert problems(answer.json(), content["schema"]) == [], path
        assert client.get(path.format(**known)).status_code == 401
    assert client.get("/api/v1/events", **bearer(OLGA)).status_code == 200
    for key, names in ((WEB, ("leads/{lead_id}", "leads/{lead_id}/events")), (ABC, (METRICS,))):
        for name in names:  # who sees less is answered as described, too
            answer = client.get(f"/api/v1/{name}".format(**known), **bearer(key))
            get = schema()["paths"][f"/api/v1/{name}"]["get"]
            content = get["responses"]["200"]["content"]["application/json"]
            assert problems(answer.json(), content["schema"]) == [], name
