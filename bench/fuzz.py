"""Both APIs under raw bytes, for as long as you like: nothing may fail, go unlogged, or disturb anybody else.

    python bench/fuzz.py [--seconds 600] [--seed 1] [--at-once 16]

Requests are made from whole ones that are cut, doubled, spliced, bit-flipped, sent in any pieces, or given up half-way.
Those to the emulated API go to the default scope, where no fault is; those to the control API to a scope of their own,
which may end up with any faults, clocks and sessions. A witness plays in a third scope all the while, and must be answered
204 each time and find exactly its own requests in its log. Exit code 1 prints the input that broke something.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import re
import sys
import time
from collections import Counter
from typing import Any
from urllib.request import Request, urlopen

from bodies import session_start
from served import serve

PING = b'{"eventType":"ping","playerTime":{"playhead":1.5,"ts":1700000000000},"qoeData":{"media.qoe.bitrate":3200}}'
SID = "0" * 64
START = session_start()
EDGE_START = (
    b'{"events":[{"xdm":{"eventType":"media.sessionStart","timestamp":"2026-01-31T08:15:00.250Z","mediaCollection":{"playhead":0,'
    b'"sessionDetails":{"name":"a","playerName":"b","length":60,"channel":"c","contentType":"vod"},"customMetadata":[{"name":"d",'
    b'"value":"e"}],"qoeDataDetails":{"bitrate":1}},"identityMap":{"ECID":[{"id":"1"}]}}}],"query":{"identity":{"fetch":["ECID"]}},'
    b'"meta":{"konductorConfig":{"streaming":{"enabled":true}},"state":{"entries":[{"key":"kndctr_0123456789ABCDEF01234567_'
    b'AdobeOrg_identity","value":"CiYz"}]}}}'
)
EDGE_PING = (
    b'{"events":[{"xdm":{"eventType":"media.ping","timestamp":"2026-01-31T08:15:10Z","_id":"a","mediaCollection":{"playhead":10,'
    b'"sessionID":"' + SID.encode() + b'","statesStart":[{"name":"mute"}]}}}]}'
)
EDGE_WHOLE = (
    b'{"events":[{"xdm":{"eventType":"media.downloaded","identityMap":{},"mediaDownloadedEvents":[{"mediaEventType":"media.play",'
    b'"mediaEventTimestamp":"2026-01-31T08:15:10Z","mediaCollection":{"playhead":1}}]}}]}'
)
EMULATED = [
    ("POST", "/api/v1/sessions", START), ("POST", f"/api/v1/sessions/{SID}/events", PING), ("POST", "/api/v1/downloaded", b"[]"),
    ("OPTIONS", "/api/v1/sessions", b""), ("GET", "/api/v1/schemas/ping", b""), ("HEAD", "/api/v1/schemas/play", b""),
    ("GET", "/", b""), ("PUT", "/api/v1/sessions", START),
    ("POST", "/ee/v1/interact?configId=a&requestId=b", EDGE_START), ("POST", "/ee/va/v1/sessionStart?configId=a", EDGE_START),
    ("POST", "/ee/or2/va/v1/ping?configId=a&requestId=b", EDGE_PING), ("POST", "/ee/va/v1/downloaded?configId=a", EDGE_WHOLE),
    ("POST", "/ee/v1/collect?configId=a", EDGE_PING), ("OPTIONS", "/ee/va/v1/play", b""), ("GET", "/ee/va/v1/play", b""),
]  # fmt: skip
RULE = b'{"name":"a","effect":{"type":"status","code":503},"match":{"event":"ping"},"times":2,"probability":0.5}'
CONTROL = [
    ("GET", "/requests?event=ping&playhead.min=1&limit=5&order=desc&since=1", b""), ("GET", "/summary", b""),
    ("POST", "/requests/find?brief=1", b'{"event":["play","ping"],"params":{"media.id":{"matches":"f.*"}}}'),
    ("POST", "/requests/wait", b'{"match":{"event":"ping"},"count":1,"timeout":0.01}'),
    ("POST", "/verify?strict=1", b'{"sequence":["sessionStart","ping*"],"within":0}'), ("GET", "/requests/1", b""),
    ("POST", "/verify", b'{"match":{"event":"ping"},"atLeast":1,"atMost":3}'), ("GET", "/requests.har?status=204", b""),
    ("GET", "/requests.ndjson?scope=x", b""), ("GET", "/sessions?brief=1&limit=2", b""), ("GET", f"/sessions/{SID}/report", b""),
    ("POST", f"/sessions/{SID}/expire", b""), ("POST", "/faults", RULE), ("PUT", "/faults", b'{"faults":[' + RULE + b"]}"),
    ("DELETE", "/faults/a", b""), ("POST", "/presets/outage", b""), ("GET", "/losses", b""), ("POST", "/clock/freeze", b""),
    ("POST", "/clock/advance", b'{"seconds":60}'), ("POST", "/clock/resume", b""), ("POST", "/reset", b""),
    ("GET", "/scopes", b""), ("DELETE", "/requests", b""),
    ("GET", "/openapi.json", b""), ("GET", "/inspector/app.js", b""), ("GET", "/vocabulary", b""),
]  # fmt: skip
LINES = [
    "Content-Type: application/json", "Content-Type: text/plain", "Connection: close", "Expect: 100-continue",
    "Content-Encoding: gzip", "Transfer-Encoding: chunked", "Content-Length: 5", "Content-Length: -1", "Upgrade: h2c",
    "Authorization: Bearer x", "Cookie: a=b", "X: " + "y" * 5000, "Host: a.example", "Last-Event-ID: 7", "Origin: null",
]  # fmt: skip
VALUES = [
    b"null",
    b"-1",
    b"1e400",
    b"NaN",
    b'""',
    b"[]",
    b"{}",
    b"true",
    b"1" * 400,
    b'"\\ud800"',
    b"[" * 200,
    b"\xff",
    b"0.5",
]
CONTROL_SCOPE = "/~fuzz/__admin"


class Inputs:
    """What is sent next: a repeatable stream of odd requests."""

    def __init__(self, seed: str) -> None:
        self.chance = random.Random(seed)

    def next(self) -> tuple[bool, bytes]:
        """Whether it is for the control API, and its bytes."""
        control = self.chance.random() < 0.5
        method, path, text = self.chance.choice(CONTROL if control else EMULATED)
        for _ in range(self.chance.choice((0, 1, 1, 2, 4))):
            text = self.bend(text)
        if self.chance.random() < 0.3:  # the first part names the scope, and stays
            path = "/" + self.bend(path[1:].encode()).decode("latin-1").translate({10: 37, 13: 37, 32: 43})
        lines = [f"Content-Length: {len(text)}", *self.chance.sample(LINES, self.chance.choice((0, 1, 1, 2, 3)))]
        head = f"{method} {CONTROL_SCOPE if control else ''}{path} HTTP/1.1\r\nHost: 127.0.0.1\r\n" + "\r\n".join(lines)
        raw = head.encode("latin-1", "replace") + b"\r\n\r\n" + text
        if not control and self.chance.random() < 0.4:
            raw = self.bend(raw) * self.chance.choice((1, 1, 2, 3))
        return control, raw or b"\0"

    def bend(self, raw: bytes) -> bytes:
        """The bytes with one thing wrong."""
        at, to = sorted(self.chance.randrange(len(raw) + 1) for _ in range(2))
        kind = self.chance.randrange(6)
        if kind == 0:
            return raw[:at] + raw[to:]
        if kind == 1:
            return raw[:to] + raw[at:]
        if kind == 2:
            return raw[:at] + self.chance.randbytes(self.chance.randrange(1, 8)) + raw[to:]
        if kind == 3 and at < len(raw):
            return raw[:at] + bytes([raw[at] ^ 1 << self.chance.randrange(8)]) + raw[at + 1 :]
        values = [*re.finditer(rb'(?<=:)("[^"]*"|[-\d.]+|\[[^]]*\])', raw)]
        if kind == 4 and values:
            found = self.chance.choice(values)
            return raw[: found.start()] + self.chance.choice(VALUES) + raw[found.end() :]
        return raw[:at] + self.chance.choice(VALUES) + raw[at:]

    def pieces(self, raw: bytes) -> list[bytes]:
        cut = self.chance.randrange(len(raw) + 1)
        return [raw] if self.chance.random() < 0.6 else [raw[:cut], raw[cut:]]


async def fire(port: int, inputs: Inputs) -> tuple[bool, bytes, bytes]:
    """Send one input on a connection of its own; returns what it was and all that came back."""
    control, raw = inputs.next()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered = b""
    with contextlib.suppress(OSError, TimeoutError):
        for piece in inputs.pieces(raw):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        if inputs.chance.random() < 0.9:
            writer.write_eof()
            async with asyncio.timeout(5):
                answered = await reader.read()
    writer.transport.abort()
    return control, raw, answered


def wrong(control: bool, raw: bytes, answered: bytes) -> str | None:
    """What is wrong with an answer; no answer is none."""
    if not answered:
        return None
    statuses = [int(one) for one in re.findall(rb"(?:^|\r\n\r\n|[}\]]|)HTTP/1\.1 (\d{3}) ", answered)]
    if not statuses:
        return "no HTTP came back"
    bad = [one for one in statuses if one >= 500]
    return f"{bad} came back" if bad else None


class Witness:
    """A player that behaves, beside all this."""

    def __init__(self, url: str) -> None:
        self.url, self.sent = f"{url}/~witness", 1
        self.session = urlopen(self.url + "/api/v1/sessions", START).headers["Location"]
        self.origin = url

    def ping(self) -> str | None:
        self.sent += 1
        status = urlopen(
            Request(f"{self.origin}{self.session}/events", PING, {"Content-Type": "application/json"})
        ).status
        return None if status == 204 else f"the witness was answered {status}"

    def compare(self) -> str | None:
        summary = ask(self.url, "/summary")
        good = summary["total"] == self.sent and summary["bad"] == 0
        return None if good else f"the witness sent {self.sent} requests, the log says {summary}"


def ask(url: str, path: str) -> Any:
    return json.load(urlopen(f"{url}/__admin{path}"))


async def fuzz(url: str, seconds: float, seed: int, at_once: int) -> tuple[Counter[str], list[str]]:
    port, counts = int(url.rpartition(":")[2]), Counter[str]()
    failures: list[str] = []
    witness, everybody = await asyncio.to_thread(Witness, url), [Inputs(f"{seed}/{one}") for one in range(at_once)]
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not failures:
        for control, raw, answered in await asyncio.gather(*(fire(port, one) for one in everybody)):
            counts["control" if control else "emulated"] += 1
            counts["answered"] += bool(answered)
            if found := wrong(control, raw, answered):
                failures.append(f"{found} for {raw[:2000]!r}: {answered[:500]!r}")
        failures += filter(None, [await asyncio.to_thread(witness.ping)])
        if counts["emulated"] % 997 < at_once:
            await asyncio.to_thread(ask, url, "/health")
    await asyncio.sleep(1)  # the last connections' ends must reach the server
    summary = await asyncio.to_thread(ask, url, "/summary")
    if summary["broken"] or summary["total"] + summary["evicted"] < counts["emulated"]:
        failures.append(f"{counts['emulated']} inputs, but the log says {summary}")
    failures += filter(None, [await asyncio.to_thread(witness.compare)])
    return counts, failures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=16)
    chosen = parser.parse_args()
    server, facts = serve()
    url = facts["url"]
    try:
        counts, failures = asyncio.run(fuzz(url, chosen.seconds, chosen.seed, chosen.at_once))
    finally:
        server.terminate()
    code = server.wait(10)
    if code != 0:
        failures.append(f"the server ended with {code}")
    inputs = counts["emulated"] + counts["control"]
    print(f"{inputs:,} inputs ({counts['emulated']:,} to the emulated API, {counts['control']:,} to the control API), "
          f"{counts['answered']:,} answered, seed {chosen.seed}")  # fmt: skip
    for line in failures[:10]:
        print(f"fuzz: {line}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
