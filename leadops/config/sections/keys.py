"""API keys in the bundle: their values are taken at load and kept as hashes."""

from __future__ import annotations

from typing import Any

from django.db.models import Model

from leadops.config.concealing import Concealing
from leadops.config.items import Item
from leadops.config.plans import Plan, read
from leadops.lib import secrets
from leadops.lib.keys import ApiKey

SHORT = 16


def read_key(plan: Plan, item: Item, owner: Model, *, model: type[ApiKey], field: str) -> None:
    """Give `owner` the key of `item`, unless it has it already. Its other keys stay."""
    text = item.text()
    plain = None if text is None else read(item, lambda found: found.filled(found.node.text))
    if plain is None:
        return
    if not plain.strip():
        item.error("The key is blank")
        return
    digest = secrets.hash_key(plain)
    taken = plan.known.setdefault("key", {})
    if taken.setdefault(digest, owner) is not owner:
        item.error(f"This key is the key of {taken[digest]} already")
        return
    existing = model._default_manager.filter(digest=digest).first()
    if existing is None:
        _add(plan, item, model(**{field: owner}), plain)  # the owner may be yet to be saved
    elif getattr(existing, f"{field}_id") != owner.pk:
        item.error(f"This key is the key of {getattr(existing, field)} already")
    elif existing.revoked_at is not None:
        plan.file.notes.append(f"{item.path}: the key was revoked, and stays so")


def _add(plan: Plan, item: Item, key: ApiKey, plain: str) -> None:
    if len(plain) < SHORT:
        plan.file.notes.append(
            f"{item.path}: a key of fewer than {SHORT} characters can be guessed"
        )
    key.name = "bundle"
    key.set(plain)
    plan.work.append(lambda: _insert(key))


def _insert(key: ApiKey) -> None:
    for relation in (f for f in key._meta.fields if f.is_relation):
        # The owner got its id since, where ids are numbers.
        setattr(key, relation.name, getattr(key, relation.name))
    key.save(force_insert=True)


def write_keys(keys: Any, concealing: Concealing) -> Any:
    """What stands for the keys in force."""
    marks = [key.digest for key in keys if key.revoked_at is None]
    what = "a key is set" if len(marks) == 1 else f"{len(marks)} keys are set"
    return concealing.hashed(marks, f"key: {what}; only hashes are kept")
