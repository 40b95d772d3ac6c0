"""The table of docs/ci.md: each framework's own command inside `mcmock exec`, green with a good player, red with one that loses.

Playwright, Vitest, Jest and Node's runner run the files of docs/javascript.md and docs/ci.md, JUnit those of
docs/android-jvm.md, started by its console launcher in place of Maven or Gradle.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from tests import programs
from tests.clients import test_javascript, test_pages
from tests.clients.test_javascript import Project, project
from tests.clients.test_pages import compiled
from tests.project.test_docs import ROOT, blocks

__all__ = ["compiled", "project"]

PAGE = ROOT / "docs" / "ci.md"
ROWS = dict(re.findall(r"^\| (?:\[([\w. ]+)\]\([\w.#-]+\)|[\w. ]+) \| `mcmock exec -- (.*?)`", PAGE.read_text(), re.M))
EXEC = ["mcmock", "exec", "--"]


def test_the_table_has_these_five() -> None:
    assert list(ROWS) == ["Playwright", "Vitest", "Jest", "Node.js", "JUnit 5"]


@pytest.mark.long
@pytest.mark.parametrize("framework", ["Playwright", "Vitest", "Jest", "Node.js"])
@pytest.mark.parametrize("loses", [False, True], ids=["green", "red"])
def test_a_javascript_framework(project: Project, framework: str, loses: bool) -> None:
    folder = files_of(project, framework, loses)
    variables = {"NODE_OPTIONS": "--experimental-vm-modules"} if framework == "Jest" else {}
    if framework == "Playwright":
        config = (project.folder / "test" / "playwright" / "playwright.config.js").read_text()
        (folder / "playwright.config.js").write_text(config)
        variables = {
            "CHROMIUM": programs.need("chromium", "mcmock/playwright"),
            "PUBLIC_PORT": "1",
            "TEST_DIR": str(folder),
        }
    done = test_javascript.run([*EXEC, *command_of(project, framework)], folder, **variables)
    assert done.returncode == loses, done.stdout + done.stderr
    assert ("ad-outside-break" in done.stdout + done.stderr) == loses


def files_of(project: Project, framework: str, loses: bool) -> Path:
    """Return a folder with the files of its page; those of a player that loses an ad assert nothing of their own."""
    folder = project.folder / "exec" / f"{framework}-{loses}"
    shutil.rmtree(folder, ignore_errors=True)
    place = test_javascript.SECTIONS.get(framework, "core")
    shutil.copytree(project.folder / "docs" / place, folder)
    (folder / "lenient.spec.js").unlink(missing_ok=True)
    if framework == "Node.js":
        [text] = [block.text for block in blocks(PAGE) if block.language == "js"]
        (folder / "ad.test.mjs").write_text(text)
    if loses:
        for path in folder.glob("*.*"):
            text = path.read_text()
            path.write_text(
                re.sub(
                    r"^.*(toHaveSequence|adCount).*\n",
                    "",
                    text.replace("withBreak: true", "withBreak: false"),
                    flags=re.M,
                )
            )
    return folder


def command_of(project: Project, framework: str) -> list[str]:
    launcher, *words = ROWS[framework].split()
    return ["node", str(project.tools / words[0]), *words[1:]] if launcher == "npx" else [launcher, *words]


@pytest.mark.long
@pytest.mark.parametrize(("test", "loses"), [("PlayerTest", False), ("FailsTest", True)])
def test_junit(compiled: Path, test: str, loses: bool) -> None:
    assert ROWS["JUnit 5"] == "mvn test"
    classpath = f".{os.pathsep}{test_pages.classpath()}"
    launcher = ["java", "-cp", classpath, "org.junit.platform.console.ConsoleLauncher", "--select-class", test]
    done = test_pages.run([*EXEC, *launcher, "--disable-banner", "--disable-ansi-colors"], compiled)
    assert done.returncode == loses, done.stdout + done.stderr
    assert ("is lost" in done.stdout + done.stderr) == loses
