"""The filters of event lists."""

from __future__ import annotations

from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet

from events import parameters
from events.models import Event
from leadops.lib.api import WrongShape
from recipients.outcomes import Outcome


class Words(forms.Field):
    """A parameter that may be given several times."""

    widget = forms.SelectMultiple

    def to_python(self, value: Any) -> list[str]:
        return [text for text in value or [] if text]


class TypesField(Words):
    def clean(self, value: Any) -> list[str]:
        try:
            return parameters.types(self.to_python(value))
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error


class OutcomesField(Words):
    def clean(self, value: Any) -> list[str]:
        words = [word for text in self.to_python(value) for word in text.split(",")]
        for word in words:
            if word not in list(Outcome):
                raise forms.ValidationError(f"There is no outcome {word[:60]!r}.")
        return words


class MomentField(forms.CharField):
    def __init__(self, *args: Any, end: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.end = end

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            return parameters.moment(text, end=self.end) if text else None
        except (ValueError, OverflowError) as error:
            raise forms.ValidationError(str(error)) from error


class PeriodForm(forms.Form):
    """A form with `start` and `end`, which must follow each other."""

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        start, end = given.get("start"), given.get("end")
        if start and end and start >= end:
            self.add_error("start", "It must be before end.")
        return given


class Types(django_filters.Filter):  # type: ignore[misc]  # the library ships no types
    field_class = TypesField


class Outcomes(django_filters.Filter):  # type: ignore[misc]
    field_class = OutcomesField


class Moment(django_filters.Filter):  # type: ignore[misc]
    field_class = MomentField


class EventFilters(django_filters.FilterSet):  # type: ignore[misc]
    """`lead_id`, `type` and `outcome` (repeatable), `entity_id`, `start` ≤ timestamp < `end`."""

    lead_id = django_filters.CharFilter()
    entity_id = django_filters.CharFilter()
    type = Types(lookup_expr="in", label="Event type; repeatable; recipient.* names a group")
    outcome = Outcomes(lookup_expr="in")
    start = Moment(field_name="timestamp", lookup_expr="gte")
    end = Moment(field_name="timestamp", lookup_expr="lt", end=True)

    class Meta:
        model = Event
        form = PeriodForm
        fields: list[str] = []


def filtered(events: QuerySet[Event], query: Any) -> QuerySet[Event]:
    """The events that the parameters ask for; raises WrongShape."""
    chosen = EventFilters(query, events)
    if not chosen.is_valid():
        raise WrongShape(
            "Some parameters are not what they should be.",
            {name: " ".join(map(str, errors)) for name, errors in chosen.errors.items()},
        )
    found: QuerySet[Event] = chosen.qs
    return found
