"""The kinds of destinations: which settings each has, and which of them fit together."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from leadops.lib import objectstore, ssh_keys, webhooks
from leadops.lib.redact import Redactor
from recipients import addresses
from recipients.integrations.stores import STORE_OPTIONS
from recipients.options import Option, OptionError, OptionKind, compile_options
from recipients.transports.letters import sender_of

TEMPLATE = OptionKind.TEMPLATE
HEADER = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")  # RFC 9110 5.6.2
OWN_HEADERS = frozenset({"host", "content-length", "content-type", "transfer-encoding"})
FOLDER = re.compile(r"[\w-][\w.-]*(?:/[\w-][\w.-]*)*", re.ASCII)
MAX_FOLDER = 200

# Given settings and secret as they were written; raises OptionError and SecretError.
Check = Callable[[Mapping[str, Any], str], None]


@dataclass(frozen=True, slots=True)
class KindOfDestination:
    """A way for files to go. `secret` says what the secret is there; "" where there is none."""

    name: str
    label: str
    about: str
    options: tuple[Option, ...]
    secret: str = ""
    needs_secret: bool = False
    check: Check | None = None


class SecretError(ValueError):
    """The secret is missing, or is none of its kind."""


def _web_address(text: str) -> None:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("write a whole address, e.g. https://files.example.com/leads")
    if parts.username or parts.password:
        raise ValueError("user names and passwords do not stand in addresses")


def _folder_of_server(text: str) -> None:
    if addresses.scheme_of(text) != "sftp" or not urlsplit(text).hostname:
        raise ValueError("write server and folder, e.g. sftp://files.example.com/exports/")
    addresses.folders(text)


def _folder(text: str) -> None:
    if not FOLDER.fullmatch(text) or len(text) > MAX_FOLDER:
        raise ValueError("a folder is written as exports/monthly: letters, digits, - _ . and /")


EMAIL = KindOfDestination(
    "email",
    "E-mail",
    "A message with the file attached; a large file is a link in it, where there is one.",
    (
        Option(
            "to",
            help="Separated by commas.",
            required=True,
            example="ops@example.com, finance@example.com",
            check=addresses.mailbox_list,
        ),
        Option(
            "from",
            help="Whom the message is from; without, the site's own address.",
            check=sender_of,
        ),
        Option("cc", help="Copies, separated by commas.", check=addresses.mailbox_list),
        Option("reply_to", help="Where answers go.", check=addresses.mailbox_list),
        Option(
            "subject",
            TEMPLATE,
            "Without: the file's name.",
            example='Leads of {{format now "YYYY-MM-DD"}}',
        ),
        Option("host", help="Mail server that takes the messages; without, the site's own."),
        Option(
            "port", OptionKind.INTEGER, "Without: 587 with starttls, 465 with tls, 25 with none."
        ),
        Option(
            "security",
            OptionKind.CHOICE,
            "starttls is demanded, never given up where the server does not offer it.",
            default="starttls",
            choices=("starttls", "tls", "none"),
        ),
        Option("username", help="For the mail server; its password is the secret."),
    ),
    secret="The mail server's password, where it asks for one.",  # noqa: S106  a help text
)


def _check_sftp(settings: Mapping[str, Any], secret: str) -> None:
    if ssh_keys.is_private_key(secret):
        try:
            ssh_keys.as_openssh(secret)
        except ValueError as error:
            raise SecretError(f"The key cannot be used: {error}.") from error


SFTP = KindOfDestination(
    "sftp",
    "SFTP",
    "A file in a folder of a server; it appears there only when it is whole.",
    (
        Option(
            "url",
            help="Server and folder; /~/ is the login's own.",
            required=True,
            example="sftp://files.example.com/exports/",
            check=_folder_of_server,
        ),
        Option(
            "host_key",
            help="The server's key, which says that it is the right one.",
            required=True,
            example="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5… or SHA256:…",
            check=ssh_keys.host_keys,
        ),
        Option("username", required=True),
    ),
    secret="The login's password, or its private key (PEM).",  # noqa: S106  a help text
    needs_secret=True,
    check=_check_sftp,
)


def _check_store(settings: Mapping[str, Any], secret: str) -> None:
    if any("${" in str(value) for name, value in settings.items() if name != "session_token"):
        return  # known when it is filled in
    try:
        objectstore.Bucket.of(settings, secret=secret)
    except objectstore.SettingError as error:
        raise OptionError(error.name, error.message) from error


OBJECT_STORE = KindOfDestination(
    "object_store",
    "Object store",
    "An object in a bucket, by the S3 API: Amazon, MinIO, Cloudflare R2, Google and others.",
    (
        Option("bucket", required=True, example="acme-leads"),
        Option("access_key", help="The key's id; the key itself is the secret.", required=True),
        *STORE_OPTIONS,
        Option(
            "prefix",
            TEMPLATE,
            "Before the file's name, mostly a folder.",
            example='exports/{{format now "YYYY/MM"}}/',
        ),
    ),
    secret="The secret access key.",  # noqa: S106  a help text
    needs_secret=True,
    check=_check_store,
)


def _check_http(settings: Mapping[str, Any], secret: str) -> None:
    if secret and "${" not in secret:
        try:
            webhooks.key_of(secret)
        except ValueError as error:
            raise SecretError(f"{error}.") from error
    for name, value in settings.get("headers", {}).items():
        if not HEADER.match(name) or name.lower() in OWN_HEADERS:
            raise OptionError("headers", f"{name!r} cannot be set")
        if Redactor().is_sensitive(name) and "${" not in str(value):
            raise OptionError("headers", f"{name}: write ${{NAME}}, and keep it under Secrets")


HTTP = KindOfDestination(
    "http",
    "HTTP",
    "A request with the file as its body; signed after Standard Webhooks with a secret.",
    (
        Option("url", required=True, example="https://files.example.com/in", check=_web_address),
        Option("method", OptionKind.CHOICE, default="POST", choices=("POST", "PUT")),
        Option(
            "headers",
            OptionKind.PAIRS,
            "One a line. Credentials are written ${NAME}.",
            example="Authorization: Bearer ${FILES_TOKEN}",
        ),
    ),
    secret="Signs each request (whsec_…, 24 to 64 bytes in base64). Blank: unsigned.",  # noqa: S106
    check=_check_http,
)

FILE = KindOfDestination(
    "file",
    "Folder",
    "A file of this machine: under outbox/ of LEADOPS_HOME, where a backup or a sync takes it.",
    (Option("folder", help="Below outbox/.", required=True, example="exports", check=_folder),),
)

KINDS: Mapping[str, KindOfDestination] = MappingProxyType(
    {kind.name: kind for kind in (EMAIL, SFTP, OBJECT_STORE, HTTP, FILE)}
)


def compiled(
    kind: str, written: Mapping[str, Any], *, secret: str, fill: Callable[[str], str] = str
) -> Mapping[str, Any]:
    """The settings as `delivering` uses them. Raises OptionError and SecretError."""
    chosen = KINDS[kind]
    settings = compile_options(chosen.options, written, fill=fill)
    if secret and not chosen.secret:
        raise SecretError(f"{chosen.label} has no secret.")
    if not secret and chosen.needs_secret:
        raise SecretError(f"{chosen.label} needs one. {chosen.secret}")
    return settings


def check(kind: str, written: Mapping[str, Any], *, secret: str) -> None:
    """What is written holds and fits together. Raises OptionError and SecretError."""
    compiled(kind, written, secret=secret)
    if fits := KINDS[kind].check:
        fits(written, secret)
