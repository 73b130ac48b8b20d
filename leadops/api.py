"""The API's door: whose key it is."""

from __future__ import annotations

from typing import Any

from django.db import connection
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from leadops.accounts.models import User
from leadops.lib import secrets
from leadops.lib.access import Caller, Principal

# One look-up finds the key's owner, the clock and the configuration's number.
OWNER = """
    SELECT kind, owner, clock_timestamp(), (SELECT number FROM flows_revision WHERE id = 1)
    FROM (
        SELECT 'source' AS kind, source_id AS owner FROM flows_sourcekey
        WHERE digest = %(digest)s AND (revoked_at IS NULL OR revoked_at > now())
        UNION ALL
        SELECT 'partner', recipient_id FROM recipients_partnerkey
        WHERE digest = %(digest)s AND (revoked_at IS NULL OR revoked_at > now())
        UNION ALL
        SELECT 'staff', user_id::text FROM accounts_accountkey
        WHERE digest = %(digest)s AND (revoked_at IS NULL OR revoked_at > now())
    ) AS keys LIMIT 1
"""


class KeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer KEY`."""

    keyword = b"bearer"

    def authenticate(self, request: Request) -> tuple[Principal, None] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != self.keyword:
            return None
        if len(words) != 2:
            raise exceptions.AuthenticationFailed("Write Authorization: Bearer KEY.")
        with connection.cursor() as cursor:
            digest = secrets.hash_key(words[1].decode("latin-1"))
            cursor.execute(OWNER, {"digest": digest})
            row = cursor.fetchone()
        if row is None:
            raise exceptions.AuthenticationFailed("This key opens nothing.")
        kind, owner, at, revision = row
        user = self._user(owner) if kind == Caller.STAFF else None
        return Principal(Caller(kind), owner, at, revision or 0, user), None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

    @staticmethod
    def _user(owner: str) -> User:
        user = User.objects.filter(pk=owner, is_active=True).first()
        if user is None:
            raise exceptions.AuthenticationFailed("This account is closed.")
        return user


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = KeyAuthentication
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}
