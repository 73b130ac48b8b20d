"""The app, and the bell that rings when configuration changes."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.apps import AppConfig, apps
from django.db.models.signals import m2m_changed, post_delete, post_save

# Written by workers, or read straight from the database: no reason to compile anything anew.
NOT_COMPILED = frozenset(
    {
        "work",
        "pump",
        "duplicateclaim",
        "recipientclaim",
        "suppressionentry",
        "suppressionupload",
        "suppressionpiece",
        "intakekey",
        "revision",
        "sourcekey",
        "partnerkey",
        "breaker",
        "bulkretry",
        "token",
        "testcase",
        "specificationlink",
        "submissionlink",
        "mappingversion",
        "flowversion",
        "flowmove",
        "bid",
        "batch",
        "leadimport",
        "leadimportpiece",
        "leadimportrow",
        "serviceanswer",
        "sourceping",
        "measured",
        "stepshare",
    }
)


class FlowsConfig(AppConfig):
    name = "flows"
    verbose_name = "Flows"

    def ready(self) -> None:
        from events import search
        from flows.byhand import hooked
        from flows.privacy import held

        for kind in ("email", "phone"):
            search.register(kind, partial(_normal, kind))
        held.register()
        hooked.register()
        for app in ("flows", "recipients"):
            for model in apps.get_app_config(app).get_models(include_auto_created=True):
                if model._meta.model_name not in NOT_COMPILED:
                    for signal in (post_save, post_delete, m2m_changed):
                        signal.connect(_changed, sender=model, dispatch_uid=f"{model}{signal}")
        post_save.connect(_changed, sender=apps.get_model("events", "RecordSettings"))


def _normal(kind: str, value: str) -> str | None:
    """The form under which intake makes a lead findable."""
    from flows import fields

    parsed = fields.parse(kind, value)
    return str(parsed.normal) if parsed.valid else None


def _changed(**_: Any) -> None:
    from flows import plans

    plans.changed()
