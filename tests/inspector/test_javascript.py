"""The inspector's JavaScript: its types fit the control API's schemas, and its pure modules do what they say.

`node --test` runs tests/inspector/js/*.test.js. The types are checked where typescript is installed (`npm install` in
tests/inspector/js, as .ci/run does); `MCMOCK_REQUIRE=node` makes that a must.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import typescript

from mcmock.analytics import GROUPS, METRICS, camel
from mcmock.serialization.json_shapes import vocabulary_to_json
from tests import programs

HERE = Path(__file__).parent / "js"
PAGE = Path(__file__).parents[2] / "mcmock" / "inspector"


def run(*command: str | Path, folder: Path = HERE) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


def test_the_types_are_those_of_the_schemas() -> None:
    stale = "mcmock/inspector/types.d.ts is stale: run python bench/typescript.py"
    assert (PAGE / "types.d.ts").read_text() == typescript.inspector_types(), stale


def test_the_page_is_type_checked() -> None:
    node, tsc = (programs.need(name, "the types of the inspector") for name in ("node", "typescript"))
    done = run(node, tsc, "-p", HERE)
    assert done.returncode == 0, done.stdout


def test_no_module_is_left_out_of_the_check() -> None:
    assert [
        one.name for one in PAGE.glob("*.js") if re.search(r"@ts-(nocheck|ignore|expect-error)", one.read_text())
    ] == []


def test_the_pure_modules(tmp_path: Path) -> None:
    """In a copy that says what the files are: Node.js 18 takes .js for CommonJS unless a package.json tells it otherwise."""
    node = programs.need("node", "the inspector's pure modules")
    (tmp_path / "package.json").write_text('{ "type": "module" }')
    tests = tmp_path / "tests" / "inspector" / "js"
    shutil.copytree(PAGE, tmp_path / "mcmock" / "inspector")
    shutil.copytree(HERE, tests, ignore=shutil.ignore_patterns("node_modules"))
    done = run(node, "--test", folder=tests)
    assert done.returncode == 0, done.stdout
    passed = re.search(r"^\S+ pass (\d+)$", done.stdout, re.M)
    assert passed, done.stdout
    assert int(passed[1]) == sum(len(re.findall(r"^test\(", one.read_text(), re.M)) for one in HERE.glob("*.test.js"))


def test_every_metric_stands_in_one_group_of_the_vocabulary() -> None:
    named = [name for names in GROUPS.values() for name in names]
    assert sorted(named) == sorted(METRICS)
    groups = {name: metric["group"] for name, metric in vocabulary_to_json()["metrics"].items()}
    assert groups == {camel(name): group for group, names in GROUPS.items() for name in names}
