"""What stores and workers cost and bring: memory, a journal, and 1, 2 … workers over a Redis, beside a bare aiohttp application.

    python bench/stores.py [--rounds 5] [--seconds 3] [--players 16] [--sessions 128] [--workers 1 2] [--json FILE]

Every server gets the same pings, by as many wrks as there are players, each with one connection that it keeps and sessions of
its own, for 4 seconds before it is measured, in turns. CPU seconds are those of the server's processes, with Redis's beside
them; a ratio is to bare aiohttp in the same round, on uvloop where that is installed. Absolute figures belong to the machine:
all of it runs on the same cores, wrk included.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

from bodies import session_start
from throughput import EVENTS, PEERS, UVLOOP_YARDSTICK, WARM, YARDSTICK, running

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests import redis_server  # only after the checkout is within reach

HERE = Path(__file__).parent
YARD = UVLOOP_YARDSTICK if PEERS[UVLOOP_YARDSTICK].needs() else YARDSTICK
MEMORY, JOURNAL, REDIS = "memory", "journal", "Redis,"


class Figure(NamedTuple):
    """One run. CPU in microseconds, latencies in milliseconds; what Redis was asked for, per request of a player."""

    per_second: float
    per_cpu: float
    p50: float
    p99: float
    errors: float
    redis_cpu: float = 0.0
    round_trips: float = 0.0
    redis_bytes: float = 0.0


class Redis:
    """A Redis of one run's own, and what it has done since `mark`."""

    def __init__(self) -> None:
        import redis

        self._server = redis_server.RedisServer()
        self.url = self._server.url
        self._client = redis.Redis.from_url(self.url, decode_responses=True)

    def mark(self) -> None:
        self._client.config_resetstat()
        self._before = self._cpu()

    def told(self, requests: float) -> dict[str, float]:
        """Return the fields of a Figure, for so many requests."""
        used = self._cpu() - self._before
        scripts: Any = self._client.info("commandstats")
        net: Any = self._client.info("stats")
        moved = net["total_net_input_bytes"] + net["total_net_output_bytes"]
        calls = scripts.get("cmdstat_evalsha", {}).get("calls", 0)
        return {
            "redis_cpu": used / requests * 1e6, "round_trips": calls / requests, "redis_bytes": moved / requests,
        }  # fmt: skip

    def _cpu(self) -> float:
        info: Any = self._client.info("cpu")
        return float(info["used_cpu_user"] + info["used_cpu_sys"])

    def stop(self) -> None:
        self._client.close()
        self._server.stop()


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


def measure(server: str, asked: argparse.Namespace) -> Figure:
    """Return the figures of a server: the yardstick, or mcmock in memory, with a journal, or with workers over a Redis."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis, options = None, []
        if server == JOURNAL:
            options = ["--journal", str(folder / "journal.db")]
        elif server.startswith(REDIS):
            redis = Redis()
            stack.callback(redis.stop)
            options = ["--store", redis.url, "--workers", server.split()[1]]
        peer = PEERS[YARD if server == YARD else "mcmock[speed]"]
        command = peer.command
        with_options = peer._replace(command=lambda port, place: [*command(port, place), *options])
        process, port, _ = stack.enter_context(running(with_options))
        paths = [EVENTS] * asked.players if server == YARD else open_sessions(port, asked.sessions)
        pinged(port, paths, folder, asked.players, WARM)
        if redis is not None:
            redis.mark()
        before = process.cpu()
        result = pinged(port, paths, folder, asked.players, asked.seconds)
        used, requests = process.cpu() - before, result["requests"]
        return Figure(
            requests / (result["microseconds"] / 1e6), requests / used, result["p50"], result["p99"],
            result["errors"] + result["refused"], **(redis.told(requests) if redis is not None else {}),
        )  # fmt: skip


def pinged(port: int, paths: list[str], folder: Path, players: int, seconds: float) -> dict[str, Any]:
    """All that the players sent, and the slowest of their percentiles."""
    sending = []
    for number in range(players):
        own = folder / f"paths-{number}"
        own.write_text("\n".join(paths[number::players]) + "\n")
        command = [
            "wrk", "-t1", "-c1", f"-d{seconds:.0f}s", "--latency", "-s", str(HERE / "pings.lua"),
            f"http://127.0.0.1:{port}",
        ]  # fmt: skip
        environment = {**os.environ, "MCMOCK_PATHS": str(own)}
        sending.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment))
    results = []
    for player in sending:
        told = player.communicate()[0]
        results.append(json.loads(next(line for line in told.splitlines() if line.startswith("RESULT "))[7:]))
    total = {name: sum(one[name] for one in results) for name in ("requests", "errors", "refused")}
    return {
        **total,
        "microseconds": max(one["microseconds"] for one in results),
        "p50": statistics.median(one["p50"] for one in results),
        "p99": max(one["p99"] for one in results),
    }


def table(rounds: dict[str, list[Figure]]) -> str:
    lines = [
        "| server | requests/s | per CPU second | ratio to bare aiohttp (spread) | round trips a request | Redis, µs | "
        "Redis, bytes | p50 ms | p99 ms | errors |",
        "|---" * 10 + "|",
    ]
    for name, figures in rounds.items():
        ratios = [one.per_cpu / other.per_cpu for one, other in zip(figures, rounds[YARD], strict=True)]
        middle = Figure(*map(statistics.median, zip(*figures, strict=True)))
        redis = (
            f"{middle.round_trips:.2f} | {middle.redis_cpu:.0f} | {middle.redis_bytes:,.0f}"
            if middle.round_trips
            else "– | – | –"
        )
        lines.append(
            f"| {name} | {middle.per_second:,.0f} | {middle.per_cpu:,.0f} | {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f}) | {redis} | {middle.p50:.1f} | {middle.p99:.1f} "
            f"| {sum(one.errors for one in figures):.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--players", type=int, default=16)
    parser.add_argument("--sessions", type=int, default=128)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("bench: wrk is needed; on Debian: apt-get install wrk")
    if redis_server.PROGRAM is None:
        print("bench: there is no redis-server on this machine: memory and journal only", file=sys.stderr)
        asked.workers = []
    servers = [YARD, MEMORY, JOURNAL, *(f"{REDIS} {one} worker{'s' if one > 1 else ''}" for one in asked.workers)]
    rounds: dict[str, list[Figure]] = {server: [] for server in servers}
    for number in range(asked.rounds):
        for server in servers if number % 2 == 0 else reversed(servers):
            rounds[server].append(measure(server, asked))
    print(table(rounds))
    if asked.json:
        asked.json.write_text(
            json.dumps({name: [one._asdict() for one in all_] for name, all_ in rounds.items()}, indent=1)
        )


if __name__ == "__main__":
    main()
