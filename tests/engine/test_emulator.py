"""The Emulator without a socket: order of the checks, time, seeds, the log, and what happens when mcmock itself breaks."""

from __future__ import annotations

import json
import threading

import pytest

from mcmock.core.match import Match
from mcmock.core.model import Delivery, Mode, Outcome, Request, Verdict
from mcmock.engine import Emulator
from tests.conftest import body, post, send, start

PING = body("ping")


def status(emulator: Emulator, session_id: str, event_type: str = "ping", playhead: float = 0) -> int:
    return send(emulator, session_id, event_type, playhead).response.status


def test_a_session_from_start_to_end(emulator: Emulator) -> None:
    sid = start(emulator)
    assert [status(emulator, sid, event) for event in ("play", "ping", "sessionEnd")] == [204, 204, 204]
    assert status(emulator, sid) == 410
    assert emulator.summary()._asdict() == {
        "total": 5, "good": 4, "bad": 1, "ignored": 0, "faulted": 0, "other": 0, "evicted": 0, "sessions": 1, "broken": 0,
        "forgotten": 0,
    }  # fmt: skip


def test_session_complete_leaves_the_session_open(emulator: Emulator) -> None:
    sid = start(emulator)
    assert [status(emulator, sid, event) for event in ("sessionComplete", "ping")] == [204, 204]


@pytest.mark.parametrize(("seconds", "wanted"), [(590, 204), (599.9, 204), (600, 410), (601, 410)])
def test_ten_minutes_without_an_event_close_a_session(emulator: Emulator, seconds: float, wanted: int) -> None:
    emulator.freeze()
    sid = start(emulator)
    emulator.advance(seconds)
    assert status(emulator, sid) == wanted


def test_thirty_minutes_without_playhead_movement_close_a_session_that_pings(emulator: Emulator) -> None:
    emulator.freeze()
    sid = start(emulator)
    answers = []
    for _ in range(4):
        emulator.advance(590)
        answers.append(status(emulator, sid))
    assert answers == [204, 204, 204, 410]


def test_a_playhead_that_moves_keeps_a_session_open(emulator: Emulator) -> None:
    emulator.freeze()
    sid = start(emulator)
    for minutes in range(9, 90, 9):
        emulator.advance(540)
        assert status(emulator, sid, playhead=minutes * 60) == 204


def test_a_bad_body_is_400_before_the_session_is_looked_up(emulator: Emulator) -> None:
    ended = start(emulator)
    status(emulator, ended, "sessionEnd")
    for sid in ("0" * 64, ended):
        path = f"/api/v1/sessions/{sid}/events"
        assert emulator.handle(post(path, b"{}")).response.status == 400
        assert emulator.handle(post(path, PING)).response.status == (404 if sid.startswith("000") else 410)


def test_the_same_seed_issues_the_same_ids() -> None:
    first, second, other = Emulator(seed=7), Emulator(seed=7), Emulator(seed=8)
    ids = [[start(one) for _ in range(3)] for one in (first, second, other)]
    assert ids[0] == ids[1]
    assert not set(ids[0]) & set(ids[2])
    assert all(len(sid) == 64 and set(sid) <= set("0123456789abcdef") for sid in ids[0])


def test_without_a_seed_one_is_drawn_and_can_be_read() -> None:
    drawn = Emulator()
    assert start(drawn) == start(Emulator(seed=drawn.seed))


def test_expire_and_forget_by_hand(emulator: Emulator) -> None:
    expired, forgotten = start(emulator), start(emulator)
    assert emulator.expire(expired)
    assert emulator.forget(forgotten)
    assert (status(emulator, expired), status(emulator, forgotten)) == (410, 404)
    assert not emulator.expire("0" * 64)


def test_a_bug_of_ours_is_answered_500_logged_and_harms_nothing_else(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    sid = start(emulator)
    with monkeypatch.context() as patched:
        patched.setattr("mcmock.protocols.media_collection.responses.Answers.accepted", lambda *_: 1 / 0)
        assert status(emulator, sid) == 500
    assert status(emulator, sid) == 204
    (broken,) = emulator.requests(Match({"verdict": "broken"}))
    assert "ZeroDivisionError" in broken.findings[0].message
    assert emulator.summary().broken == 1


def test_delivery_is_settled_afterwards(emulator: Emulator) -> None:
    answer = emulator.handle(post("/api/v1/sessions", body("sessionStart")))
    before = emulator.request(answer.seq)
    emulator.settle(answer.seq, Delivery.SENT)
    after = emulator.request(answer.seq)
    assert before is not None
    assert after is not None
    assert (before.delivery, after.delivery) == (Delivery.PENDING, Delivery.SENT)


def test_reset_forgets_everything_but_the_seed(emulator: Emulator) -> None:
    emulator.freeze()
    sid = start(emulator)
    emulator.advance(100)
    emulator.reset()
    assert emulator.summary().total == emulator.summary().sessions == 0
    assert not emulator.frozen
    assert status(emulator, sid) == 404
    assert start(emulator) == sid


def test_the_log_is_bounded_in_bytes_and_counts_what_it_drops() -> None:
    emulator = Emulator(seed=1, max_log_bytes=100_000)
    sid = start(emulator)
    for number in range(500):
        assert status(emulator, sid, playhead=number) == 204
    summary = emulator.summary()
    assert summary.evicted > 0
    assert summary.total + summary.evicted == 501
    assert status(emulator, sid) == 204, "eviction changes no verdict"
    assert [one.seq for one in emulator.requests(Match({"session": sid}), limit=1)] == [emulator.evicted + 1]


def test_downloaded_content_is_one_closed_session(emulator: Emulator) -> None:
    whole = [
        body("sessionStart"),
        body("play", ts=1_700_000_001_000),
        body("sessionComplete", 60, ts=1_700_000_060_000),
    ]
    answer = emulator.handle(post("/api/v1/downloaded", whole))
    assert answer.response.status == 201
    (view,) = emulator.sessions()
    assert view.session.downloaded
    assert view.report.content_completes == 1
    assert status(emulator, view.id) == 410


def test_the_old_way_to_send_downloaded_content_needs_its_flag(emulator: Emulator) -> None:
    flagged = body("sessionStart")
    flagged["params"] = {**flagged["params"], "media.downloaded": True}
    assert emulator.handle(post("/api/v1/sessions", [body("sessionStart")])).response.status == 400
    assert emulator.handle(post("/api/v1/sessions", flagged)).response.status == 400
    answer = emulator.handle(post("/api/v1/sessions", [flagged]))
    found = emulator.request(answer.seq)
    assert answer.response.status == 201
    assert found is not None
    assert [finding.rule for finding in found.findings] == ["array-on-sessions"]


def test_events_after_the_end_can_be_dropped_in_silence() -> None:
    emulator = Emulator(seed=1, after_end="drop")
    sid = start(emulator)
    assert [status(emulator, sid, event) for event in ("sessionEnd", "ping")] == [204, 204]
    late = emulator.requests(Match({"event": "ping"}))[0]
    assert late.outcome is Outcome.IGNORED
    assert [finding.rule for finding in late.findings] == ["event-after-end"]


def test_strict_and_loose_exclude_each_other() -> None:
    assert Emulator(strict=True).mode is Mode.STRICT
    with pytest.raises(ValueError, match="exclude each other"):
        Emulator(strict=True, loose=True)


def test_waiting_is_answered_by_arrival(emulator: Emulator) -> None:
    sid = start(emulator)
    player = threading.Thread(target=lambda: send(emulator, sid, "play"))
    player.start()
    found = emulator.wait_for(Match({"event": "play"}), timeout=10)
    player.join()
    assert [one.event_type for one in found] == ["play"]


def test_a_waiter_gives_up_when_time_is_up(emulator: Emulator) -> None:
    assert emulator.wait_for(Match({"event": "play"}), timeout=0) == []


def test_threads_do_not_lose_or_double_requests(emulator: Emulator) -> None:
    sids = [start(emulator) for _ in range(8)]
    players = [
        threading.Thread(target=lambda sid=sid: [send(emulator, sid, "ping") for _ in range(50)]) for sid in sids
    ]
    for player in players:
        player.start()
    for player in players:
        player.join()
    assert [len(emulator.requests(Match({"session": sid, "event": "ping"}))) for sid in sids] == [50] * 8
    assert [one.seq for one in emulator.requests()] == list(range(1, 409))


def test_schemas_are_served_self_contained(emulator: Emulator) -> None:
    for name in ("sessionStart", "statesUpdate"):
        answer = emulator.handle(Request("GET", f"/api/v1/schemas/{name}", (), b"", "collect.example", "https"))
        document = json.loads(answer.response.body)
        assert document["id"] == f"https://collect.example/api/v1/schemas/{name}"
        assert document["$schema"] == "http://json-schema.org/draft-04/schema#"
        assert document["$ref"] == f"#/definitions/{name}"
        assert "common.json" not in answer.response.body.decode()
    unknown = emulator.handle(Request("GET", "/api/v1/schemas/contentComplete", (), b""))
    assert unknown.response.status == 404
    assert [one.verdict for one in emulator.requests()][-1] is Verdict.NO_ROUTE


@pytest.mark.parametrize("seconds", [10**400, float("inf"), float("nan"), -1, 10**12])
def test_time_cannot_be_moved_past_all_dates(emulator: Emulator, seconds: float) -> None:
    with pytest.raises(ValueError, match="seconds must"):
        emulator.advance(seconds)


@pytest.mark.parametrize("how", ["expired", "idle", "stalled"])
def test_only_a_session_that_was_ended_drops_events_in_silence(how: str) -> None:
    emulator = Emulator(seed=1, after_end="drop")
    sid = start(emulator)
    if how == "expired":
        emulator.expire(sid)
    for _ in range({"expired": 0, "idle": 1, "stalled": 4}[how]):
        emulator.advance(601 if how == "idle" else 599)
        if how == "stalled":
            status(emulator, sid)
    assert status(emulator, sid) == 410
    late = emulator.requests()[-1]
    assert (late.verdict, late.outcome) == (Verdict.GONE, Outcome.BAD)


def test_the_playhead_of_a_downloaded_array_is_that_of_its_last_event(emulator: Emulator) -> None:
    whole = [body("sessionStart", 3), body("play", 7, 1_700_000_001_000), body("sessionEnd", 42.5, 1_700_000_060_000)]
    assert emulator.handle(post("/api/v1/downloaded", whole)).response.status == 201
    assert [view.session.playhead for view in emulator.sessions()] == [42.5]
