"""What a wheel holds: a checkout that runs says nothing of a package that pyproject.toml does not name."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
PACKAGED = set(SETUPTOOLS["packages"])


def test_every_package_of_the_checkout_is_packaged() -> None:
    here = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "mcmock").rglob("__init__.py")}
    assert here <= PACKAGED


def test_every_folder_of_schemas_and_recordings_is_packaged() -> None:
    folders = [
        path for top in ("schemas", "fixtures") for path in (ROOT / top, *(ROOT / top).rglob("*")) if path.is_dir()
    ]
    for folder in folders:
        suffixes = {path.suffix for path in folder.iterdir() if path.is_file()}
        name = ".".join((f"mcmock.{folder.relative_to(ROOT).parts[0]}_data", *folder.relative_to(ROOT).parts[1:]))
        assert name in PACKAGED, folder
        taken = SETUPTOOLS["package-data"].get(name, []) + SETUPTOOLS["package-data"].get("", [])
        assert {f"*{suffix}" for suffix in suffixes} <= set(taken), (folder, suffixes, taken)


def test_what_is_packaged_is_there() -> None:
    folders = SETUPTOOLS["package-dir"]
    for name in PACKAGED:
        assert (ROOT / folders.get(name, name.replace(".", "/"))).is_dir(), name
