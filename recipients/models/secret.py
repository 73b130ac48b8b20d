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
    second_value = SecretField(
        blank=True,
        help_text="While it is rotated: the next or the previous value. Where a recipient refuses "
        "the one, the other is tried once, and used if it is taken.",
    )
    expires_at = models.DateField(null=True, blank=True, help_text="When it must be rotated.")
    updated_at = models.DateTimeField(auto_now=True)

    # Written by the workers, once a minute at most.
    used_at = models.DateTimeField(null=True, blank=True, editable=False)
    second_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    # The date of expiry that somebody was alerted of.
    alerted_of = models.DateField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def serves_second(self) -> bool:
        """Whether a recipient took the second value since the values were changed last."""
        return bool(
            self.second_value and self.second_used_at and self.second_used_at > self.updated_at
        )
