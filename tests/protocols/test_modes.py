"""The three modes as a whole: what they are, and that nothing a mode lets through can break what comes after."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mcmock.core.findings import RULES, Action
from mcmock.core.model import Mode, Outcome, Verdict
from mcmock.engine import Emulator
from mcmock.serialization.json_shapes import exchange_to_json, view_to_json
from tests.conftest import body, post, send, start
from tests.protocols.test_body import VALUES, almost_valid, sent


def emulator(mode: Mode) -> Emulator:
    return Emulator(seed=1, strict=mode is Mode.STRICT, loose=mode is Mode.LOOSE)


def test_strict_and_loose_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="strict and loose exclude each other"):
        Emulator(strict=True, loose=True)


@pytest.mark.parametrize("rule", RULES)
def test_strict_is_never_milder_than_default_and_loose_never_stricter(rule: str) -> None:
    order = list(Action)
    default, strict, loose = (order.index(RULES[rule].action(mode)) for mode in Mode)
    assert strict >= default
    assert loose <= default
    if RULES[rule].lenient:
        assert RULES[rule].action(Mode.LOOSE) is not Action.REFUSE


@pytest.mark.parametrize("mode", list(Mode))
def test_a_mode_is_the_same_one_for_starts_and_events(mode: Mode) -> None:
    """An unknown param: refused but in loose, and then counted like any other."""
    emu = emulator(mode)
    answer = emu.handle(post("/api/v1/sessions", body("sessionStart", extra=1)))
    sid = start(emu)
    event = send(emu, sid, "play", extra=1)
    wanted = (201, 204) if mode is Mode.LOOSE else (400, 400)
    assert (answer.response.status, event.response.status) == wanted
    logged = emu.request(event.seq)
    assert logged is not None
    assert logged.outcome is (Outcome.GOOD if mode is Mode.LOOSE else Outcome.BAD)
    (found,) = (one for one in logged.findings if one.rule == "unknown-key")
    assert found.severity == ("warning" if mode is Mode.LOOSE else "error")


def look_at_everything(emu: Emulator) -> None:
    """What a control API, an inspector or a test would ask for."""
    for one in emu.requests():
        exchange_to_json(one)
        assert one.verdict is not Verdict.BROKEN, one.findings
    for view in emu.sessions():
        view_to_json(view)
        view.report.to_json()
    assert emu.summary().broken == 0


@settings(max_examples=150, deadline=None)
@given(made=st.lists(almost_valid(), min_size=1, max_size=4), mode=st.sampled_from(list(Mode)))
@example(made=[("sessionStart", {**body("sessionStart"), "params": None})], mode=Mode.LOOSE)
def test_nothing_that_a_mode_accepts_breaks_what_is_made_of_it(made: list[tuple[str, Any]], mode: Mode) -> None:
    emu = emulator(mode)
    sid = start(emu)
    for name, value in made:
        path = "/api/v1/sessions" if name == "sessionStart" else f"/api/v1/sessions/{sid}/events"
        assert emu.handle(post(path, sent(value))).response.status in (201, 204, 400)
        if name == "sessionStart":
            assert emu.handle(post("/api/v1/downloaded", sent([value, body("play")]))).response.status in (201, 400)
    look_at_everything(emu)


EVENTS = ["ping", "play", "adStart", "adBreakStart", "stateStart", "statesUpdate", "error", "chapterStart"]
PARTS = st.fixed_dictionaries(
    {"eventType": st.sampled_from(EVENTS), "playerTime": VALUES},
    optional={"params": VALUES, "qoeData": VALUES, "customMetadata": VALUES},
)


@settings(max_examples=150, deadline=None)
@given(events=st.lists(PARTS, min_size=1, max_size=6))
def test_loose_takes_any_value_anywhere_and_still_makes_a_report(events: list[dict[str, Any]]) -> None:
    emu = emulator(Mode.LOOSE)
    sid = start(emu)
    for value in events:
        answer = emu.handle(post(f"/api/v1/sessions/{sid}/events", sent(value)))
        assert answer.response.status in (204, 400), answer.response.body
    look_at_everything(emu)
