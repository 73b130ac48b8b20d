"""What happens when a recipient fails: its breakers as they stand, its retries as a picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from leadops.lib import durations
from leadops.lib.admin import ConsoleAdmin, column
from recipients import breaker, policies
from recipients.breaker import BAD, State
from recipients.models import Endpoint, Recipient
from recipients.models import RetryRule as RetryRow
from recipients.outcomes import Outcome
from recipients.retry import RetryPolicy, Try, timeline

TIMEOUT = 10.0  # of a recipient without a production endpoint
MOST_ROWS = 50  # retry rules that a picture reads
# Outcomes whose attempts take all of their time-out, for nobody answers.
HELD = frozenset({Outcome.UNKNOWN, Outcome.UNAVAILABLE})
MOMENT = "%Y-%m-%d %H:%M:%S UTC"
SAID = {
    State.CLOSED: "Closed: in use",
    State.OPEN: "Open: left alone",
    State.PROBING: "Probing: one attempt is under way",
    State.RAMPING: "Ramping up: a few at a time",
}
TONE = {State.CLOSED: "good", State.OPEN: "bad"}


@dataclass(frozen=True, slots=True)
class Mark:
    """A counted attempt in the strip; places are shares of its width in percent."""

    x: str
    width: str
    bad: bool


@dataclass(frozen=True, slots=True)
class Panel:
    """An endpoint's breaker as the page shows it."""

    kind: str
    said: str
    tone: str
    marks: tuple[Mark, ...]
    counted: str
    reason: str
    next_probe: str


def panels(recipient: Recipient, now: datetime) -> list[Panel]:
    """Those of all endpoints, production first."""
    policy = policies.breaker_policy(recipient)
    return [_panel(each, policy, now) for each in sorted(recipient.endpoints.all(), key=_place)]


def _place(endpoint: Endpoint) -> tuple[int, int]:
    return list(Endpoint.Kind.values).index(endpoint.kind), endpoint.position


def value_of(endpoint: Endpoint) -> breaker.Breaker:
    row = getattr(endpoint, "breaker", None)
    return row.value() if row is not None else breaker.Breaker()


def _panel(endpoint: Endpoint, policy: breaker.Policy, now: datetime) -> Panel:
    found = value_of(endpoint)
    return Panel(
        kind=endpoint.get_kind_display(),
        said=SAID[found.state] if policy.enabled else "Switched off",
        tone=TONE.get(found.state, "warn") if policy.enabled else "",
        marks=_marks(found.window, policy.of),
        counted=_counted(found),
        reason=found.reason if found.state is not State.CLOSED else "",
        next_probe=_next_probe(found, now),
    )


def _marks(window: str, of: int) -> tuple[Mark, ...]:
    step = 100 / max(of, len(window), 1)
    return tuple(
        Mark(x=f"{place * step:.3f}", width=f"{step * 0.72:.3f}", bad=sign == BAD)
        for place, sign in enumerate(window)
    )


def _counted(found: breaker.Breaker) -> str:
    if not found.window:
        return "Nothing counted yet"
    return f"{found.failed} of the last {len(found.window)} failed ({found.share:.0%})"


def _next_probe(found: breaker.Breaker, now: datetime) -> str:
    if found.state is State.RAMPING:
        return f"{found.used} of {found.quota} let through, {found.back} back"
    if found.state is State.PROBING and found.until:
        return f"Its lease ends {found.until:{MOMENT}}"
    if found.state is not State.OPEN:
        return ""
    if found.until is None:
        return "Until somebody closes it"
    left = round((found.until - now).total_seconds())
    when = f"in {_seconds(left)}" if left > 0 else "with the next delivery"
    return f"Next probe {found.until:{MOMENT}} ({when})"


@dataclass(frozen=True, slots=True)
class Bar:
    """A try in the picture; `x`, `jitter` and `width` are shares of its width in percent."""

    number: int
    x: str
    jitter_x: str
    jitter_width: str
    width: str
    begins: str
    timeout: str


@dataclass(frozen=True, slots=True)
class Line:
    """The tries of one outcome."""

    outcome: str
    held: bool
    bars: tuple[Bar, ...]
    ends: str
    title: str


@dataclass(frozen=True, slots=True)
class Picture:
    """When the tries would happen. `silent` are the outcomes that are not tried again."""

    lines: tuple[Line, ...] = ()
    silent: tuple[str, ...] = ()
    growth: str = ""
    problem: str = ""


def picture(policy: RetryPolicy, base: float) -> Picture:
    """Of every outcome that can be tried again; `base` is the time-out in seconds."""
    lines, silent = [], []
    for outcome in Outcome:
        if outcome in (Outcome.ACCEPTED, Outcome.SKIPPED):
            continue
        tries = timeline(policy, outcome, base=base, held=outcome in HELD)
        if len(tries) > 1:
            lines.append(_line(outcome, tries))
        else:
            silent.append(outcome.value)
    return Picture(tuple(lines), tuple(silent), growth=f"{policy.timeout_growth:g}")


def _line(outcome: Outcome, tries: list[Try]) -> Line:
    held = outcome in HELD
    end = max(each.latest + (each.timeout if held else 0.0) for each in tries) or 1.0
    scale = 96 / end  # the last mark has a width of its own
    bars = tuple(
        Bar(
            number=each.number,
            x=f"{each.latest * scale:.3f}",
            jitter_x=f"{each.earliest * scale:.3f}",
            jitter_width=f"{(each.latest - each.earliest) * scale:.3f}",
            width=f"{max(each.timeout * scale, 0.6):.3f}" if held else "0.6",
            begins=_span(each),
            timeout=_seconds(each.timeout),
        )
        for each in tries
    )
    said = ", ".join(f"try {bar.number} at {bar.begins}" for bar in bars)
    return Line(outcome.value, held, bars, _seconds(end), f"{outcome.value}: {said}")


def _span(each: Try) -> str:
    early, late = _seconds(each.earliest), _seconds(each.latest)
    return late if early == late else f"{early} – {late}"


def _seconds(value: float) -> str:
    """As people say it: 7.5 s, 3 min 20 s, 2 h 5 min."""
    if value < 60:
        return f"{value:.3g} s"
    whole = round(value)
    if whole < 3600:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")
    minutes = round(whole / 60)
    return f"{minutes // 60} h" + (f" {minutes % 60} min" if minutes % 60 else "")


def saved_picture(recipient: Recipient) -> Picture:
    """By the saved policy."""
    rows = recipient.retry_rules.all() if recipient.pk and not recipient._state.adding else ()
    try:
        return picture(policies.retry_policy(recipient, rows), _base(recipient))
    except ValueError as error:
        return Picture(problem=str(error))


def _base(recipient: Recipient) -> float:
    endpoints = [] if recipient._state.adding else list(recipient.endpoints.all())
    return next((e.timeout for e in endpoints if e.kind == Endpoint.Kind.PRODUCTION), TIMEOUT)


def drafted_picture(posted: Mapping[str, Any]) -> Picture:
    """By what stands in the page's form, saved or not; what is wrong in it is said."""
    try:
        recipient, rows = _drafted(posted)
        for each in (recipient, *rows):
            each.clean_fields(exclude=_unposted(each))
        return picture(policies.retry_policy(recipient, rows), _drafted_base(posted))
    except ValidationError as error:
        said = "; ".join(f"{name}: {' '.join(text)}" for name, text in error.message_dict.items())
        return Picture(problem=said)
    except ValueError as error:
        return Picture(problem=str(error))


RECIPIENT_FIELDS = ("retry_timeout_growth", "retry_max_age")
ROW_FIELDS = ("outcome", "times", "backoff", "factor", "max_wait", "jitter", "then")


def _unposted(each: Any) -> set[str]:
    read = RECIPIENT_FIELDS if isinstance(each, Recipient) else ROW_FIELDS
    return {field.name for field in each._meta.fields} - set(read)


def _drafted(posted: Mapping[str, Any]) -> tuple[Recipient, list[RetryRow]]:
    recipient = Recipient()
    for name in RECIPIENT_FIELDS:
        if name in posted:
            setattr(recipient, name, posted[name].strip() or None)
    rows = []
    for number in range(min(_whole(posted.get("retry_rules-TOTAL_FORMS", "0")), MOST_ROWS)):
        prefix = f"retry_rules-{number}-"
        values = {name: str(posted.get(prefix + name, "")).strip() for name in ROW_FIELDS}
        if values["outcome"] and not posted.get(prefix + "DELETE"):
            rows.append(RetryRow(**{name: value for name, value in values.items() if value}))
    return recipient, rows


def _drafted_base(posted: Mapping[str, Any]) -> float:
    for number in range(min(_whole(posted.get("endpoints-TOTAL_FORMS", "0")), MOST_ROWS)):
        if posted.get(f"endpoints-{number}-kind") == Endpoint.Kind.PRODUCTION:
            return durations.parse(posted.get(f"endpoints-{number}-timeout", "") or TIMEOUT)
    return TIMEOUT


def _whole(text: Any) -> int:
    return int(text) if str(text).isdigit() else 0


class FailingMixin(ConsoleAdmin):
    """The part of a recipient's page about failing, and the address that draws its picture."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.picture_view)
        ours = path("retry-picture/", view, name="recipients_recipient_retry_picture")
        return [ours, *super().get_urls()]

    def picture_view(self, request: HttpRequest) -> HttpResponse:
        """The picture for the values of a form, which need not be saved."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        context = {"picture": drafted_picture(request.POST)}
        return TemplateResponse(request, "admin/recipients/retry_picture.html", context)

    @column(description="Breakers")
    def breakers(self, recipient: Recipient) -> SafeString | str:
        found = panels(recipient, timezone.now()) if recipient.pk else []
        if not found:
            return "There is no endpoint yet."
        # Rendered by a template, which escapes.
        return mark_safe(render_to_string("admin/recipients/breakers.html", {"panels": found}))  # noqa: S308


def picture_url() -> str:
    return reverse("admin:recipients_recipient_retry_picture")


def left_alone(endpoints: Iterable[Endpoint]) -> list[str]:
    """A sentence for each endpoint whose breaker is not closed."""
    found = []
    for endpoint in sorted(endpoints, key=_place):
        state = value_of(endpoint)
        if state.state is not State.CLOSED:
            reason = f" ({state.reason})" if state.reason else ""
            found.append(f"The {endpoint.kind} endpoint’s breaker is {state.state}{reason}.")
    return found
