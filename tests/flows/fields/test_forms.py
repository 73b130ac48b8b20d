"""The ways that a specification names are ways that are understood."""

from __future__ import annotations

import pytest

from flows import fields
from flows.fields.forms import FORMS
from flows.fields.samples import BY_TYPE


@pytest.mark.parametrize(("kind", "text"), [(k, text) for k, all in FORMS.items() for text in all])
def test_each_is_understood(kind, text):
    assert fields.parse(kind, text).valid, fields.parse(kind, text)


@pytest.mark.parametrize("kind", sorted(set(BY_TYPE) & set(fields.field_types())))
def test_samples_are_valid(kind):
    assert fields.parse(kind, BY_TYPE[kind]).valid
