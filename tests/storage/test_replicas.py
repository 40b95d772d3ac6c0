"""Servers that share one Redis behave as one: under 200 players, when one is killed, and as workers on one port."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mcmock.analytics.plan_format import from_json
from mcmock.core.match import Match
from mcmock.faults import preset
from mcmock.storage import open_store
from tests.conftest import START_PARAMS, body, send, start
from tests.redis_server import RedisServer, needs_redis
from tests.serving import Client, Serving

pytestmark = needs_redis

PLAYERS, EVENTS, HANDS = 200, 12, 16
CONFORMANCE = (
    "protocols/test_fidelity_http.py", "protocols/test_fidelity_session.py", "protocols/test_fidelity_body.py",
    "recordings/test_clients.py", "protocols/test_modes.py",
)  # fmt: skip


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    server = RedisServer()
    yield server
    server.stop()


class Cluster:
    """Three servers on one Redis; `urls` are where they are, one of them may be away."""

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self.servers = [self._serve() for _ in range(3)]

    def _serve(self, *arguments: str) -> Serving:
        return Serving("--store", self._redis_url, *arguments)

    @property
    def urls(self) -> list[str]:
        return [server.url for server in self.servers]

    def kill_and_restart(self, number: int) -> None:
        port = self.servers[number].url.rpartition(":")[2]
        self.servers[number].kill()
        self.servers[number] = self._serve("--port", port)

    def stop(self) -> None:
        for server in self.servers:
            server.__exit__(None, None, None)


@pytest.fixture
def cluster(redis_server: RedisServer) -> Iterator[Cluster]:
    cluster = Cluster(redis_server.url)
    yield cluster
    cluster.stop()


class Player:
    """Sends each of its requests to a replica drawn at random, and to another one if that does not answer."""

    def __init__(self, number: int, urls: list[str]) -> None:
        self._drawn, self._urls = random.Random(number), urls
        self._first_ts = 1_700_000_000_000 + number * 1_000_000
        self.path = ""
        self.answered: dict[int, int] = {}
        self.doubtful: set[int] = set()

    def play(self) -> None:
        self.path = self._ask("/api/v1/sessions", body("sessionStart"))[1]
        for number in range(EVENTS):
            ts = self._first_ts + number
            self.answered[ts] = self._ask(f"{self.path}/events", body("ping", number, ts), ts)[0]

    def _ask(self, path: str, value: object, ts: int = 0) -> tuple[int, str]:
        while True:
            client = Client(self._drawn.choice(self._urls))
            try:
                status, _, location = client.ask("POST", path, value)
            except (OSError, http.client.HTTPException):
                self.doubtful.add(ts)
                time.sleep(0.02)
            else:
                return status, location
            finally:
                client.close()


@pytest.mark.long
def test_200_players_over_three_replicas_one_of_which_is_killed(cluster: Cluster) -> None:
    control = Client(cluster.urls[0])
    fault = {
        "name": "five",
        "effect": {"type": "status", "code": 503},
        "match": {"event": "ping"},
        "skip": 50,
        "times": 5,
    }
    control.admin("POST", "faults", fault)
    players = [Player(number, cluster.urls) for number in range(PLAYERS)]
    with ThreadPoolExecutor(HANDS) as hands:
        playing = [hands.submit(player.play) for player in players]
        while sum(one.done() for one in playing) < PLAYERS // 2:
            time.sleep(0.01)
        cluster.kill_and_restart(2)
        for one in playing:
            one.result()

    exports = []
    for url in cluster.urls:
        client = Client(url)
        exports.append(client.admin("GET", "requests?limit=100000")["requests"])
        client.close()
    first = exports[0]
    assert [[one["seq"] for one in exported] for exported in exports] == [list(range(1, len(first) + 1))] * 3
    assert [one["body"] for one in exports[1]] == [one["body"] for one in first]

    assert {one["responseBody"] for one in first if one["verdict"] == "broken"} == set()
    logged = Counter((one["sessionId"], one["body"]["playerTime"]["ts"], one["status"]) for one in first)
    for player in players:
        session_id = player.path.rpartition("/")[2]
        assert set(player.answered.values()) <= {204, 503}, "a session was forked, or lost"
        for ts, status in player.answered.items():
            count = logged[session_id, ts, status]
            assert count == 1 or (count > 1 and ts in player.doubtful), (ts, status, count)
    faulted = [one for one in first if one["verdict"] == "faulted"]
    assert len(faulted) == 5
    assert {one["fault"]["rule"] for one in faulted} == {"five"}
    summaries = [control.admin("GET", "summary")]
    control.close()
    assert summaries[0]["total"] == len(first)
    doubtful = sum(len(player.doubtful) for player in players)
    assert PLAYERS * (EVENTS + 1) <= len(first) <= PLAYERS * (EVENTS + 1) + doubtful


@pytest.mark.long
def test_the_conformance_tests_pass_through_a_balancer_over_three_replicas(redis_server: RedisServer) -> None:
    here = Path(__file__).parents[1]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        *(str(here / name) for name in CONFORMANCE),
    ]
    environment = {**os.environ, "MCMOCK_TEST_REPLICAS": redis_server.url}
    done = subprocess.run(
        command, cwd=here.parent, env=environment, capture_output=True, text=True, timeout=300, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:]
    assert "skipped" not in done.stdout.splitlines()[-1]


def test_streams_waits_clock_and_reset_reach_all(cluster: Cluster) -> None:
    one, two, three = (Client(url) for url in cluster.urls)
    path = one.start()
    waited: list[object] = []
    waiting = threading.Thread(
        target=lambda: waited.append(two.admin("POST", "requests/wait", {"match": {"event": "play"}, "timeout": 10}))
    )
    stream = http.client.HTTPConnection(cluster.urls[2].removeprefix("http://"), timeout=10)
    stream.request("GET", "/__admin/stream")
    events = stream.getresponse()
    waiting.start()
    assert one.send(path, "play") == 204
    waiting.join(timeout=10)
    assert [answer["result"] for answer in waited if isinstance(answer, dict)] == ["pass"]
    while not (line := events.readline()).startswith(b"data:"):
        pass
    assert json.loads(line[5:])["eventType"] == "play"
    stream.close()
    three.admin("POST", "clock/advance", {"seconds": 600})
    assert one.send(path) == 410
    fresh = two.start()
    one.admin("POST", f"sessions/{fresh.rpartition('/')[2]}/expire")
    assert three.send(fresh) == 410
    two.admin("POST", "reset")
    assert one.send(path) == 404
    assert [client.admin("GET", "summary")["total"] for client in (one, two, three)] == [1, 1, 1]
    for client in (one, two, three):
        client.close()


def test_scopes_are_shared_and_told_apart(cluster: Cluster) -> None:
    ones = [Client(f"{url}/~one") for url in cluster.urls]
    plain = [Client(url) for url in cluster.urls]
    path = ones[0].start()
    assert [client.send(path) for client in plain] == [204, 204, 204]
    assert [client.admin("GET", "summary")["total"] for client in ones] == [4, 4, 4]
    assert [client.admin("GET", "summary")["total"] for client in plain] == [0, 0, 0]
    for client in (*ones, *plain):
        client.close()


def test_without_redis_everything_says_so_and_goes_on_when_it_is_back(tmp_path: Path) -> None:
    redis_server = RedisServer(tmp_path)
    try:
        with Serving("--store", redis_server.url) as server:
            client = Client(server.url)
            path = client.start()
            redis_server.stop()
            status, told, _ = client.ask("POST", f"{path}/events", body("ping"))
            assert (status, "is away" in told["message"]) == (503, True)
            for method, route in (("GET", "summary"), ("POST", "clock/freeze"), ("GET", "health")):
                status, told, _ = client.ask(method, f"/__admin/{route}")
                assert (status, told["error"]["code"]) == (503, "store-away")
                assert "is away" in told["error"]["message"]
            redis_server.start()
            deadline = time.monotonic() + 15
            while client.send(path) == 503 and time.monotonic() < deadline:
                time.sleep(0.1)
            requests = client.admin("GET", "requests")["requests"]
            assert [one["status"] for one in requests if one["status"] != 503] == [201, 204]
            rules = {finding["rule"] for one in requests if one["status"] == 503 for finding in one["findings"]}
            assert rules == {"store-away"}
            client.close()
    finally:
        redis_server.stop()


# -- workers --------------------------------------------------------------------------------------------------------------


def children(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in listed.stdout.split()]


def test_workers_share_a_port_and_all_else(redis_server: RedisServer) -> None:
    with Serving("--store", redis_server.url, "--workers", "3") as server:
        crew = children(server.process.pid)
        assert len(crew) == 2
        path = ""
        for _ in range(12):  # each connection goes to whichever worker the kernel chooses
            client = Client(server.url)
            path = path or client.start()
            assert client.send(path) == 204
            client.close()
        os.kill(crew[0], signal.SIGKILL)
        deadline = time.monotonic() + 30
        while (now := children(server.process.pid)) == crew or len(now) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        for _ in range(12):
            client = Client(server.url)
            assert client.send(path) == 204
            assert client.admin("GET", "summary")["sessions"] == 1
            client.close()
        crew = children(server.process.pid)
    assert server.process.returncode == 0
    assert [pid for pid in crew if Path(f"/proc/{pid}").exists()] == []


def test_workers_end_when_the_process_that_started_them_is_killed(redis_server: RedisServer) -> None:
    server = Serving("--store", redis_server.url, "--workers", "2")
    (worker,) = children(server.process.pid)
    server.kill()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{worker}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{worker}").exists()


@pytest.mark.long
def test_a_worker_that_does_not_end_is_killed(redis_server: RedisServer) -> None:
    """One that a signal or a debugger has stopped hears of nothing, and would keep the others from ending."""
    with Serving("--store", redis_server.url, "--workers", "2") as server:
        (worker,) = children(server.process.pid)
        os.kill(worker, signal.SIGSTOP)
        server.stop()
    assert server.process.returncode == 0
    assert not Path(f"/proc/{worker}").exists()


def test_workers_do_not_share_a_port_with_those_of_another_server(redis_server: RedisServer) -> None:
    with Serving("--store", redis_server.url, "--workers", "2") as server:
        port = server.url.rpartition(":")[2]
        command = [
            sys.executable,
            "-m",
            "mcmock",
            "serve",
            "--store",
            redis_server.url,
            "--workers",
            "2",
            "--port",
            port,
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert f"127.0.0.1:{port}" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--workers", "2"], "--workers share their state through a Redis: add --store redis://HOST:PORT/DATABASE"),
        (
            ["--store", "sqlite:x", "--journal", "y"],
            "--journal FILE is short for --store sqlite:FILE: leave one of them out",
        ),
        (["--store", "redis://127.0.0.1:1/0"], "the Redis at redis://127.0.0.1:1/0 cannot be used"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_2(arguments: list[str], words: str) -> None:
    command = [sys.executable, "-m", "mcmock", "serve", "--port", "0", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_looks_at_every_session_rests_on_those_opened_elsewhere(redis_server: RedisServer) -> None:
    """The preset `deploy` at one server forgets a session that was opened at another, which this one has not heard of yet."""
    stores = [open_store(redis_server.url) for _ in range(2)]
    here, there = (store.emulator(lazy=True) for store in stores)
    own = start(here)
    here.add_faults(preset("deploy"))
    elsewhere = [start(there, params={**START_PARAMS, "media.id": f"film-{number}"}) for number in range(3)]
    assert send(here, own, "ping").response.status == 404
    assert [send(there, sid, "ping").response.status for sid in elsewhere] == [404] * 3
    for store in stores:
        store.close()


def test_starts_at_two_servers_do_not_wait_for_each_other(redis_server: RedisServer) -> None:
    """A start writes what a look at every session rests on, and does not rest on it itself: none is decided twice."""
    stores = [open_store(redis_server.url) for _ in range(2)]
    emulators = [store.emulator(lazy=True) for store in stores]
    decided = []
    for emulator in emulators:
        judge = emulator.engine.judge
        emulator.engine.judge = lambda tx, request, judge=judge: decided.append(1) or judge(tx, request)  # type: ignore
    films = [{**START_PARAMS, "media.id": f"film-{number}"} for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        sids = list(pool.map(lambda pair: start(emulators[pair[0] % 2], params=pair[1]), enumerate(films)))
    assert len(set(sids)) == len(decided) == 40
    for store in stores:
        store.close()


def test_servers_that_share_a_store_take_a_plan_by_their_options_only(redis_server: RedisServer) -> None:
    plan = from_json({"all": {"sessionStart": {"params": {"media.show": "required"}}}})
    store = open_store(redis_server.url)
    emulator = store.emulator(plan=plan)
    try:
        start(emulator)
        emulator.catch_up()
        assert [one.event_type for one in emulator.requests(Match({"rule": "plan-missing"}))] == ["sessionStart"]
        with pytest.raises(ValueError, match="start each of them with --plan"):
            emulator.set_plan(None)
        assert emulator.plan is plan
    finally:
        emulator.close()
