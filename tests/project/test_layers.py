"""The house's walls: who may import whom, who may read the time, what may stand in the core. Read from the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import mcmock

PACKAGE = Path(mcmock.__file__).parent

# A module imports those above it, never one below: docs/architecture.md shows the same list with what each one is for.
CORE = (
    "jsontext", "regex", "printable", "model", "weights", "clock", "rules", "schemas", "advice", "body", "sessions",
    "wire", "match",
    "report", "timeline", "faults", "journal", "losses", "views", "narrate", "sequence", "verify", "watch", "ledger",
    "emulator", "kept", "meter", "scopes", "shapes", "exports", "recordings", "replay", "checkup", "feed",
    "shape_schemas", "openapi",
)  # fmt: skip
SHELLS = ("tls", "stores", "saved", "server", "golden", "fixture", "pytest_plugin", "cli", "__main__")
FOREIGN = {"aiohttp", "asyncio", "pytest", "socket", "click"}
WALL_CLOCKS = {"time", "datetime"}


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        inside = path.relative_to(PACKAGE)
        yield inside.parts[0].removesuffix(".py"), path


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports when it runs, in full; those for the type checker only do not count."""
    tree = ast.parse(path.read_text())
    guarded = {id(inner) for node in ast.walk(tree) if _is_type_checking(node) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in guarded:
            continue
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def test_every_module_is_in_the_list() -> None:
    found = {name for name, _ in modules()} - {"__init__"}
    assert found == {*CORE, *SHELLS}


def test_the_architecture_page_tells_them_in_the_same_order() -> None:
    page = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text()
    told = [name for row in re.findall(r"^\| (`.*?`) \|", page, re.M) for name in re.findall(r"`(\w+)`", row)]
    assert told == [*CORE, *(name for name in told if name in {*SHELLS, "inspector"})]
    assert {*SHELLS} - {*told} == {"__main__"}


@pytest.mark.parametrize(
    ("name", "path"), [pytest.param(*one, id=str(one[1].relative_to(PACKAGE))) for one in modules()]
)
def test_arrows_only_go_up(name: str, path: Path) -> None:
    if name not in CORE:
        return
    allowed = {*CORE[: CORE.index(name) + 1], "__version__"}
    for imported in imports(path):
        parts = imported.split(".")
        if parts[0] == "mcmock" and len(parts) > 1:
            assert parts[1] in allowed, f"{name} imports {imported}, which stands below it"


@pytest.mark.parametrize(
    ("name", "path"), [pytest.param(*one, id=str(one[1].relative_to(PACKAGE))) for one in modules()]
)
def test_the_core_knows_no_shell_library_and_no_wall_clock(name: str, path: Path) -> None:
    if name not in CORE:
        return
    roots = {imported.split(".")[0] for imported in imports(path)}
    assert not roots & FOREIGN
    if name != "clock":
        assert not roots & WALL_CLOCKS
