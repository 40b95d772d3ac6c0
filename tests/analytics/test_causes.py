"""Causes first: what follows from a refused event says so, and what follows from a fault blames nobody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mcmock
from mcmock import faults
from mcmock.cli import check_output
from mcmock.core.model import Finding
from mcmock.engine import Emulator
from tests.conftest import send, start

TS = 1_700_000_000_000
AD = {"media.ad.podPosition": 1, "media.ad.id": "a", "media.ad.length": 5.0, "media.ad.playerName": "p"}
BREAK = {"media.ad.podIndex": 1, "media.ad.podSecond": 0}
STATE = {"media.state.name": "mute"}
CHAPTER = {"media.chapter.index": 1, "media.chapter.offset": 0, "media.chapter.length": 10}

Step = tuple[str, dict[str, Any]]


def played(*steps: Step, rule: Any = None) -> Emulator:
    emulator = Emulator(seed=1)
    sid = start(emulator)
    if rule is not None:
        emulator.add_fault(rule)
    for number, (event, params) in enumerate(steps, 1):
        send(emulator, sid, event, 0, ts=TS + number * 1000, **({"params": params} if params else {}))
    return emulator


def found(emulator: Emulator, rule: str) -> list[Finding]:
    (view,) = emulator.sessions()
    return [one for one in view.findings if one.rule == rule]


BAD = {"media.nothing": 1}
CASES: list[tuple[str, list[Step]]] = [
    ("ad-outside-break", [("adBreakStart", BREAK | BAD), ("adStart", AD), ("adComplete", {}), ("play", {})]),
    ("ad-close-without-start", [("adBreakStart", BREAK), ("adStart", AD | BAD), ("adComplete", {})]),
    ("ad-break-nested", [("adBreakStart", BREAK), ("adBreakComplete", BAD), ("adBreakStart", BREAK)]),
    ("ad-break-close-without-start", [("adBreakStart", BREAK | BAD), ("adBreakComplete", {})]),
    ("chapter-close-without-start", [("chapterStart", CHAPTER | BAD), ("chapterComplete", {})]),
    ("state-not-open", [("stateStart", STATE | BAD), ("stateEnd", STATE)]),
    ("state-already-open", [("stateStart", STATE), ("stateEnd", STATE | BAD), ("stateStart", STATE)]),
    ("session-never-played", [("play", BAD), ("sessionEnd", {})]),
]


@pytest.mark.parametrize(("rule", "steps"), CASES)
def test_a_consequence_of_a_refused_event_names_it(rule: str, steps: list[Step]) -> None:
    told = found(played(*steps), rule)
    assert told
    assert all(one.message.startswith("follows from #") and "was refused (unknown-key)" in one.message for one in told)
    alone = [step for step in steps if step[1] is None or not set(BAD) & set(step[1])]
    assert not any(one.message.startswith("follows") for one in found(played(*alone), rule))


@pytest.mark.parametrize(("rule", "steps"), CASES)
def test_a_consequence_of_a_fault_blames_nobody(rule: str, steps: list[Step]) -> None:
    event = next(event for event, params in steps if params and set(BAD) & set(params))
    clean = [(name, {key: value for key, value in params.items() if key not in BAD}) for name, params in steps]
    emulator = played(*clean, rule=faults.status(503, name="down", event=event, times=1))
    told = found(emulator, rule)
    assert told
    for one in told:
        assert one.severity == "info"
        assert f"{event}, which the fault down kept away" in one.message
    assert emulator.verdict(allow=[]).passed


def test_what_was_sent_again_is_no_cause() -> None:
    emulator = played(
        ("adBreakStart", BREAK | BAD), ("adBreakStart", BREAK), ("adBreakComplete", {}), ("adStart", AD), ("play", {})
    )
    (one,) = found(emulator, "ad-outside-break")
    assert not one.message.startswith("follows")


def test_check_prints_the_cause_first(tmp_path: Path) -> None:
    from mcmock.serialization import ndjson

    emulator = played(*CASES[0][1])
    file = tmp_path / "log.ndjson"
    file.write_bytes(b"".join(ndjson.write(emulator.requests())))
    text = check_output.text([mcmock.check(file)], check_output.Fails())
    assert 0 < text.index("unknown-key") < text.index("ad-outside-break")
    assert "follows from #2 adBreakStart" in text
