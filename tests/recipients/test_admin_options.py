from __future__ import annotations

import re
from typing import Any

import pytest
from django.http import QueryDict

from recipients.admin.options import (
    OptionsField,
    OptionsInput,
    authentications,
    integrations,
    label_of,
    shown_of,
)
from recipients.admin.recipient import cautions
from recipients.integrations import INTEGRATIONS
from recipients.options import OptionKind
from tests.factories import make_recipient

NAME = "endpoints-0-options"


def widget(chosen: str = "") -> OptionsInput:
    made = OptionsInput(integrations, by="integration")
    made.current = chosen
    return made


def data(**written: str) -> QueryDict:
    found = QueryDict(mutable=True)
    found.update(written)
    return found


def stored(chosen: str, first: str = "", **written: str) -> Any:
    """What is stored of a page on which these options were written."""
    names = {f"{NAME}:{first or chosen}:{name}": text for name, text in written.items()}
    return widget().value_from_datadict(
        data(**{"endpoints-0-integration": chosen, **names}), {}, NAME
    )


@pytest.mark.parametrize("choice", [each.name for each in integrations()])
def test_it_asks_for_each_option_of_an_integration_and_hides_the_others(choice: str) -> None:
    html = widget(choice).render(NAME, {}, {})
    visible = re.findall(r'data-option="(\w+)">', html)
    assert visible == [option.name for option in INTEGRATIONS[choice].options]
    assert ("hidden>No options" in html) == bool(visible)


def test_it_asks_once_for_an_option_that_several_have() -> None:
    rows = [row for row in shown_of(integrations()) if row.option.name == "json_list"]
    assert len(rows) == 1
    assert {"http", "custom_json", "generic_http"} <= set(rows[0].choices)
    names = [row.key for row in shown_of(integrations()) + shown_of(authentications())]
    assert len(names) == len(set(names))


def test_it_keeps_what_differs_from_the_defaults() -> None:
    assert stored("http", form_lists="brackets", xml_declaration="on", csv_header="on") == {}
    assert stored("http", form_lists="repeat") == {
        "form_lists": "repeat",
        "xml_declaration": False,
        "csv_header": False,
    }


def test_it_keeps_the_options_of_what_is_chosen_alone() -> None:
    sent = data(
        **{
            "integration": "five9.add_to_list",
            "endpoints-0-integration": "",
            f"{NAME}:five9.add_to_list:domain": " Acme ",
            f"{NAME}:five9.add_to_list:max_attempts": "3",
            f"{NAME}:five9.add_to_list:update_crm": "on",
            f"{NAME}:salesforce.create_lead:object": "Contact",
        }
    )
    assert widget().value_from_datadict(sent, {}, NAME) == {"domain": "Acme", "max_attempts": 3}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1\r\nb: {{x}}: y", {"a": "1", "b": "{{x}}: y"}),
        ('{"a": "1\\n2"}', {"a": "1\n2"}),
        ("no pair", "no pair"),
        ('{"a":', '{"a":'),
        ("", None),
    ],
)
def test_it_reads_pairs(text: str, value: Any) -> None:
    found = stored("custom_xml", "http", xml_namespaces=text, xml_declaration="on")
    assert found == ({} if value is None else {"xml_namespaces": value})


@pytest.mark.parametrize("pairs", [{"a": "1", "b": "x: y"}, {"a": "1\n2"}, {"a:b": "c"}])
def test_it_shows_pairs_so_that_they_are_read_again(pairs: dict[str, str]) -> None:
    html = widget("custom_xml").render(NAME, {"xml_namespaces": pairs}, {})
    area = re.search(r'name="[^"]*:xml_namespaces"[^>]*>\n?(.*?)</textarea>', html, re.DOTALL)
    assert area is not None
    text = area[1].replace("&quot;", '"')
    found = stored("custom_xml", "http", xml_namespaces=text, xml_declaration="on")
    assert found == {"xml_namespaces": pairs}


def test_it_says_what_is_wrong_beside_the_option() -> None:
    made = widget("five9.add_to_list")
    made.problems["list"] = "must be given"
    html = made.render(NAME, {}, {})
    row = html.partition('data-option="list">')[2].partition("data-option")[0]
    assert "must be given" in row
    assert 'aria-invalid="true"' in row
    assert html.count("aria-invalid") == 1


def test_it_takes_a_document_from_whoever_has_no_page() -> None:
    field = OptionsField(integrations, by="integration", required=False)
    sent = data(**{NAME: "form_lists: repeat", "integration": "http"})
    written = field.widget.value_from_datadict(sent, {}, NAME)
    assert field.clean(written) == {"form_lists": "repeat"}
    assert field.has_changed({}, written)
    assert not field.has_changed({"form_lists": "repeat"}, written)


def test_it_labels_options_in_words() -> None:
    assert label_of("api_version") == "API version"
    assert label_of("xml_namespaces") == "XML namespaces"


def test_every_option_says_what_it_is() -> None:
    secret_kinds = {OptionKind.SECRET}
    for row in shown_of(integrations()):
        assert row.option.help, row.key
        if row.option.kind in secret_kinds and row.option.example:
            assert row.option.example.startswith("${"), row.key


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("main", "own", "warned"),
    [
        ("http", "", True),
        ("salesforce.create_lead", "", False),
        ("http", "five9.add_to_list", False),
    ],
)
def test_it_warns_of_no_success_rule_where_nothing_says_what_success_is(
    main: str, own: str, warned: bool
) -> None:
    recipient = make_recipient(integration=main)
    recipient.success = ""
    recipient.endpoints.update(integration=own)
    said = any("Nothing says what success is" in each for each in cautions(recipient))
    assert said == warned
