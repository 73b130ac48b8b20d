"""Dialogs that ask why: of what is paused and resumed, and of whatever else wants a reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib.admin.utils import unquote
from django.http import HttpRequest
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget

from leadops.lib.admin.lists import button

REASON_LENGTH = 300
Method = Callable[..., Any]


def reason_field(example: str, *, required: bool = True) -> forms.CharField:
    """A line for the reason, with an example of one."""
    return forms.CharField(
        max_length=REASON_LENGTH,
        required=required,
        widget=UnfoldAdminTextInputWidget({"placeholder": f"E.g. {example}"}),
        help_text="Stands in the record.",
    )


class ReasonForm(BaseDialogForm):  # type: ignore[misc]
    reason = reason_field("their server is down until Monday")


def asked(
    title: str, description: str, *, submit: str, form: type[BaseDialogForm] = ReasonForm
) -> dict[str, Any]:
    """A button's dialog."""
    return {
        "title": title,
        "description": description,
        "form_class": form,
        "form_submit_text": submit,
    }


def pause_button(title: str, says: str, *, label: str = "Pause") -> Callable[[Method], Method]:
    """Decorates what pauses the object of a page, see `Pausable`; `says` what that means."""
    return button(
        description=label,
        icon="pause",
        permissions=["pause"],
        variant=ActionVariant.WARNING,
        dialog=asked(title, says, submit="Pause"),
    )


def resume_button(
    title: str, says: str, *, label: str = "Resume", form: type[BaseDialogForm] = ReasonForm
) -> Callable[[Method], Method]:
    return button(
        description=label,
        icon="play_arrow",
        permissions=["resume"],
        variant=ActionVariant.PRIMARY,
        dialog=asked(title, says, submit="Resume", form=form),
    )


class Pausable:
    """A page whose object can be paused: of the two buttons the one is there that makes a
    difference, to whoever may change the object."""

    def is_paused(self, id: str) -> bool | None:
        """None: there is nothing to pause or to resume."""
        raise NotImplementedError

    def has_pause_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self._offers(request, object_id, paused=False)

    def has_resume_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self._offers(request, object_id, paused=True)

    def _offers(self, request: HttpRequest, object_id: str | None, *, paused: bool) -> bool:
        may: bool = self.has_change_permission(request)  # type: ignore[attr-defined]
        return may and (not object_id or self.is_paused(unquote(object_id)) is paused)
