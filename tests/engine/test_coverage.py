"""What sessions exercised of a plan is summed once for those that stay as they are: it is what a sum of all of them says."""

from __future__ import annotations

from typing import Any

import pytest

from mcmock import analytics
from mcmock.analytics import plan_format
from mcmock.engine import Emulator
from tests.conftest import send, start
from tests.engine.test_outlines import Viewers

PLAN = {
    "all": {
        "events": ["play", {"event": "sessionComplete", "atMost": 1}],
        "sessionStart": {
            "params": {"media.id": ["x", "z"], "media.channel": "required"},
            "metadata": {"show": "optional"},
        },
    }
}


def summed_anew(emulator: Emulator) -> object:
    analysis = emulator.engine.analysis
    assert analysis.plan is not None
    summed = analytics.Coverage(analysis.plan)
    for session_id in emulator.session_ids():
        summed.add(analysis.plan_uses(session_id))
    return summed.items()


@pytest.mark.parametrize("every", [2, 9])
def test_coverage_is_that_of_all_sessions_whatever_is_kept_of_it(every: int) -> None:
    viewers = Viewers(every, 1 << 24, None)
    emulator = viewers.emulator
    emulator.set_plan(plan_format.from_json(PLAN))
    for step in range(300):
        viewers.step()
        if step % every == 0:
            assert emulator.plan_coverage() == summed_anew(emulator)
            if viewers.dice.random() < 0.5:  # nothing has happened: what stood is added
                assert emulator.plan_coverage() == summed_anew(emulator)
        if step == 200:
            emulator.set_plan(None)
            assert emulator.plan_coverage() == ()
            emulator.set_plan(plan_format.from_json(PLAN))
    emulator.reset()
    assert not any(one.judged for one in emulator.plan_coverage())


def test_sessions_that_stay_as_they_are_are_summed_once(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    emulator.set_plan(plan_format.from_json(PLAN))
    sids = [start(emulator) for _ in range(5)]
    first = emulator.plan_coverage()
    assert emulator.plan_coverage() == first
    asked: list[str] = []
    uses = emulator.engine.analysis.plan_uses

    def note(session_id: str) -> Any:
        asked.append(session_id)
        return uses(session_id)

    monkeypatch.setattr(emulator.engine.analysis, "plan_uses", note)
    assert emulator.plan_coverage() == first
    assert asked == []
    sids.append(start(emulator))
    assert emulator.plan_coverage() != first
    assert asked == [sids[5]]
    send(emulator, sids[0], "play")
    asked.clear()
    emulator.plan_coverage()
    assert sorted(asked) == sorted(sids)
