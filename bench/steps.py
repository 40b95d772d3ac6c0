"""What a request costs inside the server: microseconds, and calls of Python functions, without a socket.

    python bench/steps.py [--passes 30] [--journal]

Each kind of request is played on a connection of bench/differential.py: the real one, on a transport and a loop of memory. The
time is the least of many short passes, so that it holds on a machine that is busy with other work. With a journal it is all of
the process's, its writer's included; the calls are those of the thread that answers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import CodeType, FrameType
from typing import Any, NamedTuple

import browser
from bodies import session_start
from differential import Link, Loop, World

from mcmock.engine.emulator import Backing
from mcmock.server.fast_path import FastPath
from mcmock.storage.sqlite import SqliteStore
from mcmock.storage.write_behind import FileBacking

TAUGHT_BY = 6
"""Requests of a kind after which there is nothing more to learn from it."""

BATCH = 200
"""Requests in one pass."""

PING = {
    "eventType": "ping", "playerTime": {"playhead": 12.5, "ts": 1_700_000_010_000}, "qoeData": {"media.qoe.bitrate": 3200,
    "media.qoe.droppedFrames": 2, "media.qoe.framesPerSecond": 25, "media.qoe.timeToStart": 800},
}  # fmt: skip


class Sent(NamedTuple):
    """A kind of request, and how its bytes are made for a session."""

    name: str
    raw: Callable[[str], bytes]
    packets: int = 1


def _heads() -> dict[str, bytes]:
    """The header lines that a browser sends, by method, without the length."""
    found: dict[str, bytes] = {}
    for step in [step for path in browser.RECORDED for step in browser.steps_of(path)]:
        lines = step.before.partition(b"\r\n\r\n")[0].split(b"\r\n") + step.behind.partition(b"\r\n\r\n")[0].split(
            b"\r\n"
        )
        kept = [line for line in lines if b":" in line and not line.lower().startswith(b"content-length")]
        found.setdefault(step.before.partition(b" ")[0].decode(), b"\r\n".join(kept))
    return found


HEADS = _heads()


def event(value: Any) -> Callable[[str], bytes]:
    """A browser's POST of an event."""
    text = json.dumps(value, separators=(",", ":")).encode()

    def raw(session: str) -> bytes:
        return b"POST /api/v1/sessions/%b/events HTTP/1.1\r\n%b\r\nContent-Length: %d\r\n\r\n%b" % (
            session.encode(), HEADS["POST"], len(text), text,
        )  # fmt: skip

    return raw


def start(session: str) -> bytes:
    text = session_start(**{"media.streamType": "video", "media.name": "A film"})
    return b"POST /api/v1/sessions HTTP/1.1\r\n%b\r\nContent-Length: %d\r\n\r\n%b" % (HEADS["POST"], len(text), text)


def preflight(session: str) -> bytes:
    return b"OPTIONS /api/v1/sessions/%b/events HTTP/1.1\r\n%b\r\n\r\n" % (session.encode(), HEADS["OPTIONS"])


def _with(**parts: Any) -> dict[str, Any]:
    return {**PING, **parts}


KINDS = (
    Sent("ping", event(PING)),
    Sent("ping in two packets", event(PING), packets=2),
    Sent("ping with a finding", event(_with(qoeData={"media.qoe.bitrate": 3_200_000}))),
    Sent("ping with an integral float", event(_with(qoeData={"media.qoe.bitrate": 3200.0}))),
    Sent("ping that is refused", event(_with(no="such"))),
    Sent("adStart", event(_with(eventType="adStart", params={
        "media.ad.id": "1", "media.ad.length": 30, "media.ad.name": "An ad", "media.ad.playerName": "a player",
        "media.ad.podPosition": 1})))
    ,
    Sent("stateStart", event(_with(eventType="stateStart", params={"media.state.name": "mute"}))),
    Sent("preflight", preflight),
    Sent("sessionStart", start),
    Sent("sessionStart, a colon in its title", lambda _: start("").replace(b"A film", b"A: ilm")),
)  # fmt: skip


async def play(loop: Loop, link: Link, packets: list[bytes]) -> None:
    for packet in packets:
        link.send(packet)
        if loop._ready:  # type: ignore[attr-defined]  # it went the ordinary way
            await loop.settle()
    link.said.clear()


def _packets(kind: Sent, session: str) -> list[bytes]:
    raw = kind.raw(session)
    if kind.packets == 1:
        return [raw]
    head = raw.index(b"\r\n\r\n") + 4
    return [raw[:head], raw[head:]]


class Cost(NamedTuple):
    """What one request of a kind costs."""

    microseconds: float
    calls: int


async def cost(kind: Sent, passes: int, backing: Backing | None = None) -> Cost:
    """What a request costs that is not the first of its kind."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Loop)
    world = World(loop, FastPath, backing)
    link, packets = world.link(1), _packets(kind, world.sessions[0])
    for _ in range(TAUGHT_BY):
        await play(loop, link, packets)
    best = float("inf")
    for _ in range(passes):
        began = time.process_time()
        for _ in range(BATCH):
            await play(loop, link, packets)
        best = min(best, time.process_time() - began)
    counted = Counter[CodeType]()
    await _counted(play(loop, link, packets), counted)
    return Cost(best / BATCH * 1e6, sum(counted.values()))


async def _counted(work: Any, counted: Counter[CodeType]) -> None:
    """Do `work`, and count the calls of functions outside this file and its tools."""

    def seen(frame: FrameType, what: str, _: Any) -> None:
        if what == "call" and "/bench/" not in frame.f_code.co_filename:
            counted[frame.f_code] += 1

    sys.setprofile(seen)
    try:
        await work
    finally:
        sys.setprofile(None)


def run(kind: Sent, passes: int, *, journal: bool = False) -> Cost:
    with ExitStack() as stack:
        backing = None
        if journal:
            store = SqliteStore(Path(stack.enter_context(TemporaryDirectory())) / "journal.db")
            stack.callback(store.close)
            backing = FileBacking(store)
        return stack.enter_context(asyncio.Runner(loop_factory=Loop)).run(cost(kind, passes, backing))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passes", type=int, default=30)
    parser.add_argument("--journal", action="store_true")
    chosen = parser.parse_args()
    print("| request | microseconds | calls |\n|---|---|---|")
    for kind in KINDS:
        found = run(kind, chosen.passes, journal=chosen.journal)
        print(f"| {kind.name} | {found.microseconds:.1f} | {found.calls} |", flush=True)


if __name__ == "__main__":
    main()
