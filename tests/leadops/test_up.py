"""What `manage.py up` prepares."""

from __future__ import annotations

from pathlib import Path

from leadops.management.commands.up import static_versions


def test_a_changed_style_sheet_is_collected_anew(tmp_path: Path) -> None:
    """An update of the code must not go on with the pages' old scripts."""
    sheet = tmp_path / "leadops" / "static" / "leadops" / "console.css"
    sheet.parent.mkdir(parents=True)
    sheet.write_text("a {}")
    before = static_versions(tmp_path)
    assert static_versions(tmp_path) == before
    sheet.write_text("b {}")
    assert static_versions(tmp_path) != before
