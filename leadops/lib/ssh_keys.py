"""Keys of SSH as people write them: a server's public one, our private one."""

from __future__ import annotations

import base64
import binascii
import hashlib
import itertools

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

HOST_KEYS = frozenset(
    {
        "ssh-ed25519",
        "ssh-rsa",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
    }
)


def host_keys(text: str) -> tuple[str, ...]:
    """Each as `ssh-ed25519 SHA256:…`, or the fingerprint alone where no more is known.

    Takes `ssh-ed25519 AAAA…`, lines of known_hosts, and `SHA256:…`; one a line or by commas.
    Raises ValueError.
    """
    parts = text.replace(",", "\n").splitlines()
    found = tuple(_host_key(part.strip()) for part in parts if part.strip())
    if not found:
        raise ValueError("write the server's key: ssh-ed25519 AAAA…, or its SHA256:… fingerprint")
    return found


def _host_key(text: str) -> str:
    if text.startswith("SHA256:") and len(text.rstrip("=")) == 50:
        return text.rstrip("=")
    for kind, key in itertools.pairwise(text.split()):
        if kind in HOST_KEYS:
            try:
                return f"{kind} {fingerprint_of(base64.b64decode(key, validate=True))}"
            except binascii.Error:
                break
    raise ValueError(f"“{text[:60]}” is no host key; write ssh-ed25519 AAAA… or SHA256:…")


def fingerprint_of(key: bytes) -> str:
    """As `ssh-keygen -l` shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def is_private_key(secret: str) -> bool:
    return secret.lstrip().startswith("-----BEGIN")


def as_openssh(pem: str) -> str:
    """A private key, whatever its file's kind, in OpenSSH's own; raises ValueError."""
    data = pem.strip().encode() + b"\n"
    try:
        load = load_ssh_private_key if b"OPENSSH PRIVATE" in data else load_pem_private_key
        key = load(data, password=None)
    except TypeError as error:
        raise ValueError("give the key without a password") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        if "password" in str(error):  # as OpenSSH's kind says it
            raise ValueError("give the key without a password") from error
        raise ValueError("this is not a private key") from error
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey):
        raise ValueError("SSH has no keys of this kind")
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
