"""What `mcmock check` of a long recording costs: CPU a request, and the most memory that it held.

    python bench/check.py [--requests 100000] [--form har|ndjson] [--shuffled]

The recording is written first, by a process of its own: sessions of a hundred requests each, 50 at a time. A HAR is as a browser
writes it; NDJSON is a log of mcmock. With --shuffled the entries of a HAR stand in no order of time, and its version behind them.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bodies import session_start

from mcmock.core.clock import Clock
from mcmock.core.model import Exchange, Request
from mcmock.engine import Emulator
from mcmock.serialization import har, ndjson

LENGTH = 100
"""Requests of a session."""

AT_ONCE = 50
"""Sessions that run at the same time."""

STARTS = 1_700_000_000.0
BROWSER = (
    ("sec-ch-ua-platform", '"Linux"'), ("sec-ch-ua", '"Chromium";v="142", "Not:A-Brand";v="8"'), ("sec-ch-ua-mobile", "?0"),
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"),
    ("Content-Type", "application/json"), ("Accept", "*/*"), ("Origin", "http://localhost:3000"),
    ("Referer", "http://localhost:3000/"),
)  # fmt: skip
HEADERS = ((b"Host", b"127.0.0.1:8410"), *((name.encode(), value.encode()) for name, value in BROWSER))
PARAMS = {
    "analytics.trackingServer": "metrics.example.com", "visitor.marketingCloudOrgId": "0123456789ABCDEF01234567@AdobeOrg",
    "media.length": 6000,
}  # fmt: skip
MIB = 2**20


def exchanges(requests: int) -> Iterator[Exchange]:
    """Yield what a log has of so many requests."""
    now, sent = STARTS, 0
    emulator = Emulator(seed=1, time=Clock(lambda: now))
    for wave in range(-(-requests // (LENGTH * AT_ONCE))):
        paths: list[str] = []
        for place in range(LENGTH):
            for viewer in range(AT_ONCE):
                if sent == requests:
                    return
                sent, now = sent + 1, now + 10 / AT_ONCE
                text = session_start(**PARAMS, **{"media.id": f"film {wave} {viewer}"}) if not place else event(place)
                path = f"{paths[viewer]}/events" if place else "/api/v1/sessions"
                answer = emulator.handle(
                    Request("POST", path, (*HEADERS, (b"Content-Length", b"%d" % len(text))), text)
                )
                if not place:
                    paths.append(dict(answer.response.headers)["Location"])
                found = emulator.request(answer.seq)
                assert found is not None
                yield found
        emulator.clear_log()


def event(place: int) -> bytes:
    name = "play" if place == 1 else "sessionEnd" if place == LENGTH - 1 else "ping"
    value = {"eventType": name, "playerTime": {"playhead": 10.0 * place, "ts": int(STARTS * 1000) + 10_000 * place}}
    if name == "ping":
        value["qoeData"] = {"media.qoe.bitrate": 3200, "media.qoe.droppedFrames": 2, "media.qoe.framesPerSecond": 25}
    return json.dumps(value).encode()


def write(path: Path, requests: int, form: str, shuffled: bool) -> None:
    """Write the recording."""
    with path.open("wb") as file:
        if form == "ndjson":
            file.writelines(ndjson.write(exchanges(requests)))
            return
        entries: Iterator[bytes] = map(entry, exchanges(requests))
        if shuffled:
            known = [*entries]
            random.Random(1).shuffle(known)
            entries = iter(known)
        file.write(b'{"log":{"entries":[' if shuffled else b'{"log":{"version":"1.2","entries":[')
        for place, one in enumerate(entries):
            file.write((b"," if place else b"") + one)
        file.write(b'],"version":"1.2"}}' if shuffled else b"]}}")


def entry(exchange: Exchange) -> bytes:
    """Return a request as a browser's HAR has it."""
    _, text, _ = har.write([exchange])
    value = json.loads(text)
    del value["_mcmock"]
    return json.dumps(value).encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--form", choices=("har", "ndjson"), default="har")
    parser.add_argument("--shuffled", action="store_true")
    parser.add_argument("--write", type=Path, help="only write it, to this file")
    chosen = parser.parse_args()
    if chosen.write is not None:
        write(chosen.write, chosen.requests, chosen.form, chosen.shuffled)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"recording.{chosen.form}"
        subprocess.run([sys.executable, __file__, *sys.argv[1:], "--write", path], check=True)
        size, before = path.stat().st_size, time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", "mcmock", "check", str(path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        last = process.stdout.read().decode().splitlines()[-1]
        _, code, used = os.wait4(process.pid, 0)
        took = time.perf_counter() - before
    cpu = (used.ru_utime + used.ru_stime) / chosen.requests * 1000
    print(f"{chosen.requests:,} requests, {size / 1e6:.0f} MB of {chosen.form}: {cpu:.3f} ms of CPU a request, {took:.1f} s, "
          f"at most {used.ru_maxrss * 1024 / MIB:.0f} MiB, exit code {os.waitstatus_to_exitcode(code)}: {last}")  # fmt: skip


if __name__ == "__main__":
    main()
