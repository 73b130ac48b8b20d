"""Drafts of mappings: paths that nothing has, secrets that nobody sees."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipients.drafts import HIDDEN, Draft, Hiding, unknown_paths, without_mapping
from recipients.mapping import MappingError, Row, compile_rows
from recipients.models import Recipient, Secret
from tests.factories import make_recipient

KNOWN = frozenset({"lead.email", "lead.email.domain", "lead.first_name", "source.slug", "now"})


def unknown(template: str, **lead: object) -> list[str]:
    mapping = compile_rows([Row("k", template)])
    return [str(each) for each in unknown_paths(mapping.paths, KNOWN, {"lead": lead})]


@pytest.mark.parametrize(
    ("template", "lead", "found"),
    [
        ("{{lead.email}} {{now}}", {}, []),
        ("{{lead.frist_name}}", {},
         ["lead.frist_name: no such field; did you mean lead.first_name?"]),
        ("{{lead.quux}}", {}, ["lead.quux: no such field"]),
        ("{{lead.quux}}", {"quux": None}, []),
        ("{{lead.cars.0.make}}", {"cars": []}, []),
        ("{{lead.email.domian}}", {"email": "a@b.c"},
         ["lead.email.domian: no such field; did you mean lead.email.domain?"]),
        ("{{email}} {{slug}}", {}, []),
        ("{{frist_name}}", {}, ["lead.frist_name: no such field; did you mean lead.first_name?"]),
        ("{{source.slgu}}", {}, ["source.slgu: no such field; did you mean source.slug?"]),
    ],
)  # fmt: skip
def test_it_names_paths_that_nothing_has(template, lead, found):
    assert unknown(template, **lead) == found


@given(st.text(alphabet="${}ABC_1 x", max_size=40))
def test_it_fills_every_name_with_the_same_or_refuses(text):
    hides = Hiding(frozenset({"A", "B"}))
    if "${C}" in text or re.search(r"\$\{[ABC][ABC_1]+\}", text):
        with pytest.raises(MappingError, match="neither in the environment"):
            hides.fill(text)
        return
    filled = hides.fill(text)
    assert "${A}" not in filled
    assert (HIDDEN in filled) == ("${A}" in text or "${B}" in text)


@pytest.mark.django_db
def test_it_renders_no_secret():
    Secret.objects.create(name="KEY", value="s3cr3t")
    mapping = Draft((Row("k", '{{left "${KEY}" 4}}'),)).compiled()
    assert mapping.render({}) == {"k": HIDDEN}
    assert Draft(text="k: ${KEY}\n").compiled().render({}) == {"k": HIDDEN}


@pytest.mark.django_db
def test_a_recipient_whose_saved_mapping_is_wrong_can_be_tried():
    recipient = make_recipient(mapping_text="{{{")
    plan = without_mapping(recipient.pk)
    assert plan.production is not None
    assert plan.paused_reason == ""
    assert Recipient.objects.get().mapping_text == "{{{"
