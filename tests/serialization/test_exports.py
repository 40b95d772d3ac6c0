"""Exports: what goes out can be read in again, holds no secret, and is never held as a whole."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcmock.core import clock
from mcmock.core.model import Delivery, Exchange, Request
from mcmock.engine import Emulator
from mcmock.recordings.har import read_har
from mcmock.serialization import har, ndjson
from mcmock.testing.server import McmockServer
from tests.conftest import body, post, send, start

JSON = (b"Content-Type", b"application/json")


def exported(emulator: Emulator) -> list[bytes]:
    return list(ndjson.write(emulator.queries.iterate()))


def a_log(emulator: Emulator) -> None:
    """Requests of every kind: counted, refused, ignored, unrouted, not JSON, not text."""
    sid = start(emulator, customMetadata={"size": "ä"})
    for event in ("play", "ping", "adStart", "nonsense"):
        send(emulator, sid, event)
    emulator.handle(post(f"/api/v1/sessions/{sid}/events", b'{"eventType": "play"'))
    emulator.handle(post(f"/api/v1/sessions/{sid}/events", b"\xff\x00\xfe"))
    emulator.handle(Request("GET", "/somewhere?a=1&b=%20", ((b"Host", b"mcmock.example:81"),), b""))
    emulator.handle(Request("GET", "http://other.example/api/v1/schemas/ping", (), b""))
    emulator.handle(Request("OPTIONS", "/api/v1/sessions", ((b"Host", b"x"),), b""))
    emulator.settle(2, Delivery.SENT)


def test_an_ndjson_export_begins_with_its_format_and_has_one_exchange_a_line(emulator: Emulator) -> None:
    a_log(emulator)
    first, *rest = exported(emulator)
    assert json.loads(first)["mcmock"] == 1
    assert [json.loads(line)["seq"] for line in rest] == list(range(1, 11))
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in rest)


def test_what_is_exported_reads_back_as_the_same_exchanges(emulator: Emulator) -> None:
    a_log(emulator)
    read = list(ndjson.read(exported(emulator)))
    assert [compact(one) for one in read] == [compact(one) for one in emulator.requests()]


def compact(exchange: Exchange) -> Exchange:
    """The bytes of a JSON body do not survive, its value does."""
    if exchange.body is None:
        return exchange
    return replace(exchange, body_bytes=json.dumps(exchange.body, separators=(",", ":")).encode())


def test_a_key_sent_twice_survives_the_export(emulator: Emulator) -> None:
    sid = start(emulator)
    text = b'{"eventType":"ping","eventType":"ping","playerTime":{"playhead":1,"ts":1700000000000}}'
    emulator.handle(post(f"/api/v1/sessions/{sid}/events", text))
    assert [one.body_bytes for one in ndjson.read(exported(emulator))][1] == text


@given(st.binary(max_size=200))
def test_any_body_survives_both_exports(sent: bytes) -> None:
    emulator = Emulator(seed=1)
    emulator.handle(post("/api/v1/sessions", sent))
    (read,) = ndjson.read(exported(emulator))
    assert read.body == emulator.requests()[0].body
    (again,) = read_har(json.loads(b"".join(har.write(emulator.queries.iterate()))))
    assert again.request.body == sent


def test_secrets_are_neither_logged_nor_exported(emulator: Emulator) -> None:
    headers = (JSON, (b"AUTHORIZATION", b"Bearer s3cret"), (b"cookie", b"id=s3cret"))
    emulator.handle(post("/api/v1/sessions", body("sessionStart"), *headers))
    text = b"".join([*exported(emulator), *har.write(emulator.queries.iterate())])
    assert b"s3cret" not in text
    assert text.count(b'"redacted"') == 4
    assert ("AUTHORIZATION", "redacted") in emulator.requests()[0].request_headers


def test_a_har_is_valid_by_the_schema_of_har_1_2(emulator: Emulator) -> None:
    a_log(emulator)
    document = json.loads(b"".join(har.write(emulator.queries.iterate())))
    jsonschema.validate(document, HAR_SCHEMA)
    first = document["log"]["entries"][0]
    assert first["startedDateTime"] == clock.iso(emulator.requests()[0].at)
    assert first["response"]["status"] == 201
    assert first["_mcmock"]["outcome"] == "good"
    urls = [entry["request"]["url"] for entry in document["log"]["entries"]]
    assert urls[-3:] == [
        "http://mcmock.example:81/somewhere?a=1&b=%20", "http://other.example/api/v1/schemas/ping",
        "http://x/api/v1/sessions",
    ]  # fmt: skip


def test_an_empty_log_is_still_a_har(emulator: Emulator) -> None:
    document = json.loads(b"".join(har.write(emulator.queries.iterate())))
    jsonschema.validate(document, HAR_SCHEMA)
    assert list(read_har(document)) == []


def test_our_har_reads_back_as_the_requests_that_were_sent(emulator: Emulator) -> None:
    a_log(emulator)
    read = list(read_har(json.loads(b"".join(har.write(emulator.queries.iterate())))))
    logged = emulator.requests()
    assert [one.request.body for one in read] == [one.body_bytes for one in logged]
    assert [one.status for one in read] == [one.status for one in logged]
    assert [one.response_headers for one in read] == [one.response_headers for one in logged]
    assert [round(one.at, 3) for one in read] == [round(one.at, 3) for one in logged]
    assert [one.request.method for one in read] == [one.method for one in logged]


def test_a_browsers_har_is_read_as_it_writes_it() -> None:
    """HTTP/2 pseudo-headers are no headers, entries come in order of time, and a failed request has no status."""
    entry = {
        "_initiator": {"type": "script"},
        "startedDateTime": "2026-01-31T10:00:01.500+02:00",
        "time": 12.5,
        "request": {
            "method": "POST", "url": "https://co.hb.example/api/v1/sessions", "httpVersion": "http/2.0",
            "headers": [{"name": ":authority", "value": "co.hb.example"}, {"name": "content-type", "value": "text/plain"}],
            "postData": {"mimeType": "text/plain", "text": '{"name": "ä"}'},
        },
        "response": {
            "status": 200, "headers": [{"name": "location", "value": "/x"}],
            "content": {"size": 2, "mimeType": "", "text": "AP8=", "encoding": "base64"},
        },
    }  # fmt: skip
    failed = {
        **entry,
        "startedDateTime": "2026-01-31T08:00:00Z",
        "response": {"status": 0, "headers": [], "content": {}},
    }
    first, second = read_har({"log": {"entries": [entry, failed]}})
    assert (first.status, second.status) == (None, 200)
    assert second.at - first.at == 1.5
    assert second.request.headers == ((b"Host", b"co.hb.example"), (b"content-type", b"text/plain"))
    assert (second.request.target, second.request.scheme, second.request.host) == (
        "/api/v1/sessions", "https", "co.hb.example",
    )  # fmt: skip
    assert second.request.body == '{"name": "ä"}'.encode()
    assert second.response_body == b"\x00\xff"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], r"the file is empty"),
        (["{}"], r"line 1: no log export of mcmock"),
        (["no JSON"], r"line 1: no log export of mcmock"),
        (['{"mcmock": 2}'], r"line 1: this export has format 2, but this mcmock reads format 1"),
        (['{"mcmock": 1}', "", '{"seq": 1}'], r"line 3: an exchange needs the key 'at'"),
        (['{"mcmock": 1}', '{"seq": 1, "at'], r"line 2: it is not JSON: "),
        (['{"mcmock": 1}', "[]"], r"line 2: there must be a JSON object"),
    ],
)
def test_a_line_that_is_no_exchange_is_named(lines: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        list(ndjson.read(lines))


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "no HAR"),
        ({"log": {"entries": {}}}, "log.entries must be a JSON array"),
        ({"log": {"entries": [{}]}}, r"log.entries\[0\] needs the key 'request'"),
        ({"log": {"entries": [7]}}, r"log.entries\[0\] is no HAR entry"),
        ({"log": {"entries": [{"request": {"url": "x", "method": "GET"}, "startedDateTime": "noon"}]}}, "no HAR entry"),
    ],
)
def test_what_is_no_har_is_refused_in_one_line(document: object, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        list(read_har(document))
    assert "\n" not in str(caught.value)


def test_an_export_never_holds_the_log(emulator: Emulator) -> None:
    """Seven megabytes of text pass through a tenth of that memory, beside the log itself."""
    sid = start(emulator)
    for playhead in range(10_000):
        send(emulator, sid, "ping", playhead)
    emulator.session(sid)  # judged once, so that what is measured is the export
    tracemalloc.start()
    try:
        size = sum(len(piece) for piece in ndjson.write(emulator.queries.iterate()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 7_000_000
    assert peak < 700_000


def test_an_export_under_load_ends_where_it_began() -> None:
    emulator = Emulator(seed=1)
    sid = start(emulator)
    seen = 0
    for _ in emulator.queries.iterate(page=2):
        seen += 1
        send(emulator, sid, "ping")
        send(emulator, sid, "ping")
    assert seen == 1


def fetched(url: str, name: str) -> Any:
    with urlopen(HttpRequest(f"{url}/__admin/{name}")) as answer:
        return answer.headers, answer.read()


def requested(url: str) -> Iterator[str]:
    with urlopen(HttpRequest(f"{url}/api/v1/sessions", json.dumps(body("sessionStart")).encode())) as answer:
        yield answer.headers["Location"]


def test_both_exports_are_files_to_download_from_the_control_api(mcmock_server: McmockServer, tmp_path: Path) -> None:
    list(requested(mcmock_server.url))
    headers, text = fetched(mcmock_server.url, "requests.ndjson")
    assert headers["Content-Type"] == "application/x-ndjson"
    assert 'filename="mcmock.ndjson"' in headers["Content-Disposition"]
    assert [one.seq for one in ndjson.read(text.splitlines())] == [one.seq for one in mcmock_server.requests()]
    headers, text = fetched(mcmock_server.url, "requests.har")
    assert headers["Content-Type"] == "application/har+json"
    jsonschema.validate(json.loads(text), HAR_SCHEMA)


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _array(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


# The fields that "HAR 1.2 Spec" (Jan Odvarko) calls required, with their types.
_TEXT, _SIZE = {"type": "string"}, {"type": "integer", "minimum": -1}
_TIME = {"type": "number", "minimum": -1}
_PAIRS = _array(_object(name=_TEXT, value=_TEXT))
_MOMENT = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)$"}
_REQUEST = _object(
    method=_TEXT, url={"type": "string", "pattern": "^https?://[^/]+/"}, httpVersion=_TEXT, cookies=_PAIRS, headers=_PAIRS,
    queryString=_PAIRS, headersSize=_SIZE, bodySize=_SIZE,
)  # fmt: skip
_REQUEST["properties"]["postData"] = _object(mimeType=_TEXT, params=_PAIRS, text=_TEXT)
_RESPONSE = _object(
    status={"type": "integer"}, statusText=_TEXT, httpVersion=_TEXT, cookies=_PAIRS, headers=_PAIRS,
    content=_object(size=_SIZE, mimeType=_TEXT), redirectURL=_TEXT, headersSize=_SIZE, bodySize=_SIZE,
)  # fmt: skip
_TIMINGS = _object(send={"type": "number", "minimum": 0}, wait={"type": "number", "minimum": 0},
                   receive={"type": "number", "minimum": 0})  # fmt: skip
_TIMINGS["properties"] |= dict.fromkeys(("blocked", "dns", "connect", "ssl"), _TIME)
_ENTRY = _object(
    startedDateTime=_MOMENT, time={"type": "number", "minimum": 0}, request=_REQUEST, response=_RESPONSE,
    cache={"type": "object"}, timings=_TIMINGS,
)  # fmt: skip
HAR_SCHEMA = _object(
    log=_object(version={"const": "1.2"}, creator=_object(name=_TEXT, version=_TEXT), entries=_array(_ENTRY))
)
