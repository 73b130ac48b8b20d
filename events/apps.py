"""What happened, and everything read from it."""

from __future__ import annotations

from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "events"
    verbose_name = "Record"

    def ready(self) -> None:
        from events.privacy import held

        held.register()
