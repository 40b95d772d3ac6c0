"""What clients cost, measured on the server's process and not by its own figures: it grows by the log's bound and a margin.

Each attack sends several times what the log may hold over real sockets, and makes another thing grow. The margin is what
the allocator keeps, what requests on their way take, and what every server has beside its log.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import body
from tests.serving import Client, Serving

STATM = "/proc/{}/statm"

pytestmark = pytest.mark.skipif(
    not Path(STATM.format("self")).exists(), reason="resident memory is read from /proc, which only Linux has"
)

LOG = 8 * 2**20
MARGIN = 24 * 2**20
ATTACK = 64 * 2**20
"""Bytes that an attack sends in all, or makes a careless server keep: more than bound and margin together."""

SMALL = 1800
"""Bytes that a made-up session id costs a server that keeps it with its request and its answer."""


def resident(server: Serving) -> int:
    pages = int(Path(STATM.format(server.process.pid)).read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def sent(server: Serving, requests: Iterator[bytes], answers: Callable[[int], bool]) -> None:
    """Send the requests over one connection, some at a time, and read each answer's status."""
    place = urlsplit(server.url)
    with socket.create_connection((str(place.hostname), int(place.port or 0)), timeout=30) as connection:
        reading = connection.makefile("rb")
        while batch := [one for _, one in zip(range(4), requests, strict=False)]:
            connection.sendall(b"".join(batch))
            for _ in batch:
                assert answers(_status(reading.readline, reading.read))


def _status(line: Callable[[], bytes], read: Callable[[int], bytes]) -> int:
    first, length = line(), 0
    while (header := line()) not in (b"\r\n", b""):
        if header.lower().startswith(b"content-length:"):
            length = int(header[15:])
    read(length)
    return int(first.split()[1])


def request(method: str, target: str, value: bytes = b"", *lines: str) -> bytes:
    head = [f"{method} {target} HTTP/1.1", "Host: a", f"Content-Length: {len(value)}", *lines]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + value


def event(event_type: str = "ping", **parts: Any) -> bytes:
    return json.dumps(body(event_type, **parts)).encode()


PING = event()


def paths(_: str) -> Iterator[bytes]:
    for number in range(ATTACK // 60_000):
        yield request("GET", f"/{number:060000}")


def queries(sid: str) -> Iterator[bytes]:
    """One session, whose path has another query each time."""
    for number in range(ATTACK // 60_000):
        yield request("POST", f"/api/v1/sessions/{sid}/events?{number:060000}", PING)


def escaped_paths(_: str) -> Iterator[bytes]:
    """Bytes that are no UTF-8 take two bytes each, and more, as text."""
    for number in range(ATTACK // 60_000):
        yield request("POST", f"/api/v1/sessions/{number:09}{'%FF' * 15_000}/events", PING)


def headers(sid: str) -> Iterator[bytes]:
    for number in range(ATTACK // 60_000):
        yield request("POST", f"/api/v1/sessions/{sid}/events", PING, f"X-Other: {number:060000}")


def many_headers(sid: str) -> Iterator[bytes]:
    """Lines without text, which take more than their bytes."""
    for number in range(ATTACK // 60_000):
        yield request("POST", f"/api/v1/sessions/{sid}/events", PING, f"X: {number}", *["Y:"] * 450)


def secrets(sid: str) -> Iterator[bytes]:
    for number in range(ATTACK // 60_000):
        yield request("POST", f"/api/v1/sessions/{sid}/events", PING, f"Authorization: {number:060000}")


def made_up_ids(_: str) -> Iterator[bytes]:
    for number in range(ATTACK // SMALL):
        yield request("POST", f"/api/v1/sessions/{number:064}/events", PING)


def long_made_up_ids(_: str) -> Iterator[bytes]:
    for number in range(ATTACK // 30_000):
        yield request("POST", f"/api/v1/sessions/{number:030000}/events", PING)


def event_types(sid: str) -> Iterator[bytes]:
    """A character outside of the common ones makes each of a text take four bytes."""
    for number in range(ATTACK // 60_000):
        name = f"\U0001f3ac{number:060000}"
        yield request("POST", f"/api/v1/sessions/{sid}/events", json.dumps(body(name), ensure_ascii=False).encode())


def findings(sid: str) -> Iterator[bytes]:
    value = event("ping", **{f"key{number}": 1 for number in range(900)})
    for _ in range(ATTACK // (900 * 300)):
        yield request("POST", f"/api/v1/sessions/{sid}/events", value)


def schemas(_: str) -> Iterator[bytes]:
    """Each answer is a body of its own."""
    for number in range(ATTACK // 10_000):
        yield request("GET", f"/api/v1/schemas/play?{number}")


def preflights(_: str) -> Iterator[bytes]:
    for number in range(ATTACK // 60_000):
        yield request("OPTIONS", f"/api/v1/sessions/{number:060000}/events")


ATTACKS = (
    paths, queries, escaped_paths, headers, many_headers, secrets, made_up_ids, long_made_up_ids, event_types, findings,
    schemas, preflights,
)  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: str(attack.__name__))
def test_the_process_grows_by_the_bound_of_its_log_and_no_more(attack: Callable[[str], Iterator[bytes]]) -> None:
    with Serving("--max-log-bytes", str(LOG)) as server:
        client = Client(server.url)
        path = client.start()
        before = resident(server)
        sent(server, attack(path.rpartition("/")[2]), lambda status: status in (200, 204, 400, 404, 405))
        grown = resident(server) - before
        summary = client.admin("GET", "summary")
        client.close()
    print(f"{attack.__name__}: {grown / 2**20:.1f} MiB, {summary['total']} kept")
    assert summary["evicted"] > 0
    assert grown < LOG + MARGIN, f"{grown / 2**20:.0f} MiB for a log of {LOG / 2**20:.0f} MiB"
