"""Every field type by its name in the bundle, a line each; and reading a value as one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

from flows.fields import (
    boolean,
    country,
    dates,
    email,
    gender,
    ip,
    names,
    numbers,
    phone,
    postal_code,
    ranges,
    ssn,
    state,
    times,
    urls,
)
from flows.fields.text import storable, text_of
from flows.fields.value import FieldType, Given, Invalid, Value

FIELD_TYPES: Mapping[str, FieldType] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            names.STRING,
            names.FIRST_NAME,
            names.LAST_NAME,
            email.EMAIL,
            phone.PHONE,
            postal_code.POSTAL_CODE,
            state.STATE,
            country.COUNTRY,
            names.STREET,
            names.CITY,
            numbers.NUMBER,
            numbers.CURRENCY,
            ranges.RANGE,
            boolean.BOOLEAN,
            dates.DATE,
            dates.DATE_OF_BIRTH,
            times.TIME,
            urls.URL,
            ip.IP,
            gender.GENDER,
            ssn.SSN,
            urls.TRUSTEDFORM_URL,
        )
    }
)


def field_types() -> tuple[str, ...]:
    """The names of all types."""
    return tuple(FIELD_TYPES)


def privacy_of(type_name: str) -> str:
    """plain, personal or sensitive: what a field of the type is where nobody chooses."""
    kind = FIELD_TYPES.get(type_name)
    return kind.privacy if kind else "plain"


def parse(type_name: str, raw: Any, *, today: date | None = None) -> Value:
    """`raw` read as `type_name`. Raises KeyError for an unknown type, and nothing for any value.

    `today` (UTC by default) is the day against which ages are reckoned.
    """
    kind = FIELD_TYPES[type_name]
    try:
        text = text_of(raw)
        if not text:
            raise Invalid("is blank")
        read = kind.read(Given(text, raw, today))
    except Invalid as invalid:
        return Value(raw, raw, False, str(invalid))
    return Value(raw, read.normal, True, "", read.components)


def flatten(name: str, value: Value) -> dict[str, Any]:
    """The field as flat lead values: `name`, `name.valid`, and `name.<component>` for the rest.

    `name.raw` is there only where it differs from `name`, `name.reason` only where invalid.
    """
    kept = value.normal if value.valid else storable(value.raw)
    flat: dict[str, Any] = {name: kept, f"{name}.valid": value.valid}
    raw = value.raw
    if value.valid and (type(raw) is not type(kept) or raw != kept):
        flat[f"{name}.raw"] = storable(raw)
    if not value.valid:
        flat[f"{name}.reason"] = value.reason
    for component, part in value.components.items():
        flat[f"{name}.{component}"] = part
    return flat
