"""The work table lives by quick turnover: vacuum it often, leave room for updates in place."""

from django.db import migrations

TUNE = """
ALTER TABLE flows_work SET (
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_threshold = 2000
);
INSERT INTO flows_revision (id, number) VALUES (1, 1) ON CONFLICT DO NOTHING;
"""


class Migration(migrations.Migration):
    dependencies = [("flows", "0001_initial")]

    operations = [migrations.RunSQL(TUNE, migrations.RunSQL.noop)]
