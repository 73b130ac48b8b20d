"""The record: partitioned by month, append-only; and the figures' view."""

from django.db import migrations

TABLES = """
CREATE TABLE events_event (
    id varchar(32) COLLATE "C" NOT NULL,
    seq integer NOT NULL,
    type varchar(40) NOT NULL,
    timestamp timestamptz NOT NULL,
    lead_id varchar(32) COLLATE "C" NOT NULL,
    flow_id varchar(32) COLLATE "C" NOT NULL,
    entity_id varchar(32) COLLATE "C" NOT NULL,
    outcome varchar(20) NOT NULL,
    reason text NOT NULL,
    duration_ms integer,
    snapshot smallint NOT NULL,
    exchange_id varchar(32) COLLATE "C" NOT NULL,
    digest bytea,
    data jsonb NOT NULL,
    -- The writing transaction: readers that follow the record take what is older than every
    -- transaction still open, and so never miss a late commit.
    tx xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (id, timestamp)
) PARTITION BY RANGE (timestamp);
CREATE INDEX events_event_lead ON events_event (lead_id, seq);
CREATE INDEX events_event_time ON events_event (timestamp DESC, id DESC);
CREATE INDEX events_event_type ON events_event (type, timestamp DESC);
CREATE INDEX events_event_entity ON events_event (entity_id, timestamp DESC);
CREATE INDEX events_event_flow ON events_event (flow_id, timestamp DESC);
CREATE TABLE events_event_rest PARTITION OF events_event DEFAULT;

CREATE TABLE events_snapshot (
    id varchar(32) COLLATE "C" NOT NULL,
    lead_id varchar(32) COLLATE "C" NOT NULL,
    version smallint NOT NULL,
    at timestamptz NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE INDEX events_snapshot_lead ON events_snapshot (lead_id, version);
CREATE TABLE events_snapshot_rest PARTITION OF events_snapshot DEFAULT;

CREATE TABLE events_exchange (
    id varchar(32) COLLATE "C" NOT NULL,
    lead_id varchar(32) COLLATE "C" NOT NULL,
    delivery_id varchar(32) COLLATE "C" NOT NULL,
    attempt smallint NOT NULL,
    at timestamptz NOT NULL,
    duration_ms integer NOT NULL,
    method varchar(10) NOT NULL,
    url text NOT NULL,
    request_headers jsonb NOT NULL,
    request_body text NOT NULL,
    status smallint,
    reply_headers jsonb NOT NULL,
    reply_body text NOT NULL,
    error text NOT NULL,
    PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE INDEX events_exchange_lead ON events_exchange (lead_id);
CREATE TABLE events_exchange_rest PARTITION OF events_exchange DEFAULT;
"""

DROP_TABLES = "DROP TABLE events_event, events_snapshot, events_exchange;"

APPEND_ONLY = """
CREATE FUNCTION events_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are never changed or deleted' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON events_event
    FOR EACH ROW EXECUTE FUNCTION events_append_only();

-- A table is emptied only by somebody who says that this is maintenance (tests do).
CREATE FUNCTION events_no_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(current_setting('leadops.maintenance', true), '') <> 'on' THEN
        RAISE EXCEPTION 'events are never deleted' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON events_event
    FOR EACH STATEMENT EXECUTE FUNCTION events_no_truncate();
"""

DROP_APPEND_ONLY = """
DROP TRIGGER events_append_only ON events_event;
DROP TRIGGER events_no_truncate ON events_event;
DROP FUNCTION events_append_only();
DROP FUNCTION events_no_truncate();
"""

FIGURE = """
CREATE VIEW events_figure AS
    SELECT * FROM events_rollup UNION ALL SELECT * FROM events_tally;
-- Room to update in place what changes on the way: no index has to follow.
ALTER TABLE events_lead SET (fillfactor = 85);
ALTER TABLE events_delivery SET (fillfactor = 85);
ALTER TABLE events_tally SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0
);
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial")]

    operations = [
        migrations.RunSQL(TABLES, DROP_TABLES),
        migrations.RunSQL(APPEND_ONLY, DROP_APPEND_ONLY),
        migrations.RunSQL(FIGURE, "DROP VIEW events_figure;"),
    ]
