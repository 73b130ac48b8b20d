"""People: what their role lets them do, and the pages on which they are kept."""

from __future__ import annotations

import pytest

from events.models import Event
from leadops.accounts import roles
from leadops.accounts.models import AccountKey, User
from leadops.accounts.roles import Role
from leadops.lib import secrets
from tests.factories import make_recipient, make_user
from tests.pages import errors_of, page_of, sign_in, submit, text_of

pytestmark = pytest.mark.django_db

LISTS = {
    "/admin/flows/flow/": {"administrator", "ops", "auditor"},
    "/admin/flows/source/": {"administrator", "ops", "auditor"},
    "/admin/recipients/recipient/": {"administrator", "ops", "auditor", "account_manager"},
    "/admin/recipients/secret/": {"administrator", "ops", "auditor"},
    "/admin/events/alertthreshold/": {"administrator", "ops", "auditor"},
    "/admin/events/channel/": {"administrator", "ops", "auditor"},
    "/admin/events/alert/": {"administrator", "ops", "auditor"},
    "/admin/events/event/": {"administrator", "ops", "auditor"},
    "/admin/accounts/user/": {"administrator", "auditor"},
}


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("url", list(LISTS))
def test_it_opens_each_list_to_the_roles_that_may_see_it(role, url):
    status = sign_in(make_user(role=role)).get(url).status_code
    assert status == (200 if role in LISTS[url] else 403)


@pytest.mark.parametrize(
    "url", [url for url in LISTS if "event/" not in url and "alert/" not in url]
)
def test_it_lets_an_auditor_add_nothing(url):
    assert sign_in(make_user(role=Role.AUDITOR)).get(f"{url}add/").status_code == 403


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ACCOUNT_MANAGER])
def test_it_refuses_a_change_by_those_who_only_read(role):
    recipient = make_recipient()
    user = make_user(role=role, recipients=[recipient])
    client = sign_in(user)
    assert client.get(page_of(recipient)).status_code == 200
    assert client.post(page_of(recipient), {"name": "Mine"}).status_code == 403
    assert (
        client.post(f"{page_of(recipient)}../delete/".replace("change/../", "")).status_code == 403
    )
    recipient.refresh_from_db()
    assert recipient.name != "Mine"


def test_it_hides_people_from_ops():
    page = sign_in(make_user(role=Role.OPS)).get("/admin/")
    assert "People and keys" not in text_of(page)


def test_it_keeps_the_record_from_everybodys_hands():
    for role in Role:
        assert not roles.may(role, "events.change_event")
        assert not roles.may(role, "events.delete_lead")


def test_it_grants_nothing_to_an_unknown_role():
    assert not roles.may("visitor", "flows.view_flow")
    assert not roles.opens("visitor", "flows")


def test_it_makes_an_administrator_of_a_superuser():
    user = User.objects.create_superuser("root", password="correct-horse")
    assert (user.role, user.is_staff) == (Role.ADMINISTRATOR, True)
    assert user.has_perm("accounts.change_user")


def test_it_takes_the_power_with_the_role():
    user = User.objects.create_superuser("root", password="correct-horse")
    user.role = Role.AUDITOR
    user.save()
    user.refresh_from_db()
    assert not user.is_superuser
    assert not user.has_perm("flows.change_flow")


def test_it_gives_a_closed_account_no_permission():
    user = make_user(role=Role.ADMINISTRATOR)
    user.is_active = False
    assert not user.has_perm("flows.view_flow")
    assert not user.has_module_perms("flows")


def test_it_shows_an_account_manager_the_recipients_given_alone():
    mine, other = make_recipient("mine"), make_recipient("other")
    client = sign_in(make_user(role=Role.ACCOUNT_MANAGER, recipients=[mine]))
    page = client.get("/admin/recipients/recipient/")
    assert "mine" in text_of(page)
    assert "Other" not in text_of(page)
    assert client.get(page_of(other)).status_code == 302  # as if there were none
    assert client.get(page_of(mine)).status_code == 200


def test_it_keeps_an_administrator_from_locking_the_door_behind_them():
    user = make_user("ada", role=Role.ADMINISTRATOR)
    page = submit(sign_in(user), page_of(user), role="auditor")
    assert "Another administrator must take your role." in errors_of(page)
    user.refresh_from_db()
    assert user.role == Role.ADMINISTRATOR


def test_it_adds_a_person_with_a_role():
    client = sign_in(make_user("ada", role=Role.ADMINISTRATOR))
    answer = submit(
        client,
        "/admin/accounts/user/add/",
        username="aud",
        role="auditor",
        password1="a-long-passphrase",
        password2="a-long-passphrase",
    )
    assert answer.status_code == 302
    assert User.objects.get(username="aud").role == "auditor"


def test_it_records_a_new_password_without_showing_it():
    dana = make_user("dana")
    client = sign_in(make_user("ada", role=Role.ADMINISTRATOR))
    url = page_of(dana).replace("/change/", "/password/")
    answer = submit(client, url, password1="a-long-passphrase", password2="a-long-passphrase")
    assert answer.status_code == 302
    event = Event.objects.get(type="config.changed")
    assert event.data["after"] == {"password": "(changed)"}
    assert event.data["by"] == "ada"


def test_it_shows_a_new_api_key_once_and_stores_its_hash():
    dana = make_user("dana")
    client = sign_in(make_user("ada", role=Role.ADMINISTRATOR))
    answer = submit(
        client,
        page_of(dana),
        keys__TOTAL_FORMS="1",
        keys__0__id="",
        keys__0__user=str(dana.pk),
        keys__0__name="script",
        keys__0__plain="",
        _continue="1",
    )
    assert answer.status_code == 302
    key = AccountKey.objects.get()
    shown = client.get(answer.url).content.decode()
    plain = shown.split('<code class="leadops-key">')[1].split("<")[0]
    assert key.digest == secrets.hash_key(plain)
    assert plain not in client.get(answer.url).content.decode()
    assert plain not in str(Event.objects.get(type="config.changed").data)


def test_it_lists_people_within_a_few_queries(django_assert_max_num_queries):
    client = sign_in(make_user("ada", role=Role.ADMINISTRATOR))
    for number in range(12):
        make_user(f"user{number}")
    with django_assert_max_num_queries(10):
        client.get("/admin/accounts/user/")
