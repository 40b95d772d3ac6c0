"""The npm package of clients/javascript as a stranger gets it: packed, installed into an empty project, used by real runners.

Its own tests (clients/javascript/test) and the files of docs/javascript.md run there. In a file named `fails…` every test
fails, and its message says what is its name.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

import pytest
import typescript

from mcmock.testing.server import McmockServer
from tests import programs
from tests.project.test_docs import Block, blocks, environment

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "clients" / "javascript"
PAGE = ROOT / "docs" / "javascript.md"


def run(command: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    around = {**environment(), "CI": "1", "NO_COLOR": "1", "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD": "1", **variables}
    return subprocess.run(command, cwd=folder, env=around, capture_output=True, text=True, timeout=300)


def must(command: list[str], folder: Path, **variables: str) -> str:
    done = run(command, folder, **variables)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


# -- the project -----------------------------------------------------------------------------------------------------------


class Project(NamedTuple):
    """An empty project with the package in it; the tools it uses lie in the folder above, where Node looks, too."""

    folder: Path

    @property
    def tools(self) -> Path:
        return self.folder.parent / "node_modules" / ".bin"

    def tool(self, place: str, name: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return run(["node", str(self.tools / name), *words], self.folder / place, **variables)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Made once for a test run, by whichever of its processes comes first."""
    for program in ("node", "npm"):
        programs.need(program, "the npm package of clients/javascript")
    own = tmp_path_factory.getbasetemp()
    base = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    with (base / "javascript.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        work = base / "javascript"
        made = Project(work / "project")
        if not (work / "made").exists():
            shutil.rmtree(work, ignore_errors=True)
            _make(work, made)
            (work / "made").touch()
    return made


def _make(work: Path, project: Project) -> None:
    package = work / "package"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("node_modules", "dist", "*.tgz"))
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(package / name, work)
    installed = run(["npm", "ci", "--ignore-scripts", "--prefer-offline"], work)
    if installed.returncode:
        last = (installed.stderr.strip().splitlines() or ["npm ci failed"])[-1]
        programs.unavailable("npm", f"npm could not install what the tests need: {last}", "clients/javascript")
    (work / "package.json").unlink()
    must(["npm", "pack", "--pack-destination", str(work)], package)
    shutil.rmtree(package)  # what is tested is the tarball
    project.folder.mkdir()
    (project.folder / "package.json").write_text('{ "private": true, "type": "module" }')
    must(["npm", "install", "--offline", str(next(work.glob("mcmock-*.tgz")))], project.folder)
    shutil.copytree(PACKAGE / "test", project.folder / "test")
    player = (PACKAGE / "test" / "player.js").read_text()
    (project.folder / "test" / "player.cjs").write_text(
        player.replace("export async function watch", "exports.watch = async function")
    )
    _write_page(project.folder / "docs")


def _write_page(folder: Path) -> None:
    """Each section of the page that has a file gets a folder; what stands before the first such section is in all of them."""
    text = PAGE.read_text()
    heads = [(text.count("\n", 0, found.start()) + 1, found[1]) for found in re.finditer(r"^## (.+)$", text, re.M)]
    for block in blocks(PAGE):
        if name := _file(block):
            section = next(head for line, head in reversed(heads) if line < block.line)
            places = list(SECTIONS) if section not in SECTIONS else [section]
            for place in places:
                target = folder / SECTIONS[place] / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(block.text)


SECTIONS = {"Playwright": "playwright", "Vitest": "vitest", "Jest": "jest", "Anything else": "core"}


def _file(block: Block) -> str | None:
    named = re.match(r"(?://|<!--) ([\w.-]+\.(?:js|ts|mjs|cjs|html))\b", block.text)
    return named[1] if named else None


# -- what runners report ---------------------------------------------------------------------------------------------------


class Ran(NamedTuple):
    """One test of a runner: its file, whether it passed, what it said, and what it attached to the report."""

    file: str
    passed: bool
    message: str
    attached: Mapping[str, str] = {}


def playwright(project: Project, place: str, **variables: str) -> dict[str, Ran]:
    chromium = programs.need("chromium", "mcmock/playwright")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
    config = ("--config", str(project.folder / "test" / "playwright" / "playwright.config.js"))
    variables |= {"CHROMIUM": chromium, "PUBLIC_PORT": port, "TEST_DIR": str(project.folder / place)}
    done = project.tool(place, "playwright", "test", *config, "--reporter=json", **variables)
    report = _json(done)
    assert not report["errors"], report["errors"]
    return {spec["title"]: _playwright(spec["file"], spec["tests"][0]["results"][0]) for spec in _specs(report)}


def _specs(suite: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from suite.get("specs", ())
    for inner in suite.get("suites", ()):
        yield from _specs(inner)


def _playwright(file: str, result: Mapping[str, Any]) -> Ran:
    attached = {one["name"]: base64.b64decode(one["body"]).decode() for one in result["attachments"] if "body" in one}
    said = "\n".join(error["message"] for error in result["errors"])
    return Ran(Path(file).name, result["status"] == "passed", said, attached)


def vitest(project: Project, place: str) -> dict[str, Ran]:
    return _jest_like(project.tool(place, "vitest", "run", "--reporter=json"))


def jest(project: Project, place: str, **variables: str) -> dict[str, Ran]:
    return _jest_like(project.tool(place, "jest", "--json", **variables))


def _jest_like(done: subprocess.CompletedProcess[str]) -> dict[str, Ran]:
    ran = {
        test["title"]: Ran(Path(file["name"]).name, test["status"] == "passed", "\n".join(test["failureMessages"]))
        for file in _json(done)["testResults"]
        for test in file["assertionResults"]
    }
    assert ran, done.stdout + done.stderr
    return ran


def _json(done: subprocess.CompletedProcess[str]) -> Any:
    try:
        return json.loads(done.stdout[done.stdout.index("{") :])
    except ValueError:
        pytest.fail(done.stdout + done.stderr, pytrace=False)


def judge(ran: Mapping[str, Ran]) -> None:
    """All passed; but in a file named `fails…` each failed, and said what is its name."""
    assert {title: one.message for title, one in ran.items() if not one.passed and not _fails(one)} == {}
    assert [title for title, one in ran.items() if one.passed and _fails(one)] == []
    assert {title: one.message for title, one in ran.items() if _fails(one) and title not in _in_one_line(one)} == {}


def _fails(one: Ran) -> bool:
    return one.file.startswith("fails")


def _in_one_line(one: Ran) -> str:
    return " ".join(one.message.split())


# -- the tests of the package ----------------------------------------------------------------------------------------------


def test_the_types_are_those_of_the_servers_document(mcmock_server: McmockServer) -> None:
    with urlopen(f"{mcmock_server.admin_url}/openapi.json", timeout=5) as answer:
        assert json.load(answer) == json.loads(json.dumps(typescript.document()))
    stale = "the control API has changed: python bench/typescript.py"
    assert (PACKAGE / "src" / "api.ts").read_text() == typescript.client_types(), stale


def test_the_package_carries_nothing_along() -> None:
    package = json.loads((PACKAGE / "package.json").read_text())
    assert "dependencies" not in package
    assert all(one["optional"] for one in package["peerDependenciesMeta"].values())
    assert set(package["peerDependenciesMeta"]) == set(package["peerDependencies"])
    assert '"resolved"' not in (PACKAGE / "package-lock.json").read_text(), "a registry's address is of one machine"


@pytest.mark.long
def test_typescript_takes_what_is_right_and_refuses_what_is_not(project: Project) -> None:
    words = ("--noEmit", "--strict", "--target", "ES2022", "--module", "NodeNext", "--types", "node", "test/types.ts")
    done = project.tool("", "tsc", *words)
    assert done.returncode == 0, done.stdout


@pytest.mark.long
def test_the_client_and_the_start_of_a_server(project: Project) -> None:
    mcmock = shutil.which("mcmock", path=environment()["PATH"])
    must(["node", "--test", "test/core"], project.folder, MCMOCK=mcmock or "")


@pytest.mark.long
def test_playwright_with_chromium(project: Project) -> None:
    ran = playwright(project, "test/playwright")
    judge(ran)
    watched = next(one for title, one in ran.items() if title.startswith("an app with a hard-coded host"))
    for one in (watched, ran["ad-outside-break"]):
        assert "adStart" in one.attached["mcmock timeline"]
        assert one.attached["mcmock log"].startswith('{"mcmock":')


@pytest.mark.long
def test_playwright_with_the_web_sdk(project: Project) -> None:
    alloy = programs.need("alloy", "the Web SDK in mcmock/playwright")
    judge(playwright(project, "test/edge", ALLOY=alloy))


@pytest.mark.long
def test_vitest(project: Project) -> None:
    judge(vitest(project, "test/vitest"))


@pytest.mark.long
def test_jest(project: Project) -> None:
    judge(jest(project, "test/jest"))


# -- the page --------------------------------------------------------------------------------------------------------------


def test_every_file_of_the_page_is_run() -> None:
    run_here = {
        "player.js",
        "app.html",
        "watch.mjs",
        "ad.spec.js",
        "lenient.spec.js",
        "ad.test.js",
        "vitest.config.js",
        "jest.config.js",
    }
    assert {_file(block) for block in blocks(PAGE) if block.language in ("js", "html")} == run_here


@pytest.mark.long
def test_the_page_in_playwright(project: Project) -> None:
    judge(playwright(project, "docs/playwright"))


@pytest.mark.long
def test_the_page_in_vitest(project: Project) -> None:
    judge(vitest(project, "docs/vitest"))


@pytest.mark.long
def test_the_page_in_jest(project: Project) -> None:
    judge(jest(project, "docs/jest", NODE_OPTIONS="--experimental-vm-modules"))


@pytest.mark.long
def test_the_page_without_a_runner(project: Project) -> None:
    must(["node", "watch.mjs"], project.folder / "docs" / "core")


@pytest.mark.long
def test_a_stranger_s_first_tests(tmp_path: Path) -> None:
    """From an empty folder, by the page's own commands: the server, the package, a runner, a green test and a red one."""
    for program in ("node", "npm"):
        programs.need(program, "the first test of docs/javascript.md")
    unneeded = shutil.ignore_patterns(
        ".*", "node_modules", "dist", "build", "__pycache__", "*.egg-info", "tests", "docs"
    )
    shutil.copytree(ROOT, tmp_path / "mcmock", ignore=unneeded)
    folder = tmp_path / "app"
    folder.mkdir()
    first, *_ = (block.text for block in blocks(PAGE) if block.language == "text")
    rows = {
        row[0]: row[1:]
        for row in re.findall(r"^\| \[(\w+)\]\(#[\w-]+\) \|(?: `(.*)`)? \| `(.*)` \|$", PAGE.read_text(), re.M)
    }
    set_up = bash(f"{first}\n{rows['Vitest'][0]}\n{rows['Jest'][0]}", folder)
    if set_up.returncode:
        programs.unavailable("npm", f"the packages cannot be had here: {set_up.stderr[-500:]}", "docs/javascript.md")
    _write_page(tmp_path / "page")
    for runner in ("Vitest", "Jest", "none"):
        shutil.copytree(tmp_path / "page" / SECTIONS.get(runner, "core"), folder, dirs_exist_ok=True)
        green = bash(f'export PATH="$PWD/.mcmock/bin:$PATH"; {rows[runner][1]}', folder)
        assert green.returncode == 0, green.stdout + green.stderr
        if runner != "none":
            test = folder / "ad.test.js"
            test.write_text(test.read_text().replace("withBreak: true", "withBreak: false"))
            red = bash(f'export PATH="$PWD/.mcmock/bin:$PATH"; {rows[runner][1]}', folder)
            assert red.returncode == 1
            assert "ad-outside-break" in red.stdout + red.stderr


def bash(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return run(["bash", "-euo", "pipefail", "-c", script], folder)
