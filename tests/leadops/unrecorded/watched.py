"""Triggers on every table of the site: what changed in a transaction that wrote no event."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.apps import apps
from django.db import connection, transaction

from events.models import Event
from events.ownfields import ENVELOPE, OWN

# Tables in which nothing that somebody could ask about changes by itself. Every other is watched.
APART = {
    "events_event": "the record itself",
    "events_snapshot": "the record's values, written with the event that points at them",
    "events_exchange": "the record's requests and replies, written with their event",
    "events_tally": "figures, counted from events",
    "events_rollup": "figures, summed from tallies",
    "events_figure": "a view",
    "events_seal": "seals of events that were written before",
    "events_head": "where seals were published",
    "events_trim": "recorded by record.trimmed when a month is done",
    "events_trimrun": "how far a run of retention has come",
    "events_leadkey": "digests to find a lead by; they come and go with it",
    "events_exportpiece": "bytes of a file that export.ended names",
    "events_privacyrequest": "how far a request has come; privacy.erased and .copied record it",
    "events_savedsearch": "somebody's own bookmarks",
    "accounts_signins": "counts attempts to sign in, for a few minutes",
    "recipients_batching": "where a batch gathers",
    "recipients_breaker": "counts every attempt; its openings and closings are events",
    "recipients_mappingversion": "a mapping, numbered, found by whoever reads it first",
    "recipients_suppressionpiece": "bytes of a file that is worked in",
    "recipients_suppressionupload": "how far a file has come; each change of its list is an event",
    "recipients_token": "tokens of buyers, kept while they are good",
    "flows_batch": "what a batch holds; its sending is an event",
    "flows_bid": "what auction.bid says, kept while the lead is under way",
    "flows_flowversion": "a flow's content, numbered, found by whoever reads it first",
    "flows_leadimportpiece": "bytes of a file that is taken in",
    "flows_leadimportrow": "rows of a file; those that are leads have their events",
    "flows_capcount": "counts what deliveries used",
    "flows_duplicateclaim": "who has a value, for a while",
    "flows_recipientclaim": "who has a value, for a while",
    "flows_intakekey": "answers to repeated keys, for a week",
    "flows_sourceping": "offers for a minute; ping.answered says them",
    "flows_pricefigure": "measured figures that prices read",
    "flows_measured": "measured figures that prices read",
    "flows_revision": "a number that tells processes that configuration changed",
    "flows_serviceanswer": "answers of services, kept for a while",
    "flows_share": "counts what recipients got, for their order",
    "flows_work": "what is to be done next",
    "flows_pump": "which processes are alive",
    "events_streamsbeat": "which processes are alive",
    "events_hookfollower": "how far hooks have read",
    "events_hookcount": "what hooks count",
    "events_hooknotice": "notices under way",
}
# Columns that say nothing of what happened to anybody.
BOOKKEEPING = {
    table: frozenset(columns.split())
    for table, columns in {
        "accounts_user": "last_login",
        "events_alert": "told",
        "events_destination": "delivered_at",
        "events_eventsubscription": "after batch_after batch_id batch_tx delivered delivered_at "
        "due_at failed_at failed_reason failing_since failures lease tx",
        # Its end sets finished_at, its sending sent_at or send_error, its deletion purged_at.
        "events_export": "bytes columns gathered pieces position_at position_id rows send_at "
        "send_tries span_end span_start started_at state touched_at tries worked_until",
        "events_exportschedule": "next_at",
        "events_feedbackline": "delivered delivered_at due_at failed_at failed_reason "
        "failing_since failures lease",
        "events_passedfeedback": "batch due_at error failing_since tries",
        "flows_bulkretry": "position refused sent waits_for worked_until",
        "flows_flowmove": "last left moved worked_until",
        "flows_leadimport": "accepted cost failed position reasons rejected waits_for worked_until",
        "recipients_secret": "second_used_at used_at",
    }.items()
}
WATCH = """
CREATE TABLE watched (tx xid8, tbl text, op text, columns text[]);
CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO watched SELECT pg_current_xact_id(), TG_TABLE_NAME, TG_OP, CASE TG_OP
        WHEN 'UPDATE' THEN ARRAY(
            SELECT n.key FROM jsonb_each(to_jsonb(NEW)) n JOIN jsonb_each(to_jsonb(OLD)) o
                USING (key) WHERE n.value IS DISTINCT FROM o.value ORDER BY 1)
        -- entries of a file that is to replace a list: they are on none before its end
        WHEN 'INSERT' THEN CASE WHEN to_jsonb(NEW) ->> 'list_id' LIKE '-%' THEN '{}'::text[]
            ELSE '{*}' END
        ELSE '{*}' END;
    RETURN NULL;
END $$;
"""
UNRECORDED = """
    SELECT w.tbl, w.op, w.columns FROM watched w
    WHERE w.columns <> '{}' AND NOT EXISTS (SELECT FROM events_event e WHERE e.tx = w.tx)
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


def watched_tables() -> list[str]:
    ours = ("accounts", "recipients", "events", "flows")
    models = [m for app in ours for m in apps.get_app_config(app).get_models(True)]
    return sorted({model._meta.db_table for model in models} - set(APART))


def begin() -> None:
    with connection.cursor() as cursor:
        for table in watched_tables():
            cursor.execute(
                f"CREATE TRIGGER watch AFTER INSERT OR UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION watch()"
            )


def unrecorded() -> list[tuple[str, str, list[str]]]:
    """Changes in transactions without an event, but for bookkeeping."""
    with connection.cursor() as cursor:
        cursor.execute(UNRECORDED)
        found = cursor.fetchall()
    return [
        (table, op, sorted(set(columns) - BOOKKEEPING.get(table, set())))
        for table, op, columns in found
        if set(columns) - BOOKKEEPING.get(table, set())
    ]


def touched() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT tbl FROM watched")
        return {row[0] for row in cursor.fetchall()}


@contextmanager
def aside() -> Iterator[None]:
    """What a test does itself, to let time pass: not watched."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield


def says_what_it_may() -> None:
    """Events have the fields that the documentation names, and no others."""
    for event in Event.objects.all():
        assert set(event.data) <= {*OWN[event.type]}, (event.type, set(event.data))
        assert not set(event.data) & set(ENVELOPE), event.type


def all_recorded() -> None:
    assert not (missed := unrecorded()), "\n".join(map(str, missed))
    says_what_it_may()
