"""How a recipient's leads are gathered, as a card on its page."""

from __future__ import annotations

from leadops.lib.admin import Cards
from recipients.models import Batching


class BatchCard(Cards):
    model = Batching
    verbose_name = "batches"
    verbose_name_plural = "batches"
    max_num = 1
    show_count = False
    code_lines = ("name", "items", "key_path", "number_path", "matches")
    template_before = "admin/recipients/batches_note.html"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("count", "age"),
                    ("format", "formulas"),
                    ("name", "wrapper"),
                    "items",
                    ("key_path", "matches"),
                    ("number_path", "first"),
                )
            },
        ),
    )
