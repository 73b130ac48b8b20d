"""A SOAP service: it reads envelopes of either version and may ask for a WS-Security user name."""

from __future__ import annotations

import base64
import hashlib
from itertools import count
from xml.sax.saxutils import escape

from lxml import etree

from leadops.buyers.behaviours import behaviour
from leadops.buyers.messages import Answer, Received

_TYPES = {
    "http://schemas.xmlsoap.org/soap/envelope/": "text/xml; charset=utf-8",
    "http://www.w3.org/2003/05/soap-envelope": "application/soap+xml; charset=utf-8",
}
_OLD, _NEW = _TYPES
# What each version calls it when the sender, or the receiver, is to blame.
_NAMES = {_NEW: {"Client": "Sender", "Server": "Receiver"}}

_numbers = count(10_001)
_nonces: set[str] = set()


class _Refused(Exception):
    """A Fault: its code in the words of SOAP 1.1, and why."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why


@behaviour("/soap")
def soap(received: Received) -> Answer:
    """a SOAP service; ?fault=Client ?user= &password= asks for WS-Security"""
    version = _OLD
    query = received.target.query
    try:
        envelope = _envelope(received.text())
        version = etree.QName(envelope).namespace or _OLD
        if "user" in query:
            _authenticate(envelope, query["user"], query.get("password", ""))
        if "fault" in query:
            raise _Refused(query["fault"], "As you asked")
        operation = etree.QName(_operation(envelope, version)).localname
    except _Refused as refused:
        return _fault(version, refused)
    id = next(_numbers)
    return _answer(
        200,
        version,
        f'<{operation}Response xmlns="urn:buyer"><result>accepted</result><id>{id}</id>'
        f"<price>45.00</price></{operation}Response>",
    )


def _envelope(text: str) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        envelope = etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError as error:
        raise _Refused("Client", f"No XML: {error.msg}") from error
    name = etree.QName(envelope)
    if name.localname != "Envelope" or name.namespace not in _TYPES:
        raise _Refused("VersionMismatch", "No SOAP envelope")
    return envelope


def _operation(envelope: etree._Element, version: str) -> etree._Element:
    body = envelope.find(f"{{{version}}}Body")
    if body is None or len(body) != 1:
        raise _Refused("Client", "The Body holds one operation")
    return body[0]


def _authenticate(envelope: etree._Element, user: str, password: str) -> None:
    """After the UsernameToken Profile 1.0: a nonce is taken once."""
    token = {name: envelope.findtext(f".//{{*}}{name}") or "" for name in
             ("Username", "Password", "Nonce", "Created")}  # fmt: skip
    kind = envelope.find(".//{*}Password")
    wanted = password
    if kind is not None and (kind.get("Type") or "").endswith("#PasswordDigest"):
        nonce = base64.b64decode(token["Nonce"])
        made = hashlib.sha1(nonce + f"{token['Created']}{password}".encode(), usedforsecurity=False)
        wanted = base64.b64encode(made.digest()).decode()
    if (token["Username"], token["Password"]) != (user, wanted) or token["Nonce"] in _nonces:
        raise _Refused("wsse:FailedAuthentication", "The security token could not be authenticated")
    _nonces.add(token["Nonce"])


def _fault(version: str, refused: _Refused) -> Answer:
    code = _NAMES.get(version, {}).get(refused.code, refused.code)
    code = escape(code if ":" in code else f"s:{code}")
    why = escape(refused.why)
    if version == _NEW:
        inside = f"<s:Code><s:Value>{code}</s:Value></s:Code>"
        inside += f'<s:Reason><s:Text xml:lang="en">{why}</s:Text></s:Reason>'
    else:
        inside = f"<faultcode>{code}</faultcode><faultstring>{why}</faultstring>"
    return _answer(500, version, f"<s:Fault>{inside}</s:Fault>")


def _answer(status: int, version: str, inside: str) -> Answer:
    text = f'<s:Envelope xmlns:s="{version}"><s:Body>{inside}</s:Body></s:Envelope>'
    return Answer(status, text.encode(), content_type=_TYPES[version])
