"""The endpoints of a recipient: `endpoint`, `backup`, `sandbox`, `regional`, `fallback`.

What backup, sandbox and regional endpoints do not say they take from `endpoint`: mostly they
differ in their address alone. So does a fallback that names no integration of its own.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from django.core.exceptions import ValidationError

from leadops.config.concealing import Concealing
from leadops.config.items import Item
from leadops.config.kinds import (
    BOOLEAN,
    DURATION,
    INTEGER,
    KEPT,
    KEPT_OBJECT,
    RULES,
    SECRET,
)
from leadops.config.plans import Draft, Plan, complain, read
from leadops.config.references import REFERENCE
from leadops.config.shapes import Key, Shape, default_of, is_blank, put
from leadops.lib.redact import Redactor
from recipients import validation
from recipients.auth import SCHEMES
from recipients.integrations import INTEGRATIONS
from recipients.models import Endpoint, Recipient
from recipients.plan import AuthKind

SHAPE = Shape(
    keys=(
        Key("url", KEPT, required=True),
        Key("integration"),
        Key("options", KEPT_OBJECT),
        Key("method"),
        Key("format"),
        Key("xml_root"),
        Key("timeout", DURATION),
        Key("compress", BOOLEAN),
        Key("ascii", BOOLEAN),
        Key("tls.ca", KEPT, "tls_ca"),
        Key("tls.certificate", KEPT, "tls_certificate"),
        Key("tls.key", SECRET, "tls_key"),
        Key("connections", INTEGER),
        Key("keep_alive", DURATION),
        Key("idempotency.header"),
        Key("idempotency.template"),
    ),
    own=("headers", "auth"),
)
# The other keys of a ping are no endpoint's: see `pings`. Of its time-out people say deadline.
PING = Shape(
    keys=(
        *(key for key in SHAPE.keys if key.name not in ("url", "timeout")),
        Key("url", KEPT),
    ),
    own=(
        *SHAPE.own,
        "deadline",
        "mapping",
        "success",
        "bid",
        "bid_id",
        "lost_url",
        "reason",
        "minimum",
        "margin",
        "static_bid",
    ),
)
PING_DEADLINE = 2.0
REGIONAL = Shape(keys=(*SHAPE.keys, Key("when", RULES, required=True)), own=SHAPE.own)

SHAPES = {"regional": REGIONAL, "ping": PING}

# Kinds of which a recipient may have several, each a list.
LISTED = ("regional", "fallback")

AUTH_FIELDS = (
    "auth",
    "auth_name",
    "auth_place",
    "auth_username",
    "auth_secret",
    "auth_options",
)
# Where a token stands in the request.
TOKEN_PLACE = (Key("header", field="auth_name"), Key("in", field="auth_place"))
# What every kind has by itself; further keys are the options that it declares.
AUTH: dict[str, Shape] = {
    "none": Shape(keys=()),
    "bearer": Shape(keys=(Key("token", SECRET, "auth_secret", required=True),)),
    "basic": Shape(
        keys=(
            Key("username", KEPT, "auth_username", required=True),
            Key("password", SECRET, "auth_secret"),
        )
    ),
    "api_key": Shape(
        keys=(
            Key("name", field="auth_name"),
            Key("in", field="auth_place"),
            Key("key", SECRET, "auth_secret", required=True),
        )
    ),
    "headers": Shape(keys=()),
    "digest": Shape(
        keys=(
            Key("username", KEPT, "auth_username", required=True),
            Key("password", SECRET, "auth_secret"),
        )
    ),
    "oauth2": Shape(
        keys=(
            Key("client_id", KEPT, "auth_username", required=True),
            Key("client_secret", SECRET, "auth_secret"),
            *TOKEN_PLACE,
        )
    ),
    "jwt": Shape(
        keys=(
            Key("issuer", KEPT, "auth_username", required=True),
            Key("private_key", SECRET, "auth_secret", required=True),
            *TOKEN_PLACE,
        )
    ),
    "login": Shape(
        keys=(
            Key("username", KEPT, "auth_username"),
            Key("password", SECRET, "auth_secret"),
            *TOKEN_PLACE,
        )
    ),
    "hmac": Shape(
        keys=(
            Key("secret", SECRET, "auth_secret", required=True),
            Key("header", field="auth_name"),
        )
    ),
}
# Other words that people know for the same keys.
SAME_AS = {"header": "name", "parameter": "name", "value": "key", "place": "in"}

_REDACTOR = Redactor()


def read_endpoints(plan: Plan, recipient: Draft, found: dict[str, Item]) -> None:
    """Draft the endpoints that the recipient's items name; others it has are deleted."""
    there = list(recipient.obj.endpoints.all()) if not recipient.is_new else []
    kept = []
    production = None
    for kind, place, item in _wanted(found):
        match = [one for one in there if one.kind == kind]
        obj = match[place] if place < len(match) else None
        draft = Draft(obj or Endpoint(recipient=recipient.obj, kind=kind), item, obj is None)
        _read_endpoint(draft, item, place, production)
        plan.save(draft)
        kept.append(draft.obj.pk)
        production = draft if kind == "production" else production
    plan.delete(one for one in there if one.pk not in kept)


def _wanted(found: dict[str, Item]) -> list[tuple[str, int, Item]]:
    keys = {"production": "endpoint", "backup": "backup", "sandbox": "sandbox"}
    wanted = [(kind, 0, found[key]) for kind, key in keys.items() if key in found]
    if "ping" in found and "url" in (found["ping"].node.value or {}):
        wanted.append(("ping", 0, found["ping"]))
    for kind in LISTED:
        items = found[kind].elements() if kind in found else []
        wanted += [(kind, place, item) for place, item in enumerate(items)]
    return wanted


def _read_endpoint(draft: Draft, item: Item, place: int, production: Draft | None) -> None:
    shape = SHAPES.get(draft.obj.kind, SHAPE)
    found = shape.read(item)
    if "integration" in found:
        production = None  # another way of sending has nothing of the first
    draft.put("position", place)
    draft.take(shape, found)
    for key in SHAPE.keys:
        if key.name not in found and production is not None and not key.required:
            _inherit(draft, key.attribute, production)
    if draft.obj.kind == "ping":
        _take_deadline(draft, found)
    _take_fixed(draft, found)
    read_headers(draft, found, production)
    read_auth(draft, found.get("auth"), production)


def _take_deadline(draft: Draft, found: dict[str, Item]) -> None:
    """Bids are wanted sooner than answers to a lead."""
    if "deadline" in found:
        draft.take(Shape(keys=(Key("deadline", DURATION, "timeout"),)), found)
    else:
        draft.put("timeout", PING_DEADLINE)


def _inherit(draft: Draft, attribute: str, production: Draft | None) -> None:
    """What an endpoint does not say: the production endpoint's, else the model's default."""
    if production is None:
        draft.put(attribute, default_of(draft.obj, attribute))
        return
    draft.put(attribute, getattr(production.obj, attribute))
    draft.wrong |= {attribute} & production.wrong  # reported where it stands


def _take_fixed(draft: Draft, found: dict[str, Item]) -> None:
    """Format and method need not be said where the integration leaves no choice."""
    chosen = INTEGRATIONS.get(draft.obj.integration or draft.obj.recipient.integration)
    for name, only in chosen.fixed.items() if chosen is not None else ():
        if name not in found:
            draft.put(name, only)


def read_headers(draft: Draft, found: dict[str, Item], production: Draft | None) -> None:
    """`headers`, and those that stand in `auth: {type: headers, headers: {…}}`."""
    items = [found["headers"]] if "headers" in found else []
    auth = found.get("auth")
    if auth is not None and isinstance(auth.node.value, dict) and "headers" in auth.node.value:
        items.append(auth.child("headers"))
    if not items:
        _inherit(draft, "headers", production)
        return
    lines = {}
    for name, item in (pair for each in items for pair in each.pairs()):
        if (line := _header(draft, name, item)) is not None:
            lines[name] = line
    draft.put("headers", "\n".join(lines.values()), items[0])


def _header(draft: Draft, name: str, item: Item) -> str | None:
    """`Name: value`; what is wrong with it is reported here, at its own line."""
    text = read(item, KEPT.read)
    if text is None:
        draft.wrong.add("headers")
        return None
    line = f"{name}: {text}"
    if "\n" in line or "\r" in line or ":" in name:
        item.error("A header is one line, its name without a colon")
    else:
        try:
            validation.header_lines(line)
            return line
        except ValidationError as error:
            complain(item, error)
    draft.wrong.add("headers")
    return None


def read_auth(draft: Draft, item: Item | None, production: Draft | None) -> None:
    if item is None:
        for attribute in AUTH_FIELDS:
            _inherit(draft, attribute, production)
        return
    word, inner = _auth_type(item)
    shape = AUTH.get(word or "")
    if shape is None:
        draft.wrong.update(AUTH_FIELDS)
        return
    draft.put("auth", word, item)
    taken = {key.attribute for key in shape.keys}
    for attribute in set(AUTH_FIELDS) - taken - {"auth"}:
        draft.put(attribute, default_of(draft.obj, attribute))
    draft.take(shape, inner)
    _read_auth_options(draft, item, word or "", inner)
    if missing := {key.attribute for key in shape.keys if key.required and key.name not in inner}:
        draft.wrong |= missing
    draft.places.setdefault("auth_secret", item)


def _read_auth_options(draft: Draft, item: Item, word: str, inner: dict[str, Item]) -> None:
    written = {}
    for option in SCHEMES[AuthKind(word)].options:
        if option.name in inner:
            written[option.name] = read(inner[option.name], lambda one: one.plain(keep=True))
        elif option.required:
            item.required(option.name)
            draft.wrong.add("auth_options")
    if any(value is None for value in written.values()):
        draft.wrong.add("auth_options")
        return
    draft.put("auth_options", written, item)


def _auth_type(item: Item) -> tuple[str | None, dict[str, Item]]:
    """The kind of authentication, and its items by the keys of its shape."""
    if isinstance(item.node.value, str) and item.node.value in ("none", "headers"):
        return item.node.value, {}
    if not isinstance(item.node.value, dict) or "type" not in item.node.value:
        item.error(f"Say which type: {', '.join(AUTH)}")
        return None, {}
    kind = item.child("type")
    word = kind.text()
    if word is None or word not in AUTH:
        if word is not None:
            kind.error(f"“{word}” is no authentication; there is: {', '.join(AUTH)}")
        return None, {}
    return word, _auth_items(item, word)


def _auth_items(item: Item, word: str) -> dict[str, Item]:
    shape = AUTH[word]
    names = [key.name for key in shape.keys]
    names += [option.name for option in SCHEMES[AuthKind(word)].options]
    others = [o for o, name in SAME_AS.items() if name in names and o not in names]
    entries = item.entries(["type", "headers", *names, *others])
    entries.pop("type", None)
    entries.pop("headers", None)
    found: dict[str, Item] = {}
    for written, inner in entries.items():
        name = SAME_AS[written] if written in others else written
        if name in found:
            inner.error(f"Says the same as {found[name].path.rpartition('.')[2]}")
        found[name] = inner
    if "parameter" in entries and "in" not in found:
        found["in"] = entries["parameter"].saying("query")
    for key in shape.keys:
        if key.required and key.name not in found:
            item.required(key.name)
    return found


def write_endpoints(recipient: Recipient, concealing: Concealing) -> dict[str, Any]:
    """The keys `endpoint`, `backup`, `sandbox`, `regional` and `fallback`: those there are."""
    document: dict[str, Any] = {}
    rows = sorted(recipient.endpoints.all(), key=lambda row: (row.position, row.pk))
    production = next((row for row in rows if row.kind == "production"), None)
    for row in rows:
        if row.kind == "production":
            document["endpoint"] = _write(row, concealing, recipient.slug)
        elif row.kind in LISTED:
            listed = document.setdefault(row.kind, [])
            names = (recipient.slug, row.kind, str(len(listed) + 1))
            written = _write(row, concealing, *names, base=_base(row, production))
            when = {"when": RULES.write(row.when)} if row.kind == "regional" else {}
            listed.append({**when, **written})
        else:
            own = (recipient.slug, row.kind)
            document[row.kind] = _write(row, concealing, *own, base=_base(row, production))
            if row.kind == "ping":
                document[row.kind].pop("timeout", None)
                document[row.kind]["deadline"] = DURATION.write(row.timeout)
    keys = ("endpoint", "backup", "sandbox", *LISTED, "ping")
    return {key: document[key] for key in keys if key in document}


def _base(row: Endpoint, production: Endpoint | None) -> Endpoint | None:
    """What `row` takes from the production endpoint where it says nothing: see above."""
    return None if row.integration else production


def _write(
    row: Endpoint, concealing: Concealing, *names: str, base: Endpoint | None = None
) -> dict[str, Any]:
    """An endpoint's document: all of it, or only what differs from `base`."""
    document: dict[str, Any] = {}
    for key in SHAPE.keys:
        value = getattr(row, key.attribute)
        if base is not None:
            left_out = value == getattr(base, key.attribute)
        else:
            left_out = is_blank(value) and is_blank(default_of(row, key.attribute))
        if key.required or not left_out:
            secret = key.kind.is_secret
            written = (
                _conceal(concealing, names, value, key.name) if secret else key.kind.write(value)
            )
            put(document, key.name, written)
    if (base is None and row.headers) or (base is not None and row.headers != base.headers):
        document["headers"] = write_headers(row, concealing, names)
    if base is None or any(getattr(row, f) != getattr(base, f) for f in AUTH_FIELDS):
        document["auth"] = write_auth(row, concealing, names)
    return document


def write_auth(row: Endpoint, concealing: Concealing, names: tuple[str, ...]) -> dict[str, Any]:
    shape = AUTH[row.auth]
    secret = partial(_conceal, concealing, names)
    options = {
        option.name: row.auth_options[option.name]
        for option in SCHEMES[AuthKind(row.auth)].options
        if option.name in row.auth_options
    }
    return {"type": row.auth, **shape.write(row, secret), **options}


def _conceal(concealing: Concealing, names: tuple[str, ...], text: str, name: str) -> Any:
    return concealing.secret(text, *names, name)


def write_headers(row: Endpoint, concealing: Concealing, names: tuple[str, ...]) -> dict[str, Any]:
    """Headers by name; a credential that is written out is concealed."""
    document: dict[str, Any] = {}
    for name, text in validation.parse_headers(row.headers):
        literal = _REDACTOR.is_sensitive(name) and not REFERENCE.search(text) and "{{" not in text
        document[name] = concealing.secret(text, *names, "header", name) if literal else text
    return document
