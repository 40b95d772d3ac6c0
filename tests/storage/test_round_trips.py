"""What a request asks of Redis: counted, not timed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

import pytest
import redis
from redis._parsers import Encoder
from redis.connection import PythonRespSerializer

from mcmock.core.model import Answer, Delivery
from mcmock.core.sessions import open_session
from mcmock.engine import Emulator
from mcmock.engine.changes import Row
from mcmock.storage import codec, open_store
from mcmock.storage.redis import _packed, _Packer
from tests.conftest import body, post, send, start
from tests.redis_server import RedisServer, needs_redis

PLAYERS = 16


@pytest.fixture
def asked() -> Iterator[tuple[Emulator, redis.Redis]]:
    server = RedisServer()
    emulator = open_store(server.url).emulator(lazy=True)
    client = redis.Redis.from_url(server.url, decode_responses=True)
    yield emulator, client
    client.close()
    emulator.close()
    server.stop()


def counted(client: redis.Redis) -> tuple[int, int]:
    """Return how many scripts were run since the last time, and how many bytes came."""
    commands: Any = client.info("commandstats")
    net: Any = client.info("stats")
    client.config_resetstat()
    return int(commands.get("cmdstat_evalsha", {}).get("calls", 0)), int(net["total_net_input_bytes"])


@needs_redis
def test_requests_that_wait_together_are_one_round_trip_and_one_by_itself_is_one(
    asked: tuple[Emulator, redis.Redis],
) -> None:
    emulator, client = asked
    ids = [start(emulator) for _ in range(PLAYERS)]
    counted(client)
    for number in range(3):
        assert send(emulator, ids[0], "ping", number).response.status == 204
    assert counted(client)[0] == 3
    answers: list[Answer] = []
    arrived = threading.Event()

    def told(answer: Answer) -> None:
        answers.append(answer)
        if len(answers) == PLAYERS:
            arrived.set()

    with emulator.engine.lock:  # nothing is decided before all of them have come
        for session_id in ids:
            emulator.submit(post(f"/api/v1/sessions/{session_id}/events", body("ping", 9)), told)
    assert arrived.wait(10)
    assert {answer.response.status for answer in answers} == {204}
    scripts, sent = counted(client)
    assert scripts == 1
    assert sent / PLAYERS < 1500


@needs_redis
def test_a_full_log_is_not_read_for_every_entry() -> None:
    server = RedisServer()
    client = redis.Redis.from_url(server.url, decode_responses=True)
    emulator = open_store(server.url).emulator(lazy=True, max_log_bytes=1 << 21)
    session_id = start(emulator)

    def ping(times: int) -> None:
        answers: SimpleQueue[Answer] = SimpleQueue()
        for number in range(times):
            emulator.submit(post(f"/api/v1/sessions/{session_id}/events", body("ping", number % 10)), answers.put)
        assert {answers.get(timeout=10).response.status for _ in range(times)} == {204}

    ping(8192)
    client.config_resetstat()
    ping(512)
    commands: Any = client.info("commandstats")
    held: Any = client.hgetall("mcmock:{default}:counts")
    log: Any = client.xrange("mcmock:{default}:log")
    entries = [fields for _, fields in log if "b" in fields]
    emulator.close()
    client.close()
    server.stop()
    assert int(held["evicted"]) > 1000
    assert commands["cmdstat_xrange"]["calls"] <= 512 / 2
    assert (1 << 21) * 0.99 < int(held["bytes"]) <= 1 << 21
    assert sum(int(fields["b"]) for fields in entries) == int(held["bytes"])
    assert len(entries) == int(held["seq"]) - int(held["evicted"])


@needs_redis
def test_what_became_of_answers_is_told_together(asked: tuple[Emulator, redis.Redis]) -> None:
    emulator, client = asked
    session_id = start(emulator)
    seqs = [send(emulator, session_id, "ping", number).seq for number in range(PLAYERS)]
    counted(client)
    with emulator.engine.lock:  # nothing is told before all of them are known
        for seq in seqs:
            emulator.settle(seq, Delivery.SENT)
    emulator.catch_up()
    assert counted(client)[0] <= 2  # the store's own thread, and whoever catches up
    assert {one.delivery for one in emulator.requests(since=1)} == {Delivery.SENT}


def test_a_value_that_equals_another_has_its_own_text() -> None:
    texts, whole, part = codec.CellTexts(), open_session("a", 1, 0.0), open_session("a", 1.0, 0.0)
    assert whole == part
    cells = [Row(codec.SESSIONS, "a", value) for value in (whole, part, whole)]
    assert [texts(cell) for cell in cells] == [codec.cell_texts(cell) for cell in cells]


@pytest.mark.parametrize(
    "command", [("PING",), ("CLIENT SETINFO", "LIB-NAME", ""), ("EVALSHA", b"\x00\xff", 2, "é", 1.5, "x" * 7000)]
)
def test_commands_are_packed_as_the_client_would(command: tuple[str, ...]) -> None:
    encode: Any = Encoder("utf-8", "strict", decode_responses=True)  # type: ignore[no-untyped-call]
    theirs: Any = PythonRespSerializer(6000, encode.encode)
    assert b"".join(_Packer().pack(*command)) == b"".join(theirs.pack(*command))


@pytest.mark.parametrize("words", [["PING"], ["EVALSHA", "é", ""], ["A", "\u2603" * 7000, "1"]])
def test_words_are_packed_as_commands_are(words: list[str]) -> None:
    assert [_packed(words)] == _Packer().pack(*words)


@needs_redis
def test_a_redis_that_forgot_its_scripts_or_ended_connections_is_asked_again(
    asked: tuple[Emulator, redis.Redis],
) -> None:
    emulator, client = asked
    session_id = start(emulator)
    client.script_flush()
    assert send(emulator, session_id, "ping", 1).response.status == 204
    client.client_kill_filter(_type="normal", skipme=True)
    assert send(emulator, session_id, "ping", 2).response.status == 204
    emulator.catch_up()
    assert [one.status for one in emulator.requests()] == [201, 204, 204]


@needs_redis
def test_a_redis_of_the_format_before_is_read_and_begins_another_epoch() -> None:
    """In which a place that was written by itself stood as one of several, and a server met news of its own format alone."""
    server = RedisServer()
    client = redis.Redis.from_url(server.url, decode_responses=True)
    first = open_store(server.url).emulator(seed=1)
    session_id = start(first)
    send(first, session_id, "ping", 1)
    log, counts = (f"mcmock:{{default}}:{name}" for name in ("log", "counts"))
    entries: Any = client.xrange(log)
    client.delete(log)
    for place, fields in entries:
        if "p" in fields:
            fields["w"] = codec.cells_text([(fields.pop("p"), fields.pop("v") or None)])
        client.xadd(log, fields, id=place)
    client.hset(counts, "format", "2")
    epoch = client.hget(counts, "epoch")
    second = open_store(server.url).emulator()
    assert [one.status for one in second.requests()] == [201, 204]
    assert client.hget(counts, "format") == str(codec.FORMAT)
    assert client.hget(counts, "epoch") != epoch
    assert send(first, session_id, "ping", 2).response.status == 204  # it has loaded all of it anew
    assert send(second, session_id, "ping", 3).response.status == 204
    assert [one.status for one in second.requests()] == [201, 204, 204, 204]
    for emulator in (first, second):
        emulator.close()
    client.close()
    server.stop()
