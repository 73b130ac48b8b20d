"""`accounts`: members of staff, their roles, and what account managers see."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from leadops.accounts.models import AccountKey, User
from leadops.config.concealing import Concealing
from leadops.config.items import Item
from leadops.config.kinds import BOOLEAN
from leadops.config.plans import Draft, Plan, read
from leadops.config.sections.base import tops
from leadops.config.sections.keys import read_key, write_keys
from leadops.config.shapes import Key, Shape

SHAPE = Shape(
    keys=(
        Key("username", required=True),
        Key("role", required=True),
        Key("first_name"),
        Key("last_name"),
        Key("email"),
        Key("active", BOOLEAN, "is_active", stays=True),
    ),
    own=("password", "key", "recipients"),
)


class Accounts:
    key, kind, name = "accounts", "account", "username"

    def objects(self) -> list[User]:
        return list(User.objects.prefetch_related("keys", "recipients").order_by("username"))

    def read(self, plan: Plan, items: list[Item]) -> None:
        for top in tops(plan, self, items, User):
            found = SHAPE.read(top.item)
            draft = top.draft
            draft.take(SHAPE, found)
            draft.put("is_staff", True)
            draft.put("is_superuser", draft.obj.role == User.Role.ADMINISTRATOR)
            _read_password(draft, found.get("password"))
            plan.save(draft)
            _read_recipients(plan, draft, found.get("recipients"))
            if "key" in found:
                read_key(plan, found["key"], draft.obj, model=AccountKey, field="user")

    def write(self, obj: User, concealing: Concealing) -> dict[str, Any]:
        document = SHAPE.write(obj, concealing.secret)
        document["password"] = concealing.hashed(
            [obj.password] if obj.has_usable_password() else [],
            "password: one is set; only its hash is kept",
        )
        document["key"] = write_keys(obj.keys.all(), concealing)
        if slugs := sorted(recipient.slug for recipient in obj.recipients.all()):
            document["recipients"] = slugs
        return document


def _read_password(draft: Draft, item: Item | None) -> None:
    """Set the password, unless it is the one that there is. Weak ones are taken, with a word."""
    user: User = draft.obj
    text = item.text() if item is not None else None
    plain = read(item, lambda found: found.filled(found.node.text)) if text and item else None
    if plain is None or item is None:
        if draft.is_new:
            user.set_unusable_password()
        return
    if not draft.is_new and user.check_password(plain):
        return
    try:
        validate_password(plain, user)
    except ValidationError as error:
        item.file.notes.append(f"{item.path}: {' '.join(error.messages)}")
    user.set_password(plain)
    draft.changed.add("password")


def _read_recipients(plan: Plan, draft: Draft, item: Item | None) -> None:
    wanted = []
    for each in item.elements() if item is not None else []:
        recipient = plan.find("recipient", each)
        if recipient is not None:
            wanted.append(recipient)
    ids = {recipient.pk for recipient in wanted}
    there = set() if draft.is_new else {row.pk for row in draft.obj.recipients.all()}
    if ids != there:
        plan.work.append(lambda: draft.obj.recipients.set(ids))
