"""The pages for platforms without a package of ours: docs/android-jvm.md and docs/ios.md.

The Java is compiled and run with JUnit 5, against a real server. Swift is not compiled; the calls that it makes are sent.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from mcmock.testing.server import McmockServer
from tests import programs
from tests.project.test_docs import ROOT, blocks, environment

JVM, IOS = ROOT / "docs" / "android-jvm.md", ROOT / "docs" / "ios.md"
JARS = Path("/usr/share/java")  # where Debian's package junit5 puts them
MAX_LINES = 60

FAILS = """
class FailsTest {
    @org.junit.jupiter.api.extension.RegisterExtension Mcmock mcmock = new Mcmock();

    @org.junit.jupiter.api.Test void anEventThatIsRefused() throws Exception {
        var body = java.net.http.HttpRequest.BodyPublishers.ofString("{\\"eventType\\": \\"pl\\u00e4y\\"}");
        var to = java.net.URI.create(mcmock.url() + "/api/v1/sessions");
        java.net.http.HttpClient.newHttpClient().send(
            java.net.http.HttpRequest.newBuilder(to).POST(body).build(), java.net.http.HttpResponse.BodyHandlers.discarding());
    }
}
"""

STANDS_IN = {
    "containers/GenericContainer": """
        public class GenericContainer<SELF extends GenericContainer<SELF>> {
            public GenericContainer(String image) { }
            public SELF withEnv(String name, String value) { return null; }
            public SELF withExposedPorts(Integer... ports) { return null; }
            public SELF waitingFor(org.testcontainers.containers.wait.strategy.WaitStrategy strategy) { return null; }
            public void start() { }
            public String getHost() { return null; }
            public Integer getMappedPort(int port) { return null; }
        }""",
    "containers/wait/strategy/WaitStrategy": "public interface WaitStrategy { }",
    "containers/wait/strategy/Wait": """
        public class Wait { public static WaitStrategy forHttp(String path) { return null; } }""",
}
"""What the Testcontainers snippet calls of that library, with the library's signatures."""


def files(page: Path) -> dict[str, str]:
    """The blocks of a page that are files, by name."""
    named = ((re.match(r"// (\w+\.\w+)\n", block.text), block.text) for block in blocks(page))
    return {found[1]: text for found, text in named if found}


def run(command: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    around = {**environment(), "LC_ALL": "C.UTF-8", **variables}
    return subprocess.run(command, cwd=folder, env=around, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the classes of the page."""
    javac = programs.need("javac", "the Java of docs/android-jvm.md")
    if not (JARS / "junit-jupiter-api.jar").exists():
        programs.unavailable("javac", "JUnit 5 is not installed (Debian: junit5)", "the Java of docs/android-jvm.md")
    folder = tmp_path_factory.mktemp("java")
    for name, text in {**files(JVM), "FailsTest.java": FAILS}.items():
        (folder / name).write_text(text, encoding="utf-8")
    for name, text in STANDS_IN.items():
        path = folder / "org" / "testcontainers" / f"{name}.java"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"package org.testcontainers.{name.rpartition('/')[0].replace('/', '.')};\n{text}")
    sources = [str(path) for path in folder.rglob("*.java")]
    done = run(
        [javac, "-encoding", "UTF-8", "-Xlint:all,-processing,-path", "-Werror", "-cp", classpath(), *sources], folder
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def classpath() -> str:
    wanted = ("junit-jupiter*", "junit-platform-*", "opentest4j*", "apiguardian-api*", "picocli*", "univocity*")
    found = {str(path.resolve()) for one in wanted for path in JARS.glob(f"{one}.jar")}
    return os.pathsep.join(sorted(path for path in found if "standalone" not in path))


def junit(folder: Path, test: str, **variables: str) -> subprocess.CompletedProcess[str]:
    launcher = ["java", "-cp", f".{os.pathsep}{classpath()}", "org.junit.platform.console.ConsoleLauncher"]
    return run(
        [*launcher, "--select-class", test, "--details=tree", "--disable-banner", "--disable-ansi-colors"],
        folder,
        **variables,
    )


def test_the_java_test_of_the_page_starts_a_server_and_passes(compiled: Path) -> None:
    done = junit(compiled, "PlayerTest")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"1 tests successful", done.stdout)


def test_java_uses_the_server_that_it_is_given_and_leaves_no_scope(compiled: Path) -> None:
    with McmockServer() as server:
        done = junit(compiled, "PlayerTest", MCMOCK_URL=server.url)
        assert done.returncode == 0, done.stdout + done.stderr
        with urlopen(f"{server.url}/__admin/scopes?brief=1", timeout=5) as answer:
            assert "junit-" not in answer.read().decode()


def test_java_fails_in_the_words_of_the_verdict(compiled: Path) -> None:
    with McmockServer() as server:
        done = junit(compiled, "FailsTest", MCMOCK_URL=server.url)
        assert done.returncode == 1, done.stdout + done.stderr
        with urlopen(f"{server.url}/__admin/scopes?brief=1", timeout=5) as answer:
            found = re.search(r"junit-[0-9a-f-]+", answer.read().decode())
        assert found, "the scope stays for the inspector"
        with urlopen(f"{server.url}/__admin/verdict?scope={found[0]}", timeout=5) as answer:
            message = json.load(answer)["message"]
    assert "1 rejected" in message
    assert [line for line in message.splitlines() if line.strip() not in done.stdout] == []


def test_java_says_when_no_server_starts(compiled: Path) -> None:
    done = junit(compiled, "PlayerTest", MCMOCK_PORT="lots", MCMOCK_SEED="lots")
    assert done.returncode == 1
    assert "mcmock did not start" in done.stdout
    assert "MCMOCK_SEED" in done.stderr


@pytest.mark.parametrize(("page", "name"), [(JVM, "Mcmock.java"), (IOS, "McmockTestCase.swift")])
def test_a_helper_is_short(page: Path, name: str) -> None:
    assert len(files(page)[name].splitlines()) <= MAX_LINES


@pytest.mark.parametrize("page", [JVM, IOS], ids=lambda page: page.stem)
def test_the_calls_of_the_snippets_are_those_of_the_control_api(page: Path) -> None:
    """Each is sent in its order on the page, after the session that the bodies ask about; none is refused."""
    text = "".join(block.text for block in blocks(page) if block.language in ("swift", "java", "kotlin"))
    calls = re.findall(r'ask\("([A-Z]+)", "(/[^"\\]+)(?:\\\(scope\))?"(?:.*?(\{.*\})")?', text)
    assert len(calls) >= 5
    start = _start()
    with McmockServer() as server:
        base = f"{server.url}/~one"
        for method, path, body in [*calls[:1], *calls[3:], *calls[1:3]]:
            if path == "/reset":
                assert _send(method, f"{base}/__admin{path}", b"") < 300
                assert _send("POST", f"{base}/api/v1/sessions", start) == 201
                continue
            named = path + "one" if path.endswith(("scope=", "/scopes/")) else path
            assert _send(method, f"{base}/__admin{named}", body.replace('\\"', '"').encode()) < 300, path


def _start() -> bytes:
    """The session that the Java page starts."""
    found = re.search(r'"""\n\s+(\{"eventType".*?\}\})\n', JVM.read_text(), re.S)
    assert found
    return found[1].replace("%d", str(int(time.time() * 1000))).encode()


def _send(method: str, url: str, body: bytes) -> int:
    request = Request(url, body or None, {"Content-Type": "application/json"}, method=method)
    with urlopen(request, timeout=10) as answer:
        return int(answer.status)
