"""What is answered where no view does: our own pages, the API's shape, and never a traceback."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import include, path

from tests.factories import make_user
from tests.pages import sign_in, text_of

pytestmark = pytest.mark.django_db

SECRET = "what-only-a-traceback-would-show"


def breaks(request: HttpRequest) -> HttpResponse:
    raise RuntimeError(SECRET)


urlpatterns = [
    path("breaks", breaks),
    path("api/breaks", breaks),
    path("", include("leadops.urls")),
]
handler400 = "leadops.inbound.bad_request"
handler500 = "leadops.inbound.server_error"


def is_ours(answer: Any) -> bool:
    """A page of our own with the theme, and nothing of the inside."""
    html = answer.content.decode()
    assert "Traceback" not in html
    assert SECRET not in html
    assert "URLconf" not in html
    return "leadops/error.css" in html and "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize(
    "address",
    ["/nowhere", "/favicon.ico", "/dashboards/nowhere/", "/leads/nowhere/", "/wp-login.php"],
)
def test_an_address_that_leads_nowhere_has_a_page_that_says_so(address: str) -> None:
    answer = sign_in(make_user()).get(address)
    assert answer.status_code == 404
    assert "There is no such page" in text_of(answer)
    assert is_ours(answer)


def test_strangers_get_that_page_too() -> None:
    answer = Client().get("/nowhere/<script>alert(1)</script>")
    assert answer.status_code == 404
    assert is_ours(answer)
    assert "alert(1)" not in answer.content.decode()


@override_settings(ROOT_URLCONF=__name__)
def test_what_breaks_says_no_more_than_that() -> None:
    client = Client(raise_request_exception=False)
    answer = client.get("/breaks")
    assert answer.status_code == 500
    assert "Something broke here" in text_of(answer)
    assert is_ours(answer)


@override_settings(ROOT_URLCONF=__name__)
def test_what_breaks_under_the_api_has_its_shape() -> None:
    answer = Client(raise_request_exception=False).get("/api/breaks")
    assert answer.status_code == 500
    assert answer.json() == {"error": {"code": "internal", "message": "Something broke here."}}


def test_it_has_pages_of_its_own_for_a_wrong_host_and_a_form_of_elsewhere() -> None:
    answer = Client().get("/", headers={"host": "elsewhere.example"})
    assert (answer.status_code, is_ours(answer)) == (400, True)
    answer = Client(enforce_csrf_checks=True).post("/admin/login/", {"username": "olga"})
    assert (answer.status_code, is_ours(answer)) == (403, True)


def test_an_unknown_call_of_the_api_is_an_error_in_its_shape() -> None:
    answer = Client().get("/api/v1/nowhere")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"
