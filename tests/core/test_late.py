"""Packages that hand over their modules on first use."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

PACKAGES = [
    "mcmock",
    "mcmock.analytics",
    "mcmock.faults",
    "mcmock.protocols.media_collection",
    "mcmock.protocols.media_edge",
]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_that_a_package_lists_is_there(package: str) -> None:
    module = import_module(package)
    for name in module.__all__:
        assert getattr(module, name) is not None, name


@pytest.mark.parametrize("package", PACKAGES)
def test_a_name_that_is_not_listed_is_missed_in_python_s_own_words(package: str) -> None:
    with pytest.raises(AttributeError, match=rf"^module '{package}' has no attribute 'nothing'$"):
        _ = import_module(package).nothing


@pytest.mark.parametrize(
    ("package", "use", "module"),
    [
        ("mcmock.analytics", "analytics.Judge", "mcmock.analytics.processing"),
        ("mcmock.checks", "checks.verification.verify", "mcmock.checks.verification"),
        ("mcmock.faults", "faults.preset('outage')", "mcmock.faults.presets"),
        ("mcmock.serialization", "serialization.json_shapes", "mcmock.serialization.json_shapes"),
    ],
)
def test_a_module_is_imported_when_a_name_of_it_is_used(package: str, use: str, module: str) -> None:
    script = (
        f"import sys\nfrom mcmock import {package.partition('.')[2]}\nassert {module!r} not in sys.modules\n{use}\n"
    )
    subprocess.run([sys.executable, "-c", f"{script}assert {module!r} in sys.modules"], check=True)
