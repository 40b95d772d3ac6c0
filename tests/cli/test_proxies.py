"""A machine with HTTP_PROXY set: what is on loopback is asked directly, and a proxy in the way is named."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from click.testing import Result

from mcmock.cli import main
from mcmock.testing.server import McmockServer
from tests.conftest import cli_runner

NAMES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy")
QUESTIONS = [
    ["verify", "--allow-no-sessions", "--count", "0", "event=ping", "--url"], ["find", "--url"], ["report"], ["ready"],
    ["wait", "event=ping", "--timeout", "0", "--url"],
]  # fmt: skip


def run(*arguments: str) -> Result:
    return cli_runner().invoke(main, list(arguments))


@pytest.fixture
def dead_proxy(monkeypatch: pytest.MonkeyPatch) -> str:
    """HTTP_PROXY and its like name a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        proxy = f"http://user:secret@127.0.0.1:{held.getsockname()[1]}"
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name in NAMES[:6]:
        monkeypatch.setenv(name, proxy)
    return proxy


@pytest.fixture
def refusing_proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """HTTP_PROXY names a proxy that answers 503 to everything, once."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = f"http://127.0.0.1:{listener.getsockname()[1]}"

        def answer() -> None:
            one, _ = listener.accept()
            with one:
                one.recv(65536)
                one.sendall(b"HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        monkeypatch.setenv("http_proxy", proxy)
        yield proxy
        thread.join(10)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question[0])
def test_a_server_on_this_machine_is_asked_directly(
    mcmock_server: McmockServer, dead_proxy: str, question: list[str]
) -> None:
    by_name = mcmock_server.url.replace("127.0.0.1", "localhost")
    for url in (mcmock_server.url, by_name):
        done = run(*question, url)
        assert "does not answer" not in done.output
        assert "proxy" not in done.output
        assert done.exit_code == 0 or question[0] in ("wait", "report"), done.output  # nothing was sent


def test_tail_and_a_health_check_ask_this_machine_directly(mcmock_server: McmockServer, dead_proxy: str) -> None:
    command = [sys.executable, "-m", "mcmock", "tail", "--token", "none", f"{mcmock_server.url}/~nobody"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        process.terminate()
    assert "no request has come to this scope yet" in said
    port = mcmock_server.url.rpartition(":")[2]
    environment = {**os.environ, "MCMOCK_PORT": port}
    environment.pop("MCMOCK_URL", None)
    done = subprocess.run([sys.executable, "-m", "mcmock", "ready"], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question[0])
def test_a_proxy_in_the_way_is_named_without_its_password(dead_proxy: str, question: list[str]) -> None:
    done = run(*question, "http://mcmock.invalid:8410")
    assert done.exit_code == 4, done.output
    assert f"by the proxy {dead_proxy.replace('user:secret@', '')}: Connection refused" in done.stderr
    assert "set NO_PROXY=mcmock.invalid" in done.stderr
    assert "secret" not in done.output
    assert "is mcmock running there?" not in done.output
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question[0])
def test_the_answer_of_a_proxy_is_not_that_of_a_server(refusing_proxy: str, question: list[str]) -> None:
    done = run(*question, "http://mcmock.invalid")
    assert done.exit_code == 4, done.output
    assert f"by the proxy {refusing_proxy}" in done.stderr
    assert done.stderr.count("\n") == 1


def test_no_proxy_counts_for_other_hosts(dead_proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "mcmock.invalid")
    done = run("find", "--url", "http://mcmock.invalid")
    assert done.exit_code == 4
    assert "proxy" not in done.output


@pytest.mark.parametrize("url", ["127.0.0.1:8410", "ftp://127.0.0.1", "http://", "http://[::1", "http://x:port", "x"])
def test_what_is_not_a_url_is_wrong_usage(url: str) -> None:
    for question in QUESTIONS:
        if question != ["report"]:  # there, what is not a URL is a session id
            done = run(*question, url)
            assert (done.exit_code, done.stderr.count("\n")) == (2, 1), done.output
            assert " is not a URL, such as http://127.0.0.1:8410" in done.stderr


def test_not_there_is_1_for_ready_and_4_for_a_question() -> None:
    assert run("ready", "http://127.0.0.1:1").exit_code == 1
    for question in QUESTIONS:
        if question != ["ready"]:
            done = run(*question, "http://127.0.0.1:1")
            assert done.exit_code == 4
            assert done.stderr == (
                "mcmock: http://127.0.0.1:1 does not answer: Connection refused; is mcmock running there?\n"
            )


def test_a_certificate_that_is_not_trusted_is_not_an_absent_server(mcmock_server: McmockServer) -> None:
    done = run("ready", mcmock_server.https_url)
    assert done.exit_code == 4
    assert "certificate" in done.stderr.lower()


# -- the command of exec ----------------------------------------------------------------------------------------------


def child(**environment: str) -> dict[str, str]:
    """Return the environment that the command of `mcmock exec` sees."""
    quiet = {name: value for name, value in os.environ.items() if name not in NAMES and not name.startswith("MCMOCK_")}
    script = "import json, os; print(json.dumps(dict(os.environ)))"
    command = [sys.executable, "-m", "mcmock", "exec", "--allow", "nothing-sent", "--", sys.executable, "-c", script]
    done = subprocess.run(command, env={**quiet, **environment}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    seen: dict[str, str] = json.loads(done.stdout)
    return seen


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ({}, "localhost,127.0.0.1,::1"),
        ({"NO_PROXY": "intra.example, 127.0.0.1"}, "intra.example,127.0.0.1,localhost,::1"),
        ({"no_proxy": "intra.example"}, "intra.example,localhost,127.0.0.1,::1"),
        ({"no_proxy": "*"}, "*"),
    ],
)
def test_exec_tells_its_command_to_ask_this_machine_directly(given: dict[str, str], seen: str) -> None:
    found = child(**given, HTTP_PROXY="http://127.0.0.1:9")
    assert (found["NO_PROXY"], found["no_proxy"], found["HTTP_PROXY"]) == (seen, seen, "http://127.0.0.1:9")


def test_exec_names_the_host_without_the_scheme_and_a_mcmock_inside_takes_no_notice() -> None:
    found = child()
    assert found["MCMOCK_URL"] == f"http://{found['MCMOCK_HOST']}"
    inside = [
        sys.executable,
        "-m",
        "mcmock",
        "exec",
        "--allow",
        "nothing-sent",
        "--",
        sys.executable,
        "-m",
        "mcmock",
        "ready",
    ]
    for host in (found["MCMOCK_HOST"], "[::1]:8410", "localhost:8410/~a"):
        done = subprocess.run(inside, env={**os.environ, "MCMOCK_HOST": host}, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
