"""How much a question does between two pauses, in calls of Python functions: what is longer makes others wait."""

from __future__ import annotations

import json
import random
import sys
import weakref
from collections.abc import Callable
from itertools import pairwise
from types import FrameType
from typing import Any

import pytest
from bodies import session_start
from stall import AD, BREAK, event, story

from mcmock import faults
from mcmock.analytics import plan_format
from mcmock.checks.comparison import compare
from mcmock.core import json_decoding, turns
from mcmock.engine import Emulator
from mcmock.engine.session_analysis import SessionAnalysis
from mcmock.serialization import json_shapes
from mcmock.server.admin.json_answers import encoded
from mcmock.testing.server import McmockServer
from tests.conftest import post, start
from tests.server.admin.test_pages import told

EVENTS = 6000
MOST_CALLS = 5000
"""Some two milliseconds. What went through the session in one piece had more than two calls for each of its events."""

START = json.loads(session_start(**{"media.id": "film", "media.length": 86400 * 30}))["params"]


def played(emulator: Emulator, events: int) -> str:
    sid = start(emulator, params=START)
    for body, _ in zip(story(), range(events), strict=False):
        emulator.handle(post(f"/api/v1/sessions/{sid}/events", body))
    return sid


class Calls:
    """Counts the calls that a question makes: `most` between two pauses, and `total`."""

    def __init__(self, question: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
        self.most = self.total = self._since = 0
        with monkeypatch.context() as patch:
            patch.setattr(turns, "pause", self._pause)
            sys.setprofile(self._count)
            try:
                question()
            finally:
                sys.setprofile(None)
        self._pause()

    def _count(self, _: FrameType, event: str, __: Any) -> None:
        self._since += event == "call"

    def _pause(self) -> None:
        self.total += self._since
        self.most, self._since = max(self.most, self._since), 0


@pytest.fixture(scope="module")
def emulator() -> Emulator:
    """One long session and a short one, which were judged."""
    emulator = Emulator(seed=1)
    played(emulator, EVENTS)
    played(emulator, 50)
    emulator.summary()
    return emulator


def compared(emulator: Emulator) -> None:
    old, new = (emulator.session(sid) for sid in emulator.session_ids())
    assert old
    assert new
    for one, other in ((old, new), (new, old), (old, old)):
        assert b"".join(encoded(json_shapes.comparison_to_json(compare(one, other))))


def planned(emulator: Emulator) -> None:
    emulator.set_plan(plan_format.from_json({"all": {"sessionStart": {"metadata": {"show": "required"}}}}))
    assert emulator.queries.plan_coverage()[0].judged == 2
    emulator.set_plan(None)


def reported(emulator: Emulator) -> None:
    outline = emulator.queries.outline(emulator.session_ids()[0])
    assert outline
    assert b"".join(encoded(outline.report.to_json()))


@pytest.mark.parametrize("question", [compared, planned, reported])
def test_no_stretch_between_two_pauses_grows_with_the_session(
    emulator: Emulator, question: Callable[[Emulator], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Calls(lambda: question(emulator), monkeypatch).most < MOST_CALLS


def test_a_long_body_is_read_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = [{"effect": "reset", "match": {"event": "ping"}} for _ in range(3000)]
    text = json.dumps({"faults": rules}).encode()
    assert Calls(lambda: json_decoding.duplicate_keys(text), monkeypatch).most < 100
    assert Calls(lambda: faults.load_value({"faults": rules}), monkeypatch).most < 1000


def test_the_work_for_a_report_grows_with_its_records(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    for breaks in (100, 200):
        emulator = Emulator(seed=1)
        sid = start(emulator, params=START)
        for number in range(1, breaks + 1):
            pod = {**BREAK, "media.ad.podIndex": number, "media.ad.podSecond": number}
            for place, (name, params) in enumerate([("adBreakStart", pod), ("adStart", AD), ("adBreakComplete", {})]):
                emulator.handle(
                    post(f"/api/v1/sessions/{sid}/events", event(name, number, number * 30 + 10 * place, params=params))
                )
        emulator.summary()
        calls.append(Calls(lambda one=emulator: reported(one), monkeypatch).total)  # type: ignore[misc]
    assert calls[1] < 2.2 * calls[0]


def test_what_is_sorted_in_turns_is_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "SORTED_AT_ONCE", 7)
    dice = random.Random(1)
    for count in (0, 1, 6, 7, 8, 50):
        values = [(dice.randrange(10), number) for number in range(count)]
        assert turns.sorted_in_turns(values, lambda one: one[0]) == sorted(values, key=lambda one: one[0])


FORESEEING = {"match": {"event": "sessionEnd", "outcome": "ignored"}, "side": "after", "effect": "reset"}


@pytest.mark.parametrize("put", ["POST /faults", "PUT /faults"])
def test_no_request_waits_for_a_long_session_to_be_judged_for_a_fault(
    mcmock_server: McmockServer, put: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rule is asked about the last event alone; what came before it, and before the rule, was judged by then."""
    emulator = mcmock_server.emulator
    sid = played(emulator, 40)
    method, path = put.split()
    told(mcmock_server, path, FORESEEING if method == "POST" else {"faults": [FORESEEING]}, method)
    judged: list[int] = []
    feed = SessionAnalysis.feed

    def counted(analysis: SessionAnalysis, *arguments: Any) -> None:
        judged[-1] += 1
        feed(analysis, *arguments)

    monkeypatch.setattr(SessionAnalysis, "feed", counted)
    for body in [
        *(body for body, _ in zip(story(), range(20), strict=False)),
        b'{"eventType":"sessionEnd","playerTime":{"playhead":1,"ts":1}}',
    ]:
        judged.append(0)
        emulator.handle(post(f"/api/v1/sessions/{sid}/events", body))
    assert max(judged) == 1


@pytest.mark.parametrize("empty", ["DELETE /requests", "POST /reset", "DELETE /scopes/mine"])
def test_what_was_made_of_a_log_is_let_go_of_in_turns(
    mcmock_server: McmockServer, empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An analysis dies after a pause that its question makes, not in the piece of work that empties the log."""
    method, path = empty.split()
    scope = "?scope=mine" if "mine" in path else ""
    told(mcmock_server, f"/faults{scope}", {"faults": []}, "PUT")
    emulator = mcmock_server.emulator
    if scope:
        emulator = mcmock_server._thread.service.scopes.named("mine")
    for _ in range(3 * turns.LET_GO_AT_ONCE):
        start(emulator)
    emulator.summary()
    alive = [
        weakref.ref(one) for part in emulator.queries.remains() for one in part if isinstance(one, SessionAnalysis)
    ]
    left: list[int] = []
    pause = turns.pause

    def counted() -> None:
        left.append(sum(one() is not None for one in alive))
        pause()

    monkeypatch.setattr(turns, "pause", counted)
    del emulator
    told(mcmock_server, path, None, method)
    steps = [before - after for before, after in pairwise([len(alive), *left])]
    assert len(alive) == 3 * turns.LET_GO_AT_ONCE
    assert max(steps) <= turns.LET_GO_AT_ONCE
    assert left[-1] == 0


def test_what_holds_others_is_let_go_of_first(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the last of a session's views would take a hundred thousand exchanges with it, in one piece."""
    monkeypatch.setattr(turns, "TIME_SLICE", 0.0)
    many = 10 * turns.LET_GO_AT_ONCE
    inside = [Thing() for _ in range(many)]
    alive = [weakref.ref(one) for one in inside]

    def question() -> None:
        held = inside.copy()
        inside.clear()
        turns.let_go_in_turns([*held])
        turns.let_go_in_turns([held], first=True)

    asked, left = turns.Turn(emulator.engine.lock, question), [many]
    del question
    while not asked.go_on():
        left.append(sum(one() is not None for one in alive))
    assert left[-1] == 0
    assert max(before - after for before, after in pairwise(left)) <= turns.LET_GO_AT_ONCE


class Thing:
    """What a weak reference can be made to."""
