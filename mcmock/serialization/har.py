"""The log as a HAR 1.2 file. `mcmock.recordings.har` reads one, whoever wrote it.

It is a generator: an export of a million entries holds one of them at a time. Secrets leave as `redacted`.
It opens no file and knows no log: whoever calls it hands in exchanges, and writes the bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl

import mcmock
from mcmock.core import clock, http
from mcmock.core.model import Exchange, Headers
from mcmock.serialization.encoding import encode, without_secrets
from mcmock.serialization.json_shapes import Json, exchange_to_json

CONTENT_TYPE = "application/har+json"

EXTRAS = (
    "seq",
    "scope",
    "path",
    "kind",
    "eventType",
    "sessionId",
    "verdict",
    "outcome",
    "findings",
    "fault",
    "delivery",
)
"""What an exchange has and HAR has no place for: kept under `_mcmock`, a field that HAR readers pass over. The path is there as
it was sent: not every path makes an URL."""


def write(exchanges: Iterable[Exchange]) -> Iterator[bytes]:
    """Yield a HAR 1.2 document in pieces, one entry each; times are those of the emulator's clock, durations are unknown."""
    creator = json.dumps({"name": "mcmock", "version": mcmock.__version__})
    yield f'{{"log":{{"version":"1.2","creator":{creator},"pages":[],"entries":['.encode()
    before = b"\n"
    for exchange in exchanges:
        yield before + encode(_entry(without_secrets(exchange)))
        before = b",\n"
    yield b"\n]}}\n"


def _entry(exchange: Exchange) -> Json:
    shape = exchange_to_json(exchange)
    extras = {key: shape[key] for key in EXTRAS}
    if "bodyBase64" in shape:
        extras["bodyBase64"] = shape["bodyBase64"]
    return {
        "startedDateTime": clock.iso(exchange.at),
        "time": 0,
        "request": _request(exchange),
        "response": _response(exchange),
        "cache": {},
        "timings": {"blocked": -1, "dns": -1, "connect": -1, "ssl": -1, "send": 0, "wait": 0, "receive": 0},
        "_mcmock": extras,
    }


def _request(exchange: Exchange) -> Json:
    headers = exchange.request_headers
    target = exchange.path
    url = target if "://" in target else f"http://{_first(headers, 'host') or 'localhost'}{target or '/'}"
    request: Json = {
        "method": exchange.method,
        "url": url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(headers),
        "queryString": _pairs(_query(target)),
        "headersSize": -1,
        "bodySize": len(exchange.body_bytes),
    }
    if exchange.body_bytes:
        mime_type = _first(headers, "content-type") or ""
        request["postData"] = {
            "mimeType": mime_type,
            "params": [],
            "text": exchange.body_bytes.decode("utf-8", "replace"),
        }
    return request


def _response(exchange: Exchange) -> Json:
    headers, body = exchange.response_headers, exchange.response_body
    content = {
        "size": len(body),
        "mimeType": _first(headers, "content-type") or "",
        "text": body.decode("utf-8", "replace"),
    }
    return {
        "status": exchange.status,
        "statusText": http.REASONS.get(exchange.status, ""),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(headers),
        "content": content,
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": len(body),
    }


def _pairs(pairs: Iterable[tuple[str, str]]) -> list[Json]:
    return [{"name": name, "value": value} for name, value in pairs]


def _query(target: str) -> list[tuple[str, str]]:
    return parse_qsl(target.partition("?")[2].partition("#")[0], keep_blank_values=True, errors="replace")


def _first(headers: Headers, name: str) -> str | None:
    return next((value for key, value in headers if key.lower() == name), None)
