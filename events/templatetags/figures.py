"""Figures as people read them. Nothing there is a dash, never a zero."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from events import metrics, readable
from events.vocabulary import FAILURES, EventType

register = template.Library()
NONE = "–"
TEXTS = {kind.value: kind.text for kind in EventType}
TONES = {
    "good": {"accepted", "sold", "done", "delivered", "passed", "success", "active", "processed"},
    "warn": {"rejected", "duplicate", "invalid", "waiting", "review", "declined", "unsold",
             "scheduled", "rate_limited", "skipped", "stopped", "failed_filter"},
    "bad": {"failed", "server_error", "unreadable", "unavailable", "unknown", "unauthorized",
            "error"},
    "info": {"working", "sending", "submitted", "attempted", "received"},
}  # fmt: skip


@register.filter
def number(value: float | None) -> str:
    return NONE if value is None else f"{value:,}"


@register.filter
def percent(value: float | None) -> str:
    return NONE if value is None else f"{value * 100:.1f} %"


@register.filter
def money(value: Decimal | float | None) -> str:
    """Two places, with the minus before the amount."""
    if value is None:
        return NONE
    sign = "−" if value < 0 else ""
    return f"{sign}{abs(value):,.2f}"


@register.filter
def ms(value: float | None) -> str:
    """Milliseconds, from a second on in seconds, from two minutes on in minutes and more."""
    if value is None:
        return NONE
    if value < 999.5:
        return f"{value:.0f} ms"
    if value < 120_000:
        return f"{value / 1000:.1f} s" if value < 9_950 else f"{value / 1000:.0f} s"
    if value < 7_200_000:
        return f"{value / 60_000:.0f} min"
    return f"{value / 3_600_000:.0f} h" if value < 172_800_000 else f"{value / 86_400_000:.0f} d"


@register.filter
def unit(value: Any, kind: str) -> str:
    """A number of a chart's table."""
    formats = {"money": money, "percent": percent, "ms": ms}
    return formats.get(kind, number)(value)


@register.filter
def tone(word: str) -> str:
    """Which colour goes with a word; the word itself is always there too."""
    return next((name for name, words in TONES.items() if word in words), "muted")


@register.filter
def rate_tone(value: float | None) -> str:
    if value is None:
        return "muted"
    return "good" if value >= 0.9 else "warn" if value >= 0.75 else "bad"


@register.simple_tag
def badge(word: str, tone_name: str = "", text: str = "") -> SafeString:
    shown = text or word.replace("_", " ")
    return format_html('<span class="lo-badge lo-{}">{}</span>', tone_name or tone(word), shown)


def _plain(words: str) -> SafeString:
    return format_html('<span class="lo-change lo-muted">{}</span>', words)


@register.simple_tag
def change(now: Any, before: Any, good: str = "up", words: str = "") -> SafeString:
    """An arrow and by how much; coloured by whether growth is good (`up`, `down`, `neutral`)."""
    grown = metrics.change(now, before)
    if grown is None:
        return _plain("no comparison")
    if abs(grown) < 0.0005:
        return _plain("unchanged")
    arrow = "▲" if grown > 0 else "▼"
    better = (grown > 0) == (good == "up")
    name = "muted" if good == "neutral" else "good" if better else "bad"
    size = f"{abs(grown) * 100:.1f}" if abs(grown) < 10 else f"{abs(grown) * 100:,.0f}"
    return format_html(
        '<span class="lo-change lo-{}" title="{}">{} {} %</span>', name, words, arrow, size
    )


@register.simple_tag
def points(
    now: float | None, before: float | None, good: str = "up", words: str = ""
) -> SafeString:
    """The change of a rate, in percentage points."""
    if now is None or before is None:
        return _plain("no comparison")
    grown = round((now - before) * 100, 1)
    if not grown:
        return _plain("unchanged")
    arrow, better = ("▲" if grown > 0 else "▼"), (grown > 0) == (good == "up")
    return format_html(
        '<span class="lo-change lo-{}" title="{}">{} {} pts</span>',
        "good" if better else "bad",
        words,
        arrow,
        f"{abs(grown):.1f}",
    )


@register.filter
def ago(at: datetime | None) -> str:
    """How long ago, in one unit."""
    if at is None:
        return NONE
    text = timesince(at, timezone.now(), depth=1).replace("\xa0", " ")
    return "just now" if text.startswith("0 ") else f"{text} ago"


@register.filter
def pretty(value: Any) -> str:
    """A value of a snapshot or event as text."""
    if isinstance(value, str):
        return value
    if value is None:
        return NONE
    if isinstance(value, dict | list):
        return json.dumps(value, indent=2, ensure_ascii=False)
    return json.dumps(value)


@register.filter
def laid_out(body: str) -> str:
    """A request or reply, to be read."""
    return readable.pretty(body)


@register.filter
def exact(value: Any) -> str:
    """A value as JSON, so that the text "85" and the number 85 look different."""
    return json.dumps(value, ensure_ascii=False)


@register.simple_tag(takes_context=True)
def address(context: dict[str, Any], **changes: Any) -> str:
    """This page's query with some parameters changed; None removes one."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        name = name.rstrip("_")
        query.pop(name, None)
        if value is not None:
            query[name] = value
    return f"?{query.urlencode()}"


@register.filter
def at(values: Any, place: int) -> Any:
    """The line of a chart behind a table's column; the first column holds the times."""
    return values[place - 1]


@register.filter
def share(value: float | None) -> str:
    """A share as a width in per cent, written for CSS."""
    return f"{min(max(value or 0, 0), 1) * 100:.1f}"


@register.filter
def millis(at: datetime) -> str:
    """The milliseconds of a moment, three digits."""
    return f"{at.microsecond // 1000:03d}"


@register.filter
def of(found: Mapping[str, Any], key: str) -> Any:
    """What stands under a key, None where nothing does."""
    return found.get(key)


@register.filter
def failed(event: Any) -> bool:
    """Whether an event tells of something that went wrong."""
    return event.type in FAILURES


@register.filter
def meaning(kind: str) -> str:
    """What an event type says, in a sentence; blank for one that is not known."""
    return TEXTS.get(kind, "")
