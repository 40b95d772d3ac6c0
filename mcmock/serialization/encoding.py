"""What the exports of the log share: secrets leave as `redacted`, and a value becomes UTF-8 on one line."""

from __future__ import annotations

import json
from dataclasses import replace

from mcmock.core import http
from mcmock.core.model import Exchange, Headers
from mcmock.serialization.json_shapes import Json


def _redacted(headers: Headers) -> Headers:
    return tuple((name, http.REDACTED if name.lower() in http.SECRET_HEADERS else value) for name, value in headers)


def without_secrets(exchange: Exchange) -> Exchange:
    """Return the exchange with `redacted` in place of each secret."""
    lines = (*exchange.request_headers, *exchange.response_headers)
    if not any(name.lower() in http.SECRET_HEADERS for name, _ in lines):
        return exchange
    sent, answered = _redacted(exchange.request_headers), _redacted(exchange.response_headers)
    return replace(exchange, request_headers=sent, response_headers=answered)


def encode(value: Json) -> bytes:
    """Return a value as JSON on one line, in UTF-8.

    Half of a surrogate pair has no place in UTF-8: a value with one is written with JSON's own escapes.
    """
    try:
        return _encode(value).encode()
    except UnicodeEncodeError:
        return _encode_as_ascii(value).encode()


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_encode_as_ascii = json.JSONEncoder(separators=(",", ":")).encode
