"""Whatever bytes come in are kept by every store as they came, leave in every export, and come back the same."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from xml.dom.minidom import parseString

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mcmock import faults
from mcmock.core.model import Exchange
from mcmock.recordings import records
from mcmock.recordings.files import read
from mcmock.recordings.har import read_har
from mcmock.serialization import ndjson
from mcmock.serialization.json_shapes import exchange_from_json
from mcmock.server.admin.feed import Feed
from mcmock.server.admin.stream import encode
from mcmock.storage import open_store, read_journal
from mcmock.testing.server import McmockServer
from tests.conftest import Wire, body
from tests.redis_server import RedisServer, needs_redis

KINDS = ["memory", "sqlite", pytest.param("redis", marks=needs_redis)]
PATIENCE = 20.0

# Half of a surrogate pair, alone and as UTF-8 has no place for it; NUL; no UTF-8 and cut UTF-8; what ends a line somewhere, or
# clears a terminal; what XML has no place for; beyond the BMP.
ODD = [
    b"\xff", b"%FF", b"%ED%A0%80", b"\xed\xa0\x80", b"%00", b"\x00", b"%C3%28", b"\xc3(", b"%F0%9F", b"%0D%0A", b"%E2%80%A8",
    b"%1B[2J", b"\x1b[2J", b"%EF%BF%BE", b"\xef\xbf\xbf", b"]]>", b"'\"<&", "é🎬".encode(), b"\x7f", b"\x85", b"[", b"//", b"?#%",
    b"\\ud800", b"\\u0000",
]  # fmt: skip
PIECES = st.lists(st.one_of(st.sampled_from(ODD), st.binary(max_size=6)), max_size=3).map(b"".join)
TEXTS = st.lists(st.one_of(st.sampled_from(ODD).map(lambda raw: raw.decode("utf-8", "surrogateescape")), st.text(max_size=4),
                           st.characters(categories=["Cs"])), max_size=3).map("".join)  # fmt: skip
NAMES = TEXTS.map(lambda text: quote(text, safe="", errors="surrogatepass"))


class Kept:
    """A server on a store, and what the store tells somebody else."""

    def __init__(self, kind: str, folder: Path, redis_url: str) -> None:
        self.kind, self._file = kind, folder / "journal.db"
        self.spec = {"memory": kind, "sqlite": f"sqlite:{self._file}", "redis": f"{redis_url}?prefix=any"}[kind]
        self.server = McmockServer(store=self.spec, seed=1)

    def elsewhere(self, told: list[Exchange]) -> list[Exchange]:
        """The log as another process reads it; `told` is how it should be."""
        if self.kind == "memory":
            return told
        latest = time.monotonic() + PATIENCE
        while (found := self._read()) != told and time.monotonic() < latest:
            time.sleep(0.005)
        return found

    def _read(self) -> list[Exchange]:
        if self.kind == "sqlite":
            return list(read_journal(self._file, "default"))
        other = open_store(self.spec).emulator()
        try:
            return other.requests()
        finally:
            other.close()


@pytest.fixture(scope="module", params=KINDS)
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    redis = RedisServer() if request.param == "redis" else None
    kept = Kept(request.param, tmp_path_factory.mktemp("kept"), redis.url if redis else "")
    with pytest.MonkeyPatch.context() as patch, kept.server:
        patch.setattr("mcmock.storage.sqlite.BATCH_DELAY", 0.01)  # each example waits until what it sent is written
        yield kept
    if redis is not None:
        redis.stop()


def said(url: str, raw: bytes) -> bytes:
    """All that is answered to these bytes."""
    with Wire(url) as wire:
        wire.send(raw)
        wire.finish()
        return wire.rest()


def asked(url: str, method: str, path: str, *lines: tuple[str, str]) -> tuple[int, bytes]:
    """What the control API answers to a request without a body."""
    connection = http.client.HTTPConnection(str(urlsplit(url).netloc), timeout=PATIENCE)
    connection.request(method, f"/__admin/{path}", headers=dict(lines))
    answer = connection.getresponse()
    told = answer.status, answer.read()
    connection.close()
    return told


def raw_request(method: bytes, target: bytes, host: bytes, line: tuple[bytes, bytes], text: bytes) -> bytes:
    head = [
        b"%s %s HTTP/1.1" % (method, target), b"Host: " + host, b"Content-Type: application/json", b"%s: %s" % line,
        b"Content-Length: %d" % len(text), b"Connection: close",
    ]  # fmt: skip
    return b"\r\n".join(head) + b"\r\n\r\n" + text


SENT = st.builds(
    raw_request,
    st.one_of(st.sampled_from([b"POST", b"POST", b"GET", b"OPTIONS"]), PIECES),
    st.one_of(
        PIECES.map(lambda odd: b"/api/v1/sessions/" + odd + b"/events"),
        PIECES.map(lambda odd: b"/api/v1/sessions?" + odd),
        PIECES.map(lambda odd: b"/~" + odd + b"/api/v1/sessions"),
        PIECES.map(lambda odd: b"/api/v1/schemas/" + odd),
        PIECES.map(lambda odd: b"http://h/" + odd),
        PIECES,
    ),
    st.one_of(st.just(b"h"), PIECES),
    st.tuples(st.one_of(st.just(b"X-Text"), PIECES), PIECES),
    st.one_of(
        PIECES.map(lambda odd: b'{"eventType":"' + odd + b'","playerTime":{"playhead":0,"ts":1}}'),
        PIECES.map(lambda odd: b'{"eventType":"ping","playerTime":{"playhead":0,"ts":1},"customMetadata":{"' + odd + b'":""}}'),
        TEXTS.map(lambda odd: json.dumps(body("sessionStart", customMetadata={odd: odd})).encode()),
        st.just(b"null"),
        PIECES,
    ),
)  # fmt: skip

STRANGE = raw_request(b"POST", b"/api/v1/sessions/%FF/events", b"h", (b"X-Text", b"\xff"), b"null")
STRANGER = raw_request(b"POST", b"http://h/%1B[2J", b"[\xff", (b"X-Text", b""), b'{"eventType":"\\ud800"}')


def fields_of(one: Exchange) -> dict[str, Any]:
    """What an export brings back: a body that is JSON as its value, anything else byte for byte."""
    fields = {name: getattr(one, name) for name in one.__dataclass_fields__ if name != "body_bytes"}
    return {**fields, "protocol": one.protocol.name, "body": one.body_bytes if one.body is None else one.body}


@example([STRANGE, STRANGER])
@given(st.lists(SENT, min_size=1, max_size=4))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_what_comes_in_is_kept_and_comes_out_again(kept: Kept, sent: list[bytes]) -> None:
    server = kept.server
    server.emulator.clear_log()
    server.faults.replace(faults.status(503, probability=0.3))
    answers = [said(server.url, raw) for raw in sent]
    assert not [answer for answer in answers if answer and not answer.startswith(b"HTTP/1.1 ")]
    server.emulator.catch_up()
    told = server.emulator.requests()
    assert [one.findings for one in told if one.verdict == "broken"] == []
    assert (server.emulator.summary().broken, asked(server.url, "GET", "health")[0]) == (0, 200)
    assert kept.elsewhere(told) == told
    assert_exports_bring_back(server, told)


def assert_exports_bring_back(server: McmockServer, told: list[Exchange]) -> None:
    expected = [fields_of(one) for one in told]
    status, lines = asked(server.url, "GET", "requests.ndjson")
    assert (status, [fields_of(one) for one in ndjson.read(lines.split(b"\n"))]) == (200, expected)
    status, listed = asked(server.url, "GET", "requests?limit=1000")
    shown = [exchange_from_json(one) for one in json.loads(listed)["requests"]]
    assert [(one.path, one.session_id, one.request_headers) for one in shown] == [
        (one.path, one.session_id, one.request_headers) for one in told
    ]
    status, har = asked(server.url, "GET", "requests.har")
    recorded = list(read_har(json.loads(har)))
    assert [(one.request, one.session_id, one.status) for one in sorted(recorded, key=by_place)] == [
        (mine.request._replace(scheme=theirs.request.scheme), mine.session_id, mine.status or None)
        for mine, theirs in zip(map(records.recorded, told), sorted(recorded, key=by_place), strict=True)
    ]
    for place in ("summary", "sessions", "losses", "scopes", "faults", "metrics"):
        status, text = asked(server.url, "GET", place)
        assert status == 200, text
        assert text.decode()
    with Feed(server.emulator, 0, lambda: None) as feed:
        streamed = b"".join(encode(event) for event in feed.take())
    data = [json.loads(line[6:]) for line in streamed.split(b"\n") if line.startswith(b"data: ")]
    assert [(one["path"], one["sessionId"]) for one in data if "path" in one] == [
        (one.path, one.session_id) for one in told
    ]


def by_place(one: records.Recorded) -> int:
    return int(one.place.removeprefix("entries[").removesuffix("]"))


@given(NAMES)
@example("%ED%A0%80")
@example("%FF")
@example("%00")
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_any_name_is_asked_for_and_answered(kept: Kept, name: str) -> None:
    url = kept.server.url
    for method, path in [
        ("GET", f"sessions/{name}"), ("GET", f"sessions/{name}/report"), ("POST", f"sessions/{name}/expire"),
        ("POST", f"sessions/{name}/forget"), ("GET", f"requests/{name}"), ("GET", f"faults/{name}"),
        ("DELETE", f"faults/{name}"), ("POST", f"presets/{name}"), ("DELETE", f"scopes/{name}"),
        ("GET", f"summary?scope={name}"), ("DELETE", f"requests?scope={name}"), ("GET", f"requests?session={name}"),
        ("GET", f"requests?path={name}"), ("GET", f"requests?{name}=1"), ("GET", f"requests?params.{name}={name}"),
        ("GET", f"requests.ndjson?event={name}"), ("GET", f"stream?since={name or 'x'}"),
    ]:  # fmt: skip
        status, text = asked(url, method, path, ("Content-Type", "application/json"))
        assert status < 500, (method, path, text)
        json.loads(text.decode() if not path.startswith("requests.ndjson") or status != 200 else "0")
    assert asked(url, "GET", "health")[0] == 200


@given(TEXTS)
@example("\ud800")
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_any_text_in_a_control_request_is_taken_or_refused(kept: Kept, text: str) -> None:
    url = kept.server.url
    questions: list[tuple[str, Any]] = [
        ("requests/find", {"session": text}), ("requests/find", {"params": {text: {"exists": True}}}),
        ("requests/find", {"path": {"contains": text}}), ("verify", {"match": {"event": text}}),
        ("verify", {"match": {"params": {text: text}}, "atMost": 0}),
        ("faults", {"name": text, "effect": {"type": "status", "code": 503}}),
        ("faults", {"match": {"path": text}, "effect": {"type": "status", "code": 503}}),
        ("faults", {"match": {"session": text, "header": {text: text}}, "effect": {"type": "status", "code": 503}}),
    ]  # fmt: skip
    connection = http.client.HTTPConnection(str(urlsplit(url).netloc), timeout=PATIENCE)
    for path, value in questions:
        connection.request("POST", f"/__admin/{path}", json.dumps(value), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        told = answer.read()
        assert answer.status < 500, (path, value, told)
        json.loads(told)
    connection.close()
    assert said(url, raw_request(b"GET", b"/%FF", b"h", (b"X-Text", b"\xff"), b"")).startswith(b"HTTP/1.1 ")
    assert (asked(url, "GET", "faults")[0], asked(url, "GET", "losses")[0], asked(url, "GET", "metrics")[0]) == (
        200,
        200,
        200,
    )
    kept.server.emulator.clear_faults()
    assert asked(url, "GET", "health")[0] == 200


@given(PIECES.filter(lambda raw: not set(raw) & set(b"\r\n\0")))
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_a_token_of_any_bytes_is_wrong_and_no_more(token_server: McmockServer, token: bytes) -> None:
    raw = raw_request(b"GET", b"/__admin/summary", b"localhost", (b"Authorization", b"Bearer " + token), b"")
    assert said(token_server.url, raw)[:13] in (b"HTTP/1.1 401 ", b"HTTP/1.1 400 ")


@pytest.fixture(scope="module")
def token_server() -> Iterator[McmockServer]:
    with McmockServer(admin_token="right") as server:
        yield server


@pytest.mark.parametrize("kind", ["ndjson", "har", "journal"])
def test_a_file_of_odd_texts_is_checked_in_every_form(tmp_path: Path, kind: str) -> None:
    journal = tmp_path / "recording.journal"
    with McmockServer(store=f"sqlite:{journal}", seed=1) as server:
        start = json.dumps(body("sessionStart", customMetadata={"\x1b": "\x00\x1b[2J"})).encode()
        for odd in ODD:
            for raw in (STRANGE, STRANGER, raw_request(b"POST", b"/api/v1/sessions/" + odd + b"/events", odd, (odd, odd), odd),
                        raw_request(b"POST", b"/api/v1/sessions", b"h", (b"X-Text", odd), start)):  # fmt: skip
                said(server.url, raw)
        told = server.requests()
        file = tmp_path / f"recording.{kind}"
        if kind != "journal":
            file.write_bytes(asked(server.url, "GET", f"requests.{kind}")[1])
    assert len(list(read(file).records)) == len(told) > 60
    for form in ("text", "json", "junit"):
        command = [sys.executable, "-m", "mcmock", "check", "--report", "--format", form, str(file)]
        done = subprocess.run(command, capture_output=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (1, b"")
        text = done.stdout.decode()
        assert "\x1b" not in text
        assert parseString(text) if form == "junit" else json.loads(text) if form == "json" else text
