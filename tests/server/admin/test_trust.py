"""How a device comes to trust the server: the file, the page, and the `ca` command."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from mcmock.cli import main
from mcmock.server import addresses
from mcmock.server.admin import device_trust
from mcmock.server.endpoint import Endpoint
from mcmock.testing.server import McmockServer
from tests import programs
from tests.conftest import cli_runner

DOCS = Path(__file__).parents[3] / "docs" / "devices.md"


class Tags(HTMLParser):
    """The tags and attributes of a page, and whether it closes what it opens."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs
        if tag not in ("meta", "link", "path", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "path":
            assert self.open.pop() == tag


def test_the_authority_can_be_downloaded_as_a_device_wants_it(mcmock_server: McmockServer) -> None:
    assert mcmock_server.https_url
    with urlopen(f"{mcmock_server.admin_url}/ca.pem") as answer:
        assert answer.headers["Content-Type"] == "application/x-x509-ca-cert"
        assert answer.read() == mcmock_server.ca_file.read_bytes()


def test_without_https_the_file_is_not_there_and_the_page_says_how_to_get_it() -> None:
    with McmockServer() as server:
        with pytest.raises(HTTPError) as error:
            urlopen(f"{server.admin_url}/ca.pem")
        assert error.value.code == 404
        assert "--https-port" in json.load(error.value)["error"]["message"]
        with urlopen(f"{server.admin_url}/trust") as answer:
            assert "HTTPS is off" in answer.read().decode()


def test_the_page_has_steps_for_every_platform_and_keeps_its_own_policy(mcmock_server: McmockServer) -> None:
    assert mcmock_server.https_url
    with urlopen(f"{mcmock_server.admin_url}/trust") as answer:
        page, policy = answer.read().decode(), answer.headers["Content-Security-Policy"]
    for platform in ("iOS", "Android", "Android TV", "Chromium", "Firefox", "Node.js", "JVM"):
        assert platform in page
    assert "default-src 'none'" in policy
    tags = Tags(page)
    assert tags.open == []
    assert not [name for name, _ in tags.attributes if name == "style" or name.startswith("on")]
    assert "mcmock-ca.pem" in page
    assert "Only this machine can reach the server" in page


def test_away_from_loopback_the_page_shows_a_phone_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing listens here: the page is made from the place alone."""
    monkeypatch.setattr(addresses, "outward", lambda: ["192.0.2.7", "2001:db8::7"])
    place = Endpoint(host="0.0.0.0", port=8411, https_port=8443, throwaway=True)
    place.context()
    page = device_trust.render(place)
    assert "QR code: http://192.0.2.7:8411/__admin/trust" in page
    assert "adb reverse tcp:8411 tcp:8411" in page
    assert "<code>https://192.0.2.7:8443</code>" in page
    assert Tags(page).open == []
    assert place.reachable() == ["http://192.0.2.7:8411"]
    assert place.made_token


def test_the_code_is_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read back from the drawing: the dark modules are those of the address's code."""
    import segno

    drawn = device_trust._code("http://192.0.2.7:8410/__admin/trust")
    code = segno.make("http://192.0.2.7:8410/__admin/trust", error="m")
    dark = sum(map(sum, code.matrix))
    path = re.findall(r'<path[^>]* d="([^"]+)"', drawn)[-1]
    assert sum(int(one) for one in re.findall(r"h(\d+)", path)) == dark
    monkeypatch.setitem(sys.modules, "segno", None)
    assert "Open <code>http://x</code>" in device_trust._code("http://x")


def test_every_platform_of_the_page_is_in_the_docs() -> None:
    text = DOCS.read_text()
    for one in device_trust.PLATFORMS:
        assert f"## {one.platform}" in text
        if one.command:
            assert one.command.format(ca="{ca}", port=8410).partition("{ca}")[0].strip().partition(" -p")[0] in text
        if one.command.startswith(("mkdir", "certutil")):
            assert f"```text\n{one.command.format(ca='mcmock-ca.pem')}\n```" in text


# -- mcmock ca -------------------------------------------------------------------------------------------------------------


def test_ca_finds_shows_and_removes_what_serve_made(tmp_path: Path) -> None:
    state = ["--state-dir", str(tmp_path)]
    runner = cli_runner()
    absent = runner.invoke(main, ["ca", "path", *state])
    assert (absent.exit_code, absent.stderr.count("\n")) == (1, 1)
    assert "mcmock serve --https-port 8443" in absent.stderr
    with McmockServer(https_port=0, state_dir=tmp_path) as server:
        assert runner.invoke(main, ["ca", "path", *state]).output == f"{server.ca_file}\n"
        shown = runner.invoke(main, ["ca", "show", *state]).output
        assert shown.endswith(server.ca_file.read_text())
        assert re.search(r"fingerprint  ([0-9A-F]{2}:){31}[0-9A-F]{2}\n", shown)
    removed = runner.invoke(main, ["ca", "remove", *state])
    assert (removed.exit_code, list(tmp_path.iterdir())) == (0, [])
    assert runner.invoke(main, ["ca", "remove", *state]).exit_code == 1


# -- the clients of the page, as it tells them -----------------------------------------------------------------------------


def test_node_trusts_it_by_the_variable(mcmock_server: McmockServer) -> None:
    programs.need("node", "whether Node.js trusts it")
    script = (
        f"fetch({mcmock_server.https_url + '/__admin/health'!r}).then(a => a.json()).then(a => console.log(a.status))"
    )
    run = ["node", "-e", script]
    assert subprocess.run(run, capture_output=True, text=True, timeout=30).returncode != 0
    trusting = {"NODE_EXTRA_CA_CERTS": str(mcmock_server.ca_file), "PATH": str(Path(shutil.which("node") or "").parent)}
    done = subprocess.run(run, env=trusting, capture_output=True, text=True, timeout=30)
    assert done.stdout == "ok\n", done.stderr


JAVA = """
import java.net.URI;
import java.net.http.*;
public class Ask {
  public static void main(String[] a) throws Exception {
    var answer = HttpClient.newHttpClient().send(HttpRequest.newBuilder(URI.create(a[0])).build(),
        HttpResponse.BodyHandlers.ofString());
    System.out.println(answer.statusCode());
  }
}
"""


@pytest.mark.skipif(not shutil.which("java") or not shutil.which("keytool"), reason="a JDK is not installed")
def test_the_jvm_trusts_it_by_a_trust_store(mcmock_server: McmockServer, tmp_path: Path) -> None:
    command = next(one.command for one in device_trust.PLATFORMS if one.platform == "JVM")
    subprocess.run(command.format(ca=mcmock_server.ca_file), shell=True, check=True, cwd=tmp_path, capture_output=True)
    (tmp_path / "Ask.java").write_text(JAVA)
    store = ["-Djavax.net.ssl.trustStore=mcmock.p12", "-Djavax.net.ssl.trustStorePassword=mcmock"]
    run = ["java", *store, "Ask.java", f"{mcmock_server.https_url}/__admin/health"]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stdout == "200\n", done.stderr


def test_chromium_trusts_it_by_certutil_on_a_fresh_machine(mcmock_server: McmockServer, tmp_path: Path) -> None:
    chromium = programs.need("chromium", "whether Chromium trusts it")
    url = f"{mcmock_server.https_url}/__admin/health"
    assert '"status": "ok"' not in _dump(chromium, url, tmp_path)
    shell("Chromium, Chrome, Edge", mcmock_server, tmp_path)
    assert '"status": "ok"' in _dump(chromium, url, tmp_path)
    shell("Chromium, Chrome, Edge", mcmock_server, tmp_path)  # once more: the store is kept


def shell(platform: str, server: McmockServer, home: Path, **replaced: str) -> None:
    """Run the lines of a platform as its user would, whose home folder is `home`."""
    programs.need("certutil", f"whether {platform} trusts it")
    lines = next(one.command for one in device_trust.PLATFORMS if one.platform == platform).format(ca=server.ca_file)
    for name, value in replaced.items():
        lines = lines.replace(name, value)
    around = {**os.environ, "HOME": str(home)}
    done = subprocess.run(["bash", "-ec", lines], env=around, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _dump(chromium: str, url: str, home: Path) -> str:
    """Return what Chromium shows at `url`, with `home` as its user's home folder."""
    command = [chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage",
               "--disable-background-networking", f"--user-data-dir={home / 'profile'}", "--dump-dom", url]  # fmt: skip
    environment = {**os.environ, "HOME": str(home), "XDG_DATA_HOME": str(home / "share")}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60).stdout


@pytest.mark.long
def test_firefox_trusts_it_by_certutil_in_its_profile(mcmock_server: McmockServer, tmp_path: Path) -> None:
    """Two profiles at once, each asking for its own path: the one that trusts nothing sends no request."""
    firefox = programs.need("firefox", "whether Firefox trusts it")
    trusting, other = tmp_path / "trusting", tmp_path / "other"
    for profile in (trusting, other):
        profile.mkdir()
    shell("Firefox", mcmock_server, tmp_path, **{"PROFILE-FOLDER": str(trusting)})

    def visit(profile: Path, event_type: str) -> subprocess.Popen[bytes]:
        url = f"{mcmock_server.https_url}/api/v1/schemas/{event_type}"
        words = [
            firefox,
            "--headless",
            "--no-remote",
            "--profile",
            str(profile),
            "--screenshot",
            str(profile / "it.png"),
            url,
        ]
        around = {**os.environ, "HOME": str(tmp_path)}
        return subprocess.Popen(words, env=around, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    waits, sees = visit(other, "play"), visit(trusting, "ping")
    try:
        assert sees.wait(timeout=100) == 0
    finally:
        for process in (waits, sees):
            process.terminate()
            process.wait(timeout=20)
    assert [one.path for one in mcmock_server.requests(kind="schema")] == ["/api/v1/schemas/ping"]
