"""The console: its name, its sidebar by job, its landing page."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.functional import lazy

Permission = Callable[[HttpRequest], bool]
NOWHERE = "#"


def address(name: str) -> str:
    """The address behind a url name, `#` where there is no such page."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return NOWHERE


link = lazy(address, str)  # settings are read before there are urls


def allowed(permission: str) -> Permission:
    """Shown to those with the permission."""

    def check(request: HttpRequest) -> bool:
        return request.user.is_authenticated and request.user.has_perm(permission)

    return check


def there(name: str) -> Permission:
    """Shown if there is such a page."""

    def check(request: HttpRequest) -> bool:
        return address(name) != NOWHERE

    return check


def open_at(name: str) -> Permission:
    """Marked on the page itself and those below it. The theme looks for the address anywhere in the
    page's: /events/ stands in /admin/events/ too."""

    def check(request: HttpRequest) -> bool:
        here = address(name)
        below = here != address("admin:index") and request.path.startswith(here)
        return below or request.path == here

    return check


def steers(request: HttpRequest) -> bool:
    """Shown to those who may steer deliveries."""
    return bool(getattr(request.user, "operates", False))


def exports(request: HttpRequest) -> bool:
    """Shown to those who may take the record away, or see who did."""
    user: Any = request.user
    return bool(getattr(user, "exports", False) or getattr(user, "sees_all", False))


def oversees(request: HttpRequest) -> bool:
    """Shown to those who see who looked at what."""
    return getattr(request.user, "role", "") in ("administrator", "auditor")


def administers(request: HttpRequest) -> bool:
    """Shown to administrators."""
    return bool(getattr(request.user, "is_superuser", False))


def listing(title: str, icon: str, app: str, model: str) -> dict[str, Any]:
    """An item that leads to a model's list."""
    return {
        "title": title,
        "icon": icon,
        "link": link(f"admin:{app}_{model}_changelist"),
        "permission": allowed(f"{app}.view_{model}"),
    }


def page(title: str, icon: str, name: str) -> dict[str, Any]:
    """An item that leads to a page of the console's own."""
    return {
        "title": title,
        "icon": icon,
        "link": link(name),
        "permission": there(name),
        "active": open_at(name),
    }


NAVIGATION: list[dict[str, Any]] = [
    {
        "title": "Monitor",
        "items": [
            page("Overview", "home", "admin:index"),
            page("Dashboards", "monitoring", "dashboards:overview"),
            page("Leads", "person_search", "leads:search"),
            page("Review queue", "rate_review", "review:queue"),
            page("Events", "timeline", "events:list"),
            {**page("Send again", "replay", "review:retries"), "permission": steers},
        ],
    },
    {
        "title": "Flows",
        "items": [
            listing("Flows", "account_tree", "flows", "flow"),
            listing("Sources", "input", "flows", "source"),
            {**page("Imports", "upload_file", "imports:list"), "permission": steers},
            listing("Suppression lists", "block", "recipients", "suppressionlist"),
        ],
    },
    {
        "title": "Recipients",
        "items": [
            listing("Recipients", "storefront", "recipients", "recipient"),
            listing("Secrets", "key", "recipients", "secret"),
        ],
    },
    {
        "title": "Alerts",
        "items": [
            listing("Open alerts", "notifications_active", "events", "alert"),
            listing("Thresholds", "speed", "events", "alertthreshold"),
            listing("Hooks", "bolt", "events", "eventhook"),
            listing("Channels", "campaign", "events", "channel"),
        ],
    },
    {
        "title": "People",
        "items": [listing("People and keys", "group", "accounts", "user")],
    },
    {
        "title": "Record",
        "items": [
            listing("Changes and operations", "history", "events", "event"),
            listing("The record", "inventory_2", "events", "recordsettings"),
            listing("Seals", "verified", "events", "seal"),
            {**page("Exports", "download", "exports:list"), "permission": exports},
            listing("Scheduled exports", "schedule_send", "events", "exportschedule"),
            listing("Destinations", "outbox", "events", "destination"),
            listing("Feedback passed on", "forward", "events", "passedfeedback"),
            listing("Push subscriptions", "send", "events", "eventsubscription"),
            {**page("Views of leads", "visibility", "viewing:views"), "permission": oversees},
            page("What recipients get", "checklist", "privacy:recipients"),
            {**page("Privacy", "shield_person", "privacy:start"), "permission": administers},
        ],
    },
]


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar; the numbers of open alerts and of what waits for review stand beside them."""
    groups = copy.deepcopy(NAVIGATION)
    from leadops import badges  # models are not loaded yet when settings are read

    if request.user.is_authenticated and (waiting := badges.in_review(request)):
        items = next(group for group in groups if group["title"] == "Monitor")["items"]
        next(each for each in items if each["title"] == "Review queue")["badge"] = waiting
    if allowed("events.view_alert")(request) and (count := badges.open_alerts()):
        alerts = next(group for group in groups if group["title"] == "Alerts")
        alerts["items"][0]["badge"] = str(count)
    return groups


UNFOLD = {
    "SITE_TITLE": "LeadOps",
    "SITE_HEADER": "LeadOps",
    "SITE_SUBHEADER": "Lead delivery operations",
    "SITE_SYMBOL": "alt_route",
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "BORDER_RADIUS": "6px",
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda request: static("leadops/icon.svg"),
        }
    ],
    "LOGIN": {"form": "leadops.accounts.signing_in.SignInForm"},
    "STYLES": [lambda request: static("leadops/console.css")],
    "SCRIPTS": [lambda request: static("leadops/console.js")],
    "DASHBOARD_CALLBACK": "leadops.landing.context",
    "COMMAND": {"search_models": ["flows.flow", "flows.source", "recipients.recipient"]},
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "show_all_applications": False,
        "navigation": navigation,
    },
    "COLORS": {
        "primary": {
            "50": "oklch(97.1% .014 233)",
            "100": "oklch(93.9% .03 233)",
            "200": "oklch(88.4% .058 232)",
            "300": "oklch(80.8% .096 232)",
            "400": "oklch(70.9% .131 236)",
            "500": "oklch(62.3% .143 241)",
            "600": "oklch(53.9% .14 245)",
            "700": "oklch(46.8% .122 246)",
            "800": "oklch(41.5% .1 246)",
            "900": "oklch(36.7% .081 246)",
            "950": "oklch(27.5% .059 247)",
        }
    },
}
