"""The API's description for people, made from its schema: no script, nothing from elsewhere."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

METHODS = ("get", "post", "put", "patch", "delete")
DEPTH = 4  # levels of a body that are written out


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Every call: its address, parameters, body and answers."""
    return render(request, "api/docs.html", _description())


@functools.cache
def _description() -> dict[str, Any]:
    """The schema as the page shows it; the same as long as the process lives."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    schema = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return {**schema["info"], "calls": list(_calls(schema))}


def _calls(schema: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path, operations in schema["paths"].items():
        for method in METHODS:
            if method in operations:
                yield _call(path, method, operations[method], schema)


def _call(
    path: str, method: str, operation: Mapping[str, Any], schema: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": operation.get("summary", ""),
        "description": operation.get("description", ""),
        "parameters": operation.get("parameters", []),
        "bodies": _bodies(operation.get("requestBody", {}), schema),
        "answers": [
            {"status": status, "bodies": _bodies(answer, schema)}
            for status, answer in operation.get("responses", {}).items()
        ],
    }


def _bodies(holder: Mapping[str, Any], schema: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        {"type": media, "text": _text(_shape(content.get("schema", {}), schema, DEPTH))}
        for media, content in holder.get("content", {}).items()
    ]


def _text(shape: Any) -> str:
    return yaml.safe_dump(shape, sort_keys=False, allow_unicode=True).strip().removesuffix("\n...")


def _shape(node: Mapping[str, Any], schema: Mapping[str, Any], depth: int) -> Any:
    """A body in outline: names, and what each holds."""
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[-1]
        return _shape(schema["components"]["schemas"][name], schema, depth)
    if parts := node.get("allOf") or node.get("oneOf") or node.get("anyOf"):
        return _shape(parts[0], schema, depth)
    if "enum" in node:
        return " | ".join(str(word) for word in node["enum"])
    kind = node.get("type", "any")
    if kind == "object" and node.get("properties") and depth:
        return {
            name: _shape(child, schema, depth - 1) for name, child in node["properties"].items()
        }
    if kind == "array" and depth:
        return [_shape(node.get("items", {}), schema, depth - 1)]
    said = node.get("description") or node.get("format") or ""
    return f"{kind} – {said}" if said else kind
