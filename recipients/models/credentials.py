"""How one shows who one is: declared once for all that is called over HTTP."""

from __future__ import annotations

from django.db import models

from leadops.lib.fields import SecretField
from recipients import validation


class Credentials(models.Model):
    """The columns of authentication; `recipients.auth` says what each kind makes of them."""

    class Auth(models.TextChoices):
        NONE = "none"
        API_KEY = "api_key", "API key"
        BEARER = "bearer", "Bearer token"
        BASIC = "basic", "Basic"
        HEADERS = "headers", "Headers below"
        DIGEST = "digest", "Digest"
        OAUTH2 = "oauth2", "OAuth 2.0"
        JWT = "jwt", "OAuth 2.0 with a signed JWT"
        LOGIN = "login", "Token from a login call"
        HMAC = "hmac", "HMAC signature of the body"

    auth = models.CharField(max_length=12, choices=Auth.choices, default=Auth.NONE)
    auth_name = models.CharField(
        max_length=100, blank=True, help_text="Header or query parameter of an API key."
    )
    auth_place = models.CharField(
        max_length=8,
        default="header",
        choices=[("header", "Header"), ("query", "Query parameter")],
    )
    auth_username = models.CharField(max_length=300, blank=True)
    auth_secret = SecretField(
        "key, token or password",
        blank=True,
        help_text="Kept encrypted, never shown again. ${NAME} takes it from the secrets.",
    )
    auth_options = models.JSONField(
        "options of the authentication",
        default=dict,
        blank=True,
        validators=[validation.written_options],
        help_text="Those of the kind chosen. Secrets are written ${NAME}.",
    )

    class Meta:
        abstract = True
