"""Loading: what a bundle says is what there is afterwards, and nothing is written twice."""

# ruff: noqa: E501  # a table of long lines

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, connections

from events.models import AlertThreshold, Event
from flows import plans
from flows.loading import load_plans
from flows.models import Flow, Source, SourceKey, Step
from leadops import env
from leadops.accounts.models import AccountKey, User
from leadops.config import loading
from leadops.lib import secrets
from recipients.loading import load_recipients
from recipients.models import Endpoint, MappingRow, PartnerKey, Recipient, Secret
from tests.leadops.config.bundles import CONTRACT, changed, line_of, load, mistakes, notes
from tests.leadops.config.conftest import NAMES

pytestmark = pytest.mark.django_db
DEMO = (env.PROJECT / "leadops/demo/bundle.yaml").read_text()


def test_it_loads_the_contracts_example():
    load(CONTRACT)
    abc = Recipient.objects.get(slug="abc-insurance")
    assert (abc.price, abc.tier, abc.timezone) == (Decimal(45), "premium", "America/New_York")
    assert (abc.success, abc.lead_id_path) == ('status = "accepted"', "leadId")
    assert [str(rule) for rule in abc.response_rules.all()] == [
        "200 + DUP → duplicate",
        "5xx → server_error",
    ]
    assert [row.key for row in abc.mapping_rows.all()] == [
        "firstName",
        "phoneNumber",
        "applicant.name.first",
    ]
    flow = Flow.objects.get(slug="auto-insurance")
    assert [str(step) for step in flow.steps.all()] == [
        "filter: geographic_filter",
        "deliver: buyers",
    ]
    step = flow.steps.get(name="buyers")
    assert step.remediation.slug == "bulk-pool"
    assert [(r.recipient.slug, r.price, r.weight) for r in step.recipients.all()] == [
        ("abc-insurance", None, 1),
        ("premier", Decimal(40), 2),
    ]
    assert (flow.duplicate_match, flow.duplicate_within) == ([["email"], ["phone_1"]], 2_592_000)
    alert = AlertThreshold.objects.get()
    assert (alert.below, alert.over, alert.notify.get().slug) == (Decimal("0.9"), 900.0, "ops")


def test_a_field_is_as_private_as_its_type_where_the_file_does_not_say():
    text = "leadops: 1\nflows: [{slug: f, name: F, fields: {a: email, b: {type: ssn}, c: , d: {type: phone, privacy: plain}}}]\n"
    load(text)
    privacy = dict(Flow.objects.get().fields.values_list("name", "privacy"))
    assert privacy == {"a": "personal", "b": "sensitive", "c": "plain", "d": "plain"}
    assert load(text) == []


def test_what_it_loads_compiles_for_the_workers():
    load(CONTRACT)
    loaded = {plan.slug: plan for plan in load_recipients().values()}
    assert [plan.paused_reason for plan in loaded.values()] == ["", "", ""]
    assert loaded["abc-insurance"].production.auth.secret == NAMES["BUYER_TOKEN"]
    assert load_plans().flow("auto-insurance").duplicates == (("email",), ("phone_1",))


def test_loading_twice_changes_nothing_not_even_the_revision():
    load(CONTRACT)
    revision, events = plans.newest(), Event.objects.count()
    assert load(CONTRACT) == []
    assert (plans.newest(), Event.objects.count()) == (revision, events)


def test_it_numbers_the_mappings_it_changed():
    load(CONTRACT)
    load(CONTRACT)
    abc = Recipient.objects.get(slug="abc-insurance")
    assert [row.number for row in abc.mapping_versions.all()] == [1]
    load(CONTRACT.replace("firstName:", "givenName:"))
    newest = abc.mapping_versions.first()
    assert newest is not None
    assert newest.number == 2
    assert newest.content["rows"][0]["key"] == "givenName"
    assert newest.note.startswith("loaded from ")


def test_it_names_what_it_added():
    assert load(CONTRACT)[:4] == [
        "+ channel ops",
        "+ source web-form-a",
        "+ suppression list dnc",
        "+ recipient abc-insurance",
    ]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("price: 45.00", "price: 40", "~ recipient abc-insurance: price 45.00 → 40.00"),
        ("tier: premium", "# ", "~ recipient abc-insurance: tier removed"),
        ("timeout: 10s", "timeout: 1m", "~ recipient abc-insurance: endpoint.timeout 10s → 1m"),
        ("price: 40.00, weight", "price: 41, weight", "~ flow auto-insurance: steps.buyers.recipients.premier.price 40.00 → 41.00"),
        ("score: {type: number}", "score: {type: currency}", "~ flow auto-insurance: fields.score.type number → currency"),
        ("below: 90%", "below: 0.85", "~ alert Delivery rate low: below 90% → 85%"),
        ("role: ops", "role: auditor", "~ account olga: role ops → auditor"),
        ("name: Web Form A", "name: Form B", '~ source web-form-a: name "Web Form A" → "Form B"'),
        ("kinds: [conversion, return]", "kinds: [conversion]", "~ source web-form-a: feedback.kinds.return removed"),
        ("backup: {url: https://backup", "sandbox: {url: https://backup", None),
        ("times: 3, backoff: 1s", "times: 5, backoff: 1s", "~ recipient abc-insurance: retry.server_error.times 3 → 5"),
    ],
)  # fmt: skip
def test_it_says_what_it_changed_in_the_bundles_words(old, new, line):
    load(CONTRACT)
    text = changed(old, new)
    if line is None:
        assert mistakes(text)
        return
    assert load(text) == [line]
    assert load(text) == []


def _ids(text: str) -> set[Any]:
    load(text)
    models = (Step, Endpoint, MappingRow)
    return {(model.__name__, row.pk) for model in models for row in model.objects.all()}


def test_unchanged_rows_keep_their_ids_when_others_change():
    before = _ids(CONTRACT)
    text = changed('firstName: "', 'given_name: "')
    text = changed("geographic_filter", "geo", text)
    after = _ids(changed("https://api.abcinsurance.com", "https://api2.abcinsurance.com", text))
    assert len(before - after) == len(after - before) == 2  # a mapping row and a step
    assert len(before & after) == len(before) - 2


def test_lists_are_replaced_to_equal_the_bundle():
    load(CONTRACT)
    text = re.sub(r"    regional: .*\n|    backup: .*\n", "", CONTRACT)
    text = changed("recipients: [abc-insurance, {", "recipients: [{", text)
    text = re.sub(r"      rules: \[\{status: 200.*\n", "", text)
    text = changed(", unknown: {times: 3, then: retry_same}", "", text)
    load(text)
    abc = Recipient.objects.get(slug="abc-insurance")
    assert {e.kind for e in abc.endpoints.all()} == {"production", "sandbox"}
    assert [r.outcome for r in abc.retry_rules.all()] == ["server_error"]
    assert not abc.response_rules.exists()
    assert [r.recipient.slug for r in Step.objects.get(name="buyers").recipients.all()] == [
        "premier"
    ]


def test_objects_that_the_file_does_not_name_stay():
    load(CONTRACT)
    assert load("leadops: 1\nsources:\n  - {slug: other, name: Other}") == ["+ source other"]
    assert Recipient.objects.count() == 3
    assert Source.objects.count() == 2


def test_a_recipient_that_was_switched_off_stays_off():
    load(CONTRACT)
    Recipient.objects.filter(slug="premier").update(active=False)
    assert load(CONTRACT) == []
    assert not Recipient.objects.get(slug="premier").active


def test_a_dry_run_says_what_would_change_and_changes_nothing():
    revision = plans.newest()
    assert len(load(CONTRACT, dry_run=True)) == 10
    assert not Recipient.objects.exists()
    assert (plans.newest(), Event.objects.count()) == (revision, 0)


def test_one_mistake_keeps_everything_out():
    assert len(mistakes(changed("below: 90%", "below: ninety"))) == 1
    assert not Source.objects.exists()
    assert not Event.objects.exists()


def test_it_records_what_changed_and_who_did_it():
    load(CONTRACT)
    loading.load(changed("price: 45.00", "price: 40").encode(), name="b", by="bundle (olga)")
    event = Event.objects.order_by("-timestamp", "-id").first()
    assert event.type == "config.changed"
    assert (event.data["by"], event.data["before"], event.data["after"]) == (
        "bundle (olga)",
        {"price": "45"},
        {"price": "40"},
    )


# --- keys, passwords, credentials


def test_keys_are_taken_at_load_and_stored_hashed():
    load(CONTRACT)
    for model, name in (
        (SourceKey, "WEB_FORM_A_KEY"),
        (AccountKey, "OLGA_API_KEY"),
        (PartnerKey, "ABC_FEEDBACK_KEY"),
    ):
        assert model.objects.get().digest == secrets.hash_key(NAMES[name])


def test_a_new_key_is_added_and_the_old_one_stays(monkeypatch):
    load(CONTRACT)
    monkeypatch.setenv("WEB_FORM_A_KEY", "another-key-0123456789")
    assert load(CONTRACT) == ["~ source web-form-a: key changed"]
    assert SourceKey.objects.count() == 2
    assert load(CONTRACT) == []


def test_a_revoked_key_stays_revoked_and_says_so():
    load(CONTRACT)
    SourceKey.objects.update(revoked_at="2026-01-01T00:00Z")
    assert "was revoked" in notes(CONTRACT)
    assert SourceKey.objects.filter(revoked_at=None).count() == 0


def test_a_key_of_somebody_else_is_refused():
    load(CONTRACT)
    text = "leadops: 1\nsources:\n  - {slug: other, name: Other, key: ${WEB_FORM_A_KEY}}"
    assert mistakes(text) == ["b.yaml:3: sources[0].key: This key is the key of Web Form A already"]


def test_one_key_for_two_in_a_file_is_refused():
    text = changed("slug: premier\n", "slug: premier\n    key: ${ABC_FEEDBACK_KEY}\n")
    assert len(mistakes(text)) == 1


def test_a_password_is_set_once_and_only_when_it_changed():
    load(CONTRACT)
    olga = User.objects.get(username="olga")
    assert olga.check_password(NAMES["OLGA_PASSWORD"])
    load(CONTRACT)
    assert User.objects.get(username="olga").password == olga.password


def test_a_weak_password_is_taken_with_a_word(monkeypatch):
    monkeypatch.setenv("DANA_PASSWORD", "dana")
    assert "too short" in notes(CONTRACT)


def test_an_account_without_a_password_cannot_log_in_with_one():
    load("leadops: 1\naccounts:\n  - {username: bob, role: auditor}")
    assert not User.objects.get(username="bob").has_usable_password()


@pytest.mark.parametrize("role", ["administrator", "ops", "account_manager", "auditor"])
def test_staff_may_enter_and_administrators_may_all(role):
    load(f"leadops: 1\naccounts:\n  - {{username: bob, role: {role}}}")
    bob = User.objects.get(username="bob")
    assert (bob.is_staff, bob.is_superuser) == (True, role == "administrator")


def test_an_account_manager_gets_the_recipients_named():
    load(CONTRACT)
    load(changed("recipients: [abc-insurance]}", "recipients: [premier, bulk-pool]}"))
    dana = User.objects.get(username="dana")
    assert {r.slug for r in dana.recipients.all()} == {"premier", "bulk-pool"}


def test_credentials_are_stored_as_references():
    load(CONTRACT)
    endpoint = Endpoint.objects.get(recipient__slug="abc-insurance", kind="production")
    assert endpoint.auth_secret == "${BUYER_TOKEN}"
    assert Source.objects.get().feedback_secret == "${WEB_FORM_A_WEBHOOK}"


def test_a_name_is_taken_from_the_stored_secrets_too(monkeypatch):
    monkeypatch.delenv("WEB_FORM_A_KEY")
    Secret.objects.create(name="WEB_FORM_A_KEY", value="stored-key-0123456789")
    load(CONTRACT)
    assert SourceKey.objects.get().digest == secrets.hash_key("stored-key-0123456789")


def test_a_name_that_is_nowhere_is_told_at_each_of_its_lines(monkeypatch):
    monkeypatch.delenv("BUYER_TOKEN")
    found = mistakes(CONTRACT)
    assert len(found) == 3
    words = "${BUYER_TOKEN} is neither in the environment nor in the stored secrets"
    line = line_of("token: ${BUYER_TOKEN}", CONTRACT)
    assert found[0] == f"b.yaml:{line}: recipients[0].endpoint.auth.token: {words}"


def test_a_secret_in_a_mapping_stays_a_reference_and_is_filled_in_to_be_sent():
    load(changed("firstName:", "apiKey: ${BUYER_TOKEN}\n      firstName:"))
    assert MappingRow.objects.get(key="apiKey").value == "${BUYER_TOKEN}"
    plan = next(p for p in load_recipients().values() if p.slug == "abc-insurance")
    assert plan.mapping.render({"lead": {}})["apiKey"] == NAMES["BUYER_TOKEN"]


def test_what_a_reference_stands_for_here_is_kept_for_the_workers(monkeypatch):
    load(CONTRACT)
    assert Secret.objects.get(name="BUYER_TOKEN").value == NAMES["BUYER_TOKEN"]
    revision = plans.newest()
    assert load(CONTRACT) == []
    assert plans.newest() == revision
    monkeypatch.delenv("BUYER_TOKEN")
    plan = next(p for p in load_recipients().values() if p.slug == "abc-insurance")
    assert plan.production.auth.secret == NAMES["BUYER_TOKEN"]


# --- endpoints


def test_backup_and_sandbox_take_what_they_do_not_say_from_the_endpoint():
    load(changed("sandbox: {url:", "sandbox: {auth: {type: none}, timeout: 3s, url:"))
    backup, sandbox = (Endpoint.objects.get(kind=kind) for kind in ("backup", "sandbox"))
    assert (backup.auth, backup.auth_secret) == ("bearer", "${BUYER_TOKEN}")
    assert backup.headers == sandbox.headers == "X-Request-ID: {{lead.id}}"
    assert (sandbox.auth, sandbox.auth_secret, sandbox.timeout) == ("none", "", 3.0)


@pytest.mark.parametrize(
    ("auth", "fields"),
    [
        ("{type: api_key, key: k}", ("api_key", "", "header", "", "k")),
        ("{type: api_key, header: X-K, value: k}", ("api_key", "X-K", "header", "", "k")),
        ("{type: api_key, parameter: k, key: v}", ("api_key", "k", "query", "", "v")),
        ("{type: api_key, name: k, in: query, key: v}", ("api_key", "k", "query", "", "v")),
        ("{type: basic, username: u, password: p}", ("basic", "", "header", "u", "p")),
        ("{type: bearer, token: t}", ("bearer", "", "header", "", "t")),
        ("none", ("none", "", "header", "", "")),
    ],
)
def test_it_takes_every_authentication(auth, fields):
    load(changed("auth: {type: bearer, token: ${BUYER_TOKEN}}", f"auth: {auth}"))
    row = Endpoint.objects.get(recipient__slug="abc-insurance", kind="production")
    assert (
        row.auth,
        row.auth_name,
        row.auth_place,
        row.auth_username,
        row.auth_secret,
    ) == fields


def test_authentication_by_headers_joins_them_to_the_others():
    auth = "auth: {type: headers, headers: {X-API-Key: ${BUYER_TOKEN}}}"
    load(changed("auth: {type: bearer, token: ${BUYER_TOKEN}}", auth))
    row = Endpoint.objects.get(recipient__slug="abc-insurance", kind="production")
    assert row.headers == "X-Request-ID: {{lead.id}}\nX-API-Key: ${BUYER_TOKEN}"


def test_it_takes_a_mapping_as_a_block_of_text():
    block = "mapping: |\n      {{#if lead.score > 80}}\n      a: {{lead.email}}\n      {{/if}}\n"
    text = re.sub(r"mapping:\n(      .*\n)+", block, CONTRACT)
    load(text)
    abc = Recipient.objects.get(slug="abc-insurance")
    assert abc.mapping_text.startswith("{{#if lead.score > 80}}")
    assert not abc.mapping_rows.exists()
    assert load(text) == []


def test_a_step_may_turn_from_a_filter_into_a_delivery():
    load(CONTRACT)
    text = re.sub(r"      - filter: geographic_filter\n(        .*\n)+", "", CONTRACT)
    load(changed("deliver: buyers", "deliver: geographic_filter", text))
    step = Step.objects.get()
    assert (step.kind, step.rules, step.reason) == ("deliver", {}, "")


# --- the demo, and two at once


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> str:
    for name in set(re.findall(r"\$\{(DEMO_\w+)\}", DEMO)):
        monkeypatch.setenv(name, f"{name.lower()}-0123456789")
    return DEMO


def test_the_demo_loads_compiles_and_loads_again(demo):
    load(demo)
    assert {plan.paused_reason for plan in load_recipients().values()} == {""}
    assert load(demo) == []


def test_the_demo_names_all_its_secrets_at_its_head(demo):
    head = demo.partition("leadops: 1")[0]
    assert set(re.findall(r"\$\{(DEMO_\w+)\}", demo)) == set(re.findall(r"DEMO_\w+", head))


@pytest.fixture
def committed(transactional_db: None) -> Iterator[None]:
    """Django's flush leaves the record, which it does not manage."""
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET leadops.maintenance = 'on'")
        cursor.execute("TRUNCATE events_event, events_snapshot, events_exchange")
        cursor.execute("RESET leadops.maintenance")


@pytest.mark.django_db(transaction=True)
def test_of_two_loads_at_once_the_second_finds_nothing_to_change(committed):
    reports: list[int] = []
    start = threading.Barrier(4)

    def one() -> None:
        start.wait()
        try:
            reports.append(len(load(CONTRACT)))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(reports) == [0, 0, 0, 10]
    assert Recipient.objects.count() == 3


def test_the_documents_example_loads(monkeypatch):
    page = (env.PROJECT / "docs/bundle.md").read_text()
    example = re.search(r"```yaml\n(leadops: 1\n.*?)```", page, re.DOTALL)[1]
    monkeypatch.setenv("DANA_API_KEY", "dana-api-key-0123456789")
    monkeypatch.setenv("LAKE_SECRET_KEY", "lake-secret-key-0123456789")
    for name in ("WAREHOUSE_WEBHOOK", "HOOK_SECRET"):
        monkeypatch.setenv(name, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    example = changed("https://…", "https://source.example.com/feedback", example)
    others = "".join(f"  - {{slug: {slug}, name: {slug}}}\n" for slug in ("premier", "bulk-pool"))
    load(changed("alerts:\n", f"{others}alerts:\n", example))
    assert {plan.paused_reason for plan in load_recipients().values()} == {""}
