"""The same bytes with the fast path and without it: the answers, the log and the state must be the same.

    python bench/differential.py [--cases 100000] [--seed 1] [--first 0] [--jobs 1]

A case is a few connections, the bytes that come on each, where these are cut into packets, in which order the packets of
all connections arrive, and what happens in between. The bytes are events, starts and preflights, whole, cut, doubled, with
headers of other requests in them, with other lengths, with bodies that look like requests, with findings, in named scopes,
behind chunks, behind junk …, runs of every recording under fixtures/, requests that come again with something odd in their
heads, and bodies that differ in a few bytes from one that was accepted (both in `inputs.py`). In between time passes, a
fault is armed, a scope appears or goes, somebody watches, the mode changes, a session expires, the log is emptied,
everything is reset, a client stops reading, ends its side, or goes. Some cases hold, delay or break off answers by faults.

A case is played twice on servers that differ in nothing but the fast path and what is remembered of earlier bodies
(`FORGETFUL`), whose connections are the real ones on a transport and a loop of this file: what a case finds, it finds
again. Of bytes that are no request, what is kept may end sooner on one of them. A case with no more than whole requests
and one bad end must also have exactly those in its log, whatever the cuts.
Exit code 1 prints the case that differs; `--first` and `--cases 1` play it again.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import random
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import pairwise, repeat
from typing import Any, NamedTuple, TypeVar

from aiohttp import web
from bodies import PARAMS
from inputs import odd_body, odd_head, recorded_bodies, recordings

from mcmock import faults
from mcmock.core.clock import Clock
from mcmock.core.model import Request
from mcmock.engine import Emulator
from mcmock.engine.emulator import Backing
from mcmock.engine.scopes import Scopes
from mcmock.protocols.media_collection import schemas, templates
from mcmock.server import http_io
from mcmock.server.connection import Connection
from mcmock.server.fast_path import FastPath, FastRequest, Head, Part
from mcmock.server.request_counts import RequestCounts

Anything = TypeVar("Anything")

NOW = 1_700_000_000.0
SESSIONS = 2
BATCH = 500
"""Cases that a process is given at once."""
USUAL = "Host: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n"
BLOCKS = (
    USUAL,
    USUAL,
    USUAL,
    USUAL,
    USUAL,
    USUAL,
    "Host: x\r\nContent-Length: {}\r\nContent-Type: text/plain;charset=UTF-8\r\n",
    "Host: x\r\nContent-Length: 0{}\r\n",
    "Host: x\r\nContent-Length: {}\r\nConnection: keep-alive\r\n",
    "Host: localhost\r\nUser-Agent: a player\r\nContent-Length: {}\r\nAccept: */*\r\n",
    "content-length:{}\r\nhost:x \r\n",
)
SCOPE = "/~one"
PREFLIGHTS = (
    "Host: x\r\n", "Host: x\r\nContent-Length: 0\r\n", "Host: x\r\nContent-Length: 2\r\n",
    "Host: x\r\nOrigin: http://page\r\nAccess-Control-Request-Method: POST\r\n",
    "Host: x\r\nOrigin: http://page\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: user-agent\r\n",
    "Host: x\r\nOrigin: http://page\r\nAccess-Control-Request-Method: PUT\r\nAccess-Control-Request-Private-Network: true\r\n",
)  # fmt: skip
TWICE = "Host: x\r\nContent-Length: {0}\r\nContent-Length: {0}\r\n"
OTHERS = (
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"OPTIONS /api/v1/sessions HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /api/v1/schemas/ping HTTP/1.1\r\nHost: x\r\nX-Long: " + b"y" * 5000 + b"\r\n\r\n",
)  # fmt: skip
ODD = (
    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n", b"GET /\r\n\r\n",
    b"\r\n", b"\n", b"\r\n\r\n", b"\r",
    b"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
)  # fmt: skip
OPEN_ENDS = (
    b"GET /x HTTP/1.1\r\nHost: x\r\nX: ",
    b"POST /x HTTP/1.1\r\nX: ",
    b"GET /x HTTP/1.1\r\nHost: x\r\nX-Y",
    b"PUT ",
)
JUNK = (
    b"nonsense\r\n\r\n",
    b"\x16\x03\x01\x02\x00",
    b"PRI * HTTP/2.0\r\n\r\n",
    b"{}\r\n",
    b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
)
FAULTS: tuple[dict[str, Any], ...] = (
    {"effect": {"type": "hang"}, "match": {"event": "play"}, "times": None},
    {"effect": {"type": "delay", "seconds": 5}, "match": {"event": "ping"}, "times": 3},
    {"effect": {"type": "reset"}, "match": {"event": "bufferStart"}, "times": 1},
    {"effect": {"type": "close"}, "side": "after", "match": {"event": "pauseStart"}, "times": 2},
    {"effect": {"type": "status", "code": 503}, "match": {"event": "ping"}, "times": 2},
    {"effect": {"type": "drip", "bytesPerSecond": 100}, "match": {"event": "play"}, "times": 2},
)
BETWEEN = (
    "stall", "unstall", "advance", "later", "eof", "lost", "free", "arm", "watch", "unwatch", "scope", "unscope",
    "strict", "loose", "drop", "expire", "forget", "clear", "reset",
)  # fmt: skip
EVENTS = ("ping", "ping", "ping", "play", "pauseStart", "bufferStart", "sessionEnd")


BESIDE: tuple[dict[str, Any], ...] = (
    {"qoeData": {"media.qoe.bitrate": 3_000_000}}, {"qoeData": {"media.qoe.bitrate": 3000.0}}, {"no": "such"},
    {"customMetadata": {"a": "b: c"}}, {"playerTime": {"playhead": 1}}, {"params": {}}, {"eventType": "sessionStart"},
)  # fmt: skip


class Step(NamedTuple):
    """What happens next, and to which connection; only that of one connection may follow at once on what it has sent."""

    what: str
    to: int = 0
    data: bytes = b""
    at_once: bool = False


class Case:
    """One case, drawn from its number. `sure` are the requests of its only connection, where it is known what they are.

    In a race, the client is gone before an answer can reach it: whether one is written depends on who is faster.
    """

    is_race = False

    def __init__(self, seed: int, number: int, sessions: list[str]) -> None:
        self.chance = random.Random(f"{seed}/{number}")
        self.sessions = sessions
        self.is_tame = self.chance.random() < 0.35
        self.sure: list[tuple[str, bytes]] = []
        self.story = recordings()[number % len(recordings())].sent
        self.base = self.value() if self.chance.random() < 0.6 else self.pick(*recorded_bodies())
        self.lines = self.pick(*BLOCKS)
        self.oddity = self.chance.getrandbits(32)
        count = 1 if self.is_tame else self.chance.choice((1, 2, 2, 3))
        armed = not self.is_tame and self.chance.random() < 0.5
        self.faults = self.chance.sample(FAULTS, self.chance.randint(1, 2)) if armed else []
        packets = [deque(self.packets(self.tame() if self.is_tame else self.wild())) for _ in range(count)]
        self.steps = [*self.teaching(), *self.mixed(packets)]

    def pick(self, *these: Anything) -> Anything:
        return self.chance.choice(these)

    def event(self) -> bytes:
        return self.posted(self.pick(*self.sessions), self.value())

    def value(self) -> bytes:
        value: dict[str, Any] = {"eventType": self.pick(*EVENTS), "playerTime": {"playhead": 1, "ts": 1}}
        if self.chance.random() < 0.3:
            value["playerTime"]["ts"] = 10 ** self.chance.randrange(14)  # another length
        if self.chance.random() < 0.3:
            value |= self.pick(*BESIDE)
        return json.dumps(value).encode()

    def varied(self) -> bytes:
        """An event that differs in a few bytes from one that comes over and over, or not at all."""
        text = self.base if self.chance.random() < 0.4 else odd_body(self.chance, self.base)
        return self.posted(self.pick(*self.sessions), text, self.lines)

    def packed(self) -> bytes:
        """An event that says that it is compressed, and mostly is."""
        text = gzip.compress(self.base, mtime=0) if self.chance.random() < 0.7 else self.base
        return self.posted(self.pick(*self.sessions), text, self.lines + "Content-Encoding: gzip\r\n")

    def recorded(self) -> list[bytes]:
        """A run of what a recording has sent, or all of it."""
        first, session = self.chance.randrange(len(self.story)), self.pick(*self.sessions)
        sent = self.story if self.chance.random() < 0.1 else self.story[first : first + self.chance.randrange(1, 7)]
        return [one.raw(session) for one in sent]

    def again(self) -> list[bytes]:
        """Requests that come with the same oddity in their heads, as often as it takes to learn it; or with another one's."""
        oddity = self.oddity if self.chance.random() < 0.7 else self.chance.getrandbits(32)
        made = (self.varied, self.varied, self.varied, self.packed, self.event)
        raws = [self.pick(*made)() for _ in range(self.chance.randrange(1, 5))]
        return [odd_head(random.Random(oddity), raw) if self.chance.random() < 0.8 else raw for raw in raws]

    def start(self) -> bytes:
        params = {**PARAMS, "media.id": "x" * self.chance.randrange(4)}
        value = {"eventType": "sessionStart", "playerTime": {"playhead": 0, "ts": 1}, "params": params}
        return self.posted(None, json.dumps(value).encode())

    def preflight(self) -> bytes:
        head = f"OPTIONS {self.path(self.pick(None, *self.sessions))} HTTP/1.1\r\n{self.pick(*PREFLIGHTS)}\r\n".encode()
        return head + (b"{}" if b"Length: 2" in head else b"")

    def path(self, session: str | None) -> str:
        scope = SCOPE if self.chance.random() < 0.1 and not self.is_tame else ""
        return f"{scope}/api/v1/sessions" + (f"/{session}/events" if session is not None else "")

    def posted(self, session: str | None, text: bytes, lines: str = "") -> bytes:
        if not self.is_tame and self.chance.random() < 0.03:
            lines = TWICE
        lines = lines or self.pick(*BLOCKS)
        head = f"POST {self.path(session)} HTTP/1.1\r\n{lines.format(len(text))}\r\n"
        return head.encode() + text

    def chunked(self) -> bytes:
        chunks = (self.pick(b"{}", b"\r\n\r\n", b"0\r\n\r\n", self.event()) for _ in range(self.chance.randrange(3)))
        body = b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in chunks)
        head = b"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        return head + body + self.pick(b"0\r\n\r\n", b"00;x=y\r\nTrailer: z\r\n\r\n")

    def whole(self) -> bytes:
        """A request of which nobody doubts where it ends."""
        kind = self.chance.random()
        if kind < 0.3:
            return self.event()
        if kind < 0.5:
            return self.varied()
        if kind < 0.6:
            return self.start()
        if kind < 0.7:
            return self.preflight()
        if kind < 0.8:
            return self.posted(
                self.pick(*self.sessions), self.pick(b"{", self.event(), b"\r\n\r\n", b"", b"x" * 200_000)
            )
        return self.chunked() if kind < 0.9 else self.pick(*OTHERS)

    def odd(self) -> bytes:
        """Anything else."""
        made = self.pick(self.of_list, self.of_list, self.of_list, self.bent, self.bent, self.bent, self.bent)
        return made()

    def of_list(self) -> bytes:
        return self.pick(*self.pick(OPEN_ENDS, ODD, JUNK))

    def bent(self) -> bytes:
        """An event with something wrong."""
        raw = self.event()
        at = self.chance.randrange(len(raw))
        return self.pick(
            raw[:at],
            raw[:at] + raw[at + self.chance.randrange(1, 9) :],
            raw[:at] + bytes([raw[at] ^ 1 << self.chance.randrange(8)]) + raw[at + 1 :],
            raw.replace(b"Content-Length", b"X-Length"),
        )

    def tame(self) -> list[bytes]:
        """Whole requests and, it may be, one bad end. Notes what the log must say."""
        parts = self.recorded() if self.chance.random() < 0.15 else self.wholes(1, 6)
        self.sure = [(raw.partition(b" ")[0].decode(), _body(raw)) for raw in parts]
        if self.chance.random() < 0.3:
            parts.append(self.pick(*JUNK))
            self.sure.append(("?", b""))
        elif self.chance.random() < 0.4:
            end = self.event()
            parts.append(end[: self.chance.randrange(1, end.index(b"\r\n\r\n"))])
            self.sure.append(("POST"[: len(parts[-1])], parts[-1]))
        return parts

    def wholes(self, least: int, below: int) -> list[bytes]:
        return [self.whole() for _ in range(self.chance.randrange(least, below))]

    def wild(self) -> list[bytes]:
        kind = self.chance.random()
        if kind < 0.15:
            parts = self.recorded()
        elif kind < 0.35:
            parts = [*self.wholes(0, 2), *self.again(), *self.wholes(0, 2)]
        elif kind < 0.5:
            parts = [self.varied() for _ in range(self.chance.randrange(1, 7))]
        else:
            parts = [
                self.whole() if self.chance.random() < 0.75 else self.odd() for _ in range(self.chance.randrange(1, 7))
            ]
        if self.chance.random() < 0.1 and len(b"".join(parts)) < 10_000:
            parts *= 12  # more than aiohttp queues
        return parts

    def packets(self, parts: list[bytes]) -> list[bytes]:
        """The same bytes: as they were made, all at once, or cut anywhere."""
        made = b"".join(parts)
        kind = self.chance.random()
        if kind < 0.5:
            return parts
        if kind < 0.65:
            return [made]
        ends = [0, *self.chance.sample(range(len(made)), min(len(made), self.chance.randrange(1, 6))), len(made)]
        at = 0
        for part in parts:
            at += len(part)
            if self.chance.random() < 0.6:
                ends.append(at)
        ends = sorted(set(ends))
        return [made[start:end] for start, end in pairwise(ends)]

    def teaching(self) -> list[Step]:
        """A player whose events the fast path has seen, mostly."""
        if self.is_tame or self.chance.random() < 0.2:
            return []
        kinds = (self.event, self.event, self.varied, self.start, self.preflight)
        raws = {self.pick(*kinds)() for _ in range(6)} if self.chance.random() < 0.7 else {self.event()}
        base = [self.posted(self.pick(*self.sessions), self.base, self.lines)] * self.chance.randrange(4)
        odd = self.again() if self.chance.random() < 0.3 else []
        taught = [Step("send", 99, raw) for raw in (*sorted(raws), *base)]
        return taught + [Step("send", 100 + place, raw) for place, raw in enumerate(odd)]

    def mixed(self, packets: list[deque[bytes]]) -> list[Step]:
        """The packets of all connections in any order, and what else there is."""
        steps, latest = [], -1
        while any(packets):
            to = (
                latest
                if latest >= 0 and packets[latest] and self.chance.random() < 0.5
                else self.chance.randrange(len(packets))
            )
            if not packets[to]:
                continue
            steps.append(Step("send", to, packets[to].popleft(), to == latest and self.chance.random() < 0.5))
            latest = to
            if not self.is_tame and self.chance.random() < 0.15:
                steps.append(Step(self.pick(*BETWEEN), to))
                latest = -1
        for to in self.chance.sample(range(len(packets)), len(packets)):
            end = Step(self.pick("eof", "lost"), to, at_once=self.is_tame and self.chance.random() < 0.3)
            self.is_race = end.what == "lost" and end.at_once
            steps.append(end)
        return [*steps, Step("advance"), Step("later"), Step("free")]


def _body(raw: bytes) -> bytes:
    """The body of a request that this file made."""
    head, _, rest = raw.partition(b"\r\n\r\n")
    if b"Transfer-Encoding" not in head:
        return rest
    body = b""
    while size := int(rest.partition(b"\r\n")[0].partition(b";")[0], 16):
        rest = rest.partition(b"\r\n")[2]
        body, rest = body + rest[:size], rest[size + 2 :]
    return body


class Loop(asyncio.SelectorEventLoop):
    """A loop whose time passes when it is told."""

    ahead = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.failures: list[str] = []
        self.set_exception_handler(
            lambda _, context: self.failures.append(repr(context.get("exception", context["message"])))
        )

    def time(self) -> float:
        return self.ahead

    async def pass_time(self, seconds: float) -> None:
        """Let time pass, and everything happen when it is due."""
        until = self.ahead + seconds
        timers: Any = self._scheduled  # type: ignore[attr-defined]
        while due := [one.when() for one in timers if not one.cancelled() and one.when() <= until]:
            self.ahead = max(self.ahead, min(due))
            await asyncio.sleep(0)
            await self.settle()
        self.ahead = until

    async def settle(self) -> None:
        """Until nothing is left to do but wait."""
        while True:
            await asyncio.sleep(0)
            if not self._ready:  # type: ignore[attr-defined]
                return


class Link(asyncio.Transport):
    """A transport whose other end is the script. `said` is all that a client would see, in its order."""

    def __init__(self, loop: Loop, protocol: Connection) -> None:
        super().__init__({"sslcontext": None})
        self._loop, self._protocol = loop, protocol
        self.said: list[bytes] = []
        self._arrived: deque[bytes | None] = deque()  # None is the end
        self._reads, self._closing, self._ended = True, False, False
        self._stalled = self._is_full = False
        protocol.connection_made(self)

    def set_protocol(self, protocol: Any) -> None:
        self._protocol = protocol

    def get_protocol(self) -> Any:
        return self._protocol

    def is_closing(self) -> bool:
        return self._closing

    def is_reading(self) -> bool:
        return self._reads

    def pause_reading(self) -> None:
        self._reads = False

    def resume_reading(self) -> None:
        self._reads = True
        self._loop.call_soon(self._deliver)

    def write(self, data: Any) -> None:
        if self._closing:
            return
        self.said.append(bytes(data))
        if self._stalled and not self._is_full:
            self._is_full = True
            self._protocol.pause_writing()

    def get_write_buffer_size(self) -> int:
        return 1 if self._is_full else 0

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.said.append(b"<end>")

    def close(self) -> None:
        if not self._closing:
            self.said.append(b"<close>")
            self._go(None)

    def abort(self) -> None:
        if not self._closing:
            self.said.append(b"<reset>")
            self._go(None)

    def _go(self, error: Exception | None) -> None:
        self._closing = True
        self._loop.call_soon(lambda: self._protocol.connection_lost(error))

    # -- what the client does -----------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        if not self._ended:
            self._arrived.append(data)
            self._deliver()

    def eof(self) -> None:
        if not self._ended:
            self._ended = True
            self._arrived.append(None)
            self._deliver()

    def lost(self) -> None:
        self._ended = True
        if not self._closing:
            self._go(ConnectionResetError())

    def stall(self) -> None:
        self._stalled = True

    def unstall(self) -> None:
        self._stalled = False
        if self._is_full:
            self._is_full = False
            if not self._closing:
                self._protocol.resume_writing()

    def _deliver(self) -> None:
        while self._arrived and self._reads and not self._closing:
            data = self._arrived.popleft()
            if data is not None:
                self._protocol.data_received(data)
            elif not self._protocol.eof_received():
                self.close()


class Nothing(dict[Any, Any]):
    """A memory that keeps nothing."""

    def __setitem__(self, key: Any, value: Any) -> None:
        pass


FORGETFUL = (
    (schemas, "_shapes", Nothing()),
    (templates, "LEARN_AFTER", None),
)
"""What mcmock remembers of bodies. The ordinary way is played without it."""

EAGER = ((templates, "LEARN_AFTER", 1),)
"""The fast path is played with whatever there may be to remember of the first body that is seen."""


@contextmanager
def remembering(how: tuple[tuple[Any, str, Any], ...]) -> Iterator[None]:
    """Let these memories be in the place of those that mcmock has."""
    kept = [(module, name, getattr(module, name)) for module, name, _ in how]
    for module, name, memory in how:
        setattr(module, name, memory)
    try:
        yield
    finally:
        for module, name, memory in kept:
            setattr(module, name, memory)


class NoFastPath(FastPath):
    """A fast path that takes nothing."""

    def read(self, data: bytes, latest: Head | None = None) -> FastRequest | Part | None:  # noqa: ARG002
        return None


class Counting(FastPath):
    """The fast path, and how many requests it took."""

    taken = 0

    def read(self, data: bytes, latest: Head | None = None) -> FastRequest | Part | None:
        plain = super().read(data, latest)
        Counting.taken += isinstance(plain, FastRequest)
        return plain


class Played(NamedTuple):
    """What came of a case: answers by connection, the log, and how everything stands."""

    answers: dict[int, bytes]
    log: list[Any]
    state: list[Any]


class World:
    """A server without sockets."""

    def __init__(self, loop: Loop, fast_path: type[FastPath], backing: Backing | None = None) -> None:
        self.loop = loop
        self.emulator = Emulator(seed=1, time=Clock(lambda: NOW, frozen=True), backing=backing)
        self.scopes = Scopes(self.emulator)
        self.fast_path = fast_path(self.emulator.max_body_bytes, self.emulator.protocols)
        self.meter = RequestCounts()
        self.server = web.Server(partial(http_io.handle, self.scopes, self.meter))
        self.links: dict[int, Link] = {}
        self.told: list[tuple[str, int]] = []
        self.stop_watching: Any = None
        self.sessions = [self._opened(number) for number in range(SESSIONS)]

    def _opened(self, number: int) -> str:
        value = {"eventType": "sessionStart", "playerTime": {"playhead": 0, "ts": 1},
                 "params": {**PARAMS, "media.id": str(number)}}  # fmt: skip
        asked = Request(
            "POST", "/api/v1/sessions", ((b"Content-Type", b"application/json"),), json.dumps(value).encode()
        )
        return dict(self.emulator.handle(asked).response.headers)["Location"].rpartition("/")[2]

    def link(self, number: int) -> Link:
        if number not in self.links:
            made = Connection(
                self.scopes,
                self.meter,
                self.fast_path,
                self.server,
                loop=self.loop,
                access_log=None,
                auto_decompress=False,
            )
            self.links[number] = Link(self.loop, made)
        return self.links[number]

    async def play(self, case: Case) -> Played:
        for number, rule in enumerate(case.faults):
            self.emulator.add_fault(faults.rule_from_json({"name": str(number), **rule}))
        for step in case.steps:
            link = self.link(step.to)
            if not step.at_once:
                await self.loop.settle()
            if step.what == "send":
                link.send(step.data)
            elif step.what == "advance":
                self.emulator.advance(20)
            elif step.what == "later":
                await self.loop.pass_time(40)
            elif step.what == "free":
                self.emulator.clear_faults()
            elif step.what in _TO_ALL:
                getattr(self, step.what)()
            else:
                getattr(link, step.what)()
        await self.loop.settle()
        for link in self.links.values():
            link.unstall()
            await self.loop.settle()
            link.lost()
            await self.loop.settle()
        answers = {number: b"".join(link.said) for number, link in self.links.items()}
        return Played(answers, self._log(), self._state())

    def strict(self) -> None:
        self.emulator.configure(seed=1, strict=True)

    def loose(self) -> None:
        self.emulator.configure(seed=1, loose=True)

    def drop(self) -> None:
        self.emulator.configure(seed=1, after_end="drop")

    def expire(self) -> None:
        self.emulator.expire(self.sessions[0])

    def forget(self) -> None:
        self.emulator.forget(self.sessions[0])

    def clear(self) -> None:
        self.emulator.clear_log()

    def reset(self) -> None:
        """Everything begins anew; the sessions are opened again, with the same ids."""
        self.emulator.reset()
        self.sessions = [self._opened(number) for number in range(SESSIONS)]

    def arm(self) -> None:
        """A fault that was not there when the connection began."""
        self.emulator.put_faults([faults.rule_from_json({"name": "armed", **FAULTS[4]})])

    def watch(self) -> None:
        """Somebody looks, as the inspector does."""
        if self.stop_watching is None:
            self.stop_watching = self.emulator.subscribe(lambda notice: self.told.append((notice.what, notice.seq)))

    def unwatch(self) -> None:
        if self.stop_watching is not None:
            self.stop_watching()
            self.stop_watching = None

    def scope(self) -> None:
        """A named scope appears."""
        self.scopes.named(SCOPE[2:])

    def unscope(self) -> None:
        self.scopes.forget(SCOPE[2:])

    def _log(self) -> list[Any]:
        return [entry for emulator in self.scopes.each() for entry in _with_times_up_sorted(self._log_of(emulator))]

    def _log_of(self, emulator: Emulator) -> list[Any]:
        return [
            (one.method, one.path, one.request_headers, one.body_bytes, one.session_id, one.verdict, one.status, one.delivery,
             one.response_body, one.outcome, one.findings, one.fault, one.at, one.kind, one.event_type, one.response_headers,
             repr([event._replace(seq=0) for event in one.events]))
            for one in emulator.requests()
        ]  # fmt: skip

    def _state(self) -> list[Any]:
        views = [self.emulator.session(session) for session in self.sessions]
        return [
            self.scopes.summary(), self.told, self.meter.counted(),
            [(view.state, view.events, view.report.to_json(why=False)) for view in views if view],
            len(asyncio.all_tasks()),
        ]  # fmt: skip


def _with_times_up_sorted(log: list[Any]) -> list[Any]:
    """The log, where requests whose time was up stand in any order among themselves.

    That of several connections is up at one moment, or a moment later on the fast path, which waits first.
    """
    up = [place for place, entry in enumerate(log) if entry[6] == 408]
    in_order = iter(sorted((log[place] for place in up), key=repr))
    return [next(in_order) if place in up else entry for place, entry in enumerate(log)]


def _cut_alike(log: list[Any], other: list[Any]) -> None:
    """Of bytes that are no request, leave what both logs have.

    How many are kept depends on how many had come when that was found, and the fast path finds it sooner: it answers what
    stands before them at once.
    """
    for place, (one, its_like) in enumerate(zip(log, other, strict=False)):
        if one[3] != its_like[3] and any(found.rule == "not-http" for found in one[10]):
            kept = min(len(one[3]), len(its_like[3]))
            for entries in (log, other):
                entry = entries[place]
                entries[place] = (*entry[:3], entry[3][:kept], *entry[4:])


_TO_ALL = (
    "arm", "watch", "unwatch", "scope", "unscope", "strict", "loose", "drop", "expire", "forget", "clear", "reset",
)  # fmt: skip
_ANSWER = b"HTTP/1.1 "


async def difference(seed: int, number: int) -> str | None:
    """What is wrong with case `number`, if anything."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Loop)
    told, case = [], None
    for fast_path in (NoFastPath, Counting):
        with remembering(FORGETFUL if fast_path is NoFastPath else EAGER):
            world = World(loop, fast_path)
            case = Case(seed, number, world.sessions)
            told.append(await world.play(case))
    slow, fast = told
    _cut_alike(slow.log, fast.log)
    assert case is not None
    if loop.failures:
        return f"a task or a callback failed: {loop.failures}\n{_script(case)}"
    for what, one, other in zip(Played._fields, slow, fast, strict=True):
        if one != other and not case.is_race:
            first, second = _first_difference(one, other)
            without, with_it = f"without the fast path: {_brief(first)}", f"with the fast path:    {_brief(second)}"
            return f"{what} differ\n  {without}\n  {with_it}\n{_script(case)}"
    for played in told:
        log = played.log[SESSIONS:]
        if case.sure and (found := _unsure(case.sure, log)):
            return f"{found}: {[(entry[0], entry[3]) for entry in log]!r}\n  instead of {case.sure!r}\n{_script(case)}"
    return None


def _first_difference(one: Any, other: Any) -> tuple[Any, Any]:
    """The smallest parts of both in which they differ first."""
    if isinstance(one, dict):
        one, other = list(one.items()), list(other.items())
    if isinstance(one, bytes) and one.count(_ANSWER) and one.count(_ANSWER) == other.count(_ANSWER):
        one, other = one.split(_ANSWER), other.split(_ANSWER)
    if not isinstance(one, list | tuple) or len(one) != len(other):
        return one, other
    pairs = zip(one, other, strict=True)
    return next((_first_difference(*pair) for pair in pairs if pair[0] != pair[1]), (one, other))


def _unsure(sure: list[tuple[str, bytes]], log: list[Any]) -> str | None:
    """What the log has otherwise than the requests that were sent."""
    if len(sure) != len(log):
        return f"{len(log)} requests are in the log, {len(sure)} were sent"
    same = all(
        method == "?" or (method, body) == (entry[0], entry[3]) for (method, body), entry in zip(sure, log, strict=True)
    )
    return None if same else "the log has other requests"


def _script(case: Case) -> str:
    """What happens in the case, line by line."""
    rules = [f"\n  fault {rule}" for rule in case.faults]
    steps = (
        f"\n  {step.what} {step.to}{' at once' if step.at_once else ''} {len(step.data)} bytes {_brief(step.data)}"
        for step in case.steps
    )
    return "".join(["the case:", *rules, *steps])


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 700 else f"{text[:400]} … {text[-250:]}"


async def _run(cases: int, seed: int, first: int) -> tuple[int, str | None]:
    for number in range(first, first + cases):
        if (found := await difference(seed, number)) is not None:
            return number, found
    return first + cases, None


def run(cases: int, seed: int = 1, first: int = 0) -> tuple[int, int, str | None]:
    """Return the number of the case that differs, how many requests the fast path took, and what differs, if any does."""
    Counting.taken = 0
    with asyncio.Runner(loop_factory=Loop) as runner:
        number, found = runner.run(_run(cases, seed, first))
    return number, Counting.taken, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="processes to share the cases")
    chosen = parser.parse_args()
    taken, firsts = 0, range(chosen.first, chosen.first + chosen.cases, BATCH)
    with ProcessPoolExecutor(chosen.jobs) as pool:
        batches = [min(BATCH, chosen.first + chosen.cases - first) for first in firsts]
        for number, fast, found in pool.map(run, batches, repeat(chosen.seed), firsts):
            if found is not None:
                pool.shutdown(cancel_futures=True)
                print(f"case {number} of seed {chosen.seed}: {found}")
                sys.exit(1)
            taken += fast
    print(f"{chosen.cases:,} cases of seed {chosen.seed}, {taken:,} requests taken by the fast path: no difference")


if __name__ == "__main__":
    main()
