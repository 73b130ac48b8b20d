"""Kinds of authentication, one file each. How to add one: docs/authentication.md."""

from recipients.auth.base import Scheme
from recipients.auth.errors import AuthError, CredentialsRefused, TokenUnavailable
from recipients.auth.fetching import Fetching
from recipients.auth.keyring import Keyring, Used
from recipients.auth.registry import SCHEMES
from recipients.auth.session import Session
from recipients.auth.tokens import Token, Tokens, TokenStore

__all__ = [
    "SCHEMES",
    "AuthError",
    "CredentialsRefused",
    "Fetching",
    "Keyring",
    "Scheme",
    "Session",
    "Token",
    "TokenStore",
    "TokenUnavailable",
    "Tokens",
    "Used",
]
