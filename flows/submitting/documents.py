"""Leads written as XML. Read by the reader of buyers' replies: no document type, no entity, a
bound on elements and depth."""

from __future__ import annotations

from typing import Any, Final

from lxml import etree

from leadops.lib.http.messages import Reply
from recipients.responses.charsets import MAX_BODY, decoded
from recipients.responses.parsing import DocumentError, parse_xml

MAX_XML: Final = MAX_BODY  # bytes
MAX_DEPTH: Final = 10


def of_xml(body: bytes, content_type: str) -> dict[str, Any]:
    """The values of `<lead><first_name>Ann</first_name>…</lead>`; raises DocumentError.

    Nested elements nest, repeated ones are a list, attributes stand beside what an element holds;
    the root's name is the sender's own choice.
    """
    text = decoded(Reply(200, {"content-type": content_type}, body, 0.0))
    found = _value(parse_xml(text), 0)
    if not isinstance(found, dict):
        raise DocumentError("The outermost element holds no fields")
    return found


def _value(element: etree._Element, depth: int) -> Any:
    children = [child for child in element if isinstance(child.tag, str)]
    if not children and (depth or not element.attrib):
        return (element.text or "").strip()
    if depth > MAX_DEPTH:
        raise DocumentError(f"Nested deeper than {MAX_DEPTH} levels")
    found: dict[str, Any] = {str(name): str(value) for name, value in element.attrib.items()}
    for child in children:
        name, value = str(child.tag), _value(child, depth + 1)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found
