"""What the record itself holds about people, and what the apps below it hold."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from events.feedback import keys
from events.masking import MASK
from events.privacy import holdings, values
from events.privacy.files import ExportFiles
from events.privacy.holdings import Holding, Rows, Subject
from events.privacy.wording import tells, without_addresses
from leadops.lib import secrets

OF_LEADS = "id = ANY(%(leads)s)"
SINCE = "lead_id = ANY(%(leads)s) AND at >= %(since)s"


def register() -> None:
    holdings.register(*HOLDINGS)
    holdings.impersonal(IMPERSONAL)


def _decrypted(row: dict[str, Any]) -> dict[str, Any]:
    sealed = row.pop("sensitive")
    return {**row, "sensitive": json.loads(secrets.decrypt(sealed)) if sealed else {}}


class BuyersIds:
    """Buyers' own names for leads stay, for their feedback uses them; but none that repeats the
    person."""

    table = "events_delivery"
    title = "Buyers’ ids of the lead that repeat one of its values"

    def count(self, cursor: Any, subject: Subject) -> int:
        return len(self._found(cursor, subject))

    def copy(self, cursor: Any, subject: Subject) -> list[dict[str, Any]]:
        return []  # they stand beside the recipients

    def erase(self, cursor: Any, subject: Subject) -> int:
        ids = self._found(cursor, subject)
        if ids:
            cursor.execute(
                "UPDATE events_delivery SET buyer_lead_id = '' WHERE id = ANY(%s)", [ids]
            )
        return len(ids)

    @staticmethod
    def _found(cursor: Any, subject: Subject) -> list[str]:
        leads = list(subject.lead_ids)
        cursor.execute(
            "SELECT id, lead_id, buyer_lead_id FROM events_delivery "
            "WHERE lead_id = ANY(%s) AND buyer_lead_id <> ''",
            [leads],
        )
        rows = cursor.fetchall()
        if not rows:
            return []
        known = values.of_leads(cursor, leads, subject.since)
        return [
            id
            for id, lead_id, own_id in rows
            if tells(own_id, known.get(lead_id, {}).values()) or without_addresses(own_id) == MASK
        ]


class FeedbackText:
    """What buyers wrote. The partner's key may be anything, even an address: what is left of it
    is a keyed digest, under which the same key is still known."""

    table = "events_feedback"
    title = "What buyers said later"
    _ROWS = Rows(
        table,
        title,
        columns=("lead_id", "kind", "key", "value", "reason", "occurred_at", "received_at"),
        held=f"value <> '' OR reason <> '' OR key NOT LIKE '{keys.ERASED}%%'",
        order="received_at",
    )

    def count(self, cursor: Any, subject: Subject) -> int:
        return self._ROWS.count(cursor, subject)

    def copy(self, cursor: Any, subject: Subject) -> list[dict[str, Any]]:
        return self._ROWS.copy(cursor, subject)

    def erase(self, cursor: Any, subject: Subject) -> int:
        cursor.execute(
            f"SELECT id, key FROM events_feedback WHERE lead_id = ANY(%s) "  # noqa: S608
            f"AND ({self._ROWS.held})",
            [list(subject.lead_ids)],
        )
        rows = cursor.fetchall()
        for id, key in rows:
            cursor.execute(
                "UPDATE events_feedback SET value = '', reason = '', key = %s WHERE id = %s",
                [keys.erased(key), id],
            )
        return len(rows)


@dataclass(frozen=True, slots=True)
class Repeating:
    """Rows of texts that staff wrote, which should name nobody; those that repeat the person's
    e-mail or phone go as a whole. `texts` is SQL for all of their text."""

    table: str
    title: str
    texts: str
    columns: tuple[str, ...]

    @property
    def _where(self) -> str:
        return (
            f"WHERE lower({self.texts}) LIKE ANY(%(emails)s::text[]) OR "
            f"regexp_replace({self.texts}, '[^0-9]', '', 'g') LIKE ANY(%(phones)s::text[])"
        )

    def count(self, cursor: Any, subject: Subject) -> int:
        cursor.execute(f"SELECT count(*) FROM {self.table} {self._where}", _likes(subject))  # noqa: S608
        return int(cursor.fetchone()[0])

    def copy(self, cursor: Any, subject: Subject) -> list[dict[str, Any]]:
        names = ", ".join(self.columns)
        cursor.execute(f"SELECT {names} FROM {self.table} {self._where}", _likes(subject))  # noqa: S608
        return [
            dict(zip(self.columns, map(holdings.plain, row), strict=True))
            for row in cursor.fetchall()
        ]

    def erase(self, cursor: Any, subject: Subject) -> int:
        # Past the models: the record of configuration would keep what it said before.
        cursor.execute(f"DELETE FROM {self.table} {self._where}", _likes(subject))  # noqa: S608
        return int(cursor.rowcount)


def _likes(subject: Subject) -> dict[str, list[str]]:
    return {
        "emails": [
            f"%{_literal(form)}%"
            for email in subject.emails
            for form in (email.lower(), quote(email.lower()).lower())  # as in addresses
        ],
        "phones": [f"%{digits}%" for digits in subject.phones],
    }


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


# Asked for, copied and erased in this order.
HOLDINGS: tuple[Holding, ...] = (
    BuyersIds(),  # before the values that they are held against
    Rows(
        "events_snapshot",
        "Versions of the lead's values",
        columns=("lead_id", "version", "at", "body"),
        where=SINCE,
        order="lead_id, version",
    ),
    Rows(
        "events_exchange",
        "Requests and replies",
        columns=(
            "lead_id",
            "delivery_id",
            "attempt",
            "at",
            "method",
            "url",
            "request_headers",
            "request_body",
            "status",
            "reply_headers",
            "reply_body",
            "error",
        ),
        where=SINCE,
        order="lead_id, at",
    ),
    Rows(
        "events_lead",
        "Sensitive values, and the salt of the record's digests",
        columns=("id", "sensitive"),
        where=OF_LEADS,
        erasure="UPDATE {table} SET sensitive = '', salt = NULL, inquiry = ''",
        held="salt IS NOT NULL OR sensitive <> ''",
        shown=_decrypted,
    ),
    Rows("events_leadkey", "Keys by which it is found"),
    FeedbackText(),
    ExportFiles(),
    Repeating(
        "recipients_testcase",
        "Test cases that repeat the person’s e-mail or phone",
        texts="(lead::text || ' ' || reply_body || ' ' || request)",
        columns=("name", "lead"),
    ),
    Repeating(
        "events_savedsearch",
        "Saved searches for the person",
        texts="(name || ' ' || query)",
        columns=("name", "query"),
    ),
)

_RECORD = "the record: names, ids, times, money; its writers keep people's values out of it"
_COUNTED = "counts and sums; reasons as the record has them"
_CONFIGURED = "configuration, written by staff"
_STAFF = "people who work here, not leads"
IMPERSONAL = {
    "events_event": _RECORD,
    "events_rollup": _COUNTED,
    "events_tally": _COUNTED,
    "events_alert": "about recipients; what buyers said stands masked in it",
    "events_alertthreshold": _CONFIGURED,
    "events_alertthreshold_notify": _CONFIGURED,
    "events_channel": _CONFIGURED,
    "events_destination": _CONFIGURED,
    "events_eventhook": _CONFIGURED,
    "events_eventhook_notify": _CONFIGURED,
    "events_eventsubscription": _CONFIGURED,
    "events_export": "who took what, by which filters: names and ids",
    "events_exportlink": "ids of links",
    "events_exportschedule": _CONFIGURED,
    "events_feedbackline": "how passing feedback on to a source stands",
    "events_head": "where heads of the seals were published",
    "events_hookcount": _COUNTED,
    "events_hookfiring": "ids, and what hooks saw: no personal values reach them",
    "events_hookfollower": "a place in the record",
    "events_hooknotice": "ids of firings and channels",
    "events_leadtag": "words of hooks on leads, chosen by staff",
    "events_passedfeedback": "ids, times, and what a source's server answered: its status alone",
    "events_recordsettings": _CONFIGURED,
    "events_seal": "hashes over the record",
    "events_streamsbeat": "processes",
    "events_trim": _COUNTED,
    "events_trimrun": _COUNTED,
    "events_privacyrequest": "who asked for an erasure: a keyed digest, which shows that it was "
    "done",
    "recipients_batching": _CONFIGURED,
    "recipients_breaker": "how an endpoint is; its reason is masked as the record's are",
    "recipients_endpoint": _CONFIGURED,
    "recipients_mappingrow": _CONFIGURED,
    "recipients_mappingversion": _CONFIGURED,
    "recipients_partnerkey": _CONFIGURED,
    "recipients_ping": _CONFIGURED,
    "recipients_recipient": _CONFIGURED,
    "recipients_recipient_suppress": _CONFIGURED,
    "recipients_responserule": _CONFIGURED,
    "recipients_retryrule": _CONFIGURED,
    "recipients_secret": _CONFIGURED,
    "recipients_specificationlink": _CONFIGURED,
    "recipients_suppressionentry": "keyed digests that stay: who asked not to be called must not "
    "be; an erasure may add to a list, or take off",
    "recipients_suppressionlist": _CONFIGURED,
    "recipients_suppressionpiece": "an uploaded list in clear until it is worked in, seconds to "
    "minutes; those on it are to be left in peace",
    "recipients_suppressionupload": "counts, and numbers of lines",
    "recipients_token": "tokens that buyers gave us for our credentials",
    "accounts_accountkey": _STAFF,
    "accounts_signins": "digests of who tried to sign in, for minutes",
    "accounts_user": _STAFF,
    "accounts_user_groups": _STAFF,
    "accounts_user_recipients": _STAFF,
    "accounts_user_user_permissions": _STAFF,
    "auth_group": _STAFF,
    "auth_group_permissions": _STAFF,
    "auth_permission": "names of permissions",
    "django_admin_log": "not written: changes of configuration are events",
    "django_content_type": "names of models",
    "django_migrations": "names of migrations",
    "django_q_ormq": "names of tasks and ids",
    "django_q_schedule": "names of tasks and times",
    "django_q_task": "names of tasks and ids",
    "django_session": "a member of staff's zone and choices, signed",
}
