"""Endpoints say the format and method that they go out with; a service's own passed over others."""

from typing import Any

from django.db import migrations
from django.db.models import Q

# As the integrations had them when this was written.
FIXED: dict[str, dict[str, str]] = {
    "custom_json": {"format": "json"},
    "custom_xml": {"format": "xml"},
    "soap": {"format": "xml", "method": "POST"},
    "webhook.post": {"format": "json", "method": "POST"},
    "salesforce.create_lead": {"format": "json", "method": "POST"},
    "hubspot.create_or_update_contact": {"format": "json", "method": "POST"},
    "five9.add_to_list": {"format": "form", "method": "POST"},
}


def say(apps: Any, schema_editor: Any) -> None:
    endpoints = apps.get_model("recipients", "Endpoint").objects
    for name, fixed in FIXED.items():
        own = Q(integration=name) | Q(integration="", recipient__integration=name)
        endpoints.filter(own).update(**fixed)


class Migration(migrations.Migration):
    dependencies = [
        ("recipients", "0012_mapping_trial_since"),
    ]

    operations = [migrations.RunPython(say, migrations.RunPython.noop)]
