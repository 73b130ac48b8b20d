"""JSON and XML parsed as what comes from a stranger: bounded, without entities, with the place of
what is wrong."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import orjson
from lxml import etree

from recipients.responses import repairs

MAX_ELEMENTS: Final = 2000
"""Elements of XML and HTML: some XPath takes their square."""


class DocumentError(ValueError):
    """The body is not what it seems to be; the message says where it breaks."""


_LONG_INTEGER: Final = re.compile(r"\d{19}")


def parse_json(text: str) -> Any:
    try:
        # orjson makes floats of long integers; ids are not for rounding.
        return json.loads(text) if _LONG_INTEGER.search(text) else orjson.loads(text)
    except json.JSONDecodeError as exc:  # orjson's error is one, too
        raise DocumentError(
            f"Not valid JSON: {exc.msg} (line {exc.lineno}, column {exc.colno})"
        ) from exc
    except (ValueError, RecursionError) as exc:
        raise DocumentError("Not valid JSON") from exc


def parse_xml(text: str) -> etree._Element:
    # The encoding named in the declaration no longer holds: the text is decoded already.
    body = re.sub(r"^\s*<\?xml[^>]{0,200}\?>", "", text, count=1).strip()
    body = repairs.without_document_type(body)
    if "<!DOCTYPE" in body[:4096] or "<!ENTITY" in body:
        raise DocumentError("XML with a document type is refused: it could hide entities")
    refuse_many_elements(body, "XML")
    try:
        root = _root_of(body)
    except etree.XMLSyntaxError as exc:
        root = _repaired_root(body, exc)
    except (etree.LxmlError, ValueError) as exc:
        raise DocumentError("Not valid XML") from exc
    if root.nsmap or "xmlns" in body:
        _strip_namespaces(root)
    return root


def _root_of(body: str) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        huge_tree=False,
        load_dtd=False,
        dtd_validation=False,
        remove_comments=True,
        remove_pis=True,
        strip_cdata=True,
    )
    return etree.fromstring(body.encode("utf-8", "replace"), parser)


def _repaired_root(body: str, error: etree.XMLSyntaxError) -> etree._Element:
    """The root after repairs; DocumentError for the first error where they do not help."""
    if (better := repairs.repaired(body)) != body:
        try:
            return _root_of(better)
        except (etree.LxmlError, ValueError):
            pass
    line, column = error.position
    raise DocumentError(f"Not valid XML: {error.msg} (line {line}, column {column})") from error


def _strip_namespaces(root: etree._Element) -> None:
    """Selectors name elements as people see them, without prefixes that change by sender."""
    for element in root.iter():
        if isinstance(element.tag, str) and element.tag.startswith("{"):
            element.tag = element.tag.rpartition("}")[2]
        for name in [name for name in element.attrib if str(name).startswith("{")]:
            element.attrib[str(name).rpartition("}")[2]] = element.attrib.pop(name)


def refuse_many_elements(text: str, kind: str) -> None:
    if text.count("<") - text.count("</") > MAX_ELEMENTS:
        raise DocumentError(f"The {kind} has more than {MAX_ELEMENTS} elements")
