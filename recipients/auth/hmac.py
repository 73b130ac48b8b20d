"""A signature of the body under a shared key, as webhooks and lead exchanges have it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from leadops.lib.http import Reply, Request, request_target
from recipients import mapping
from recipients.auth.base import Scheme, is_open, needs, render, with_header
from recipients.auth.plain import HEADER_NAME, header_name
from recipients.auth.session import Session, Way
from recipients.options import Option, OptionError, OptionKind
from recipients.plan import Auth

ALGORITHMS = ("sha256", "sha512", "sha384", "sha1", "md5")


class Hmac(Scheme):
    """`secret` is the key. What is signed may hold `{{timestamp}}`, `{{body}}` and others."""

    default_name = "X-Signature"
    options = (
        Option("algorithm", OptionKind.CHOICE, choices=ALGORITHMS, default="sha256"),
        Option("encoding", OptionKind.CHOICE, choices=("hex", "base64"), default="hex"),
        Option(
            "signed",
            OptionKind.TEMPLATE,
            default=mapping.compile_template("{{body}}"),
            help="What is signed: {{body}}, {{timestamp}}, {{method}}, {{path}}, {{nonce}}.",
            example="{{timestamp}}.{{body}}",
        ),
        Option(
            "value",
            OptionKind.TEMPLATE,
            default=mapping.compile_template("{{signature}}"),
            help="What stands in the header.",
            example="t={{timestamp}},v1={{signature}}",
        ),
        Option("timestamp_header", default="", help="Blank: the time stands in no header."),
        Option(
            "timestamp_format",
            OptionKind.CHOICE,
            choices=("unix", "unix_ms", "iso"),
            default="unix",
        ),
        Option("nonce_header", default="", help="Blank: the nonce stands in no header."),
        Option(
            "secret_encoding",
            OptionKind.CHOICE,
            choices=("text", "hex", "base64"),
            default="text",
            help="How the key is written.",
        ),
    )

    def check(self, auth: Auth) -> None:
        needs(auth, secret="its key")  # noqa: S106  a description
        header_name(auth.name)
        for name in ("timestamp_header", "nonce_header"):
            if (text := auth.options[name]) and not HEADER_NAME.match(text):
                raise OptionError(name, f"{text!r} cannot name a header")
        if not is_open(auth.secret):
            key_of(auth)

    def send(self, request: Request, *, auth: Auth, session: Session, way: Way) -> Reply:
        return session.send(sign(request, auth), way)


def sign(request: Request, auth: Auth) -> Request:
    """`request` with its signature, made of the bytes that go out."""
    stamp, nonce = _stamp(auth.options["timestamp_format"]), str(uuid.uuid4())
    values = _values(request, {"timestamp": stamp, "nonce": nonce})
    # A body may be any bytes: Latin-1 has a letter for each, and gives them back.
    message = render(auth.options["signed"], values).encode("latin-1", "replace")
    digest = hmac.new(key_of(auth), message, auth.options["algorithm"]).digest()
    text = digest.hex()
    if auth.options["encoding"] == "base64":
        text = base64.b64encode(digest).decode()
    shown = {"timestamp": stamp, "nonce": nonce, "signature": text}
    request = with_header(request, auth.name, render(auth.options["value"], shown))
    for option, value in (("timestamp_header", stamp), ("nonce_header", nonce)):
        if auth.options[option]:
            request = with_header(request, auth.options[option], value)
    return request


def _values(request: Request, own: Mapping[str, str]) -> dict[str, Any]:
    return {
        **own,
        "body": request.body.decode("latin-1"),
        "body_sha256": hashlib.sha256(request.body).hexdigest(),
        "method": request.method,
        "path": request_target(request.url),
        "url": request.url,
    }


def _stamp(form: str) -> str:
    now = time.time()
    if form == "iso":
        return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(int(now * 1000)) if form == "unix_ms" else str(int(now))


def key_of(auth: Auth) -> bytes:
    """The key's bytes; raises OptionError. `whsec_` is how Standard Webhooks mark theirs."""
    encoding = auth.options["secret_encoding"]
    try:
        if encoding == "hex":
            return bytes.fromhex(auth.secret)
        if encoding == "base64":
            return base64.b64decode(auth.secret.removeprefix("whsec_"), validate=True)
    except (ValueError, binascii.Error) as error:
        raise OptionError("secret", f"The key is not {encoding}.") from error
    return auth.secret.encode()
