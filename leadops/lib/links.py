"""Links that open one page for a stranger: signed, with an end, revoked by deleting their row."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Self

from django.core import signing
from django.db import models


class SignedLink(models.Model):
    """Good until it expires or is deleted: what the address holds is its id, signed.

    Subclasses add an `id` and what the link is about, named in `about`; `salt` keeps one kind of
    link from opening another kind's page.
    """

    salt: ClassVar[str]
    about: ClassVar[tuple[str, ...]]

    made_by = models.CharField(max_length=150)
    made_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    class Meta:
        abstract = True
        ordering = ["-made_at"]

    def __str__(self) -> str:
        return f"by {self.made_by}, until {self.expires_at:%Y-%m-%d %H:%M:%S} UTC"

    def has_ended(self, now: datetime) -> bool:
        return self.expires_at <= now

    @property
    def token(self) -> str:
        return signing.Signer(salt=self.salt).sign(self.pk)

    @classmethod
    def of_token(cls, token: str) -> Self | None:
        """The link, ended or not; None where nobody signed the token or the link was revoked."""
        try:
            pk = signing.Signer(salt=cls.salt).unsign(token)
        except signing.BadSignature:
            return None
        return cls._default_manager.select_related(*cls.about).filter(pk=pk).first()
