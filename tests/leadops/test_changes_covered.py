"""Every model is configuration whose changes are recorded, or written by the system alone; and what
a change of each says: before and after, who, from where, and of secrets only that they changed."""

from __future__ import annotations

import json
from datetime import time
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import models
from django.test import Client

from events import models as record
from events.models import Event
from flows.models import Enhancement, Step
from leadops import changes
from leadops.accounts import roles
from leadops.config.loading import load
from leadops.lib import durations
from leadops.lib.admin import change_url
from leadops.lib.fields import SecretField
from recipients.models import Secret, SuppressionList
from tests import factories
from tests.pages import sign_in, submit

pytestmark = pytest.mark.django_db
OURS = ("accounts", "recipients", "flows", "events")
# Neither configuration nor shown in the admin's lists: written by the system, or recorded with the
# object that they belong to.
BY_THE_SYSTEM = {
    "accounts.signins", "events.figure", "events.rollup", "events.tally", "events.leadkey",
    "events.privacyrequest", "events.savedsearch", "events.hookfollower", "events.hookcount",
    "events.hooknotice", "events.hookfiring", "events.streamsbeat", "flows.batch",
    "flows.batchanswer", "flows.bid", "flows.capcount",
    "flows.duplicateclaim", "flows.flowmove", "flows.flowversion", "flows.intakekey",
    "flows.measured", "flows.pricefigure", "flows.recipientclaim", "flows.revision",
    "flows.serviceanswer", "flows.stepshare", "flows.sourceping", "recipients.batching",
    "recipients.breaker", "recipients.mappingversion", "recipients.suppressionentry",
    "recipients.suppressionpiece", "recipients.token",
}  # fmt: skip


def test_every_model_is_recorded_or_known_to_be_none_of_ours_to_change():
    shaped = set(changes.SHAPES)
    unknown = {
        kind._meta.label_lower
        for app in OURS
        for kind in apps.get_app_config(app).get_models()
        if kind not in shaped
        and not kind._meta.auto_created
        and kind._meta.model_name not in roles.RECORD
        and kind._meta.label_lower not in BY_THE_SYSTEM
    }
    assert unknown == set(), "say in leadops.changes what of it is configuration"
    tops = {each for each in shaped if each not in changes.PARENTS}
    assert tops == set(changes.KINDS)
    editable = {
        kind
        for kind in admin.site._registry
        if kind._meta.app_label in OURS and kind._meta.model_name not in roles.RECORD
    }
    assert editable <= shaped


def made() -> list[models.Model]:
    """One of each kind at the top, with children."""
    recipient = factories.make_recipient(key="rcp_key_0123456789")
    source = factories.make_source(key="src_key_0123456789")
    flow = factories.make_flow(source, recipient)
    step = Step.objects.create(flow=flow, name="score", kind="enhance", position=2)
    Enhancement.objects.create(step=step, url="https://score.example/ask")
    destination = record.Destination.objects.create(slug="lake", settings={"to": ["a@b.example"]})
    return [
        recipient,
        source,
        flow,
        factories.make_user(key="usr_key_0123456789"),
        Secret.objects.create(name="TOKEN", value="first"),
        SuppressionList.objects.create(slug="dnc", name="DNC", fields=["email"]),
        record.AlertThreshold.objects.create(name="Low", metric="delivery_rate", below="0.9"),
        record.Channel.objects.create(slug="ops", url="mailto:ops@example.com"),
        destination,
        record.EventSubscription.objects.create(slug="push", url="https://in.example/x"),
        record.EventHook.objects.create(slug="watch", name="Watch"),
        record.ExportSchedule.objects.create(slug="daily", at=time(6), destination=destination),
        record.RecordSettings.objects.get_or_create(id=1)[0],
    ]


def other(column: Any, value: Any) -> Any:
    """Another value for a column; None where it takes none that is made up."""
    if isinstance(column, SecretField):
        return "s3cret-" + column.name
    if isinstance(column, models.BooleanField):
        return not value
    if isinstance(column, models.DecimalField):
        return Decimal("0.125")
    if isinstance(column, models.IntegerField | models.FloatField):
        return (value or 0) + 1 if value != durations.FOREVER else 86_400.0
    if isinstance(column, models.JSONField) and isinstance(value, list):
        return [*value, "another"]
    if isinstance(column, models.CharField | models.TextField) and not column.choices:
        longer = (value or "") + "x"
        return longer if len(longer) <= (column.max_length or 999) else "x" + longer[1:-1]
    return None


def test_each_kind_says_before_and_after_and_no_secret():
    tops = made()
    assert {type(top) for top in tops} == set(changes.KINDS)
    for top in tops:
        if isinstance(top, Secret):
            columns = [top._meta.get_field("value")]
        else:
            shape = changes.SHAPES[type(top)]
            columns = [
                column
                for column in top._meta.concrete_fields
                if changes._is_configuration(column, shape) and not column.is_relation
            ]
        changed = []
        with changes.recorded(top, by="ada"):
            for column in columns:
                if (new := other(column, getattr(top, column.attname))) is not None:
                    setattr(top, column.attname, new)
                    changed.append(column.name)
            models.Model.save(top)
        event = Event.objects.filter(entity_id=changes.entity_id(top)).latest("id")
        said = f"{top!r}: {event.data}"
        assert changed, said
        assert set(changed) <= {*event.data["after"], "username"}, said
        assert (event.type, event.data["by"], event.data["where"]) == (
            "config.changed",
            "ada",
            "command",
        ), said
        assert "s3cret" not in json.dumps(event.data), said


def test_it_says_from_where():
    ada = factories.make_user("ada", role="administrator")
    settings = change_url(record.RecordSettings, 1)
    submit(sign_in(ada), settings, personal_shown_to=["administrator"], views_recorded="on")
    load(b"leadops: 1\nrecord: {access: {views_recorded: true}}\n", name="b.yaml", by="bundle")
    first, second = Event.objects.filter(type="config.changed").order_by("timestamp", "id")
    assert (first.data["by"], first.data["where"]) == ("ada", "console")
    assert first.data["after"]["personal_shown_to"] == ["administrator"]
    assert (second.data["by"], second.data["where"]) == ("bundle", "bundle")
    shown = sign_in(ada).get(settings.replace("/change/", "/history/")).content.decode()
    assert "from a bundle" in shown
    assert Client().get(settings).status_code == 302
