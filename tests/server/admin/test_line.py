"""The line of questions: what a process of its own does for the garbage collector, and where it stops."""

from __future__ import annotations

import gc

import pytest

from mcmock.core import turns
from mcmock.core.collector import collector
from mcmock.engine import Emulator
from mcmock.server.admin import line
from mcmock.server.admin.line import LONG, Line


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the collector was asked for."""
    made: list[str] = []
    monkeypatch.setattr(turns, "TIME_SLICE", -1.0)  # each pause is the end of a slice
    monkeypatch.setattr(gc, "freeze", lambda: made.append("freeze"))
    monkeypatch.setattr(gc, "unfreeze", lambda: made.append("unfreeze"))
    return made


def question(slices: int) -> int:
    for _ in range(slices - 1):
        turns.pause()
    return slices


async def test_the_collector_passes_over_what_long_questions_make_and_no_others(
    calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector, "is_owned", True)
    asked = Line()
    assert await asked.ask(Emulator(), lambda: question(LONG - 1)) == LONG - 1
    assert calls == []
    assert await asked.ask(Emulator(), lambda: question(LONG + 3)) == LONG + 3
    assert set(calls) == {"freeze"}


async def test_after_many_long_questions_it_looks_at_everything_once(
    calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "MAX_FROZEN", 3)
    monkeypatch.setattr(collector, "is_owned", True)
    asked = Line()
    for _ in range(8):
        await asked.ask(Emulator(), lambda: question(LONG))
    assert calls.count("unfreeze") == 2


async def test_in_the_process_of_a_test_the_collector_is_left_alone(calls: list[str]) -> None:
    asked = Line()
    await asked.ask(Emulator(), lambda: question(LONG + 3))
    asked.thaw()
    assert calls == []
