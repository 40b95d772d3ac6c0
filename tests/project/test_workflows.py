"""The workflows that the docs hand out: whoever copies one gets actions that cannot be changed under them, and no token
that lies about. Snippets within a page count like files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "github-actions.yml"
TEXTS = [*sorted((ROOT / "docs").rglob("*")), *sorted(ROOT.glob("*.md")), *sorted(ROOT.glob(".github/**/*"))]
SUFFIXES = {".md", ".yml", ".yaml"}

USES = re.compile(r"^(?P<dash>\s*-\s+|\s+)uses:\s*[\"']?(?P<action>[^\s\"'#]+)[\"']?(?P<rest>.*)$", re.M)
COMMIT = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
VERSION = re.compile(r"\s*#\s*v\d+\.\d+\.\d+\s*")


def workflows(path: Path) -> Iterator[str]:
    """A YAML file is one; a page has those of its fenced blocks that use an action or have jobs."""
    text = path.read_text(encoding="utf-8")
    texts = [text] if path.suffix != ".md" else re.findall(r"^ *```\w*\n(.*?)^ *```", text, re.M | re.S)
    yield from (one for one in texts if USES.search(one) or re.search(r"^jobs:", one, re.M))


def step_of(text: str, found: re.Match[str]) -> str:
    """The lines of the step that a `uses:` belongs to: from its dash to the next line that is not indented as far."""
    lines = text.splitlines()
    here = text.count("\n", 0, found.start("action"))
    first = next((at for at in range(here, -1, -1) if lines[at].lstrip().startswith("- ")), here)
    beyond = (
        at for at in range(first + 1, len(lines)) if lines[at].strip() and indented(lines[at]) <= indented(lines[first])
    )
    return "\n".join(lines[first : next(beyond, len(lines))])


def indented(line: str) -> int:
    return len(line) - len(line.lstrip())


def wrong(text: str) -> list[str]:
    """What a careful reader would object to in a workflow, or in a part of one."""
    said = []
    for found in USES.finditer(text):
        action = found["action"]
        if action.startswith("./"):
            continue  # comes with the repository that uses it
        if not COMMIT.fullmatch(action):
            said.append(f"{action} is not pinned to a commit")
        elif not VERSION.fullmatch(found["rest"]):
            said.append(f"{action} does not say which version that is")
        if action.startswith("actions/checkout@") and not drops_credentials(step_of(text, found)):
            said.append(f"{action} leaves its token in the checkout")
    if re.search(r"^jobs:", text, re.M) and not re.search(r"^permissions:( \{\}|\n  contents: read\b)", text, re.M):
        said.append("it does not say that it only reads")
    if re.search(r":\s*write\b|write-all", text):
        said.append("it asks for a permission to write")
    return said


def drops_credentials(step: str) -> bool:
    return re.search(r"^\s+persist-credentials:\s*false\b", step, re.M) is not None


FOUND = [(path, text) for path in TEXTS if path.suffix in SUFFIXES for text in workflows(path)]


def test_the_example_is_among_them() -> None:
    assert EXAMPLE in [path for path, _ in FOUND]


@pytest.mark.parametrize(("path", "text"), FOUND, ids=[path.name for path, _ in FOUND])
def test_a_workflow_that_the_docs_hand_out_is_safe_to_copy(path: Path, text: str) -> None:
    assert wrong(text) == []


SHA = "3d3c42e5aac5ba805825da76410c181273ba90b1"
GOOD = f"""permissions:
  contents: read
jobs:
  test:
    steps:
      - name: Code
        uses: actions/checkout@{SHA}  # v7.0.1
        with:
          persist-credentials: false
      - uses: ./here
"""


def test_nothing_is_said_of_one_that_is_safe() -> None:
    assert wrong(GOOD) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.replace(SHA, "v7"), "not pinned"),
        (GOOD.replace(SHA, "main"), "not pinned"),
        (GOOD.replace(SHA, SHA[:12]), "not pinned"),
        (GOOD.replace(f"@{SHA}", ""), "not pinned"),
        (GOOD.replace("  # v7.0.1", ""), "which version"),
        (GOOD.replace("# v7.0.1", "# v7"), "which version"),
        (GOOD.replace("false", "true"), "leaves its token"),
        (GOOD.replace("        with:\n          persist-credentials: false\n", ""), "leaves its token"),
        (GOOD.replace("          persist-", "      - run: x\n        with:\n          persist-"), "leaves its token"),
        (GOOD.replace("permissions:\n  contents: read\n", ""), "only reads"),
        (GOOD.replace("contents: read", "contents: read\n  packages: write"), "to write"),
        (f"      - uses: docker://alpine:3\n{GOOD}", "not pinned"),
    ],
)
def test_one_that_is_not_is_found(text: str, said: str) -> None:
    assert text != GOOD
    assert any(said in one for one in wrong(text)), wrong(text)
