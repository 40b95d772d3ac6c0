"""docs/media-edge.md: its page of the Web SDK and its Java, each run as the page says, against a `mcmock serve` of its own.

Nothing of the machine helps: the home folder is empty, and the authority was made a moment ago.
"""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from mcmock.server.admin import device_trust
from tests import programs
from tests.project.test_docs import ROOT, blocks, environment
from tests.serving import Serving

PAGE = ROOT / "docs" / "media-edge.md"
BLOCKS = list(blocks(PAGE))
NAME = "edge.adobedc.net"


def file_of(name: str) -> str:
    return next(block.text for block in BLOCKS if re.match(rf"(?://|<!--) {re.escape(name)}\b", block.text))


def line_of(start: str) -> str:
    """Return the line that begins so in what is done on a terminal."""
    lines = (line for block in BLOCKS if block.language == "text" for line in block.text.splitlines())
    return next(line for line in lines if line.startswith(start))


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    config = tmp_path / "mcmock.toml"
    config.write_text('[[scope]]\ndatastream = { matches = "^job-" }\n')
    words = ("--config", str(config), "--state-dir", str(tmp_path / "state"))
    with Serving("--https-port", "0", "--tls-name", NAME, *words) as server:
        yield server


def port_of(server: Serving) -> str:
    return str(urlsplit(server.facts["httpsUrl"]).port)


def asked(server: Serving, path: str) -> Any:
    with urlopen(f"{server.url}/__admin/{path}", timeout=10) as answer:
        return json.load(answer)


def at_home(script: str, home: Path) -> subprocess.CompletedProcess[str]:
    around = {**environment(), "HOME": str(home)}
    return subprocess.run(["bash", "-ec", script], cwd=home, env=around, capture_output=True, text=True, timeout=120)


# -- the Web SDK -----------------------------------------------------------------------------------------------------------


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing: what counts is what mcmock has seen."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Yield a folder, and the address at which it is served."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "alloy.js").symlink_to(programs.need("alloy", "the page of docs/media-edge.md"))
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://localhost:{server.server_address[1]}"
        server.shutdown()


CHANGES = {
    "as it is": ("", "", "default"),
    "a scope by its path": ("edgeDomain:", 'edgeBasePath: "~job-7/ee", edgeDomain:', "job-7"),
    "a scope by its datastream": ("my-datastream", "job-8", "job-8"),
    "an app whose domain is written into it": ("edge.localhost", NAME, "default"),
}
"""What the page says can be changed: a text, what becomes of it, and the scope in which the session is found."""


@pytest.mark.parametrize(
    "change", [one if one == "as it is" else pytest.param(one, marks=pytest.mark.long) for one in CHANGES]
)
def test_the_page_tracks_in_a_browser_that_trusts_the_authority(
    serving: Serving, site: tuple[Path, str], tmp_path: Path, change: str
) -> None:
    chromium = programs.need("chromium", "the page of docs/media-edge.md")
    programs.need("certutil", "the page of docs/media-edge.md")
    from playwright.sync_api import sync_playwright

    old, new, scope = CHANGES[change]
    folder, address = site
    (folder / "player.html").write_text(file_of("player.html").replace(old, new) if old else file_of("player.html"))
    trust = next(one.command for one in device_trust.PLATFORMS if one.platform.startswith("Chromium"))
    done = at_home(trust.format(ca=serving.facts["caFile"]), tmp_path)
    assert done.returncode == 0, done.stderr
    rule = re.search(r'--host-resolver-rules="([^"]+)"', line_of("chromium "))
    assert rule
    led = rule[1].replace("8443", port_of(serving)).replace("edge.localhost", NAME if new == NAME else "edge.localhost")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=[f"--host-resolver-rules={led}, MAP * ~NOTFOUND, EXCLUDE localhost"],  # nothing leaves this machine
            env={**environment(), "HOME": str(tmp_path)},
        )
        page = browser.new_page()
        page.goto(f"{address}/player.html")
        page.get_by_role("button", name="Play").click()
        page.wait_for_function("document.title === 'tracked'")
        browser.close()
    (session,) = asked(serving, f"sessions?scope={scope}")["sessions"]
    assert session["events"] == ["sessionStart", "play", "sessionComplete"]


# -- the JVM ---------------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_java_reaches_it_by_a_file_of_hosts(serving: Serving, tmp_path: Path) -> None:
    programs.need("javac", "the Java of docs/media-edge.md")
    (tmp_path / "SendEdge.java").write_text(file_of("SendEdge.java"))
    (tmp_path / "mcmock-ca.pem").write_bytes(Path(serving.facts["caFile"]).read_bytes())
    lines = [line_of("echo "), line_of("keytool "), f"{line_of('java ')}:{port_of(serving)}"]
    done = at_home("\n".join(lines), tmp_path)
    assert (done.returncode, done.stdout) == (0, "200\n"), done.stdout + done.stderr
    assert len(asked(serving, "sessions")["sessions"]) == 1
