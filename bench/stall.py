"""Whether anybody waits for anybody's question: what each question of the control API costs, and whom it makes wait.

    python bench/stall.py [--events 100000] [--sessions 10000] [--only PATTERN] [--loop uvloop]

A server is a process of its own. It gets a session of so many events, then so many sessions; after each of the two everything
that can be asked is asked, one after the other, while a client of its own process sends a ping every 2 ms. Per question:

    CPU     milliseconds of the server, less what the pings take by themselves
    held    the longest piece of work of the event loop, in milliseconds of CPU: nobody is answered before it ends
    gc      the longest collection of garbage within them
    worst   the longest that a ping waited for its answer, and p99: the machine's own noise is in it

The row "nobody asks" says what the machine does by itself. What steers is "held": it is measured inside the server, in CPU
time of its loop, so that other programs on the machine do not count. The event loop is asyncio's, which can be looked into;
with `--loop uvloop` there is no "held".
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import multiprocessing
import os
import re
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from http.client import HTTPConnection
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from bodies import session_start

TICKS = os.sysconf("SC_CLK_TCK")
GAP = 0.002
"""Seconds between two pings of the client who must not wait."""
PIPELINE = 64
LOSSY = {"name": "lossy", "match": {"event": "ping"}, "probability": 0.002, "effect": {"type": "status", "code": 503}}
BIG_LOG = ("--max-log-bytes", str(1 << 30))


# -- inside the server --------------------------------------------------------------------------------------------------------


class Held:
    """The longest piece of work of the loop, and the longest collection, since they were last asked for: CPU seconds."""

    def __init__(self) -> None:
        self.longest = self.collected = 0.0
        self._began = 0.0
        gc.callbacks.append(self._collects)
        run = asyncio.events.Handle._run
        clock = time.process_time  # the loop waits while a question on its thread is at work

        def measured(handle: Any) -> None:
            began = clock()
            run(handle)
            if (took := clock() - began) > self.longest:
                self.longest = took

        asyncio.events.Handle._run = measured  # type: ignore[method-assign,assignment]

    def _collects(self, phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            self._began = time.thread_time()
        else:
            self.collected = max(self.collected, time.thread_time() - self._began)

    def tell(self, listener: socket.socket) -> None:
        """Answer each line on a socket with what was the longest, and begin anew."""
        connection, _ = listener.accept()
        with connection, connection.makefile("rw") as lines:
            for _ in lines:
                lines.write(json.dumps([self.longest * 1000, self.collected * 1000]) + "\n")
                lines.flush()
                self.longest = self.collected = 0.0


def serve(port: int, options: list[str]) -> None:
    """`mcmock serve`, looked into: it connects to nothing, and tells of itself at `port`."""
    if port:
        sys.modules["uvloop"] = None  # type: ignore[assignment]
        held, listener = Held(), socket.create_server(("127.0.0.1", port))
        threading.Thread(target=held.tell, args=(listener,), daemon=True).start()
    from mcmock.cli import main as command

    command(["serve", "--port", "0", "--log-format", "json", *options])


# -- the client who must not wait ---------------------------------------------------------------------------------------------


def ping_on(port: int, told: Connection) -> None:
    """Ping until told to stop. Each word that comes is answered with the waits, in ms, since the word before it."""
    players = Player(port)
    path, number = players.open("of-the-client"), 0
    waits: list[float] = []
    while True:
        if told.poll():
            if told.recv() == "stop":
                return
            told.send(waits)
            waits = []
        number += 1
        players.queue(path, event("ping", number, number))
        began = time.perf_counter()
        players.flush()
        waits.append((time.perf_counter() - began) * 1000)
        time.sleep(GAP)


# -- what is played -----------------------------------------------------------------------------------------------------------


def event(name: str, playhead: float, seconds: float, **more: Any) -> bytes:
    stamp = 1_700_000_000_000 + int(seconds * 1000)
    return json.dumps({"eventType": name, "playerTime": {"playhead": playhead, "ts": stamp}, **more}).encode()


QOE = {"media.qoe.bitrate": 3200, "media.qoe.droppedFrames": 2, "media.qoe.framesPerSecond": 25}
AD = {"media.ad.podPosition": 1, "media.ad.id": "ad-1", "media.ad.length": 20, "media.ad.playerName": "p"}
BREAK = {"media.ad.podFriendlyName": "mid", "media.ad.podIndex": 1, "media.ad.podSecond": 600}


def story() -> Iterator[bytes]:
    """Events without end: pings with quality data, and every so often a pause, an ad, or something that is odd."""
    now = head = 1.0
    yield event("play", head, now)
    for count in range(1, 1 << 30):
        now, head = now + 10, head + 10
        if count % 40 == 0:
            yield event(
                "adBreakStart", head, now, params={**BREAK, "media.ad.podIndex": count, "media.ad.podSecond": int(head)}
            )
            yield event("adStart", head, now + 0.1, params=AD)
            yield event("ping", head, now + 10)
            yield event("adComplete", head, now + 20)
            yield event("adBreakComplete", head, now + 20.1)
            now += 20.1
        elif count % 50 == 0:
            yield event("pauseStart", head, now)
            now += 5
            yield event("play", head, now)
        elif count % 75 == 0:
            yield event("adComplete", head, now)  # of no ad: ignored
        yield event("ping", head, now + 0.5, qoeData={**QOE, "media.qoe.bitrate": 3200 + count // 100 % 7})


class Player:
    """One connection. Requests are queued and sent in pipelines."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._queued: list[bytes] = []
        self._rest = b""

    def open(self, content: str) -> str:
        """Open a session and return the path of its events."""
        self.queue("/api/v1/sessions", session_start(**{"media.id": content, "media.length": 86400 * 30}))
        answer = self.flush()[0]
        return re.search(rb"(?im)^location: (\S+)", answer)[1].decode() + "/events"  # type: ignore[index]

    def queue(self, path: str, body: bytes) -> None:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: m\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._queued.append(head.encode() + body)

    def play(self, requests: Iterable[tuple[str, bytes]]) -> None:
        for path, body in requests:
            self.queue(path, body)
            if len(self._queued) == PIPELINE:
                self.flush()
        self.flush()

    def flush(self) -> list[bytes]:
        """Send what is queued and return the heads of the answers."""
        expected, sent = len(self._queued), b"".join(self._queued)
        self._queued = []
        answers: list[bytes] = []
        self._socket.sendall(sent)
        while len(answers) < expected:
            head, found, rest = self._rest.partition(b"\r\n\r\n")
            length = int((re.search(rb"(?i)content-length: (\d+)", head) or [0, 0])[1]) if found else 0
            if found and len(rest) >= length:
                answers.append(head)
                self._rest = rest[length:]
            else:
                select.select([self._socket], [], [])
                came = self._socket.recv(1 << 20)
                if not came:
                    raise ConnectionError("the server has closed the connection")
                self._rest += came
        return answers


def one_long(player: Player, events: int) -> str:
    path = player.open("long")
    player.play((path, body) for body, _ in zip(story(), range(events), strict=False))
    return path.split("/")[4]


def many_short(player: Player, sessions: int) -> None:
    for number in range(sessions):
        path = player.open(f"film-{number}")
        player.play((path, body) for body, _ in zip(story(), range(5), strict=False))


# -- asking -------------------------------------------------------------------------------------------------------------------


class Question(NamedTuple):
    method: str
    path: str
    body: bytes | None = None


LEFT_OUT = ("/inspector/", "/ca.pem", "/trust")
CHANGES = (
    "/sessions/{sid}/expire", "/sessions/{sid}/forget", "/faults", "/presets/{name}", "/refusal", "/clock/advance",
    "/clock/freeze", "/clock/resume", "/reset",
)  # fmt: skip
"""The POSTs that are no questions. One that is neither among them nor asked ends the run."""
MANY_RULES = [{"name": f"rule-{number}", "match": {"event": "sessionEnd"}, "effect": "reset"} for number in range(5000)]
FORESEEING = {
    "name": "foreseeing",
    "match": {"event": "sessionEnd", "outcome": "ignored"},
    "side": "after",
    "effect": "reset",
}
ROWS = {f"key{number}": "optional" for number in range(5000)}
CHANGED = [
    Question("POST", "/faults", json.dumps(FORESEEING).encode()),
    Question("GET", "/health"),
    Question("PUT", "/faults", json.dumps({"faults": MANY_RULES}).encode()),
    Question("GET", "/faults"),
    Question("GET", "/faults?limit=10"),
    Question("PUT", "/faults", json.dumps({"faults": [LOSSY]}).encode()),
    Question("PUT", "/plan", json.dumps({"all": {"sessionStart": {"metadata": ROWS}}}).encode()),
    Question("GET", "/plan/coverage"),
    Question("DELETE", "/plan"),
    Question("GET", "/summary"),
]
"""What is changed and asked behind all questions, in this order."""
EMPTIED = [
    Question("GET", "/summary"),
    Question("DELETE", "/requests"),
    Question("GET", "/summary"),
    Question("POST", "/reset"),
]
"""What ends it all."""
STREAMED = 1 << 23
"""Bytes of the stream that are read: it has no end."""


def questions(port: int, sid: str, other: str) -> list[Question]:
    """Every GET of the control API as its own document has it, and the questions that are POSTs."""
    paths = json.loads(ask(port, Question("GET", "/openapi.json"))[1])["paths"]
    gets = [path.removeprefix("/__admin") for path, methods in paths.items() if "get" in methods and "/__admin" in path]
    known = {"sid": sid, "seq": "1000", "name": "lossy", "left": sid, "right": other, "a": sid, "b": other}
    asked = [Question("GET", re.sub(r"{(\w+)}", lambda at: known.get(at[1], sid), path)) for path in gets
             if not path.startswith((*LEFT_OUT, "/stream", "/compare"))]  # fmt: skip
    whole = f"/sessions/{sid}"
    asked += [Question("GET", path) for path in (
        "/sessions?brief=1", whole + "?brief=1", "/requests?brief=1&limit=10&order=desc", f"/requests?session={sid}&limit=10",
        "/requests?outcome=ignored&limit=10", "/requests?status=503&limit=10",
        "/requests?event=adComplete", "/requests?limit=100000", "/verdict?failOn=warning",
        f"/requests.ndjson?session={sid}", "/requests?since=90000&brief=1", "/summary?scope=*", "/losses?limit=10",
        f"/compare?old={sid}&new={other}", f"/compare?old={sid}&new={sid}", "/stream?since=0",
    )]  # fmt: skip
    posts: list[tuple[str, Any]] = [
        ("/requests/find", {"event": "pauseStart"}),
        ("/requests/find", {"rule": "ping-gap"}),
        ("/verify", {"match": {"event": "ping"}, "atLeast": 10}),
        ("/verify", {"match": {"event": "bitrateChange"}, "count": 3}),
        ("/verify", {"match": {"outcome": "ignored"}, "count": 0}),
        ("/verify", {"match": {"session": sid}, "sequence": ["sessionStart", "play", "ping"], "gaps": True}),
        ("/verify", {"sequence": ["sessionStart", "play"]}),
        ("/verify", {"noFindings": "warning"}),
        ("/verify", {"noLosses": True}),
        ("/requests/wait", {"match": {"event": "adComplete"}, "count": 1000, "timeout": 5}),
        ("/verify", {"match": {"event": "sessionEnd"}, "count": 0, "within": 0.5}),
    ]
    known_posts = {*CHANGES, *(path for path, _ in posts)}
    if forgotten := [path for path, methods in paths.items() if "post" in methods and path.startswith("/__admin")
                     and path.removeprefix("/__admin") not in known_posts]:  # fmt: skip
        raise SystemExit(f"bench/stall.py knows no question for POST {', '.join(forgotten)}")
    return asked + [Question("POST", path, json.dumps(body).encode()) for path, body in posts]


def ask(port: int, question: Question) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port)
    headers = {"Content-Type": "application/json"} if question.body else {}
    connection.request(question.method, "/__admin" + question.path, question.body, headers)
    answer = connection.getresponse()
    text = answer.read(STREAMED if question.path.startswith("/stream") else None)
    connection.close()
    return answer.status, text


class Probe:
    """A server with a client that pings it; every question goes through `row`."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._asked = options
        free = socket.create_server(("127.0.0.1", 0))
        look = 0 if options.loop == "uvloop" else int(free.getsockname()[1])
        free.close()
        command = [sys.executable, __file__, "--serve", str(look), *BIG_LOG]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(json.loads(self.process.stdout.readline())["url"].rpartition(":")[2])
        self._inside = socket.create_connection(("127.0.0.1", look)).makefile("rw") if look else None
        self._told, theirs = multiprocessing.Pipe()
        self._client = multiprocessing.Process(target=ping_on, args=(self.port, theirs), daemon=True)
        self.idle = 0.0

    def start_client(self) -> None:
        self._client.start()

    def close(self) -> None:
        self._told.send("stop")
        self.process.terminate()
        self.process.wait()

    def cpu(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS * 1000

    def _held(self) -> list[float]:
        if self._inside is None:
            return [0.0, 0.0]
        self._inside.write("\n")
        self._inside.flush()
        told: list[float] = json.loads(self._inside.readline())
        return told

    def _waits(self) -> list[float]:
        self._told.send("so far")
        waits: list[float] = self._told.recv()
        return waits

    def nobody(self, seconds: float = 3.0) -> None:
        """What the machine and the pings do by themselves."""
        self._waits()
        self._held()
        began, spent = time.perf_counter(), self.cpu()
        time.sleep(seconds)
        took = time.perf_counter() - began
        self.idle = (self.cpu() - spent) / took
        self._tell("nobody asks", took, 0.0, self._held(), self._waits(), "")

    def row(self, question: Question) -> None:
        self._waits()
        self._held()
        began, spent = time.perf_counter(), self.cpu()
        status, text = ask(self.port, question)
        took = time.perf_counter() - began
        ask(self.port, Question("GET", "/health"))  # behind what the loop still does for the answer
        cpu = max(0.0, self.cpu() - spent - self.idle * took)
        told = question.path if question.body is None else f"{question.path} {question.body.decode()}"
        told = re.sub(r"[0-9a-f]{60,}", "SID", told)
        self._tell(
            f"{question.method} {told}"[:88], took, cpu, self._held(), self._waits(), f"{status}, {len(text):,} B"
        )

    def _tell(self, name: str, took: float, cpu: float, held: list[float], waits: list[float], answer: str) -> None:
        ordered = sorted(waits) or [0.0]
        worst, p99 = ordered[-1], ordered[int(len(ordered) * 0.99)]
        inside = f"{held[0]:.1f} | {held[1]:.1f}"
        print(f"| {name} | {took * 1000:.0f} | {cpu:.0f} | {inside} | {worst:.1f} | {p99:.1f} | {answer} |", flush=True)


HEAD = """| question | took, ms | CPU, ms | held, ms | gc, ms | worst, ms | p99, ms | answer |
|---|---|---|---|---|---|---|---|"""


def measure(probe: Probe, title: str, sid: str, asked: argparse.Namespace) -> None:
    print(f"\n{title}\n\n{HEAD}")
    probe.nobody()
    found = json.loads(ask(probe.port, Question("GET", "/sessions?brief=1&limit=2"))[1])["sessions"]
    other = found[-1]["id"]
    listed = [one for one in questions(probe.port, sid, other) if re.search(asked.only, f"{one.path} {one.body!r}")]
    listed.sort(key=lambda one: one.path != "/summary")  # which judges what has not been judged
    for question in listed:
        probe.row(question)
    for question in listed:
        if question.path in ("/summary", "/sessions", "/sessions?brief=1", "/losses", "/verdict", "/scopes"):
            probe.row(question)
    for question in CHANGED:
        if re.search(asked.only, f"{question.path} {question.body!r}"):
            probe.row(question)


def main() -> None:
    if sys.argv[1:2] == ["--serve"]:
        serve(int(sys.argv[2]), sys.argv[3:])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--only", default="")
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    asked = parser.parse_args()
    probe = Probe(asked)
    try:
        assert ask(probe.port, Question("POST", "/faults", json.dumps(LOSSY).encode()))[0] == 200
        player = Player(probe.port)
        sid = one_long(player, asked.events) if asked.events else player.open("short").split("/")[4]
        probe.start_client()
        if asked.events:
            measure(probe, f"One session of {asked.events:,} events", sid, asked)
        if asked.sessions:
            many_short(player, asked.sessions)
            measure(probe, f"{asked.sessions:,} sessions more", sid, asked)
        for question in EMPTIED:
            probe.row(question)
    finally:
        probe.close()


if __name__ == "__main__":
    main()
