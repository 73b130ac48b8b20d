"""Who may import whom: the contracts of pyproject.toml hold, and forget no module of the site."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from leadops import env

KIT = "leadops.lib"


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
