"""IPv4 and IPv6: which addresses a server listens on for its host, and what it says of them."""

from __future__ import annotations

import errno
import socket
import ssl
import subprocess
import sys
from typing import Any
from urllib.request import urlopen

import pytest

from mcmock.engine import Emulator
from mcmock.server import Service, listener
from mcmock.server.accepting import bind
from mcmock.testing.server import McmockServer
from tests.serving import Serving

FAMILIES = ("127.0.0.1", "[::1]")


def status(url: str, context: ssl.SSLContext | None = None) -> int:
    with urlopen(f"{url}/api/v1/schemas/ping", timeout=10, context=context) as answer:
        return int(answer.status)


@pytest.mark.parametrize("host", [None, "127.0.0.1", "localhost", "::", ""])
def test_both_families_reach_the_server(host: str | None) -> None:
    options = {} if host is None else {"host": host}
    with McmockServer(**options) as server:
        port = server.url.rpartition(":")[2]
        assert [status(f"http://{address}:{port}") for address in (*FAMILIES, "localhost")] == [200, 200, 200]
        assert status(server.url) == 200
        secure = ssl.create_default_context(cafile=server.ca_file)
        port = server.https_url.rpartition(":")[2]
        assert [status(f"https://{address}:{port}", secure) for address in FAMILIES] == [200, 200]


def test_one_family_is_one_family() -> None:
    with McmockServer(host="::1") as six, McmockServer(host="0.0.0.0") as four:
        assert (status(six.url), status(four.url)) == (200, 200)
        for url, other in ((six.url, "127.0.0.1"), (four.url, "::1")):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((other, int(url.rpartition(":")[2])))


def test_what_is_said_of_any_address_holds_for_both_families() -> None:
    with Serving("--host", "::", "--admin-token", "t") as server:
        port = server.facts["url"].rpartition(":")[2]
        assert [status(f"http://{address}:{port}") for address in FAMILIES] == [200, 200]
    with Serving("--host", "0.0.0.0", "--admin-token", "t") as server:
        assert not any("[" in address for address in server.facts["addresses"])


def test_a_port_that_another_program_has_at_the_other_loopback_is_said() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as other:
        port = other.getsockname()[1]
        with Serving("--port", str(port)) as server:
            assert status(f"http://127.0.0.1:{port}") == 200
            said = server.stop()
    assert f"another program has port {port} at ::1: use http://127.0.0.1:{port}, since localhost may lead" in said


def test_a_port_that_any_address_lacks_is_refused_for_all_addresses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        command = [sys.executable, "-m", "mcmock", "serve", "--host", "::", "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert f"cannot listen on [::1]:{port}: Address already in use (--port)" in done.stderr


class Binding:
    """`bind`, but for IPv6 it fails with `error`, so many `times`."""

    def __init__(self, error: int, times: int = 1_000) -> None:
        self.error, self.times = error, times

    def __call__(self, family: int, address: tuple[Any, ...], *, share_port: bool) -> socket.socket:
        if family == socket.AF_INET6 and self.times:
            self.times -= 1
            raise OSError(self.error, "made up")
        return bind(family, address, share_port=share_port)


async def test_a_free_port_is_free_at_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "bind", Binding(errno.EADDRINUSE, 3))
    service = Service(Emulator())
    await service.start()
    socket.create_connection(("::1", service.port)).close()
    assert service.taken_by_others is None
    await service.stop()


@pytest.mark.parametrize("error", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
async def test_a_system_without_ipv6_serves_ipv4(monkeypatch: pytest.MonkeyPatch, error: int) -> None:
    monkeypatch.setattr(listener, "bind", Binding(error))
    for host in ("127.0.0.1", "localhost", ""):
        service = Service(Emulator(), host=host)
        await service.start()
        socket.create_connection(("127.0.0.1", service.port)).close()
        await service.stop()
    with pytest.raises(OSError, match="--host"):
        await Service(Emulator(), host="::").start()


async def test_a_port_that_takes_rights_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "made up")

    monkeypatch.setattr(listener, "bind", refuse)
    hint = r"Permission denied \(--port\): a port below 1024 takes root, CAP_NET_BIND_SERVICE, or on Linux sysctl"
    with pytest.raises(OSError, match=hint):
        await Service(Emulator(), port=443).start()
    with pytest.raises(OSError, match=r"Permission denied \(--port\): .127"):
        await Service(Emulator(), port=8443).start()
