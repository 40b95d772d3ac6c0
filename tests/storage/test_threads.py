"""Nothing ends a background thread or task unnoticed, whatever it meets; who waits for one is answered."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
import redis

from mcmock.cli.reload import WatchedFile, watch
from mcmock.engine.changes import StoreUnavailable
from mcmock.storage import open_store
from mcmock.storage.optimistic import OptimisticCommitter
from mcmock.storage.redis import RedisStore
from mcmock.storage.worker import BackgroundWorker
from mcmock.testing.server import McmockServer
from tests.conftest import send, start
from tests.redis_server import RedisServer, needs_redis
from tests.serving import Client

PATIENCE = 20.0


class Odd(BaseException):
    """What no `except Exception` catches."""


def comes_true(ask: Callable[[], bool]) -> bool:
    latest = time.monotonic() + PATIENCE
    while not (true := ask()) and time.monotonic() < latest:
        time.sleep(0.01)
    return true


@pytest.mark.parametrize("error", [RuntimeError("on purpose"), Odd("on purpose"), SystemExit("on purpose")])
def test_a_call_of_any_outcome_leaves_the_errands_running(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    done: SimpleQueue[str] = SimpleQueue()

    def fail() -> None:
        raise error

    errands = BackgroundWorker("errands of a test")
    errands.ask(fail)
    errands.ask(lambda: done.put("done"))
    assert done.get(timeout=PATIENCE) == "done"
    errands.close(PATIENCE)
    assert "on purpose" in caplog.text


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    server = RedisServer()
    yield server
    server.stop()


@pytest.fixture
def serving(redis_server: RedisServer) -> Iterator[tuple[McmockServer, Client]]:
    with McmockServer(store=redis_server.url) as server:
        client = Client(server.url)
        yield server, client
        client.close()


def health(client: Client) -> tuple[int, str]:
    status, told, _ = client.ask("GET", "/__admin/health")
    return status, told.get("error", {}).get("message", "")


@needs_redis
def test_whatever_the_thread_that_follows_a_redis_meets_is_said_and_overcome(
    redis_server: RedisServer,
    serving: tuple[McmockServer, Client],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    _, client = serving
    path = client.start()

    def fail(_: RedisStore) -> None:
        raise KeyError("on purpose")

    with monkeypatch.context() as patched:
        patched.setattr(RedisStore, "_look", fail)
        assert comes_true(lambda: health(client)[0] == 503)
        assert "KeyError: 'on purpose'" in health(client)[1]
        assert client.send(path) == 503
    assert comes_true(lambda: health(client)[0] == 200)
    assert client.send(path) == 204
    assert (
        caplog.text.count(f"cannot apply changes of the Redis at {redis_server.url}") == 1
    )  # other tests' stores may live on


@needs_redis
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_follows_a_redis_and_ends_all_the_same_is_noticed(
    serving: tuple[McmockServer, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, client = serving
    path = client.start()

    def end(_: RedisStore) -> None:
        raise Odd

    monkeypatch.setattr(RedisStore, "_look", end)
    assert comes_true(lambda: health(client)[0] == 503)
    assert "has ended" in health(client)[1]
    assert client.send(path) == 503


ADD_NEXT = """
local position = redis.call('HINCRBY', KEYS[2], 'position', 1)
redis.call('XADD', KEYS[1], position .. '-0', unpack(ARGV))
"""


@needs_redis
def test_what_no_mcmock_has_written_is_said_and_nobody_waits(
    redis_server: RedisServer, serving: tuple[McmockServer, Client]
) -> None:
    server, client = serving
    path = client.start()
    with redis.Redis.from_url(redis_server.url) as other:
        log, counts = "mcmock:{default}:log", "mcmock:{default}:counts"
        for fields in (
            ["w", "no JSON"],
            ["w", b"\xff"],
            ["e", "[]", "s", "1", "b", "1"],
            ["d", '[[1,"odd"]]', "x", "1"],
        ):
            other.eval(ADD_NEXT, 2, log, counts, *fields)
            assert comes_true(lambda: health(client)[0] == 503)
            assert "holds entries that mcmock did not write" in health(client)[1]
            assert client.send(path) in (204, 503)  # and not: for ever
            with pytest.raises((ValueError, StoreUnavailable), match="holds entries that mcmock did not write"):
                open_store(redis_server.url).emulator()
            other.delete(log)
            assert comes_true(lambda: health(client)[0] == 200)
    path = client.start()
    assert client.send(path) == 204
    assert server.emulator.summary().broken <= 8


@needs_redis
@pytest.mark.parametrize("place", ["_take_in", "_take_in_cells", "_load"])
@pytest.mark.parametrize("error", [RuntimeError("on purpose"), Odd("on purpose")])
def test_a_change_that_fails_in_any_way_is_answered(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, place: str, error: BaseException
) -> None:
    emulator: Any = open_store(redis_server.url).emulator(seed=1, lazy=True)
    sid = start(emulator)
    answered: SimpleQueue[int] = SimpleQueue()

    def fail(*_: Any) -> None:
        raise error

    with monkeypatch.context() as patched:
        if place == "_load":
            patched.setattr(OptimisticCommitter, "_take_in_cells", lambda *_: False)
        patched.setattr(OptimisticCommitter, place, fail)
        if place == "_take_in":
            patched.setattr(OptimisticCommitter, "_keeps_up", lambda _: True)
        asking = threading.Thread(target=lambda: answered.put(send(emulator, sid, "ping").response.status))
        asking.start()
        assert answered.get(timeout=PATIENCE) == (204 if place == "_load" else 503)
        asking.join()
    assert send(emulator, sid, "ping").response.status == 204
    emulator.close()


async def test_whatever_a_watched_file_leads_to_is_said_and_watched_on(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    path.write_text("[]")
    said: list[str] = []
    begun: list[Any] = []
    errors: list[Exception] = [
        RuntimeError("on purpose"), RecursionError(), StoreUnavailable("the Redis is away"), TypeError("unhashable"),
    ]  # fmt: skip

    def begin(rules: Any) -> None:
        if errors:
            raise errors.pop(0)
        begun.append(rules)

    watching = asyncio.create_task(watch(WatchedFile(path, begin, said.append), every=0.001))
    async with asyncio.timeout(PATIENCE):
        for number in range(1, 6):
            path.write_text("[]" + " " * number)
            while len(said) < number:
                assert not watching.done(), watching.exception()
                await asyncio.sleep(0.001)
    watching.cancel()
    assert (len(begun), ["the faults stay as they were" in line for line in said]) == (1, [True] * 4 + [False])
    assert "the Redis is away" in said[2]
    assert "on purpose" in said[0]
