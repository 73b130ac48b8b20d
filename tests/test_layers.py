"""Who may import whom: the contracts of pyproject.toml hold, and forget no module of the site."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import grimp

from leadops import env

KIT = "leadops.lib"
# A model calls its check when it is saved; the check says, by its type, of which row it is one.
ROWS_OF_CHECKS = {
    ("flows.services.settings", "flows.models"),
    ("flows.validation", "flows.models"),
    ("recipients.batchchecks", "recipients.models.batching"),
    ("recipients.policies", "recipients.models"),
    ("recipients.suppression", "recipients.models"),
    ("recipients.validation", "recipients.models"),
}


def _contract(name: str) -> dict[str, Any]:
    settings = tomllib.loads((env.PROJECT / "pyproject.toml").read_text())
    contracts: list[dict[str, Any]] = settings["tool"]["importlinter"]["contracts"]
    return next(contract for contract in contracts if contract["id"] == name)


def _modules_of_the_site() -> set[str]:
    site = Path(env.PROJECT, "leadops")
    files = {path.stem for path in site.glob("*.py")} - {"__init__"}
    packages = {path.parent.name for path in site.glob("*/__init__.py")}
    return {f"leadops.{name}" for name in files | packages} - {KIT}


def test_it_imports_downward_only() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run(
        [command, "--no-logo", "--no-cache"], cwd=env.PROJECT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout[-3000:]


def test_it_places_every_module_of_the_site() -> None:
    named = set(re.findall(r"[\w.]+", _contract("layers")["layers"][0]))
    assert _modules_of_the_site() - named == set()


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports in functions and for types alone count: they only hide a circle."""
    graph = grimp.build_graph("leadops", "flows", "events", "recipients", cache_dir=None)
    imports = {
        (module, other)
        for module in graph.modules
        for other in graph.find_modules_directly_imported_by(module)
    }
    assert imports >= ROWS_OF_CHECKS, "an exception that nobody needs any more"
    assert _circles(imports - ROWS_OF_CHECKS) == set()


def _circles(imports: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """What is left when all that has no importer, or imports nothing, is taken away."""
    while True:
        importers, imported = {a for a, _ in imports}, {b for _, b in imports}
        left = {(a, b) for a, b in imports if a in imported and b in importers}
        if left == imports:
            return left
        imports = left


def test_it_sees_a_circle() -> None:
    assert _circles({("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")}) == {("b", "c"), ("c", "b")}
