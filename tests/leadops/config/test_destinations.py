from __future__ import annotations

import re

import pytest

from events.models import Destination
from leadops.config import loading
from leadops.env import PROJECT
from tests.leadops.config.bundles import load, mistakes

pytestmark = pytest.mark.django_db

BUNDLE = """\
leadops: 1
destinations:
  - slug: nightly
    kind: object_store
    settings:
      bucket: acme-leads
      access_key: AKIA1
      prefix: "exports/{{format now \\"YYYY/MM\\"}}/"
    secret: ${BUYER_TOKEN}
  - {slug: finance, kind: email, settings: {to: finance@example.com}}
  - {slug: shelf, kind: file, settings: {folder: exports}, active: false}
"""


def test_it_comes_back_as_it_was_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUYER_TOKEN", "t")
    assert len(load(BUNDLE)) == 3
    dump = loading.dump()
    assert load(dump) == []
    assert "secret: ${BUYER_TOKEN}" in dump
    nightly = Destination.objects.get(slug="nightly")
    assert nightly.secret == "${BUYER_TOKEN}"
    assert nightly.settings["prefix"] == 'exports/{{format now "YYYY/MM"}}/'
    assert not Destination.objects.get(slug="shelf").active


def test_a_secret_that_was_written_out_is_dumped_as_a_reference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BUYER_TOKEN", "t")
    load(BUNDLE.replace("${BUYER_TOKEN}", "s3cret-literal"))
    dump = loading.dump()
    assert "s3cret" not in dump
    assert "secret: ${NIGHTLY_SECRET}" in dump


def test_the_example_of_the_page_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (PROJECT / "docs" / "destinations.md").read_text()
    example = page.partition("```yaml\n")[2].partition("```")[0]
    for name in re.findall(r"\$\{(\w+)\}", example):
        monkeypatch.setenv(name, "whsec_" + "QUJD" * 10)
    load(f"leadops: 1\n{example}")
    assert set(Destination.objects.values_list("kind", flat=True)) == set(Destination.Kind)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("bucket: acme-leads", "bucket: Acme", "destinations[0].settings.bucket: 3 to 63"),
        ("bucket: acme-leads", "box: a", "destinations[0].settings.box: there is no such option"),
        ("    secret: ${BUYER_TOKEN}\n", "", "destinations[0]: Object store needs one"),
        ("to: finance@", "to: finance(at)", "destinations[1].settings.to: “finance"),
        ("kind: email", "kind: emial", "destinations[1].kind: “emial” is not possible"),
        ("folder: exports", "folder: ../..", "destinations[2].settings.folder: a folder"),
    ],
)
def test_it_says_where_a_mistake_stands(
    old: str, new: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUYER_TOKEN", "t")
    assert old in BUNDLE
    assert said in " ".join(mistakes(BUNDLE.replace(old, new)))
