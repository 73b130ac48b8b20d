"""States and territories of the United States, provinces and territories of Canada."""

from __future__ import annotations

import re

from flows.fields.text import key, plain
from flows.fields.value import FieldType, Given, Invalid, Read

UNITED_STATES = {
    "AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California",
    "CO": "Colorado", "CT": "Connecticut", "DE": "Delaware", "DC": "District of Columbia",
    "FL": "Florida", "GA": "Georgia", "HI": "Hawaii", "ID": "Idaho", "IL": "Illinois",
    "IN": "Indiana", "IA": "Iowa", "KS": "Kansas", "KY": "Kentucky", "LA": "Louisiana",
    "ME": "Maine", "MD": "Maryland", "MA": "Massachusetts", "MI": "Michigan", "MN": "Minnesota",
    "MS": "Mississippi", "MO": "Missouri", "MT": "Montana", "NE": "Nebraska", "NV": "Nevada",
    "NH": "New Hampshire", "NJ": "New Jersey", "NM": "New Mexico", "NY": "New York",
    "NC": "North Carolina", "ND": "North Dakota", "OH": "Ohio", "OK": "Oklahoma", "OR": "Oregon",
    "PA": "Pennsylvania", "RI": "Rhode Island", "SC": "South Carolina", "SD": "South Dakota",
    "TN": "Tennessee", "TX": "Texas", "UT": "Utah", "VT": "Vermont", "VA": "Virginia",
    "WA": "Washington", "WV": "West Virginia", "WI": "Wisconsin", "WY": "Wyoming",
    # Territories, associated states and the posts of the armed forces, as the USPS writes them.
    "AS": "American Samoa", "GU": "Guam", "MP": "Northern Mariana Islands", "PR": "Puerto Rico",
    "VI": "Virgin Islands", "UM": "U.S. Minor Outlying Islands",
    "FM": "Micronesia", "MH": "Marshall Islands", "PW": "Palau",
    "AA": "Armed Forces Americas", "AE": "Armed Forces Europe", "AP": "Armed Forces Pacific",
}  # fmt: skip
CANADA = {
    "AB": "Alberta", "BC": "British Columbia", "MB": "Manitoba", "NB": "New Brunswick",
    "NL": "Newfoundland and Labrador", "NS": "Nova Scotia", "NT": "Northwest Territories",
    "NU": "Nunavut", "ON": "Ontario", "PE": "Prince Edward Island", "QC": "Quebec",
    "SK": "Saskatchewan", "YT": "Yukon",
}  # fmt: skip
# As they are written out in letters and by the press, and in French where Canada does.
_ALSO = {
    "AL": ("Ala",), "AZ": ("Ariz",), "AR": ("Ark",), "CA": ("Calif", "Cali"), "CO": ("Colo",),
    "CT": ("Conn",), "DE": ("Del",), "FL": ("Fla",), "IL": ("Ill",),
    "IN": ("Ind",), "KS": ("Kan", "Kans"), "MA": ("Mass",), "MI": ("Mich",),
    "MN": ("Minn",), "MS": ("Miss",), "MT": ("Mont",), "NE": ("Neb", "Nebr"), "NV": ("Nev",),
    "NC": ("N Carolina", "N Car"), "ND": ("N Dakota", "N Dak"), "NM": ("N Mexico", "N Mex"),
    "NY": ("New York State",), "OK": ("Okla",), "OR": ("Ore", "Oreg"), "PA": ("Penn", "Penna"),
    "SC": ("S Carolina", "S Car"), "SD": ("S Dakota", "S Dak"), "TN": ("Tenn",), "TX": ("Tex",),
    "WA": ("Wash", "Washington State"), "WV": ("W Virginia", "W Va"), "WI": ("Wis", "Wisc"),
    "WY": ("Wyo",),
    "DC": ("Washington DC", "Washington D.C."),
    "VI": ("US Virgin Islands", "U.S. Virgin Islands"),
    "FM": ("Federated States of Micronesia",),
    "AB": ("Alta",), "BC": ("Colombie-Britannique",), "MB": ("Man",),
    "NB": ("Nouveau-Brunswick",),
    "NL": ("Newfoundland", "Labrador", "NF", "Nfld", "Terre-Neuve-et-Labrador"),
    "NS": ("Nouvelle-Écosse",), "NT": ("NWT", "Territoires du Nord-Ouest"), "ON": ("Ont",),
    "PE": ("PEI", "Île-du-Prince-Édouard"), "QC": ("PQ", "Que"), "SK": ("Sask",),
    "YT": ("YK", "Yukon Territory"),
}  # fmt: skip

_COUNTRY_OF = dict.fromkeys(UNITED_STATES, "US") | dict.fromkeys(CANADA, "CA")
_NAME_OF = UNITED_STATES | CANADA
# NFLD, N.Y., new  york and Québec are all looked up by their key.
_CODE_OF = {
    key(spelling): code
    for code, name in _NAME_OF.items()
    for spelling in (code, name, f"{_COUNTRY_OF[code]}-{code}", *_ALSO.get(code, ()))
}
_FORMAL = re.compile(r"^(?:state|commonwealth|province) of ")


def read_state(given: Given) -> Read:
    """Two capital letters, from a code or a name in any case."""
    word = key(plain(given.text))
    code = _CODE_OF.get(word) or _CODE_OF.get(_FORMAL.sub("", word))
    if code is None:
        raise Invalid("is not a state or province")
    return Read(code, {"code": code, "name": _NAME_OF[code], "country": _COUNTRY_OF[code]})


STATE = FieldType(
    "state",
    "State or province",
    read_state,
    ("code", "name", "country"),
    takes="TX, Texas, Tex., US-TX, Québec",
)
