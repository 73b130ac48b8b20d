"""`recipients`: who receives leads, and how they are reached and read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from leadops.config.concealing import Concealing
from leadops.config.items import Item
from leadops.config.kinds import (
    BOOLEAN,
    KEPT,
    MONEY,
    OBJECT,
    RULES,
    STATUS,
)
from leadops.config.plans import Draft, Plan, read, sentence
from leadops.config.sections import capacity, suppression, terms
from leadops.config.sections.base import tops
from leadops.config.sections.batches import read_batch, write_batch
from leadops.config.sections.endpoints import read_endpoints, write_endpoints
from leadops.config.sections.keys import read_key, write_keys
from leadops.config.sections.pings import read_ping, write_ping
from leadops.config.sections.policies import read_rules, take_policies, write_policies
from leadops.config.sections.testcases import read_tests, write_tests
from leadops.config.shapes import Key, Shape
from recipients import mapping
from recipients.mapping.keys import parse_key
from recipients.models import MappingRow, PartnerKey, Recipient, ResponseRule

SHAPE = Shape(
    keys=(
        Key("slug", required=True),
        Key("name", required=True),
        Key("type"),
        Key("tier"),
        Key("timezone"),
        Key("price", MONEY),
        Key("prices", terms.PRICES),
        Key("integration"),
        Key("active", BOOLEAN, stays=True),
        Key("contact"),
        Key("contact_name"),
        Key("contact_email"),
        Key("contact_phone"),
        Key("notes"),
        Key("schema_notes"),
        Key("auth_notes"),
        Key("fields", OBJECT),
        Key("response.success", field="success"),
        Key("response.lead_id", field="lead_id_path"),
        Key("response.price", field="price_path"),
        Key("response.fallback_price", field="fallback_price"),
        Key("response.message", field="message_path"),
        Key("response.reason", field="reason_path"),
        Key("response.capture", OBJECT, "capture"),
        Key("filter", RULES),
        *capacity.OF_RECIPIENT,
        *suppression.DUPLICATES,
        *suppression.CONSENT_OF_RECIPIENT,
    ),
    own=(
        "suppress",
        "key",
        "endpoint",
        "backup",
        "sandbox",
        "regional",
        "fallback",
        "ping",
        "batch",
        "mapping",
        "response.rules",
        "retry",
        "breaker",
        "tests",
    ),
)
RULE = Shape(
    keys=(
        Key("status", STATUS),
        Key("contains"),
        Key("matches"),
        Key("when"),
        Key("header"),
        Key("outcome", required=True),
        Key("reason"),
    )
)


class Recipients:
    key, kind, name = "recipients", "recipient", "slug"

    def objects(self) -> list[Recipient]:
        children = (
            "endpoints",
            "mapping_rows",
            "response_rules",
            "retry_rules",
            "keys",
            "test_cases",
            "suppress",
        )
        return list(Recipient.objects.prefetch_related(*children).order_by("slug"))

    def read(self, plan: Plan, items: list[Item]) -> None:
        for top in tops(plan, self, items, Recipient):
            found = SHAPE.read(top.item)
            top.draft.take(SHAPE, found)
            take_policies(top.draft, found)
            mapped = _mapping_text(top.draft, found.get("mapping"))
            plan.save(top.draft)
            suppression.read_suppress(plan, top.draft, found.get("suppress"))
            read_endpoints(plan, top.draft, found)
            read_ping(plan, top.draft, found.get("ping"))
            read_batch(plan, top.draft, found.get("batch"))
            _read_rows(plan, top.draft, None if mapped else found.get("mapping"))
            _read_rules(plan, top.draft, found.get("response.rules"))
            read_rules(plan, top.draft, found.get("retry"))
            read_tests(plan, top.draft, found.get("tests"))
            if "key" in found:
                obj = top.draft.obj
                read_key(plan, found["key"], obj, model=PartnerKey, field="recipient")

    def write(self, obj: Recipient, concealing: Concealing) -> dict[str, Any]:
        document = SHAPE.write(obj, lambda text, name: concealing.secret(text, obj.slug, name))
        response, filter = document.pop("response", {}), document.pop("filter", None)
        guards = suppression.write_guards(obj, document)
        document["key"] = write_keys(obj.keys.all(), concealing)
        document.update(write_endpoints(obj, concealing))
        if bids := write_ping(obj, concealing):
            document["ping"] = {**document.get("ping", {}), **bids}
        if batch := write_batch(obj):
            document["batch"] = batch
        if written := _write_mapping(obj):
            document["mapping"] = written
        if rules := [RULE.write(rule, _plain) for rule in obj.response_rules.all()]:
            response["rules"] = rules
        if response:
            document["response"] = response
        if filter:
            document["filter"] = filter
        document.update(guards)
        document.update(write_policies(obj))
        if tests := write_tests(obj):
            document["tests"] = tests
        return document


def _plain(text: str, _name: str) -> str:
    return text


def _mapping_text(draft: Draft, item: Item | None) -> bool:
    """Take a mapping in its block form; False where it is none."""
    is_text = item is not None and isinstance(item.node.value, str)
    text = read(item, KEPT.read) if is_text and item is not None else ""
    if text is None:
        draft.wrong.add("mapping_text")
    else:
        draft.put("mapping_text", text, item if is_text else None)
    return is_text


def _read_rows(plan: Plan, recipient: Draft, item: Item | None) -> None:
    rows = _rows(item) if item is not None else []
    there: dict[tuple[str, int], MappingRow] = {}
    for one in [] if recipient.is_new else recipient.obj.mapping_rows.all():
        there[_turn(one.key, there)] = one
    wanted: list[tuple[str, int]] = []
    for place, row in enumerate(rows):
        turn = _turn(row.key, wanted)
        wanted.append(turn)
        obj = there.get(turn)
        at = item.descend(parse_key(row.key)) if item is not None else recipient.item
        draft = Draft(obj or MappingRow(recipient=recipient.obj), at, is_new=obj is None)
        values = {"position": place, "key": row.key, "value": row.value, "when": row.when}
        for attribute, value in values.items():
            draft.put(attribute, value)
        draft.put("keep_blank", row.keep_blank)
        plan.save(draft)
    plan.delete(one for turn, one in there.items() if turn not in wanted)


def _turn(key: str, before: Any) -> tuple[str, int]:
    """A key may have several rows (cases): they are told apart by their order."""
    return key, sum(1 for name, _ in before if name == key)


def _rows(item: Item) -> list[mapping.Row]:
    """The rows of a mapping written as an object; what does not compile is reported."""
    if not isinstance(item.node.value, dict):
        item.expected("an object of keys and templates, or a text")
        return []
    document = read(item, lambda found: found.plain(keep=True))
    if document is None:
        return []
    try:
        rows = mapping.rows_of(document)
    except mapping.MappingError as error:
        _complain(item, error)
        return []
    return _compiling(item, rows)


def _compiling(item: Item, rows: list[mapping.Row]) -> list[mapping.Row]:
    """The rows, if they compile; else everything that is wrong with them is reported."""
    try:
        mapping.compile_rows(rows)
        return rows
    except mapping.MappingError as error:
        whole = error
    alone = list(_wrong(rows))
    for found in alone or [whole]:
        _complain(item, found)
    return []


def _wrong(rows: list[mapping.Row]) -> Iterator[mapping.MappingError]:
    for row in rows:
        try:
            mapping.compile_rows([row])
        except mapping.MappingError as error:
            yield error


def _complain(item: Item, error: mapping.MappingError) -> None:
    try:
        inner = item.descend(parse_key(error.path)) if error.path else item
    except ValueError:
        inner = item
    where = f" (column {error.column})" if error.column > 1 else ""
    inner.error(sentence(error.message) + where)


def _write_mapping(obj: Recipient) -> Any:
    if obj.mapping_text.strip():
        return obj.mapping_text
    return mapping.document_of(
        mapping.Row(row.key, row.value, row.when, row.keep_blank) for row in obj.mapping_rows.all()
    )


def _read_rules(plan: Plan, recipient: Draft, item: Item | None) -> None:
    """Rules that are alike keep their rows; of the others each takes the next free one."""
    there = [] if recipient.is_new else list(recipient.obj.response_rules.all())
    free = defaultdict(list)
    for rule in there:
        free[_content(rule)].append(rule)
    drafts = []
    for place, each in enumerate(item.elements() if item is not None else []):
        draft = Draft(ResponseRule(recipient=recipient.obj), each, is_new=True)
        found = RULE.read(each)
        draft.take(RULE, found)
        draft.put("position", place)
        draft.wrong |= {"outcome"} - found.keys()
        drafts.append((draft, found))
    kept = [
        free[_content(draft.obj)].pop(0) if free[_content(draft.obj)] else None
        for draft, _ in drafts
    ]
    left = [rule for rule in there if rule not in kept]
    for (draft, found), obj in zip(drafts, kept, strict=True):
        obj = obj or (left.pop(0) if left else None)
        plan.save(draft if obj is None else _again(draft, obj, found))
    plan.delete(left)


def _content(rule: ResponseRule) -> tuple[Any, ...]:
    return tuple(getattr(rule, key.attribute) for key in RULE.keys)


def _again(draft: Draft, obj: ResponseRule, found: dict[str, Item]) -> Draft:
    """The draft's values on a row that is there."""
    onto = Draft(obj, draft.item, is_new=False, places=draft.places, wrong=draft.wrong)
    for key in RULE.keys:
        onto.put(key.attribute, getattr(draft.obj, key.attribute), found.get(key.name))
    onto.put("position", draft.obj.position)
    return onto
