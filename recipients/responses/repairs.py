"""XML that is wrong in ways that buyers' services are wrong, put right without guessing.

Prefixes that nothing declares, HTML's names for characters, an ampersand by itself, a document
type that names a file and declares nothing.
"""

from __future__ import annotations

import re
from html.entities import html5
from typing import Final

MAX_PREFIXES: Final = 20
_DOCUMENT_TYPE: Final = re.compile(
    r"\s*<!DOCTYPE\s+[\w:.-]{1,80}(?:\s+(?:SYSTEM|PUBLIC\s+(?:\"[^\"<]{0,300}\"|'[^'<]{0,300}')))?"
    r"(?:\s+(?:\"[^\"<]{0,300}\"|'[^'<]{0,300}'))?\s*>"
)
_PREFIX: Final = re.compile(r"(?:</?|\s)([A-Za-z_][\w.-]{0,40}):[A-Za-z_]")
_ROOT: Final = re.compile(r"<[A-Za-z_][\w:.-]*")
_AMPERSAND: Final = re.compile(r"&(?!#|(?:amp|lt|gt|quot|apos);)([A-Za-z][A-Za-z0-9]{1,30};)?")
_DECLARED: Final = re.compile(r"xmlns:([\w.-]+)")


def without_document_type(body: str) -> str:
    """The body without a document type that declares nothing itself; nothing is ever fetched."""
    return _DOCUMENT_TYPE.sub("", body, count=1) if body.lstrip()[:9] == "<!DOCTYPE" else body


def repaired(body: str) -> str:
    """The body with its prefixes declared and its ampersands written as XML has them."""
    if "<![CDATA[" not in body:  # where they mean themselves
        body = _AMPERSAND.sub(_character, body)
    unknown = dict.fromkeys(_PREFIX.findall(body))
    for known in {"xml", "xmlns", *_DECLARED.findall(body)}:
        unknown.pop(known, None)
    names = list(unknown)[:MAX_PREFIXES]
    declared = "".join(f' xmlns:{name}="urn:undeclared:{name}"' for name in names)
    return _ROOT.sub(lambda root: root[0] + declared, body, count=1)


def _character(found: re.Match[str]) -> str:
    name = found[1]
    if not name:
        return "&amp;"
    return html5.get(name, found[0])
