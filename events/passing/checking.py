"""Whether a source can be told in the way that its settings say: looked at as they are saved."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError

from events.passing import message, writing
from events.passing.writing import Form, Unwritable
from recipients.mapping import MappingError


def check(source: Any) -> None:
    """Raises ValidationError, by field."""
    if source.feedback_kinds:
        _check_way(source)
    if is_sound(source):
        _check_template(source)


def is_sound(source: Any) -> bool:
    """Whether each setting is what it must be, so that they can be looked at together; where one
    is not, its own check says so."""
    lists = (source.feedback_kinds, source.feedback_include, source.feedback_fields)
    return (
        source.feedback_format in writing.KNOWN
        and all(isinstance(each, list) for each in lists)
        and isinstance(source.fields, dict)
    )


def _check_way(source: Any) -> None:
    to = source.feedback_destination_id
    if source.feedback_mode == "summary":
        if to is None:
            raise ValidationError({"feedback_destination": "Summaries need a destination."})
    elif to is not None and source.feedback_url:
        raise ValidationError(
            {"feedback_destination": "One by one goes to the URL or to a destination: clear one."}
        )


def _check_template(source: Any) -> None:
    """It compiles, and what comes of it can be written."""
    if source.feedback_format == writing.TEXT and not source.feedback_template.strip():
        raise ValidationError({"feedback_template": "Write the text that goes out."})
    try:
        form = Form.of(source)
        if form.own is not None:
            _written(source, form)
    except (MappingError, Unwritable) as error:
        problem = ValidationError(str(error))
        problem.__cause__ = error  # which says where in the template
        raise ValidationError({"feedback_template": problem}) from error


def _written(source: Any, form: Form) -> None:
    told = message.invented(source, form.paths)
    if source.feedback_mode == "summary":
        writing.many(form, [told, told], id=told.id)
    else:
        writing.one(form, told)
