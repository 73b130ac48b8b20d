"""Requests and replies, laid out to be read. Pure."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

from lxml import etree


def pretty(body: str) -> str:
    """JSON and XML indented, a form one field a line; anything else as it is."""
    text = body.strip()
    if text[:1] in "{[" and text:
        return _json(text) or body
    if text[:1] == "<":
        return _xml(text) or body
    return _form(text) or body


def _json(text: str) -> str:
    try:
        shown = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        shown.encode()  # half a surrogate pair is JSON, but no page can hold it
    except (ValueError, RecursionError):
        return ""
    return shown


def _xml(text: str) -> str:
    # No entities, no network: a buyer's reply is anybody's text.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_blank_text=True)
    try:
        root = etree.fromstring(text.encode(), parser)
    except (etree.XMLSyntaxError, ValueError):
        return ""
    return str(etree.tostring(root, pretty_print=True, encoding="unicode")).rstrip()


def _form(text: str) -> str:
    if "=" not in text or any(space in text for space in " \n\t"):
        return ""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True)
    except ValueError:
        return ""
    return "\n".join(f"{name} = {value}" for name, value in pairs)
