"""The first partitions: of this month and the next two."""

from django.db import migrations


def ensure(apps, schema_editor):
    from events import partitions

    partitions.ensure()


class Migration(migrations.Migration):
    dependencies = [("events", "0002_record")]

    operations = [migrations.RunPython(ensure, migrations.RunPython.noop)]
