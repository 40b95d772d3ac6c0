"""Every fenced block of the README and of docs/ is run, so that what a reader copies works.

A block's language says how: `python` with a test in it is run by pytest with our plugin, and without one it is executed
with a running `mcmock_server`; a first line `# name.py` saves the block under that name for the other blocks of its page.
`# test_fails_….py` must fail, and say what the `text` after it says. `sh` is run by bash beside a fresh `mcmock serve`, `toml`
is read as its config, or as a tracking plan if it begins with `# plan.toml`, `json` must parse. `js`, `html`, `java`,
`kotlin` and `swift` are files of the pages for those platforms; tests/clients has them.
Other `text` is output or something done on a device, and is not run.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from mcmock.analytics import plan_format
from mcmock.cli.config import parse
from mcmock.testing.server import McmockServer

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
ELSEWHERE = {
    "js": {"docs/javascript.md", "docs/ci.md"}, "html": {"docs/javascript.md", "docs/media-edge.md"},
    "java": {"docs/android-jvm.md", "docs/media-edge.md"}, "kotlin": {"docs/android-jvm.md"}, "swift": {"docs/ios.md"},
}  # fmt: skip
"""The languages that tests/clients runs, or says why not, and the pages that have them."""

LANGUAGES = {"python", "sh", "toml", "json", "text", *ELSEWHERE}
DEFAULT_URL = "http://127.0.0.1:8410"


class Block(NamedTuple):
    page: str
    line: int
    language: str
    text: str

    @property
    def file(self) -> str | None:
        named = re.match(r"# (\w+\.py)\b", self.text)
        return named[1] if named else None


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text()
    for found in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(str(page.relative_to(ROOT)), line, found[1], found[2])


BLOCKS = [block for page in PAGES for block in blocks(page)]


def of(*languages: str) -> pytest.MarkDecorator:
    chosen = [block for block in BLOCKS if block.language in languages]
    return pytest.mark.parametrize("block", [pytest.param(one, id=f"{one.page}:{one.line}") for one in chosen])


def save_files_around(block: Block, folder: Path) -> None:
    """A conftest.py holds for what comes after it."""
    for other in BLOCKS:
        named = other.file if other.page == block.page else None
        if named and not named.startswith("test_") and (other.line < block.line or named != "conftest.py"):
            (folder / named).write_text(other.text)


def said_after(block: Block) -> str:
    """The `text` that stands next after a block, and so is what it says."""
    following = BLOCKS[BLOCKS.index(block) + 1]
    assert (following.page, following.language) == (block.page, "text"), "what does it say when it fails?"
    return following.text


def lines(text: str) -> list[str]:
    """Without pytest's margin, and without what differs from run to run: ids and times."""
    bare = re.sub(r"^E {7}(AssertionError: )?", "", text, flags=re.M)
    same = re.sub(r"\b\d\.\d{3}\b", "0.000", re.sub(r"\b[0-9a-f]{8}\b", "01234567", bare))
    return [line for line in same.splitlines() if line.strip()]


def environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    quiet = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "MCMOCK_", "CI"))}
    return {**quiet, "PATH": path}


@contextmanager
def served() -> Iterator[str]:
    """A fresh `mcmock serve`; its address."""
    command = [sys.executable, "-m", "mcmock", "serve", "--port", "0", "--log-format", "json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())
    try:
        assert process.stdout is not None
        yield str(json.loads(process.stdout.readline())["url"])
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_every_block_names_a_language_we_run() -> None:
    assert [block for block in BLOCKS if block.language not in LANGUAGES] == []
    for language, pages in ELSEWHERE.items():
        assert {block.page for block in BLOCKS if block.language == language} <= pages


@of("python")
def test_python(block: Block, tmp_path: Path) -> None:
    save_files_around(block, tmp_path)
    if "freezegun" in block.text:
        pytest.importorskip("freezegun", reason="it belongs to the extra: pip install -e '.[test]'")
    if "def test_" in block.text:
        name = block.file or "test_block.py"
        (tmp_path / name).write_text(block.text)
        plugins = ("no:cacheprovider", "mcmock.testing.pytest_plugin", "pytest_asyncio.plugin")
        named = [word for plugin in plugins for word in ("-p", plugin)]
        command = [sys.executable, "-m", "pytest", "-q", *named, "-o", "asyncio_mode=auto", name]
        alone = {
            **environment(),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        }  # loading all of ours would take most of the time
        done = subprocess.run(command, cwd=tmp_path, env=alone, capture_output=True, text=True, timeout=120)
        fails = name.startswith("test_fails")
        assert done.returncode == (1 if fails else 0), done.stdout + done.stderr
        if fails:
            printed = iter(lines(done.stdout))
            missing = [
                line for line in lines(said_after(block)) if line not in printed
            ]  # `in` reads on: the order counts
            assert missing == [], done.stdout
    elif block.file is None:
        with McmockServer() as server:
            exec(compile(block.text, f"{block.page}:{block.line}", "exec"), {"mcmock_server": server})


@of("sh")
def test_shell(block: Block, tmp_path: Path) -> None:
    save_files_around(block, tmp_path)
    with served() as url:
        script = block.text.replace(DEFAULT_URL, url)
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", script],
            cwd=tmp_path, env={**environment(), "MCMOCK_URL": url}, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@of("toml")
def test_toml(block: Block, tmp_path: Path) -> None:
    if block.text.startswith("# plan.toml\n"):
        plan_format.from_toml(block.text)
    else:
        parse(block.text, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@of("json")
def test_json(block: Block) -> None:
    json.loads(block.text)
