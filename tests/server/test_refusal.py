"""A server that is not there for a time, asked for over the control API: what its clients see, and what brings it back."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
from aiohttp.test_utils import TestClient

from mcmock import Emulator, create_app, faults
from mcmock.core import clock
from mcmock.core.model import Delivery
from mcmock.server.accepting import Taking, bind
from mcmock.testing.server import McmockServer
from tests.redis_server import RedisServer, needs_redis
from tests.serving import Client, Serving
from tests.storage.test_replicas import children

LONG = {"forSeconds": 3600}


def ask(admin: str, method: str, path: str, value: Any = None) -> tuple[int, Any]:
    content = None if value is None else json.dumps(value).encode()
    request = Request(admin + path, content, {"Content-Type": "application/json"}, method=method)
    try:
        with urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except HTTPError as error:
        with error:
            return error.code, json.loads(error.read())["error"]


def connect(url: str, host: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection((host, urlsplit(url).port), timeout=10)


def outcome(url: str, host: str = "127.0.0.1") -> str:
    """What a raw socket comes to: "open", or the name of the error."""
    try:
        connect(url, host).close()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "open"


def until(state: str, *urls: str) -> None:
    """Connect until all of them come to that. Real time bounds it."""
    give_up = clock.monotonic() + 30
    while [outcome(url) for url in urls] != [state] * len(urls):
        assert clock.monotonic() < give_up, f"not {state}"
        threading.Event().wait(0.01)


def end_of(connection: socket.socket) -> str:
    """What the socket says next, beneath TLS: Python's own would take a reset for an end."""
    connection.settimeout(10)
    try:
        return "data" if socket.socket.recv(connection, 65536) else "closed"
    except OSError as error:
        return errno.errorcode[error.errno or 0]


@pytest.fixture
def server(make_mcmock_server: Callable[..., McmockServer]) -> McmockServer:
    """One whose control API has a port of its own."""
    return make_mcmock_server(admin_port=0)


# -- a port for the control API -------------------------------------------------------------------------------------------


def test_players_are_refused_on_both_families_and_over_https_while_the_control_api_answers(
    server: McmockServer,
) -> None:
    urls = (server.url, server.https_url)
    status, said = ask(server.admin_url, "POST", "/refusal", LONG)
    assert status == 200
    assert said["refusing"] is True
    assert abs(said["until"] - server.clock.now() - 3600) < 60
    assert said["adminUrl"] == server.admin_url
    assert [outcome(url, host) for url in urls for host in ("127.0.0.1", "::1")] == ["ECONNREFUSED"] * 4
    assert ask(server.admin_url, "GET", "/refusal") == (200, said)
    assert ask(server.admin_url, "GET", "/summary")[0] == 200
    ask(server.admin_url, "POST", "/clock/advance", {"seconds": 3600})
    until("open", *urls)
    assert ask(server.admin_url, "GET", "/refusal")[1]["refusing"] is False


def test_connections_that_are_open_are_reset(server: McmockServer) -> None:
    client = Client(server.url)
    path = client.start()
    server.faults.add(faults.hang(event="ping"))
    trusting = ssl.create_default_context(cafile=server.ca_file)
    idle, half, held = (connect(server.url) for _ in range(3))
    secure = trusting.wrap_socket(connect(server.https_url), server_hostname="127.0.0.1")
    secure.sendall(b"GET /api/v1/schemas/ping HTTP/1.1\r\nHost: a\r\n\r\n")
    assert secure.recv(65536).startswith(b"HTTP/1.1 200 ")
    half.sendall(b"POST /api/v1/sessions HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{")
    text = b'{"eventType":"ping","playerTime":{"playhead":1,"ts":1}}'
    held.sendall(
        b"POST %b/events HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (path.encode(), len(text), text)
    )
    server.wait_for(event="ping")
    ask(server.admin_url, "POST", "/refusal", LONG)
    assert [end_of(one) for one in (idle, half, held, secure)] == ["ECONNRESET"] * 4
    assert server.request(event="ping").delivery is Delivery.ABORTED
    for one in (idle, half, held, secure):
        one.close()
    client.close()


def test_the_stream_at_its_own_port_goes_on_and_one_at_the_players_port_ends(server: McmockServer) -> None:
    with urlopen(f"{server.admin_url}/stream", timeout=10) as own, urlopen(f"{server.url}/__admin/stream") as other:
        other.readline()
        ask(server.admin_url, "POST", "/refusal", LONG)
        with pytest.raises(ConnectionResetError):
            other.read()
        ask(server.admin_url, "DELETE", "/refusal")
        client = Client(server.url)
        client.start()
        client.close()
        assert any(b"sessionStart" in own.readline() for _ in range(20))


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/refusal"), ("DELETE", "/faults"), ("POST", "/reset")])
def test_it_is_ended_before_its_time(server: McmockServer, method: str, path: str) -> None:
    ask(server.admin_url, "POST", "/refusal", LONG)
    assert outcome(server.url) == "ECONNREFUSED"
    assert ask(server.admin_url, method, path) == (200, {})
    assert outcome(server.url) == "open"
    assert ask(server.admin_url, method, path) == (200, {})
    server.clock.advance(3600)
    assert outcome(server.url) == "open"


def test_a_second_refusal_takes_the_place_of_the_first(server: McmockServer) -> None:
    first = ask(server.admin_url, "POST", "/refusal", {"forSeconds": 600})[1]
    second = ask(server.admin_url, "POST", "/refusal", {"forSeconds": 300})[1]
    assert second["until"] < first["until"]
    server.clock.advance(301)
    until("open", server.url)
    third = ask(server.admin_url, "POST", "/refusal", {"forSeconds": 300})[1]
    ask(server.admin_url, "POST", "/refusal", LONG)
    server.clock.advance(301)
    assert outcome(server.url) == "ECONNREFUSED"
    assert third["until"] < server.clock.now()


def test_a_frozen_clock_holds_it(server: McmockServer) -> None:
    server.clock.freeze()
    ask(server.admin_url, "POST", "/refusal", {"forSeconds": 0.01})
    threading.Event().wait(0.1)
    assert outcome(server.url) == "ECONNREFUSED"
    ask(server.admin_url, "POST", "/clock/advance", {"seconds": 0.01})
    until("open", server.url)


def test_a_server_that_is_stopped_stays_so(server: McmockServer) -> None:
    ask(server.admin_url, "POST", "/refusal", LONG)
    server.stop()
    assert outcome(server.admin_url) == "ECONNREFUSED"
    server.clock.advance(3601)
    assert outcome(server.url) == "ECONNREFUSED"
    server.start()
    assert [outcome(server.url), outcome(server.admin_url)] == ["open", "open"]


def test_nothing_is_emulated_at_the_control_api_s_own_port(server: McmockServer) -> None:
    own = server.admin_url.removesuffix("/__admin")
    status, error = ask(own, "POST", "/api/v1/sessions", {"eventType": "sessionStart"})
    assert (status, error["code"]) == (404, "no-player-here")
    assert server.url in error["message"]
    with connect(own) as raw:
        raw.sendall(b"no HTTP at all\r\n\r\n")
        assert raw.recv(65536).startswith(b"HTTP/1.1 400 ")
    with urlopen(Request(own, headers={"Accept": "text/html"}), timeout=10) as page:
        assert page.url == f"{server.admin_url}/"
    assert server.requests() == []


def test_it_is_tried_again_where_it_cannot_listen_again(server: McmockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    service = server._thread.service
    opening, failed = service._open_ports, threading.Event()

    async def open_ports() -> None:
        if not failed.is_set():
            failed.set()
            raise OSError(errno.EADDRINUSE, "Address already in use")
        await opening()

    monkeypatch.setattr("mcmock.server.presence.RETRY_DELAY", 0.01)
    monkeypatch.setattr(service, "_open_ports", open_ports)
    ask(server.admin_url, "POST", "/refusal", LONG)
    status, error = ask(server.admin_url, "DELETE", "/refusal")
    assert (status, error["code"]) == (503, "cannot-listen")
    until("open", server.url)
    assert ask(server.admin_url, "GET", "/refusal")[1]["refusing"] is False


# -- one port for both ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("frozen", [False, True])
def test_without_a_port_of_its_own_it_comes_back_by_itself(mcmock_server: McmockServer, frozen: bool) -> None:
    """A frozen clock would keep away whoever could let it run."""
    if frozen:
        mcmock_server.clock.freeze()
    client = Client(mcmock_server.url)
    client.start()
    status, said = ask(mcmock_server.admin_url, "POST", "/refusal", {"forSeconds": 0.2})
    assert (status, said["refusing"], said["adminUrl"]) == (200, True, mcmock_server.admin_url)
    until("open", mcmock_server.url)
    client.close()
    assert ask(mcmock_server.admin_url, "GET", "/summary")[1]["sessions"] == 1


def test_the_connection_that_asks_is_answered_and_ends(mcmock_server: McmockServer) -> None:
    with connect(mcmock_server.url) as asking, connect(mcmock_server.url) as other:
        body = json.dumps(LONG).encode()
        asking.sendall(
            b"POST /__admin/refusal HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        answer = asking.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"Connection: close" in answer
        assert end_of(other) == "ECONNRESET"
    assert outcome(mcmock_server.url) == "ECONNREFUSED"
    mcmock_server.faults.clear()
    assert outcome(mcmock_server.url) == "open"


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_what_curl_sees(mcmock_server: McmockServer) -> None:
    mcmock_server.faults.add(faults.refuse(for_seconds=3600))
    command = ["curl", "-sS", "--max-time", "10", f"{mcmock_server.url}/api/v1/schemas/ping"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 7  # "couldn't connect"


# -- what is refused itself -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"forSeconds": 0}, "forSeconds must be a number above 0"),
        ({"forSeconds": 3601}, "forSeconds must be a number above 0"),
        ({"forSeconds": "1"}, "forSeconds must be a number above 0"),
        ({"seconds": 1}, 'a refusal is {"forSeconds": 30}, say'),
        ({}, 'a refusal is {"forSeconds": 30}, say'),
        ([], 'a refusal is {"forSeconds": 30}, say'),
    ],
)
def test_a_wrong_refusal_is_told_in_one_line(mcmock_server: McmockServer, body: Any, words: str) -> None:
    status, error = ask(mcmock_server.admin_url, "POST", "/refusal", body)
    assert status == 400
    assert words in error["message"]
    assert outcome(mcmock_server.url) == "open"


def test_a_scope_can_neither_refuse_for_all_nor_end_it(server: McmockServer) -> None:
    scope = server.admin_url.replace("/__admin", "/~mine/__admin")
    assert ask(scope, "POST", "/refusal", LONG)[1]["code"] == "whole-server"
    assert outcome(server.url) == "open"
    ask(server.admin_url, "POST", "/refusal", LONG)
    for method, path in (("DELETE", "/faults"), ("POST", "/reset")):
        assert ask(scope, method, path) == (200, {})
    assert ask(scope, "DELETE", "/refusal")[1]["code"] == "whole-server"
    assert outcome(server.url) == "ECONNREFUSED"


async def test_a_part_of_another_server_has_no_port_to_close(aiohttp_client: Callable[..., Any]) -> None:
    client: TestClient[Any, Any] = await aiohttp_client(create_app(Emulator()))
    answer = await client.post("/__admin/refusal", json=LONG)
    assert (answer.status, (await answer.json())["error"]["code"]) == (409, "not-our-port")
    assert (await client.delete("/__admin/faults")).status == 200


# -- more than one process ------------------------------------------------------------------------------------------------


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    redis = RedisServer()
    yield redis
    redis.stop()


@needs_redis
def test_all_workers_refuse_and_come_back_together(redis_server: RedisServer) -> None:
    options = ("--store", redis_server.url, "--workers", "2", "--admin-port", "0", "--https-port", "0")
    with Serving(*options) as server:
        admin, urls = server.facts["adminUrl"], (server.url, server.facts["httpsUrl"])
        for _ in range(6):  # whichever worker the kernel chooses
            assert ask(admin, "POST", "/refusal", LONG)[1]["refusing"] is True
            assert [outcome(url) for url in urls for _ in range(4)] == ["ECONNREFUSED"] * 8
            assert ask(admin, "GET", "/refusal")[1]["refusing"] is True
            assert ask(admin, "DELETE", "/refusal") == (200, {})
            assert [outcome(url) for url in urls for _ in range(4)] == ["open"] * 8
        ask(admin, "POST", "/refusal", LONG)
        (worker,) = children(server.process.pid)
        os.kill(worker, signal.SIGKILL)  # the next one does not begin to listen before its time
        while worker in children(server.process.pid):
            threading.Event().wait(0.02)
        ask(admin, "POST", "/clock/advance", {"seconds": 3600})
        until("open", *urls)
        give_up = clock.monotonic() + 30
        while not children(server.process.pid):
            assert clock.monotonic() < give_up
            threading.Event().wait(0.05)
    assert server.process.returncode == 0


async def test_who_was_taken_and_not_yet_heard_is_reset_too() -> None:
    """Accepted by the kernel and by us, and the task of its connection has not had a turn."""
    taking = Taking(asyncio.Protocol, lambda: 0)
    listener = bind(socket.AF_INET, ("127.0.0.1", 0), share_port=False)
    taking.begin(listener, None)
    with socket.create_connection(listener.getsockname()) as other:
        await asyncio.sleep(0)  # it waits for whoever comes
        one, _ = listener.accept()
        taking._take(one, None)
        await taking.end(reset=True)
        assert await asyncio.to_thread(end_of, other) == "ECONNRESET"
