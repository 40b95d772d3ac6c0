"""Whatever clients do, memory is bounded: what is let go of, in which order, and how it is told."""

from __future__ import annotations

import contextlib
import tracemalloc

import pytest

from mcmock import faults
from mcmock.analytics import plan_format
from mcmock.core.model import Outcome
from mcmock.core.tables import MAX_KEY
from mcmock.engine import Emulator, log
from mcmock.engine.log import MAX_INTERNED
from mcmock.engine.outcomes import ANALYSES_PER_LOG
from mcmock.engine.scopes import SHARED_BY, Scopes
from mcmock.engine.session_analysis import ANALYSIS_COST
from mcmock.engine.weights import ENTRY_COST
from mcmock.server.admin.feed import Feed
from mcmock.testing.server import McmockServer
from tests.conftest import START_PARAMS, Wire, body, post, send, start

SMALL_LOG = 20_000


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Emulator:
    monkeypatch.setattr("mcmock.engine.engine.MAX_SESSIONS", 50)
    monkeypatch.setattr("mcmock.engine.outcomes.MAX_ANALYSES", 20 * ANALYSIS_COST)
    return Emulator(seed=1, max_log_bytes=SMALL_LOG)


def ended(emulator: Emulator, number: int) -> str:
    params = {**START_PARAMS, "analytics.visitorId": f"visitor {number % 7}", "media.id": f"film {number % 5}"}
    sid = start(emulator, params=params)
    assert send(emulator, sid, "sessionEnd").response.status == 204
    return sid


def test_closed_sessions_that_left_the_log_are_forgotten_oldest_first_and_counted(small: Emulator) -> None:
    sids = [ended(small, number) for number in range(500)]
    summary = small.summary()
    assert summary.forgotten + summary.sessions == 500
    assert 50 <= summary.sessions < 100
    assert send(small, sids[0], "ping").response.status == 404
    assert send(small, sids[-1], "ping").response.status == 410
    assert small.session_ids() == sids[-summary.sessions :]


def test_an_open_session_is_never_forgotten(small: Emulator) -> None:
    opened = start(small)
    for number in range(500):
        ended(small, number)
    assert send(small, opened, "ping").response.status == 204


def test_a_session_that_timed_out_counts_as_closed(small: Emulator) -> None:
    for _ in range(60):
        start(small)
    small.advance(601)
    for number in range(200):
        ended(small, number)
    assert small.summary().forgotten >= 60


def test_below_the_limit_nothing_is_forgotten_however_small_the_log(small: Emulator) -> None:
    sids = [ended(small, number) for number in range(50)]
    assert small.summary().forgotten == 0
    assert {send(small, sid, "ping").response.status for sid in sids} == {410}


def test_reports_of_all_sessions_that_are_left_can_still_be_asked_for(small: Emulator) -> None:
    for number in range(300):
        ended(small, number)
        if number % 10 == 0:
            assert len(small.sessions()) == len(small.queries.outlines()) == small.summary().sessions
    assert len(small.engine.analysis) <= small.summary().sessions


def test_events_are_not_kept_for_reports_without_end(small: Emulator) -> None:
    for number in range(300):
        sid = start(small)
        assert small.queries.outline(sid) is not None
        if number % 50 == 49:
            small.advance(1)
    assert len(small.engine.analysis) < 20 + SMALL_LOG // ENTRY_COST + 5


def test_made_up_session_ids_leave_nothing_behind(small: Emulator) -> None:
    for number in range(2000):
        small.handle(post(f"/api/v1/sessions/{number:064}/events", body("ping")))
    assert small.engine.log._left == {}
    assert small.engine.log.session_ids() == [
        f"{number:064}" for number in range(2000 - len(small.queries.seq_range()), 2000)
    ]
    assert small.summary().sessions == 0


def test_what_is_watched_may_have_a_name_of_any_length(small: Emulator) -> None:
    sid = start(small, params={**START_PARAMS, "media.id": "x" * 500_000})
    again = start(small, params={**START_PARAMS, "media.id": "x" * 500_000})
    assert sid != again
    assert max(map(len, small.engine.state.issued)) <= MAX_KEY


def test_findings_count_in_the_bound_of_the_log() -> None:
    """A body of unknown keys has a finding for each, and they take more room than it does."""
    emulator = Emulator(seed=1, max_log_bytes=500_000)
    sid = start(emulator)
    for _ in range(20):
        assert send(emulator, sid, "ping", **{f"key{number}": 1 for number in range(1_000)}).response.status == 400
    assert emulator.evicted >= 19


def test_ids_stay_unlike_when_what_was_watched_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcmock.engine.session_ids.MAX_CONTENTS", 100)
    emulator = Emulator(seed=1)
    films = [f"film {number % 150}" for number in range(1_000)]
    sids = [start(emulator, params={**START_PARAMS, "media.id": film}) for film in films]
    assert len(set(sids)) == len(sids)
    assert len(emulator.engine.state.issued) <= 101
    emulator.reset()
    assert [start(emulator, params={**START_PARAMS, "media.id": film}) for film in films] == sids


def test_open_sessions_are_bounded_too_and_the_one_that_plays_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcmock.engine.engine.MAX_SESSIONS", 20)
    monkeypatch.setattr("mcmock.engine.engine.MAX_SESSIONS_AT_ALL", 50)
    emulator = Emulator(seed=1)
    played = start(emulator)
    silent = [start(emulator)]
    for _ in range(300):
        emulator.advance(0.5)
        assert send(emulator, played, "ping").response.status == 204
        silent.append(start(emulator))
    summary = emulator.summary()
    assert summary.sessions == 50
    assert summary.forgotten == 302 - 50
    assert send(emulator, silent[0], "ping").response.status == 404
    assert len(emulator.sessions()) == len(emulator.queries.outlines()) == 50


def test_what_faults_count_per_session_is_bounded_and_a_session_that_plays_keeps_its_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mcmock.faults.selection.MAX_COUNTED", 100)
    rules = faults.load_value({"faults": [
        {"name": "once", "per": "session", "times": 1, "effect": {"type": "status", "code": 503}},
        {"name": "rare", "probability": 1e-9, "times": None, "effect": {"type": "status", "code": 500}},
        {"name": "rate", "per": "session", "times": None, "effect": {"type": "rate_limit", "perSecond": 1e6}},
    ]})  # fmt: skip
    emulator = Emulator(seed=1)
    played = start(emulator)
    emulator.add_faults(rules)
    assert send(emulator, played, "ping").response.status == 503
    for number in range(1_000):
        emulator.handle(post(f"/api/v1/sessions/{number:0500}/events", body("ping")))
        emulator.handle(post(f"/{number:0500}", body("ping")))
        assert send(emulator, played, "ping").response.status == 204
    tally = emulator.engine.state.rules.counters
    assert len(tally.counts) <= 100
    assert len(tally.buckets) <= 100
    assert max(len(place[-1]) for place in tally.counts.scan()) <= MAX_KEY
    assert {state.rule.name: state.matched for state in emulator.faults()}["once"] > 3_000


def test_each_row_of_a_plan_that_judged_a_session_counts_toward_the_bound() -> None:
    """What is kept of a row is told by no finding: those of a request are a hundred at most."""
    plan = {"all": {"sessionStart": {"metadata": {f"key{number}": "required" for number in range(3000)}}}}
    emulator = Emulator(seed=1, plan=plan_format.from_json(plan))
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(20):
            start(emulator)
        emulator.summary()
        kept = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert len(emulator.engine.analysis) == 20
    assert emulator.engine.analysis.weight > kept / 2


def test_reports_keep_what_the_log_lets_go_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """One session as long as you like, and reports asked for all the time."""
    monkeypatch.setattr("mcmock.engine.outcomes.MAX_ANALYSES", 50_000)
    emulator = Emulator(seed=1, max_log_bytes=SMALL_LOG)
    sid = start(emulator)
    for number in range(500):
        send(emulator, sid, "ping", playhead=number)
        report = emulator.sessions()[0].report
    most = 50_000 + ANALYSES_PER_LOG * SMALL_LOG
    assert emulator.engine.analysis.weight == sum(one.weight for one in emulator.engine.analysis._analyses.values())
    assert emulator.engine.analysis.weight < most + 5_000
    assert report.evicted > 100
    assert emulator.evicted > 300


def test_reports_of_many_sessions_in_the_log_are_all_told_though_not_all_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mcmock.engine.outcomes.MAX_ANALYSES", 100_000)
    monkeypatch.setattr("mcmock.engine.outcomes.ANALYSES_PER_LOG", 0)
    emulator = Emulator(seed=1)
    sids = [ended(emulator, number) for number in range(50)]
    assert [one.session.id for one in emulator.queries.outlines()] == sids
    assert all(
        one.counts[Outcome.GOOD] == 2 and one.judgement.report.evicted == 0 for one in emulator.queries.outlines()
    )
    assert len(emulator.engine.analysis) < 10


def test_viewers_of_any_length_are_compared_and_not_kept(emulator: Emulator) -> None:
    params = {**START_PARAMS, "analytics.visitorId": "v" * 100_000}
    first = start(emulator, params=params)
    start(emulator, params=params)
    emulator.advance(601)
    view = emulator.session(first)
    assert view is not None
    assert "location-unread" in {finding.rule for finding in view.findings}
    assert (
        max(len(text) for viewer, film in emulator.engine.analysis._neighbours._views for text in (*viewer, film))
        <= MAX_KEY
    )


def test_a_follower_keeps_nothing_of_what_it_told_but_a_number(emulator: Emulator) -> None:
    sid = start(emulator)
    with Feed(emulator, None, lambda: None) as feed:
        send(emulator, sid, "ping", **{f"key{number}": 1 for number in range(500)})
        feed.take()
        kept = [told for recent in feed._recent.values() for _, told in recent.values()]
    assert [type(one) for one in kept] == [int]


# -- the log ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/" + "x" * SMALL_LOG * 2, "/api/v1/sessions/" + "x" * SMALL_LOG * 2 + "/events"])
def test_one_entry_larger_than_the_bound_stays_until_the_next_one(path: str) -> None:
    emulator = Emulator(seed=1, max_log_bytes=SMALL_LOG)
    emulator.handle(post("/small", {}))
    large = emulator.handle(post(path, {}))
    assert [one.seq for one in emulator.requests()] == [large.seq]
    assert emulator.queries.log_size().bytes > SMALL_LOG
    small = emulator.handle(post("/small", {}))
    assert [one.seq for one in emulator.requests()] == [small.seq]
    assert emulator.queries.log_size().bytes < SMALL_LOG


def test_of_five_thousand_header_sets_no_more_than_4096_are_looked_for() -> None:
    emulator = Emulator(seed=1)
    for number in range(5_000):
        emulator.handle(post("/", {}, (b"X", b"%d" % number)))
    assert 4_000 <= len(emulator.engine.log._interned) <= MAX_INTERNED == 4_096
    sent = [dict(one.request_headers)["X"] for one in emulator.requests()]
    assert sent == [str(number) for number in range(5_000)], "those that are not looked for are in the log all the same"


def test_a_session_that_left_the_log_leaves_nothing_in_it() -> None:
    emulator = Emulator(seed=1, max_log_bytes=SMALL_LOG)
    sid = start(emulator)
    send(emulator, sid, "ping")
    for number in range(100):
        emulator.handle(post(f"/{number}", {}))
    journal = emulator.engine.log
    assert journal.session_ids() == []
    assert journal._trails == {}
    assert not journal.knows(sid)
    assert list(journal.seqs_of(sid)) == []
    assert journal.evicted_of(sid) == 2
    assert len(journal._blocks) <= 2
    send(emulator, sid, "ping", 1)
    assert journal.evicted_of(sid) == 2, "it is remembered when the session comes back"
    assert len(journal.seqs_of(sid)) == 1


def test_header_lines_go_with_the_last_entry_that_has_them() -> None:
    emulator = Emulator(seed=1, max_log_bytes=SMALL_LOG)
    for number in range(200):
        emulator.handle(post(f"/{number}", {}, (b"X", b"%d" % (number // 2)), (b"Authorization", b"%d" % number)))
    journal = emulator.engine.log
    assert len(journal._interned) == len(journal._lines) == len(journal)


def test_an_emptied_log_weighs_nothing_and_a_full_one_what_its_entries_do() -> None:
    """However entries came and went: what is shared is counted once, and given back once."""
    emulator = Emulator(seed=1, max_log_bytes=SMALL_LOG)
    sids = [start(emulator) for _ in range(3)]
    for number in range(600):
        send(
            emulator,
            sids[number % 3],
            ("ping", "play", "no such")[number % 3],
            number,
            params={"k": "v" * (number % 99)},
        )
        emulator.handle(post(f"/api/v1/sessions/{number % 7}/events", {}, (b"X", b"%d" % (number % 5))))
    journal = emulator.engine.log
    entries = sum(
        sum(block.sizes[place] for place, row in enumerate(block.rows) if row) for block in journal._blocks.values()
    )
    shared = sum(trail.weight for trail in journal._trails.values()) + sum(
        one.weight for one in journal._lines.values()
    )
    assert journal.bytes == entries + shared <= SMALL_LOG
    emulator.clear_log()
    assert journal.bytes == 0


# -- what has not arrived yet --------------------------------------------------------------------------------------------


def test_a_head_is_bounded_in_all_not_only_line_by_line(mcmock_server: McmockServer) -> None:
    with Wire(mcmock_server.url) as wire:
        wire.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
        for number in range(16):
            with contextlib.suppress(OSError):  # it may have been answered already
                wire.send(b"X-%d: " % number + b"x" * 60_000 + b"\r\n")
        assert b"HTTP/1.1 431 " in wire.answer()
    (one,) = mcmock_server.requests()
    assert one.status == 431
    assert "the head is longer than 524288 bytes" in one.findings[0].message
    assert len(one.body_bytes) <= 8_192


# -- many scopes ------------------------------------------------------------------------------------------------------


def test_however_many_scopes_there_are_they_keep_what_four_may() -> None:
    scopes = Scopes(Emulator(seed=1, max_log_bytes=400_000))
    for number in range(40):
        for other in range(400):
            scopes.handle(post(f"/~job-{number}/{other}", b"x" * 500))
    logs = [emulator.queries.log_size() for emulator in scopes.each()]
    assert sum(log.bytes for log in logs) <= SHARED_BY * 400_000
    assert all(log.requests > 10 for log in logs[1:]), "each has its part"
    scopes.forget_all()
    for other in range(400):
        scopes.handle(post(f"/{other}", b"x" * 500))
    assert 380_000 < scopes.default.queries.log_size().bytes <= 400_000, "who is alone has it all again"


def test_up_to_four_scopes_each_keep_what_the_options_say() -> None:
    scopes = Scopes(Emulator(seed=1, max_log_bytes=200_000))
    for name in ("", "/~one", "/~two", "/~three"):
        for other in range(300):
            scopes.handle(post(f"{name}/{other}", b"x" * 500))
    assert [emulator.queries.log_size().bytes > 190_000 for emulator in scopes.each()] == [True] * 4


def test_scopes_share_what_is_remembered_beside_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcmock.engine.engine.MAX_SESSIONS", 100)
    monkeypatch.setattr("mcmock.faults.selection.MAX_COUNTED", 100)
    rule = faults.status(500, probability=1e-9, times=None)
    scopes = Scopes(Emulator(seed=1, max_log_bytes=SMALL_LOG, faults=[rule]))
    for number in range(15):
        scopes.named(f"job-{number}")
    for emulator in (scopes.default, scopes.named("job-0")):
        for number in range(200):
            ended(emulator, number)
        emulator.reset()
        for number in range(200):
            ended(emulator, number)
        assert emulator.summary().sessions < 25 + SMALL_LOG // 2 // ENTRY_COST
        assert len(emulator.engine.state.rules.counters.counts) <= 26


def test_what_is_remembered_of_findings_has_a_bound() -> None:
    """A refused body may have as many findings as it has bytes: those are kept with their entry alone."""
    emulator = Emulator(seed=1)
    sid = start(emulator)
    for number in range(2 * log.MAX_FOUND):
        send(emulator, sid, "ping", qoeData={"media.qoe.bitrate": 1_000_000 + number})
    send(emulator, sid, "ping", **{f"no{number}": 1 for number in range(100)})
    known = emulator.engine.log._found.values()
    assert 0 < len(known) <= log.MAX_FOUND
    assert max(weight for *_, weight in known) <= log.MAX_FOUND_BYTES
