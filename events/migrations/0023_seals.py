"""Seals over the record; and its transactions counted by functions that a restore can move on."""

from django.db import migrations, models

# In standard SQL bodies: parsed now, so that they hold under any search path, as a restore's.
FUNCTIONS = """
CREATE FUNCTION events_tx_offset() RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN 0::bigint;
-- The writing transaction, as the record counts.
CREATE FUNCTION events_tx() RETURNS xid8 LANGUAGE sql STABLE
    RETURN (pg_current_xact_id()::text::bigint + events_tx_offset())::text::xid8;
-- The first transaction that has not settled.
CREATE FUNCTION events_horizon() RETURNS xid8 LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (pg_snapshot_xmin(pg_current_snapshot())::text::bigint + events_tx_offset())::text::xid8;
ALTER TABLE events_event ALTER COLUMN tx SET DEFAULT events_tx();
"""
DROP_FUNCTIONS = """
ALTER TABLE events_event ALTER COLUMN tx SET DEFAULT pg_current_xact_id();
DROP FUNCTION events_horizon();
DROP FUNCTION events_tx();
DROP FUNCTION events_tx_offset();
"""

APPEND_ONLY = """
CREATE FUNCTION events_seals_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Tests empty it, saying that this is maintenance; nothing else is ever allowed.
    IF TG_OP <> 'TRUNCATE' OR coalesce(current_setting('leadops.maintenance', true), '') <> 'on' THEN
        RAISE EXCEPTION 'seals are never changed or deleted'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER events_seals_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON events_seal
    FOR EACH STATEMENT EXECUTE FUNCTION events_seals_stay();
"""
DROP_APPEND_ONLY = """
DROP TRIGGER events_seals_stay ON events_seal;
DROP FUNCTION events_seals_stay();
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0022_flow_version_of_a_lead")]

    operations = [
        migrations.CreateModel(
            name="Head",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "place",
                    models.CharField(help_text="“file”, or a destination's slug.", max_length=120),
                ),
                ("n", models.BigIntegerField()),
                ("hash", models.BinaryField()),
                ("tried_at", models.DateTimeField()),
                ("published_at", models.DateTimeField(null=True)),
                ("error", models.CharField(blank=True, max_length=300)),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["place", "-n"], name="head_place")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("published_at__isnull", True)),
                        fields=("place",),
                        name="one_open_try_a_place",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Seal",
            fields=[
                (
                    "n",
                    models.BigIntegerField(
                        help_text="From 1, without gaps.", primary_key=True, serialize=False
                    ),
                ),
                (
                    "month",
                    models.DateField(help_text="Its first day; by the events' timestamps, in UTC."),
                ),
                ("from_tx", models.BigIntegerField()),
                ("to_tx", models.BigIntegerField(help_text="The first transaction after it.")),
                ("events", models.PositiveBigIntegerField()),
                ("first_at", models.DateTimeField()),
                ("last_at", models.DateTimeField()),
                (
                    "root",
                    models.BinaryField(
                        help_text="Of the Merkle tree over the events, by (tx, id)."
                    ),
                ),
                ("previous", models.BinaryField(help_text="The hash of the seal before.")),
                ("hash", models.BinaryField()),
                ("sealed_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["-n"],
                "indexes": [models.Index(fields=["month", "from_tx"], name="seal_month")],
                "constraints": [
                    models.UniqueConstraint(fields=("previous",), name="one_chain_of_seals"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("events__gt", 0),
                            ("from_tx__lt", models.F("to_tx")),
                            ("n__gt", 0),
                        ),
                        name="seal_of_something",
                    ),
                ],
            },
        ),
        migrations.RunSQL(FUNCTIONS, DROP_FUNCTIONS),
        migrations.RunSQL(APPEND_ONLY, DROP_APPEND_ONLY),
        # Django's flush would empty it, and be refused.
        migrations.AlterModelOptions("seal", {"ordering": ["-n"], "managed": False}),
    ]
