"""Addresses of endpoints as staff write them: which values may stand where.

A lead's values may fill in a path or a parameter of a web address. They may never choose whom a
lead goes to: a server, a mailbox, a folder.
"""

from __future__ import annotations

import re

from recipients import mapping

SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
AUTHORITY = re.compile(
    r"[a-z0-9+.-]+://((?:\{\{.*?\}\}|\$\{.*?\}|[^/?#\s])+)", re.IGNORECASE | re.DOTALL
)
# Values that staff wrote, and values that came in with a lead; what follows the last of these.
OURS = re.compile(r"\{\{\s*(?:recipient|flow|source)\.\w+\s*\}\}")
DOMAIN = re.compile(r"(?:\.[\w-]+){2,}\.?(?::\d+)?")
STAFFS = frozenset({"recipient", "flow", "source"})
MAILBOX = re.compile(r"[^\s@,;:<>\"()\[\]\\]+@[^\s@,;:<>\"()\[\]\\]+")
MAX_MAILBOXES = 20
MAX_FOLDERS = 16


def scheme_of(url: str) -> str:
    """In lower case; "" where there is none."""
    found = SCHEME.match(url)
    return found[1].lower() if found else ""


def check(url: str) -> None:
    """Raises ValueError where the address cannot be one, or a lead may choose where it leads."""
    template = mapping.compile_template(url)
    if scheme_of(url) == "mailto":
        _only_staffs(template, STAFFS, "the addressee")
        mailboxes(_without_tags(url))
        return
    authority = AUTHORITY.match(url)
    if authority is None:
        raise ValueError("Write a whole address, e.g. https://api.buyer.com/leads.")
    _server(authority[1])
    if scheme_of(url) == "s3":
        _only_staffs(template, STAFFS | {"now"}, "bucket or folder")
        folders(_without_tags(url))
    if scheme_of(url) == "sftp":
        _only_staffs(template, STAFFS | {"now"}, "the folder")
        folders(_without_tags(url))


def _server(written: str) -> None:
    server = OURS.sub("ours", written)
    _, leads, rest = server.rpartition("}}") if "{{" in server else ("", "", "")
    if leads and not DOMAIN.fullmatch(rest):
        raise ValueError(
            "A lead's values may not choose the server: end its name as {{lead.state}}.buyer.com."
        )


def _only_staffs(template: mapping.Template, roots: frozenset[str], what: str) -> None:
    for path in template.paths:
        if path.split(".")[0] not in roots:
            known = ", ".join(sorted(roots))
            raise ValueError(f"A lead's values may not choose {what}: only {known} may stand here.")


def _without_tags(url: str) -> str:
    return re.sub(r"\{\{.*?\}\}|\$\{.*?\}", "x@x.x" if "@" not in url else "x", url)


def mailboxes(url: str) -> tuple[str, ...]:
    """The addresses of `mailto:a@b.com,c@d.com`; raises ValueError."""
    text = url.partition(":")[2].removeprefix("//")
    if "?" in text:
        raise ValueError("Subject, copies and the like are options: write only addresses.")
    return mailbox_list(text)


def mailbox_list(text: str) -> tuple[str, ...]:
    """Addresses separated by commas, at least one; raises ValueError."""
    found = tuple(one.strip() for one in text.split(",") if one.strip())
    for one in found:
        local, _, domain = one.rpartition("@")
        if not MAILBOX.fullmatch(one) or not local.isascii() or len(one) > 254:
            raise ValueError(f"“{one[:80]}” is no mail address; write name@example.com.")
        try:
            domain.encode("idna")
        except UnicodeError:
            raise ValueError(f"“{domain[:80]}” is no domain.") from None
    if not found:
        raise ValueError("Write at least one mail address, e.g. mailto:leads@buyer.com.")
    if len(found) > MAX_MAILBOXES:
        raise ValueError(f"At most {MAX_MAILBOXES} addresses.")
    return found


def folders(url: str) -> str:
    """The folder of `sftp://host/folder/`, without a slash at its end; raises ValueError."""
    _, _, rest = url.partition("://")
    server, slash, path = rest.partition("/")
    if "@" in server:
        raise ValueError("User name and password stand under the credentials.")
    if "?" in path or "#" in path or "\\" in path or any(ord(letter) < 32 for letter in path):
        raise ValueError("The address ends with the folder: sftp://files.buyer.com/leads/.")
    parts = [part for part in path.split("/") if part]
    if any(part in (".", "..") for part in parts):
        raise ValueError("A folder is written without . and ...")
    if len(parts) > MAX_FOLDERS:
        raise ValueError(f"At most {MAX_FOLDERS} folders deep.")
    return slash + "/".join(parts) if parts else slash or "/"
