"""What all pages of the console have in common."""

from leadops.lib.admin.lists import button, choices, column, done, money, mono
from leadops.lib.admin.pages import ConsoleAdmin, change_url
from leadops.lib.admin.rows import Cards, Ordered, Rows
from leadops.lib.admin.rules import About, RulesField, RulesWidget

__all__ = [
    "About",
    "Cards",
    "ConsoleAdmin",
    "Ordered",
    "Rows",
    "RulesField",
    "RulesWidget",
    "button",
    "change_url",
    "choices",
    "column",
    "done",
    "money",
    "mono",
]
