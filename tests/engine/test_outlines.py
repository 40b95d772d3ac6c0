"""Sessions in brief are kept between two questions: whatever comes, changes or goes in between, they are what they would be."""

from __future__ import annotations

import random
from typing import Any

import pytest

from mcmock.analytics import plan_format
from mcmock.engine import Emulator
from mcmock.engine.outcomes import Analysis
from tests.conftest import START_PARAMS, body, post, send, start

EVENTS = ("play", "ping", "ping", "pauseStart", "adComplete", "sessionComplete", "nonsense")
QUALITY = ("media.qoe.bitrate", "media.qoe.framesPerSecond", "media.qoe.droppedFrames", "media.qoe.timeToStart")
PLAN = {"all": {"sessionStart": {"metadata": {"show": "required"}}}}


def told(emulator: Emulator) -> list[object]:
    """Return all outlines, as what they say."""
    return [
        (
            one.session,
            dict(one.judgement.findings),
            one.judgement.session_findings,
            one.report,
            one.counts,
            one.severities,
        )
        for one in emulator.outlines()
    ]


def told_anew(emulator: Emulator) -> list[object]:
    """Return the same, where none was kept."""
    for analysis in emulator.engine.analysis._analyses.values():
        analysis.outlined = None
    return told(emulator)


class Viewers:
    """A few who watch a few films, begin anew, leave, and come back."""

    def __init__(self, number: int, max_log_bytes: int, most: int | None) -> None:
        self.dice = random.Random(number)
        self.emulator = Emulator(seed=number, max_log_bytes=max_log_bytes)
        self.emulator.freeze()
        self.emulator.engine.analysis.most = most
        self.sessions: list[str] = []

    def step(self) -> None:
        dice, emulator = self.dice, self.emulator
        emulator.advance(dice.choice([0, 0.2, 1, 6, 6, 700]) if dice.random() < 0.9 else 0)
        chance = dice.random()
        if chance < 0.3 or not self.sessions:
            params = {**START_PARAMS, "media.id": dice.choice("xy"), "media.playerName": dice.choice(["one", "two"])}
            if dice.random() < 0.7:
                params["analytics.visitorId"] = dice.choice("pq")
            self.sessions.append(start(emulator, params=params, **self.quality()))
        elif chance < 0.35:
            emulator.engine.state.forget_session(self.sessions.pop(dice.randrange(len(self.sessions))))
        elif chance < 0.4:
            dice.choice([emulator.expire, emulator.forget])(dice.choice(self.sessions))
        else:
            sid, event = dice.choice(self.sessions[-6:]), dice.choice((*EVENTS, "sessionEnd"))
            agent = (b"User-Agent", dice.choice([b"one", b"one", b"two"]))
            stamp = int(emulator.now * 1000) - dice.randrange(3) * 900
            told = body(event, dice.randrange(50), stamp, **self.quality())
            emulator.handle(post(f"/api/v1/sessions/{sid}/events", told, agent))

    def quality(self) -> dict[str, Any]:
        chosen = self.dice.choice([0, 0, 4, 5])
        return {"qoeData": dict.fromkeys(QUALITY, chosen)} if chosen else {}


@pytest.mark.parametrize(
    ("number", "max_log_bytes", "most", "every"),
    [
        (1, 1 << 24, None, 7),
        (2, 30_000, None, 7),
        (3, 20_000, None, 40),  # much is gone before anybody looked at it
        (4, 1 << 24, None, 3),
        (5, 1 << 24, 400_000, 7),  # what is known of sessions goes, and is made again
    ],
)
def test_an_outline_that_was_kept_is_the_one_that_would_be_made(
    number: int, max_log_bytes: int, most: int | None, every: int
) -> None:
    viewers = Viewers(number, max_log_bytes, most)
    dice, emulator = viewers.dice, viewers.emulator
    for step in range(400):
        viewers.step()
        if dice.random() < 2 / every:  # some are asked for before others: what they rest on is looked at, and no more
            for sid in dice.sample(viewers.sessions, min(2, len(viewers.sessions))):
                emulator.queries.outline(sid)
        if step % every == 0:
            kept = told(emulator)
            assert kept == told_anew(emulator)
        if step == 200:
            emulator.set_plan(plan_format.from_json(PLAN))
        if step == 250:
            emulator.set_plan(None)
        if step == 300:
            emulator.clear_log()
    emulator.reset()
    assert emulator.outlines() == []


def test_sessions_that_nothing_happened_to_are_not_judged_again(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    sids = [start(emulator, params={**START_PARAMS, "analytics.visitorId": str(number)}) for number in range(20)]
    emulator.outlines()
    made: list[str] = []
    compared = Analysis._compared

    def note(self: Analysis, session_id: str, *others: Any) -> Any:
        made.append(session_id)
        return compared(self, session_id, *others)

    monkeypatch.setattr(Analysis, "_compared", note)
    emulator.outlines()
    assert made == []
    send(emulator, sids[7], "ping")
    emulator.outlines()
    assert made == [sids[7]]
    emulator.advance(601)
    emulator.outlines()
    assert made[1:] == sids
    assert {one.state for one in emulator.outlines()} == {"idle"}


def test_a_session_is_judged_again_when_the_one_before_it_changes(emulator: Emulator) -> None:
    quality: dict[str, Any] = {"qoeData": dict.fromkeys(QUALITY, 5)}
    viewer = {**START_PARAMS, "analytics.visitorId": "p"}
    first = start(emulator, params={**viewer, "media.id": "x"})
    second = start(emulator, params={**viewer, "media.id": "y"}, **quality)
    send(emulator, second, "play", **quality)
    assert "quality-carried-over" not in rules_of(emulator, second)
    send(emulator, first, "ping", **quality)
    assert "quality-carried-over" in rules_of(emulator, second)


def rules_of(emulator: Emulator, session_id: str) -> set[str]:
    outline = next(one for one in emulator.outlines() if one.session.id == session_id)
    return {found.rule for found in outline.judgement.session_findings}


def test_a_report_that_was_asked_for_is_not_kept(emulator: Emulator) -> None:
    """That of a long session takes some MB, and long to let go of."""
    sid = start(emulator)
    for _ in range(2):
        outline = emulator.outlines()[0]
        assert outline.state == "starting"
        assert "report" not in vars(outline.judgement)
        assert outline.report.state == outline.state
    kept = emulator.engine.analysis._analyses[sid].outlined
    assert kept is not None
    assert "report" not in vars(kept.judgement)
