"""Model fields of our own: prefixed ids, durations as people write them, secrets at rest."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models

from leadops.lib import durations, ids, secrets


class IdField(models.CharField):  # type: ignore[type-arg]  # the stubs want both value types spelt out
    """A primary key such as `rcp_5L2nK9mR3x8B4Q7p`: says what it names and sorts by time."""

    def __init__(self, prefix: str = "", **kwargs: Any) -> None:
        self.prefix = prefix
        kwargs.setdefault("primary_key", True)
        kwargs.setdefault("editable", False)
        kwargs["max_length"] = 32
        kwargs["db_collation"] = "C"
        kwargs.setdefault("default", partial(ids.new_id, prefix))
        super().__init__(**kwargs)

    def db_type(self, connection: Any) -> str:
        """Spelt out, so that Django adds no second index for LIKE: ids are looked up whole."""
        return f"character varying({self.max_length})"

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        kwargs["prefix"] = self.prefix
        for key in ("max_length", "db_collation", "default"):
            kwargs.pop(key, None)
        return name, path, args, kwargs


class DurationFormField(forms.CharField):
    """Takes `500ms`, `10s`, `5m`, `24h`, `30d`; gives seconds."""

    parse = staticmethod(durations.parse)
    words = staticmethod(durations.text)

    def prepare_value(self, value: Any) -> Any:
        return self.words(value) if isinstance(value, int | float) else value

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values:
            return None
        try:
            return self.parse(value)
        except ValueError as error:
            raise ValidationError(str(error), code="invalid") from error

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != initial)
        except ValidationError:
            return True


class RetentionFormField(DurationFormField):
    """As a duration, and `forever`."""

    parse = staticmethod(durations.parse_retention)
    words = staticmethod(durations.retention_text)


class DurationField(models.FloatField):  # type: ignore[type-arg]
    """Seconds in the database, `10s` or `24h` wherever people read or write it."""

    form_field: type[DurationFormField] = DurationFormField

    def words(self, seconds: float) -> str:
        """As people read it."""
        return self.form_field.words(seconds)

    def formfield(self, **kwargs: Any) -> Any:
        kwargs.pop("widget", None)
        return self.form_field(
            required=not self.blank,
            label=kwargs.get("label") or self.verbose_name,
            help_text=self.help_text,
            initial=self.default if self.has_default() else None,
        )

    def to_python(self, value: Any) -> Any:
        if value is None or isinstance(value, int | float):
            return value
        try:
            return self.form_field.parse(value)
        except ValueError as error:
            raise ValidationError(str(error), code="invalid") from error


class RetentionField(DurationField):
    """How long something is kept: a duration of a day at least, or FOREVER."""

    form_field = RetentionFormField
    default_validators = [MinValueValidator(86_400.0, "Keep it for a day at least: 1d.")]


class SecretField(models.TextField):  # type: ignore[type-arg]
    """Text that is encrypted at rest and plain in Python; blank stays blank."""

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return secrets.encrypt(value) if value else value

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return secrets.decrypt(value) if value else value
