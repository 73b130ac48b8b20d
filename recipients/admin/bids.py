"""How a recipient bids in auctions, as a card on its page."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from unfold.forms import PaginationInlineFormSet

from leadops.lib import locators
from leadops.lib.admin import Cards, column
from recipients.models import Endpoint, Ping

NO_ENDPOINT = "Say where it is asked: add an endpoint of the kind ping, or name a static bid."
NO_BIDS = "There is an endpoint of the kind ping: say how its bids are read, or remove it."


class PingFormSet(PaginationInlineFormSet):  # type: ignore[misc]
    def clean(self) -> None:
        """An endpoint for pings and what is said of bids belong together."""
        super().clean()
        asked = [form for form in self.forms if self._asks(form)]
        if not asked and not self._kept() and self._has_endpoint():
            raise ValidationError(NO_BIDS)
        for form in asked:
            if not self._has_endpoint():
                form.add_error("bid_path", NO_ENDPOINT)

    def _kept(self) -> list[Any]:
        there = [form for form in self.forms if form.has_changed() or form.instance.pk]
        return [form for form in there if form not in self.deleted_forms]

    def _asks(self, form: Any) -> bool:
        data = getattr(form, "cleaned_data", {})
        return form in self._kept() and bool(data) and data.get("static_bid") is None

    def _has_endpoint(self) -> bool:
        """As the page that is sent has it: its endpoints are saved together with this."""
        count = self.data.get("endpoints-TOTAL_FORMS", "")
        if not str(count).isdigit():
            return bool(self.instance.pk) and self.instance.endpoints.filter(kind="ping").exists()
        return any(
            self.data.get(f"endpoints-{place}-kind") == Endpoint.Kind.PING
            and not self.data.get(f"endpoints-{place}-DELETE")
            for place in range(int(count))
        )


class PingCard(Cards):
    model = Ping
    formset = PingFormSet
    verbose_name = "bids"
    verbose_name_plural = "bids"
    max_num = 1
    show_count = False
    code_lines = ("success", "bid_path", "bid_id_path", "reason_path", "lost_url")
    code_boxes = {"mapping": 5}
    money = ("minimum", "static_bid")
    template_before = "admin/recipients/bids_note.html"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "mapping",
                    "success",
                    ("bid_path", "bid_id_path"),
                    "reason_path",
                    ("minimum", "margin"),
                    "static_bid",
                    "lost_url",
                )
            },
        ),
    )

    @column(description="Lost URL")
    def read_lost_url(self, ping: Ping) -> str:
        return locators.without_secrets(ping.lost_url) or "–"

    def get_extra(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int:
        return 0
