"""`bench mapping`: what a lead costs to write and its reply to read, in JSON and XML, in memory.

One turn is: render the mapping, write the body, read the reply into a result. The mapping is the
largest of the source documents, nested and with a condition; replies and their reading are theirs.
The bare limit builds the same payload by hand, writes it with the bare library and takes the same
values out of the reply.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import orjson
from lxml import etree

from leadops.bench.turns import Rounds, Turn
from leadops.lib.http.messages import Reply
from recipients.mapping import Row, compile_rows, compile_text
from recipients.responses import ReaderSpec, compile_reader
from recipients.transports.bodies import json_body, xml_body

ROUND: Final = 50

LEAD: Final[dict[str, Any]] = {
    "id": "lead_7K9mHpQR3x2B5N8j",
    "first_name": "Mary",
    "last_name": "O'Neil-Smith",
    "email": "mary@example.com",
    "phone_1": "5555551234",
    "phone_2": "5555550000",
    "address_1": "1 Main St",
    "city": "St. Helena",
    "state": "CA",
    "postal_code": "94574",
    "score": 85,
    "timestamp": "2024-01-15T10:30:47.234Z",
}
CONTEXT: Final[dict[str, Any]] = {
    "lead": LEAD,
    "source": {"name": "Web Form A"},
    "now": datetime(2024, 1, 15, 10, 30, tzinfo=UTC),
}
NESTED: Final = """
applicant:
  name:
    first: {{lead.first_name}}
    last: {{lead.last_name}}
  contact:
    email: {{lead.email}}
    phone:
      primary: {{lead.phone_1}}
      {{#if lead.phone_2}}
      secondary: {{lead.phone_2}}
      {{/if}}
  address:
    street: {{lead.address_1}}
    city: {{lead.city}}
    state: {{lead.state}}
    zip: {{lead.postal_code}}
"""
JSON_REPLY: Final = Reply(
    200,
    {"content-type": "application/json"},
    b'{"status": "success", "leadId": "ABC123", "price": 45.00, "message": "Lead accepted"}',
)
XML_REPLY: Final = Reply(
    200,
    {"content-type": "application/xml"},
    b"<response><result>accepted</result><id>12345</id><amount>45.00</amount></response>",
)
JSON_READING: Final = ReaderSpec(
    success='status = "success"', lead_id="leadId", price="price", message="message"
)
XML_READING: Final = ReaderSpec(success='//result = "accepted"', lead_id="//id", price="//amount")


def run(seconds: float) -> dict[str, Any]:
    """What each turn costs, measured for `seconds`."""
    turns = {
        "json": _json_turn(),
        "xml": _xml_turn(),
        "bare_json": _bare_json,
        "bare_xml": _bare_xml,
        "twenty_rows": _twenty_rows(),
    }
    rounds = Rounds(ROUND)
    rounds.play(turns, seconds=seconds)
    return {
        **rounds.against("bare_json", ours="json"),
        **rounds.microseconds(),
        "xml_ratio": rounds.middle("bare_xml") / rounds.middle("xml"),
    }


def _json_turn() -> Turn:
    mapping, reader = compile_text(NESTED), compile_reader(JSON_READING)

    def turn() -> bool:
        body = json_body(mapping.render(CONTEXT))
        return len(body) > ROUND and reader.read(JSON_REPLY).buyer_lead_id == "ABC123"

    return turn


def _xml_turn() -> Turn:
    mapping, reader = compile_text(NESTED), compile_reader(XML_READING)

    def turn() -> bool:
        body = xml_body(mapping.render(CONTEXT), root="lead")
        return len(body) > ROUND and reader.read(XML_REPLY).buyer_lead_id == "12345"

    return turn


def _twenty_rows() -> Turn:
    """The rendering alone of twenty rows: plain, joined, formatted, chosen, conditional."""
    rows = [Row(f"plain{number}", "{{lead.email}}") for number in range(10)]
    rows += [Row(f"a.b.c{n}", "{{lead.first_name}} {{lead.last_name}}") for n in range(4)]
    rows += [
        Row("phone", '{{format lead.phone_1 "(###) ###-####"}}'),
        Row("date", '{{format lead.timestamp "YYYY-MM-DD"}}'),
        Row("state", '{{#compare lead.state "==" "CA"}}California{{/compare}}'),
        Row("priority", "{{#if lead.score > 80}}1{{else}}2{{/if}}"),
        Row("second", "{{lead.phone_2}}", when="lead.phone_2"),
        Row("upper", "{{upper lead.last_name}}"),
    ]
    mapping = compile_rows(rows)
    return lambda: mapping.render(CONTEXT)["upper"] == "O'NEIL-SMITH"


def _payload() -> dict[str, Any]:
    return {
        "applicant": {
            "name": {"first": LEAD["first_name"], "last": LEAD["last_name"]},
            "contact": {
                "email": LEAD["email"],
                "phone": {"primary": LEAD["phone_1"], "secondary": LEAD["phone_2"]},
            },
            "address": {
                "street": LEAD["address_1"],
                "city": LEAD["city"],
                "state": LEAD["state"],
                "zip": LEAD["postal_code"],
            },
        }
    }


def _bare_json() -> bool:
    body = orjson.dumps(_payload())
    reply = orjson.loads(JSON_REPLY.body)
    values = (reply["status"] == "success", reply["leadId"], reply["price"], reply["message"])
    return len(body) > ROUND and values[1] == "ABC123"


def _bare_xml() -> bool:
    root = etree.Element("lead")
    _elements(root, _payload())
    body = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    reply = etree.fromstring(XML_REPLY.body)
    values = [reply.findtext(name) for name in ("result", "id", "amount")]
    return len(body) > ROUND and values[1] == "12345"


def _elements(parent: etree._Element, value: dict[str, Any]) -> None:
    for name, one in value.items():
        element = etree.SubElement(parent, name)
        if isinstance(one, dict):
            _elements(element, one)
        else:
            element.text = one
