"""Leads as files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leadops.lib import ssh_keys
from recipients.integrations.base import FieldError, Integration, Written
from recipients.options import Option, OptionKind
from recipients.transports.bodies import options_for
from recipients.transports.filenames import ENDINGS
from recipients.transports.sftp import SftpTransport

OPTIONS = (
    Option(
        "host_key",
        help="The server's key, which says that it is the right one. Ask the buyer for it; a "
        "refused attempt shows the one that it saw.",
        required=True,
        example="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5… or SHA256:…",
        check=ssh_keys.host_keys,
    ),
    Option(
        "mode",
        OptionKind.CHOICE,
        "file: one for each lead. append: a row for each lead, in one file.",
        default="file",
        choices=("file", "append"),
    ),
    Option(
        "file_name",
        OptionKind.TEMPLATE,
        "Without: the delivery's id, or leads. The id is added to the name of a lead's own file, "
        "and the ending to all.",
        example='{{recipient.slug}}-{{format now "YYYY-MM-DD"}}',
    ),
    *options_for(*ENDINGS),
)


def check(endpoint: Written, options: Mapping[str, Any]) -> None:
    """Raises FieldError."""
    if endpoint.format not in ENDINGS:
        raise FieldError("format", "Files are JSON, XML or CSV.")
    if options["mode"] == "append":
        if endpoint.format == "xml":
            raise FieldError("format", "Rows are added to CSV and JSON files only.")
        if endpoint.format == "csv" and not options.get("csv_columns"):
            raise FieldError("options", "csv_columns: rows of one file need columns that stay.")
    if endpoint.auth != "basic" or not endpoint.auth_secret:
        raise FieldError("auth", "SFTP takes basic: a user name, and a password or private key.")
    if ssh_keys.is_private_key(endpoint.auth_secret):
        try:
            ssh_keys.as_openssh(endpoint.auth_secret)
        except ValueError as error:
            raise FieldError("auth_secret", f"The key cannot be used: {error}.") from error


SFTP = Integration(
    name="sftp",
    label="SFTP",
    about="A file for each lead, or rows added to one, on the buyer's server.",
    transport=SftpTransport(),
    options=OPTIONS,
    schemes=("sftp",),
    batches=True,
    check=check,
)
