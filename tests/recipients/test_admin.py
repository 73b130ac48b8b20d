"""A recipient's page, and the secrets."""

from __future__ import annotations

import pytest

from events.models import Event
from recipients.models import Endpoint, MappingRow, Recipient, RetryRule, Secret
from tests.factories import make_flow, make_recipient, make_source, make_user
from tests.leadops.http.certificates import Authority
from tests.pages import errors_of, form_of, page_of, sign_in, submit, text_of

pytestmark = pytest.mark.django_db

TOKEN = "a-very-secret-token"


@pytest.fixture
def ops():
    return sign_in(make_user("olga"))


@pytest.fixture
def abc():
    recipient = make_recipient()
    recipient.endpoints.update(auth="bearer")
    endpoint = recipient.endpoints.get()
    endpoint.auth_secret = TOKEN
    endpoint.save()
    return recipient


def test_it_adds_a_recipient_with_an_endpoint_and_a_mapping(ops):
    answer = submit(
        ops,
        "/admin/recipients/recipient/add/",
        name="Premier",
        slug="premier",
        price="40",
        endpoints__TOTAL_FORMS="1",
        endpoints__0__kind="production",
        endpoints__0__url="https://premier.example/leads",
        endpoints__0__method="POST",
        endpoints__0__format="json",
        endpoints__0__xml_root="lead",
        endpoints__0__timeout="8s",
        endpoints__0__auth="bearer",
        endpoints__0__auth_place="header",
        endpoints__0__connections="",
        endpoints__0__keep_alive="5m",
        endpoints__0__auth_secret=TOKEN,
        endpoints__0__idempotency_header="Idempotency-Key",
        mapping_rows__TOTAL_FORMS="2",
        mapping_rows__0__key="email",
        mapping_rows__0__value="{{lead.email}}",
        mapping_rows__0__position="0",
        mapping_rows__1__key="state",
        mapping_rows__1__value="{{lead.state}}",
        mapping_rows__1__position="0",
    )
    assert answer.status_code == 302, errors_of(answer)
    made = Recipient.objects.get()
    assert (made.endpoints.get().timeout, made.endpoints.get().auth_secret) == (8.0, TOKEN)
    assert [row.key for row in made.mapping_rows.all()] == ["email", "state"]


def test_it_never_shows_a_credential_again(ops, abc):
    assert TOKEN not in ops.get(page_of(abc)).content.decode()
    auditor = sign_in(make_user("aud", role="auditor"))
    page = auditor.get(page_of(abc)).content.decode()
    assert TOKEN not in page
    assert "Kept, not shown" in page


def test_it_keeps_a_credential_that_is_left_blank(ops, abc):
    assert submit(ops, page_of(abc), tier="basic").status_code == 302
    assert abc.endpoints.get().auth_secret == TOKEN


def test_it_replaces_a_credential(ops, abc):
    submit(ops, page_of(abc), endpoints__0__auth_secret="another-token-123")
    assert abc.endpoints.get().auth_secret == "another-token-123"
    event = Event.objects.get(type="config.changed")
    assert event.data["after"]["endpoints"]["production"]["auth_secret"] == "(changed)"
    assert "token" not in str(event.data)


def test_it_removes_a_credential(ops, abc):
    answer = submit(
        ops, page_of(abc), **{"endpoints__0__auth_secret-clear": "on", "endpoints__0__auth": "none"}
    )
    assert answer.status_code == 302, errors_of(answer)
    assert abc.endpoints.get().auth_secret == ""


def test_it_does_not_send_a_typed_credential_back_with_an_error(ops, abc):
    page = submit(ops, page_of(abc), endpoints__0__auth_secret="typed-just-now", name="")
    assert page.status_code == 200
    assert "typed-just-now" not in page.content.decode()
    assert "Not kept yet; type it again" in page.content.decode()


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("mapping_rows-0-value", "{{lead.email", "line 1, column 1"),
        ("mapping_rows-0-when", "lead.score >", "column"),
        ("endpoints-0-url", "ftp://x", "Write a whole address"),
        ("endpoints-0-timeout", "soon", "is not a duration"),
        ("endpoints-0-headers", "X-A: 1\nnonsense", "Line 2: write Name: value."),
        ("timezone", "Mars/Olympus", "is no time zone"),
        ("filter", "all:\n  - {field: state, op: near, value: TX}", "Line 2: all.0.op"),
        ("filter", "all: [", "Line"),
        ("fields", "[1, 2]", "Write an object"),
        ("success", "status = ", ""),
        ("mapping_text", "email: {{#if a}}", "line"),
    ],
)
def test_it_points_at_a_mistake(ops, abc, field, value, says):
    page = submit(ops, page_of(abc), **{field: value})
    assert page.status_code == 200
    errors = errors_of(page)
    assert len(errors) > 1, errors
    assert any(says in error for error in errors), errors


def test_it_takes_one_endpoint_of_a_kind(ops, abc):
    data = form_of(ops.get(page_of(abc)))
    second = {
        key.replace("endpoints-0", "endpoints-1"): value
        for key, value in data.items()
        if key.startswith("endpoints-0") and not key.endswith("-id")
    }
    data |= {**second, "endpoints-TOTAL_FORMS": "2", "endpoints-1-auth_secret": TOKEN}
    page = ops.post(page_of(abc), data)
    assert page.status_code == 200
    assert "There is one of this kind already." in " ".join(errors_of(page))


def test_it_keeps_rows_in_the_order_they_were_dragged_into(ops, abc):
    MappingRow.objects.create(recipient=abc, key="state", value="x", position=1)
    submit(ops, page_of(abc), mapping_rows__0__position="1", mapping_rows__1__position="0")
    assert [row.key for row in abc.mapping_rows.all()] == ["state", "email"]


def test_it_says_what_a_recipient_without_a_success_rule_takes_for_a_yes(ops, abc):
    Recipient.objects.update(success="")
    assert "every 2xx answer counts as accepted" in text_of(ops.get(page_of(abc)))


def test_it_says_that_moving_on_may_sell_twice(ops, abc):
    assert "may be sold twice" not in text_of(ops.get(page_of(abc)))
    RetryRule.objects.create(recipient=abc, outcome="unknown", then="move_on")
    assert "may be sold twice" in text_of(ops.get(page_of(abc)))


def test_it_says_when_a_recipient_does_not_compile(ops, abc):
    abc.endpoints.update(headers="X-Key: ${NOWHERE_TO_BE_FOUND}")
    assert "${NOWHERE_TO_BE_FOUND} is neither" in text_of(ops.get(page_of(abc)))


def test_it_pauses_with_a_reason_and_resumes(ops, abc):
    url = page_of(abc).replace("/change/", "/")
    assert ops.post(f"{url}pause/", {"_form_submitted": "True", "reason": ""}).status_code == 200
    assert not Recipient.objects.get().paused_at
    answer = ops.post(f"{url}pause/", {"_form_submitted": "True", "reason": "CRM down"})
    assert answer.headers["HX-Refresh"] == "true"
    assert "Paused Abc Insurance. New leads pass it by." in text_of(ops.get(page_of(abc)))
    ops.post(f"{url}resume/", {"_form_submitted": "True"})
    assert not Recipient.objects.get().paused_at
    assert [e.type for e in Event.objects.order_by("timestamp")] == [
        "recipient.paused",
        "recipient.resumed",
    ]


def test_it_changes_nothing_by_following_a_link(ops, abc):
    url = page_of(abc).replace("/change/", "/")
    ops.get(f"{url}pause/")
    assert not Event.objects.exists()


def test_it_lets_only_those_who_operate_pause(abc):
    client = sign_in(make_user("aud", role="auditor"))
    url = page_of(abc).replace("/change/", "/pause/")
    answer = client.post(url, {"_form_submitted": "True", "reason": "x"})
    assert answer.status_code == 403
    assert not Recipient.objects.get().paused_at


def test_it_pauses_several_from_the_list_and_says_how_many(ops, abc):
    other = make_recipient("premier")
    answer = ops.post(
        "/admin/recipients/recipient/",
        {"action": "pause_selected", "_selected_action": [abc.pk, other.pk]},
        follow=True,
    )
    assert "Paused 2 recipients." in text_of(answer)


def test_it_does_not_delete_a_recipient_that_stands_in_a_flow(ops, abc):
    make_flow(make_source(), abc)
    url = page_of(abc).replace("/change/", "/delete/")
    assert "stands in a flow" in text_of(ops.get(url))
    ops.post(url, {"post": "yes"})
    assert Recipient.objects.exists()


def test_it_deletes_a_recipient_and_records_what_it_was(ops, abc):
    ops.post(page_of(abc).replace("/change/", "/delete/"), {"post": "yes"})
    assert not Recipient.objects.exists()
    event = Event.objects.get()
    assert event.entity_id == abc.pk
    assert event.data["before"]["name"] == "Abc Insurance"


def test_it_shows_the_history_with_before_and_after(ops, abc):
    submit(ops, page_of(abc), tier="basic")
    text = text_of(ops.get(page_of(abc).replace("/change/", "/history/")))
    assert "olga changed this recipient" in text
    assert "tier premium basic" in text


def test_it_lists_recipients_within_a_few_queries(ops, django_assert_max_num_queries):
    for number in range(15):
        recipient = make_recipient(f"buyer-{number}")
        Endpoint.objects.create(recipient=recipient, kind="backup", url="https://b.example/x")
    with django_assert_max_num_queries(10):
        assert ops.get("/admin/recipients/recipient/").status_code == 200


def test_it_opens_a_page_within_a_few_queries(ops, abc, django_assert_max_num_queries):
    for number in range(20):
        MappingRow.objects.create(recipient=abc, key=f"k{number}", value="x", position=number)
    with django_assert_max_num_queries(45):
        assert ops.get(page_of(abc)).status_code == 200


def test_it_keeps_a_secret_and_never_shows_it(ops):
    answer = submit(ops, "/admin/recipients/secret/add/", name="BUYER_TOKEN", value=TOKEN)
    assert answer.status_code == 302
    secret = Secret.objects.get()
    assert secret.value == TOKEN
    page = ops.get(page_of(secret)).content.decode()
    assert TOKEN not in page
    assert submit(ops, page_of(secret), expires_at="2030-01-01").status_code == 302
    secret.refresh_from_db()
    assert secret.value == TOKEN
    assert TOKEN not in str(list(Event.objects.values()))


def test_it_wants_a_value_for_a_new_secret(ops):
    page = submit(ops, "/admin/recipients/secret/add/", name="EMPTY", value="")
    assert page.status_code == 200
    assert not Secret.objects.exists()


def test_it_keeps_the_lines_of_a_key_in_pem(ops, abc):
    client = Authority().issue("leadops.example", days=12)
    answer = submit(
        ops,
        page_of(abc),
        endpoints__0__tls_certificate=client.certificate.replace("\n", "\r\n"),
        endpoints__0__tls_key=client.key.replace("\n", "\r\n"),
    )
    assert answer.status_code == 302, errors_of(answer)
    assert abc.endpoints.get().tls_key.strip() == client.key.strip()
    page = ops.get(page_of(abc)).content.decode()
    assert "leadops.example: valid until" in page
    assert "11 days left" in page
    assert "PRIVATE KEY" not in page


def test_it_says_that_a_key_is_not_that_of_the_certificate(ops, abc):
    authority = Authority()
    client, other = authority.issue("a.example"), authority.issue("b.example")
    page = submit(
        ops,
        page_of(abc),
        endpoints__0__tls_certificate=client.certificate,
        endpoints__0__tls_key=other.key,
    )
    assert "The key is not that of the first certificate." in page.content.decode()


def test_it_wants_the_address_that_the_integration_reaches(ops, abc):
    page = submit(ops, page_of(abc), endpoints__0__url="mailto:leads@buyer.example")
    assert "HTTP takes addresses that begin with http: or https:" in page.content.decode()
