"""Who calls the API: a source, a partner or a member of staff, by the key it shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class Caller(StrEnum):
    SOURCE = "source"
    PARTNER = "partner"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller whose key was good. `id` names the source, the recipient or the user.

    `at` and `revision` came with the same query: the database's clock, and the number of the
    configuration in force.
    """

    kind: Caller
    id: str
    at: datetime
    revision: int
    user: Any = None  # the member of staff
    is_authenticated: bool = True
    is_active: bool = True

    @property
    def pk(self) -> str:
        """What throttles count by."""
        return f"{self.kind}:{self.id}"


def caller(request: Request) -> Principal:
    """Who calls, once authentication has passed."""
    principal: Principal = request.user  # type: ignore[assignment]  # set by KeyAuthentication
    return principal


class _Kinds(BasePermission):
    kinds: frozenset[Caller] = frozenset()

    def has_permission(self, request: Request, view: Any) -> bool:
        return getattr(request.user, "kind", None) in self.kinds


class IsSource(_Kinds):
    kinds = frozenset({Caller.SOURCE})


class IsPartner(_Kinds):
    kinds = frozenset({Caller.PARTNER})


class IsStaff(_Kinds):
    kinds = frozenset({Caller.STAFF})


class IsStaffOrSource(_Kinds):
    kinds = frozenset({Caller.STAFF, Caller.SOURCE})


class IsStaffOrPartner(_Kinds):
    kinds = frozenset({Caller.STAFF, Caller.PARTNER})


class Operates(IsStaff):
    """Staff who may steer deliveries: ops and administrators."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return super().has_permission(request, view) and bool(caller(request).user.operates)
