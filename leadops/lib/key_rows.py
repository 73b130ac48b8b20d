"""Keys on a page: made or typed in, shown once, revoked."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from leadops.lib import secrets
from leadops.lib.admin import Rows, column
from leadops.lib.keys import ApiKey

SHORTEST = 16  # characters of a key that somebody types in


class KeyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A key's name; for a new one also the key itself, for an old one its end."""

    plain = forms.CharField(
        label="Key",
        required=False,
        min_length=SHORTEST,
        max_length=200,
        strip=True,
        widget=UnfoldAdminTextInputWidget(
            {"placeholder": "Blank: one is made and shown once", "autocomplete": "off"}
        ),
    )
    revoke = forms.BooleanField(label="Revoke", required=False, widget=UnfoldBooleanWidget)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        key: Any = self.instance
        if key.pk and "plain" in self.fields:
            self.fields["plain"].disabled = True
            ending = f"Ends with {key.hint}" if key.hint else "Not shown"
            self.fields["plain"].widget.attrs["placeholder"] = ending
        if "revoke" in self.fields:
            self.fields["revoke"].disabled = not key.pk or key.revoked_at is not None

    def has_changed(self) -> bool:
        """A row that was added counts although all of it may be left blank."""
        return super().has_changed() or not self.instance.pk

    def clean_plain(self) -> str:
        plain: str = self.cleaned_data["plain"] or ""
        model = type(self.instance)
        if plain and model._default_manager.filter(digest=secrets.hash_key(plain)).exists():
            raise ValidationError("This key is in use already.")
        if plain and not plain.isascii():
            raise ValidationError("Letters, digits and signs of ASCII only.")
        return plain

    def save(self, commit: bool = True) -> Any:
        key: Any = self.instance
        if not key.pk:
            plain = self.cleaned_data.get("plain") or secrets.new_key(self.prefix_of(key))
            key.set(plain)
            key.plain = plain
        elif self.cleaned_data.get("revoke"):
            key.revoked_at = timezone.now()
        return super().save(commit)

    @staticmethod
    def prefix_of(key: ApiKey) -> str:
        return {"SourceKey": "src", "PartnerKey": "rcp"}.get(type(key).__name__, "key")


class KeyRows(Rows):
    """Keys are revoked, never deleted: the history names them."""

    form = KeyForm
    fields = ("name", "plain", "made", "state", "revoke")
    readonly_fields = ("ending", "made", "state")
    can_delete = False
    verbose_name = "key"
    verbose_name_plural = "keys"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        reads = self.only_reads(request, obj)
        return ("name", "ending", "made", "state") if reads else self.fields

    @column(description="Ends with")
    def ending(self, key: ApiKey) -> str:
        return f"…{key.hint}" if key.hint else "–"

    @column(description="Made")
    def made(self, key: ApiKey) -> str:
        return f"{key.created_at:%Y-%m-%d %H:%M}" if key.pk else "–"

    @column(description="State")
    def state(self, key: ApiKey) -> str:
        if not key.pk:
            return "New"
        if key.revoked_at and key.revoked_at <= timezone.now():
            return f"Revoked {key.revoked_at:%Y-%m-%d %H:%M}"
        return "In use"


def show_new_keys(request: HttpRequest, formset: Any) -> None:
    """Tell the keys that were just made: the only time that they are seen."""
    for key in getattr(formset, "new_objects", ()):
        if isinstance(key, ApiKey) and (plain := getattr(key, "plain", "")):
            tell_key(request, key, plain)


def tell_key(request: HttpRequest, key: ApiKey, plain: str) -> None:
    messages.success(
        request,
        format_html(
            'Key {}: <code class="leadops-key">{}</code> Copy it now; it is not shown again.',
            f"“{key.name}”" if key.name else "made",
            plain,
        ),
    )
