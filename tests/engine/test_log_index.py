"""The index of the log: whatever comes, leaves, and is asked in between, it says what a look at every request says."""

from __future__ import annotations

import random
from collections import Counter
from itertools import islice
from typing import Any

import pytest

from mcmock.core.match import Match
from mcmock.core.model import Outcome
from mcmock.engine import Emulator
from mcmock.engine.log import Entry
from tests.conftest import post, send, start

EVENTS = ("play", "ping", "ping", "adComplete", "pauseStart", "stateStart", "chapterComplete", "nonsense")

MATCHES: tuple[dict[str, Any], ...] = (
    {"event": "ping"},
    {"event": ["play", "adComplete", "neverSent"]},
    {"event": {"matches": "^ad"}},
    {"kind": "session"},
    {"verdict": ["gone", "malformed"]},
    {"outcome": "ignored"},
    {"outcome": ["bad", "ignored"]},
    {"outcome": {"matches": "good|other"}},
    {"outcome": "ignored", "event": "adComplete"},
    {"outcome": "good", "event": "ping", "kind": "event"},
    {"event": "ping", "rule": "ping-gap"},
    {"rule": "ping-gap"},
    {"rule": ["missing-key", "ad-outside-break", "timestamp-backwards"]},
    {"rule": {"matches": "^(ad|wrong)-"}},
    {"rule": {"exists": True}},
    {"rule": {"exists": False}},
    {"rule": "ping-gap", "status": 204, "playhead": {"min": 50}},
    {"rule": {"exists": True}, "outcome": "good"},
    {"status": 204},
    {"status": [400, 404, 599]},
    {"status": {"min": 300}},
    {"status": {"min": 204}, "event": "ping"},
    {"event": {"exists": False}},
    {"kind": {"matches": "session|event"}},
    {},
    {"playhead": {"min": 1}},
)


def plainly(emulator: Emulator, wanted: dict[str, Any]) -> list[int]:
    """Return what matches, by a look at each request."""
    match = Match(wanted)
    return [one.seq for one in emulator.requests() if match.holds(one)]


def page(emulator: Emulator, match: Match, limit: int, **options: Any) -> tuple[list[int], int]:
    """Return the seqs of a page, and how many match altogether."""
    walk = emulator.queries.walk(match, **options)
    return [one.seq for one in islice(walk, limit)], walk.total()


def compare(emulator: Emulator, dice: random.Random) -> None:
    exchanges = emulator.requests()
    counts = Counter(one.outcome for one in exchanges)
    assert {outcome: getattr(emulator.summary(), outcome) for outcome in Outcome} == {
        outcome: counts[outcome] for outcome in Outcome
    }
    for wanted in MATCHES:
        expected, since = (
            plainly(emulator, wanted),
            dice.choice([0, exchanges[len(exchanges) // 2].seq if exchanges else 3]),
        )
        expected = [seq for seq in expected if seq > since]
        match, limit = Match(wanted), dice.choice([1, 3, 1000])
        found, matched = page(emulator, match, limit, since=since)
        assert (found, matched) == (expected[:limit], len(expected)), wanted
        found, matched = page(emulator, match, limit, since=since, newest_first=True)
        assert (found, matched) == (expected[::-1][:limit], len(expected)), wanted
        before = dice.choice([exchanges[-1].seq - 2 if exchanges else 3, since, 10**9])
        earlier = [seq for seq in expected if seq < before]
        for newest_first in (False, True):
            shown = page(emulator, match, limit, since=since, before=before, newest_first=newest_first)
            assert shown == ((earlier[::-1] if newest_first else earlier)[:limit], len(earlier)), (wanted, before)


class Players:
    """Some who play what comes to their mind."""

    def __init__(self, number: int, max_log_bytes: int) -> None:
        self.dice = random.Random(number)
        self.emulator = Emulator(seed=number, max_log_bytes=max_log_bytes)
        self.emulator.freeze()
        self.sessions = [start(self.emulator)]

    def step(self) -> None:
        dice, emulator = self.dice, self.emulator
        emulator.advance(dice.choice([0, 0.2, 1, 6]))
        if dice.random() < 0.02:
            self.sessions.append(start(emulator))
        elif dice.random() < 0.03:
            emulator.handle(post("/api/v1/elsewhere", {}))
        else:
            sid, event = dice.choice(self.sessions[-3:]), "sessionEnd" if dice.random() < 0.01 else dice.choice(EVENTS)
            send(emulator, sid, event, dice.randrange(100), ts=int(emulator.now * 1000) - dice.randrange(3) * 900)

    def go_on(self, steps: int) -> None:
        for _ in range(steps):
            self.step()


@pytest.mark.parametrize(("number", "max_log_bytes"), [(1, 1 << 24), (2, 30_000), (3, 100_000)])
def test_counts_and_lists_are_those_of_a_look_at_every_request(number: int, max_log_bytes: int) -> None:
    players = Players(number, max_log_bytes)
    dice, emulator = players.dice, players.emulator
    for step in range(500):
        players.step()
        if step % 60 == 59 or step == 3:
            compare(emulator, dice)
        if step == 300:
            emulator.clear_log()
            compare(emulator, dice)
    emulator.reset()
    compare(emulator, dice)


@pytest.mark.parametrize(("number", "max_log_bytes"), [(4, 1 << 24), (5, 50_000)])
def test_what_comes_while_it_looks_is_counted_by_the_next_question(
    number: int, max_log_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    players = Players(number, max_log_bytes)
    for _ in range(30):
        players.go_on(8)
        with monkeypatch.context() as patch:
            patch.setattr("mcmock.core.turns.pause", lambda: players.go_on(20) if players.dice.random() < 0.1 else None)
            players.emulator.summary()
        compare(players.emulator, players.dice)


def test_what_a_later_event_makes_good_again_is_counted_so(emulator: Emulator) -> None:
    emulator.freeze()
    sid, now = start(emulator), int(emulator.now * 1000)
    send(emulator, sid, "play", ts=now + 10)
    send(emulator, sid, "chapterComplete", ts=now + 3000)
    assert emulator.summary().ignored == 1
    chapter = {"media.chapter.index": 1, "media.chapter.offset": 0, "media.chapter.length": 9}
    send(emulator, sid, "chapterStart", ts=now + 1000, params=chapter)
    assert emulator.summary().ignored == 0
    assert emulator.requests(Match({"outcome": "ignored"})) == []


def test_a_list_costs_what_it_shows(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    sid = start(emulator)
    for number in range(300):
        send(emulator, sid, "adComplete" if number % 100 == 50 else "ping", number)
    emulator.summary()
    looked_at: list[int] = []
    known = emulator.engine.log.get

    def get(seq: int) -> Entry | None:
        looked_at.append(seq)
        return known(seq)

    monkeypatch.setattr(emulator.engine.log, "get", get)
    monkeypatch.setattr(emulator.engine.log, "entries", lambda *_, **__: pytest.fail("the log is walked through"))
    assert [one.seq for one in emulator.requests(Match({"event": "adComplete"}), limit=2)] == [52, 152]
    assert [one.seq for one in emulator.requests(Match({"outcome": "ignored"}), newest_first=True)] == [252, 152, 52]
    assert emulator.summary().ignored == 3
    assert [one.seq for one in emulator.requests(Match({"rule": "ad-outside-break"}))] == [52, 152, 252]
    assert looked_at == [52, 152, 252, 152, 52, 52, 152, 252]


@pytest.mark.parametrize("wanted", [{"status": 400}, {"status": {"min": 300}}, {"event": {"matches": "^non"}}])
def test_what_is_wanted_of_a_column_is_looked_up_and_nothing_else_looked_at(
    wanted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator = Emulator(seed=1)
    sid = start(emulator)
    for number in range(200):
        send(emulator, sid, "nonsense" if number % 50 == 0 else "ping", number)
    looked_at, prefilter = [], Match.prefilter

    def counted(match: Match, entry: Entry) -> bool:
        looked_at.append(entry.seq)
        return prefilter(match, entry)

    monkeypatch.setattr(Match, "prefilter", counted)
    found, matched = page(emulator, Match(wanted), 2)
    assert (len(found), matched) == (2, 4)
    assert len(looked_at) <= 3
