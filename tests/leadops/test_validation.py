from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from leadops.lib.validation import plain_object


@pytest.mark.parametrize("value", [{}, {"a": 1, "b": "x", "c": True}, {"a": {"CA": "California"}}])
def test_it_takes_values_and_tables(value: Any) -> None:
    plain_object(value)


@pytest.mark.parametrize("value", [[], "a", {"a": None}, {"a": [1]}, {"a": {"b": {"c": 1}}}])
def test_it_refuses_what_templates_could_not_use(value: Any) -> None:
    with pytest.raises(ValidationError):
        plain_object(value)
