"""What lies on the mapping editor's page: the draft, the lead it is tried on, the catalogue."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from django.http import HttpRequest

from events import visibility
from flows.trying import catalogue, draftleads, drafts
from flows.trying.draftleads import BadLead, Given
from recipients import drafts as recipient_drafts
from recipients import mapping
from recipients.admin.mapping import (
    ROWS,
    TEXT,
    LeadForm,
    Problem,
    WayForm,
    draft_of,
    kept,
    mapping_problem,
    row_forms,
    row_problems,
    rows_reading,
    text_problems,
)
from recipients.admin.sample import READING, added_rules, draft_reader, rule_forms
from recipients.models import Recipient
from recipients.responses import ReaderError

RECENT = 20  # leads to choose from
LEAD_ID = re.compile(r"lead_[A-Za-z0-9]{1,35}")


class NotPossible(ValueError):
    """The draft cannot be run; the text says why."""


class Desk:
    """The draft of a request, or the mapping as it is saved, and what it is tried on."""

    def __init__(self, page: Any, request: HttpRequest, recipient: Recipient) -> None:
        posted = request.POST if request.method == "POST" else None
        self.recipient = recipient
        sight = visibility.of_user(request.user)
        self.sees_leads = sight.sees_all and sight.sees_personal
        self.way = self._way(posted)
        data: Any = None if posted is None else posted.copy()
        if data is not None and self.way == ROWS:
            data["mapping_text"] = ""  # a text that is not used may be wrong
        self.text = recipient.mapping_text if posted is None else posted.get("mapping_text", "")
        self.reads = posted is not None and posted.get("with_reading") == "1"
        fields = ("mapping_text", *(READING if self.reads else ()))
        made = page.get_form(request, recipient, fields=fields)
        self.form = made(data, instance=page.get_object(request, recipient.pk))
        reading = page.get_form(request, recipient, fields=READING)
        self.reading = self.form if self.reads else reading(instance=recipient)
        self.rows = row_forms(self.form.instance, posted)
        self.rules = rule_forms(self.form.instance, posted if self.reads else None)
        # From a failed event: the lead that it is about.
        asked = request.GET.get("lead", "") if posted is None and self.sees_leads else ""
        self.asked = asked if LEAD_ID.fullmatch(asked) else ""
        self.lead_form = LeadForm(posted)

    def _way(self, posted: Any) -> str:
        saved = TEXT if self.recipient.mapping_text.strip() else ROWS
        asked = None if posted is None else posted.get("way")
        return asked if asked in (ROWS, TEXT) else saved

    # --- the draft

    def problems(self) -> list[Problem]:
        """What is wrong with it; nothing of what is saved, unless it does not compile any more."""
        found = [] if not self.form.is_bound else text_problems(self.form)
        if self.way == ROWS and self.rows.is_bound:
            found += row_problems(self.rows)
        if self.reads and not self.rules.is_valid():
            found += self._rule_problems()
        return found or self._compile_problems()

    def _rule_problems(self) -> list[Problem]:
        return [
            Problem(text, name=f"Reply rule {number}")
            for number, form in enumerate(self.rules.forms, 1)
            for texts in form.errors.values()
            for text in texts
        ] + [Problem(str(text)) for text in self.rules.non_form_errors()]

    def _compile_problems(self) -> list[Problem]:
        try:
            _ = self.mapping
        except mapping.MappingError as error:
            return [mapping_problem(error, self.rows, self.way)]
        try:
            _ = self.reader
        except ReaderError as error:
            return [Problem(str(error), name="Reading replies")]
        return []

    @cached_property
    def mapping(self) -> mapping.Mapping:
        return draft_of(self.rows, self.text, self.way).compiled()

    @cached_property
    def reader(self) -> Any:
        """The draft's; the saved one where no other rules are given."""
        if not self.reads:
            return self.plan.reader
        return draft_reader(self.form.instance, added_rules(self.rules))

    @property
    def is_outdated(self) -> bool:
        """Whether other rows are saved than the page was made of: with those that it does not know
        a mapping could come about that nobody looked at."""
        known = {form.instance.pk for form in self.rows.initial_forms}
        there = set(self.recipient.mapping_rows.values_list("pk", flat=True))
        return self.way == ROWS and known != there

    def save_rows(self) -> None:
        """After the recipient itself: its rows in their order, and the rules that are added."""
        if self.way == ROWS:
            for place, (_, form) in enumerate(kept(self.rows)):
                form.instance.position = place
                if form.has_changed() or form.instance.pk:
                    form.instance.save()
            for form in self.rows.deleted_forms:
                if form.instance.pk:
                    form.instance.delete()
        if self.reads:
            last = self.recipient.response_rules.count()
            for place, rule in enumerate(added_rules(self.rules), last):
                rule.position = place
                rule.save()

    # --- what it is tried on

    @cached_property
    def plan(self) -> Any:
        return recipient_drafts.without_mapping(self.recipient.pk)

    @cached_property
    def flows(self) -> list[str]:
        return draftleads.flow_ids(self.recipient)

    @cached_property
    def recent(self) -> list[Given]:
        """The leads to choose from; none for those to whom people's values are not shown."""
        if not self.sees_leads:
            return []
        found = draftleads.last_leads(self.flows, RECENT)
        if self.asked and all(lead.id != self.asked for lead in found):
            found = [*draftleads.of_flows(self.flows, self.asked), *found]
        return draftleads.given(found, self.plan)

    @cached_property
    def groups(self) -> list[catalogue.Group]:
        return catalogue.catalogue(self.recipient, self.plan, self.flows, self.recent)

    def given(self) -> Given:
        """The lead that is chosen. Raises BadLead."""
        if self.lead_form.is_bound and not self.lead_form.is_valid():
            raise BadLead("; ".join(str(t) for e in self.lead_form.errors.values() for t in e))
        values = self.lead_form.cleaned_data if self.lead_form.is_bound else {}
        chosen = values.get("lead", "")
        if chosen == "pasted" and values.get("pasted", "").strip():
            return draftleads.pasted(self.recipient, self.plan, values["pasted"])
        if not self.lead_form.is_bound and self.asked:
            return self._recorded(self.asked)
        if not self.lead_form.is_bound and self.recent:
            return self.recent[0]
        if chosen.startswith("lead_"):
            return self._recorded(chosen)
        return draftleads.sample(self.recipient, self.plan)

    def _recorded(self, lead_id: str) -> Given:
        for each in self.recent:
            if each.id == lead_id:
                return each
        found = draftleads.of_flows(self.flows, lead_id) if self.sees_leads else []
        given = draftleads.given(found, self.plan)
        if not given:
            raise BadLead("This lead is not there, or was erased.")
        return given[0]

    def dry_run(
        self, *, wanted: int, tally: drafts.Tally, after: tuple[datetime, str] | None
    ) -> drafts.Chunk:
        """Raises NotPossible."""
        if not self.sees_leads:
            raise NotPossible("Leads are not shown to you, so none can be tried.")
        if self.problems():
            raise NotPossible("Correct the draft first.")
        try:
            saved = recipient_drafts.saved(self.recipient).compiled()
        except mapping.MappingError:
            saved = None
        sides = drafts.Sides(saved, self.mapping, self.plan.reader, self.reader)
        return drafts.dry_run(self.plan, sides, self.flows, wanted=wanted, tally=tally, after=after)

    # --- what templates get

    def tried(self) -> dict[str, Any]:
        """The preview, or what keeps it from being made."""
        found: dict[str, Any] = {"problems": self.problems(), "way": self.way}
        if found["problems"]:
            return found
        try:
            given = self.given()
        except BadLead as error:
            return {**found, "bad_lead": str(error)}
        made = drafts.preview(self.plan, self.mapping, given, known=catalogue.paths(self.groups))
        warnings = [
            (row, each)
            for each in made.unknown
            for row in (rows_reading(self.rows, each.path) if self.way == ROWS else ()) or (None,)
        ]
        # A lead that was typed in shows what was typed.
        concealed = draftleads.sensitive_paths(self.flows) if given.id else frozenset()
        wanted = [each.name for each in catalogue.service_fields(self.recipient) if each.required]
        return {
            **found,
            "preview": made,
            "given": given,
            "body": _readable(made.request.body) if made.request else "",
            "warnings": warnings,
            "silent": [path for path in made.silent if path not in concealed],
            "concealed": [path for path in made.silent if path in concealed],
            "lacking": _lacking(wanted, self.mapping, given),
        }

    def as_rows(self) -> dict[str, Any]:
        """The text as rows that are not saved yet, in place of those that there are."""
        try:
            rows = mapping.rows_of_text(self.text)
        except mapping.MappingError as error:
            return {"problem": str(error)}
        there = list(self.recipient.mapping_rows.all())
        data = {
            "mapping_rows-TOTAL_FORMS": str(len(there) + len(rows)),
            "mapping_rows-INITIAL_FORMS": str(len(there)),
        }
        for place, old in enumerate(there):
            data |= _posted(place, mapping.Row(old.key, old.value, old.when, old.keep_blank))
            data |= {f"mapping_rows-{place}-id": str(old.pk), f"mapping_rows-{place}-DELETE": "on"}
        for place, row in enumerate(rows, len(there)):
            data |= _posted(place, row)
        return {"rows": row_forms(self.recipient, data)}

    def context(self) -> dict[str, Any]:
        return {
            "recipient": self.recipient,
            "form": self.form,
            "rows": self.rows,
            "rules": self.rules,
            "reading": [self.reading[name] for name in READING],
            "text_field": self.form["mapping_text"],
            "way": self.way,
            "with_reading": self.reads,
            "way_form": WayForm(initial={"way": self.way}),
            "lead_form": self.lead_form,
            "leads": [(each, _named(each)) for each in self.recent],
            "chosen": self.lead_form["lead"].value()
            or self.asked
            or (self.recent[0].id if self.recent else ""),
            "sees_leads": self.sees_leads,
            "groups": self.groups,
            **self.tried(),
        }


def _posted(place: int, row: mapping.Row) -> dict[str, str]:
    """A row as the page's form sends it."""
    start = f"mapping_rows-{place}-"
    kept_blank = {f"{start}keep_blank": "on"} if row.keep_blank else {}
    return {
        f"{start}key": row.key,
        f"{start}value": row.value,
        f"{start}when": row.when,
        f"{start}position": str(place),
        **kept_blank,
    }


def _lacking(names: Sequence[str], draft: mapping.Mapping, given: Given) -> list[str]:
    """The fields that the service requires and the payload has not."""
    try:
        payload = draft.render(given.context)
    except mapping.RenderError:
        return []
    return [name for name in names if name not in payload]


def _readable(body: str) -> str:
    """JSON with its lines; other formats as they go out."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return body


def _named(given: Given) -> str:
    """`21 Nov 03:42:18 · Ann Example · lead_…`"""
    lead = given.context["lead"]
    name = " ".join(str(lead.get(part) or "") for part in ("first_name", "last_name")).strip()
    parts = (f"{given.at:%d %b %H:%M:%S}", name or str(lead.get("email") or ""), given.id)
    return " · ".join(part[:60] for part in parts if part)
