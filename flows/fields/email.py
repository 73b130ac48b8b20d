"""E-mail addresses, judged as mail providers would, without asking the network."""

from __future__ import annotations

import re
import unicodedata

from flows.fields.domains import ascii_domain, split_ending
from flows.fields.kept_lists import words
from flows.fields.text import plain
from flows.fields.value import FieldType, Given, Invalid, Read

FREE = words("free_mail.txt")
DISPOSABLE = words("disposable_mail.txt")

# RFC 5321, 4.5.3.1: 64 octets before the @, and 254 in all (the path less its brackets).
_LONGEST_USER = 64
_LONGEST = 254
# The unquoted form of RFC 5322, 3.2.3; no provider hands out the quoted one.
_USER = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)


def read_email(given: Given) -> Read:
    """In lower case, an international domain in its ASCII form."""
    text = plain(given.text).replace("。", ".").lower()
    user, at, domain = text.rpartition("@")
    if not at:
        raise Invalid("has no @")
    if any(char.isspace() for char in text):
        raise Invalid("has a blank inside")
    user, domain = _user(user), ascii_domain(domain)
    address = f"{user}@{domain}"
    if len(address) > _LONGEST:
        raise Invalid(f"is longer than {_LONGEST} characters")
    host, tld = split_ending(domain)
    return Read(
        address,
        {
            "user": user,
            "domain": domain,
            "host": host,
            "tld": tld,
            "is_free": domain in FREE,
            "is_disposable": _is_disposable(domain),
        },
    )


def _user(user: str) -> str:
    if not user:
        raise Invalid("has nothing before the @")
    user = plain(user)
    ordinary = user if user.isascii() else "".join(map(_as_ordinary, user))
    if not _USER.fullmatch(ordinary):
        raise Invalid("has characters or dots before the @ that an address cannot have")
    if len(user.encode()) > _LONGEST_USER:
        raise Invalid(f"has more than {_LONGEST_USER} characters before the @")
    return user


def _as_ordinary(char: str) -> str:
    """Letters, digits and marks of other scripts stand where a letter may (RFC 6531)."""
    return "x" if ord(char) > 127 and unicodedata.category(char)[0] in "LNM" else char


def _is_disposable(domain: str) -> bool:
    """Such services give every user a subdomain."""
    if domain in DISPOSABLE:
        return True
    labels = domain.split(".")
    return any(".".join(labels[start:]) in DISPOSABLE for start in range(1, len(labels) - 1))


EMAIL = FieldType(
    "email",
    "E-mail address",
    read_email,
    ("user", "domain", "host", "tld", "is_free", "is_disposable"),
    privacy="personal",
)
