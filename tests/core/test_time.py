"""The emulator's time goes on whatever becomes of the machine's, and whatever a test does to Python's."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import time_machine
from freezegun import freeze_time

from mcmock import faults
from mcmock.core import clock
from mcmock.core.clock import LATEST, Clock, iso
from mcmock.engine import Emulator
from mcmock.faults.selection import FaultCounters
from mcmock.storage import open_store
from mcmock.testing.server import McmockServer
from tests.conftest import send, start
from tests.player import Player, posted

HOUR = 3600.0
LONG = 20.0
"""Real seconds after which what should end within a fraction of one has hung."""


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The machine's clock, as somebody may set it: one number."""
    time = [clock.machine()]
    monkeypatch.setattr(clock, "machine", lambda: time[0])
    return time


# -- the machine's clock is set ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [-10 * 365 * 86_400, -HOUR, -1, 1, HOUR, 10 * 365 * 86_400])
def test_a_machine_whose_clock_is_set_moves_no_session(seconds: float) -> None:
    emulator = Emulator()
    sid = start(emulator)
    before = emulator.now
    with time_machine.travel(clock.machine() + seconds):
        assert 0 <= emulator.now - before < LONG
        assert send(emulator, sid, "ping").response.status == 204
    assert send(emulator, sid, "ping").response.status == 204
    times = [one.at for one in emulator.requests()]
    assert times == sorted(times)


def test_a_reset_takes_over_what_the_machine_says(machine: list[float]) -> None:
    emulator = Emulator()
    for step in (8 * HOUR, -2 * HOUR):
        machine[0] += step
        assert abs(emulator.now - machine[0]) > HOUR
        emulator.reset()
        assert abs(emulator.now - machine[0]) < LONG


def test_a_reset_of_one_scope_moves_no_other(machine: list[float], tmp_path: Path) -> None:
    for emulator in (Emulator(), open_store(f"sqlite:{tmp_path / 'journal.db'}").emulator()):
        with contextlib.closing(emulator):
            other = emulator.sibling("other")
            sid = start(other)
            machine[0] += HOUR
            emulator.reset()
            assert send(other, sid, "ping").response.status == 204


def test_a_source_that_steps_back_lets_the_clock_run_on() -> None:
    source = [1000.0]
    time = Clock(lambda: source[0])
    assert time.now() == 1000
    told = []
    for now in (1010.0, 500.0, 501.0, 100.0, 103.0, 5000.0):
        source[0] = now
        told.append(time.now())
    assert told == [1010, 1010, 1011, 1011, 1014, 5911]


def test_an_advance_and_a_frozen_clock_outlive_a_step_back() -> None:
    source = [1000.0]
    time = Clock(lambda: source[0])
    time.advance(600)
    source[0] = 900.0
    assert time.now() == 1600
    time.freeze()
    source[0] = 100.0
    assert time.now() == 1600
    assert time.resume() == 1600
    source[0] = 101.0
    assert time.now() == 1601


def test_a_journal_goes_on_from_its_last_request_where_the_machine_was_set_back_meanwhile(
    machine: list[float], tmp_path: Path
) -> None:
    name = f"sqlite:{tmp_path / 'journal.db'}"
    with contextlib.closing(open_store(name).emulator()) as emulator:
        sid = start(emulator)
        last = emulator.requests()[-1].at
    machine[0] -= HOUR
    with contextlib.closing(open_store(name).emulator()) as emulator:
        send(emulator, sid, "ping")
        again = emulator.requests()[-1]
        assert again.status == 204
        assert 0 <= again.at - last < LONG


# -- a rate's bucket ----------------------------------------------------------------------------------------------------


def test_a_clock_that_steps_back_neither_drains_nor_fills_a_rates_bucket() -> None:
    tally = FaultCounters()
    assert [tally.takes(1, "", 2, 100.0) for _ in range(3)] == [True, True, False]
    assert not tally.takes(1, "", 2, 50.0)
    assert not tally.takes(1, "", 2, 100.0), "the same fifty seconds filled it again"
    assert [tally.takes(1, "", 2, 100.5) for _ in range(2)] == [True, False]
    full = FaultCounters()
    assert [full.takes(1, "", 2, now) for now in (100.0, 50.0)] == [True, True], "a step back took what was in it"


# -- the end of the calendar ------------------------------------------------------------------------------------------------

WRONG: list[Any] = [
    10**5000, -(10**5000), 10**400, 1e300, 10**12, float("inf"), -float("inf"), float("nan"), -1, -1e-9, True, None,
    "5", [], 1j,
]  # fmt: skip


@pytest.mark.parametrize("seconds", WRONG, ids=lambda value: repr(value)[:12] if not isinstance(value, int) else "int")
def test_a_step_that_cannot_be_made_is_refused_in_one_line_and_moves_nothing(seconds: Any) -> None:
    emulator = Emulator()
    before = emulator.now
    with pytest.raises(ValueError, match=r"^seconds must .{10,150}$"):
        emulator.advance(seconds)
    assert emulator.now - before < LONG


@pytest.mark.parametrize("frozen", [True, False])
def test_up_to_the_end_of_the_calendar_every_date_can_be_written(mcmock_server: McmockServer, frozen: bool) -> None:
    time = mcmock_server.clock
    if frozen:
        time.freeze()
    for seconds in (LATEST - time.now(), LATEST - time.now() - 86_400):
        with pytest.raises(ValueError, match="9998"):
            time.advance(seconds)
    time.advance(LATEST - time.now() - 367 * 86_400)
    player = Player(mcmock_server, "A film")
    with pytest.raises(ValueError, match="9998"):
        time.advance(2 * 366 * 86_400)
    assert player.send(0, "play", 0) == 204
    for path in ("requests", "requests.har", "sessions", "clock"):
        with urlopen(f"{mcmock_server.admin_url}/{path}") as answer:
            assert answer.status == 200
            answer.read()
    assert "play" in mcmock_server.story()


def test_the_clock_stops_at_the_end_of_the_calendar() -> None:
    source = [LATEST - 1]
    time = Clock(lambda: source[0])
    source[0] += 86_400
    assert iso(time.now()) == "9999-12-31T23:59:59.000Z"
    with pytest.raises(ValueError, match="9998"):
        time.advance(1)
    assert time.advance(0) == LATEST


@pytest.mark.parametrize("seconds", ["1e999", "-1", "NaN", "1" + "0" * 400, '"5"', "true", "null", "253402300799"])
def test_the_control_api_refuses_it_in_one_line(mcmock_server: McmockServer, seconds: str) -> None:
    before = mcmock_server.clock.now()
    with pytest.raises(HTTPError) as refused:
        asked(mcmock_server, "clock/advance", f'{{"seconds": {seconds}}}'.encode())
    with refused.value as answer:
        assert answer.code == 400
        error = json.loads(answer.read())["error"]["message"]
    assert "\n" not in error
    assert len(error) < 200
    assert mcmock_server.clock.now() - before < LONG


# -- libraries that stop Python's time for a test -----------------------------------------------------------------------------


def frozen_by_freezegun() -> Any:
    return freeze_time("2024-02-29 12:00:00")


def travelled() -> Any:
    return time_machine.travel("2024-02-29 12:00:00", tick=False)


stopped = pytest.mark.parametrize("stop", [frozen_by_freezegun, travelled])


def asked(server: McmockServer, path: str, body: bytes) -> Any:
    request = Request(f"{server.admin_url}/{path}", body, {"Content-Type": "application/json"})
    with urlopen(request) as answer:
        return json.loads(answer.read())


def ends(what: Callable[[], Any]) -> Any:
    """What it returns or raises, from a thread of its own: what hangs fails this test, and no other."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(what())
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=run, daemon=True)
    began = clock.monotonic()
    thread.start()
    thread.join(LONG)
    assert found, "it hangs"
    return found[0], clock.monotonic() - began


@stopped
def test_waiting_gives_up_while_python_s_time_stands_still(
    mcmock_server: McmockServer, stop: Callable[[], Any]
) -> None:
    with stop():
        for what in (
            lambda: mcmock_server.wait_for(event="ping", timeout=0.3),
            lambda: asyncio.run(mcmock_server.wait_for_async(event="ping", timeout=0.3)),
            lambda: mcmock_server.assert_received(event="ping", count=2, within=0.3, allow_no_sessions=True),
            lambda: mcmock_server.assert_sequence(["play"], within=0.3),
        ):
            error, seconds = ends(what)
            assert isinstance(error, AssertionError), error
            assert seconds >= 0.3
        nothing, seconds = ends(lambda: mcmock_server.assert_never(event="ping", within=0.3, allow_no_sessions=True))
        assert nothing is None
        assert seconds >= 0.3
        nothing, seconds = ends(
            lambda: asyncio.run(mcmock_server.assert_never_async(event="ping", within=0.3, allow_no_sessions=True))
        )
        assert nothing is None
        assert seconds >= 0.3
        answer, seconds = ends(
            lambda: asked(mcmock_server, "requests/wait", b'{"match": {"event": "ping"}, "timeout": 0.3}')
        )
        assert answer["result"] == "fail"
        assert seconds >= 0.3


@stopped
def test_what_comes_is_waited_for_while_time_stands_still(mcmock_server: McmockServer, stop: Callable[[], Any]) -> None:
    with stop():
        player = Player(mcmock_server, "A film")

        async def both() -> int:
            waiting = asyncio.create_task(mcmock_server.wait_for_async(event="ping", timeout=LONG))
            await asyncio.to_thread(player.send, 0, "ping", 0)
            return len(await waiting)

        assert ends(lambda: asyncio.run(both()))[0] == 1
        assert len(mcmock_server.wait_for(event="ping", timeout=LONG)) == 1


@stopped
def test_serving_goes_on_while_time_stands_still(
    make_mcmock_server: Callable[..., Any], stop: Callable[[], Any]
) -> None:
    """A server that is started there, too: answers held back go out in time, an unfinished body is given up."""
    with stop():
        server = make_mcmock_server()
        server.faults.add(faults.delay(0.2, event="play"))
        player = Player(server, "A film")
        status, seconds = ends(lambda: player.send(0, "play", 0))
        assert status == 204
        assert seconds >= 0.2
        server.faults.add(faults.delay(600, event="ping", times=1))
        thread = threading.Thread(target=player.send, args=(0, "ping", 0), daemon=True)
        thread.start()
        server.wait_for(event="ping")
        server.clock.advance(600)
        thread.join(LONG)
        assert not thread.is_alive(), "an advance released nothing"
        server.clock.advance(700)
        assert posted(f"{server.url}/api/v1/sessions/{player.id}/events", player.event(0, "ping", 0)).status == 410
        assert len(server.requests(status=410)) >= 1


@stopped
def test_a_prepared_server_and_its_clock_serve_a_test_whose_time_stands_still(
    mcmock_server: McmockServer, stop: Callable[[], Any]
) -> None:
    with stop():
        mcmock_server.prepare(clock="frozen")
        before = mcmock_server.clock.now()
        assert mcmock_server.clock.advance(600) == before + 600
        mcmock_server.prepare()
        running = mcmock_server.clock.now()
        threading.Event().wait(0.01)
        assert mcmock_server.clock.now() > running


FIRST_IMPORTED = """
import time
from freezegun import freeze_time
real = time.clock_gettime(time.CLOCK_REALTIME)
with freeze_time("2024-02-29 12:00:00"):
    from mcmock.core import clock
    from mcmock.fixture import McmockServer
    began = clock.monotonic()
    assert abs(clock.wall() - real) < 60
    with McmockServer() as server:
        server.assert_never(event="ping", within=0.1, allow_no_sessions=True)
    assert clock.monotonic() - began >= 0.1
"""


def test_the_clocks_are_real_where_mcmock_is_first_imported_while_time_stands_still() -> None:
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    subprocess.run([sys.executable, "-c", FIRST_IMPORTED], env=unmeasured, check=True, timeout=60)


def test_who_still_waits_when_the_server_stops_is_told(make_mcmock_server: Callable[..., Any]) -> None:
    async def waits() -> None:
        with McmockServer() as server:
            waiting = asyncio.create_task(server.wait_for_async(event="ping", timeout=600))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        await waiting

    assert isinstance(ends(lambda: asyncio.run(waits()))[0], asyncio.CancelledError)


def test_a_server_that_has_stopped_can_still_be_asked() -> None:
    with McmockServer() as server:
        pass
    with pytest.raises(AssertionError):
        asyncio.run(server.wait_for_async(event="ping", timeout=0.01))
