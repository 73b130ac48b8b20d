"""What happened, and everything read from it."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class EventsConfig(AppConfig):
    name = "events"
    verbose_name = "Record"

    def ready(self) -> None:
        from events.privacy import held

        held.register()
        post_migrate.connect(_count_on, sender=self)


def _count_on(**_kwargs: object) -> None:
    """`migrate` is what runs first after a restore."""
    from events.sealing import restored

    restored.after_migrate()
