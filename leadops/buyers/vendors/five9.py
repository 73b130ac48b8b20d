"""A look-alike of Five9's Web2Campaign: AddToList, answered with its HTML page.

https://documentation.five9.com/bundle/api-web2campaign/page/web2campaign/landing-web2campaign.htm
The domain Nowhere is not there, the domain Closed is switched off.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Final
from urllib.parse import parse_qs

from leadops.buyers.behaviours import under
from leadops.buyers.messages import Answer, Received
from leadops.buyers.vendors.organizations import Call, call_of, next_number

_WORDS: Final = {
    "0": "The request was successfully processed",
    "1": "Internal error",
    "600": "Field is not found in the contact database",
    "602": "The record already existed and was added to the list",
    "603": "The record already exists in the list and was not added",
    "700": "A required parameter is missing",
    "708": "More than one record matches F9key",
    "709": "No key is specified",
    "710": "F9TimeFormat is required with F9TimeToCall",
    "711": "F9TimeToCall is invalid",
    "712": "The name of a key field is invalid",
    "713": "The value of a field is too long",
    "714": "The format of a field is invalid",
    "715": "Too many requests",
    "716": "The domain is disabled",
    "718": "The domain is not found",
}
_PAGE: Final = (
    '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.0 Transitional//EN"><HTML><HEAD>'
    "<title>WebToCampaign Response</title></HEAD><BODY><FORM><h1>Request:</h1><TABLE>{rows}"
    "</TABLE><BR><h1>Result:</h1><TABLE>{result}</TABLE></FORM></BODY></HTML>\r\n"
)


@under("/five9/")
def five9(received: Received) -> Answer:
    """Five9 Web2Campaign: AddToList; ~CODE"""
    call = call_of(received, "five9")
    if not call.path.startswith("/web2campaign/AddToList"):
        return Answer(404, b"Not found", content_type="text/html")
    query = received.target.query
    form = parse_qs(received.text(), keep_blank_values=True)
    fields = {**query, **{name: values[-1] for name, values in form.items()}}
    keys = form.get("F9key", [query["F9key"]] if query.get("F9key") else [])
    code = call.error if call.error in _WORDS else _code(call, fields, keys)
    return _page(fields, code)


def _code(call: Call, fields: Mapping[str, str], keys: list[str]) -> str:
    domain = fields.get("F9domain", "").casefold()
    if domain in ("", "nowhere"):
        return "718" if domain else "700"
    if domain == "closed":
        return "716"
    number = fields.get("number1", "")
    if not number or not fields.get("F9list"):
        return "700"
    if fields.get("F9TimeToCall") and not fields.get("F9TimeFormat"):
        return "710"
    if any(key not in fields for key in keys):
        return "712"
    if not (number.isascii() and number.isdigit() and 10 <= len(number) <= 16):
        return "714"
    return _added(call, fields, keys or ["number1"])


def _added(call: Call, fields: Mapping[str, str], keys: list[str]) -> str:
    record = " ".join(fields[key].casefold() for key in keys)
    on_list = f"{fields['F9list'].casefold()} {record}"
    if call.organization.find(on_list):
        return "603"
    known = call.organization.find(record)
    call.organization.keep(known or str(next_number()), dict(fields), record, on_list)
    return "602" if known else "0"


def _page(fields: Mapping[str, str], code: str) -> Answer:
    if fields.get("F9retResults") not in ("1", "true"):
        return Answer(200, b"", content_type="text/html")
    rows = "".join(_row(name, name, value) for name, value in fields.items())
    result = _row("Error Code", "F9errCode", code)
    result += _row("Error Decription", "F9errDesc", _WORDS[code])  # their spelling
    body = _PAGE.format(rows=rows, result=result)
    return Answer(200, body.encode(), content_type="text/html;charset=UTF-8")


def _row(label: str, name: str, value: str) -> str:
    safe = escape(name)
    return (
        f'<TR><TD>{escape(label)}:</TD><TD><INPUT readonly id="{safe}" name="{safe}" '
        f'value="{escape(value)}" size="{len(value)}"></TD></TR>'
    )
