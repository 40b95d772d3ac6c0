"""HTTPS over real sockets: clients that trust only mcmock's authority, and what its certificates say."""

from __future__ import annotations

import json
import os
import socket
import ssl
import stat
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mcmock.core import clock
from mcmock.server import addresses, certificates
from mcmock.testing.server import McmockServer
from tests.conftest import body

NOW = 1_800_000_000.0


def get(url: str, ca_file: Path | None) -> dict[str, Any]:
    context = ssl.create_default_context(cafile=ca_file)
    if ca_file is not None:  # nothing but this one authority
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(ca_file)
    with urlopen(url, context=context, timeout=5) as answer:
        return dict(json.load(answer))


# -- the server ------------------------------------------------------------------------------------------------------------


def test_a_client_that_trusts_only_this_authority_is_served(mcmock_server: McmockServer) -> None:
    for name in ("127.0.0.1", "localhost"):
        url = mcmock_server.https_url.replace("127.0.0.1", name)
        assert get(f"{url}/__admin/health", mcmock_server.ca_file)["status"] == "ok"


def test_a_client_that_does_not_trust_it_refuses(mcmock_server: McmockServer) -> None:
    with pytest.raises(URLError, match="CERTIFICATE_VERIFY_FAILED"):
        get(f"{mcmock_server.https_url}/__admin/health", None)


def test_a_session_over_https_is_the_same_session_over_http(mcmock_server: McmockServer) -> None:
    context = ssl.create_default_context(cafile=mcmock_server.ca_file)
    sent = json.dumps(body("sessionStart")).encode()
    with urlopen(f"{mcmock_server.https_url}/api/v1/sessions", sent, context=context) as answer:
        location = answer.headers["Location"]
    with urlopen(f"{mcmock_server.url}{location}/events", json.dumps(body("play")).encode()) as answer:
        assert answer.status == 204
    assert mcmock_server.session().events == ["sessionStart", "play"]
    assert mcmock_server.summary().total == 2


def test_a_schema_asked_for_over_https_names_itself_by_https(mcmock_server: McmockServer) -> None:
    schema = get(f"{mcmock_server.https_url}/api/v1/schemas/ping", mcmock_server.ca_file)
    assert mcmock_server.https_url in json.dumps(schema)


def test_the_url_and_the_file_stay_the_same(mcmock_server: McmockServer) -> None:
    assert mcmock_server.https_url == mcmock_server.https_url
    assert mcmock_server.ca_file.read_bytes() == mcmock_server.ca_file.read_bytes()
    assert mcmock_server.ca_file.read_bytes().startswith(b"-----BEGIN CERTIFICATE-----")


def test_the_file_is_gone_with_its_server() -> None:
    with McmockServer() as server:
        path = server.ca_file
    assert not path.exists()


def test_two_clients_at_once_start_https_once() -> None:
    with McmockServer() as server:
        urls: list[str] = []
        threads = [threading.Thread(target=lambda: urls.append(server.https_url)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(urls)) == 1


def test_an_authority_that_is_kept_serves_every_server(tmp_path: Path) -> None:
    with McmockServer(https_port=0, state_dir=tmp_path) as first, McmockServer(state_dir=tmp_path) as second:
        assert first.ca_file == second.ca_file == tmp_path / "ca" / "ca.pem"
        assert get(f"{second.https_url}/__admin/health", first.ca_file)["status"] == "ok"


def test_a_name_that_was_asked_for_is_covered(tmp_path: Path) -> None:
    with McmockServer(https_port=0, state_dir=tmp_path, tls_name=["tv.example.test"]) as server:
        context = ssl.create_default_context(cafile=server.ca_file)
        port = int(server.https_url.rpartition(":")[2])
        assert "tv.example.test" in _names_shown(context, port, "tv.example.test")


def _names_shown(context: ssl.SSLContext, port: int, name: str) -> list[str]:
    with (
        socket.create_connection(("127.0.0.1", port), 5) as plain,
        context.wrap_socket(plain, server_hostname=name) as safe,
    ):
        shown: Any = safe.getpeercert()
        return [value for _, value in shown["subjectAltName"]]


def test_a_certificate_of_the_users_own_is_shown(tmp_path: Path) -> None:
    now = clock.Clock().now()
    authority = certificates.made(now)
    pair = authority.leaf(["localhost", "127.0.0.1"], now)
    (tmp_path / "cert.pem").write_bytes(pair.certificate)
    (tmp_path / "key.pem").write_bytes(pair.key)
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    with McmockServer(tls_cert=tmp_path / "cert.pem", tls_key=tmp_path / "key.pem") as server:
        assert get(f"{server.https_url}/__admin/health", tmp_path / "ca.pem")["status"] == "ok"
        with pytest.raises(ValueError, match="trust your own"):
            _ = server.ca_file


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tls_key": Path("k.pem")}, "--tls-key needs --tls-cert"),
        ({"tls_cert": Path("c.pem"), "tls_name": ["a"]}, "--tls-name is for mcmock's own"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        McmockServer(**options)


def test_a_certificate_that_is_none_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"absent\.pem: no such file"):
        certificates.own_context(tmp_path / "absent.pem", None)
    (tmp_path / "no.pem").write_text("hello")
    with pytest.raises(ValueError, match=r"no\.pem: not a certificate with its key") as error:
        certificates.own_context(tmp_path / "no.pem", None)
    assert "\n" not in str(error.value)
    key = ec.generate_private_key(ec.SECP256R1())
    locked = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
    )
    (tmp_path / "cert.pem").write_bytes(certificates.made(NOW).pem)
    (tmp_path / "locked.pem").write_bytes(locked)
    with pytest.raises(ValueError, match="encrypted"):
        certificates.own_context(tmp_path / "cert.pem", tmp_path / "locked.pem")


# -- the authority ---------------------------------------------------------------------------------------------------------


def test_a_leaf_is_what_apple_asks_for() -> None:
    """At most 825 days, for servers, named in subjectAltName, signed with SHA-256: support.apple.com/HT210176."""
    leaf = x509.load_pem_x509_certificate(
        certificates.made(NOW).leaf(["localhost", "::1", "müller.test"], NOW).certificate
    )
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc < timedelta(days=398)
    assert leaf.not_valid_before_utc.timestamp() <= NOW - 86400
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "xn--mller-kva.test"]
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["::1"]
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert x509.oid.ExtendedKeyUsageOID.SERVER_AUTH in usage  # trustme adds two more, which Apple allows
    algorithm = leaf.signature_hash_algorithm
    assert algorithm is not None
    assert algorithm.name == "sha256"


def test_a_leaf_can_sign_nothing_and_the_authority_only_leaves() -> None:
    authority = certificates.made(NOW)
    leaf = x509.load_pem_x509_certificate(authority.leaf(["a"], NOW).certificate)
    root = x509.load_pem_x509_certificate(authority.pem)
    assert leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    constraints = root.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, 0)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no file modes; its state folder is the user's own")
def test_nobody_else_can_read_the_key(tmp_path: Path) -> None:
    state = tmp_path / "deep" / "state"
    old = os.umask(0)
    try:
        certificates.kept(state, NOW)
    finally:
        os.umask(old)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (state, *state.rglob("*"))}
    assert modes["ca"] == modes["state"] == 0o700
    assert modes["ca-key.pem"] == 0o600


@pytest.mark.skipif(os.name != "posix", reason="Windows has no file modes")
def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    certificates.kept(tmp_path, NOW)
    (tmp_path / "ca" / "ca-key.pem").chmod(0o644)
    with pytest.raises(ValueError, match="others can read this key"):
        certificates.kept(tmp_path, NOW)


def test_an_authority_is_made_once(tmp_path: Path) -> None:
    assert certificates.kept(tmp_path, NOW).pem == certificates.kept(tmp_path, NOW + 1000).pem


def test_processes_that_make_it_at_the_same_moment_agree(tmp_path: Path) -> None:
    script = (
        "from pathlib import Path; from mcmock.server import certificates; "
        f"print(certificates.kept(Path({str(tmp_path)!r}), {NOW}).pem)"
    )
    started = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) for _ in range(4)]
    assert len({process.communicate(timeout=30)[0] for process in started}) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["ca"]


def test_an_authority_that_ends_soon_is_refused(tmp_path: Path) -> None:
    certificates.kept(tmp_path, NOW)
    certificates.kept(tmp_path, NOW + (certificates.AUTHORITY_DAYS - 40) * 86400)
    with pytest.raises(ValueError, match=r"ends on .*`mcmock ca remove`"):
        certificates.kept(tmp_path, NOW + (certificates.AUTHORITY_DAYS - 20) * 86400)


def test_a_damaged_authority_is_refused_and_left_alone(tmp_path: Path) -> None:
    certificates.kept(tmp_path, NOW)
    certificate = certificates.certificate_path(tmp_path)
    certificate.write_text("nonsense")
    with pytest.raises(ValueError, match="damaged: run `mcmock ca remove`"):
        certificates.kept(tmp_path, NOW)
    assert certificate.read_text() == "nonsense"


def test_an_authority_that_cannot_be_read_without_the_extra_is_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates.kept(tmp_path, NOW)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(ValueError, match=r"^HTTPS needs the extra tls: pip install 'mcmock\[tls\]'"):
        certificates.kept(tmp_path, NOW)


def test_it_can_be_removed(tmp_path: Path) -> None:
    assert not certificates.remove(tmp_path)
    certificates.kept(tmp_path, NOW)
    assert certificates.existing(tmp_path, NOW) is not None
    assert certificates.remove(tmp_path)
    assert certificates.existing(tmp_path, NOW) is None


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="give another --state-dir"):
        certificates.kept(tmp_path / "file", NOW)


@pytest.mark.parametrize(
    ("environment", "platform", "folder"),
    [
        ({"HOME": "/home/a"}, "linux", "/home/a/.local/state/mcmock"),
        ({"HOME": "/home/a", "XDG_STATE_HOME": "/x"}, "linux", "/x/mcmock"),
        ({"HOME": "/Users/a", "XDG_STATE_HOME": "/x"}, "darwin", "/Users/a/Library/Application Support/mcmock"),
        ({"LOCALAPPDATA": "/c/a"}, "win32", "/c/a/mcmock"),
    ],
)
def test_state_is_kept_where_the_platform_keeps_it(environment: dict[str, str], platform: str, folder: str) -> None:
    assert certificates.state_folder(environment, platform).as_posix() == folder


def test_without_the_extra_the_reason_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(ValueError, match=r"pip install 'mcmock\[tls\]'"):
        certificates.made(NOW)


def test_a_name_that_no_certificate_can_cover_is_named_in_one_line() -> None:
    for bad in ("my_phone", "a..b", "x" * 64):
        with pytest.raises(ValueError, match=rf"^'{bad}' is not a host name that a certificate can cover: [^\n]+$"):
            certificates.made(NOW).leaf(["localhost", "::1", bad, "tv.example.test"], NOW)


@pytest.mark.parametrize("called", ["my_machine", "a_b.example.test", "-a", ""])
def test_https_starts_on_a_machine_whose_name_no_certificate_can_cover(
    called: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: called)
    monkeypatch.setattr(addresses, "outward", list)
    always = ["localhost", "127.0.0.1", "::1", "edge.localhost", "10.0.2.2", "host.docker.internal"]
    assert addresses.names("127.0.0.1") == always


def test_names_are_this_machines_own_and_those_given() -> None:
    names = addresses.names("127.0.0.1", ["tv.example.test"])
    assert names[:3] == ["localhost", "127.0.0.1", "::1"]
    assert names[-1] == "tv.example.test"
    assert "0.0.0.0" not in addresses.names("0.0.0.0")
