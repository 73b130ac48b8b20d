"""`manage.py bundle`, as it is called."""

from __future__ import annotations

import io
import stat
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from leadops.config import loading
from recipients.models import Recipient
from tests.leadops.config.bundles import CONTRACT, changed, load

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "bundle.yaml"
    path.write_text(CONTRACT)
    return path


def run(*words: object) -> str:
    out = io.StringIO()
    call_command("bundle", *map(str, words), stdout=out)
    return out.getvalue()


def test_it_loads_and_then_has_nothing_to_change(file):
    said = run("load", file)
    assert "+ source web-form-a\n" in said
    assert said.endswith("10 changes\n")
    assert run("load", file) == "= nothing to change (0 changes)\n"


def test_it_only_says_what_it_would_do_on_a_dry_run(file):
    assert run("load", file, "--dry-run").endswith("10 changes to make\n")
    assert not Recipient.objects.exists()


def test_it_compares_and_names_what_the_file_leaves_out(file):
    load(CONTRACT)
    load("leadops: 1\nsources: [{slug: other, name: Other}]")
    file.write_text(changed("price: 45.00", "price: 40"))
    said = run("diff", file)
    assert "~ recipient abc-insurance: price 45.00 → 40.00\n1 change to make\n" in said
    assert "- source other: not in the file; stays\n" in said


def test_it_ends_with_1_on_differences_where_asked(file):
    with pytest.raises(SystemExit) as ended:
        run("diff", file, "--exit-code")
    assert ended.value.code == 1
    load(CONTRACT)
    run("diff", file, "--exit-code")


def test_it_dumps_to_standard_output_and_to_a_file(file, tmp_path):
    load(CONTRACT)
    target = tmp_path / "dump.yaml"
    run("dump", target)
    assert target.read_text() == run("dump") == loading.dump()
    assert stat.S_IMODE(target.stat().st_mode) == 0o644
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_it_tells_every_mistake_with_file_and_line_and_changes_nothing(file):
    text = changed("role: ops", "role: opps", changed("below: 90%", "below: lots"))
    file.write_text(text)
    with pytest.raises(CommandError) as caught:
        run("load", file)
    assert f"{file}:3: accounts[0].role: “opps” is not possible; did you mean ops?" in str(
        caught.value
    )
    assert str(caught.value).endswith("2 mistakes; nothing was changed.")
    assert not Recipient.objects.exists()


def test_it_says_so_when_there_is_no_file(tmp_path):
    with pytest.raises(CommandError, match=r"nowhere\.yaml: No such file"):
        run("load", tmp_path / "nowhere.yaml")
