"""What PEM texts hold: certificates and whether a key is theirs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from leadops.lib.http.tls import Tls

SOON = timedelta(days=30)
# More would be a bundle of the world's authorities, which nobody means by "own".
MAX_CERTIFICATES = 100


class BadCertificate(ValueError):
    """`part` is ca, certificate or key."""

    def __init__(self, part: str, message: str) -> None:
        super().__init__(message)
        self.part = part


@dataclass(frozen=True, slots=True)
class Standing:
    """Whose certificate it is, and until when."""

    name: str
    until: datetime

    def text(self, now: datetime) -> str:
        """One line for people, with a warning from 30 days before the end."""
        day = f"{self.until:%Y-%m-%d}"
        if self.until <= now:
            return f"{self.name}: expired on {day}"
        left = (self.until - now).days
        warning = f", {left} days left" if self.until - now < SOON else ""
        return f"{self.name}: valid until {day}{warning}"

    def is_urgent(self, now: datetime) -> bool:
        return self.until - now < SOON


def check(tls: Tls, *, with_key: bool = True) -> None:
    """Raises BadCertificate. `with_key` False: the key is not known yet."""
    if tls.ca:
        _read(tls.ca, "ca")
    if tls.key and not tls.certificate:
        raise BadCertificate("certificate", "A client key needs its certificate.")
    if not tls.certificate:
        return
    first = _read(tls.certificate, "certificate")[0]
    if not tls.key:
        raise BadCertificate("key", "A client certificate needs its key.")
    if with_key and _public(load_key(tls.key).public_key()) != _public(first.public_key()):
        raise BadCertificate("key", "The key is not that of the first certificate.")


def load_key(pem: str) -> PrivateKeyTypes:
    """A private key; raises BadCertificate, also where it has a password."""
    try:
        return load_pem_private_key(pem.encode(), password=None)
    except TypeError as error:
        raise BadCertificate("key", "Give the key without a password.") from error
    except ValueError as error:
        raise BadCertificate("key", "This is not a private key in PEM.") from error


def standing(pem: str) -> Standing | None:
    """The certificate of a text that ends first; None where it holds none."""
    try:
        found = _read(pem, "certificate")
    except BadCertificate:
        return None
    first = min(found, key=lambda each: each.not_valid_after_utc)
    return Standing(_name(first), first.not_valid_after_utc)


def _read(pem: str, part: str) -> list[x509.Certificate]:
    try:
        found = x509.load_pem_x509_certificates(pem.encode())
    except (ValueError, UnicodeError) as error:
        raise BadCertificate(part, "These are not certificates in PEM.") from error
    if len(found) > MAX_CERTIFICATES:
        raise BadCertificate(part, f"At most {MAX_CERTIFICATES} certificates.")
    return found


def _public(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string() or "unnamed"
