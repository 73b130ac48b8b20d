"""Suppression lists, consent and duplicates in a bundle."""

from __future__ import annotations

import pytest

from flows import plans
from flows.loading import load_plans
from flows.models import Flow, FlowSource
from leadops.config.loading import dump
from recipients.models import Recipient, SuppressionList
from tests.leadops.config.bundles import changed, load, mistakes

pytestmark = pytest.mark.django_db

LISTS = "  - {slug: dnc, fields: [phone_1], hashed: false}\n"
EVERYTHING = changed(
    LISTS,
    LISTS + "  - {slug: opt-outs, name: Opted out, fields: [email], hashed: sha256}\n"
    "  - {slug: domains, fields: [email.domain], type: string}\n",
)
EVERYTHING = EVERYTHING.replace("suppress: [dnc]", "suppress: [dnc, domains]")
EVERYTHING = EVERYTHING.replace(
    "consent: {field: trustedform_cert_url, required: false}",
    "consent: {field: cert, required: true, max_age: 30d, at: agreed_at, text: words}",
)
EVERYTHING = EVERYTHING.replace(
    "{source: web-form-a, price: 15.00,",
    "{source: web-form-a, price: 15.00, duplicates: {match: [[email, state]], within: 1h},",
)
EVERYTHING = EVERYTHING.replace(
    "    tier: premium\n",
    "    tier: premium\n    suppress: [opt-outs]\n"
    "    duplicates: {match: [[email]], within: 90d}\n"
    "    consent: {required: true, max_age: 24h}\n",
)


def test_it_reads_lists_and_who_uses_them():
    load(EVERYTHING)
    kinds = {row.slug: (row.value_type, row.hashed) for row in SuppressionList.objects.all()}
    assert kinds == {
        "dnc": ("phone", "none"),
        "opt-outs": ("email", "sha256"),
        "domains": ("string", "none"),
    }
    flow, abc = Flow.objects.get(), Recipient.objects.get(slug="abc-insurance")
    assert [each.slug for each in flow.suppress.all()] == ["dnc", "domains"]
    assert [each.slug for each in abc.suppress.all()] == ["opt-outs"]


def test_it_reads_consent_and_duplicates():
    load(EVERYTHING)
    current = load_plans()
    flow = current.flow("auto-insurance")
    terms = flow.consent
    assert (terms.field, terms.required, terms.max_age) == ("cert", True, 30 * 86_400)
    assert (terms.at, terms.text) == ("agreed_at", "words")
    assert FlowSource.objects.get().duplicate_match == [["email", "state"]]
    abc = next(plan for plan in current.recipients.values() if plan.slug == "abc-insurance")
    assert (abc.duplicates, abc.duplicates_within) == ((("email",),), 90 * 86_400)
    assert (abc.consent_required, abc.consent_max_age) == (True, 86_400)


def test_a_dump_brings_it_all_back_and_loading_it_again_changes_nothing():
    load(EVERYTHING)
    revision = plans.newest()
    assert load(EVERYTHING) == []
    text = dump()
    assert load(text) == []
    assert plans.newest() == revision
    Flow.objects.all().delete()
    SuppressionList.objects.all().delete()
    load(text)
    assert dump() == text


def test_a_change_of_lists_reaches_the_workers():
    load(EVERYTHING)
    revision = plans.newest()
    said = load(EVERYTHING.replace("suppress: [dnc, domains]", "suppress: [dnc]"))
    assert said == ["~ flow auto-insurance: suppress.domains removed"]
    assert plans.newest() > revision
    assert [each.slug for each in load_plans().flow("auto-insurance").suppress] == ["dnc"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("hashed: false", "hashed: true", "Say how they are hashed: md5 or sha256"),
        ("hashed: false", "hashed: crc", "“crc” is not possible"),
        ("fields: [phone_1]", "fields: []", "This field cannot be blank"),
        ("fields: [phone_1]", "fields: [phone_1], type: shoe", "'shoe' is no type of a list"),
        ("suppress: [dnc]", "suppress: [dcn]", "There is no suppression list dcn"),
        ("field: trustedform_cert_url, ", "", "Name the field with the evidence first"),
    ],
)
def test_it_tells_what_is_wrong(old, new, said):
    text = changed(old, new).replace("required: false}", "required: true}")
    assert any(said in each for each in mistakes(text))
