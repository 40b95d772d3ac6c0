"""The rows of docs/fidelity.md that take a whole session to show: by the timelines that show them, over a real socket.

Each timeline holds the answers, the findings and the numbers that its row expects, computed by hand; `mcmock replay` sends
it, moves the server's clock as the timeline says, and compares. What no timeline can show is tested below.
"""

from __future__ import annotations

import pytest

from mcmock.cli import main
from mcmock.core.model import Severity
from mcmock.engine import Emulator
from mcmock.testing.server import McmockServer
from tests.conftest import body, cli_runner, post, send, start

pytestmark = pytest.mark.mcmock(allow_bad=True)

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


@pytest.mark.mcmock(allow_bad=True, strict=True)
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
    assert [send(emulator, sid, event).response.status for event in ("sessionEnd", "ping", "play")] == [410, 410, 410]


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
