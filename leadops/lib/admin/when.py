"""A condition of one line, an expression or a rule, with a button that opens the rules editor."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from leadops.lib.admin.rules import desk, operators
from leadops.lib.forms import CodeLine


class WhenLine(CodeLine):
    template_name = "leadops/when.html"

    class Media:
        js: ClassVar = ["leadops/rules.js", "leadops/when.js"]
        css: ClassVar = {"all": ["leadops/rules.css", "leadops/terms.css"]}

    def __init__(self, fields_from: str = "", attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.fields_from = fields_from

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["widget"].update(
            fields_from=self.fields_from,
            url=desk(),
            operators=json.dumps(operators(), ensure_ascii=False),
        )
        return context
