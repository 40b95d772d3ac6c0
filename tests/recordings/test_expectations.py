"""Every expectation of every timeline is compared: each is changed by the least that can be, and no change may pass.

The figure of this file stands in docs/fidelity.md.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcmock.recordings import check, formats, timeline

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "fixtures" / "timelines").glob("*.json"))
EXPECTED = ("report", "mediaReporting", "findings", "close")


def changed(value: Any) -> Iterator[Any]:
    """`value` with one thing in it changed, in every way that there is."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield {name[:-1] + "_" if name == key else name: one for name, one in value.items()}  # misspelt
            for other in changed(inner):
                yield {**value, key: other}
    elif isinstance(value, list):
        yield [*value, *(value[-1:] or ["late-event"])]
        if value:
            yield value[:-1]
        for place, inner in enumerate(value):
            for other in changed(inner):
                yield [*value[:place], other, *value[place + 1 :]]
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield value + 1
    elif isinstance(value, float):
        yield value + 0.001
        yield value - 0.001
    elif isinstance(value, str):
        yield value + "s"
    else:
        yield 0


def mutants(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The timeline, each time with one expectation changed."""
    for part in EXPECTED:
        for other in changed(document[part]) if part in document else ():
            if part != "close" or not is_asked(document[part], other):
                yield {**document, part: other}
    for place, step in enumerate(document["steps"]):
        for other in changed(step["expect"]) if "expect" in step else ():
            steps = list(document["steps"])
            steps[place] = {**step, "expect": other}
            yield {**document, "steps": steps}


def is_asked(close: dict[str, Any], other: dict[str, Any]) -> bool:
    """When a session is expired by hand, or looked at while it is open, is what the timeline does and not what it expects."""
    return close["reason"] in ("expired", "open") and other == {**close, "at": other.get("at")}


def passes(played: check.Checkup, document: dict[str, Any]) -> bool:
    """Whether what was played once is all that `document` expects."""
    try:
        parsed = timeline.parse(document, check.TIMELINE_STARTS_MS)
    except ValueError:
        return False
    return not any(check.unmet(played, parsed))


def load(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def counted() -> tuple[int, list[str]]:
    """How many mutants there are, and those that pass."""
    count, survivors = 0, []
    for path in FILES:
        document = load(path)
        played = check.checkup(formats.read(path.read_bytes()), path.stem)
        assert passes(played, document), path.stem
        for mutant in mutants(document):
            count += 1
            if passes(played, mutant):
                survivors.append(f"{path.stem}: {different(document, mutant)}")
    return count, survivors


def different(document: dict[str, Any], mutant: dict[str, Any]) -> str:
    part = next(part for part in document if document[part] != mutant[part])
    return f"{part} {json.dumps(mutant[part])[:200]}"


@pytest.mark.long
def test_no_changed_expectation_passes_and_the_documentation_has_the_figure() -> None:
    count, survivors = counted()
    assert survivors == []
    told = re.search(r"\*\*(\d+) of (\d+) survive\*\*", (ROOT / "docs" / "fidelity.md").read_text(encoding="utf-8"))
    assert told is not None
    assert int(told[1]) == 0
    assert count * 0.9 < int(told[2]) <= count, f"the figure in docs/fidelity.md: 0 of {count}"


@pytest.mark.parametrize("report", [{"content_time_spnt": 1}, {"chapters": [{"time_spnt": 30.0}, {}]}, {"adverts": []}])
def test_a_name_that_no_report_has_is_refused(report: dict[str, Any]) -> None:
    document = {**load(ROOT / "fixtures" / "timelines" / "chapters.json"), "report": report}
    with pytest.raises(ValueError, match="which is none of"):
        timeline.parse(document, 0)


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ({"mediaReporting": {"sessionDetails": {"hasProgres75": False}}}, "did you mean hasProgress75"),
        ({"mediaReporting": {"adBreak": []}}, "which is none of"),
        ({"findings": ["ad-not-closd"]}, "is no rule: ad-not-closed is"),
        ({"close": {"reason": "idel", "at": 1}}, "none of open, ended, idle, stalled, expired"),
    ],
)
def test_so_is_any_other_name(expected: dict[str, Any], said: str) -> None:
    document = {**copy.deepcopy(load(ROOT / "fixtures" / "timelines" / "chapters.json")), **expected}
    with pytest.raises(ValueError, match=said):
        timeline.parse(document, 0)


def test_what_is_expected_of_a_session_that_never_opened_is_not_met() -> None:
    document = {
        "name": "refused", "steps": [{"at": 0, "send": {"eventType": "sessionStart"}, "expect": {"status": 400}}],
        "report": {"content_time_spent": 5},
    }  # fmt: skip
    played = check.checkup(formats.read(json.dumps(document).encode()), "refused")
    messages = [problem.message for problem in played.problems if problem.rule == "not-as-expected"]
    assert messages == ["no session was opened: what the timeline expects of one is not met"]
