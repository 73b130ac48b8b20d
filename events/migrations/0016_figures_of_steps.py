"""Counts what flows' steps did and how leads ended, of leads that were here before too."""

from django.db import migrations, models

KINDS = [
    ("lead", "A lead arrived (outcome: accepted, rejected)"),
    ("attempt", "An attempt ended (outcome of the attempt)"),
    ("delivery", "A delivery reached its final outcome"),
    ("share", "A sale's share of its lead's cost"),
    ("feedback", "A buyer said something (outcome: the kind of feedback)"),
    ("filter", "A lead met a filter (outcome: passed, failed; under the step's id)"),
    ("enhance", "A service was asked (outcome: success, failure, error, skipped)"),
    ("auction", "An auction was decided (under the step's id)"),
    ("result", "A lead came to its end (outcome: sold, unsold, stopped)"),
]
# As `events.rollups.cells` counts them since.
COUNT = r"""
    INSERT INTO events_rollup (hour, kind, flow_id, source_id, recipient_id, outcome, category,
                               reason, attempt, bucket, test, n, ms, revenue, cost)
    SELECT date_trunc('hour', e.timestamp, 'UTC'), k.kind, l.flow_id, l.source_id,
           CASE k.kind WHEN 'result' THEN '' ELSE e.entity_id END,
           CASE k.kind WHEN 'result' THEN coalesce(e.data ->> 'result', '')
                       WHEN 'auction' THEN e.outcome ELSE split_part(e.type, '.', 2) END,
           '',
           CASE e.outcome WHEN 'accepted' THEN ''
                ELSE left(regexp_replace(e.reason, '\d+', '#', 'g'), 120) END,
           0, -1, l.test, count(*), 0, 0, 0
    FROM events_event e
    JOIN events_lead l ON l.id = e.lead_id
    CROSS JOIN LATERAL (SELECT CASE
        WHEN e.type IN ('filter.passed', 'filter.failed') THEN 'filter'
        WHEN e.type LIKE 'enhancement.%' THEN 'enhance'
        WHEN e.type = 'auction.decided' THEN 'auction'
        WHEN e.type = 'flow.completed' THEN 'result' END AS kind) k
    WHERE k.kind IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
"""
FORGET = """
    DELETE FROM events_rollup WHERE kind IN ('filter', 'enhance', 'auction', 'result');
    DELETE FROM events_tally WHERE kind IN ('filter', 'enhance', 'auction', 'result')
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0015_batch_of_a_delivery")]

    operations = [
        *(
            migrations.AlterField(name, "kind", models.CharField(max_length=10, choices=KINDS))
            for name in ("tally", "rollup")
        ),
        migrations.RunSQL(COUNT, FORGET),
    ]
