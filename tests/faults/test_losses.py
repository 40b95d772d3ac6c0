"""The loss ledger: what became of each request that a fault met."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from mcmock import faults
from mcmock.engine import Emulator
from mcmock.faults import FaultRule
from mcmock.faults.losses import Fate, ledger
from mcmock.serialization import json_shapes
from mcmock.testing.server import McmockServer
from tests.conftest import START_PARAMS, body, post, send, start

TS = 1_700_000_000_000


def ping(emulator: Emulator, session_id: str, second: int = 1) -> int:
    return send(emulator, session_id, "ping", second, ts=TS + second * 1000).response.status


def fates(emulator: Emulator) -> list[tuple[str | None, Fate, int | None]]:
    return [(one.event_type, one.fate, one.other) for one in emulator.losses().requests]


def begin(emulator: Emulator, *, ts: int = TS, visitor: str = "someone", media: str = "film") -> int:
    params = {**START_PARAMS, "visitor.marketingCloudUserId": visitor, "media.id": media}
    return emulator.handle(post("/api/v1/sessions", body("sessionStart", ts=ts, params=params))).response.status


def test_without_faults_there_is_nothing_to_tell(emulator: Emulator) -> None:
    ping(emulator, start(emulator))
    assert emulator.losses() == ((), 0)


def test_what_is_never_sent_again_is_lost(emulator: Emulator) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.status(503, event="ping", times=1))
    assert [ping(emulator, sid, 1), ping(emulator, sid, 2)] == [503, 204]
    assert fates(emulator) == [("ping", Fate.LOST, None)]


def test_what_is_sent_again_is_retried(emulator: Emulator) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.status(503, event="ping", times=2))
    assert [ping(emulator, sid) for _ in range(3)] == [503, 503, 204]
    assert fates(emulator) == [("ping", Fate.RETRIED, 4), ("ping", Fate.RETRIED, 4)]


def test_what_is_sent_again_in_vain_is_one_loss(emulator: Emulator) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.status(503, event="ping"))
    for _ in range(3):
        ping(emulator, sid)
    assert fates(emulator) == [("ping", Fate.RETRIED, 3), ("ping", Fate.RETRIED, 4), ("ping", Fate.LOST, None)]


@pytest.mark.parametrize(
    "rule",
    [faults.close(side="after", event="ping", times=1), faults.status(500, side="after", event="ping", times=1)],
)
def test_what_was_counted_and_comes_again_is_counted_twice(emulator: Emulator, rule: FaultRule) -> None:
    sid = start(emulator)
    emulator.add_fault(rule)
    ping(emulator, sid)
    assert fates(emulator) == [("ping", Fate.COUNTED, None)]
    ping(emulator, sid)
    assert fates(emulator) == [("ping", Fate.DUPLICATED, 3)]


def test_what_a_new_session_of_the_same_viewing_receives_has_moved(emulator: Emulator) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.expire_session(event="ping"))
    assert ping(emulator, sid) == 410
    second = start(emulator)
    assert fates(emulator) == [("ping", Fate.LOST, None)]
    ping(emulator, second)
    assert fates(emulator) == [("ping", Fate.MOVED, 4)]


def test_a_session_of_another_viewing_is_no_place_to_move_to(emulator: Emulator) -> None:
    begin(emulator)
    begin(emulator, media="another film")
    begin(emulator, visitor="somebody else")
    first, *others = emulator.session_ids()
    emulator.add_fault(faults.forget_session(event="ping"))
    assert [ping(emulator, sid) for sid in (first, *others)] == [404, 204, 204]
    assert fates(emulator) == [("ping", Fate.LOST, None)]


@pytest.mark.parametrize("rule", [faults.status(503, event="ping", times=1), faults.close(side="after", times=1)])
def test_others_who_watch_the_same_at_the_same_time_receive_their_own_events(
    emulator: Emulator, rule: FaultRule
) -> None:
    """Players of a load test are one visitor, and send the same `ts`."""
    first, second = start(emulator), start(emulator)
    emulator.add_fault(rule)
    ping(emulator, first)
    ping(emulator, second)
    assert fates(emulator) == [("ping", Fate.COUNTED if rule.side == "after" else Fate.LOST, None)]


def test_all_that_is_still_sent_to_a_session_that_a_fault_closed_is_lost(emulator: Emulator) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.expire_session(event="ping"))
    for second in range(3):
        ping(emulator, sid, second)
    assert [fate for _, fate, _ in fates(emulator)] == [Fate.LOST] * 3


def test_a_start_that_failed_is_retried_or_moved_or_lost(emulator: Emulator) -> None:
    emulator.add_fault(faults.status(500, kind="session", times=3))
    begin(emulator)
    begin(emulator, media="another film")
    begin(emulator, media="a third film")
    assert begin(emulator) == 201  # the same bytes again
    assert begin(emulator, media="another film", ts=TS + 1) == 201  # made anew
    send(emulator, emulator.session_ids()[1], "play")
    assert [fate for _, fate, _ in fates(emulator)] == [Fate.RETRIED, Fate.MOVED, Fate.LOST]


def test_a_start_whose_answer_was_lost_and_that_comes_again_leaves_an_orphan(emulator: Emulator) -> None:
    emulator.add_fault(faults.close(kind="session", side="after", times=1))
    begin(emulator)
    begin(emulator, ts=TS + 500)
    assert fates(emulator) == [("sessionStart", Fate.ORPHANED, 2)]
    send(emulator, emulator.session_ids()[1], "play")
    assert fates(emulator) == [("sessionStart", Fate.DUPLICATED, 2)], "the view goes on there"


def test_a_start_whose_session_stays_empty_is_orphaned(emulator: Emulator) -> None:
    emulator.add_fault(faults.delay(30, name="slow", kind="session"))
    for second in range(3):
        begin(emulator, ts=TS + 300 * second)
    assert [fate for _, fate, _ in fates(emulator)] == [Fate.ORPHANED] * 3
    assert "nobody used its session: its viewing is lost" in str(emulator.losses())


def test_a_view_that_moves_to_a_session_that_never_plays_is_lost(emulator: Emulator) -> None:
    emulator.add_fault(faults.status(503, kind="session", times=1))
    begin(emulator)
    begin(emulator, ts=TS + 500)
    assert fates(emulator) == [("sessionStart", Fate.LOST, None)]
    ping(emulator, emulator.session_ids()[0])
    assert fates(emulator) == [("sessionStart", Fate.LOST, None)], "a ping is no play"
    send(emulator, emulator.session_ids()[0], "play")
    assert fates(emulator) == [("sessionStart", Fate.MOVED, 2)]


def test_an_event_of_a_played_view_has_not_moved_to_a_session_without_play(emulator: Emulator) -> None:
    sid = start(emulator)
    send(emulator, sid, "play")
    emulator.add_fault(faults.expire_session(event="ping", times=1))
    ping(emulator, sid)
    second = start(emulator)
    ping(emulator, second)
    assert fates(emulator) == [("ping", Fate.LOST, None)]
    send(emulator, second, "play", 1, ts=TS + 2000)
    assert fates(emulator) == [("ping", Fate.MOVED, 5)]


@pytest.mark.parametrize("event", ["pauseStart", "ping", "play"])
def test_a_retry_with_a_fresh_ts_is_retried(emulator: Emulator, event: str) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.status(503, event=event, times=2))
    for ts in (1, 2, 3):
        send(emulator, sid, event, 5, ts=TS + ts)
    assert [fate for _, fate, _ in fates(emulator)] == [Fate.RETRIED] * 2
    assert emulator.losses().lost == 0


@pytest.mark.parametrize(("other", "playhead"), [("play", 5), ("pauseStart", 6)])
def test_another_event_or_place_is_no_retry(emulator: Emulator, other: str, playhead: float) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.status(503, event="pauseStart", times=1))
    send(emulator, sid, "pauseStart", 5, ts=TS + 1)
    send(emulator, sid, other, playhead, ts=TS + 2)
    assert [fate for _, fate, _ in fates(emulator)] == [Fate.LOST]


def test_events_to_an_address_that_a_fault_gave_are_the_faults(emulator: Emulator) -> None:
    emulator.add_fault(faults.drop_header("Location", name="deaf", kind="session"))
    begin(emulator)
    for path in ("/api/v1/sessions/undefined/events", "/undefined/events"):
        emulator.handle(post(path, body("play")))
    assert [(one.fate, one.fault.rule) for one in emulator.losses().requests] == [
        (Fate.ORPHANED, "deaf"), (Fate.LOST, "deaf"), (Fate.LOST, "deaf"),
    ]  # fmt: skip


def test_a_refused_preflight_is_faulted_and_says_what_follows(emulator: Emulator) -> None:
    lines = ((b"Origin", b"http://x"), (b"Access-Control-Request-Method", b"POST"))
    asked = post("/api/v1/sessions", b"", *lines)._replace(method="OPTIONS")
    emulator.add_fault(faults.status(503, name="down", times=2))
    emulator.handle(asked)
    emulator.handle(asked)
    losses = emulator.losses()
    assert (losses.faulted, losses.retried, losses.lost) == (2, 1, 1)
    assert "#2 preflight, by down: a browser sends nothing after a refused preflight" in str(losses)
    emulator.handle(asked)
    assert emulator.losses().lost == 0


def test_a_start_whose_answer_arrived_after_all_is_counted_and_a_later_viewing_is_another(emulator: Emulator) -> None:
    emulator.add_fault(faults.delay(3, kind="session", times=1))
    begin(emulator)
    ping(emulator, emulator.session_ids()[0])
    begin(emulator, ts=TS + 60_000)
    assert fates(emulator) == [("sessionStart", Fate.COUNTED, None)]


def test_downloaded_content_is_one_event(emulator: Emulator) -> None:
    emulator.add_fault(faults.status(503, kind="downloaded", times=1))
    array = [body("sessionStart", params={**START_PARAMS, "media.downloaded": True}), body("play"), body("sessionEnd")]
    assert [emulator.handle(post("/api/v1/downloaded", array)).response.status for _ in range(2)] == [503, 201]
    assert fates(emulator) == [("sessionStart", Fate.RETRIED, 2)]


def test_preflights_have_nothing_to_lose(emulator: Emulator) -> None:
    emulator.add_fault(faults.status(503))
    emulator.handle(post("/api/v1/sessions", b"")._replace(method="OPTIONS"))
    assert emulator.losses().faulted == 0


def test_the_ledger_is_a_function_of_the_log_alone(emulator: Emulator) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.status(503, event="ping", times=1))
    ping(emulator, sid)
    ping(emulator, sid)
    exported = [json.loads(json.dumps(json_shapes.exchange_to_json(one))) for one in emulator.requests()]
    assert ledger(map(json_shapes.exchange_from_json, exported)) == emulator.losses()


def test_totals_and_text(emulator: Emulator) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.status(503, name="down", event="ping", times=1))
    emulator.add_fault(faults.close(name="deaf", event="ping", side="after", skip=0, times=1))
    ping(emulator, sid, 1)
    ping(emulator, sid, 2)
    ping(emulator, sid, 2)
    losses = emulator.losses()
    assert (losses.faulted, losses.lost, losses.duplicated, losses.counted, losses.moved, losses.retried) == (
        2,
        1,
        1,
        0,
        0,
        0,
    )
    assert str(losses) == (
        "2 requests met a fault: 0 retried, 0 moved, 1 duplicated, 0 counted, 0 orphaned, 1 lost\n"
        f"  lost: #2 ping of session {sid[:8]}, ts 1700000001000, by down\n"
        f"  duplicated: #3 ping of session {sid[:8]}, ts 1700000002000, by deaf, again as #4"
    )


def test_evicted_requests_are_owned_up_to() -> None:
    emulator = Emulator(seed=1, max_log_bytes=3000)
    sid = start(emulator)
    emulator.add_fault(faults.status(503, event="ping", times=1))
    for second in range(20):
        ping(emulator, sid, second)
    assert emulator.losses().evicted > 0


def test_assert_no_losses(mcmock_server: McmockServer) -> None:
    emulator = mcmock_server.emulator
    with pytest.raises(AssertionError, match="no request met a fault, so nothing was tested"):
        mcmock_server.assert_no_losses()
    sid = start(emulator)
    mcmock_server.faults.add(faults.status(503, event="ping", times=1))
    ping(emulator, sid)
    with pytest.raises(AssertionError, match=r"1 request met a fault: .*1 lost\n  lost: #\d+ ping"):
        mcmock_server.assert_no_losses()
    ping(emulator, sid)
    assert mcmock_server.assert_no_losses().retried == 1
    mcmock_server.faults.add(faults.close(event="ping", side="after", times=1))
    ping(emulator, sid, 2)
    ping(emulator, sid, 2)
    with pytest.raises(AssertionError, match="1 duplicated"):
        mcmock_server.assert_no_losses()
    assert mcmock_server.assert_no_losses(allow_duplicated=True).duplicated == 1


QUALITY = {"media.qoe.bitrate": 1000, "media.qoe.droppedFrames": 0, "media.qoe.framesPerSecond": 25}


@pytest.mark.parametrize(
    ("event", "first", "second", "fate"),
    [
        (
            "stateStart",
            {"params": {"media.state.name": "mute"}},
            {"params": {"media.state.name": "mute"}},
            Fate.RETRIED,
        ),
        (
            "stateStart",
            {"params": {"media.state.name": "mute"}},
            {"params": {"media.state.name": "fullscreen"}},
            Fate.LOST,
        ),
        ("bitrateChange", {"qoeData": QUALITY}, {"qoeData": {**QUALITY, "media.qoe.bitrate": 2000}}, Fate.LOST),
        ("play", {"qoeData": QUALITY}, {"qoeData": {**QUALITY, "media.qoe.droppedFrames": 3}}, Fate.RETRIED),
    ],
    ids=["the same state", "another state", "another bitrate", "quality that went on"],
)
def test_an_event_about_something_else_in_the_same_second_is_another(
    emulator: Emulator, event: str, first: dict[str, Any], second: dict[str, Any], fate: Fate
) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.status(500, event=event, times=1))
    for number, parts in enumerate((first, second)):
        send(emulator, sid, event, 5, ts=TS + number * 300, **parts)
    assert fates(emulator)[0][1] == fate


def test_what_was_counted_and_comes_again_with_a_ts_of_its_own_is_there_twice_but_for_a_ping(
    emulator: Emulator,
) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.close(side="after", per="session", times=None))
    for number, event in enumerate(("play", "play", "ping", "ping")):
        send(emulator, sid, event, 5, ts=TS + number * 300)
    assert [fate for _, fate, _ in fates(emulator)] == [Fate.DUPLICATED, Fate.COUNTED, Fate.COUNTED, Fate.COUNTED]


@pytest.mark.parametrize(("number", "max_log_bytes"), [(1, 1 << 24), (2, 1 << 24), (1, 30_000), (3, 30_000)])
def test_a_ledger_that_is_kept_is_the_one_that_a_look_at_every_request_makes(number: int, max_log_bytes: int) -> None:
    dice = random.Random(number)
    emulator = Emulator(seed=number, max_log_bytes=max_log_bytes)
    emulator.add_fault(faults.status(503, probability=0.2))
    emulator.add_fault(faults.close(side="after", probability=0.2))
    for step in range(250):
        known = emulator.session_ids()[-3:]
        if not known or dice.random() < 0.15:
            begin(emulator, visitor=dice.choice("xy"), media=dice.choice("ab"))
        else:
            event = dice.choice(["ping", "ping", "play", "pauseStart"])
            send(emulator, dice.choice(known), event, dice.randrange(3), ts=TS + dice.randrange(5) * 1000)
        if step == 120:
            emulator.clear_log()
        kept = emulator.losses()
        if not emulator.evicted:
            assert kept == ledger(emulator.requests())
        assert {one.seq for one in kept.requests} == {one.seq for one in emulator.requests() if one.fault is not None}
        counts = emulator.queries.loss_page(limit=0).counts
        assert counts == {fate: len(kept.of(fate)) for fate in Fate}


def test_nothing_is_kept_of_what_has_left_the_log() -> None:
    emulator = Emulator(seed=1, max_log_bytes=50_000)
    emulator.add_fault(faults.status(503, event="ping", probability=0.5))
    for _ in range(3_000):
        begin(emulator)
        ping(emulator, emulator.session_ids()[-1])
        if emulator.last_seq % 500 < 2:
            emulator.losses()
    kept = emulator.queries._losses.ledger()
    assert len(kept) < 200
    assert kept.sessions < 2_900
