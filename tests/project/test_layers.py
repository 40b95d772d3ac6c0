"""The house's walls: who may import whom, who may read the time, what may stand in the core. Read from the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import mcmock

PACKAGE = Path(mcmock.__file__).parent

# A package imports those before it, never one behind it: docs/architecture.md shows the same list with what each is for.
ORDER = (
    "core", "protocols", "faults", "analytics", "checks", "engine", "storage", "serialization", "recordings", "server",
    "testing", "cli",
)  # fmt: skip
SHELLS = {"storage", "server", "testing", "cli"}
OPEN_FILES = {"recordings.files"}
ROOT_MODULES = {"__init__", "__main__", "fixture"}
FOREIGN = {"aiohttp", "asyncio", "pytest", "socket", "click"}
WALL_CLOCKS = {"time", "datetime"}

MODULES = [pytest.param(path, id=str(path.relative_to(PACKAGE))) for path in sorted(PACKAGE.rglob("*.py"))]


def package_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


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


def test_every_module_is_in_a_package_of_the_list() -> None:
    assert {package_of(path) for path in PACKAGE.rglob("*.py")} == {*ORDER, *ROOT_MODULES}


def test_the_architecture_page_tells_them_in_the_same_order() -> None:
    page = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text()
    told = re.findall(r"^\| `(\w+)/` \|", page, re.M)
    assert [name for name in told if name != "inspector"] == [*ORDER]


@pytest.mark.parametrize("path", MODULES)
def test_imports_only_go_down(path: Path) -> None:
    package = package_of(path)
    if package in ROOT_MODULES:
        return
    allowed = {*ORDER[: ORDER.index(package) + 1], "__version__"}
    for imported in imports(path):
        parts = imported.split(".")
        if parts[0] == "mcmock" and len(parts) > 1:
            assert parts[1] in allowed, f"{package} imports {imported}, which stands above it"


@pytest.mark.parametrize("path", MODULES)
def test_the_core_knows_no_shell_library_and_no_wall_clock(path: Path) -> None:
    package = package_of(path)
    if package in SHELLS or package in ROOT_MODULES:
        return
    roots = {imported.split(".")[0] for imported in imports(path)}
    assert not roots & FOREIGN
    if path.name != "clock.py":
        assert not roots & WALL_CLOCKS


# -- the seam: nobody but a protocol knows an API's paths, header lines and body keys ---------------------------------------

OF_AN_API = re.compile("/api/v1|playerTime")


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """Every string constant of a file that is not a docstring, with its line."""
    tree = ast.parse(path.read_text())
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes) and id(node) not in told:
            yield node.lineno, node.value if isinstance(node.value, str) else node.value.decode("latin-1")


@pytest.mark.parametrize("path", MODULES)
def test_only_protocols_know_what_an_api_looks_like(path: Path) -> None:
    """The texts of findings aside, which are about one API."""
    if package_of(path) == "protocols" or path.relative_to(PACKAGE) == Path("core/findings.py"):
        return
    assert [(line, text) for line, text in strings(path) if OF_AN_API.search(text)] == []
    foreign = [imported for imported in imports(path) if imported.startswith("mcmock.protocols.media_collection")]
    assert foreign == [], "ask mcmock.protocols.base, or the registry"
