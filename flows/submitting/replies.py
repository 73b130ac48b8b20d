"""What a sender is answered: LeadConduit's words, in JSON, XML, HTML or plain lines. Pure.

After "What does the LeadConduit server response mean?" of its documentation: `outcome` success,
failure or error, `reason`, `lead.id`, `price`.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

import orjson

_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Form(StrEnum):
    """Forms of answers, by content type."""

    JSON = "application/json"
    XML = "application/xml"
    TEXT_XML = "text/xml"
    HTML = "text/html"
    PLAIN = "text/plain"


_ASKED: Final = {str(form): form for form in Form} | {"application/xhtml+xml": Form.HTML}


class Outcome(StrEnum):
    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Reply:
    """`lead` is what is told of the lead; `more` stands beside it, as words by their names."""

    outcome: Outcome
    reason: str = ""
    lead: dict[str, str] = field(default_factory=dict)
    price: Decimal = Decimal(0)
    more: dict[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = {"outcome": str(self.outcome), "reason": self.reason}
        if self.lead:
            found["lead"] = self.lead
        return {**found, "price": _number(self.price), **self.more}

    def written(self, form: Form) -> str:
        if form is Form.JSON:
            return orjson.dumps(self.document()).decode()
        if form is Form.HTML:
            return _page(self)
        if form is Form.PLAIN:
            return _lines(self)
        return '<?xml version="1.0" encoding="UTF-8"?>\n' + _element("result", self.document())


def form_for(accept: str, content_type: str) -> Form:
    """The form that Accept asks for; where it leaves the choice, that of what came in."""
    usual = {"application/xml": Form.XML, "text/xml": Form.TEXT_XML}.get(media_type(content_type))
    ranked = sorted(map(_ranked, accept.split(",")[:50]), key=lambda each: -each[0])
    for quality, kind in ranked:
        if quality <= 0:
            break
        if kind in ("*/*", "application/*"):
            return usual or Form.JSON
        if kind in _ASKED:
            return _ASKED[kind]
    return usual or Form.JSON


def media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _ranked(part: str) -> tuple[float, str]:
    kind, *parameters = part.split(";")
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            quality = float(value) if re.fullmatch(r"\s*[01](\.\d{0,3})?\s*", value) else 0.0
    return quality, kind.strip().lower()


def _number(amount: Decimal) -> float | int:
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def _element(name: str, value: Any, indent: str = "") -> str:
    if isinstance(value, dict):
        deeper = f"{indent}  "
        lines = [f"{deeper}{_element(key, each, deeper)}\n" for key, each in value.items()]
        return f"<{name}>\n{''.join(lines)}{indent}</{name}>"
    text = html.escape(_NOT_XML.sub("\ufffd", str(value)), quote=False)
    return f"<{name}>{text}</{name}>" if text else f"<{name}/>"


def _lines(reply: Reply) -> str:
    pairs = {
        "lead_id": reply.lead.get("id", ""),
        "outcome": str(reply.outcome),
        "reason": " ".join(reply.reason.split()),
        "price": str(_number(reply.price)),
        **reply.more,
    }
    return "".join(f"{name}:{value}\n" for name, value in pairs.items())


_WORDS: Final = {
    Outcome.SUCCESS: ("Thank you", "Your details have been received."),
    Outcome.FAILURE: ("Not accepted", "Your details could not be accepted."),
    Outcome.ERROR: ("Something went wrong", "Your details were not received."),
}
_STYLE: Final = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:15vh auto;"
    "max-width:32rem;padding:0 1rem}"
)


def _page(reply: Reply) -> str:
    """For the person who filled in a form: without the price, which is not theirs to see."""
    title, text = _WORDS[reply.outcome]
    reason = f"<p>{html.escape(reply.reason)}</p>" if reply.reason else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="robots" content="noindex">'
        f"<title>{title}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{title}</h1><p>{text}</p>{reason}</body></html>"
    )
