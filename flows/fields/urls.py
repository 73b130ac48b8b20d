"""Addresses of web pages, and certificates of consent, which are such addresses."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from flows.fields.domains import ascii_domain
from flows.fields.text import narrow
from flows.fields.value import FieldType, Given, Invalid, Read

LONGEST = 4_000
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
# What browsers leave away: example.com/page.
_BARE = re.compile(r"[^\s:/?#@]+\.[^\s:/?#@]{2,}(?::\d{1,5})?(?:[/?#]\S*)?")
_CERTIFICATE = re.compile(r"/([0-9a-f]{40})/?", re.IGNORECASE)


def read_url(given: Given) -> Read:
    """An http or https address, scheme and host in lower case, the rest untouched."""
    url, host = _split(given.text)
    components = {"scheme": url.scheme, "host": host, "path": url.path}
    if url.query:
        components["query"] = url.query
    return Read(url.geturl(), components)


def read_trustedform_url(given: Given) -> Read:
    """The address of a TrustedForm certificate, with https and its forty digits in lower case."""
    url, host = _split(given.text)
    found = _CERTIFICATE.fullmatch(url.path)
    if host != "cert.trustedform.com" or found is None:
        raise Invalid("is not the address of a TrustedForm certificate")
    # One certificate has one address, so that a second lead with it is seen as such.
    certificate = found[1].lower()
    url = url._replace(scheme="https", netloc=host, path=f"/{certificate}")
    components = {"scheme": url.scheme, "host": host, "path": url.path}
    return Read(url.geturl(), components | {"certificate": certificate})


def _split(text: str) -> tuple[SplitResult, str]:
    if len(text) > LONGEST:
        raise Invalid(f"is longer than {LONGEST:,} characters")
    if any(char.isspace() for char in text):
        raise Invalid("has a blank inside")
    if not text.lower().startswith(("http://", "https://")):
        if not _BARE.fullmatch(text):
            raise Invalid(
                "is not a web address (http or https)"
                if _SCHEME.match(text)
                else "is not a web address"
            )
        text = f"http://{text}"
    try:
        url = urlsplit(text)
        host, port = url.hostname or "", url.port
    except ValueError:
        raise Invalid("is not a web address") from None
    if "@" in url.netloc:
        raise Invalid("carries a user name")
    host = _host(host)
    netloc = f"[{host}]" if ":" in host else host
    return url._replace(netloc=netloc if port is None else f"{netloc}:{port}"), host


def _host(host: str) -> str:
    host = narrow(host).lower().removesuffix(".")
    if host == "localhost":
        return host
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return ascii_domain(host)


URL = FieldType(
    "url",
    "Web address",
    read_url,
    ("scheme", "host", "path", "query"),
    takes="https://example.com/page, example.com",
)
TRUSTEDFORM_URL = FieldType(
    "trustedform_url",
    "TrustedForm certificate",
    read_trustedform_url,
    ("scheme", "host", "path", "certificate"),
    takes="https://cert.trustedform.com/ and forty digits",
)
