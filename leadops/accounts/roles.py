"""What each role may do in the console: the one place, asked for every permission."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    ADMINISTRATOR = "administrator"
    OPS = "ops"
    ACCOUNT_MANAGER = "account_manager"
    AUDITOR = "auditor"


CONFIGURATION = frozenset({"flows", "recipients", "events"})
PEOPLE = "accounts"
# Written by the workers and the journal: nobody changes them by hand.
RECORD = frozenset(
    {
        "event",
        "snapshot",
        "exchange",
        "lead",
        "delivery",
        "feedback",
        "passedfeedback",
        "feedbackline",
        "work",
        "pump",
        "alert",
        "trim",
        "trimrun",
        "seal",
        "head",
        "bulkretry",
        "suppressionupload",
        "leadimport",
        "leadimportpiece",
        "leadimportrow",
        "export",
        "exportpiece",
        "exportlink",
        "hookcount",
        "hookfiring",
        "hookfollower",
        "hooknotice",
        "leadtag",
    }
)
# What decides on the deletion of data is the administrator's; others of the staff may read it.
ADMINISTRATORS = frozenset({"recordsettings"})
# Who may take the record away as files; account managers what they see, masked.
EXPORTERS = frozenset({Role.ADMINISTRATOR, Role.OPS, Role.ACCOUNT_MANAGER})
# What an account manager may read of the recipients given to them; which ones, the page decides.
OF_A_RECIPIENT = frozenset({"recipient", "endpoint", "mappingrow", "responserule", "retryrule"})


def may(role: str, permission: str) -> bool:
    """Does the role grant `app.action_model`, e.g. `recipients.change_recipient`?"""
    app, _, rest = permission.partition(".")
    action, _, model = rest.partition("_")
    views = action == "view"
    match role:
        case Role.ADMINISTRATOR:
            # Not the queue's own tables: a schedule there names any function to call.
            return (app in CONFIGURATION or app == PEOPLE) and (views or model not in RECORD)
        case Role.OPS:
            return app in CONFIGURATION and (views or model not in RECORD | ADMINISTRATORS)
        case Role.AUDITOR:
            return views and (app in CONFIGURATION or app == PEOPLE)
        case Role.ACCOUNT_MANAGER:
            return views and app == "recipients" and model in OF_A_RECIPIENT
    return False


def opens(role: str, app: str) -> bool:
    """Does the role see anything of an app?"""
    match role:
        case Role.ADMINISTRATOR:
            return app in CONFIGURATION or app == PEOPLE
        case Role.OPS:
            return app in CONFIGURATION
        case Role.AUDITOR:
            return app in CONFIGURATION or app == PEOPLE
        case Role.ACCOUNT_MANAGER:
            return app == "recipients"
    return False
