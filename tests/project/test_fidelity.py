"""docs/fidelity.md and docs/findings.md say what the code does: every row has its tests, every test its row, every rule its line.

A test says which rows it holds with `@pytest.mark.fidelity("C-09")`; a parameter of a test can say so, too.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mcmock.core import findings
from mcmock.core.model import Mode

ROOT = Path(__file__).parents[2]
FIDELITY = ROOT / "docs" / "fidelity.md"
FINDINGS = ROOT / "docs" / "findings.md"

CONFIDENCE = {"documented", "specification", "clients", "assumed"}
LAST_CONFLICT = 61


class Row(NamedTuple):
    id: str
    behaviour: str
    default: str
    strict: str
    source: str
    confidence: str
    tests: frozenset[str]


def cells(path: Path, columns: int) -> Iterator[list[str]]:
    """The rows of every table of so many columns in a document."""
    for line in path.read_text(encoding="utf-8").splitlines():
        found = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if line.startswith("| ") and len(found) == columns and not set(found[0]) <= {"-", " "}:
            yield found


@cache
def rows() -> list[Row]:
    told = (row for row in cells(FIDELITY, 7) if row[0] != "Row")
    return [
        Row(row, behaviour, default, strict, source, confidence, frozenset(re.findall(r"`([^`]+)`", tests)))
        for row, behaviour, default, strict, source, confidence, tests in told
    ]


def marked() -> dict[str, set[str]]:
    """For each row named by a mark, the tests that name it, as file::name or file::name[parameter]."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if "pytest.mark.fidelity" not in path.read_text(encoding="utf-8"):
            continue
        module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for name, test in vars(module).items():
            if name.startswith("test_"):
                for row, suffix in marks(getattr(test, "pytestmark", [])):
                    found[row].add(f"{path.name}::{name}{suffix}")
    return found


def marks(pytestmark: list[pytest.Mark]) -> Iterator[tuple[str, str]]:
    for mark in pytestmark:
        if mark.name == "fidelity":
            yield mark.args[0], ""
        elif mark.name == "parametrize":
            for parameter in mark.args[1]:
                for inner in getattr(parameter, "marks", ()):
                    if inner.name == "fidelity":
                        yield inner.args[0], f"[{parameter.id}]"


def test_every_row_names_exactly_the_tests_that_hold_it() -> None:
    told = {row.id: set(row.tests) for row in rows()}
    assert told == dict(marked())


def test_no_row_stands_twice() -> None:
    ids = [row.id for row in rows()]
    assert len(ids) > 100
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.id)
def test_a_row_is_complete(row: Row) -> None:
    assert row.behaviour
    assert row.default
    assert row.strict
    assert row.source
    assert set(row.confidence.split(", ")) <= CONFIDENCE
    assert row.tests


def test_every_conflict_is_a_row_or_is_said_to_have_nothing_to_hold() -> None:
    text = FIDELITY.read_text(encoding="utf-8")
    nothing = text.partition("## Nothing to hold")[2].partition("\n## ")[0]
    have = {row.id for row in rows()} | set(re.findall(r"C-\d\d", nothing))
    assert {f"C-{number:02}" for number in range(1, LAST_CONFLICT + 1)} <= have


# -- findings -------------------------------------------------------------------------------------------------------------


def test_findings_md_has_a_line_for_each_rule_as_the_table_says() -> None:
    told = {row[0].strip("`"): row[1:] for row in cells(FINDINGS, 6) if row[0] != "Rule"}
    assert list(told) == list(findings.RULES), "every rule once, in the order of the table"
    for name, rule in findings.RULES.items():
        default, strict, loose, about, source = told[name]
        assert (default, strict, loose) == actions(rule), name
        assert about.removesuffix(" *Lost.*") == rule.about.replace("|", "\\|")
        assert about.endswith("*Lost.*") is rule.ignores
        assert source == rule.source


def actions(rule: findings.Rule) -> tuple[str, str, str]:
    default, strict, loose = (_word(rule.action(mode)) for mode in Mode)
    return default, strict, loose


def _word(action: findings.Action) -> str:
    return {findings.Action.REFUSE: "400", findings.Action.ACCEPT: "–"}.get(action, str(action))


def test_every_conflict_that_a_rule_names_is_a_row() -> None:
    named: set[Any] = {row for rule in findings.RULES.values() for row in re.findall(r"C-\d\d", rule.source)}
    assert named <= {row.id for row in rows()}
