"""A missing program skips its tests and is named at the end of the run; a required one fails them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import programs
from tests.clients import web_sdk

ROOT = Path(__file__).parents[2]
PLUGIN = """
from tests import programs
from tests.conftest import pytest_terminal_summary
"""
TEST = """
from tests import programs

def test_one():
    programs.need("redis", "a store")

@programs.needs("chromium")
def test_two():
    programs.need("chromium")

def test_three():
    pass
"""


@pytest.mark.parametrize(
    ("required", "code", "line"),
    [
        ("", 0, "skipped for want of chromium (1 test), redis (1 test)"),
        ("chromium, redis", 1, "2 failed, 1 passed"),
    ],
)
def test_what_is_missing(tmp_path: Path, required: str, code: int, line: str) -> None:
    (tmp_path / "conftest.py").write_text(PLUGIN)
    (tmp_path / "test_driven.py").write_text(TEST)
    variables = {**os.environ, "PATH": str(tmp_path), "PYTHONPATH": str(ROOT), "MCMOCK_REQUIRE": required}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    assert line in done.stdout + done.stderr


def test_each_program_is_counted() -> None:
    reasons = ["Skipped: not tested for want of node: x", "not tested for want of node", "no wheel"]
    assert programs.summary(reasons) == "skipped for want of node (2 tests)"
    assert programs.summary(["no wheel"]) == ""


def test_a_package_that_is_missing_says_how_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = programs.PACKAGES["alloy"].parents[4]
    monkeypatch.setitem(programs.PACKAGES, "alloy", folder / "node_modules" / "absent.js")
    monkeypatch.setattr(programs, "REQUIRED", frozenset())
    with pytest.raises(pytest.skip.Exception) as skipped:
        programs.need("alloy", "the Web SDK")
    said = "not tested for want of alloy: the Web SDK: it is not installed: npm install --prefix tests/clients/alloy"
    assert skipped.value.msg == said
    with pytest.raises(pytest.skip.Exception, match="for want of alloy"), web_sdk.pages():
        pytest.fail("a page that waits for the package is served")
    assert programs.summary([said]) == "skipped for want of alloy (1 test)"
    monkeypatch.setattr(programs, "REQUIRED", frozenset(["node"]))
    with pytest.raises(pytest.fail.Exception, match="npm install"):
        programs.need("alloy")
