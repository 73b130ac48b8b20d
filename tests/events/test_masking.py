import pytest

from events.masking import MASK, TextMask, mask_values, personal_names

PRIVACY = {"email": "personal", "phone_1": "personal", "first_name": "personal",
           "dob": "personal", "state": "plain", "al": "personal"}  # fmt: skip
VALUES = {
    "id": "lead_1",
    "email": "john@example.com",
    "email.valid": True,
    "email.user": "john",
    "phone_1": "5125551234",
    "first_name": "Zoë & Co",
    "al": "Al",
    "dob": "1980-02-07",
    "state": "TX",
    "utm": "unknown to the flow",
    "source.name": "Web Form A",
    "appended.phone_check.carrier": "Verizon",
}


def test_it_hides_personal_values_and_what_no_field_describes():
    shown = mask_values(VALUES, personal_names(VALUES, PRIVACY))
    assert {name for name, value in shown.items() if value == MASK} == {
        "email", "email.user", "phone_1", "first_name", "al", "dob", "utm",
    }  # fmt: skip
    assert shown["email.valid"] is True
    assert shown["state"] == "TX"


@pytest.mark.parametrize(
    "text",
    [
        '{"email": "john@example.com"}',
        "EMAIL=JOHN@EXAMPLE.COM",
        "email=john%40example.com",
        '{"phone": "(512) 555-1234"}',
        "<phone>+1 512.555.1234</phone>",
        "phone=512-555-1234",
        '{"phone": 5125551234}',
        "<name>Zo&euml; &amp; Co</name>".replace("&euml;", "ë"),
        '{"name": "Zo\\u00eb & Co"}',
        "name=Zo%C3%AB+%26+Co",
        "Hello Al, welcome",
        "dob=02/07/1980",
        "dob=2/7/1980",
        "dob=07.02.1980",
        "dob=19800207",
    ],
)
def test_it_finds_a_value_in_the_forms_that_mappings_give_it(text: str):
    masked = TextMask([VALUES], PRIVACY).text(text)
    assert MASK in masked
    for value in ("john", "512", "555", "Co<", "Al,", "1980", "Zo"):
        assert value.lower() not in masked.lower().replace("company", "")


def test_it_leaves_what_is_not_personal():
    text = '{"state": "TX", "status": "Also accepted", "carrier": "Verizon", "n": 512}'
    assert TextMask([VALUES], PRIVACY).text(text) == text


def test_it_masks_in_depth_and_numbers_too():
    shown = TextMask([VALUES], PRIVACY).deep({"a": [{"p": 5125551234, "ok": True, "n": 7}]})
    assert shown == {"a": [{"p": MASK, "ok": True, "n": 7}]}
