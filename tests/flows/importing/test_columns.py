"""Which column is which field."""

from __future__ import annotations

import pytest

from flows.arrival import aliases
from flows.arrival.aliases import USUAL_ALONE
from flows.importing import columns
from flows.importing.columns import proposals
from flows.importing.reading import Row
from flows.plan import FieldPlan

FLOW = [
    FieldPlan(name, kind, False, "plain")
    for name, kind in (
        ("email", "email"),
        ("phone_1", "phone"),
        ("phone_2", "phone"),
        ("first_name", "first_name"),
        ("zip_of_home", "postal_code"),
        ("state", "state"),
        ("score", "number"),
        ("trustedform_cert_url", "trustedform_url"),
    )
]
MAILS = [["ann@example.com"], ["bob@example.com"], [""], ["cy@example.com"]]


def targets(*names: str, **more: object) -> list[str]:
    return [each.target for each in proposals(names, FLOW, USUAL_ALONE, **more)]


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("email", "email"),
        ("E-Mail", "email"),
        ("Email Address", "email"),
        ("Phone", "phone_1"),
        ("phone_2", "phone_2"),
        ("PHONE 2", "phone_2"),
        ("Given name", "first_name"),
        ("ZIP", "zip_of_home"),
        ("xxTrustedFormCertUrl", "trustedform_cert_url"),
        ("Remarks", ""),
        ("Phone extension", ""),
    ],
)
def test_it_knows_columns_by_their_names(name: str, field: str):
    assert targets(name) == [field]


def test_the_surest_name_comes_first_and_no_field_twice():
    assert targets("Mobile", "phone_1", "Telephone", "Cell") == ["phone_2", "phone_1", "", ""]
    assert targets("email", "E-Mail", "email") == ["email", "", ""]


def test_it_knows_the_sources_names():
    table = aliases.compiled({"contact_nr": "phone_1"})
    assert [p.target for p in proposals(["Contact_Nr"], FLOW, table)] == ["phone_1"]


def test_it_knows_a_column_of_addresses_by_its_values():
    found = proposals(["Kontakt"], FLOW, USUAL_ALONE, sample=MAILS)
    assert [(each.target, each.why) for each in found] == [("email", "by its values")]
    mixed = [["ann@example.com"], ["no"], ["neither"]]
    assert targets("Kontakt", sample=mixed) == [""]
    assert targets("Kontakt", sample=[[""], []]) == [""]


def test_it_proposes_what_is_required_without_being_described():
    assert targets("Campaign", beside=["campaign"]) == ["campaign"]


def test_what_the_file_of_rejected_rows_adds_goes_nowhere():
    assert targets("leadops_reason", "leadops_line", "email") == ["", "", "email"]


@pytest.mark.parametrize(
    ("cells", "header"),
    [
        (("name", "mail"), True),
        (("Ann", "ann@example.com"), False),
        (("Ann", "5125550100"), False),
        (("Ann", "$5"), False),
        (("", "phone_1"), True),
    ],
)
def test_it_sees_whether_a_line_names_columns(cells: tuple[str, ...], header: bool):
    assert columns.is_header(Row(1, cells)) is header


def test_it_names_columns_that_have_no_name():
    assert columns.names(Row(1, (" a  b ", "")), header=True) == ["a b", "Column 2"]
    assert columns.names(Row(1, ("x", "y")), header=False) == ["Column 1", "Column 2"]
    assert columns.repeated(["Phone", "x", "phone"]) == ["Phone", "phone"]
