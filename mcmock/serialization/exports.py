"""The log as a file: NDJSON, out and in again, and HAR 1.2. It turns exchanges into lines and lines into exchanges.

Everything here is a generator: an export of a million entries holds one of them at a time. Secrets leave as `redacted`.
It opens no file and knows no log: whoever calls it hands in exchanges or lines, and writes or reads the bytes. A HAR is read by
`mcmock.recordings.har`, whoever wrote it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from urllib.parse import parse_qsl

import mcmock
from mcmock.core import clock, http
from mcmock.core.model import Exchange, Headers
from mcmock.serialization.json_shapes import Json, exchange_from_json, exchange_to_json

FORMAT = 1
"""The number in an NDJSON export's first line; a reader refuses what is newer than itself."""

NDJSON = "application/x-ndjson"
HAR = "application/har+json"

HAR_EXTRAS = (
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


def _redacted(headers: Headers) -> Headers:
    return tuple((name, http.REDACTED if name.lower() in http.SECRET_HEADERS else value) for name, value in headers)


def _without_secrets(exchange: Exchange) -> Exchange:
    lines = (*exchange.request_headers, *exchange.response_headers)
    if not any(name.lower() in http.SECRET_HEADERS for name, _ in lines):
        return exchange
    sent, answered = _redacted(exchange.request_headers), _redacted(exchange.response_headers)
    return replace(exchange, request_headers=sent, response_headers=answered)


# -- NDJSON -----------------------------------------------------------------------------------------------------------


def ndjson(exchanges: Iterable[Exchange]) -> Iterator[bytes]:
    """A line that says what this is, then one exchange a line; each piece ends in a line feed."""
    yield _line({"mcmock": FORMAT, "version": mcmock.__version__})
    for exchange in exchanges:
        yield _line(_as_sent(_without_secrets(exchange)))


def _as_sent(exchange: Exchange) -> Json:
    """The shape; with the text beside the value where the value alone would not bring back what was sent."""
    shape = exchange_to_json(exchange)
    doubled = shape["body"] is not None and any(found.rule == "duplicate-key" for found in exchange.findings)
    if doubled or exchange.body_bytes == b"null":
        shape["bodyText"] = exchange.body_bytes.decode()
    return shape


def _line(value: Json) -> bytes:
    """In UTF-8; where there is half of a surrogate pair, which has no place in that, with JSON's own escapes."""
    try:
        return _encode(value).encode() + b"\n"
    except UnicodeEncodeError:
        return _encode_as_ascii(value).encode() + b"\n"


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_encode_as_ascii = json.JSONEncoder(separators=(",", ":")).encode


def read_ndjson(lines: Iterable[str | bytes]) -> Iterator[Exchange]:
    """The exchanges of an NDJSON export, one by one. Raises ValueError naming the line that is none.

    Lines that somebody has picked from one do, too, without the first.
    """
    numbered = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
    first = next(numbered, None)
    if first is None:
        raise ValueError('the file is empty; a log export begins with {"mcmock": 1}')
    if not _is_exchange(first[1]):
        _check_header(first[1])
        first = next(numbered, None)
    for number, line in chain([first] if first else [], numbered):
        try:
            yield exchange_from_json(_object(line))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None


def is_ndjson(first_line: str | bytes) -> bool:
    """Whether a file that begins with this line is a log export, of whatever format."""
    return is_header(first_line) or _is_exchange(first_line)


def is_header(line: str | bytes) -> bool:
    """Whether a line is the first of a log export, which is no exchange."""
    return _has(line, "mcmock")


def _is_exchange(line: str | bytes) -> bool:
    return _has(line, "seq", "requestHeaders")


def _has(line: str | bytes, *keys: str) -> bool:
    try:
        return _object(line).keys() >= {*keys}
    except ValueError:
        return False


def _check_header(line: str | bytes) -> None:
    try:
        number = _object(line)["mcmock"]
    except (KeyError, ValueError):
        raise ValueError('line 1: no log export of mcmock, which begins with {"mcmock": 1}') from None
    if number != FORMAT:
        raise ValueError(f"line 1: this export has format {number!r}, but this mcmock reads format {FORMAT}")


def _object(line: str | bytes) -> Json:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ValueError("there must be a JSON object")
    return value


# -- HAR 1.2 ----------------------------------------------------------------------------------------------------------


def har(exchanges: Iterable[Exchange]) -> Iterator[bytes]:
    """A HAR 1.2 document in pieces, one entry each; times are those of the emulator's clock, durations are unknown."""
    creator = json.dumps({"name": "mcmock", "version": mcmock.__version__})
    yield f'{{"log":{{"version":"1.2","creator":{creator},"pages":[],"entries":['.encode()
    before = b"\n"
    for exchange in exchanges:
        yield before + _line(_har_entry(_without_secrets(exchange))).rstrip(b"\n")
        before = b",\n"
    yield b"\n]}}\n"


def _har_entry(exchange: Exchange) -> Json:
    shape = exchange_to_json(exchange)
    extras = {key: shape[key] for key in HAR_EXTRAS}
    if "bodyBase64" in shape:
        extras["bodyBase64"] = shape["bodyBase64"]
    return {
        "startedDateTime": clock.iso(exchange.at),
        "time": 0,
        "request": _har_request(exchange),
        "response": _har_response(exchange),
        "cache": {},
        "timings": {"blocked": -1, "dns": -1, "connect": -1, "ssl": -1, "send": 0, "wait": 0, "receive": 0},
        "_mcmock": extras,
    }


def _har_request(exchange: Exchange) -> Json:
    headers = exchange.request_headers
    target = exchange.path
    url = target if "://" in target else f"http://{_first(headers, 'host') or 'localhost'}{target or '/'}"
    request: Json = {
        "method": exchange.method,
        "url": url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _har_pairs(headers),
        "queryString": _har_pairs(_query(target)),
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


def _har_response(exchange: Exchange) -> Json:
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
        "headers": _har_pairs(headers),
        "content": content,
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": len(body),
    }


def _har_pairs(pairs: Iterable[tuple[str, str]]) -> list[Json]:
    return [{"name": name, "value": value} for name, value in pairs]


def _query(target: str) -> list[tuple[str, str]]:
    return parse_qsl(target.partition("?")[2].partition("#")[0], keep_blank_values=True, errors="replace")


def _first(headers: Headers, name: str) -> str | None:
    return next((value for key, value in headers if key.lower() == name), None)
