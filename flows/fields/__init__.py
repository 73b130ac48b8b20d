"""Typed lead fields: a raw value in; its normal form, validity and components out.

    email = parse("email", "John@Example.COM ")
    email.normal                      # "john@example.com"
    flatten("email", email)           # {"email": …, "email.valid": True, "email.domain": …}

Nothing here raises on a value, however odd: a lead is never lost because a field is bad.
"""

from flows.fields.registry import FIELD_TYPES, field_types, flatten, parse, privacy_of
from flows.fields.value import FieldType, Value

__all__ = ["FIELD_TYPES", "FieldType", "Value", "field_types", "flatten", "parse", "privacy_of"]
