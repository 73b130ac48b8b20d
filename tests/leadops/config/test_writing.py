"""What is written reads back as it was."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from leadops.config.concealing import Remark
from leadops.config.nodes import parse
from leadops.config.writing import write
from tests.leadops.config.test_nodes import plain

TEXT = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Co", "Cn"), include_characters="\n\t")
)
WORDS = st.sampled_from(
    ["NO", "on", "01", "1e5", "1.", ".5", "~", "null", "=", "<<", "- a", "a: b", "#x", "${X}",
     "{{lead.x}}", "0x1", "1_0", "12:30", "2024-01-01", ".inf", "+1", "-0", "a\n b\n", "\n", " x "]
)  # fmt: skip
LEAF = st.one_of(TEXT, WORDS, st.integers(-(10**17), 10**17), st.booleans(), st.floats(-1e12, 1e12))
KEY = st.one_of(TEXT.filter(bool), WORDS).filter(lambda key: key != "<<")
DOCUMENT = st.dictionaries(
    KEY,
    st.recursive(LEAF, lambda inner: st.lists(inner) | st.dictionaries(KEY, inner), max_leaves=12),
    min_size=1,
)


@given(DOCUMENT)
def test_it_reads_back_what_it_wrote(document):
    assert plain(parse(write(document).encode(), name="x")) == document


def test_it_writes_amounts_with_their_places():
    assert "price: 45.00\n" in write({"price": Decimal("45.00")})
    assert "weight: 2\n" in write({"weight": Decimal("2")})


def test_it_writes_comments_beside_values_and_alone():
    document = {
        "list": [{"slug": "a", "key": Remark("one is set"), "token": Remark("hidden", "${X}")}]
    }
    text = write(document)
    assert "    # one is set\n" in text
    assert "    token: ${X}  # hidden\n" in text
    assert plain(parse(text.encode(), name="x")) == {"list": [{"slug": "a", "token": "${X}"}]}
