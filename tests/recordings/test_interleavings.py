"""What a browser's parallel POSTs do to the order of correct traffic: nothing, or it is said which pair cannot be told.

Each recorded web session is sent 200 times in another order, its events interleaved at random within each reordering window.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

from mcmock.analytics.processing import WINDOW_EVENTS, WINDOW_SECONDS
from mcmock.core.clock import Clock
from mcmock.engine import Emulator
from tests.conftest import body, post, send, start

RECORDINGS = sorted((Path(__file__).parents[2] / "fixtures" / "clients").glob("js3*.jsonl"))
INTERLEAVINGS = 200


class Sent(NamedTuple):
    at: float
    body: dict[str, Any]


def sessions(path: Path) -> list[list[Sent]]:
    """The sessions of a recording, each event with its time of arrival."""
    found: dict[str, list[Sent]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if record["kind"] in ("session", "event"):
            sid = record["response"]["sid"] or record["path"].split("/")[4]
            found.setdefault(sid, []).append(Sent(record["epoch_ms"] / 1000, json.loads(record["body_raw"])))
    return list(found.values())


def windows(sent: Sequence[Sent]) -> Iterator[list[Sent]]:
    """The events after sessionStart as the reordering window groups them."""
    window: list[Sent] = []
    for one in sent:
        if window and (one.at - window[0].at >= WINDOW_SECONDS or len(window) > WINDOW_EVENTS):
            yield window
            window = []
        window.append(one)
    yield window


def interleaved(sent: Sequence[Sent], random: Random) -> list[Sent]:
    """The session with the events of each window in another order; the moments of arrival stay."""
    mixed = [sent[0]]
    for window in windows(sent[1:]):
        bodies = [one.body for one in window]
        random.shuffle(bodies)
        mixed += [Sent(one.at, other) for one, other in zip(window, bodies, strict=True)]
    return mixed


class Come(NamedTuple):
    report: dict[str, Any]
    statuses: list[int]
    said: list[str]
    alarms: list[str]  # what is worse than an info


def come_to(sent: Sequence[Sent], **options: Any) -> Come:
    """What a session comes to that arrives so."""
    emulator = Emulator(seed=1, time=Clock(lambda: sent[0].at, frozen=True), **options)
    sid, statuses = "", []
    for one in sent:
        emulator.advance(max(0.0, one.at - emulator.now))
        path = f"/api/v1/sessions/{sid}/events" if sid else "/api/v1/sessions"
        answer = emulator.handle(post(path, one.body)).response
        statuses.append(answer.status)
        sid = sid or dict(answer.headers)["Location"].rpartition("/")[2]
    view = emulator.session(sid)
    assert view is not None
    found = [*view.judgement.session_findings, *(found for one in view.exchanges for found in one.findings)]
    said, alarms = [one.message for one in found], [one.rule for one in found if one.severity != "info"]
    return Come(without_seq(view.report.to_json(why=False)), statuses, said, alarms)


def without_seq(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: without_seq(inner) for key, inner in value.items() if key not in ("seq", "sessionId", "ID", "vsid")
        }
    return [without_seq(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.fidelity("W-06")
@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_any_order_within_the_window_comes_to_the_same_or_names_the_pair(path: Path) -> None:
    told = same = 0
    for sent in sessions(path):
        wanted = come_to(sent)
        assert set(wanted.statuses) == {201, 204}
        for seed in range(INTERLEAVINGS):
            got = come_to(interleaved(sent, Random(seed)))
            assert got.alarms == [], "nobody who uses the SDK could act on it"
            pairs = [line for line in got.said if line.endswith("cannot be told")]
            if got.report == wanted.report and got.statuses == wanted.statuses:
                same += 1
                continue
            told += 1
            assert pairs, (seed, got)
    assert same


def test_a_pair_that_cannot_be_told_is_named_whatever_came_first() -> None:
    at = 1_700_000_000_000
    for pair in (
        ("play", "pauseStart"),
        ("pauseStart", "play"),
        ("bufferStart", "pauseStart"),
        ("adComplete", "adSkip"),
    ):
        emulator = Emulator(seed=1)
        sid = start(emulator)
        first, second = (send(emulator, sid, name, ts=at + 5000).seq for name in pair)
        view = emulator.session(sid)
        assert view is not None
        said = [found.message for one in view.exchanges for found in one.findings if found.rule == "equal-timestamps"]
        assert said == [f"the same ts as the {pair[0]} before it: which of the two came first cannot be told"], (
            first < second
        )


AD = {"media.ad.id": "a1", "media.ad.length": 5, "media.ad.podPosition": 1, "media.ad.playerName": "p"}
BREAK = {"media.ad.podFriendlyName": "pre", "media.ad.podIndex": 1, "media.ad.podSecond": 0}
PARAMS = {
    "adStart": AD, "adBreakStart": BREAK, "stateStart": {"media.state.name": "mute"}, "stateEnd": {"media.state.name": "mute"},
    "chapterStart": {"media.chapter.index": 1, "media.chapter.offset": 0, "media.chapter.length": 5},
}  # fmt: skip

# what one tick sends, in the order in which it happened; before it, and whether it ends the session
TICKS = {
    "a pre-roll": ([], ["adBreakStart", "adStart", "play"]),
    "the next ad": (["adBreakStart", "adStart"], ["adSkip", "adStart", "play"]),
    "the next break": (["adBreakStart", "adStart"], ["adComplete", "adBreakComplete", "adBreakStart", "adStart"]),
    "an ad of no length": (["adBreakStart"], ["adStart", "adSkip", "adBreakComplete"]),
    "a break of no length": ([], ["adBreakStart", "adStart", "adComplete", "adBreakComplete", "play"]),
    "back to content": (["play", "adBreakStart", "adStart"], ["adComplete", "adBreakComplete", "play"]),
    "the next chapter": (["play", "chapterStart"], ["chapterSkip", "chapterStart"]),
    "a chapter of no length": (["play"], ["chapterStart", "chapterComplete"]),
    "a state of no length": (["play"], ["stateStart", "stateEnd"]),
    "a state again": (["play", "stateStart"], ["stateEnd", "stateStart"]),
    "completed": (["play", "chapterStart"], ["chapterComplete", "sessionComplete", "sessionEnd"]),
    "left in an ad": (
        ["play", "chapterStart", "stateStart", "adBreakStart", "adStart"],
        ["adSkip", "adBreakComplete", "chapterSkip", "stateEnd", "sessionEnd"],
    ),
    "completed in a post-roll": (
        ["play", "adBreakStart", "adStart"], ["adComplete", "adBreakComplete", "sessionComplete", "sessionEnd"],
    ),
}  # fmt: skip


@pytest.mark.fidelity("W-06")
@pytest.mark.fidelity("X-06")
@pytest.mark.parametrize("name", TICKS)
def test_one_tick_of_an_sdk_is_put_in_order_whatever_arrives_first(name: str) -> None:
    """Every order of arrival, also after sessionEnd, and with the window's end between any two of them."""
    before, tick = TICKS[name]
    at = 1_700_000_000
    bodies = [body("sessionStart", 0, at * 1000)]
    bodies += [body(one, 0, at * 1000 + 100 * place, **_params(one)) for place, one in enumerate(before, 1)]
    bodies += [body(one, 0, at * 1000 + 4000, **_params(one)) for one in tick]
    for step in (0.05, 1.3):
        arrival = [at + step * place for place in range(len(bodies))]
        wanted = come_to([Sent(*one) for one in zip(arrival, bodies, strict=True)])
        assert set(wanted.statuses) == {201, 204}
        for order in orders(len(tick), Random(name)):
            mixed = bodies[: len(before) + 1] + [bodies[len(before) + 1 + place] for place in order]
            got = come_to([Sent(*one) for one in zip(arrival, mixed, strict=True)])
            if max(arrival[len(before) + 1 :]) - arrival[len(before) + 1] <= 5:
                assert (got.report, got.statuses) == (wanted.report, wanted.statuses), (order, step)


def _params(event_type: str) -> dict[str, Any]:
    return {"params": PARAMS[event_type]} if event_type in PARAMS else {}


def orders(length: int, random: Random) -> Iterator[tuple[int, ...]]:
    """Every order of so many events; two dozen of them where there are more."""
    every = list(permutations(range(length)))
    yield from every if len(every) <= 24 else random.sample(every, 24)
