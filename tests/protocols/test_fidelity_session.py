"""The rows of docs/fidelity.md that take a whole session to show: by the timelines that show them, over a real socket.

Each timeline holds the answers, the findings and the numbers that its row expects, computed by hand; `mcmock replay` sends
it, moves the server's clock as the timeline says, and compares. What no timeline can show is tested below.
"""

from __future__ import annotations

import pytest

from mcmock.analytics.views import SessionView
from mcmock.cli import main
from mcmock.core.model import Severity
from mcmock.core.sessions import CLOSING
from mcmock.engine import Emulator
from mcmock.faults import builders as faults
from mcmock.testing.server import McmockServer
from tests.conftest import body, cli_runner, post, send, start

pytestmark = pytest.mark.mcmock(fail_on="never")

ROWS: dict[str, tuple[str, ...]] = {
    # -- life cycle
    "L-01": ("never-played", "watch-to-the-end"),
    "L-02": ("buffering-and-pause", "paused-to-the-end"),
    "L-03": ("buffering-and-pause",),
    "L-04": ("seek-forward", "rewatch"),
    "L-05": ("errors-and-quality",),
    "L-06": ("ads", "break-gives-back-the-pause"),
    "L-07": ("preroll-outside-break", "pause-in-ad"),
    # -- ads
    "A-01": ("ad-outside-break", "preroll-outside-break"),
    "A-02": ("playback-before-ad",),
    "A-03": ("ad-skipped", "ad-not-closed"),
    "A-04": ("ads", "post-roll"),
    # -- chapters
    "K-01": ("chapters",),
    "K-02": ("chapter-around-ads",),
    # -- player states
    "S-01": ("eleven-states",),
    "S-02": ("player-states",),
    "S-03": ("states-disordered",),
    # -- playhead and time
    "T-01": ("live", "live-over-midnight"),
    "T-02": ("ads", "watch-to-the-end", "playhead-off-clock"),
    "T-03": ("playhead-moved-in-pause",),
    # -- what no page gives
    "M-01": ("stall",),
    "M-02": ("seek-forward", "rewatch", "playhead-off-clock"),
    "M-03": ("speed-3x", "speed-quarter", "speed-3x-with-seeks"),
    "M-04": ("errors-and-quality", "bitrate-without-play"),
    "M-05": ("time-to-start-revised",),
    "M-06": ("ads",),
    "M-07": ("player-states",),
    "M-08": ("ads", "chapters"),
    "M-10": ("live", "live-segment", "live-over-midnight"),
    # -- the reordering window
    "W-01": ("out-of-order", "ad-overtakes-its-break"),
    "W-02": ("preroll-queued",),
    "W-03": ("late-event",),
    "W-06": ("ties",),
    "X-06": ("overtaken-by-end",),
    "W-04": ("duplicate-event",),
    "W-05": ("event-of-another-session",),
    # -- the end
    "X-01": ("idle-timeout",),
    "X-02": ("stalled-timeout",),
    "X-03": ("watch-to-the-end", "leave-early"),
    # -- resume, downloaded
    "R-01": ("resume",),
    "D-03": ("downloaded", "downloaded-on-sessions"),
    "D-04": ("downloaded-out-of-order",),
    # -- conflicts and gaps
    "C-17": ("playhead-moved-in-ad",),
    "C-18": ("ping-gap",),
    "C-19": ("out-of-order",),
    "C-21": ("play-after-complete", "post-roll"),
    "C-23": ("seek-forward", "live"),
    "C-24": ("watch-to-the-end",),
    "C-25": ("idle-timeout", "leave-early"),
    "C-28": ("ad-break-left-open",),
    "C-29": ("gap-between-ads",),
    "C-30": ("resume",),
    "C-34": ("no-length",),
    "C-35": ("playhead-past-end",),
    "C-39": ("chapter-overlap", "ad-breaks-disordered"),
    "C-40": ("pause-repeated",),
    "C-52": ("ads",),
    "C-59": ("pause-in-ad",),
    "C-60": ("eleven-states",),
    "C-61": ("media-id-empty",),
}


@pytest.mark.parametrize(
    "timelines", [pytest.param(names, id=row, marks=pytest.mark.fidelity(row)) for row, names in ROWS.items()]
)
def test_the_timelines_of_a_row_come_out_as_expected(mcmock_server: McmockServer, timelines: tuple[str, ...]) -> None:
    names = [f"fixtures/timelines/{name}.json" for name in timelines]
    result = cli_runner().invoke(main, ["replay", *names, "--to", mcmock_server.url, "--advance"])
    assert result.exit_code == 0, result.output
    assert "all as expected" in result.output


STRICT = {"C-17": "playhead-moved-in-ad", "C-29": "gap-between-ads", "C-35": "playhead-past-end", "C-60": "eleven-states",
          "C-21": "play-after-complete", "C-39": "chapter-overlap"}  # fmt: skip


@pytest.mark.mcmock(fail_on="never", strict=True)
@pytest.mark.parametrize(
    "name", [pytest.param(name, id=row, marks=pytest.mark.fidelity(row)) for row, name in STRICT.items()]
)
def test_strict_thinks_worse_of_the_same_timeline(mcmock_server: McmockServer, name: str) -> None:
    """The answers are the same 204; what was info is a warning, what was a warning an error."""
    cli_runner().invoke(main, ["replay", f"fixtures/timelines/{name}.json", "--to", mcmock_server.url, "--advance"])
    exchanges = mcmock_server.requests()
    assert {one.status for one in exchanges} == {201, 204}
    found = [finding for one in exchanges for finding in one.findings if finding.rule not in ON_ARRIVAL]
    assert found
    assert all(finding.severity in (Severity.WARNING, Severity.ERROR) for finding in found)


ON_ARRIVAL = {"stream-type-missing", "equal-timestamps", "ping-gap-in-ad"}  # which strict thinks no worse of


# -- what no timeline can show --------------------------------------------------------------------------------------------


@pytest.mark.fidelity("C-18")
@pytest.mark.parametrize(("strict", "wanted"), [(False, []), (True, ["ping-gap-in-ad"])])
def test_ten_seconds_between_the_pings_of_an_ad_are_fine_but_not_in_strict(strict: bool, wanted: list[str]) -> None:
    emulator = Emulator(seed=1, strict=strict)
    emulator.freeze()
    sid = start(emulator)
    at = 1_700_000_000_000
    ad = {"media.ad.id": "a", "media.ad.length": 15, "media.ad.podPosition": 1, "media.ad.playerName": "p"}
    send(emulator, sid, "adBreakStart", ts=at + 1, params={"media.ad.podIndex": 0, "media.ad.podSecond": 0})
    send(emulator, sid, "adStart", ts=at + 2, params=ad)
    emulator.advance(10)
    answer = send(emulator, sid, "ping", ts=at + 10_002)
    found = emulator.request(answer.seq)
    assert found is not None
    assert [finding.rule for finding in found.findings] == wanted


@pytest.mark.fidelity("X-04")
def test_no_session_is_too_old_as_long_as_it_plays(emulator: Emulator) -> None:
    """24 hours are the SDKs' own limit; no page of this API names one for the service."""
    emulator.freeze()
    sid = start(emulator)
    for minutes in range(5, 25 * 60, 5):
        emulator.advance(300)
        assert send(emulator, sid, "ping", playhead=minutes * 60).response.status == 204


@pytest.mark.fidelity("C-54")
def test_time_outs_go_by_the_time_of_receipt_and_not_by_ts(emulator: Emulator) -> None:
    emulator.freeze()
    sid = start(emulator)
    assert send(emulator, sid, "ping", ts=1_700_000_000_000 + 86_400_000).response.status == 204
    emulator.advance(599)
    assert send(emulator, sid, "ping", ts=1_700_000_000_001).response.status == 204
    emulator.advance(600)
    assert send(emulator, sid, "ping", ts=1_700_000_000_002).response.status == 410


@pytest.mark.fidelity("X-02")
def test_any_movement_of_the_playhead_counts_backwards_too(emulator: Emulator) -> None:
    emulator.freeze()
    sid = start(emulator)
    for playhead in (50, 50, 40, 40, 41, 41, 41, 41):
        emulator.advance(590)
        assert send(emulator, sid, "ping", playhead=playhead).response.status == 204
    emulator.advance(590)
    assert send(emulator, sid, "ping", playhead=41).response.status == 410


@pytest.mark.fidelity("X-03")
def test_a_session_that_ended_stays_ended(emulator: Emulator) -> None:
    sid = start(emulator)
    assert send(emulator, sid, "sessionEnd").response.status == 204
    assert [send(emulator, sid, event).response.status for event in ("ping", "play")] == [410, 410]


@pytest.mark.fidelity("X-07")
@pytest.mark.parametrize("strict", [False, True])
def test_a_second_or_late_session_end_is_taken_and_dropped(strict: bool) -> None:
    """By the current page it is safe; another one has players send it after a long pause."""
    emulator = Emulator(seed=1, strict=strict)
    emulator.freeze()
    ended, silent, standing = (start(emulator) for _ in range(3))
    send(emulator, ended, "sessionEnd", 5)
    for minutes in range(5, 35, 5):
        emulator.advance(300)
        send(emulator, standing, "ping", ts=1_700_000_000_000 + minutes * 60_000)
    for sid, reason in ((ended, "ended"), (silent, "idle"), (standing, "stalled")):
        before = view_of(emulator, sid)
        answer = send(emulator, sid, "sessionEnd", 9, ts=1_700_001_900_000)
        found = emulator.request(answer.seq)
        assert found is not None
        assert (answer.response.status, str(found.outcome)) == (204, "good")
        assert [(one.rule, str(one.severity)) for one in found.findings] == [("session-ended-before", "info")]
        assert view_of(emulator, sid).report == before.report
        assert before.report.close_reason == reason
        assert send(emulator, sid, "ping", 9, ts=1_700_001_900_001).response.status == 410


@pytest.mark.fidelity("X-07")
def test_a_session_that_was_closed_on_purpose_is_410_to_its_end_too(emulator: Emulator) -> None:
    by_hand, by_fault, forgotten = (start(emulator) for _ in range(3))
    emulator.expire(by_hand)
    emulator.add_fault(faults.expire_session(match={"session": by_fault}, times=1))
    send(emulator, by_fault, "ping")
    emulator.forget(forgotten)
    statuses = [send(emulator, sid, "sessionEnd").response.status for sid in (by_hand, by_fault, forgotten)]
    assert statuses == [410, 410, 404]


OVERTAKEN = [
    # event, ts against sessionEnd's, seconds after it, status, in strict
    ("ping", -1, 0.05, 204, 410), ("ping", -60_000, 5.0, 204, 410), ("ping", -1, 5.01, 410, 410),
    ("ping", 0, 0.05, 410, 410), ("play", 0, 0.05, 410, 410), ("ping", 1, 0.05, 410, 410),
    *((name, 0, 0.05, 204, 410) for name in sorted(CLOSING)), ("adSkip", 1, 0.05, 410, 410), ("adSkip", 0, 5.01, 410, 410),
]  # fmt: skip


@pytest.mark.fidelity("X-06")
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(("event", "ts", "after", "status", "in_strict"), OVERTAKEN)
def test_what_session_end_overtook_still_counts(
    event: str, ts: int, after: float, status: int, in_strict: int, strict: bool
) -> None:
    emulator = Emulator(seed=1, strict=strict)
    emulator.freeze()
    sid = start(emulator)
    send(emulator, sid, "sessionEnd", 10, ts=1_700_000_010_000)
    emulator.advance(after)
    parts = {"params": {"media.state.name": "mute"}} if event == "stateEnd" else {}
    answer = send(emulator, sid, event, 10, ts=1_700_000_010_000 + ts, **parts)
    found = emulator.request(answer.seq)
    assert found is not None
    assert answer.response.status == (in_strict if strict else status)
    assert ("overtaken-by-end" in [one.rule for one in found.findings]) is (answer.response.status == 204)
    view = view_of(emulator, sid)
    assert view.report.close_reason == "ended"
    assert len(view.judgement.order) == (3 if answer.response.status == 204 else 2)


def view_of(emulator: Emulator, sid: str) -> SessionView:
    view = emulator.session(sid)
    assert view is not None
    return view


@pytest.mark.fidelity("D-05")
def test_a_downloaded_session_is_whole_and_takes_no_more(emulator: Emulator) -> None:
    answer = emulator.handle(post("/api/v1/downloaded", [body("sessionStart"), body("play", ts=1_700_000_000_001)]))
    sid = dict(answer.response.headers)["Location"].rpartition("/")[2]
    assert send(emulator, sid, "ping").response.status == 410


@pytest.mark.fidelity("R-02")
def test_a_resumed_session_is_a_new_one_that_nothing_links_to_the_old(emulator: Emulator) -> None:
    params = body("sessionStart")["params"]
    first, second = start(emulator), start(emulator, params=params | {"media.resume": True})
    assert first != second
    assert send(emulator, first, "ping").response.status == send(emulator, second, "ping").response.status == 204


@pytest.mark.fidelity("I-01")
def test_metadata_of_the_session_stands_beside_that_of_the_ad(emulator: Emulator) -> None:
    sid = start(emulator, customMetadata={"genre": "news", "team": "a"})
    at = 1_700_000_000_000
    ad = {"media.ad.id": "a", "media.ad.length": 15, "media.ad.podPosition": 1, "media.ad.playerName": "p"}
    send(emulator, sid, "adBreakStart", ts=at + 1, params={"media.ad.podIndex": 0, "media.ad.podSecond": 0})
    send(emulator, sid, "adStart", ts=at + 2, params=ad, customMetadata={"team": "b"})
    view = emulator.session(sid)
    assert view is not None
    assert view.report.to_json()["ads"][0]["customMetadata"] == {"genre": "news", "team": "b"}


@pytest.mark.fidelity("C-14")
def test_a_state_in_two_spellings_is_one_state(emulator: Emulator) -> None:
    sid = start(emulator)
    at = 1_700_000_000_000
    for number, name in enumerate(("fullScreen", "fullscreen"), 1):
        send(emulator, sid, "stateStart", ts=at + number * 10, params={"media.state.name": name})
        send(emulator, sid, "stateEnd", ts=at + number * 10 + 5, params={"media.state.name": name})
    view = emulator.session(sid)
    assert view is not None
    assert [(state.name, state.count) for state in view.report.states] == [("fullScreen", 2)]
