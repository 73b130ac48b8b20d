"""Secrets at rest: encryption, keyed digests for search, hashes of API keys."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import secrets

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

KEY_BYTES = 32  # entropy of an API key: no slow hash is needed


class Unreadable(ValueError):
    """A secret was encrypted with a key that LEADOPS_SECRETS_KEY no longer lists."""


def encrypt(text: str) -> str:
    """`text` as a Fernet token under the newest key."""
    return _box(settings.LEADOPS_SECRETS_KEY).encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """The text of `token`, under any of the listed keys. Raises Unreadable."""
    try:
        return _box(settings.LEADOPS_SECRETS_KEY).decrypt(token.encode()).decode()
    except InvalidToken as error:
        raise Unreadable("Encrypted with another LEADOPS_SECRETS_KEY.") from error


def seal(data: bytes) -> bytes:
    """Bytes encrypted under the newest key; a third smaller than the token of `encrypt`."""
    return base64.urlsafe_b64decode(_box(settings.LEADOPS_SECRETS_KEY).encrypt(data))


def unseal(data: bytes) -> bytes:
    """The bytes that were sealed, under any of the listed keys. Raises Unreadable."""
    try:
        return _box(settings.LEADOPS_SECRETS_KEY).decrypt(base64.urlsafe_b64encode(data))
    except InvalidToken as error:
        raise Unreadable("Encrypted with another LEADOPS_SECRETS_KEY.") from error


def rotate(token: str) -> str:
    """`token` encrypted anew under the newest key. Raises Unreadable."""
    try:
        return _box(settings.LEADOPS_SECRETS_KEY).rotate(token.encode()).decode()
    except InvalidToken as error:
        raise Unreadable("Encrypted with another LEADOPS_SECRETS_KEY.") from error


def search_digest(kind: str, value: str) -> bytes:
    """16 bytes that find `value` among its kind without storing it.

    Keyed with the oldest key, so digests stay when a newer key is put in front of it.
    """
    oldest = _keys(settings.LEADOPS_SECRETS_KEY)[-1]
    return hashlib.blake2b(
        value.encode(), digest_size=16, key=_derived(oldest, b"search"), person=_person(kind)
    ).digest()


def new_key(prefix: str) -> str:
    """A fresh API key such as `src_…`, to be shown once."""
    return f"{prefix}_{secrets.token_urlsafe(KEY_BYTES)}"


def hash_key(plain: str) -> str:
    """The 64 hex digits under which an API key is stored and looked up."""
    return hashlib.sha256(b"leadops api key\0" + plain.encode()).hexdigest()


def same(one: str, other: str) -> bool:
    """Equality in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())


def _keys(listed: str) -> list[str]:
    return [word.strip() for word in listed.split(",") if word.strip()]


@functools.lru_cache(maxsize=4)
def _box(listed: str) -> MultiFernet:
    return MultiFernet([Fernet(_fernet_key(key)) for key in _keys(listed)])


def _fernet_key(key: str) -> bytes:
    """A Fernet key as it is; any other text is stretched to one."""
    try:
        if len(base64.urlsafe_b64decode(key)) == KEY_BYTES:
            return key.encode()
    except ValueError:
        pass
    return base64.urlsafe_b64encode(_derived(key, b"fernet"))


@functools.lru_cache(maxsize=16)
def _derived(key: str, purpose: bytes) -> bytes:
    return hashlib.scrypt(key.encode(), salt=b"leadops " + purpose, n=2**14, r=8, p=1, dklen=32)


@functools.lru_cache(maxsize=256)
def _person(kind: str) -> bytes:
    """blake2b separates uses by 16 bytes."""
    return hashlib.blake2b(kind.encode(), digest_size=16).digest()
