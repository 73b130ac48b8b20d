"""People who want something: names, addresses and what else a flow asks for. Pure.

A number always makes the same person; different numbers have different e-mails and phones.
Domains and exchanges are such as belong to nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from random import Random
from typing import Any


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST = _words("""
    James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara
    Richard Susan Joseph Jessica Thomas Karen Daniel Nancy Matthew Lisa Anthony Betty Mark
    Sandra Carlos Maria Luis Ana Wei Mei Raj Priya Omar Fatima Kevin Laura Brian Emma Olivia
    Noah Liam Ava Sophia Ethan Mia Lucas Amelia Jayden Grace
""")
LAST = _words("""
    Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez
    Gonzalez Wilson Anderson Thomas Taylor Moore Jackson Martin Lee Perez Thompson White Harris
    Sanchez Clark Ramirez Lewis Robinson Walker Young Allen King Wright Scott Torres Nguyen Hill
    Flores Green Adams Nelson Baker Hall Rivera Campbell Mitchell Carter Roberts
""")
DOMAINS = ("example.com", "example.org", "example.net", "mail.example.com", "post.example.org")
# State, its share, area codes, cities with the start of their postal codes.
PLACES: tuple[tuple[str, int, tuple[str, ...], tuple[tuple[str, str], ...]], ...] = (
    ("TX", 22, ("214", "512", "713", "210"), (("Dallas", "752"), ("Austin", "787"))),
    ("CA", 22, ("213", "415", "619", "916"), (("Los Angeles", "900"), ("San Diego", "921"))),
    ("FL", 17, ("305", "407", "813", "904"), (("Miami", "331"), ("Tampa", "336"))),
    ("NY", 8, ("212", "516", "718"), (("New York", "100"), ("Buffalo", "142"))),
    ("GA", 6, ("404", "678"), (("Atlanta", "303"), ("Savannah", "314"))),
    ("OH", 5, ("216", "614"), (("Columbus", "432"), ("Cleveland", "441"))),
    ("AZ", 5, ("480", "602"), (("Phoenix", "850"), ("Tucson", "857"))),
    ("NC", 4, ("704", "919"), (("Charlotte", "282"), ("Raleigh", "276"))),
    ("IL", 4, ("312", "773"), (("Chicago", "606"), ("Springfield", "627"))),
    ("CO", 3, ("303", "720"), (("Denver", "802"), ("Boulder", "803"))),
    ("NV", 2, ("702", "775"), (("Las Vegas", "891"), ("Reno", "895"))),
    ("WA", 2, ("206", "253"), (("Seattle", "981"), ("Tacoma", "984"))),
)
STREETS = ("Main St", "Oak Ave", "Maple Dr", "Cedar Ln", "Lake Rd", "Park Blvd", "Hill St")
# Choices for texts, by a word in the field's name.
TEXTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("make", ("Toyota", "Ford", "Honda", "Chevrolet", "Nissan", "Hyundai", "Jeep")),
    ("model", ("Camry", "F-150", "Civic", "Malibu", "Altima", "Elantra", "Wrangler")),
    ("coverage", ("liability", "full", "state minimum")),
    ("insurer", ("State Farm", "Geico", "Progressive", "Allstate", "none")),
    ("carrier", ("State Farm", "Geico", "Progressive", "Allstate", "none")),
    ("interest", ("roofing", "windows", "gutters", "bathroom", "siding")),
    ("product", ("auto", "home", "bundle")),
    ("property", ("single family", "condo", "townhouse", "multi family")),
    ("credit", ("excellent", "good", "fair", "poor")),
    ("time", ("morning", "afternoon", "evening")),
    ("campaign", ("winter", "brand", "retargeting", "search")),
    ("comment", ("Call after 5 pm", "Please e-mail me", "Second car too", "")),
)
# Ranges for numbers, by a word in the field's name.
NUMBERS: tuple[tuple[str, tuple[int, int]], ...] = (
    ("score", (8, 99)),
    ("age", (18, 82)),
    ("year", (1995, 2026)),
    ("income", (24_000, 185_000)),
    ("amount", (5_000, 450_000)),
    ("value", (60_000, 900_000)),
    ("balance", (5_000, 380_000)),
    ("bill", (55, 420)),
    ("vehicles", (1, 4)),
)
FLAWED = 0.05


def is_flawed(number: int) -> bool:
    """Whether a person's lead has a mistake in it, and is turned away at the door."""
    return Random(f"flaw {number}").random() < FLAWED  # noqa: S311  no secret


def person(number: int, wanted: Iterable[tuple[str, str]], *, today: date) -> dict[str, Any]:
    """What a form would send for a person; `wanted` are pairs of field name and type."""
    rng = Random(number)  # noqa: S311
    facts = _facts(number, rng, today)
    values = {name: _value(name, type_name, facts, rng) for name, type_name in wanted}
    filled = {name: value for name, value in values.items() if value not in (None, "")}
    return _with_a_flaw(filled, rng) if is_flawed(number) else filled


def _facts(number: int, rng: Random, today: date) -> dict[str, Any]:
    first, last = rng.choice(FIRST), rng.choice(LAST)
    place = rng.choices(PLACES, [share for _, share, _, _ in PLACES])[0]
    state, _, areas, cities = place
    city, prefix = rng.choice(cities)
    born = today - timedelta(days=rng.randint(19 * 365, 78 * 365))
    return {
        "email": f"{first}.{last}{number % 10**7}@{rng.choice(DOMAINS)}".lower(),
        "phone": _phone(number, rng.choice(areas)),
        "state": state,
        "postal_code": f"{prefix}{rng.randint(0, 99):02d}",
        "city": city,
        "first_name": first,
        "last_name": last,
        "street": f"{rng.randint(10, 9999)} {rng.choice(STREETS)}",
        "country": "US",
        "date_of_birth": born.isoformat(),
        "date": (today + timedelta(days=rng.randint(1, 60))).isoformat(),
        "gender": rng.choice(("female", "male")),
        "boolean": rng.random() < 0.85,
        "ip": f"198.51.100.{rng.randint(1, 254)}",
        "url": f"https://quotes.example.com/{rng.choice(('auto', 'home', 'start'))}",
        "trustedform_url": f"https://cert.trustedform.com/{rng.getrandbits(160):040x}",
        "time": f"{rng.randint(8, 20):02d}:00",
        "ssn": None,  # every number that looks right may be somebody's
        "range": f"{rng.randint(1, 9) * 10000}-{rng.randint(10, 30) * 10000}",
    }


def _phone(number: int, area: str) -> str:
    """Seven digits from 2000000 on: a step without common factors visits each once."""
    rest = 2_000_000 + number * 1_610_612_741 % 7_999_993
    return f"({area}) {rest // 10_000}-{rest % 10_000:04d}"


def _value(name: str, type_name: str, facts: Mapping[str, Any], rng: Random) -> Any:
    if type_name in ("number", "currency"):
        low, high = next((span for word, span in NUMBERS if word in name), (1, 100))
        return round(rng.triangular(low, high, low + 0.65 * (high - low)))
    if type_name in facts:
        return facts[type_name]
    if name in facts:
        return facts[name]
    return rng.choice(next((words for word, words in TEXTS if word in name), ("yes", "no")))


def _with_a_flaw(values: dict[str, Any], rng: Random) -> dict[str, Any]:
    """What goes wrong in forms: nothing where something is required, or something impossible."""
    flaw = rng.choice(("no email", "bad email", "bad phone"))
    if flaw == "no email":
        return {name: value for name, value in values.items() if "email" not in name}
    for name in values:
        if flaw == "bad email" and "email" in name:
            values[name] = str(values[name]).replace("@", "")
        elif flaw == "bad phone" and "phone" in name:
            values[name] = "123"
    return values
