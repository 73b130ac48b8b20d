"""Leads as objects in a bucket, by the S3 API."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from leadops.lib.objectstore import Bucket, SettingError
from leadops.lib.storewords import BUSY, LOGIN, PASSING, SENTENCES
from recipients.integrations.base import FieldError, Integration, Written
from recipients.options import Option, OptionKind
from recipients.responses import ReaderSpec, RuleSpec
from recipients.transports.bodies import options_for
from recipients.transports.filenames import ENDINGS
from recipients.transports.object_store import ObjectStoreTransport

_TAGS = re.compile(r"\{\{.*?\}\}", re.DOTALL)


def _web_address(text: str) -> None:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("write a whole address, e.g. https://s3.eu-central-1.amazonaws.com")


# Of destinations too.
STORE_OPTIONS = (
    Option(
        "endpoint",
        help="Without: Amazon's of the region. MinIO, R2, Google and others have their own.",
        example="https://s3.eu-central-1.amazonaws.com",
        check=_web_address,
    ),
    Option("region", default="us-east-1", help="R2 calls it auto.", example="eu-central-1"),
    Option(
        "session_token",
        OptionKind.SECRET,
        "Of temporary credentials.",
        example="${AWS_SESSION_TOKEN}",
    ),
    Option(
        "style",
        OptionKind.CHOICE,
        "Where the bucket stands: in the path, or before the host's name. "
        "auto: before Amazon's, else in the path.",
        default="auto",
        choices=("auto", "path", "virtual"),
    ),
    Option(
        "encryption",
        OptionKind.CHOICE,
        "Asked of the store. none: as the bucket is set.",
        default="none",
        choices=("none", "AES256", "aws:kms"),
    ),
    Option("kms_key", help="The key of aws:kms; without, the account's own."),
    Option("storage_class", help="Without: the bucket's.", example="STANDARD_IA"),
)

OPTIONS = (
    *STORE_OPTIONS,
    Option(
        "file_name",
        OptionKind.TEMPLATE,
        "Without: the delivery's id. The id is added to it, and the ending.",
        example='{{lead.state}}-{{format now "YYYY-MM-DD"}}',
    ),
    *options_for(*ENDINGS),
)


def check(endpoint: Written, options: Mapping[str, Any]) -> None:
    """Raises FieldError."""
    if endpoint.format not in ENDINGS:
        raise FieldError("format", "Objects are JSON, XML or CSV.")
    if endpoint.auth != "basic" or not endpoint.auth_secret:
        raise FieldError("auth", "Object stores take basic: the access key, and its secret key.")
    known = {name: value for name, value in options.items() if name != "session_token"}
    if any("${" in str(each) for each in (endpoint.auth_username, *known.values())):
        return  # known when it is filled in
    name = _TAGS.sub("tag", endpoint.url).partition("://")[2].partition("/")[0]
    if "${" in name:
        return
    settings = {**known, "bucket": name, "access_key": endpoint.auth_username}
    try:
        Bucket.of(settings, secret=endpoint.auth_secret)
    except SettingError as error:
        fields = {"bucket": "url", "access_key": "auth_username"}
        field = fields.get(error.name, "options")
        raise FieldError(field, f"{error}.") from error


def _rules(codes: Iterable[str], outcome: str) -> list[RuleSpec]:
    """Refusals as they are told to those who can mend them."""
    return [
        RuleSpec(outcome, contains=f"<Code>{code}</Code>", reason=SENTENCES[code])
        for code in sorted(codes)
    ]


# What only configuration can mend, the transport tells by itself.
READING = ReaderSpec(
    lead_id="key",
    rules=(
        *_rules(LOGIN, "unauthorized"),
        *_rules(BUSY, "rate_limited"),
        *_rules(PASSING, "server_error"),
        RuleSpec("rate_limited", status="503", reason=SENTENCES["SlowDown"]),
    ),
)

OBJECT_STORE = Integration(
    name="object_store",
    label="Object store",
    about="An object for each lead, in the buyer's bucket: Amazon S3, MinIO, Cloudflare R2, "
    "Google and others.",
    transport=ObjectStoreTransport(),
    options=OPTIONS,
    schemes=("s3",),
    url="s3://acme-leads/incoming/",
    reading=READING,
    batches=True,
    check=check,
)
