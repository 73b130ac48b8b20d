"""Where a destination leads to, for those who read lists: without secrets."""

from __future__ import annotations

from events.models import Destination
from leadops.lib import locators


def place_of(destination: Destination) -> str:
    """One short line; secrets that stand in addresses are masked."""
    settings = destination.settings if isinstance(destination.settings, dict) else {}
    match destination.kind:
        case Destination.Kind.EMAIL:
            return str(settings.get("to", ""))
        case Destination.Kind.OBJECT_STORE:
            return f"s3://{settings.get('bucket', '')}/{settings.get('prefix', '')}"
        case Destination.Kind.FILE:
            return f"outbox/{settings.get('folder', '')}"
        case Destination.Kind.HTTP:
            return locators.place(str(settings.get("url", "")))
    return locators.without_secrets(str(settings.get("url", "")))
