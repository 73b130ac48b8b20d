"""Who sees what of the record: staff all of it, account managers what concerns their recipients,
sources what they sent; and to which roles personal values are shown.

Every page and API view reads leads and events through a `Sight`, so that an object outside it is
not there at all (404), on whatever way somebody comes to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from django.db.models import Exists, OuterRef, QuerySet
from rest_framework.request import Request

from events.models import Delivery, Event, Lead, RecordSettings
from events.vocabulary import EventType
from leadops.lib.access import Caller, Principal

# What a source may know: how its leads were received, not who bought them, at which price.
SOURCE_TYPES = (
    EventType.SOURCE_SUBMITTED,
    EventType.SOURCE_ACCEPTED,
    EventType.SOURCE_REJECTED,
    EventType.FILTER_PASSED,
    EventType.FILTER_FAILED,
    EventType.FLOW_COMPLETED,
)
SOURCE_DATA: Mapping[str, tuple[str, ...]] = {EventType.FLOW_COMPLETED: ("result",)}


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody sees. `recipients`: only theirs (None: all); `source`: only its leads;
    `personal`: whether personal values are shown (None: to all who see everything)."""

    recipients: frozenset[str] | None = None
    source: str = ""
    personal: bool | None = None

    @property
    def sees_all(self) -> bool:
        return self.recipients is None and not self.source

    @property
    def sees_personal(self) -> bool:
        """Sources know what they sent; of staff the settings of the record say."""
        return self.recipients is None if self.personal is None else self.personal

    def revealing(self) -> Sight:
        """The same, with personal values."""
        return replace(self, personal=True)

    def leads(self) -> QuerySet[Lead]:
        leads = Lead.objects.all()
        if self.source:
            return leads.filter(source_id=self.source)
        if self.recipients is None:
            return leads
        theirs = Delivery.objects.filter(lead=OuterRef("pk"), recipient__in=self.recipients)
        return leads.filter(Exists(theirs))

    def events(self) -> QuerySet[Event]:
        """Events they may see; for a source only of leads that it is known to have sent."""
        events = Event.objects.all()
        if self.source:
            return events.filter(type__in=[kind.value for kind in SOURCE_TYPES])
        if self.recipients is None:
            return events
        return events.filter(entity_id__in=self.recipients)

    def sees_event(self, event: Event) -> bool:
        """The same as `events`, of an event at hand."""
        if self.source:
            return event.type in SOURCE_TYPES
        return self.recipients is None or event.entity_id in self.recipients

    def deliveries(self) -> QuerySet[Delivery]:
        deliveries = Delivery.objects.all()
        if self.source:
            return deliveries.none()
        if self.recipients is None:
            return deliveries
        return deliveries.filter(recipient__in=self.recipients)

    def sees_recipient(self, recipient_id: str) -> bool:
        return not self.source and (self.recipients is None or recipient_id in self.recipients)

    def data(self, event: Event) -> Mapping[str, Any]:
        """The event's own fields, without what a source may not know."""
        kept = SOURCE_DATA.get(event.type) if self.source else None
        if kept is None:
            return dict(event.data)
        return {name: event.data[name] for name in kept if name in event.data}

    def reason(self, event: Event) -> str:
        """Why; but a source is not told what buyers said."""
        if self.source and event.type == EventType.FLOW_COMPLETED:
            return str(event.reason) if event.data.get("result") == Lead.Result.STOPPED else ""
        return str(event.reason)


def of_user(user: Any, settings: RecordSettings | None = None) -> Sight:
    """The sight of a member of staff; `settings` where they are at hand for many."""
    personal = user.role in (settings or settings_for(user)).personal_shown_to
    if user.sees_all:
        return Sight(personal=personal)
    theirs = frozenset(user.visible_recipients().values_list("id", flat=True))
    return Sight(recipients=theirs, personal=personal)


def sees_personal(user: Any) -> bool:
    """Whether the role is shown people's values; asked once a request."""
    return user.role in settings_for(user).personal_shown_to


def settings_for(user: Any) -> RecordSettings:
    """The settings of the record; read once for a user at hand, which is one request's."""
    known = getattr(user, "_record_settings", None)
    if not isinstance(known, RecordSettings):
        known = user._record_settings = RecordSettings.current()
    return known


def caller(request: Request) -> Principal:
    """Who calls the API; its authentication gives nothing but principals."""
    return cast(Principal, request.user)


def of(principal: Principal) -> Sight:
    """The sight of a caller of the API. Partners see no leads here."""
    if principal.kind is Caller.SOURCE:
        return Sight(source=principal.id)
    if principal.kind is Caller.PARTNER:
        return Sight(recipients=frozenset({principal.id}))
    return of_user(principal.user)


def lead_reason(sight: Sight, lead: Lead) -> str:
    """Why a lead stands where it does; the words of one buyer are not for another, or a source."""
    own = lead.status == Lead.Status.REJECTED or lead.result == Lead.Result.STOPPED
    return str(lead.reason) if own or sight.sees_all else ""
