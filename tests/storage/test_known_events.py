"""What is decided in fewer steps over a store that servers share is what the ordinary way decides, to the last column."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from mcmock import faults
from mcmock.core.clock import Clock
from mcmock.core.model import Answer, Refusal, Request
from mcmock.core.tables import DirectTable
from mcmock.engine import Emulator
from mcmock.engine.changes import Change, Row
from mcmock.storage import codec
from mcmock.storage.known_events import MAX_LINES, MAX_TARGETS, KnownEvents
from mcmock.storage.optimistic import OptimisticCommitter
from mcmock.storage.overlay import FACTS, Ahead, Overlay, version_of
from tests.conftest import body, post, start

NOW = 1_700_000_000.25
JSON = (b"Content-Type", b"application/json")
TAUGHT_BY = 4  # bodies of a form, after which one more is known by it


class Both:
    """Both ways to decide, upon the same state, where nothing is true before it is taken."""

    def __init__(self, **options: Any) -> None:
        self.emulator = Emulator(seed=1, time=Clock(lambda: NOW, frozen=True), **options)
        self.engine = self.emulator.engine
        self.facts: dict[str, DirectTable[str, Any]] = {name: DirectTable() for name in FACTS}
        self.facts[codec.VERSION].put("", "v1")
        self.ahead, self.ahead_of_known = Ahead(), Ahead()
        self.known = KnownEvents(self.engine)
        self.sid = start(self.emulator)

    def ordinary(self, request: Request) -> tuple[Answer, Change]:
        committer: Any = SimpleNamespace(_engine=self.engine)
        made = OptimisticCommitter._judge(committer, Overlay(self.engine.state, self.facts, self.ahead), request)
        self.ahead.add(made[1])
        return made

    def in_fewer_steps(self, request: Request) -> tuple[Answer, Change] | None:
        return self.known.decide(request, self.ahead_of_known, version_of(self.facts, self.ahead_of_known))

    def teach(self, make: Callable[[int], Request]) -> None:
        for number in range(TAUGHT_BY):
            self.emulator.handle(make(number))

    def event(self, number: int, event_type: str = "ping", *lines: tuple[bytes, bytes], **more: Any) -> Request:
        return post(f"/api/v1/sessions/{self.sid}/events", body(event_type, number, **more), *lines)


@pytest.mark.parametrize("options", [{}, {"strict": True}, {"loose": True}], ids=["default", "strict", "loose"])
@pytest.mark.parametrize(
    ("event_type", "lines", "more"),
    [
        ("ping", (), {}),
        ("sessionEnd", (), {}),
        ("ping", (JSON, (b"Cookie", b"secret=1"), (b"X-\xff", b"\xff")), {}),
        ("ping", (), {"qoeData": {"media.qoe.bitrate": 3_200_000}}),
        ("pauseStart", (), {"qoeData": {"media.qoe.bitrate": 3200}}),
    ],
)
def test_both_ways_decide_the_same(
    options: dict[str, Any], event_type: str, lines: tuple[tuple[bytes, bytes], ...], more: dict[str, Any]
) -> None:
    both = Both(**options)
    sid = start(both.emulator)
    both.teach(
        lambda number: both.event(number, event_type, *lines, **more)._replace(target=f"/api/v1/sessions/{sid}/events")
    )
    for number in (7, 7, 8):  # the second stands upon the first, and all upon what is true
        request = both.event(number, event_type, *lines, **more)
        found = both.in_fewer_steps(request)
        assert found is not None
        assert found == both.ordinary(request)
        assert both.ahead.sessions == both.ahead_of_known.sessions
        if event_type == "sessionEnd":
            assert both.in_fewer_steps(request) is None
            break


@pytest.mark.parametrize(
    "change",
    [
        lambda asked: asked._replace(method="OPTIONS"),
        lambda asked: asked._replace(keep_alive=False),
        lambda asked: asked._replace(complete=False),
        lambda asked: asked._replace(refusal=Refusal("not-http", 400, "no")),
        lambda asked: asked._replace(headers=((b"Content-Type", b"text/plain"),)),
        lambda asked: asked._replace(body=asked.body + b" ,"),
        lambda asked: asked._replace(target="/api/v1/sessions"),
        lambda asked: asked._replace(target=f"/api/v1/sessions/{'e' * 64}/events"),
        lambda asked: asked._replace(target="/api/v1/sessions/x/y/z"),
    ],
)  # fmt: skip
def test_what_takes_a_closer_look_is_left_to_the_ordinary_way(change: Callable[[Request], Request]) -> None:
    both = Both()
    both.teach(both.event)
    assert both.in_fewer_steps(both.event(8)) is not None
    ahead = dict(both.ahead_of_known.sessions)
    assert both.in_fewer_steps(change(both.event(9))) is None
    assert both.ahead_of_known.sessions == ahead


@pytest.mark.parametrize("table", [codec.CLOCK, codec.FAULTS, codec.VERSION, codec.DOOMED])
def test_nothing_is_known_behind_what_changes_clock_or_rules(table: str) -> None:
    both = Both()
    both.teach(both.event)
    both.ahead_of_known.add(Change(writes=(Row(table, "", None),)))
    assert both.in_fewer_steps(both.event(8)) is None


def test_nothing_is_known_where_a_fault_is_or_was() -> None:
    both = Both()
    both.teach(both.event)
    both.emulator.add_fault(faults.expire_session(event="pauseStart"))
    assert both.in_fewer_steps(both.event(8)) is None
    both.emulator.handle(both.event(9, "pauseStart"))
    both.emulator.clear_faults()
    assert both.in_fewer_steps(both.event(8)) is None


def test_another_mode_is_followed() -> None:
    both = Both()
    both.teach(both.event)
    assert both.in_fewer_steps(both.event(8)) is not None
    both.emulator.configure(strict=True)
    assert both.in_fewer_steps(both.event(8)) is None  # nothing was taught in that mode
    both.teach(both.event)
    assert both.in_fewer_steps(both.event(8)) is not None


def test_what_is_remembered_is_bounded() -> None:
    both = Both()
    both.teach(both.event)
    for number in range(MAX_TARGETS + 10):
        request = both.event(8)._replace(target=f"/api/v1/sessions/{number:064x}/events")
        assert both.in_fewer_steps(request) is None
    assert len(both.known._named) <= MAX_TARGETS
    assert len(both.known._lines) <= MAX_LINES
    assert both.in_fewer_steps(both.event(8)) is not None
