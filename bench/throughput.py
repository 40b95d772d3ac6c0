"""How much work a server gets out of a CPU second: mcmock beside its peers, in turns, in one run.

    python bench/throughput.py [--work ping,finding,browser,tls,close] [--rounds 5] [--seconds 5] [--connections 1,16,64]
                               [--only NAME …] [--json FILE]

The works, sent by wrk: `ping`, a POST of a ping with quality data; `finding`, the same with a bitrate in bits, which is
accepted with a finding; `browser`, the recorded sessions of a browser, preflights and starts included (bench/browser.py);
`tls`, the ping over TLS; `close`, the ping on a connection of its own each time. Absolute figures belong to the machine;
the ratios to the bare aiohttp application of the same loop and round are what holds. Before it is measured a server gets the
same load for 4 seconds, in the first of which mcmock imports what questions need; one on Node for 10, one on a JVM for 45. A
peer that is not installed is named and left out; one that can play no more than pings gets no more.
To have all of them, in a folder of their own:

    python -m venv peers && peers/bin/pip install '.[speed,test]' 'moto[server]' pytest-httpserver
    npm install --prefix peers wiremock @stoplight/prism-cli @mockoon/cli   # WireMock's package has its jar; it needs Java
    PATH="$PWD/peers/node_modules/.bin:$PATH" peers/bin/python bench/throughput.py --work ping
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import ssl
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

import browser
from bodies import session_start

HERE = Path(__file__).parent
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
EVENTS = f"/api/v1/sessions/{'a' * 64}/events"
YARDSTICK = "bare aiohttp"
UVLOOP_YARDSTICK = "bare aiohttp on uvloop"
SESSIONS_A_SECOND = 2000
"""Recorded sessions that are more than any server here can play in a second."""

PING = (
    '{"eventType":"ping","playerTime":{"playhead":12.5,"ts":1700000010000},"qoeData":{"media.qoe.bitrate":3200,'
    '"media.qoe.droppedFrames":2,"media.qoe.framesPerSecond":25,"media.qoe.timeToStart":800}}'
)


class Work(NamedTuple):
    """What wrk sends: the script, and what its environment says beside where to."""

    script: str = "ping.lua"
    body: str = PING
    closes: bool = False
    tls: bool = False


WARM = 4.0
"""Seconds of load before a server is measured."""

WORKS = {
    "ping": Work(),
    "finding": Work(body=PING.replace("3200", "3200000")),
    "browser": Work("browser.lua"),
    "tls": Work(tls=True),
    "close": Work(closes=True),
}


class Peer(NamedTuple):
    """A server to measure: its command for a port, what it needs, and how the path to post to is found.

    `yardstick` is what it is compared with, `tls` what its command says beside to speak TLS; None: it plays pings only. `warm` is
    for how many seconds it gets the same load before it is measured: a compiler that works as it runs needs its time.
    """

    command: Callable[[int, Path], list[str]]
    needs: Callable[[], bool]
    path: Callable[[int], str] = lambda _: EVENTS
    yardstick: str = YARDSTICK
    tls: tuple[str, ...] | None = None
    warm: float = WARM


NODE_WARM, JVM_WARM = 10, 45


def _open_session(port: int) -> str:
    asked = Request(f"http://127.0.0.1:{port}/api/v1/sessions", session_start())
    with urlopen(asked) as answer:
        return f"{answer.headers['Location']}/events"


def _python(*arguments: str) -> Callable[[int, Path], list[str]]:
    return lambda port, _: [sys.executable, *(one.replace("PORT", str(port)) for one in arguments)]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def certificate(folder: Path) -> Path:
    """A file with a certificate for this machine and its key."""
    import trustme

    made = trustme.CA(key_type=trustme.KeyType.ECDSA).issue_cert(
        "127.0.0.1", "localhost", key_type=trustme.KeyType.ECDSA
    )
    file = folder / "server.pem"
    file.write_bytes(made.private_key_and_cert_chain_pem.bytes())
    return file


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


MCMOCK = ("-m", "mcmock", "serve", "--port", "PORT", "--seed", str(browser.SEED))
BARE_TLS = ("--tls", "CERTIFICATE")
MCMOCK_TLS = ("--https-port", "TLS_PORT", "--tls-cert", "CERTIFICATE", "--tls-key", "CERTIFICATE")
PEERS: dict[str, Peer] = {
    YARDSTICK: Peer(_python(str(HERE / "bare.py"), "PORT"), lambda: True, tls=BARE_TLS),
    "mcmock": Peer(_python(str(HERE / "plain.py"), *MCMOCK[2:]), lambda: True, _open_session, tls=MCMOCK_TLS),
    UVLOOP_YARDSTICK: Peer(
        _python(str(HERE / "bare.py"), "PORT", "--uvloop"),
        _has_module("uvloop"),
        yardstick=UVLOOP_YARDSTICK,
        tls=BARE_TLS,
    ),
    "mcmock[speed]": Peer(_python(*MCMOCK), _has_module("uvloop"), _open_session, UVLOOP_YARDSTICK, MCMOCK_TLS),
    "pytest-httpserver": Peer(_python(str(HERE / "peer_httpserver.py"), "PORT"), _has_module("pytest_httpserver")),
    "moto_server": Peer(
        _python("-c", "from moto.server import main; main(['-p', 'PORT'])"), _has_module("moto", "flask"), lambda _: "/"
    ),
    "Mockoon": Peer(_mockoon, _has_program("mockoon-cli"), warm=NODE_WARM),
    "Prism": Peer(_prism, _has_program("prism"), warm=NODE_WARM),
    "WireMock": Peer(_wiremock, _has_program("wiremock"), warm=JVM_WARM),
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

    def cpu_of_threads(self) -> float:
        """The same to the microsecond, without what threads have used that ended; 0 where the system does not say."""
        files = [one for pid in self.pids() for one in Path(f"/proc/{pid}/task").glob("*/schedstat")]
        return sum(int(one.read_text().split()[0]) for one in files) / 1e9

    def memory(self) -> float:
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self.pids())
        return pages * PAGE / 2**20


class Running(NamedTuple):
    """A server that answers: its process, its port, and the one that speaks TLS, if that is asked for."""

    process: Process
    port: int
    tls_port: int | None


@contextmanager
def running(peer: Peer, tls: Path | None = None) -> Iterator[Running]:
    """The peer, once it answers; with a certificate it speaks TLS, too, or only."""
    port, tls_port = _free_port(), None
    with tempfile.TemporaryDirectory() as folder:
        command = peer.command(port, Path(folder))
        if tls is not None:
            assert peer.tls is not None
            apart = "TLS_PORT" in peer.tls
            tls_port = _free_port() if apart else port
            places = {"TLS_PORT": str(tls_port), "CERTIFICATE": str(tls)}
            command += [places.get(one, one) for one in peer.tls]
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, cwd=folder
        )
        try:
            _until_it_answers(port, process, tls_port == port)
            yield Running(Process(process.pid), port, tls_port)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _until_it_answers(port: int, process: subprocess.Popen[bytes], tls: bool) -> None:
    scheme, anybody = "https" if tls else "http", ssl._create_unverified_context() if tls else None
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urlopen(f"{scheme}://127.0.0.1:{port}/", timeout=2, context=anybody).close()
            return
        except HTTPError:
            return
        except (URLError, OSError):
            time.sleep(0.01)
    raise SystemExit(f"bench: {process.args!r} did not answer")


class Load(NamedTuple):
    """A work, ready to be sent: the recorded sessions and the certificate are made once."""

    work: Work
    connections: int
    seconds: float
    folder: Path

    def send(self, server: Running, path: str, run: str, seconds: float) -> dict[str, Any]:
        """wrk's own account of so many seconds."""
        work, port = self.work, server.tls_port if self.work.tls else server.port
        told = {"MCMOCK_PATH": path, "MCMOCK_BODY": work.body, "MCMOCK_RUN": run,
                "MCMOCK_STORIES": str(self.folder / "stories.lua"), "MCMOCK_CLOSES": "yes" if work.closes else ""}  # fmt: skip
        done = subprocess.run(
            ["wrk", "-t1", f"-c{self.connections}", f"-d{seconds:.0f}s", "-s", str(HERE / work.script),
             f"{'https' if work.tls else 'http'}://127.0.0.1:{port}"],
            env={**os.environ, **told}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        result: dict[str, Any] = json.loads(done.stdout.partition("RESULT ")[2].partition("\n")[0])
        return result


def measure(peer: Peer, load: Load) -> Figure:
    tls = load.folder / "server.pem" if load.work.tls else None
    with running(peer, tls) as server:
        path = peer.path(server.port) if tls is None or server.tls_port != server.port else EVENTS
        load.send(server, path, "warm", peer.warm)
        before = server.process.cpu()
        result = load.send(server, path, "measured", load.seconds)
        spent = server.process.cpu() - before
        return Figure(
            result["requests"] / spent, result["requests"] / result["microseconds"] * 1e6,
            result["p50"], result["p99"], server.process.memory(), result["errors"] + result["refused"],
        )  # fmt: skip


def first_answer(peer: Peer) -> float:
    """CPU seconds that the server has used by its first answer, read as soon as that is there."""
    with running(peer) as server:
        return server.process.cpu_of_threads() or server.process.cpu()


class Run(NamedTuple):
    """What one row of the table is about."""

    work: str
    connections: int
    name: str


Rounds = dict[Run, list[Figure]]


def run(works: list[str], names: list[str], connections: list[int], rounds: int, seconds: float) -> Rounds:
    """Measure all in turns, in every second round the other way round."""
    figures: Rounds = {}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        if "browser" in works:
            browser.write(folder, int(max(seconds, WARM) + 1) * SESSIONS_A_SECOND)
        if "tls" in works:
            certificate(folder)
        for number in range(rounds):
            for work, count in [(work, count) for work in works for count in connections]:
                able = [name for name in names if work == "ping" or PEERS[name].tls is not None]
                for name in able if number % 2 == 0 else reversed(able):
                    load = Load(WORKS[work], count, seconds, folder)
                    figures.setdefault(Run(work, count, name), []).append(measure(PEERS[name], load))
                    print(f"round {number + 1}, {work}, {count} connections, {name}: done", file=sys.stderr)
    return figures


def table(figures: Rounds, starts: dict[str, float]) -> str:
    lines = [
        "| work | connections | server | requests per CPU second | ratio to bare aiohttp (spread) | requests per second | "
        "p50 ms | p99 ms | MiB | errors |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for (work, count, name), runs in figures.items():
        yard = figures.get(Run(work, count, PEERS[name].yardstick), figures[Run(work, count, YARDSTICK)])
        ratios = [one.per_cpu / other.per_cpu for one, other in zip(runs, yard, strict=True)]
        middle = {field: statistics.median(getattr(one, field) for one in runs) for field in Figure._fields}
        lines.append(
            f"| {work} | {count} | {name} | {middle['per_cpu']:,.0f} | {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f}) | {middle['per_second']:,.0f} | {middle['p50']:.2f} | "
            f"{middle['p99']:.2f} | {middle['memory']:.0f} | {sum(one.errors for one in runs)} |"
        )
    lines += ["", "| server | CPU of the first answer, ms |", "|---|---|"]
    lines += [f"| {name} | {seconds * 1000:.0f} |" for name, seconds in starts.items()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", default=",".join(WORKS), help=f"of {', '.join(WORKS)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", default="1,16,64")
    parser.add_argument("--only", nargs="*", help=f"of {', '.join(PEERS)}")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("bench: wrk is needed; on Debian: apt-get install wrk")
    wanted = chosen.only or list(PEERS)
    wanted += [yard for name in wanted if (yard := PEERS[name].yardstick) not in wanted]
    wanted = [name for name in PEERS if name in (*wanted, YARDSTICK)]
    names = [name for name in wanted if PEERS[name].needs()]
    for name in set(wanted) - set(names):
        print(f"bench: {name} is not installed and left out", file=sys.stderr)
    connections = [int(one) for one in chosen.connections.split(",")]
    figures = run(chosen.work.split(","), names, connections, chosen.rounds, chosen.seconds)
    firsts = [{name: first_answer(PEERS[name]) for name in names} for _ in range(chosen.rounds)]
    starts = {name: min(one[name] for one in firsts) for name in names}
    print(table(figures, starts))
    if chosen.json:
        kept = {" ".join(map(str, key)): [one._asdict() for one in runs] for key, runs in figures.items()}
        chosen.json.write_text(json.dumps(kept, indent=1))


if __name__ == "__main__":
    main()
