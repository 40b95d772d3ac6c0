"""How much work a server gets out of a CPU second: mcmock beside its peers, in turns, in one run.

    python bench/throughput.py [--rounds 5] [--seconds 5] [--connections 1,16,64] [--only NAME …] [--json FILE]

Every server gets the same POST of a ping with quality data from wrk. Absolute figures belong to the machine; the ratios to
the bare aiohttp application of the same round are what holds. A peer that is not installed is named and left out.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from bodies import session_start

HERE = Path(__file__).parent
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
EVENTS = f"/api/v1/sessions/{'a' * 64}/events"
YARDSTICK = "bare aiohttp"


class Peer(NamedTuple):
    """A server to measure: its command for a port, what it needs, and how the path to post to is found."""

    command: Callable[[int, Path], list[str]]
    needs: Callable[[], bool]
    path: Callable[[int], str] = lambda _: EVENTS


def _open_session(port: int) -> str:
    asked = Request(f"http://127.0.0.1:{port}/api/v1/sessions", session_start())
    with urlopen(asked) as answer:
        return f"{answer.headers['Location']}/events"


def _python(*arguments: str) -> Callable[[int, Path], list[str]]:
    return lambda port, _: [sys.executable, *(one.replace("PORT", str(port)) for one in arguments)]


def _has_module(*names: str) -> Callable[[], bool]:
    from importlib.util import find_spec

    return lambda: all(find_spec(name) is not None for name in names)


def _has_program(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


def _wiremock(port: int, folder: Path) -> list[str]:
    mappings = folder / "mappings"
    mappings.mkdir()
    stub = {"request": {"method": "POST", "urlPattern": ".*"}, "response": {"status": 204}}
    (mappings / "events.json").write_text(json.dumps(stub))
    return ["wiremock", "--port", str(port), "--root-dir", str(folder), "--disable-banner"]


def _prism(port: int, folder: Path) -> list[str]:
    document = {
        "openapi": "3.0.3", "info": {"title": "ping", "version": "1"},
        "paths": {"/api/v1/sessions/{sid}/events": {"post": {
            "parameters": [{"name": "sid", "in": "path", "required": True, "schema": {"type": "string"}}],
            "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
            "responses": {"204": {"description": "accepted"}}}}},
    }  # fmt: skip
    (folder / "api.json").write_text(json.dumps(document))
    return ["prism", "mock", "-p", str(port), "-v", "silent", str(folder / "api.json")]


def _mockoon(port: int, folder: Path) -> list[str]:
    route = {
        "uuid": "1", "type": "http", "method": "post", "endpoint": "api/v1/sessions/:sid/events",
        "responses": [{"uuid": "2", "statusCode": 204, "default": True, "headers": [], "body": "", "rules": []}],
    }  # fmt: skip
    (folder / "data.json").write_text(
        json.dumps({"uuid": "0", "lastMigration": 33, "name": "ping", "port": port, "routes": [route],
                    "rootChildren": [{"type": "route", "uuid": "1"}], "headers": [], "folders": [], "data": []})
    )  # fmt: skip
    return ["mockoon-cli", "start", "--data", str(folder / "data.json"), "--port", str(port), "--disable-log-to-file"]


MCMOCK = ("-m", "mcmock", "serve", "--port", "PORT")
PEERS: dict[str, Peer] = {
    YARDSTICK: Peer(_python(str(HERE / "bare.py"), "PORT"), lambda: True),
    "bare aiohttp on uvloop": Peer(_python(str(HERE / "bare.py"), "PORT", "--uvloop"), _has_module("uvloop")),
    "mcmock": Peer(_python(str(HERE / "plain.py"), *MCMOCK[2:]), lambda: True, _open_session),
    "mcmock[speed]": Peer(_python(*MCMOCK), _has_module("uvloop", "jsonschema_rs"), _open_session),
    "pytest-httpserver": Peer(_python(str(HERE / "peer_httpserver.py"), "PORT"), _has_module("pytest_httpserver")),
    "moto_server": Peer(
        _python("-c", "from moto.server import main; main(['-p', 'PORT'])"), _has_module("moto", "flask"), lambda _: "/"
    ),
    "Mockoon": Peer(_mockoon, _has_program("mockoon-cli")),
    "Prism": Peer(_prism, _has_program("prism")),
    "WireMock": Peer(_wiremock, _has_program("wiremock")),
}


class Figure(NamedTuple):
    """One run: requests per second of server CPU and of wall time, latencies in ms, resident memory in MiB."""

    per_cpu: float
    per_second: float
    p50: float
    p99: float
    memory: float
    errors: int


class Process(NamedTuple):
    """A server's processes, read from /proc: a peer may answer from a child."""

    pid: int

    def pids(self) -> Iterator[int]:
        yield self.pid
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        if children.exists():
            for child in children.read_text().split():
                yield from Process(int(child)).pids()

    def cpu(self) -> float:
        return sum(self._cpu(pid) for pid in self.pids())

    @staticmethod
    def _cpu(pid: int) -> float:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self) -> float:
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self.pids())
        return pages * PAGE / 2**20


@contextmanager
def running(peer: Peer) -> Iterator[tuple[Process, int, float]]:
    """The peer's process, its port, and the seconds until its first answer."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        command = peer.command(port, Path(folder))
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, cwd=folder
        )
        try:
            _until_it_answers(port, process)
            yield Process(process.pid), port, time.perf_counter() - began
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _until_it_answers(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urlopen(f"http://127.0.0.1:{port}/", timeout=2).close()
            return
        except HTTPError:
            return
        except (URLError, OSError):
            time.sleep(0.01)
    raise SystemExit(f"bench: {process.args!r} did not answer")


def load(port: int, path: str, connections: int, seconds: float) -> dict[str, Any]:
    done = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "-s", str(HERE / "ping.lua"), f"http://127.0.0.1:{port}"],
        env={**os.environ, "MCMOCK_PATH": path}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    result: dict[str, Any] = json.loads(done.stdout.partition("RESULT ")[2].partition("\n")[0])
    return result


def measure(peer: Peer, connections: int, seconds: float) -> Figure:
    with running(peer) as (process, port, _):
        path = peer.path(port)
        load(port, path, connections, 1)
        before = process.cpu()
        result = load(port, path, connections, seconds)
        spent = process.cpu() - before
        return Figure(
            result["requests"] / spent, result["requests"] / result["microseconds"] * 1e6,
            result["p50"], result["p99"], process.memory(), result["errors"] + result["refused"],
        )  # fmt: skip


def first_answer(peer: Peer) -> float:
    """CPU seconds that the server has used by its first answer."""
    with running(peer) as (process, _, _):
        return process.cpu()


Rounds = dict[tuple[str, int], list[Figure]]


def run(names: list[str], connections: list[int], rounds: int, seconds: float) -> Rounds:
    figures: Rounds = {}
    for number in range(rounds):
        for count in connections:
            for name in names:
                figures.setdefault((name, count), []).append(measure(PEERS[name], count, seconds))
                print(f"round {number + 1}, {count} connections, {name}: done", file=sys.stderr)
    return figures


def table(figures: Rounds, starts: dict[str, float]) -> str:
    lines = [
        "| server | connections | requests per CPU second | ratio to bare aiohttp (spread) | requests per second | p50 ms | "
        "p99 ms | MiB | first answer, CPU ms | errors |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for (name, count), runs in sorted(figures.items(), key=lambda item: item[0][1]):
        yard = figures[YARDSTICK, count]
        ratios = [one.per_cpu / other.per_cpu for one, other in zip(runs, yard, strict=True)]
        middle = {field: statistics.median(getattr(one, field) for one in runs) for field in Figure._fields}
        lines.append(
            f"| {name} | {count} | {middle['per_cpu']:,.0f} | {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f}) | {middle['per_second']:,.0f} | {middle['p50']:.2f} | "
            f"{middle['p99']:.2f} | {middle['memory']:.0f} | {starts[name] * 1000:.0f} | {sum(one.errors for one in runs)} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", default="1,16,64")
    parser.add_argument("--only", nargs="*", help=f"of {', '.join(PEERS)}")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("bench: wrk is needed; on Debian: apt-get install wrk")
    wanted = [YARDSTICK, *(name for name in chosen.only or PEERS if name != YARDSTICK)]
    names = [name for name in wanted if PEERS[name].needs()]
    for name in set(wanted) - set(names):
        print(f"bench: {name} is not installed and left out", file=sys.stderr)
    figures = run(names, [int(one) for one in chosen.connections.split(",")], chosen.rounds, chosen.seconds)
    starts = {name: first_answer(PEERS[name]) for name in names}
    print(table(figures, starts))
    if chosen.json:
        kept = {f"{name} c{count}": [one._asdict() for one in runs] for (name, count), runs in figures.items()}
        chosen.json.write_text(json.dumps(kept, indent=1))


if __name__ == "__main__":
    main()
