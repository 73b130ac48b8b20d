"""E-mail addresses, judged as mail providers would, without asking the network."""

from __future__ import annotations

import re
import unicodedata

from disposable_email_domains import blocklist

from flows.fields.domains import ascii_domain, split_ending
from flows.fields.kept_lists import spelt_out, words
from flows.fields.text import narrow
from flows.fields.value import FieldType, Given, Invalid, Read

FREE = frozenset(domain for word in words("free_mail.txt") for domain in spelt_out(word))
# The list that PyPI itself goes by (disposable-email-domains, CC0), and what it lacks.
DISPOSABLE = (frozenset(blocklist) | words("disposable_mail.txt")) - FREE

# RFC 5321, 4.5.3.1: 64 octets before the @, and 254 in all (the path less its brackets).
_LONGEST_USER = 64
_LONGEST = 254
# The unquoted form of RFC 5322, 3.2.3; no provider hands out the quoted one.
_USER = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)


def read_email(given: Given) -> Read:
    """In lower case, an international domain in its ASCII form."""
    text = narrow(given.text).replace("。", ".").lower()
    user, at, domain = text.rpartition("@")
    if not at:
        raise Invalid("has no @")
    user = _user(_unquoted(user))
    if any(char.isspace() for char in domain):
        raise Invalid("has a blank inside")
    if domain.endswith("."):
        # In the DNS the dot stands for the root; an address has none (RFC 5321, 4.1.2).
        raise Invalid("ends in a dot")
    domain = ascii_domain(domain)
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


def _unquoted(user: str) -> str:
    """`"john.doe"` and `john.doe` are one mailbox (RFC 5321, 4.1.2). Raises Invalid for one that
    cannot do without its quotes."""
    if len(user) < 2 or user[0] != '"' or user[-1] != '"':
        return user
    inner = user[1:-1]
    if not _USER.fullmatch(_ordinary(inner)):
        raise Invalid("has a quoted part before the @, which no mail provider gives out")
    return inner


def _user(user: str) -> str:
    if not user:
        raise Invalid("has nothing before the @")
    if any(char.isspace() for char in user):
        raise Invalid("has a blank inside")
    if "@" in user:
        raise Invalid("has more than one @")
    if not _USER.fullmatch(_ordinary(user)):
        raise Invalid("has characters or dots before the @ that an address cannot have")
    if len(user.encode()) > _LONGEST_USER:
        raise Invalid(f"has more than {_LONGEST_USER} characters before the @")
    return user


def _ordinary(user: str) -> str:
    return user if user.isascii() else "".join(map(_as_ordinary, user))


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
    takes="john@example.com; international addresses too",
)
