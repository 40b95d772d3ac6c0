"""What every store keeps, and keeps to: the same tests over memory, a file and a Redis; then what each does on its own."""

from __future__ import annotations

import json
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from shutil import copytree, rmtree
from typing import Any

import pytest

from mcmock import faults
from mcmock.core import clock
from mcmock.core.match import Match
from mcmock.core.model import Delivery, FaultHit, Finding, Kind, Outcome, Severity, Verdict
from mcmock.core.sessions import Phase, Session
from mcmock.engine import DEFAULT_SCOPE, Emulator
from mcmock.engine.changes import Row, StoreUnavailable
from mcmock.engine.log import Entry
from mcmock.engine.scopes import Scopes
from mcmock.faults.active import RulesSnapshot
from mcmock.storage import Store, codec, journal_batch, open_store, read_journal, sqlite
from mcmock.storage.redis import RedisStore
from mcmock.storage.worker import BackgroundWorker
from mcmock.testing.server import McmockServer
from tests import programs
from tests.conftest import Wire, body, post, send, start
from tests.redis_server import RedisServer, needs_redis

KINDS = ["memory", "sqlite", pytest.param("redis", marks=needs_redis)]
KEEPING = KINDS[1:]


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    server = RedisServer()
    yield server
    server.stop()


Opener = Callable[[], Store]


@pytest.fixture
def opened() -> Iterator[list[Store]]:
    stores: list[Store] = []
    yield stores
    for store in stores:
        store.close()


def opener(kind: str, request: pytest.FixtureRequest, opened: list[Store]) -> Opener:
    """Opens the same store each time."""
    spec = kind
    if kind == "sqlite":
        spec = f"sqlite:{request.getfixturevalue('tmp_path') / 'journal.db'}"
    elif kind == "redis":
        spec = f"{request.getfixturevalue('redis_server').url}?prefix={request.node.name}"

    def open_it() -> Store:
        opened.append(open_store(spec))
        return opened[-1]

    return open_it


@pytest.fixture(params=KINDS)
def open_any(request: pytest.FixtureRequest, opened: list[Store]) -> Opener:
    return opener(request.param, request, opened)


@pytest.fixture(params=KEEPING)
def open_keeping(request: pytest.FixtureRequest, opened: list[Store]) -> Opener:
    return opener(request.param, request, opened)


@pytest.fixture
def kept(open_any: Opener) -> Emulator:
    return open_any().emulator(seed=1)


def status(emulator: Emulator, session_id: str, event_type: str = "ping", playhead: float = 0) -> int:
    return send(emulator, session_id, event_type, playhead).response.status


def again(open_it: Opener, emulator: Emulator, **options: Any) -> Emulator:
    """Another process on the same store, after the first has stopped."""
    emulator.close()
    return open_it().emulator(**options)


# -- the same over all ----------------------------------------------------------------------------------------------------


def test_a_session_from_start_to_end(kept: Emulator) -> None:
    sid = start(kept)
    assert [status(kept, sid, event) for event in ("play", "ping", "sessionEnd", "ping")] == [204, 204, 204, 410]
    assert kept.summary()._asdict() == {
        "total": 5, "good": 4, "bad": 1, "ignored": 0, "faulted": 0, "other": 0, "evicted": 0, "sessions": 1, "broken": 0,
        "forgotten": 0,
    }  # fmt: skip
    assert kept.sessions()[0].report.content_starts == 1


def test_ids_are_the_same_for_the_same_seed_in_every_store(kept: Emulator) -> None:
    plain = Emulator(seed=1)
    assert [start(kept) for _ in range(3)] == [start(plain) for _ in range(3)]
    kept.reset()
    assert start(kept) == start(Emulator(seed=1))


def test_entries_are_numbered_from_one_and_go_on_after_a_reset(kept: Emulator) -> None:
    sid = start(kept)
    answers = [send(kept, sid, "ping").seq for _ in range(3)]
    assert answers == [2, 3, 4]
    kept.reset()
    start(kept)
    assert [exchange.seq for exchange in kept.requests()] == [5]


def test_the_log_holds_what_came_byte_for_byte(kept: Emulator) -> None:
    sent = bytes(range(256))
    kept.handle(post("/api/v1/sessions?x=%C3%A9", sent, (b"X-Odd", b"\xff\x00"), (b"x-odd", b"\xc3\xa9")))
    (exchange,) = kept.requests()
    assert exchange.body_bytes == sent
    assert exchange.request_headers == (("X-Odd", "\xff\x00"), ("x-odd", "\xc3\xa9"))
    assert exchange.path == "/api/v1/sessions?x=%C3%A9"
    assert (exchange.verdict, exchange.status) == (Verdict.MALFORMED, 400)
    assert exchange.response_body.startswith(b'{"message"')


def test_time_advances_freezes_and_closes_sessions(kept: Emulator) -> None:
    kept.freeze()
    sid, before = start(kept), kept.now
    assert kept.advance(599) == before + 599
    assert status(kept, sid) == 204
    kept.advance(600)
    assert status(kept, sid) == 410
    assert kept.sessions()[0].state == Phase.IDLE
    assert kept.frozen
    kept.resume()
    assert not kept.frozen
    with pytest.raises(ValueError, match="cannot go back"):
        kept.advance(-1)


def test_expire_and_forget(kept: Emulator) -> None:
    first, second = start(kept), start(kept)
    assert (kept.expire(first), kept.forget(second), kept.expire("f" * 64)) == (True, True, False)
    assert (status(kept, first), status(kept, second)) == (410, 404)


def test_faults_fire_as_often_as_they_say(kept: Emulator) -> None:
    sid = start(kept)
    kept.add_fault(faults.status(503, event="ping", skip=1, times=2))
    assert [status(kept, sid) for _ in range(5)] == [204, 503, 503, 204, 204]
    assert [(state.hits, state.active) for state in kept.faults()] == [(2, False)]
    assert [exchange.verdict for exchange in kept.requests(Match({"outcome": "faulted"}))] == [Verdict.FAULTED] * 2
    with pytest.raises(ValueError, match="already a fault"):
        kept.add_fault(faults.reset(name=kept.faults()[0].rule.name))
    kept.clear_faults()
    assert kept.faults() == []


def test_faults_that_act_on_sessions_and_that_count_by_session(kept: Emulator) -> None:
    first, second = start(kept), start(kept)
    kept.add_fault(faults.expire_session(event="ping", per="session", skip=1))
    assert [status(kept, sid) for sid in (first, second, first, second)] == [204, 204, 410, 410]
    assert [exchange.fault.rule for exchange in kept.requests(Match({"status": 410})) if exchange.fault] == [
        "expire-session", "expire-session",
    ]  # fmt: skip


def test_an_after_fault_may_ask_for_the_outcome(kept: Emulator) -> None:
    sid = start(kept)
    kept.add_fault(faults.status(500, side="after", outcome="good", event="play", times=1))
    assert [status(kept, sid, "play") for _ in range(2)] == [500, 204]
    assert kept.summary().good == 3
    assert kept.sessions()[0].report.content_starts == 1


def test_deliveries_are_noted(kept: Emulator) -> None:
    sid = start(kept)
    answer = send(kept, sid, "ping")
    kept.settle(answer.seq, Delivery.SENT)
    assert [exchange.delivery for exchange in kept.requests()] == [Delivery.PENDING, Delivery.SENT]


def test_clearing_the_log_leaves_the_sessions(kept: Emulator) -> None:
    sid = start(kept)
    kept.clear_log()
    assert kept.summary().total == 0
    assert status(kept, sid) == 204
    assert [exchange.seq for exchange in kept.requests()] == [2]


def test_what_the_fast_path_did_to_a_session_outlives_a_log_that_is_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "journal.db"
    with McmockServer(store=f"sqlite:{file}") as server, Wire(server.url) as wire:
        session_id = start(server.emulator)

        def ping(*playheads: int) -> None:
            for playhead in playheads:
                answer = wire.post(
                    f"/api/v1/sessions/{session_id}/events", body("ping", playhead), "Content-Type: application/json"
                )
                assert answer.startswith(b"HTTP/1.1 204 ")

        ping(1, 2, 3)
        deadline = time.monotonic() + 10
        while len(list(read_journal(file))) < 4:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        monkeypatch.setattr(sqlite, "BATCH_DELAY", 60)  # nothing more is written before the end
        ping(4, 5)
        server.emulator.clear_log()
    emulator = open_store(f"sqlite:{file}").emulator()
    assert emulator.engine.state.sessions[session_id].playhead == 5
    assert emulator.summary().total == 0
    emulator.close()


def test_a_reset_forgets_everything_but_the_rules_it_began_with(open_any: Opener) -> None:
    emulator = open_any().emulator(faults=[faults.status(503, event="ping", times=1)])
    sid = start(emulator)
    assert [status(emulator, sid) for _ in range(2)] == [503, 204]
    emulator.add_fault(faults.status(500, event="play"))
    emulator.advance(1000)
    emulator.reset()
    assert (emulator.summary().total, emulator.sessions()) == (0, [])
    assert abs(emulator.now - Emulator().now) < 5
    assert status(emulator, sid) == 503  # the rule that it began with counts afresh
    assert status(emulator, sid) == 404
    assert [state.rule.attributes["code"] for state in emulator.faults()] == [503]


def test_a_full_log_lets_the_oldest_go_and_counts_them(open_any: Opener) -> None:
    emulator = open_any().emulator(max_log_bytes=20_000)
    sid = start(emulator)
    for _ in range(100):
        status(emulator, sid)
    summary = emulator.summary()
    assert summary.total + summary.evicted == 101
    assert 5 < summary.total < 60
    assert emulator.requests()[-1].seq == 101


def test_many_threads_lose_and_double_nothing(kept: Emulator) -> None:
    sids = [start(kept) for _ in range(4)]
    answers: list[int] = []

    def play(number: int) -> None:
        for playhead in range(25):
            answers.append(send(kept, sids[number % 4], "ping", playhead).seq)  # noqa: PERF401  # one by one: others wait

    threads = [threading.Thread(target=play, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == list(range(5, 205))
    assert [exchange.seq for exchange in kept.requests()] == list(range(1, 205))
    assert [len(view.exchanges) for view in kept.sessions()] == [51] * 4


def test_closed_sessions_beyond_the_bound_are_forgotten_in_the_store_too(
    open_any: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcmock.engine.engine.MAX_SESSIONS", 20)
    emulator = open_any().emulator()
    emulator.add_fault(faults.expire_session(event="ping"))
    first = start(emulator)
    assert status(emulator, first) == 410
    for _ in range(19):
        status(emulator, start(emulator), "sessionEnd")
    emulator.clear_log()
    later = [start(emulator) for _ in range(30)]
    summary = emulator.summary()
    assert summary.sessions + summary.forgotten == 50
    assert summary.forgotten == 20
    assert [status(emulator, one) for one in (first, later[0])] == [404, 204]
    if emulator.has_store:
        other = again(open_any, emulator)
        assert [view.id for view in other.sessions()] == later


def test_listeners_are_told_once_of_each_thing(kept: Emulator) -> None:
    told: list[tuple[str, int]] = []
    kept.subscribe(lambda notice: told.append((notice.what, notice.seq)))
    sid = start(kept)
    kept.settle(1, Delivery.SENT)
    status(kept, sid)
    kept.add_fault(faults.status(503, times=1))
    kept.advance(1)
    kept.catch_up()
    kept.reset()
    kept.catch_up()
    assert told[:5] == [("exchange", 1), ("delivery", 1), ("exchange", 2), ("faults", 0), ("clock", 0)]
    assert {what for what, _ in told[5:]} == {"cleared", "reset"}
    assert len(told) == 7


def test_waiting_is_answered_by_arrival(kept: Emulator) -> None:
    sid = start(kept)
    timer = threading.Timer(0.05, status, (kept, sid))
    timer.start()
    assert len(kept.wait_for(Match({"event": "ping"}), timeout=5)) == 1
    timer.join()


# -- what outlives a process ----------------------------------------------------------------------------------------------


def test_log_sessions_time_and_seed_outlive_the_process(open_keeping: Opener) -> None:
    first = open_keeping().emulator(seed=9)
    sid = start(first)
    status(first, sid, "play")
    first.settle(1, Delivery.SENT)
    first.advance(300)
    ended = start(first)
    status(first, ended, "sessionEnd")
    second = again(open_keeping, first)
    assert second.seed == 9
    assert second.summary() == first.summary()
    assert second.requests() == first.requests()
    assert [exchange.delivery for exchange in second.requests()][:2] == [Delivery.SENT, Delivery.PENDING]
    assert abs(second.now - first.now) < 5
    assert [view.session for view in second.sessions()] == [view.session for view in first.sessions()]
    assert second.sessions()[0].report.to_json() == first.sessions()[0].report.to_json()
    assert [status(second, one) for one in (sid, ended)] == [204, 410]
    assert start(second) not in (sid, ended)
    assert second.requests()[-1].seq == 7


def test_a_session_that_timed_out_while_the_server_was_down_is_gone(open_keeping: Opener) -> None:
    first = open_keeping().emulator()
    sid = start(first)
    second = again(open_keeping, first)
    second.advance(601)
    assert status(second, sid) == 410


def test_what_was_reset_stays_so(open_keeping: Opener) -> None:
    first = open_keeping().emulator(seed=3)
    sid = start(first)
    first.advance(50)
    first.reset()
    second = again(open_keeping, first)
    assert (second.summary().total, second.sessions(), second.seed) == (0, [], 3)
    assert status(second, sid) == 404
    assert second.requests()[0].seq == 2


def test_named_scopes_are_kept_apart_and_found_by_session_id(open_keeping: Opener) -> None:
    scopes = Scopes(open_keeping().emulator(seed=1))
    sid = start(scopes.named("one"))
    start(scopes.default)
    scopes.close()
    later = Scopes(open_keeping().emulator())
    emulator, answer = later.handle(post(f"/api/v1/sessions/{sid}/events", body("ping")))
    assert (emulator.scope, answer.response.status) == ("one", 204)
    assert (later.default.summary().total, emulator.summary().total) == (1, 2)
    assert [exchange.scope for exchange in emulator.requests()] == ["one", "one"]


def test_a_file_is_asked_for_the_scope_of_a_session_only_if_it_may_know_one(
    opened: list[Store], tmp_path: Path
) -> None:
    def open_it() -> Scopes:
        opened.append(open_store(f"sqlite:{tmp_path / 'journal.db'}"))
        return Scopes(opened[-1].emulator(seed=1))

    scopes = open_it()
    start(scopes.default)
    assert scopes.is_one
    start(scopes.named("one"))
    assert not scopes.is_one
    scopes.forget("one")
    assert not scopes.is_one  # the file knows it still
    scopes.close()
    assert not open_it().is_one


def test_an_unknown_session_is_unknown_with_a_store_too(open_keeping: Opener) -> None:
    scopes = Scopes(open_keeping().emulator())
    emulator, answer = scopes.handle(post(f"/api/v1/sessions/{'e' * 64}/events", body("ping")))
    assert (emulator.scope, answer.response.status) == (DEFAULT_SCOPE, 404)


def test_another_seed_may_be_asked_for(open_keeping: Opener) -> None:
    first = open_keeping().emulator(seed=1)
    second = again(open_keeping, first, seed=2)
    third = again(open_keeping, second)
    assert (second.seed, third.seed) == (2, 2)


# -- texts ----------------------------------------------------------------------------------------------------------------

ENTRY = Entry(
    7, 1.5, Kind.EVENT, "POST", "/x\u00ff", ((b"A", b"\xff"),), bytes(range(256)), "ping", "s", Verdict.ACCEPTED, 204,
    "B: \u00ff", b"\x00", (Finding("r", Severity.INFO, "$", "m\u2603", "s"),),
    FaultHit("r", "reset", "before", 0.25), True, "media-collection",
)  # fmt: skip


def test_an_entry_reads_back_as_it_was() -> None:
    assert codec.entry_from(7, codec.entry_text(tuple(ENTRY))) == ENTRY
    plain = ENTRY._replace(event_type=None, session_id=None, fault=None, findings=())
    assert codec.entry_from(7, codec.entry_text(tuple(plain))) == plain


@pytest.mark.parametrize(
    "cell",
    [
        Row(codec.SESSIONS, "s", Session("s", 1.0, 2.0, 3.0, 4, Phase.ENDED, 5.5, True)),
        Row(codec.ISSUED, "a film / \u2603", 3),
        Row(codec.DOOMED, "s", FaultHit("r", "expire_session", "before", None)),
        Row(codec.COUNTS, (1, "hits", "s"), 4),
        Row(codec.RATES, (1, ""), (0.5, 12.25)),
        Row(codec.CLOCK, "", clock.Setting(600.0, None, 1.5)),
        Row(codec.SEED, "", 2**40),
    ],
    ids=lambda cell: cell.table,
)
def test_a_cell_reads_back_as_it_was(cell: Row) -> None:
    assert codec.cells_from(codec.cells_text([codec.cell_texts(cell)])) == (cell,)


@pytest.mark.parametrize("playhead", [0, -1, 10**400, 0.0, -0.0, 1e-9, 1e22, 2.5, float("inf"), True, "5", None])
def test_a_session_has_the_text_that_the_encoder_of_json_gives_it(playhead: Any) -> None:
    for opened in (
        Session('s\udcff\u2603\0"', 1.5, 2, 3e20, playhead),
        Session("s", 1.5, 2.0, 3.0, playhead, Phase.FORGOTTEN),
        Session("s", 1.5, 2.0, 3.0, playhead, Phase.OPEN, 4.5),
        Session("s", 1.5, 2.0, 3.0, playhead, Phase.OPEN, None, True),
        Session("s", 1.5, 2.0, 3.0, playhead, Phase.OPEN, None, False, 7),
    ):
        assert codec.cell_texts(Row(codec.SESSIONS, "s", opened))[1] == json.dumps(opened, separators=(",", ":"))


def test_rules_read_back_as_they_were() -> None:
    emulator = Emulator(faults=[faults.delay(1.5, event="ping", times=3)])
    emulator.add_fault(faults.drop_header("Location", name="no-location", playhead={"min": 3}))
    standing = emulator.engine.state.rules.snapshot
    (back,) = codec.cells_from(codec.cells_text([codec.cell_texts(Row(codec.FAULTS, "", standing))]))
    assert isinstance(back.value, RulesSnapshot)
    assert back.value == standing


@pytest.mark.parametrize("text", ["", "x", "session", 'nothing "k"', "session {"])
def test_a_place_that_no_mcmock_has_written_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cannot read"):
        codec.cell_from(text, "1")


@pytest.mark.parametrize(
    "text", ["", "[]", "[1]", "{}", "null", codec.entry_text(tuple(ENTRY)).replace("ping", "")[:-9]]
)
def test_an_entry_that_no_mcmock_has_written_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cannot read entry 1"):
        codec.entry_from(1, text)


# -- how a store is named -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("disk", "there is no store 'disk': it is memory, sqlite:FILE, or redis"),
        ("sqlite:", "there is no store 'sqlite:'"),
        ("redis://127.0.0.1:1/0", "the Redis at redis://127.0.0.1:1/0 cannot be used: "),
        ("redis://:secret@127.0.0.1:1/0", "the Redis at redis://127.0.0.1:1/0 cannot be used: "),
        ("redis://127.0.0.1:port/0", "is not the address of a Redis"),
    ],
)
def test_what_is_no_store_is_refused_in_one_line(spec: str, words: str) -> None:
    with pytest.raises(ValueError, match=r".+") as caught:
        open_store(spec)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_missing_extra_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ValueError, match=r"^a Redis store needs the extra: pip install 'mcmock\[redis\]'$"):
        open_store("redis://127.0.0.1/0")


# -- a Redis that several share -------------------------------------------------------------------------------------------


@pytest.fixture
def replicas(request: pytest.FixtureRequest) -> Iterator[tuple[Emulator, Emulator]]:
    programs.need("redis")
    url = f"{request.getfixturevalue('redis_server').url}?prefix={request.node.name}"
    stores = [open_store(url), open_store(url)]
    yield stores[0].emulator(seed=1), stores[1].emulator()
    for store in stores:
        store.close()


def test_what_one_replica_answered_holds_at_the_other_at_once(replicas: tuple[Emulator, Emulator]) -> None:
    one, two = replicas
    for _ in range(20):
        sid = start(one)
        assert status(two, sid, "play") == 204
        assert status(one, sid, "sessionEnd") == 204
        assert status(two, sid) == 410


def test_time_faults_and_resets_hold_at_the_other_at_once(replicas: tuple[Emulator, Emulator]) -> None:
    one, two = replicas
    for _ in range(10):
        sid = start(one)
        two.add_fault(faults.status(503, event="ping", times=1))
        assert [status(one, sid), status(two, sid)] == [503, 204]
        two.advance(600)
        assert status(one, sid) == 410
        one.reset()
        assert status(two, sid) == 404


def test_a_clock_that_lags_a_little_does_not_undo_an_advance(request: pytest.FixtureRequest) -> None:
    programs.need("redis")
    store = open_store(f"{request.getfixturevalue('redis_server').url}?prefix={request.node.name}")
    ahead, behind = (store.emulator(time=clock.Clock(partial(float, now)), seed=1) for now in (1000.0, 999.9))
    try:
        sid = start(ahead)
        assert status(ahead, sid) == 204
        ahead.advance(600)
        assert (status(behind, sid), behind.now) == (410, 1600.0)
        behind.freeze()
        ahead.resume()
        behind.catch_up()
        assert (ahead.now, behind.now) == (1600.0, 1600.0)
    finally:
        store.close()


def test_both_tell_the_same_log(replicas: tuple[Emulator, Emulator]) -> None:
    one, two = replicas
    sids = [start(emulator) for emulator in replicas for _ in range(2)]

    def play(emulator: Emulator, number: int) -> None:
        for playhead in range(20):
            answer = send(emulator, sids[(number + playhead) % 4], "ping", playhead)
            emulator.settle(answer.seq, Delivery.SENT)

    threads = [threading.Thread(target=play, args=(replicas[number % 2], number)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for emulator in (*replicas, *replicas):
        emulator.catch_up()
    assert one.requests() == two.requests()
    assert [exchange.seq for exchange in one.requests()] == list(range(1, 125))
    assert [view.session for view in one.sessions()] == [view.session for view in two.sessions()]
    assert {exchange.delivery for exchange in one.requests(since=4)} == {Delivery.SENT}


def test_a_fault_of_five_times_fires_five_times_however_many_ask(replicas: tuple[Emulator, Emulator]) -> None:
    one, two = replicas
    one.add_fault(faults.status(503, event="ping", skip=3, times=5))
    sids = [start(emulator) for emulator in replicas]
    statuses: list[int] = []

    def play(emulator: Emulator) -> None:
        for number in range(20):
            statuses.append(status(emulator, sids[number % 2]))  # noqa: PERF401  # one by one: others wait

    threads = [threading.Thread(target=play, args=(replicas[number % 2],)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (statuses.count(503), statuses.count(204)) == (5, 115)
    two.catch_up()
    assert [(state.hits, state.matched) for state in two.faults()] == [(5, 120)]


def test_a_wait_at_one_replica_hears_of_arrivals_at_the_other(replicas: tuple[Emulator, Emulator]) -> None:
    one, two = replicas
    sid = start(one)
    timer = threading.Timer(0.1, status, (one, sid))
    timer.start()
    began = time.monotonic()
    assert len(two.wait_for(Match({"event": "ping"}), timeout=60)) == 1
    assert time.monotonic() - began < 30  # it did not wait for its own end
    timer.join()


def test_rules_of_the_config_are_adopted_once(
    replicas: tuple[Emulator, Emulator], request: pytest.FixtureRequest
) -> None:
    url = f"{request.getfixturevalue('redis_server').url}?prefix={request.node.name}-rules"
    rule = faults.status(503, event="ping", times=1)
    with_rules = [open_store(url).emulator(faults=[rule]) for _ in range(2)]
    sid = start(with_rules[0])
    assert [status(emulator, sid) for emulator in with_rules] == [503, 204]
    for emulator in with_rules:
        emulator.close()


def test_a_named_scope_expires_and_the_default_one_does_not(
    replicas: tuple[Emulator, Emulator], request: pytest.FixtureRequest
) -> None:
    import redis

    scopes = Scopes(replicas[0])
    start(scopes.named("run-1"))
    start(scopes.default)
    client = redis.Redis.from_url(request.getfixturevalue("redis_server").url, decode_responses=True)
    prefix = request.node.name
    lives = {key: client.ttl(key) for key in client.scan_iter(f"{prefix}:*")}
    client.close()
    assert {seconds for key, seconds in lives.items() if "{run-1}" in key} == {3600}
    assert {seconds for key, seconds in lives.items() if "{default}" in key} == {-1}
    assert len(lives) == 8


@needs_redis
def test_a_redis_that_goes_away_is_answered_503_and_what_was_answered_before_is_there_afterwards(
    tmp_path: Path,
) -> None:
    server = RedisServer(tmp_path)
    try:
        store = open_store(server.url)
        emulator = store.emulator(seed=1)
        sid = start(emulator)
        server.stop()
        answer = send(emulator, sid, "ping")
        assert answer.response.status == 503
        assert b"is away" in answer.response.body
        assert b"try again" in answer.response.body
        assert b"Nothing was counted" in send(emulator, sid, "ping").response.body
        with pytest.raises(StoreUnavailable, match="is away"):
            emulator.catch_up()
        with pytest.raises(StoreUnavailable, match="is away"):
            emulator.advance(5)
        server.start()
        deadline = time.monotonic() + 10
        while status(emulator, sid) == 503 and time.monotonic() < deadline:
            time.sleep(0.1)
        emulator.catch_up()
        exchanges = emulator.requests()
        assert (exchanges[0].verdict, exchanges[0].session_id) == (Verdict.CREATED, sid)
        put_off = [exchange for exchange in exchanges if exchange.status == 503]
        assert len(put_off) >= 1
        assert {exchange.verdict for exchange in put_off} == {Verdict.BROKEN}
        assert {finding.rule for exchange in put_off for finding in exchange.findings} == {"store-away"}
        assert emulator.summary().broken == len(put_off)
        assert [exchange.status for exchange in exchanges if exchange.outcome is Outcome.GOOD] == [201, 204]
        emulator.close()
    finally:
        server.stop()


@needs_redis
def test_a_redis_that_comes_back_empty_is_begun_anew() -> None:
    server = RedisServer()
    try:
        emulator = open_store(server.url).emulator(seed=5, faults=[faults.status(503, event="play")])
        sid = start(emulator)
        server.stop()
        server.start()
        deadline = time.monotonic() + 10
        while (got := status(emulator, sid)) == 503 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert got == 404
        assert emulator.seed == 5
        assert status(emulator, start(emulator), "play") == 503
        emulator.close()
    finally:
        server.stop()


def caught_up(emulator: Emulator) -> None:
    """Each server tries by itself to reach a Redis that was away."""
    deadline = time.monotonic() + 10
    while True:
        try:
            return emulator.catch_up()
        except StoreUnavailable:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@needs_redis
@pytest.mark.parametrize("lazy", [False, True])
def test_a_redis_that_lost_its_last_requests_is_followed_from_where_it_stands(tmp_path: Path, lazy: bool) -> None:
    """Their places have gone to other requests by the time somebody asks."""
    kept, earlier = tmp_path / "kept", tmp_path / "earlier"
    kept.mkdir()
    server = RedisServer(kept)
    try:
        stores = [open_store(server.url), open_store(server.url)]
        one, other = (store.emulator(lazy=lazy) for store in stores)
        sid = start(one)
        copytree(kept, earlier)
        assert [status(one, sid) for _ in range(3)] == [204, 204, 204]
        one.catch_up()
        other.catch_up()
        server.stop()
        rmtree(kept)
        earlier.rename(kept)
        server.start()
        deadline = time.monotonic() + 10
        while status(other, sid, "pauseStart") == 503 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert [status(other, sid, "play") for _ in range(5)] == [204] * 5
        for emulator in (one, other):
            caught_up(emulator)
            counted = [exchange.event_type for exchange in emulator.requests() if exchange.status != 503]
            assert counted == ["sessionStart", "pauseStart", *["play"] * 5]
            assert [exchange.seq for exchange in emulator.requests()] == list(range(1, emulator.summary().total + 1))
        for store in stores:
            store.close()
    finally:
        server.stop()


@needs_redis
@pytest.mark.parametrize("lazy", [False, True])
def test_a_redis_that_a_newer_mcmock_took_over_is_answered_503_with_the_reason(
    request: pytest.FixtureRequest, redis_server: RedisServer, lazy: bool
) -> None:
    import redis

    prefix = request.node.name
    emulator = open_store(f"{redis_server.url}?prefix={prefix}").emulator(lazy=lazy)
    sid = start(emulator)
    with redis.Redis.from_url(redis_server.url) as client:
        client.hset(f"{prefix}:{{default}}:counts", mapping={"epoch": "another", "format": codec.FORMAT + 1})
    for _ in range(2):
        answer = send(emulator, sid, "ping")
        assert (answer.response.status, b"newer mcmock" in answer.response.body) == (503, True)
    emulator.close()


def test_errands_are_run_once_each_and_one_that_fails_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    done: SimpleQueue[str] = SimpleQueue()
    held, begun = threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        held.wait(5)

    def fail() -> None:
        raise OSError("on purpose")

    def note() -> None:
        done.put("noted")

    errands = BackgroundWorker("errands of a test")
    errands.ask(hold)
    assert begun.wait(5)
    for call in (fail, note, note):
        errands.ask(call)
    held.set()
    errands.close(5)
    assert (done.get(timeout=5), done.empty()) == ("noted", True)
    assert "on purpose" in caplog.text


@needs_redis
@pytest.mark.parametrize("lazy", [False, True])
def test_a_redis_that_drops_a_key_to_make_room_is_loaded_anew(
    request: pytest.FixtureRequest, redis_server: RedisServer, lazy: bool
) -> None:
    url = f"{redis_server.url}?prefix={request.node.name}"
    emulator = open_store(url).emulator(seed=5, lazy=lazy)
    sid = start(emulator)
    import redis

    with redis.Redis.from_url(redis_server.url) as client:
        client.delete(f"{request.node.name}:{{default}}:cells")
    assert status(emulator, sid) == 404
    assert status(emulator, start(emulator)) == 204
    assert emulator.seed == 5
    emulator.close()


@needs_redis
def test_a_redis_that_refuses_is_answered_503_with_its_reason() -> None:
    import redis

    server = RedisServer()
    try:
        emulator = open_store(server.url).emulator()
        sid = start(emulator)
        with redis.Redis.from_url(server.url) as client:
            client.execute_command("ACL", "SETUSER", "default", "-@scripting", "-xrange")
            answer = send(emulator, sid, "ping")
            assert answer.response.status == 503
            assert b"refuses (" in answer.response.body
            with pytest.raises(StoreUnavailable, match="refuses"):
                emulator.catch_up()
            with pytest.raises(StoreUnavailable, match="refuses"):
                open_store(server.url).emulator()
            client.execute_command("ACL", "SETUSER", "default", "+@all")
        assert status(emulator, sid) == 204
        emulator.close()
    finally:
        server.stop()


@needs_redis
def test_a_cluster_is_refused_in_one_line(tmp_path: Path) -> None:
    server = RedisServer(None, "--cluster-enabled", "yes", "--dir", str(tmp_path))
    try:
        with pytest.raises(
            ValueError, match=r"^the Redis at redis://127\.0\.0\.1:\d+/0 is a cluster; it takes a Redis by itself$"
        ):
            open_store(server.url)
    finally:
        server.stop()


@needs_redis
def test_a_redis_that_does_not_answer_in_time_may_have_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    server = RedisServer()
    try:
        store = open_store(server.url)
        emulator = store.emulator()
        sid = start(emulator)

        def lost(*_: Any) -> None:
            run(*_)
            raise TimeoutError("Timeout reading from socket")

        from redis.exceptions import TimeoutError

        assert isinstance(store, RedisStore)
        run = store.commit
        with monkeypatch.context() as patched:
            patched.setattr(store, "commit", lost)
            answer = send(emulator, sid, "play")
        assert answer.response.status == 503
        assert b"Whether it was counted is not known; try again." in answer.response.body
        caught_up(emulator)
        assert [exchange.status for exchange in emulator.requests()] == [201, 204, 503]
        store.close()
    finally:
        server.stop()


# -- a file ---------------------------------------------------------------------------------------------------------------


def journal(path: Path, **bounds: Any) -> Emulator:
    return open_store(f"sqlite:{path}", **bounds).emulator(seed=1)


def test_rules_of_a_file_begin_anew_with_each_process(tmp_path: Path) -> None:
    first = journal(tmp_path / "j")
    first.add_fault(faults.status(503))
    first.close()
    second = journal(tmp_path / "j")
    assert second.faults() == []
    second.close()


def test_a_file_of_something_else_is_refused_and_left_untouched(tmp_path: Path) -> None:
    texts = {"text": b"hello, this is a text and no journal", "damaged": b"SQLite format 3\x00" + b"\x07" * 5000}
    for name, text in texts.items():
        path = tmp_path / name
        path.write_bytes(text)
        with pytest.raises(ValueError, match=f"{name} is (damaged|no journal)") as caught:
            open_store(f"sqlite:{path}")
        assert "\n" not in str(caught.value)
        assert path.read_bytes() == text
    foreign = tmp_path / "foreign"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE notes (text TEXT)")
    connection.close()
    before = foreign.read_bytes()
    with pytest.raises(ValueError, match="is not a mcmock journal: choose another file"):
        open_store(f"sqlite:{foreign}")
    assert foreign.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["damaged", "foreign", "text"]


def test_a_damaged_journal_is_refused_and_left_untouched(tmp_path: Path) -> None:
    path = tmp_path / "j"
    emulator = journal(path)
    sid = start(emulator)
    for _ in range(100):
        status(emulator, sid)
    emulator.close()
    text = bytearray(path.read_bytes())
    text[sqlite.PAGE : sqlite.PAGE + 4000] = b"\xff" * 4000
    path.write_bytes(text)
    with pytest.raises(ValueError, match="is damaged") as caught:
        open_store(f"sqlite:{path}")
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == bytes(text)


def test_a_newer_journal_is_refused_and_left_untouched(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {sqlite.FORMAT + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(ValueError, match="was written by a newer mcmock"):
        open_store(f"sqlite:{path}")
    assert path.read_bytes() == before


def test_a_journal_in_use_is_refused(tmp_path: Path) -> None:
    emulator = journal(tmp_path / "j")
    with pytest.raises(ValueError, match=r"is in use by another mcmock \(process \d+\)"):
        open_store(f"sqlite:{tmp_path / 'j'}")
    emulator.close()
    journal(tmp_path / "j").close()


def test_a_journal_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    emulator = journal(tmp_path / "j")
    sid = start(emulator)
    start(emulator.sibling("one"))
    status(emulator, sid, "adStart")
    deadline = time.monotonic() + 5
    while len(exchanges := list(read_journal(tmp_path / "j"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [(one.scope, one.seq, one.event_type) for one in exchanges] == [
        ("default", 1, "sessionStart"), ("default", 2, "adStart"), ("one", 1, "sessionStart"),
    ]  # fmt: skip
    assert exchanges[:2] == emulator.requests()
    assert [one.scope for one in read_journal(tmp_path / "j", "one")] == ["one"]
    emulator.close()


def test_reading_a_journal_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no such journal"):
        list(read_journal(tmp_path / "j"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_keeps_more_of_the_log_than_the_memory_of_a_server(tmp_path: Path) -> None:
    path = tmp_path / "j"
    emulator = open_store(f"sqlite:{path}").emulator(max_log_bytes=20_000)
    sid = start(emulator)
    for _ in range(100):
        status(emulator, sid)
    emulator.close()
    assert len(list(read_journal(path))) == 101
    later = open_store(f"sqlite:{path}").emulator(max_log_bytes=20_000)
    latest = [exchange.seq for exchange in later.requests()]
    assert latest == list(range(latest[0], 102))
    assert 5 < len(latest) < 60
    assert later.summary().total + later.summary().evicted == 101
    later.close()


def test_a_file_is_bounded_by_size_and_by_age(tmp_path: Path) -> None:
    emulator = journal(tmp_path / "j", max_bytes=20_000)
    sid = start(emulator)
    for _ in range(100):
        status(emulator, sid)
    emulator.close()
    kept = list(read_journal(tmp_path / "j"))
    assert 5 < len(kept) < 60
    assert kept[-1].seq == 101
    with sqlite3.connect(tmp_path / "j") as connection:
        connection.execute("UPDATE runs SET written = written - 100")
    connection.close()
    later = journal(tmp_path / "j")
    for _ in range(7):
        status(later, sid)
    later.close()
    latest = journal(tmp_path / "j", max_age=50)
    start(latest)
    latest.close()
    assert [one.seq for one in read_journal(tmp_path / "j")] == list(range(102, 110))


def test_a_file_that_cannot_be_written_answers_503_and_goes_on_when_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator = journal(tmp_path / "j")
    sid = start(emulator)

    def full(*_: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(journal_batch.Batch, "write", full)
        deadline = time.monotonic() + 5
        while (answer := send(emulator, sid, "ping")).response.status == 204 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert answer.response.status == 503
        assert b"disk is full" in answer.response.body
    while status(emulator, sid) == 503 and time.monotonic() < deadline:
        time.sleep(0.05)
    told = emulator.requests()
    assert [exchange.verdict for exchange in told if exchange.status == 503] != []
    assert {exchange.verdict for exchange in told if exchange.status == 503} == {Verdict.BROKEN}
    emulator.close()
    assert list(read_journal(tmp_path / "j")) == told
