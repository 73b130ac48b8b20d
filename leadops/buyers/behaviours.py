"""What a buyer does, by path. Each function's docstring is a line of the help page."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from xml.sax.saxutils import escape

from leadops.buyers.messages import Answer, Received, Target, as_json

Behaviour = Callable[[Received], Answer]

BEHAVIOURS: dict[str, Behaviour] = {}
# Those that answer for every address below theirs.
WHOLE: dict[str, Behaviour] = {}

_AMOUNT = re.compile(r"\d{1,9}(\.\d{1,6})?\Z")
_numbers = count(10_001)
_chances: dict[str, random.Random] = {}

_CARRIERS = ("Verizon", "AT&T", "T-Mobile", "US Cellular", "Comcast", "Bandwidth")
_KINDS = ("mobile", "mobile", "mobile", "landline", "voip")


def behaviour(*paths: str) -> Callable[[Behaviour], Behaviour]:
    def register(function: Behaviour) -> Behaviour:
        BEHAVIOURS.update(dict.fromkeys(paths, function))
        return function

    return register


def under(prefix: str) -> Callable[[Behaviour], Behaviour]:
    def register(function: Behaviour) -> Behaviour:
        WHOLE[prefix] = function
        return function

    return register


def find(target: Target) -> Behaviour:
    if target.action.startswith("/sandbox/"):
        return sandbox
    if (found := BEHAVIOURS.get(target.action)) is not None:
        return found
    below = (each for prefix, each in WHOLE.items() if target.action.startswith(prefix))
    return next(below, nothing)


def _price(target: Target, default: str = "45.00") -> str:
    asked = target.query.get("price", default)
    return asked if _AMOUNT.match(asked) else default


def _luck(target: Target) -> random.Random:
    """Of one address; what it draws comes in the same order for the same `?seed=`."""
    return _chances.setdefault(
        target.path,
        random.Random(target.query.get("seed")),  # noqa: S311  no secret
    )


def _delay(target: Target) -> float:
    """`?delay=` in seconds or `?ms=` in milliseconds."""
    return target.number("delay", target.number("ms", 0.0) / 1000)


@behaviour("/accept")
def accept(received: Received) -> Answer:
    """accepts, in JSON; ?price=45.00 &delay=SECONDS &status=201"""
    target = received.target
    id, price = f"ABC{next(_numbers)}", _price(target)
    body = (
        f'{{"status":"accepted","result":"accepted","leadId":"{id}","lead_id":"{id}",'
        f'"price":{price},"payout":{price},"message":"Lead accepted successfully"}}'
    )
    return Answer(int(target.number("status", 200)), body.encode(), delay=_delay(target))


@behaviour("/success")
def success(received: Received) -> Answer:
    """accepts, and calls it success; ?price= &delay="""
    body = (
        f'{{"status":"success","leadId":"ABC{next(_numbers)}",'
        f'"price":{_price(received.target)},"message":"Lead accepted"}}'
    )
    return Answer(200, body.encode(), delay=_delay(received.target))


@behaviour("/accept.xml")
def accept_xml(received: Received) -> Answer:
    """accepts, in XML; ?price= &delay="""
    body = (
        f"<response><result>accepted</result><id>{next(_numbers)}</id>"
        f"<amount>{_price(received.target)}</amount></response>"
    )
    delay = _delay(received.target)
    return Answer(200, body.encode(), content_type="application/xml", delay=delay)


@behaviour("/accept.txt")
def accept_text(received: Received) -> Answer:
    """accepts with the word OK"""
    return Answer(200, b"OK", content_type="text/plain", delay=_delay(received.target))


@behaviour("/accept.gz")
def accept_packed(received: Received) -> Answer:
    """accepts, in gzip for who takes it; ?price="""
    answer = accept(received)
    headers = {name.lower(): value for name, value in received.headers().items()}
    if "gzip" not in headers.get("accept-encoding", "").lower():
        return answer
    packed = (("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding"))
    return replace(answer, body=gzip.compress(answer.body), headers=packed)


@behaviour("/batch")
def batch(received: Received) -> Answer:
    """takes a list of leads, answers each by its id; ?reject=0.2 &silent=0.1 &price= &delay="""
    luck, target = _luck(received.target), received.target
    answers = []
    for place, name in enumerate(_named(received), 1):
        drawn = luck.random()
        if drawn < target.number("silent", 0.0):
            continue
        if drawn < target.number("silent", 0.0) + target.number("reject", 0.0):
            answers.append({"id": name, "row": place, "status": "rejected", "reason": "Too old"})
        else:
            price = float(_price(target))
            answers.append({"id": name, "row": place, "status": "accepted", "price": price})
    return as_json(200, {"results": answers}, delay=_delay(target))


def _named(received: Received) -> list[str]:
    """The ids in a JSON list, bare or under any key, or in a CSV's column `id`."""
    text = received.text()
    try:
        value = json.loads(text)
    except ValueError:
        return [row.get("id") or "" for row in csv.DictReader(io.StringIO(text))]
    if isinstance(value, dict):
        value = next((each for each in value.values() if isinstance(each, list)), [value])
    rows = value if isinstance(value, list) else []
    return [str(row.get("id", "")) for row in rows if isinstance(row, dict)]


@behaviour("/reply")
def reply(received: Received) -> Answer:
    """answers as it is told; ?body=TEXT &status=200 &type=application/json"""
    asked = received.target.query
    return Answer(
        int(received.target.number("status", 200)),
        asked.get("body", "").encode(),
        content_type=re.sub(r"[\r\n\0]", "", asked.get("type", "application/json")),
        delay=_delay(received.target),
    )


@behaviour("/reject")
def reject(received: Received) -> Answer:
    """rejects with 200; ?reason=TEXT"""
    reason = received.target.query.get("reason", "Outside buying criteria")
    value = {"status": "rejected", "result": "rejected", "reason": reason, "message": reason}
    return as_json(200, value, delay=_delay(received.target))


@behaviour("/reject.xml")
def reject_xml(received: Received) -> Answer:
    """rejects, in XML; ?reason=TEXT"""
    reason = escape(received.target.query.get("reason", "Outside buying criteria"))
    body = f"<response><result>rejected</result><reason>{reason}</reason></response>"
    return Answer(200, body.encode(), content_type="application/xml")


@behaviour("/duplicate")
def duplicate(received: Received) -> Answer:
    """409: has the lead already"""
    return as_json(409, {"status": "duplicate", "message": "Duplicate lead"})


@behaviour("/duplicate200")
def duplicate_200(received: Received) -> Answer:
    """200 with DUP in the body"""
    return Answer(200, b"DUP: lead already on file", content_type="text/plain")


@behaviour("/invalid")
def invalid(received: Received) -> Answer:
    """400, names a field; ?status=422 &field=zip"""
    field = received.target.query.get("field", "phone")
    value = {"status": "error", "message": f"Missing field: {field}", "errors": {field: "required"}}
    return as_json(int(received.target.number("status", 400)), value)


@behaviour("/unauthorized")
def unauthorized(received: Received) -> Answer:
    """401"""
    challenge = (("WWW-Authenticate", 'Bearer error="invalid_token"'),)
    return as_json(401, {"status": "error", "message": "Token expired"}, headers=challenge)


@behaviour("/forbidden")
def forbidden(received: Received) -> Answer:
    """403"""
    return as_json(403, {"status": "error", "message": "IP address not on the list"})


@behaviour("/ratelimit")
def rate_limit(received: Received) -> Answer:
    """429; ?after=SECONDS or a date, as Retry-After (left out when empty)"""
    after = re.sub(r"[\r\n\0]", " ", received.target.query.get("after", "2"))
    headers = (("Retry-After", after),) if after else ()
    return as_json(429, {"status": "error", "message": "Too many requests"}, headers=headers)


@behaviour("/error")
def error(received: Received) -> Answer:
    """500; ?status=503"""
    status = int(received.target.number("status", 500))
    value = {"status": "error", "message": "Internal error"}
    return as_json(status, value, delay=_delay(received.target))


@behaviour("/slow")
def slow(received: Received) -> Answer:
    """accepts late; ?ms=100 &price="""
    target = received.target
    if "ms" in target.query or "delay" in target.query:
        return accept(received)
    return accept(received._replace(target=target._replace(query={**target.query, "ms": "100"})))


@behaviour("/empty")
def empty(received: Received) -> Answer:
    """200 without a body; ?status=204"""
    return Answer(int(received.target.number("status", 200)), content_type="text/plain")


@behaviour("/redirect")
def redirect(received: Received) -> Answer:
    """302; ?to=URL"""
    to = re.sub(r"[\r\n\0]", "", received.target.query.get("to", "/accept"))
    return as_json(302, {"status": "moved"}, headers=(("Location", to),))


@behaviour("/echo")
def echo(received: Received) -> Answer:
    """accepts, repeats headers and body: what a careless buyer does with credentials"""
    value = {"status": "accepted", "headers": received.headers(), "body": received.text()}
    return as_json(200, value)


@behaviour("/flaky")
def flaky(received: Received) -> Answer:
    """fails the first times that an idempotency key comes, then accepts; ?fail=2 &status=500"""
    if received.repeat < received.target.number("fail", 2):
        return error(received)
    return accept(received)


@behaviour("/chance")
def chance(received: Received) -> Answer:
    """a mixture; ?accept=0.9 &reject= &duplicate= &invalid= &error= &ratelimit= &slow=
    &ms=800 &price= &seed="""
    target = received.target
    rng = _chances.setdefault(
        target.path,
        random.Random(target.query.get("seed")),  # noqa: S311  # no secret
    )
    query = {name: value for name, value in target.query.items() if name not in ("ms", "status")}
    if rng.random() < target.number("slow", 0.0):
        query["ms"] = target.query.get("ms", "800")
    received = received._replace(target=target._replace(query=query))
    draw = rng.random()
    for name in ("reject", "duplicate", "invalid", "error", "ratelimit"):
        draw -= target.number(name, 0.0)
        if draw < 0:
            return BEHAVIOURS[f"/{name}"](received)
    if "accept" in target.query and draw >= target.number("accept", 1.0):
        return reject(received)
    return accept(received)


@behaviour("/lookup")
def lookup(received: Received) -> Answer:
    """an enrichment service: carrier and type of a phone number; ?phone= or in the body"""
    phone = _phone(received)
    if not phone:
        return as_json(422, {"status": "error", "message": "No phone number"})
    last = int(phone[-1])
    value = {
        "status": "ok",
        "phone": phone,
        "valid": 10 <= len(phone) <= 15,
        "carrier": _CARRIERS[last % len(_CARRIERS)],
        "type": _KINDS[last % len(_KINDS)],
        "ported": last % 4 == 0,
    }
    return as_json(200, value, delay=_delay(received.target))


def _phone(received: Received) -> str:
    found = received.target.query.get("phone", "")
    if not found:
        try:
            found = json.loads(received.text()).get("phone", "")
        except (ValueError, AttributeError):
            found = received.text().partition("phone=")[2].partition("&")[0]
    return "".join(char for char in str(found) if char in "0123456789")


@behaviour("/bid")
def bid(received: Received) -> Answer:
    """answers a ping; ?price=45.00 &spread=5.00 (more or less than that) &decline=0.2 &slow=0.1
    &ms=800 &seed= &delay="""
    target = received.target
    rng = _luck(target)
    delay = _delay(target) if "slow" not in target.query else 0.0
    if rng.random() < target.number("slow", 0.0):
        delay = target.number("ms", 800.0) / 1000
    if rng.random() < target.number("decline", 0.0):
        return as_json(200, {"status": "no_bid", "reason": "Not for us today"}, delay=delay)
    price, spread = _price(target), target.number("spread", 0.0)
    if spread > 0:
        price = f"{max(0.0, float(price) + rng.uniform(-spread, spread)):.2f}"
    body = f'{{"status":"bid","bid":{price},"bid_id":"BID{next(_numbers)}"}}'
    return Answer(200, body.encode(), delay=delay)


def sandbox(received: Received) -> Answer:
    """/sandbox/NAME accepts everything, at no price"""
    id = f"SANDBOX{next(_numbers)}"
    value = {"status": "accepted", "result": "accepted", "leadId": id, "lead_id": id}
    return as_json(200, {**value, "price": 0, "message": "Sandbox", "sandbox": True})


def nothing(received: Received) -> Answer:
    """404"""
    return as_json(404, {"status": "error", "message": "No such behaviour: GET / lists them"})
