"""Named secrets, the store behind `${NAME}`."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models

from leadops.lib.fields import SecretField


class Secret(models.Model):
    """A value that configuration names and never shows."""

    name = models.CharField(
        max_length=100,
        unique=True,
        validators=[RegexValidator(r"^[A-Z][A-Z0-9_]*\Z", "Capitals, digits and underscores.")],
        help_text="Used as ${NAME} in headers and credentials. The environment comes first.",
    )
    value = SecretField(help_text="Kept encrypted, never shown again.")
    expires_at = models.DateField(null=True, blank=True, help_text="When it must be rotated.")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
