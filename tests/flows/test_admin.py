"""Pages of flows, steps and sources."""

from __future__ import annotations

import pytest
from django.utils.html import escape

from events.models import Event
from flows.fields import FIELD_TYPES
from flows.models import Flow, FlowField, Source, SourceKey, Step
from leadops.lib import secrets
from tests.factories import make_flow, make_recipient, make_source, make_user, post_lead
from tests.pages import errors_of, page_of, sign_in, submit, text_of

pytestmark = pytest.mark.django_db

RULES = "all:\n  - {field: state, op: in, value: [NO, TX]}"


@pytest.fixture
def ops():
    return sign_in(make_user("olga"))


@pytest.fixture
def flow():
    return make_flow(make_source(), make_recipient(), make_recipient("premier"))


def step_url(flow, kind):
    return f"/admin/flows/step/add/?flow={flow.pk}&kind={kind}"


def test_it_adds_a_flow_with_fields(ops):
    answer = submit(
        ops,
        "/admin/flows/flow/add/",
        name="Solar",
        slug="solar",
        duplicate_match="- [email]\n- [phone_1]",
        duplicate_within="30d",
        fields__TOTAL_FORMS="1",
        fields__0__name="email",
        fields__0__type="email",
        fields__0__privacy="personal",
        fields__0__position="0",
    )
    assert answer.status_code == 302, errors_of(answer)
    made = Flow.objects.get()
    assert made.duplicate_match == [["email"], ["phone_1"]]
    assert made.duplicate_within == 30 * 86400
    assert FlowField.objects.get().type == "email"


def test_it_shows_durations_as_people_write_them(ops, flow):
    Flow.objects.update(duplicate_within=30 * 86400)
    assert 'value="30d"' in ops.get(page_of(flow)).content.decode()


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("duplicate_match", "email", "A list of sets"),
        ("currency", "dollars", "E"),
        ("sources-0-accept", "all:\n  - {field: state}", "Line 2"),
        ("fields-0-name", "E Mail", "Small letters"),
        ("duplicate_within", "a while", "is not a duration"),
    ],
)
def test_it_points_at_a_mistake(ops, flow, field, value, says):
    page = submit(ops, page_of(flow), **{field: value})
    assert page.status_code == 200
    assert any(says in error for error in errors_of(page)), errors_of(page)


def test_it_shows_the_steps_in_words(ops, flow):
    text = text_of(ops.get(page_of(flow)))
    assert "state in TX, CA, FL – else stop" in text
    assert "Waterfall: Abc Insurance, Premier" in text


def test_it_reorders_steps(ops, flow):
    submit(ops, page_of(flow), steps__0__position="1", steps__1__position="0")
    assert [step.name for step in flow.steps.all()] == ["buyers", "geographic_filter"]
    after = Event.objects.get().data["after"]["steps"]
    assert after == {"geographic_filter": {"position": 2}, "buyers": {"position": 1}}


def test_it_adds_a_filter_at_the_end_of_its_flow(ops, flow):
    answer = submit(ops, step_url(flow, "filter"), name="by_state", rules=RULES)
    assert answer.status_code == 302, errors_of(answer)
    assert answer.url == f"{page_of(flow)}#steps"
    step = Step.objects.get(name="by_state")
    assert (step.kind, step.position) == ("filter", 2)
    assert step.rules["all"][0]["value"] == ["NO", "TX"]
    event = Event.objects.get()
    assert event.entity_id == flow.pk
    assert "by_state" in event.data["after"]["steps"]


def test_it_wants_rules_for_a_filter(ops, flow):
    page = submit(ops, step_url(flow, "filter"), name="by_state")
    assert "A filter needs rules." in " ".join(errors_of(page))


def test_it_takes_a_name_once_a_flow(ops, flow):
    page = submit(ops, step_url(flow, "filter"), name="buyers", rules=RULES)
    assert page.status_code == 200
    assert "a step of this name already" in " ".join(errors_of(page))
    step = flow.steps.get(kind="filter")
    page = submit(ops, page_of(step), name="buyers")
    assert "a step of this name already" in " ".join(errors_of(page))


def test_it_adds_a_delivery_with_its_recipients(ops, flow):
    recipient = make_recipient("third")
    answer = submit(
        ops,
        step_url(flow, "deliver"),
        name="more",
        pattern="multi",
        order="listed",
        recipients__TOTAL_FORMS="1",
        recipients__0__recipient=recipient.pk,
        recipients__0__price="12.50",
        recipients__0__weight="1",
        recipients__0__priority="0",
        recipients__0__position="0",
    )
    assert answer.status_code == 302, errors_of(answer)
    step = Step.objects.get(name="more")
    assert (step.pattern, step.recipients.get().recipient) == ("multi", recipient)


def test_it_wants_recipients_for_a_delivery(ops, flow):
    page = submit(ops, step_url(flow, "deliver"), name="more")
    assert "A delivery needs at least one recipient." in " ".join(errors_of(page))


def test_it_makes_contact_fields_personal_unless_told_otherwise(ops, flow):
    count = flow.fields.count()
    added = {"fields__TOTAL_FORMS": str(count + 3)}
    for place, (name, kind) in enumerate(
        [("other_email", "email"), ("tax_id", "ssn"), ("colour", "string")], count
    ):
        row = {"name": name, "type": kind, "privacy": "", "position": str(place)}
        added |= {f"fields__{place}__{part}": value for part, value in row.items()}
    answer = submit(ops, page_of(flow), **added)
    assert answer.status_code == 302, errors_of(answer)
    found = dict(flow.fields.values_list("name", "privacy"))
    assert found["other_email"] == "personal"
    assert (found["tax_id"], found["colour"]) == ("sensitive", "plain")


def test_it_changes_the_recipients_of_a_step_in_the_flows_history(ops, flow):
    step = flow.steps.get(kind="deliver")
    answer = submit(ops, page_of(step), recipients__0__price="50")
    assert answer.status_code == 302, errors_of(answer)
    event = Event.objects.get()
    changed = event.data["after"]["steps"]["buyers"]["recipients"]["abc-insurance"]
    assert (event.entity_id, changed) == (flow.pk, {"price": "50"})
    history = page_of(flow).replace("/change/", "/history/")
    assert "steps › buyers › recipients › abc-insurance › price" in text_of(ops.get(history))


def test_it_adds_no_step_without_a_flow(ops):
    assert ops.get("/admin/flows/step/add/").status_code in (302, 403)


def test_it_records_a_deleted_step(ops, flow):
    step = flow.steps.get(kind="filter")
    answer = ops.post(page_of(step).replace("/change/", "/delete/"), {"post": "yes"})
    assert answer.url == f"{page_of(flow)}#steps"
    assert "geographic_filter" in Event.objects.get().data["before"]["steps"]


def test_it_does_not_delete_a_flow_with_leads(ops, flow):
    post_lead(flow, Source.objects.get())
    url = page_of(flow).replace("/change/", "/delete/")
    assert "switch it off instead" in text_of(ops.get(url))
    ops.post(url, {"post": "yes"})
    assert Flow.objects.exists()


def test_it_shows_a_new_key_once(ops):
    source = make_source()
    url = page_of(source).replace("/change/", "/new_key/")
    ops.post(url, {"_form_submitted": "True", "name": "checkout"})
    key = SourceKey.objects.get()
    shown = ops.get(page_of(source)).content.decode()
    plain = shown.split('<code class="leadops-key">')[1].split("<")[0]
    assert secrets.hash_key(plain) == key.digest
    assert plain.startswith("src_")
    assert plain not in ops.get(page_of(source)).content.decode()
    assert plain not in str(Event.objects.get().data)


def test_it_makes_no_key_by_following_a_link(ops):
    source = make_source()
    ops.get(page_of(source).replace("/change/", "/new_key/"))
    assert not SourceKey.objects.exists()


def new_key(plain):
    return {
        "keys__TOTAL_FORMS": "1",
        "keys__0__id": "",
        "keys__0__name": "form",
        "keys__0__plain": plain,
    }


def test_it_takes_a_key_that_was_typed_in(ops):
    source = make_source()
    answer = submit(ops, page_of(source), **new_key("a-key-of-their-own"))
    assert answer.status_code == 302, errors_of(answer)
    assert SourceKey.objects.get().digest == secrets.hash_key("a-key-of-their-own")


@pytest.mark.parametrize(
    ("plain", "says"), [("short", "at least 16"), ("src_test_key_00001", "in use already")]
)
def test_it_refuses_a_key_that_is_short_or_taken(ops, plain, says):
    make_source("other", key="src_test_key_00001")
    page = submit(ops, page_of(make_source()), **new_key(plain))
    assert says in " ".join(errors_of(page))


def test_it_revokes_a_key(ops):
    source = make_source(key="src_test_key_0001")
    submit(ops, page_of(source), keys__0__revoke="on")
    assert SourceKey.objects.get().revoked_at
    assert "Revoked" in text_of(ops.get(page_of(source)))


@pytest.mark.parametrize("url", ["/admin/flows/flow/", "/admin/flows/source/"])
def test_it_lists_within_a_few_queries(ops, url, django_assert_max_num_queries):
    for number in range(12):
        source = make_source(f"source-{number}")
        make_flow(source, slug=f"flow-{number}")
    with django_assert_max_num_queries(10):
        assert ops.get(url).status_code == 200


def test_it_opens_a_flow_within_a_few_queries(ops, flow, django_assert_max_num_queries):
    for number in range(12):
        Step.objects.create(flow=flow, name=f"s{number}", position=number, kind="deliver")
    assert ops.get(page_of(flow)).status_code == 200  # numbers the version that it finds
    with django_assert_max_num_queries(35):
        assert ops.get(page_of(flow)).status_code == 200


def test_it_says_what_to_do_with_an_empty_list(ops):
    assert "No results found" in text_of(ops.get("/admin/flows/flow/"))


def test_the_page_of_a_flow_says_what_each_type_of_field_takes(ops, flow):
    page = ops.get(f"/admin/flows/flow/{flow.pk}/change/").content.decode()
    for kind in FIELD_TYPES.values():
        assert f"<b>{kind.name}</b>: {escape(kind.takes)}" in page


def test_it_changes_tiers_prices_and_what_a_step_learns_from(ops, flow):
    step = flow.steps.get(kind="deliver")
    prices = '[{"when": {"field": "state", "op": "is", "value": "TX"}, "price": 55}]'
    answer = submit(
        ops,
        page_of(step),
        pattern="exclusive_window",
        order="best_price",
        when_declined="open_next",
        learn_over="7d",
        learn_minimum="20",
        recipients__0__prices=prices,
        recipients__0__opens_after="24h",
    )
    assert answer.status_code == 302, errors_of(answer)
    step.refresh_from_db()
    assert (step.when_declined, step.learn_over, step.learn_minimum) == ("open_next", 604_800, 20)
    row = step.recipients.first()
    assert (row.opens_after, row.prices[0]["price"]) == (86_400, "55.00")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"recipients__0__opens_after": "24h"}, "Waterfall has no tiers: all are open at once."),
        ({"learn_over": "7d"}, "Of the orders only these learn: best_price, weighted."),
        ({"order": "weighted", "learn_minimum": "5"}, "Say over which time it learns"),
        ({"recipients__0__weight": "-1"}, "greater than or equal to 0"),
        ({"recipients__0__prices": '[{"price": 5, "if": {}}]'}, "Unknown key"),
    ],
)
def test_it_refuses_what_a_pattern_or_order_cannot_use(ops, flow, changes, said):
    page = submit(ops, page_of(flow.steps.get(kind="deliver")), **changes)
    assert said in " ".join(errors_of(page))
