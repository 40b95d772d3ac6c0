"""Verification: what passes, what fails, what cannot be told; the pattern language; and waits that miss no arrival."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

import pytest

from mcmock.checks import timeline_text
from mcmock.checks.sequence import Pattern
from mcmock.checks.verification import Result, Verification, check, check_from_json, verify, waiting
from mcmock.core.match import Match
from mcmock.core.model import Exchange
from mcmock.engine import Emulator
from mcmock.engine.log import Entry
from mcmock.engine.outcomes import Analysis
from mcmock.server.admin import checks as shell
from mcmock.testing.server import McmockServer
from tests.conftest import body, post, send, start

AD = {"media.ad.podPosition": 1, "media.ad.id": "a", "media.ad.length": 5.0, "media.ad.playerName": "p"}


@pytest.fixture
def emulator() -> Emulator:
    emulator = Emulator(seed=1)
    emulator.freeze()
    return emulator


def play(emulator: Emulator, *events: str) -> str:
    """A session that sends `events`, a second apart."""
    session_id = start(emulator, playhead=0, ts=1_700_000_000_000)
    for number, event in enumerate(events, 1):
        emulator.advance(1)
        send(emulator, session_id, event, number, ts=1_700_000_000_000 + number * 1000)
    return session_id


def ask(emulator: Emulator, match: dict[str, Any] | None = None, **bounds: Any) -> Verification:
    return emulator.verify(check(match, **bounds))


def first_sentence(answer: Verification) -> str:
    """Without its line breaks."""
    return " ".join(answer.message.split("\n\n")[0].split())


# -- counts ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bounds", "passes"),
    [
        ({}, True),
        ({"count": 3}, True), ({"count": 2}, False), ({"count": 4}, False), ({"count": 0}, False),
        ({"at_least": 3}, True), ({"at_least": 4}, False), ({"at_least": 0}, True),
        ({"at_most": 3}, True), ({"at_most": 2}, False),
        ({"at_least": 2, "at_most": 3}, True), ({"at_least": 1, "at_most": 2}, False), ({"at_least": 4, "at_most": 5}, False),
    ],
)  # fmt: skip
def test_bounds(emulator: Emulator, bounds: dict[str, int], passes: bool) -> None:
    play(emulator, "ping", "ping", "ping")
    answer = ask(emulator, {"event": "ping"}, **bounds)
    assert answer.result is (Result.PASS if passes else Result.FAIL)
    assert (answer.matched, [one.seq for one in answer.requests]) == (3, [2, 3, 4])


@pytest.mark.parametrize(
    ("bounds", "sentence"),
    [
        ({}, "expected at least 1 request with event=adStart, but none came"),
        ({"count": 2}, "expected exactly 2 requests with event=adStart, but none came"),
        ({"at_least": 2, "at_most": 3}, "expected 2 to 3 requests with event=adStart, but none came"),
        (
            {"at_least": 2, "within": 0.01},
            "expected at least 2 requests with event=adStart within 0.01 s, but none came",
        ),
    ],
)
def test_the_first_sentence_says_what_was_asked(emulator: Emulator, bounds: dict[str, Any], sentence: str) -> None:
    play(emulator, "ping")
    assert first_sentence(ask(emulator, {"event": "adStart"}, **bounds)) == sentence


def test_too_many_says_how_many_came_and_marks_them(emulator: Emulator) -> None:
    play(emulator, "ping", "play", "ping")
    answer = ask(emulator, {"event": "ping"}, at_most=1)
    first, story = answer.message.split("\n\n")
    assert first == "expected at most 1 request with event=ping, but 2 came"
    assert [line[:6] for line in story.split("\n") if line.startswith(">")] == [">    2", ">    4"]
    assert answer.nearest == ()
    assert ask(emulator, {"event": "ping"}, count=0).message.startswith(
        "expected no request with event=ping, but 2 came"
    )


def test_a_check_that_passes_says_so_in_one_line(emulator: Emulator) -> None:
    play(emulator, "ping")
    assert ask(emulator, {"event": "ping"}).message == "expected at least 1 request with event=ping, and 1 came"
    assert (
        ask(emulator, {"event": "adStart"}, count=0).message == "expected no request with event=adStart, and none came"
    )


def test_near_misses_name_the_fields_that_differed(emulator: Emulator) -> None:
    session_id = play(emulator, "ping", "ping", "play")
    send(emulator, "f" * 64, "ping", 3)
    answer = ask(emulator, {"event": "ping", "playhead": {"min": 10}, "session": session_id})
    assert [miss.exchange.seq for miss in answer.nearest] == [3, 2]
    assert answer.message.split("\n\n")[2].split("\n") == [
        "nearest misses, marked ~:", "  #3 ping: playhead is 2, not 10..", "  #2 ping: playhead is 1, not 10..",
    ]  # fmt: skip
    assert "~    3 " in answer.message


def test_a_misspelled_event_is_told_by_what_it_resembles(emulator: Emulator) -> None:
    play(emulator, "sessionComplete")
    answer = ask(emulator, {"event": "sesionComplete"})
    assert [miss.exchange.seq for miss in answer.nearest] == [2]
    with pytest.raises(ValueError, match="did you mean sessionComplete"):
        check({"event": "sesionComplete"}, count=0)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("abcdefgh", "abcdefgh"),
        ("abcdefghi", "abcdefg…"),
        ("映画映画", "映画映画"),
        ("映画映画映", "映画映…"),
        ("e\N{COMBINING ACUTE ACCENT}" * 8, "e\N{COMBINING ACUTE ACCENT}" * 8),
        ("a\nb", "a\\nb"),
    ],
)
def test_a_line_is_as_long_as_a_terminal_shows_it(text: str, shown: str) -> None:
    assert timeline_text.clip(text, 8) == shown


def test_an_event_of_wide_letters_keeps_the_columns(emulator: Emulator) -> None:
    session_id = start(emulator)
    send(emulator, session_id, "再生再生再生再生再生再生")
    lines = ask(emulator, {"event": "play"}).message.splitlines()
    (line,) = [line for line in lines if "再生" in line]
    assert line.split() == ["2", "0.000", "0.0", "再生再生再生再生…", "400"]
    assert timeline_text.columns(line) == len("     2     0.000       0.0  sessionStart           400")


def test_what_belongs_to_no_session_is_shown_too(emulator: Emulator) -> None:
    play(emulator)
    emulator.handle(post("/api/v1/sessions", b"{"))
    message = ask(emulator, {"verdict": "unknown"}).message
    assert "requests of no session: 1 request (1 bad)\n" in message
    assert "not-json: " in message


# -- no sessions ----------------------------------------------------------------------------------------------------------


def test_a_check_over_no_session_fails_unless_told_otherwise(emulator: Emulator) -> None:
    answers = [
        ask(emulator, {"event": "adStart"}, count=0),
        ask(emulator, {"event": "adStart"}, at_most=5),
        ask(emulator, sequence=["any*"]),
    ]
    for answer in answers:
        assert answer.result is Result.FAIL
        assert "no session was opened, so there is nothing to check" in first_sentence(answer)
    assert ask(emulator, {"event": "adStart"}, count=0, allow_no_sessions=True).passed
    assert ask(emulator, sequence=["any*"], allow_no_sessions=True).passed
    play(emulator)
    assert ask(emulator, {"event": "adStart"}, count=0).passed


def test_a_session_nobody_opened_is_no_session(emulator: Emulator) -> None:
    play(emulator)
    assert not ask(emulator, {"event": "ping", "session": "f" * 64}, count=0).passed


# -- eviction -------------------------------------------------------------------------------------------------------------


def full() -> tuple[Emulator, str, str]:
    """A log that let go of the beginning of its first session, and holds the whole of its second."""
    emulator = Emulator(seed=1, max_log_bytes=10_000)
    first = play(emulator)
    while not emulator.evicted:
        send(emulator, first, "ping")
    second = play(emulator, "play", "ping")
    assert emulator.requests(Match({"session": second}))[0].verdict == "created"
    return emulator, first, second


def test_evicted_requests_make_an_answer_inconclusive_only_where_they_could_change_it() -> None:
    emulator, first, second = full()
    held = len(emulator.requests(Match({"event": "ping"})))
    results = {
        "enough are there": ask(emulator, {"event": "ping"}, at_least=held),
        "more could have been": ask(emulator, {"event": "ping"}, at_least=held + 1),
        "too many are there": ask(emulator, {"event": "ping"}, at_most=held - 1),
        "few enough, of those that are left": ask(emulator, {"event": "ping"}, at_most=held),
        "exactly so many, of those that are left": ask(emulator, {"event": "ping"}, count=held),
        "none, of those that are left": ask(emulator, {"event": "adStart"}, count=0),
        "a whole session": ask(emulator, {"event": "ping", "session": second}, count=1),
        "a whole session without": ask(emulator, {"event": "adStart", "session": second}, at_least=1),
        "a session cut short": ask(emulator, {"event": "ping", "session": first}, count=100),
    }
    assert {name: str(answer.result) for name, answer in results.items()} == {
        "enough are there": "pass",
        "more could have been": "inconclusive",
        "too many are there": "fail",
        "few enough, of those that are left": "inconclusive",
        "exactly so many, of those that are left": "inconclusive",
        "none, of those that are left": "inconclusive",
        "a whole session": "pass",
        "a whole session without": "fail",
        "a session cut short": "inconclusive",
    }
    assert "evicted" in results["none, of those that are left"].message


def test_a_sequence_is_inconclusive_for_a_session_cut_short() -> None:
    emulator, first, second = full()
    assert ask(emulator, sequence=["sessionStart", "ping*"]).result is Result.FAIL, "the second session departs from it"
    assert ask(emulator, {"session": first}, sequence=["sessionStart", "ping*"]).result is Result.INCONCLUSIVE
    assert ask(emulator, {"session": second}, sequence=["sessionStart", "play", "ping"]).passed
    assert ask(emulator, sequence=["sessionStart", "play", "ping"]).result is Result.INCONCLUSIVE


# -- order ----------------------------------------------------------------------------------------------------------------

VIEW = ("play", "ping", "ping", "ping", "sessionComplete")


@pytest.mark.parametrize(
    "pattern",
    [
        ["sessionStart", "play", "ping*", "sessionComplete"],
        ["sessionStart", "play", "ping+", "sessionComplete"],
        ["sessionStart", "play", "ping{3}", "sessionComplete"],
        ["sessionStart", "play", "ping{1,3}", "sessionComplete"],
        ["sessionStart", "play", "ping{2,}", "sessionComplete"],
        ["sessionStart", "pauseStart?", "play", "ping", "ping", "ping", "sessionComplete"],
        ["sessionStart", "play|pauseStart", "ping*", "sessionComplete|sessionEnd"],
        ["sessionStart", "play", "!play+", "sessionComplete"],
        ["sessionStart", "!ping|adStart", "..."],
        ["any+"],
        ["any{6}"],
        ["..."],
        ["...", "sessionComplete"],
        ["sessionStart", "...", "ping", "sessionComplete"],
        ["sessionStart", {"event": "play"}, {"event": "ping+", "playhead": {"min": 2}}, "sessionComplete"],
        ["sessionStart", {"event": ["play", "ping"]}, "ping*", {"playhead": 5}],
        ["ping*", "sessionStart", "play", "ping*", "ping*", "sessionComplete", "sessionEnd?"],
    ],
)
def test_a_session_follows(emulator: Emulator, pattern: list[Any]) -> None:
    play(emulator, *VIEW)
    answer = ask(emulator, sequence=pattern)
    assert answer.passed, answer.message
    assert answer.matched == 1


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (["sessionStart", "play"], "#3 is ping, where the end was due"),
        (["sessionStart", "play", "ping*", "sessionEnd"], "#6 is sessionComplete, where ping or sessionEnd was due"),
        (["sessionStart", "play", "ping{2}", "sessionComplete"], "#5 is ping, where sessionComplete was due"),
        (["sessionStart", "play", "ping{4,}", "sessionComplete"], "#6 is sessionComplete, where ping was due"),
        (["...", "sessionEnd"], "it stops after #6 sessionComplete, where sessionEnd was due"),
        (["sessionStart", "adStart?", "pauseStart"], "#2 is play, where adStart or pauseStart was due"),
        (["sessionStart", "!play"], "#2 is play, where !play was due"),
        (["sessionStart", "play", {"event": "ping*", "playhead": {"max": 3}}, "sessionComplete"],
         "#5 is ping, where ping*(playhead=..3) or sessionComplete was due"),
    ],
)  # fmt: skip
def test_a_session_departs(emulator: Emulator, pattern: list[Any], reason: str) -> None:
    session_id = play(emulator, *VIEW)
    answer = ask(emulator, sequence=pattern)
    assert answer.result is Result.FAIL
    assert first_sentence(answer).endswith(f"session {session_id[:8]}: {reason}")


def test_with_gaps_other_events_may_stand_anywhere(emulator: Emulator) -> None:
    play(emulator, *VIEW)
    assert ask(emulator, sequence=["play", "sessionComplete"], gaps=True).passed
    assert ask(emulator, sequence=["ping{3}"], gaps=True).passed
    assert not ask(emulator, sequence=["sessionComplete", "play"], gaps=True).passed
    assert not ask(emulator, sequence=["ping{4}"], gaps=True).passed


def test_the_whole_message_of_a_failing_sequence(emulator: Emulator) -> None:
    session_id = play(emulator, "play", "ping", "pauseStart", "sessionEnd")
    message = ask(emulator, sequence=["sessionStart", "play", "ping*", "sessionEnd"]).message
    assert message.replace(session_id[:8], "760a24cc") == (
        "expected the session to send sessionStart play ping*\n"
        "sessionEnd, but\n"
        "  session 760a24cc: #4 is pauseStart, where ping or sessionEnd was due\n"
        "\n"
        'session 760a24cc, ended: 5 requests (5 good), "film-1"\n'
        "   seq      time  playhead  event               status\n"
        ">    1     0.000       0.0  sessionStart           201\n"
        ">    2     1.000       1.0  play                   204\n"
        ">    3     2.000       2.0  ping                   204\n"
        "x    4     3.000       3.0  pauseStart             204\n"
        "     5     4.000       4.0  sessionEnd             204"
    )


def test_every_session_must_follow(emulator: Emulator) -> None:
    good, bad = play(emulator, "play"), play(emulator, "ping")
    answer = ask(emulator, sequence=["sessionStart", "play"])
    assert not answer.passed
    assert answer.matched == 1
    assert f"session {bad[:8]}: #4" in answer.message
    assert f"session {good[:8]}" not in answer.message
    assert ask(emulator, {"session": good}, sequence=["sessionStart", "play"]).passed


def test_events_stand_in_the_order_they_are_processed_in(emulator: Emulator) -> None:
    """A client that posts in parallel is judged by its own timestamps, as the real service does."""
    session_id = start(emulator)
    send(emulator, session_id, "ping", 2, ts=1_700_000_002_000)
    send(emulator, session_id, "play", 0, ts=1_700_000_001_000)
    assert ask(emulator, sequence=["sessionStart", "play", "ping"]).passed


def test_rejected_events_are_not_part_of_it_unless_asked_for(emulator: Emulator) -> None:
    session_id = play(emulator, "play")
    emulator.handle(post(f"/api/v1/sessions/{session_id}/events", {"eventType": "ping"}))
    send(emulator, session_id, "adStart", 1, params=AD, ts=1_700_000_001_500)
    assert ask(emulator, sequence=["sessionStart", "play", "adStart"]).passed
    assert ask(emulator, {"outcome": ["good", "bad"]}, sequence=["sessionStart", "play", "ping"]).passed
    assert ask(emulator, {"outcome": "ignored"}, sequence=["adStart"]).passed


def test_content_delivered_whole_is_a_sequence_too(emulator: Emulator) -> None:
    events = [body("sessionStart"), body("play", ts=1_700_000_001_000), body("sessionEnd", ts=1_700_000_002_000)]
    answer = emulator.handle(post("/api/v1/downloaded", events))
    assert answer.response.status == 201, answer.response.body
    assert ask(emulator, sequence=["sessionStart", "play", "sessionEnd"]).passed
    assert not ask(emulator, sequence=["sessionStart", "sessionEnd"]).passed


def test_an_item_is_either_what_the_language_knows_or_an_error_that_names_it() -> None:
    wrong = {
        "pnig": "sequence item 1, 'pnig', names no event type pnig (did you mean ping?)",
        "play ping": "sequence item 1, 'play ping', is not an event",
        "ping**": "sequence item 1, 'ping**', is not an event",
        "": "sequence item 1, '', is not an event",
        "ping{3,2}": "in 'ping{3,2}' the numbers must rise and be at most 1000",
        "ping{0}": "in 'ping{0}' the numbers must rise",
        "ping{1001}": "in 'ping{1001}' the numbers must rise and be at most 1000",
    }
    for item, message in wrong.items():
        with pytest.raises(ValueError) as raised:  # noqa: PT011 - compared below
            Pattern([item])
        assert str(raised.value).startswith(message)
    with pytest.raises(ValueError, match="sequence must be a list of events"):
        Pattern([])
    with pytest.raises(ValueError, match="sequence must be a list of events"):
        Pattern("play")
    with pytest.raises(ValueError, match="sequence item 1 must be text or a match, not 3"):
        Pattern([3])  # type: ignore[list-item]
    with pytest.raises(ValueError, match=r"match\.playhed is not known \(did you mean playhead\?\)"):
        Pattern([{"event": "ping", "playhed": 3}])


def test_a_pattern_of_many_stars_is_decided_at_once(emulator: Emulator) -> None:
    play(emulator, *["ping"] * 300)
    assert not ask(emulator, sequence=["sessionStart", *["ping*"] * 300, "play"]).passed


# -- asking ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (None, "the body must be an object"),
        ({"mach": {}}, "mach is not known (did you mean match?); use match, count, atLeast"),
        ({"match": "ping"}, "match must be an object of fields and wanted values, not 'ping'"),
        ({"match": {"evnt": 1}}, "match.evnt is not known (did you mean event?)"),
        ({"count": "2"}, "count must be a whole number of 0 or more, not '2'"),
        ({"count": -1}, "count must be a whole number of 0 or more, not -1"),
        ({"count": 1, "atLeast": 1}, "count is exact"),
        ({"atLeast": 3, "atMost": 2}, "at_least is 3, which is more than at_most, 2"),
        ({"within": -1}, "within must be 0 to 3600 seconds, not -1"),
        ({"within": True}, "within must be 0 to 3600 seconds, not True"),
        ({"sequence": ["play"], "count": 1}, "sequence and count exclude each other"),
        ({"gaps": True}, "gaps is for a sequence"),
        ({"gaps": "yes"}, "gaps must be true or false, not 'yes'"),
        ({"sequence": "play"}, "sequence must be a list of events"),
        ({"allowNoSessions": 1}, "allowNoSessions must be true or false, not 1"),
    ],
)
def test_a_wrong_question_says_what_is_allowed(asked: Any, message: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - compared below
        check_from_json(asked)
    assert str(raised.value).startswith(message)


def test_what_was_expected_is_what_was_asked(emulator: Emulator) -> None:
    for asked in (
        {"match": {"event": "ping"}, "count": 2},
        {"match": {"event": "ping", "playhead": {"min": 1}}, "atLeast": 1},
        {"match": {}, "atLeast": 0, "atMost": 3, "within": 0.0},
        {"match": {"session": "x"}, "sequence": ["play", {"event": "ping*"}], "gaps": True},
    ):
        assert emulator.verify(check_from_json(asked)).expected == asked


# -- the timeline ---------------------------------------------------------------------------------------------------------


def test_a_long_session_is_told_in_a_bounded_number_of_lines(emulator: Emulator) -> None:
    session_id = start(emulator)
    for number in range(600):
        event = ("ping", "play", "pauseStart")[number % 3]
        send(emulator, session_id, event, number, ts=1_700_000_000_000 + number * 1000)
    message = ask(emulator, {"event": "ping"}, count=0).message
    assert len(message.split("\n")) < 300
    assert max(map(len, message.split("\n"))) <= timeline_text.WIDTH
    assert "more (" in message
    assert "   601 " in message


def test_hostile_text_stays_on_its_line(emulator: Emulator) -> None:
    """Names with control characters, and values as long as they come, cannot repaint a terminal."""
    session_id = start(emulator)
    value = {"eventType": "\x1b[2Jping\n" + "x" * 300, "playerTime": {"playhead": 1e300, "ts": 1}}
    emulator.handle(post(f"/api/v1/sessions/{session_id}/events", value))
    emulator.handle(post("/\u2028" + "y" * 500, b""))
    message = ask(emulator, {"event": "adStart"}).message
    assert "\x1b" not in message
    assert max(map(len, message.split("\n"))) <= timeline_text.WIDTH


def test_verification_is_a_pure_function(emulator: Emulator) -> None:
    """The same log and the same question give the same answer, and asking leaves no trace."""
    play(emulator, *VIEW)
    asked = check({"event": "adStart"})
    before = emulator.summary()
    assert verify(emulator, asked) == verify(emulator, asked) == emulator.verify(asked)
    assert emulator.summary() == before


# -- waiting --------------------------------------------------------------------------------------------------------------


def test_a_wait_ends_with_the_arrival(emulator: Emulator) -> None:
    session_id = start(emulator)
    with ThreadPoolExecutor(1) as pool:
        waiter = pool.submit(emulator.verify, waiting({"event": "ping"}, count=2, timeout=30))
        send(emulator, session_id, "ping")
        assert not waiter.done()
        send(emulator, session_id, "ping")
        assert [one.seq for one in waiter.result(10).requests] == [2, 3]


def test_a_wait_that_is_not_met_shows_what_came(emulator: Emulator) -> None:
    play(emulator, "ping")
    answer = emulator.verify(waiting({"event": "ping"}, count=2, timeout=0.01))
    assert not answer.passed
    assert answer.matched == 1
    assert first_sentence(answer) == "expected at least 2 requests with event=ping within 0.01 s, but only 1 came"
    with pytest.raises(ValueError, match="count must be 1 or more"):
        emulator.wait_for(Match(), 0)


def test_a_wait_sees_an_outcome_that_a_later_event_decides(emulator: Emulator) -> None:
    """The adStart is accepted and good until its session says otherwise; the wait asks again when more arrives."""
    session_id = start(emulator)
    with ThreadPoolExecutor(1) as pool:
        waiter = pool.submit(emulator.wait_for, Match({"event": "adStart", "outcome": "ignored"}), 1, 30)
        send(emulator, session_id, "play", 0, ts=1_700_000_000_001)
        send(emulator, session_id, "adStart", 1, params=AD, ts=1_700_000_000_002)
        assert [one.event_type for one in waiter.result(10)] == ["adStart"]


def test_what_found_and_was_evicted_since_counts(emulator: Emulator) -> None:
    small = Emulator(seed=1, max_log_bytes=3000)
    session_id = start(small)
    with ThreadPoolExecutor(1) as pool:
        waiter = pool.submit(small.wait_for, Match({"event": "ping"}), 2, 30)
        send(small, session_id, "ping")
        while not waiter.done():
            send(small, session_id, "play")
            if small.evicted > 20:
                send(small, session_id, "ping")
        assert len(waiter.result()) >= 2


def test_a_reset_lets_a_wait_begin_again(emulator: Emulator) -> None:
    send(emulator, start(emulator), "ping")
    with ThreadPoolExecutor(1) as pool:
        waiter = pool.submit(emulator.verify, waiting({"event": "ping"}, count=2, timeout=30))
        emulator.reset()
        session_id = start(emulator)
        send(emulator, session_id, "ping")
        assert not waiter.done()
        send(emulator, session_id, "ping")
        assert [one.session_id for one in waiter.result(10).requests] == [session_id] * 2


def test_never_within_fails_with_the_arrival_and_passes_with_the_time(emulator: Emulator) -> None:
    session_id = start(emulator)
    assert emulator.verify(check({"event": "ping"}, count=0, within=0.01)).passed
    with ThreadPoolExecutor(1) as pool:
        waiter = pool.submit(emulator.verify, check({"event": "ping"}, count=0, within=30))
        send(emulator, session_id, "ping")
        answer = waiter.result(10)
    assert answer.result is Result.FAIL
    assert first_sentence(answer) == "expected no request with event=ping within 30 s, but 1 came"


def test_a_sequence_within_passes_as_soon_as_it_holds(emulator: Emulator) -> None:
    session_id = start(emulator)
    with ThreadPoolExecutor(1) as pool:
        waiter = pool.submit(emulator.verify, check(sequence=["sessionStart", "play"], within=30))
        send(emulator, session_id, "play")
        assert waiter.result(10).passed


@pytest.mark.long
def test_ten_thousand_waits_never_miss_an_arrival_that_races_with_them() -> None:
    """One thread sends, one waits for the very event being sent; had one been missed, its wait would take a minute."""
    emulator = Emulator(seed=1)
    session_id = start(emulator)
    asked = threading.Semaphore(0)

    def sender() -> None:
        for number in range(10_000):
            asked.acquire()
            send(emulator, session_id, "ping", number)

    thread = threading.Thread(target=sender)
    thread.start()
    for number in range(10_000):
        asked.release()
        (found,) = emulator.wait_for(Match({"session": session_id, "event": "ping", "playhead": number}), timeout=60)
        assert found.playhead == number
        if number % 10 == 0:
            emulator.clear_log()
    thread.join()


@pytest.mark.long
async def test_waits_on_a_loop_never_miss_an_arrival_from_another_thread() -> None:
    emulator = Emulator(seed=1)
    session_id = start(emulator)
    loop = asyncio.get_running_loop()
    for number in range(1000):
        arrival = loop.run_in_executor(None, send, emulator, session_id, "ping", number)
        answer = await shell.verify(emulator, waiting({"event": "ping", "playhead": number}, timeout=60))
        assert answer.matched == 1
        await arrival
        if number % 10 == 0:
            emulator.clear_log()


async def test_many_waits_are_answered_by_one_arrival() -> None:
    emulator = Emulator(seed=1)
    session_id = start(emulator)
    waits = [asyncio.create_task(shell.verify(emulator, waiting({"event": "ping"}, timeout=60))) for _ in range(200)]
    await asyncio.sleep(0)
    send(emulator, session_id, "ping")
    assert [answer.matched for answer in await asyncio.gather(*waits)] == [1] * 200


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the log's entries that exchanges are built of, as they are."""
    seqs: list[int] = []
    build = Analysis.exchange

    def counting(self: Analysis, entry: Entry) -> Exchange:
        seqs.append(entry.seq)
        return build(self, entry)

    monkeypatch.setattr(Analysis, "exchange", counting)
    return seqs


def test_waiting_beside_a_large_log_looks_only_at_what_is_new(emulator: Emulator, built: list[int]) -> None:
    play(emulator, *["ping"] * 500)
    session_id = start(emulator)
    built.clear()
    with ThreadPoolExecutor(1) as pool:
        waiter = pool.submit(emulator.wait_for, Match({"session": session_id, "event": "ping"}), 50, 30)
        for _ in range(50):
            send(emulator, session_id, "ping")
        assert len(waiter.result(10)) == 50
    assert len(built) == 50


# -- the control API ------------------------------------------------------------------------------------------------------


def control(server: McmockServer, path: str, value: Any) -> tuple[int, Any]:
    request = HttpRequest(f"{server.admin_url}{path}", json.dumps(value).encode(), {"Content-Type": "application/json"})
    try:
        with urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_find_takes_a_match_as_body(mcmock_server: McmockServer) -> None:
    play(mcmock_server.emulator, "ping", "play", "ping")
    status, found = control(mcmock_server, "/requests/find?order=desc&limit=1", {"event": "ping"})
    assert status == 200
    assert (found["matched"], [one["playhead"] for one in map(_time, found["requests"])]) == (2, [3])
    status, refused = control(mcmock_server, "/requests/find", {"match": {"event": "ping"}})
    assert (status, "the body is the match itself" in refused["error"]["message"]) == (400, True)
    assert control(mcmock_server, "/requests/find", {"evnt": "x"}) == (
        400, {"error": {"code": "bad-request", "message": str(_error({"evnt": "x"}))}},
    )  # fmt: skip
    assert control(mcmock_server, "/requests/find", ["ping"])[0] == 400


def _time(exchange: dict[str, Any]) -> dict[str, Any]:
    return dict(exchange["body"]["playerTime"])


def _error(wanted: dict[str, Any]) -> ValueError:
    with pytest.raises(ValueError, match="is not known") as raised:
        Match(wanted)
    return raised.value


def test_verify_answers_the_same_as_in_python(mcmock_server: McmockServer) -> None:
    play(mcmock_server.emulator, *VIEW)
    for asked in (
        {"match": {"event": "ping"}, "count": 3},
        {"match": {"event": "ping", "playhead": {"min": 9}}, "atLeast": 1},
        {"sequence": ["sessionStart", "play", "ping*", "sessionEnd"]},
    ):
        status, answer = control(mcmock_server, "/verify", asked)
        here = mcmock_server.emulator.verify(check_from_json(asked))
        assert status == 200
        assert (answer["result"], answer["matched"], answer["message"]) == (here.result, here.matched, here.message)
        assert [one["seq"] for one in answer["requests"]] == [one.seq for one in here.requests]
        assert [one["request"]["seq"] for one in answer["nearest"]] == [miss.exchange.seq for miss in here.nearest]


def test_a_near_miss_names_field_wanted_and_got(mcmock_server: McmockServer) -> None:
    play(mcmock_server.emulator, "ping")
    answer = control(mcmock_server, "/verify", {"match": {"event": "ping", "playhead": {"min": 9}}})[1]
    assert answer["expected"] == {"match": {"event": "ping", "playhead": {"min": 9}}, "atLeast": 1}
    (miss,) = answer["nearest"]
    assert miss["differences"] == [{"field": "playhead", "wanted": {"min": 9}, "got": 1}]


def test_strict_turns_what_did_not_pass_into_a_409(mcmock_server: McmockServer) -> None:
    play(mcmock_server.emulator, "ping")
    assert control(mcmock_server, "/verify?strict=1", {"match": {"event": "ping"}})[0] == 200
    status, answer = control(mcmock_server, "/verify?strict=1", {"match": {"event": "adStart"}})
    assert (status, answer["result"]) == (409, "fail")
    assert control(mcmock_server, "/requests/wait?strict=1", {"match": {"event": "adStart"}, "timeout": 0})[0] == 409
    assert control(mcmock_server, "/verify?strict=yes", {})[0] == 400


def test_wait_is_answered_by_arrival_and_blocks_nobody(mcmock_server: McmockServer) -> None:
    session_id = start(mcmock_server.emulator)
    with ThreadPoolExecutor(8) as pool:
        asked = {"match": {"event": "ping"}, "count": 1, "timeout": 30}
        waits = [pool.submit(control, mcmock_server, "/requests/wait", asked) for _ in range(8)]
        assert control(mcmock_server, "/verify", {})[0] == 200
        send(mcmock_server.emulator, session_id, "ping")
        answers = [wait.result(20) for wait in waits]
    assert [(status, answer["result"], answer["matched"]) for status, answer in answers] == [(200, "pass", 1)] * 8


def test_wait_says_what_came_instead_when_time_is_up(mcmock_server: McmockServer) -> None:
    play(mcmock_server.emulator, "ping")
    status, answer = control(mcmock_server, "/requests/wait", {"match": {"event": "adStart"}, "timeout": 0.01})
    assert (status, answer["result"], answer["matched"]) == (200, "fail", 0)
    assert "ping" in answer["message"]
    assert control(mcmock_server, "/requests/wait", {"timeout": "long"})[1]["error"]["message"] == (
        "timeout must be 0 to 3600 seconds, not 'long'"
    )


# -- a large log ----------------------------------------------------------------------------------------------------------


def test_a_scan_of_the_log_is_the_same_as_asking_for_each_number() -> None:
    """Across blocks, after evictions, after the log was emptied in the midst of a block, from any start, both ways."""
    emulator = Emulator(seed=1, max_log_bytes=150_000)
    session_id = start(emulator)
    for number in range(700):
        send(emulator, session_id, "ping", number)
        if number == 99:
            emulator.clear_log()
        if number % 97 == 0 or emulator.evicted in (1, 2):
            for since in (0, 50, 255, 256, 511, number, number + 5):
                one_by_one = [one for seq in range(since + 1, emulator.last_seq + 1) if (one := emulator.request(seq))]
                assert emulator.requests(since=since) == one_by_one
                assert emulator.requests(since=since, newest_first=True) == one_by_one[::-1]
    assert emulator.evicted > 256


def test_a_query_builds_no_exchange_that_its_columns_rule_out(emulator: Emulator, built: list[int]) -> None:
    """So that one session, one event type or the rejected ones are found in a log of a million without judging it."""
    play(emulator, *["ping"] * 300)
    session_id = play(emulator, "play")
    emulator.handle(post("/api/v1/sessions", b"{"))
    for wanted, seqs in (
        ({"event": "play"}, [303]),
        ({"session": session_id}, [302, 303]),
        ({"outcome": "bad"}, [304]),
        ({"outcome": ["bad", "faulted", "other"]}, [304]),
        ({"verdict": "broken"}, []),
        ({"status": {"min": 400}}, [304]),
        ({"path": {"matches": f"{session_id}/events$"}}, [303]),
    ):
        built.clear()
        assert [one.seq for one in emulator.requests(Match(wanted))] == seqs
        assert built == seqs
