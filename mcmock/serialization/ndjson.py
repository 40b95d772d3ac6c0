"""The log as NDJSON, out and in again: a line that says what this is, then one exchange a line.

Everything here is a generator: an export of a million entries holds one of them at a time. Secrets leave as `redacted`.
It opens no file and knows no log: whoever calls it hands in exchanges or lines, and writes or reads the bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

import mcmock
from mcmock.core.model import Exchange
from mcmock.serialization.encoding import encode, without_secrets
from mcmock.serialization.json_shapes import Json, exchange_from_json, exchange_to_json

FORMAT = 1
"""The number in an NDJSON export's first line; a reader refuses what is newer than itself."""

CONTENT_TYPE = "application/x-ndjson"


def write(exchanges: Iterable[Exchange]) -> Iterator[bytes]:
    """Yield a line that says what this is, then one exchange a line; each piece ends in a line feed."""
    yield _line({"mcmock": FORMAT, "version": mcmock.__version__})
    for exchange in exchanges:
        yield _line(_as_sent(without_secrets(exchange)))


def _line(value: Json) -> bytes:
    return encode(value) + b"\n"


def _as_sent(exchange: Exchange) -> Json:
    """Return the shape; with the text beside the value where the value alone would not bring back what was sent."""
    shape = exchange_to_json(exchange)
    doubled = shape["body"] is not None and any(found.rule == "duplicate-key" for found in exchange.findings)
    if doubled or exchange.body_bytes == b"null":
        shape["bodyText"] = exchange.body_bytes.decode()
    return shape


def read(lines: Iterable[str | bytes]) -> Iterator[Exchange]:
    """Yield the exchanges of an NDJSON export, one by one. Raises ValueError naming the line that is none.

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


def is_export(first_line: str | bytes) -> bool:
    """Return whether a file that begins with this line is a log export, of whatever format."""
    keys = _keys(first_line)
    return keys >= _HEADER or keys >= _EXCHANGE


def is_header(line: str | bytes) -> bool:
    """Return whether a line is the first of a log export, which is no exchange."""
    return _keys(line) >= _HEADER


def _is_exchange(line: str | bytes) -> bool:
    return _keys(line) >= _EXCHANGE


_HEADER: Final = frozenset({"mcmock"})
_EXCHANGE: Final = frozenset({"seq", "requestHeaders"})


def _keys(line: str | bytes) -> frozenset[str]:
    """Return the keys of a line's object; none where it holds no such word: a file on one line is long."""
    words = (b'"mcmock"', b'"requestHeaders"') if isinstance(line, bytes) else ('"mcmock"', '"requestHeaders"')
    if not any(word in line for word in words):  # type: ignore[operator]
        return frozenset()
    try:
        return frozenset(_object(line))
    except ValueError:
        return frozenset()


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
