"""What a logged request costs, and what a question to the log costs, as the log grows.

    python bench/log.py [--sizes 10000,100000,1000000]

Pings of a thousand sessions go through the Emulator without a socket. Bytes are resident memory, less what the bodies and
header lines themselves weigh; the pause is the longest single `handle`.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import time
from pathlib import Path

from bodies import session_start

from mcmock.core.match import Match
from mcmock.core.model import Request
from mcmock.engine import Emulator

SESSIONS = 1000
HEADERS = (
    (b"Host", b"127.0.0.1:8410"), (b"User-Agent", b"Mozilla/5.0 (X11; Linux x86_64)"), (b"Accept", b"*/*"),
    (b"Content-Type", b"application/json"), (b"Content-Length", b"207"),
)  # fmt: skip


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def ping(number: int) -> bytes:
    return json.dumps(
        {
            "eventType": "ping",
            "playerTime": {"playhead": number / 10, "ts": 1_700_000_000_000 + number},
            "qoeData": {"media.qoe.bitrate": 3200, "media.qoe.droppedFrames": 2, "media.qoe.framesPerSecond": 25},
        },
        separators=(",", ":"),
    ).encode()


def measure(size: int) -> str:
    emulator = Emulator(seed=1, max_log_bytes=1 << 40)
    paths = []
    for _ in range(SESSIONS):
        answer = emulator.handle(Request("POST", "/api/v1/sessions", HEADERS, session_start()))
        paths.append(dict(answer.response.headers)["Location"] + "/events")
    gc.collect()
    before, bodies, pause, spent = resident(), 0, 0.0, 0.0
    for number in range(size):
        text = ping(number)
        bodies += len(text)
        request = Request("POST", paths[number % SESSIONS], HEADERS, text)
        began = time.perf_counter()
        emulator.handle(request)
        took = time.perf_counter() - began
        spent += took
        pause = max(pause, took)
    per_request = (resident() - before - bodies) / size
    sid = paths[0].split("/")[4]
    queries = {
        "a session's events": timed(lambda: emulator.requests(Match({"session": sid}), limit=10)),
        "all of one type": timed(lambda: emulator.requests(Match({"event": "sessionStart"}), limit=10)),
        "the newest ten": timed(lambda: emulator.requests(None, limit=10, newest_first=True)),
    }
    cells = " | ".join(f"{milliseconds:.2f}" for milliseconds in queries.values())
    return f"| {size:,} | {spent / size * 1e6:.1f} | {pause * 1e3:.1f} | {per_request:.0f} | {cells} |"


def timed(query: object) -> float:
    """The fastest of five, in ms: the first one of a session also judges it."""
    assert callable(query)
    times = []
    for _ in range(5):
        began = time.perf_counter()
        query()
        times.append(time.perf_counter() - began)
    return min(times) * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,100000,1000000")
    print("| entries | handle, µs | longest handle, ms | bytes beside body | a session's ten first, ms | ten of one type, ms "
          "| ten newest, ms |")  # fmt: skip
    print("|---|---|---|---|---|---|---|")
    for size in parser.parse_args().sizes.split(","):
        print(measure(int(size)), flush=True)


if __name__ == "__main__":
    main()
