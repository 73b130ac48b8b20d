"""Every kind of authentication by the word that bundles and the admin use."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from recipients.auth.base import Scheme
from recipients.auth.digest import Digest
from recipients.auth.hmac import Hmac
from recipients.auth.jwt import Jwt
from recipients.auth.login import Login
from recipients.auth.oauth2 import OAuth2
from recipients.auth.plain import ApiKey, Basic, Bearer, Headers
from recipients.plan import AuthKind

SCHEMES: Mapping[AuthKind, Scheme] = MappingProxyType(
    {
        AuthKind.NONE: Scheme(),
        AuthKind.API_KEY: ApiKey(),
        AuthKind.BEARER: Bearer(),
        AuthKind.BASIC: Basic(),
        AuthKind.HEADERS: Headers(),
        AuthKind.DIGEST: Digest(),
        AuthKind.OAUTH2: OAuth2(),
        AuthKind.JWT: Jwt(),
        AuthKind.LOGIN: Login(),
        AuthKind.HMAC: Hmac(),
    }
)
