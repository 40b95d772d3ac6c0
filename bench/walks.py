"""How far four questions walk through the house: calls, functions, classes, files and packages of mcmock that each one meets.

    python bench/walks.py [--times 9] [--redis redis://127.0.0.1:6379/0]

Each walk is made against a live `McmockServer` once the same thing has been done before. Every call of a function of ours is
recorded, in all threads but the client's own; the median of each figure is printed as a row of docs/architecture.md's table.
Without --redis a redis-server is started, where there is one. The figures vary by a few with the timing of packets.
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median
from types import CodeType, FrameType
from typing import Any, NamedTuple

import mcmock
from mcmock.testing.server import McmockServer

OURS = str(Path(mcmock.__file__).parent) + "/"
PARAMS = {
    "analytics.trackingServer": "a", "analytics.reportSuite": "b", "visitor.marketingCloudOrgId": "c", "media.id": "d",
    "media.length": 60, "media.contentType": "vod", "media.playerName": "e", "media.channel": "f",
}  # fmt: skip


class Walk(NamedTuple):
    """What was met between a question and its answer."""

    calls: int
    functions: int
    classes: int
    files: int
    file_changes: int
    frames_deep: int
    packages: int
    crossings: int


class Recorder:
    """The calls of mcmock's functions, in order, in the threads that begin after it was made and in this one."""

    def __init__(self) -> None:
        self._calls: list[CodeType] = []
        self._deepest = 0
        self._is_on = False
        self._own = threading.local()
        threading.setprofile(self._note)

    @contextmanager
    def recording(self, *, this_thread: bool) -> Iterator[None]:
        self._calls, self._deepest, self._is_on = [], 0, True
        if this_thread:
            sys.setprofile(self._note)
        try:
            yield
        finally:
            sys.setprofile(None)
            self._is_on = False

    def _note(self, frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and self._is_on and frame.f_code.co_filename.startswith(OURS):
            self._calls.append(frame.f_code)
            self._deepest = max(self._deepest, _depth(frame))

    def walk(self) -> Walk:
        files = [code.co_filename for code in self._calls]
        packages = [name.removeprefix(OURS).partition("/")[0] for name in files]
        functions = {code for code in self._calls if not code.co_name.startswith("<")}
        return Walk(
            len(files),
            len(functions),
            len({(code.co_filename, name) for code in functions if (name := _class(code))}),
            len(set(files)),
            sum(one != other for one, other in pairwise(files)),
            self._deepest,
            len(set(packages)),
            sum(one != other for one, other in pairwise(packages)),
        )


def _depth(frame: FrameType | None) -> int:
    """Return how many frames of ours stand on top of each other here."""
    deep = 0
    while frame is not None:
        deep += frame.f_code.co_filename.startswith(OURS)
        frame = frame.f_back
    return deep


def _class(code: CodeType) -> str:
    """Return the class whose method this is, or an empty text."""
    owner = code.co_qualname.rpartition(".")[0].rpartition("<locals>.")[2]
    return owner.rpartition(".")[2] if owner.rpartition(".")[2][:1] not in ("", "<") else ""


class Player:
    """A client on one connection that is kept open."""

    def __init__(self, url: str) -> None:
        self._wire = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
        self._wire.connect()
        _, headers = self.post("/api/v1/sessions", self._event("sessionStart", params=PARAMS))
        self._events = headers["Location"].partition("/api/")[2]
        self._ts = 1_700_000_000_000

    @staticmethod
    def _event(name: str, playhead: float = 0, ts: int = 1_700_000_000_000, **parts: Any) -> bytes:
        return json.dumps({"eventType": name, "playerTime": {"playhead": playhead, "ts": ts}, **parts}).encode()

    def post(self, path: str, body: bytes) -> tuple[int, Any]:
        head = f"POST {path} HTTP/1.1\r\nHost: walks\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._wire.sock.sendall(head.encode() + body)  # in one packet, as browsers send it
        answer = http.client.HTTPResponse(self._wire.sock, method="POST")
        answer.begin()
        answer.read()
        return answer.status, answer.headers

    def send(self, name: str) -> None:
        self._ts += 1000
        status, _ = self.post(
            f"/api/{self._events}/events", self._event(name, 100 + (self._ts % 10**8) / 1000, self._ts)
        )
        assert status == 204, status

    def get(self, path: str) -> None:
        self._wire.request("GET", path)
        answer = self._wire.getresponse()
        assert answer.status == 200, answer.read()
        answer.read()


def measured(recorder: Recorder, times: int, act: Callable[[], object], *, this_thread: bool = False) -> Walk:
    """Return the median of each figure of `act`, done `times` times after the first."""
    act()
    walks = []
    for _ in range(times):
        with recorder.recording(this_thread=this_thread):
            act()
        walks.append(recorder.walk())
    return Walk(*(round(median(column)) for column in zip(*walks, strict=True)))


def in_memory(recorder: Recorder, times: int) -> Iterator[tuple[str, Walk]]:
    with McmockServer() as server:
        player = Player(server.url)
        player.send("play")
        yield "a ping, second time", measured(recorder, times, lambda: player.send("ping"))
        server.reset()
        player = Player(server.url)
        player.send("ping")
        player.send("ping")
        ask = measured(recorder, times, lambda: player.get("/__admin/requests?event=ping"))
        yield "`GET /__admin/requests?event=ping`", ask
        check = measured(recorder, times, lambda: server.assert_received(event="ping", count=2), this_thread=True)
        yield '`assert_received(event="ping", count=2)`', check


def on_redis(recorder: Recorder, times: int, url: str) -> Iterator[tuple[str, Walk]]:
    with McmockServer(store=url) as server:
        player = Player(server.url)
        player.send("play")
        yield "a ping under `redis://`", measured(recorder, times, lambda: player.send("ping"))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--times", type=int, default=9)
    parser.add_argument("--redis", help="the address of a Redis to use")
    asked = parser.parse_args()
    recorder = Recorder()
    with ExitStack() as stack:
        walks = list(in_memory(recorder, asked.times))
        if url := asked.redis or _own_redis(stack):
            walks += on_redis(recorder, asked.times, url)
    print("| walk |", " | ".join(name.replace("_", " ") for name in Walk._fields), "|")
    print("|---" * (len(Walk._fields) + 1) + "|")
    for name, walk in walks:
        print(f"| {name} |", " | ".join(map(str, walk)), "|")


def _own_redis(stack: ExitStack) -> str | None:
    """Return the address of a redis-server of this run's own; None where there is no such program."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests import redis_server

    if redis_server.PROGRAM is None:
        print("there is no redis-server here: the fourth walk is left out", file=sys.stderr)
        return None
    server = redis_server.RedisServer()
    stack.callback(server.stop)
    return server.url


if __name__ == "__main__":
    main()
