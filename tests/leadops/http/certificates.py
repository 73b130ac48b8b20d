"""A certificate authority for one test run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, *, days: float
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_named(subject))
        .issuer_name(_named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=min(days, 0) - 1))
        .not_valid_after(now + timedelta(days=days))
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@dataclass(frozen=True)
class Issued:
    """PEM texts."""

    certificate: str
    key: str


class Authority:
    """Issues certificates; `certificate` is its own, in PEM."""

    def __init__(self, name: str = "Test authority") -> None:
        self.name = name
        self._key = ec.generate_private_key(ec.SECP256R1())
        own = (
            _builder(name, name, self._key, days=1)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.certificate = own.public_bytes(Encoding.PEM).decode()

    def issue(self, name: str, *, days: float = 1) -> Issued:
        key = ec.generate_private_key(ec.SECP256R1())
        issued = (
            _builder(name, self.name, key, days=days)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return Issued(issued.public_bytes(Encoding.PEM).decode(), _pem(key))


def authority_and_server(folder: Path, *, name: str) -> tuple[Path, Path]:
    """Two PEM files: the authority's certificate, and the server's with its key."""
    made = Authority()
    server = made.issue(name)
    authority, chain = folder / "authority.pem", folder / "server.pem"
    authority.write_text(made.certificate)
    chain.write_text(server.key + server.certificate)
    return authority, chain
