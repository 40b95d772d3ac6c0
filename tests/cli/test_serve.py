"""`mcmock serve` as a process: how it says that it is ready, how it stops, and what it says when it cannot start."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from mcmock.cli.serve import _remarks
from mcmock.cli.service import facts
from mcmock.cli.service import start as start_service
from mcmock.engine import Emulator
from mcmock.server import Service, addresses
from tests.conftest import Wire, at_best_within, body
from tests.serving import Client
from tests.serving import Serving as Started

POSIX = pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGTERM to handle")


class Serving(NamedTuple):
    process: subprocess.Popen[str]
    facts: dict[str, Any]

    @property
    def url(self) -> str:
        return str(self.facts["url"])

    def stop(self, sign: int = signal.SIGTERM) -> tuple[int, float, str, str]:
        """Exit code, seconds it took, and what else was written."""
        began = time.monotonic()
        self.process.send_signal(sign)
        out, err = self.process.communicate(timeout=10)
        return self.process.returncode, time.monotonic() - began, out, err


def environment(**variables: str) -> dict[str, str]:
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("MCMOCK_")}
    return {**quiet, **variables}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "mcmock", "serve", "--port", "0", *arguments]


@contextmanager
def serving(*arguments: str, folder: Path, **variables: str) -> Iterator[Serving]:
    process = subprocess.Popen(
        [*command(*arguments), "--log-format", "json"], cwd=folder, env=environment(**variables), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate(timeout=5)[1]
        yield Serving(process, json.loads(line))
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate(timeout=10)


def get(url: str, **headers: str) -> Any:
    with urlopen(Request(url, headers=headers), timeout=5) as answer:
        text = answer.read().decode()
    return json.loads(text) if text.startswith("{") else text


def open_session(url: str) -> str:
    with urlopen(Request(f"{url}/api/v1/sessions", json.dumps(body("sessionStart")).encode()), timeout=5) as answer:
        return url + str(answer.headers["Location"]) + "/events"


# -- ready -----------------------------------------------------------------------------------------------------------------


def test_the_ready_line_and_the_ready_file_say_the_same(tmp_path: Path) -> None:
    with serving("--ready-file", "ready.json", "--seed", "5", folder=tmp_path) as server:
        assert json.loads((tmp_path / "ready.json").read_text()) == server.facts
        assert get(f"{server.url}/__admin/health")["status"] == "ok"
        assert server.facts["event"] == "ready"
        assert server.facts["adminUrl"] == f"{server.url}/__admin"
        assert server.facts["httpsUrl"] is None
        assert server.facts["seed"] == 5
        assert server.facts["pid"] == server.process.pid
        assert server.facts["addresses"] == []
        assert [path.name for path in tmp_path.iterdir()] == ["ready.json"]


def test_for_a_person_the_line_is_a_sentence(tmp_path: Path) -> None:
    process = subprocess.Popen(command(), cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    process.terminate()
    out, _ = process.communicate(timeout=10)
    assert line.startswith("mcmock listens on http://127.0.0.1:")
    assert out == ""


def test_ready_finds_it_and_waits_for_it(tmp_path: Path) -> None:
    ready = [sys.executable, "-m", "mcmock", "ready"]
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    here = environment(MCMOCK_PORT=port)
    absent = subprocess.run(ready, env=here, capture_output=True, text=True, timeout=30)
    assert (absent.returncode, absent.stderr.count("\n")) == (1, 1)
    waiting = subprocess.Popen([*ready, "--wait", "20"], env=here)
    with serving("--port", port, folder=tmp_path):
        assert waiting.wait(timeout=30) == 0


def test_https_beside_http(tmp_path: Path) -> None:
    with serving("--https-port", "0", "--state-dir", "state", folder=tmp_path) as server:
        trusting = ssl.create_default_context(cafile=tmp_path / server.facts["caFile"])
        with urlopen(f"{server.facts['httpsUrl']}/__admin/health", context=trusting, timeout=5) as answer:
            assert answer.status == 200
        ready = [sys.executable, "-m", "mcmock", "ready", server.facts["httpsUrl"], "--ca-file", server.facts["caFile"]]
        assert subprocess.run(ready, cwd=tmp_path, env=environment(), timeout=30).returncode == 0


def test_away_from_loopback_a_person_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing listens here: what is said follows from the place alone."""
    monkeypatch.setattr(addresses, "outward", lambda: ["192.0.2.7"])
    service = Service(Emulator(), host="0.0.0.0", port=8410, https_port=8443)
    assert _remarks(service) == [
        f"others can reach this server, so its control API requires the token {service.place.token}",
        "devices reach it at http://192.0.2.7:8410, https://192.0.2.7:8443",
        "set up trust on a device: http://192.0.2.7:8410/__admin/trust",
    ]
    assert _remarks(Service(Emulator())) == []
    assert facts(service)["addresses"] == ["http://192.0.2.7:8410", "https://192.0.2.7:8443"]


def test_a_name_with_two_addresses_has_one_port(tmp_path: Path) -> None:
    with serving("--host", "localhost", folder=tmp_path) as server:
        found = {entry[4][0] for entry in socket.getaddrinfo("localhost", None, type=socket.SOCK_STREAM)}
        for host in found:
            with socket.create_connection((str(host), urlsplit(server.url).port), timeout=5):
                pass
        assert get(f"{server.url}/__admin/health")["status"] == "ok"


# -- the end ---------------------------------------------------------------------------------------------------------------


@POSIX
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0_and_without_a_word(tmp_path: Path, sign: int) -> None:
    def ending() -> float:
        with serving(folder=tmp_path) as server:
            code, seconds, out, err = server.stop(sign)
        assert (code, out, err) == (0, "", "")
        return seconds

    assert at_best_within(1, ending)


@POSIX
def test_it_ends_under_load(tmp_path: Path) -> None:
    """Every request that was answered was answered whole; the exit code is 0, and nothing is written to stderr."""
    assert at_best_within(1, lambda: _end_under_load(tmp_path))


def _end_under_load(folder: Path) -> float:
    with serving("--https-port", "0", "--state-dir", "state", folder=folder) as server:
        answered, wrong = [0], list[str]()
        trusting = ssl.create_default_context(cafile=folder / server.facts["caFile"])
        urls = [server.url, server.facts["httpsUrl"]] * 4
        threads = [threading.Thread(target=_load, args=(url, trusting, answered, wrong)) for url in urls]
        for thread in threads:
            thread.start()
        while answered[0] < 200 and any(thread.is_alive() for thread in threads):
            time.sleep(0.01)  # real load, in real time: this test is about a process
        code, seconds, out, err = server.stop()
        for thread in threads:
            thread.join(timeout=10)
    assert (code, out, err) == (0, "", "")
    assert wrong == []
    assert answered[0] >= 200
    return seconds


def _load(url: str, trusting: ssl.SSLContext, answered: list[int], wrong: list[str]) -> None:
    """Open a session and post events until the server is gone."""
    split, path = urlsplit(url), ""
    with suppress(OSError, HTTPException):
        while True:
            with socket.socket() as plain:
                # TLS before connecting: http.client's way leaves a socket open where the server is gone between the two
                secure = split.scheme == "https"
                with trusting.wrap_socket(plain, server_hostname=split.hostname) if secure else plain as wire:
                    wire.settimeout(5)
                    wire.connect((split.hostname, split.port))
                    connection = HTTPConnection(str(split.hostname), split.port)
                    connection.sock, connection.auto_open = wire, 0
                    for _ in range(20):
                        event, where = ("ping", path) if path else ("sessionStart", "/api/v1/sessions")
                        connection.request("POST", where, json.dumps(body(event)))
                        with connection.getresponse() as answer:
                            answer.read()
                            answered[0] += 1
                            path = path or f"{answer.headers['Location']}/events"
                            if answer.status != (204 if event == "ping" else 201):
                                wrong.append(f"status {answer.status}")


@POSIX
def test_it_ends_with_open_connections_streams_waits_and_hanging_faults(tmp_path: Path) -> None:
    (tmp_path / "faults.toml").write_text('[[fault]]\neffect = {type = "hang"}\nmatch = {event = "ping"}')
    assert at_best_within(1, lambda: _end_with_much_open(tmp_path))


def _end_with_much_open(folder: Path) -> float:
    with serving("--faults", "faults.toml", folder=folder) as server:
        path = urlsplit(open_session(server.url)).path
        with (
            Wire(server.url) as idle,
            Wire(server.url) as half,
            Wire(server.url) as hanging,
            Wire(server.url) as stream,
        ):
            idle.send(b"GET /__admin/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert idle.answer().startswith(b"HTTP/1.1 200")
            half.send(b"POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{")
            text = json.dumps(body("ping")).encode()
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(text)}\r\n\r\n"
            hanging.send(head.encode() + text)
            stream.send(b"GET /__admin/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            while get(f"{server.url}/__admin/summary")["total"] < 2:
                time.sleep(0.01)
            code, seconds, _, err = server.stop()
    assert (code, err) == (0, "")
    return seconds


@POSIX
def test_idle_it_ends_at_once(tmp_path: Path) -> None:
    """Measured inside, since an interpreter takes its time to leave: under 50 ms from the signal to the last line."""
    script = (
        "import asyncio, time\n"
        "from mcmock import Emulator\n"
        "from mcmock.server import Service\n"
        "async def main():\n"
        "    service = Service(Emulator())\n"
        "    await service.start()\n"
        "    reader, writer = await asyncio.open_connection('127.0.0.1', service.port)\n"
        "    began = time.monotonic()\n"
        "    await service.stop()\n"
        "    print(time.monotonic() - began)\n"
        "    writer.close()\n"
        "asyncio.run(main())\n"
    )

    def ending() -> float:
        done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=30)
        assert done.stderr == ""
        return float(done.stdout)

    assert at_best_within(0.05, ending)


@POSIX
def test_a_long_log_does_not_hold_up_its_end() -> None:
    """An interpreter that ends has its collector look through all it holds, again and again; what is frozen is left out."""
    count = "import atexit, gc, sys\natexit.register(lambda: print(len(gc.get_objects()), file=sys.stderr))"
    with Started(first=count) as server:
        player = Client(server.url)
        path = player.start()
        for number in range(1500):
            player.send(path, "ping", number)
        player.close()
        assert int(server.stop()) < 1000


@POSIX
def test_it_ends_with_all_that_a_client_can_leave_open_over_https(tmp_path: Path) -> None:
    (tmp_path / "faults.toml").write_text('[[fault]]\neffect = {type = "hang"}\nmatch = {event = "ping"}')
    assert at_best_within(1, lambda: _end_with_much_open_over_https(tmp_path))


def _end_with_much_open_over_https(folder: Path) -> float:
    with (
        serving("--faults", "faults.toml", "--https-port", "0", "--state-dir", "state", folder=folder) as server,
        ExitStack() as stack,
    ):
        trusting = ssl.create_default_context(cafile=folder / server.facts["caFile"])
        port = int(urlsplit(server.facts["httpsUrl"]).port or 0)
        path = urlsplit(open_session(server.url)).path
        text = json.dumps(body("ping")).encode()

        def left(*sent: bytes, secure: bool = True) -> None:
            wire = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
            if secure:
                wire = stack.enter_context(trusting.wrap_socket(wire, server_hostname="127.0.0.1"))
            for part in sent:
                wire.sendall(part)

        left(secure=False)
        left(b"\x16\x03\x01\x02", secure=False)
        left()
        left(b"POST /api/v1/sessions HT")
        left(b"POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{")
        left(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(text)}\r\n\r\n".encode(), text)
        left(b"GET /__admin/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        left(b"GET /__admin/inspector/app.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200)
        while get(f"{server.url}/__admin/summary")["total"] < 2:
            time.sleep(0.01)
        code, seconds, _, err = server.stop()
    assert (code, err) == (0, "")
    return seconds


# -- what cannot be --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--port", "--https-port"])
def test_a_taken_port_is_exit_3_and_one_line(tmp_path: Path, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        arguments = command("--state-dir", "state", option, port)
        done = subprocess.run(arguments, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == f"mcmock: cannot listen on 127.0.0.1:{port}: Address already in use ({option})\n"


def test_an_address_of_somebody_else_is_exit_3_and_one_line(tmp_path: Path) -> None:
    """192.0.2.0/24 is nobody's: RFC 5737. Nothing is sent, since nothing can be bound."""
    arguments = command("--host", "192.0.2.1")
    done = subprocess.run(arguments, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert done.stderr.startswith("mcmock: cannot listen on 192.0.2.1:0: ")
    assert done.stderr.endswith(" (--host)\n")


@pytest.mark.parametrize("option", ["--tls-name", "--tls-cert"])
def test_options_of_https_without_https_are_refused(tmp_path: Path, option: str) -> None:
    """Else somebody with a certificate would be served plain HTTP, and nobody would say so."""
    done = subprocess.run(
        command(option, "one"), cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"mcmock: {option} is for HTTPS, which is off: add --https-port\n"


def test_a_ready_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    arguments = command("--ready-file", "no/such/folder/ready")
    done = subprocess.run(arguments, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "mcmock: --ready-file no/such/folder/ready: No such file or directory\n"


# -- log lines -------------------------------------------------------------------------------------------------------------


def test_each_request_is_a_line_of_json(tmp_path: Path) -> None:
    with serving("--log-requests", folder=tmp_path) as server:
        events = open_session(server.url)
        urlopen(Request(events, json.dumps(body("play")).encode()), timeout=5).close()
        urlopen(f"{server.url}/~tv/api/v1/schemas/ping", timeout=5).close()
        _, _, _, err = server.stop()
    lines = [json.loads(line) for line in err.splitlines()]
    assert [line["eventType"] for line in lines] == ["sessionStart", "play", None]
    assert [line["outcome"] for line in lines] == ["good", "good", "other"]
    assert [line["scope"] for line in lines] == [None, None, "tv"]
    assert {line["event"] for line in lines} == {"request"}
    assert lines[0]["sessionId"] == lines[1]["sessionId"] == events.split("/")[-2]


def test_without_it_nothing_is_written(tmp_path: Path) -> None:
    with serving(folder=tmp_path) as server:
        open_session(server.url)
        assert server.stop()[3] == ""


# -- while it runs ---------------------------------------------------------------------------------------------------------


def test_watch_applies_what_can_change_and_keeps_what_was_good(tmp_path: Path) -> None:
    config = tmp_path / "mcmock.toml"
    config.write_text('after-end = "gone"\n')
    with serving("--watch", "--seed", "1", folder=tmp_path) as server:
        lines = _lines(server.process)
        _replace(
            config, 'strict = true\nseed = 9\nmax-log-bytes = 5\n[[fault]]\nname = "one"\neffect = {type = "close"}\n'
        )
        assert "max-log-bytes has changed: restart mcmock to apply it" in next(lines)
        assert "mcmock.toml was read again: 1 fault" in next(lines)
        assert [one["name"] for one in get(f"{server.url}/__admin/faults")["faults"]] == ["one"]
        _replace(config, "strit = true")
        assert "strit is not an option; did you mean strict?; the faults stay as they were" in next(lines)
        assert [one["name"] for one in get(f"{server.url}/__admin/faults")["faults"]] == ["one"]
        _replace(config, "strict = false")
        assert "0 faults" in [next(lines), next(lines)][1]
        assert get(f"{server.url}/__admin/faults")["faults"] == []


def _replace(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stderr is not None
    for line in process.stderr:
        yield json.loads(line)["message"]


async def test_what_first_requests_would_wait_for_is_prepared_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = asyncio.Event()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr("mcmock.cli.service.PREPARE_AFTER", 0.0)
    monkeypatch.setattr("mcmock.protocols.registry.prepare", lambda: loop.call_soon_threadsafe(prepared.set))
    service = Service(Emulator(), port=0)
    await start_service(service)
    try:
        await asyncio.wait_for(prepared.wait(), 10)
    finally:
        await service.stop()
