"""Thousands of virtual players, for an hour: nothing may be lost, doubled, leaked or left behind.

    python bench/soak.py [--seconds 3600] [--players 2000] [--seed 1] [--journal] [--https]

Players come in waves. Each plays a session with every event type over a raw connection and counts what it sent and what it
was answered; some vanish in the middle of a request, and faults drop, delay and refuse others. After each wave the log is
exported and must agree with every player exactly; then it is emptied, every third time by a reset of everything. Beside
them others play in a scope that is reset, forgotten and filled with hanging answers in the midst of their sessions: nobody
agrees on what they sent, but it must leave nothing behind either. At the end memory must be flat and no connection, thread
or descriptor left. Exit code 1 says what did not hold.

With --journal the server keeps its log in a file, too; with --https every third player comes over TLS.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import ssl
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from bodies import PARAMS
from served import serve

MAX_GROWTH = 24 * 2**20
"""Bytes of resident memory that may come on top of what the first waves took: the allocator's slack, not a leak."""

AD = {"media.ad.id": "ad", "media.ad.length": 5, "media.ad.podPosition": 1, "media.ad.playerName": "e"}
CHAPTER = {"media.chapter.index": 1, "media.chapter.offset": 0, "media.chapter.length": 30}
MUTE = {"media.state.name": "mute"}
QUALITY = {"media.qoe.bitrate": 3200, "media.qoe.droppedFrames": 1}
STORY: tuple[tuple[str, dict[str, Any]], ...] = (
    ("adBreakStart", {"params": {"media.ad.podIndex": 0, "media.ad.podSecond": 0}}), ("adStart", {"params": AD}),
    ("ping", {}), ("adComplete", {}), ("adStart", {"params": AD}), ("adSkip", {}), ("adBreakComplete", {}), ("play", {}),
    ("chapterStart", {"params": CHAPTER}), ("stateStart", {"params": MUTE}), ("ping", {"qoeData": QUALITY}),
    ("bitrateChange", {"qoeData": QUALITY}), ("bufferStart", {}), ("play", {}), ("pauseStart", {}), ("play", {}),
    ("error", {"qoeData": {"media.qoe.errorID": "E1", "media.qoe.errorSource": "player"}}),
    ("stateEnd", {"params": MUTE}), ("statesUpdate", {"params": {"statesStart": [MUTE]}}), ("chapterComplete", {}),
    ("chapterStart", {"params": CHAPTER}), ("chapterSkip", {}), ("ping", {"params": {"no": "such"}}),
    ("sessionComplete", {}), ("sessionEnd", {}), ("ping", {}),
)  # fmt: skip
FAULTS = [
    {"name": "refused", "effect": {"type": "status", "code": 503}, "match": {"event": "ping"}, "times": None,
     "probability": 0.02},
    {"name": "torn", "effect": {"type": "reset"}, "match": {"event": "play"}, "times": None, "probability": 0.02},
    {"name": "lost", "effect": {"type": "close"}, "side": "after", "match": {"event": "adStart"}, "times": None,
     "probability": 0.02},
    {"name": "late", "effect": {"type": "delay", "seconds": 0.02}, "match": {"event": "bufferStart"}, "times": None,
     "probability": 0.1},
    {"name": "gone", "effect": {"type": "expire_session"}, "match": {"event": "chapterSkip"}, "times": None,
     "probability": 0.02},
]  # fmt: skip
VANISHES = 0.02


class Player:
    """One viewing. `answered` counts (event, status); `unanswered` those sent whole or in part without an answer."""

    def __init__(
        self, port: int, scope: str, name: str, chance: random.Random, trust: ssl.SSLContext | None = None
    ) -> None:
        self.port, self.scope, self.name, self.chance, self._trust = port, scope, name, chance, trust
        self.session: str | None = None
        self.answered: Counter[tuple[str, int]] = Counter()
        self.unanswered = 0
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def play(self) -> None:
        location = await self.send(f"{self.scope}/api/v1/sessions", "sessionStart",
                                   {"params": {**PARAMS, "analytics.visitorId": self.name}})  # fmt: skip
        if location is not None:
            self.session = location.rpartition("/")[2]
            named = (
                self.scope if self.scope.endswith(TORN) else ""
            )  # by its id alone it would not be found once it is torn
            for event, parts in STORY:
                await self.send(f"{named}{location}/events", event, parts)
        self.hang_up()

    def hang_up(self) -> None:
        if self._connection is not None:
            self._connection[1].transport.abort()
            self._connection = None

    async def send(self, path: str, event: str, parts: dict[str, Any]) -> str | None:
        """Send one event; the Location of the answer, if it has one."""
        value = {"eventType": event, "playerTime": {"playhead": 0, "ts": int(time.time() * 1000)}, **parts}
        text = json.dumps(value).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(text)}\r\n\r\n".encode()
        reader, writer = self._connection or await asyncio.open_connection("127.0.0.1", self.port, ssl=self._trust)
        self._connection = reader, writer
        if event != "sessionStart" and self.chance.random() < VANISHES:
            await self._vanish(writer, head + text[: len(text) // 2])
            return None
        try:
            writer.write(head + text)
            status, headers = await self._answer(reader)
        except (OSError, asyncio.IncompleteReadError):
            self.unanswered += 1
            self.hang_up()
            return None
        self.answered[event, status] += 1
        return headers.get("location")

    async def _vanish(self, writer: asyncio.StreamWriter, part: bytes) -> None:
        writer.write(part)
        with contextlib.suppress(OSError):
            await writer.drain()
        self.unanswered += 1
        writer.close()
        self._connection = None

    @staticmethod
    async def _answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:]) if name
        }
        await reader.readexactly(int(headers.get("content-length", "0")))
        return int(lines[0].split(" ")[1]), headers


class Reached:
    """A server at `url`, by what it answers."""

    def __init__(self, url: str) -> None:
        self.url, self.port = url, int(url.rpartition(":")[2])
        self.secure: tuple[int, ssl.SSLContext] | None = None  # the port for HTTPS, and what trusts it

    def control(self, method: str, path: str, value: Any = None) -> None:
        text = json.dumps(value if value is not None else {}).encode()
        urlopen(Request(f"{self.url}/__admin{path}", text, {"Content-Type": "application/json"}, method=method)).close()

    def log(self, scope: str) -> Iterator[dict[str, Any]]:
        with urlopen(f"{self.url}/__admin/requests.ndjson?scope={scope}") as lines:
            next(lines)
            yield from map(json.loads, lines)


class Server(Reached):
    """A `mcmock serve` of our own, and what its process uses."""

    def __init__(self, folder: Path, *, journal: bool = False, https: bool = False) -> None:
        options = ["--journal", str(folder / "journal.db")] if journal else []
        options += ["--https-port", "0", "--state-dir", str(folder)] if https else []
        self.process, facts = serve("--max-log-bytes", str(2**30), *options)
        super().__init__(facts["url"])
        if https:
            with urlopen(f"{self.url}/__admin/ca.pem") as answer:
                trust = ssl.create_default_context(cadata=answer.read().decode())
            self.secure = int(facts["httpsUrl"].rpartition(":")[2]), trust

    def resident(self) -> int:
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/task").iterdir()))


SCOPES = ("default", "left", "right")
TORN = "torn"
HANG = {"effect": {"type": "hang"}, "match": {"event": ["play", "ping"]}, "times": None, "probability": 0.2}


async def wave(server: Reached, number: int, players: int, seed: int) -> list[Player]:
    crowd = []
    for one in range(players):
        name = SCOPES[one % len(SCOPES)]
        prefix = "" if name == "default" else f"/~{name}"
        port, trust = server.secure if server.secure is not None and one % 3 == 0 else (server.port, None)
        crowd.append(Player(port, prefix, f"{number}-{one}", random.Random(f"{seed}/{number}/{one}"), trust))
    torn = [Player(server.port, f"/~{TORN}", f"{number}-torn-{one}", random.Random(f"{seed}/{number}/torn/{one}"))
            for one in range(max(1, players // 10))]  # fmt: skip
    playing = asyncio.gather(*(player.play() for player in torn))
    tearing = asyncio.create_task(tear(server, playing))
    await asyncio.gather(*(player.play() for player in crowd))
    await playing
    await tearing
    return crowd


async def tear(server: Reached, playing: asyncio.Future[Any]) -> None:
    """Pull the ground from under those in a scope of their own, until they have all given up."""
    while not playing.done():
        for method, path, value in (
            ("POST", f"/faults?scope={TORN}", HANG), ("POST", f"/reset?scope={TORN}", None),
            ("DELETE", f"/scopes/{TORN}", None), ("POST", f"/clock/advance?scope={TORN}", {"seconds": 700}),
        ):  # fmt: skip
            with contextlib.suppress(HTTPError):  # the scope may be forgotten already
                await asyncio.to_thread(server.control, method, path, value)
            await asyncio.sleep(0.01)


def disagreements(server: Reached, crowd: list[Player]) -> list[str]:
    """What the log says otherwise than the players."""
    logged: dict[str, Counter[tuple[str, int]]] = {}
    names = {player.session: player.name for player in crowd if player.session}
    for scope in SCOPES:
        for line in server.log(scope):
            visitor = ((line["body"] or {}).get("params") or {}).get("analytics.visitorId")
            owner = str(names.get(line["sessionId"]) or visitor)
            logged.setdefault(owner, Counter())[line["eventType"] or "?", line["status"]] += 1
    wrong = [
        f"{owner}: requests in the log that nobody sent" for owner in set(logged) - {player.name for player in crowd}
    ]
    for player in crowd:
        seen = logged.get(player.name, Counter())
        if player.answered - seen:
            wrong.append(f"{player.name}: answered but not in the log: {player.answered - seen}")
        if (seen - player.answered).total() != player.unanswered:
            wrong.append(f"{player.name}: {player.unanswered} unanswered, but {seen - player.answered} in the log")
    return wrong


async def soak(server: Server, seconds: float, players: int, seed: int) -> list[str]:
    deadline, number, sent = time.monotonic() + seconds, 0, 0
    baseline, worst, descriptors, threads = 0, 0, server.descriptors(), server.threads()
    while time.monotonic() < deadline or number < 4:
        if number % 3 == 0:
            for scope in SCOPES:
                server.control("POST", f"/reset?scope={scope}")
                server.control("PUT", f"/faults?scope={scope}", {"faults": FAULTS})
        crowd = await wave(server, number, players, seed)
        sent += sum(player.answered.total() + player.unanswered for player in crowd)
        await asyncio.sleep(0.2)  # real time: the last connections' ends must reach the server
        if wrong := disagreements(server, crowd):
            return wrong
        for scope in SCOPES:
            server.control("DELETE", f"/requests?scope={scope}")
        number += 1
        resident = server.resident()
        if number <= 3:
            baseline = max(baseline, resident)
        worst = max(worst, resident)
        print(f"wave {number}: {resident / 2**20:.1f} MiB", file=sys.stderr, flush=True)
    print(f"{number} waves, {number * players:,} players, {sent:,} requests, {worst / 2**20:.0f} MiB at most "
          f"({baseline / 2**20:.0f} MiB after three waves)")  # fmt: skip
    await asyncio.sleep(1)
    wrong = []
    if worst - baseline > MAX_GROWTH:
        wrong.append(f"memory grew by {(worst - baseline) / 2**20:.0f} MiB")
    if server.descriptors() > descriptors + 2:
        wrong.append(f"{server.descriptors()} descriptors are open, {descriptors} at the start")
    if server.threads() > threads + 2:
        wrong.append(f"{server.threads()} threads run, {threads} at the start")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--players", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--journal", action="store_true")
    parser.add_argument("--https", action="store_true")
    chosen = parser.parse_args()
    folder = tempfile.TemporaryDirectory()
    server = Server(Path(folder.name), journal=chosen.journal, https=chosen.https)
    try:
        wrong = asyncio.run(soak(server, chosen.seconds, chosen.players, chosen.seed))
    finally:
        server.process.terminate()
    code = server.process.wait(10)
    folder.cleanup()
    if code != 0:
        wrong.append(f"the server ended with {code}")
    for line in wrong[:20]:
        print(f"soak: {line}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
