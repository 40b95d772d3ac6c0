"""What stores and workers cost and bring: one process in memory, with a journal, and 1, 2 and 4 workers over a Redis.

    python bench/scaling.py [--seconds 5] [--players 32] [--sessions 512]

Every server gets the same pings, by as many wrks as there are players, each with one connection that it keeps and sessions
of its own. CPU seconds are those of mcmock's processes, and of
Redis beside them. Absolute figures belong to the machine; all of it runs on the same cores, wrk included.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from bodies import session_start

HERE = Path(__file__).parent
TICKS = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def started(stack: ExitStack, *command: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    stack.callback(process.communicate)
    stack.callback(process.terminate)
    return process


def cpu_seconds(pid: int) -> float:
    """Of a process and its children."""
    total = 0.0
    for one in [pid, *children(pid)]:
        with suppress(FileNotFoundError):
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / TICKS
    return total


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def open_sessions(port: int, count: int) -> list[str]:
    connection = HTTPConnection("127.0.0.1", port)
    paths = []
    for number in range(count):
        opening = session_start(**{"media.id": f"film-{number}"})
        connection.request("POST", "/api/v1/sessions", opening, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        paths.append(f"{answer.headers['Location']}/events")
    connection.close()
    return paths


def measure(name: str, arguments: list[str], asked: argparse.Namespace, redis_pid: int | None) -> None:
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        port = free_port()
        here = [one.replace("FOLDER", folder) for one in arguments]
        server = started(stack, sys.executable, "-m", "mcmock", "serve", "--port", str(port), *here)
        assert server.stdout is not None
        server.stdout.readline()
        paths = open_sessions(port, asked.sessions)
        before, redis_before = cpu_seconds(server.pid), cpu_seconds(redis_pid) if redis_pid else 0.0
        result = pinged(port, paths, Path(folder), asked)
        used = cpu_seconds(server.pid) - before
        redis_used = cpu_seconds(redis_pid) - redis_before if redis_pid else 0.0
        rate = result["requests"] / (result["microseconds"] / 1e6)
        print(
            f"| {name} | {rate:,.0f} | {result['requests'] / used:,.0f} | {redis_used / (result['requests'] or 1) * 1e6:.0f} "
            f"| {result['p50']:.1f} | {result['p99']:.1f} | {result['errors'] + result['refused']} |",
            flush=True,
        )


def pinged(port: int, paths: list[str], folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """All that the players sent, and the slowest of their percentiles."""
    running = []
    for number in range(asked.players):
        own = folder / f"paths-{number}"
        own.write_text("\n".join(paths[number :: asked.players]) + "\n")
        command = [
            "wrk", "-t1", "-c1", f"-d{asked.seconds}s", "--latency", "-s", str(HERE / "pings.lua"),
            f"http://127.0.0.1:{port}",
        ]  # fmt: skip
        environment = {**os.environ, "MCMOCK_PATHS": str(own)}
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment))
    results = []
    for player in running:
        told = player.communicate()[0]
        results.append(json.loads(next(line for line in told.splitlines() if line.startswith("RESULT "))[7:]))
    total = {name: sum(one[name] for one in results) for name in ("requests", "errors", "refused")}
    return {
        **total,
        "microseconds": max(one["microseconds"] for one in results),
        "p50": statistics.median(one["p50"] for one in results),
        "p99": max(one["p99"] for one in results),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--players", type=int, default=32)
    parser.add_argument("--sessions", type=int, default=512)
    asked = parser.parse_args()
    print("| server | requests/s | per CPU second of mcmock | Redis, µs a request | p50 ms | p99 ms | errors |")
    print("|---|---|---|---|---|---|---|")
    measure("one process, memory", [], asked, None)
    measure("one process, journal", ["--journal", "FOLDER/journal.db"], asked, None)
    if shutil.which("redis-server") is None:
        print("there is no redis-server on this machine: the rest is left out")
        return
    for workers in (1, 2, 4):
        with ExitStack() as stack:
            port = free_port()
            redis = started(stack, "redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "")
            time.sleep(0.5)
            store = ["--store", f"redis://127.0.0.1:{port}/0", "--workers", str(workers)]
            measure(f"{workers} worker{'s' if workers > 1 else ''}, Redis", store, asked, redis.pid)


if __name__ == "__main__":
    main()
