"""Counts who was asked for bids, who made them and who won, of auctions that were here before too."""

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
    ("bid", "Asked for a bid (outcome: bid, declined, silent, failed; cost: what it bid), or won"),
]
# As `events.rollups.cells` counts them since.
COUNT = r"""
    INSERT INTO events_rollup (hour, kind, flow_id, source_id, recipient_id, outcome, category,
                               reason, attempt, bucket, test, n, ms, revenue, cost)
    SELECT date_trunc('hour', e.timestamp, 'UTC'), 'bid', l.flow_id, l.source_id, b.who, b.word, '',
           CASE WHEN b.word = 'won' OR e.outcome = 'accepted' THEN ''
                ELSE left(regexp_replace(e.reason, '\d+', '#', 'g'), 120) END,
           0, -1, l.test, count(*), 0, 0, sum(b.amount)
    FROM events_event e
    JOIN events_lead l ON l.id = e.lead_id
    CROSS JOIN LATERAL (SELECT
        CASE e.type WHEN 'auction.bid' THEN e.entity_id ELSE e.data ->> 'winner' END AS who,
        CASE WHEN e.type = 'auction.decided' THEN 'won'
             WHEN e.data #>> '{bid,amount}' IS NOT NULL THEN 'bid'
             WHEN e.outcome IN ('accepted', 'rejected', 'duplicate', 'invalid') THEN 'declined'
             WHEN e.outcome = 'unknown' THEN 'silent' ELSE 'failed' END AS word,
        CASE e.type WHEN 'auction.bid'
             THEN coalesce(round((e.data #>> '{bid,amount}')::numeric, 4), 0) ELSE 0 END AS amount
    ) b
    WHERE e.type IN ('auction.bid', 'auction.decided') AND b.who IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
"""
FORGET = """
    DELETE FROM events_rollup WHERE kind = 'bid';
    DELETE FROM events_tally WHERE kind = 'bid'
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0016_figures_of_steps")]

    operations = [
        *(
            migrations.AlterField(name, "kind", models.CharField(max_length=10, choices=KINDS))
            for name in ("tally", "rollup")
        ),
        migrations.RunSQL(COUNT, FORGET),
    ]
