"""Who a TLS connection trusts and who it says it is: PEM texts to contexts."""

from __future__ import annotations

import contextlib
import os
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import certifi

from leadops.lib.http.errors import RequestRefused


@dataclass(frozen=True, slots=True)
class Tls:
    """`ca` replaces the usual authorities; `certificate` and `key` show who we are. PEM texts."""

    ca: str = ""
    certificate: str = ""
    key: str = field(default="", repr=False)


def context_for(tls: Tls | None) -> ssl.SSLContext:
    """TLS 1.2 at least, names checked; None trusts the public authorities and the system's.

    Raises RequestRefused where the texts cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        _trust(context, tls.ca if tls else "")
        if tls and tls.certificate:
            _present(context, tls)
    except (ssl.SSLError, ValueError) as error:
        # Not the error's own words: some quote what they could not read.
        raise RequestRefused("The TLS certificates of the endpoint cannot be used") from error
    return context


@lru_cache(maxsize=64)
def shared_context(tls: Tls | None) -> ssl.SSLContext:
    """The same, made once for each identity."""
    return context_for(tls)


def _trust(context: ssl.SSLContext, ca: str) -> None:
    if ca:
        context.load_verify_locations(cadata=ca)
        return
    context.load_verify_locations(cafile=certifi.where())
    context.load_default_certs()


def _present(context: ssl.SSLContext, tls: Tls) -> None:
    # OpenSSL asks at the terminal for a password that nobody gives.
    with _as_file(f"{tls.certificate}\n{tls.key}".encode()) as path:
        context.load_cert_chain(path, password="")


@contextlib.contextmanager
def _as_file(data: bytes) -> Iterator[str]:
    """A path that holds `data`: `ssl` reads certificates from files alone.

    In memory where the system can do that, so that no key is written to a disk.
    """
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("certificate", os.MFD_CLOEXEC)
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            yield f"/proc/self/fd/{fd}"
        return
    with tempfile.NamedTemporaryFile() as file:  # mode 600
        file.write(data)
        file.flush()
        yield file.name
