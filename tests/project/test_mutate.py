"""bench/mutate.py: the changes it makes, and that a test which looks away is told from one that looks."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

mutate = pytest.importorskip("mutate", reason="it forks and bounds memory, which Windows cannot", exc_type=ImportError)

ROOT = Path(__file__).parents[2]
SOURCE = '''
"""A module."""
LIMIT: Final[int] = 3

def within(count: int, more: bool = False) -> bool:
    """A docstring."""
    if count < LIMIT and not more:
        return True
    count += 1
    return None
'''
HEAD = "def within(count: int, more: bool=False) -> bool:"
CHANGES = [
    "3 → 4 in LIMIT: Final[int] = 3", "3 → 2 in LIMIT: Final[int] = 3", f"False → True in {HEAD}",
    "count < LIMIT and (not more) → count < LIMIT or not more",
    "count < LIMIT → count <= LIMIT", "count < LIMIT → count >= LIMIT", "not more → more", "return True → return None",
    "True → False in return True", "count += 1 → count -= 1", "count += 1 → delete", "1 → 2 in count += 1", "1 → 0 in count += 1",
]  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "example.py"
    file.write_text(SOURCE)
    return file


def imported(path: Path) -> ModuleType:
    spec = spec_from_file_location("example", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    module.__dict__["Final"] = list
    spec.loader.exec_module(module)
    return module


def test_one_thing_changes_at_a_time_and_no_docstring_and_no_type(path: Path) -> None:
    made = [mutant.change for mutant in mutate.mutants(path)]
    assert sorted(made) == sorted(CHANGES)


def test_a_change_within_a_function_takes_the_place_of_the_function_that_is_there(path: Path) -> None:
    within = imported(path).within
    assert not within(3)
    mutant = next(one for one in mutate.mutants(path) if one.change == "count < LIMIT → count <= LIMIT")
    assert mutate.put_in_place(path, mutant)
    assert within(3)


@pytest.mark.parametrize("change", ["3 → 4 in LIMIT: Final[int] = 3", f"False → True in {HEAD}"])
def test_a_constant_or_a_default_needs_a_process_that_imports_it_anew(path: Path, change: str) -> None:
    module = imported(path)
    mutant = next(one for one in mutate.mutants(path) if one.change == change)
    assert not mutate.put_in_place(path, mutant)
    assert module.within(2)


@pytest.mark.long
def test_what_survives_is_printed_and_makes_it_fail(tmp_path: Path) -> None:
    """A test that looks at one side of a boundary only: the boundary survives, what it looks at does not."""
    test = tmp_path / "test_one_side.py"
    test.write_text(
        "from mcmock.core import sessions\n"
        "def test_it():\n"
        "    assert sessions.IDLE_AFTER == 600\n"
        "    opened = sessions.open_session('a', 0, 0.0)\n"
        "    assert sessions.at(opened, 10_000.0).phase is sessions.Phase.IDLE\n"
    )
    survived, code = mutated(f"mcmock/core/sessions.py:{line_of('IDLE_AFTER = ')}", test)
    assert (survived, code) == ([], 0)  # a constant, which a process of its own imports
    first, last = line_of("if session.phase is not Phase.OPEN or is_open_at"), line_of("if playhead != before")
    survived, code = mutated(f"mcmock/core/sessions.py:{first}-{last}", test)
    assert code == 1
    end = "session.touched_at + IDLE_AFTER"
    assert f"is_open_at: now < {end} → now <= {end}  [1 test]" in survived
    assert "take: playhead != before → playhead == before  [no test runs it]" in survived
    assert [line for line in survived if "return close(session, Phase.IDLE, idle)" in line] == []


def line_of(text: str) -> int:
    lines = (ROOT / "mcmock" / "core" / "sessions.py").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.strip().startswith(text))


def mutated(module: str, test: Path) -> tuple[list[str], int]:
    """What the command prints of a module, without the places, and its exit code."""
    command = [sys.executable, "bench/mutate.py", module, "--tests", str(test)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert "changes in" in done.stdout, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("mcmock/")]
    return [line.partition(" ")[2] for line in lines], done.returncode
