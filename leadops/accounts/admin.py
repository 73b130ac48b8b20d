"""People: their role, the recipients given to them, their keys."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminPasswordWidget

from leadops.accounts.models import AccountKey, User
from leadops.lib import history
from leadops.lib.admin import ConsoleAdmin, choices, column
from leadops.lib.key_rows import KeyRows, show_new_keys

admin.site.unregister(Group)  # roles decide, not groups


class AccountKeys(KeyRows):
    model = AccountKey
    verbose_name = "API key"
    verbose_name_plural = "API keys"


class ChangeForm(UserChangeForm):  # type: ignore[misc]
    class Meta:
        model = User
        fields = "__all__"

    def clean(self) -> Any:
        """Who signs in as administrator stays one: nobody locks the door behind themselves."""
        data = super().clean()
        if not getattr(self, "own", False):
            return data
        if "role" in data and data["role"] != User.Role.ADMINISTRATOR:
            self.add_error("role", ValidationError("Another administrator must take your role."))
        if data.get("is_active") is False:
            self.add_error("is_active", ValidationError("You cannot close your own account."))
        return data


class CreationForm(UserCreationForm):  # type: ignore[misc]
    class Meta:
        model = User
        fields = ("username", "role")


class PasswordForm(AdminPasswordChangeForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("password1", "password2"):
            self.fields[name].widget = UnfoldAdminPasswordWidget({"autocomplete": "new-password"})


@admin.register(User)
class UserAdmin(ConsoleAdmin, DjangoUserAdmin):  # type: ignore[misc,type-arg]
    form = ChangeForm
    add_form = CreationForm
    change_password_form = PasswordForm
    list_display = ("shown_name", "role_label", "sees", "keys_in_use", "last_login", "state")
    list_filter = (choices("role"), "is_active")
    list_filter_submit = True
    search_fields = ("username", "first_name", "last_name", "email")
    search_help_text = "Name or e-mail"
    ordering = ("username",)
    filter_horizontal = ()
    autocomplete_fields = ("recipients",)
    inlines = (AccountKeys,)
    fieldsets = (
        (None, {"fields": (("username", "is_active"), "password")}),
        ("What they may do", {"fields": ("role", "recipients")}),
        ("Who they are", {"fields": (("first_name", "last_name"), "email")}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "role", "usable_password", "password1", "password2")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return self.add_fieldsets
        fieldsets = super().get_fieldsets(request, obj)
        if self.has_change_permission(request, obj):
            return fieldsets
        fieldsets[0][1]["fields"] = (("username", "is_active"),)  # no hashes for readers
        return fieldsets

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else ()

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.own = obj is not None and obj.pk == request.user.pk
        return form

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        query: QuerySet[User] = super().get_queryset(request)
        return query.annotate(
            given=Count("recipients", distinct=True),
            key_count=Count("keys", distinct=True, filter=Q(keys__revoked_at__isnull=True)),
        )

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        show_new_keys(request, formset)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """A new password comes by a page of its own, which saves without save_model."""
        if hasattr(request, "before"):
            return super().log_change(request, obj, message)
        after = dict(history.keeper().snapshot_of(obj))
        before = {**after, "password": "(kept secret)"}
        history.keeper().record_change(before, after, obj, request.user.get_username())
        return None

    @column(description="Name", ordering="username", header=True)
    def shown_name(self, user: User) -> list[str]:
        return [user.get_full_name() or user.username, user.username]

    @column(
        description="Role",
        ordering="role",
        label={
            "Administrator": "danger",
            "Ops": "info",
            "Account manager": "success",
            "Auditor": "warning",
        },
    )
    def role_label(self, user: User) -> str:
        return user.get_role_display().replace("_", " ").capitalize()

    @column(description="Sees")
    def sees(self, user: Any) -> str:
        if user.sees_all:
            return "Everything"
        return f"{user.given} recipient" + ("" if user.given == 1 else "s")

    @column(description="Keys in use", ordering="key_count")
    def keys_in_use(self, user: Any) -> int:
        return int(user.key_count)

    @column(description="State", label={"Active": "success", "Closed": ""})
    def state(self, user: User) -> str:
        return "Active" if user.is_active else "Closed"

    def in_use(self, obj: User) -> str:
        return (
            "" if obj.last_login is None else f"{obj} has worked here; close the account instead."
        )
