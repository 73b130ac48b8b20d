"""What all pages of the console have in common."""

from leadops.lib.admin.dialogs import (
    Pausable,
    ReasonForm,
    asked,
    pause_button,
    reason_field,
    resume_button,
)
from leadops.lib.admin.lists import button, choices, column, done, money, mono
from leadops.lib.admin.pages import ConsoleAdmin, change_url
from leadops.lib.admin.rows import Cards, Ordered, Rows
from leadops.lib.admin.rules import About, RulesField, RulesWidget
from leadops.lib.admin.terms import Choice, Terms, TermsField
from leadops.lib.admin.when import WhenLine

__all__ = [
    "About",
    "Cards",
    "Choice",
    "ConsoleAdmin",
    "Ordered",
    "Pausable",
    "ReasonForm",
    "Rows",
    "RulesField",
    "RulesWidget",
    "Terms",
    "TermsField",
    "WhenLine",
    "asked",
    "button",
    "change_url",
    "choices",
    "column",
    "done",
    "money",
    "mono",
    "pause_button",
    "reason_field",
    "resume_button",
]
