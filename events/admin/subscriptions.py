"""Push subscriptions: who gets which events, how far each has got, and what is in its way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.expressions import RawSQL
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget

from events import directory, following
from events.admin.unmasked import MaskedUnlessSeen
from events.following import Lag, Position
from events.models import EventSubscription, HookFollower
from events.parameters import moment
from events.pushing import steering
from events.pushing.batches import test_body
from events.pushing.sending import send
from events.retention import readers, terms
from events.retention.readers import Reader
from events.retention.terms import Kept
from leadops.lib import durations, ids
from leadops.lib.admin import (
    Pausable,
    ReasonForm,
    asked,
    button,
    column,
    done,
    mono,
    pause_button,
    resume_button,
)
from leadops.lib.http import Door

MINUTES = timedelta(minutes=2)  # from there on seconds say nothing


class WordsField(forms.CharField):
    """A list of words, written with commas or spaces between them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.pop("encoder", None)
        kwargs.pop("decoder", None)
        super().__init__(*args, widget=UnfoldAdminTextInputWidget(), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return " ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return [word for word in str(value or "").replace(",", " ").split() if word]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool((initial or []) != self.to_python(data))


def names(model: str, kind: str) -> Callable[[list[str]], None]:
    """Refuses slugs that name none of a model's rows."""

    def check(slugs: list[str]) -> None:
        known = {party.slug for party in directory.parties(model)}
        for slug in slugs:
            if slug not in known:
                raise ValidationError(f"There is no {kind} {slug[:60]!r}.")

    return check


PARTIES = {"flows": ("flows.Flow", "flow"), "recipients": ("recipients.Recipient", "recipient")}


class RewindForm(ReasonForm):
    field_order = ("to", "reason")
    to = forms.CharField(
        label="To",
        max_length=60,
        widget=UnfoldAdminTextInputWidget(),
        help_text="A moment (2026-01-15T10:30:00Z), the id of the last event that it has "
        "(evt_…), start, or now.",
    )

    def clean_to(self) -> Position:
        text = str(self.cleaned_data["to"]).strip()
        try:
            return place_of(text)
        except (ValueError, LookupError) as error:
            raise ValidationError(str(error)) from error


def place_of(text: str) -> Position:
    """Where in the record `text` says; raises ValueError and NoSuchPosition."""
    if text in ("start", "now"):
        return following.START if text == "start" else following.tip()
    if text.startswith("evt_"):
        return following.position_of(text)
    return following.position_at(moment(text))


@admin.register(EventSubscription)
class EventSubscriptionAdmin(Pausable, MaskedUnlessSeen):
    list_display = ("slug", "leads_to", "state", "behind", "last")
    list_filter = ("active",)
    list_filter_submit = True
    search_fields = ("slug", "url")
    search_help_text = "Slug or address"
    fieldsets = (
        (None, {"fields": (("slug", "active"), "url", ("secret", "previous_secret"))}),
        ("What it gets", {"fields": ("types", ("flows", "recipients"), ("with_lead", "masked"))}),
        ("Batches", {"fields": (("batch_size", "batch_age", "timeout"),)}),
        (
            "Condition",
            {
                "fields": (
                    ("state", "behind"),
                    ("last", "delivered"),
                    ("kept", "lost"),
                    "trouble",
                )
            },
        ),
    )
    readonly_fields = ("state", "behind", "last", "delivered", "kept", "lost", "trouble")
    actions_detail: ClassVar = ("pause", "resume", "send_test_batch", "rewind")

    def get_queryset(self, request: HttpRequest) -> Any:
        """With what waits for each, in the same query."""
        table = EventSubscription._meta.db_table
        lag = following.LAG.format(tx=f"{table}.tx", id=f"{table}.after")
        waiting = RawSQL(f"({lag})", [], output_field=models.JSONField())  # noqa: S611
        return super().get_queryset(request).annotate(waiting=waiting)

    def formfield_for_dbfield(
        self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        if isinstance(db_field, models.JSONField):
            kind = PARTIES.get(db_field.name)
            return WordsField(
                required=False,
                validators=[*db_field.validators, *([names(*kind)] if kind else [])],
                label=str(db_field.verbose_name).capitalize(),
                help_text=HELP[db_field.name],
            )
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Bundles and receivers know it by its slug, which stays."""
        names = super().get_readonly_fields(request, obj)
        return names if obj is None else (*names, "slug")

    def is_paused(self, id: str) -> bool | None:
        found = EventSubscription.objects.filter(pk=id).first()
        return None if found is None else found.paused_at is not None

    def has_steer_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        may = self.has_change_permission(request)
        return may and (not object_id or self.is_paused(unquote(object_id)) is not None)

    @column(description="Leads to")
    def leads_to(self, subscription: EventSubscription) -> str:
        return mono(subscription.url.partition("?")[0])

    @column(
        description="State",
        label={"Good": "success", "New": "info", "Failing": "danger", "Paused": "warning"},
    )
    def state(self, subscription: EventSubscription) -> str:
        if not subscription.active:
            return "Off"
        if subscription.paused_at:
            return "Paused"
        if subscription.failing_since:
            return "Failing"
        return "Good" if subscription.delivered_at else "New"

    @column(description="Behind")
    def behind(self, subscription: EventSubscription) -> str:
        found = getattr(subscription, "waiting", None)
        if subscription.tx is None or found is None:
            return "Begins with what comes next"
        return lag_text(following.lag_of(found))

    @column(description="Last batch taken", ordering="delivered_at")
    def last(self, subscription: EventSubscription) -> str:
        at = subscription.delivered_at
        return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "None yet"

    @column(description="What waits is kept until")
    def kept(self, subscription: EventSubscription) -> str:
        """The time that is left before retention takes it."""
        return kept_text(readers.of_subscription(subscription))

    @column(description="Missed")
    def lost(self, subscription: EventSubscription) -> str:
        return missed_text(subscription)

    @column(description="Trouble")
    def trouble(self, subscription: EventSubscription) -> str:
        said = []
        if subscription.paused_at:
            said.append(f"Paused {subscription.paused_at:%Y-%m-%d %H:%M} UTC: ")
            said.append(subscription.paused_reason)
        elif subscription.failed_at:
            tries = f", {subscription.failures} tries" if subscription.failures else ", over since"
            said.append(f"{subscription.failed_at:%Y-%m-%d %H:%M:%S} UTC{tries}: ")
            said.append(subscription.failed_reason)
        return "".join(said) or "–"

    @pause_button(
        "Pause this subscription", "Events wait for it, as long as the record keeps them."
    )
    def pause(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        subscription = self._one(object_id)
        reason, by = form.cleaned_data["reason"], request.user.get_username()
        steering.pause(subscription, reason=reason, by=by)
        messages.success(request, f"Paused {subscription}. What happens waits for it.")
        return done()

    @resume_button("Resume this subscription", "It gets what has waited, in order.")
    def resume(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        subscription = self._one(object_id)
        reason, by = form.cleaned_data["reason"], request.user.get_username()
        steering.resume(subscription, reason=reason, by=by)
        messages.success(request, f"Resumed {subscription}. What has waited is on its way.")
        return done()

    @button(
        description="Send a test batch",
        icon="send",
        permissions=["steer"],
        dialog=asked(
            "Send a test batch",
            "A signed batch without events, marked as a test. The position stays.",
            submit="Send",
            form=BaseDialogForm,
        ),
    )
    def send_test_batch(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        subscription, now = self._one(object_id), timezone.now()
        door = Door(private_networks=settings.LEADOPS_PRIVATE_NETWORKS, pool_size=1)
        try:
            body = test_body(subscription, now)
            refusal = send(subscription, door, id=ids.new_id("msg"), body=body, now=now)
        finally:
            door.close()
        if refusal is None:
            messages.success(request, f"{subscription} took the test batch.")
        else:
            messages.error(request, f"{subscription} did not take it: {refusal.reason}")
        return done()

    @button(
        description="Rewind",
        icon="fast_rewind",
        permissions=["steer"],
        dialog=asked(
            "Go on from another place",
            "It gets everything from there on again, in new batches.",
            submit="Rewind",
            form=RewindForm,
        ),
    )
    def rewind(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        subscription = self._one(object_id)
        to, reason = form.cleaned_data["to"], form.cleaned_data["reason"]
        steering.rewind(subscription, to, by=request.user.get_username(), reason=reason)
        messages.success(request, f"{subscription} goes on from there.")
        return done()

    def _one(self, object_id: str) -> EventSubscription:
        return EventSubscription.objects.get(pk=unquote(object_id))


HELP = {
    "types": "For example: recipient.* flow.completed. None: all.",
    "flows": "Slugs of flows. None: all.",
    "recipients": "Slugs of recipients. None: all.",
}


def kept_text(reader: Reader | None) -> str:
    """Of one who follows the record: `2026-12-01 00:00 UTC, in 2 days 4 hours`."""
    in_force = terms.load()
    if in_force.longest(Kept.EVENTS) >= durations.FOREVER:
        return "Events are kept for ever"
    found = readers.left(reader, in_force) if reader else None
    return found.words(in_force.now) if found else "Nothing waits"


def missed_text(row: EventSubscription | HookFollower) -> str:
    """What retention took before it was sent or looked at."""
    if not row.missed or row.missed_from is None or row.missed_to is None:
        return "Nothing"
    span = f"{row.missed_from:%Y-%m-%d %H:%M} to {row.missed_to:%Y-%m-%d %H:%M} UTC"
    return f"{row.missed:,} event{'' if row.missed == 1 else 's'}; the last of {span}"


def lag_text(lag: Lag) -> str:
    """`120 events, 35 s` or `2 days 4 hours`; events of all kinds, wanted or not."""
    if not lag.events or lag.since is None:
        return "Nothing waits"
    more = "more than " if lag.events >= following.MOST_COUNTED else ""
    waited = max(timezone.now() - lag.since, timedelta())
    age = readers.length(waited) if waited >= MINUTES else f"{waited.total_seconds():.0f} s"
    return f"{more}{lag.events:,} events of the record, {age}"
