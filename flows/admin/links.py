"""Links that open a page to whoever has them, without a login: made, shown and revoked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget

from flows.trying import specifications
from leadops.lib.links import SignedLink


class LinkForm(forms.Form):
    days = forms.TypedChoiceField(
        coerce=int,
        choices=[(days, f"{days} days") for days in specifications.DAYS],
        initial=30,
        widget=UnfoldAdminSelectWidget,
        label="Good for",
    )


@dataclass(frozen=True, slots=True)
class Links:
    """The links about one thing. `page` is the name of the address that they open; `make` and
    `revoke` keep its history."""

    rows: Iterable[SignedLink]
    page: str
    make: Callable[..., SignedLink]
    revoke: Callable[..., None]

    def act(self, request: HttpRequest) -> None:
        """Make or revoke one, as the form posted here asks."""
        by = request.user.get_username()
        if wanted := request.POST.get("_revoke"):
            for link in self.rows:
                if str(link.pk) == wanted:
                    self.revoke(link, by=by)
                    messages.success(request, "Revoked the link. It opens nothing any more.")
            return
        form = LinkForm(request.POST)
        if form.is_valid():
            days = form.cleaned_data["days"]
            self.make(days=days, by=by, now=timezone.now())
            messages.success(request, f"Made a link that is good for {days} days.")

    def context(self, request: HttpRequest) -> dict[str, Any]:
        """What `specification/_links.html` shows."""
        now = timezone.now()
        shown = [self._shown(request, link, now) for link in self.rows]
        return {"form": LinkForm(), "links": shown, "now": now}

    def _shown(self, request: HttpRequest, link: SignedLink, now: datetime) -> dict[str, Any]:
        address = reverse(self.page, args=[link.token])
        return {
            "link": link,
            "address": request.build_absolute_uri(address),
            "ended": link.has_ended(now),
        }
