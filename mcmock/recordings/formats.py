"""What kind of file a recording is, and which of the requests in it are to this API.

Four kinds: a timeline, a HAR (of browsers, proxies, or mcmock's own), a log export, and a recording of a client, one JSON
object a line. It looks at the text that it is given, opens no file, and judges nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from mcmock.core.model import Request
from mcmock.core.text import utf8
from mcmock.protocols.media_collection import routes
from mcmock.recordings import timeline
from mcmock.serialization import exports
from mcmock.serialization.exports import Recorded

API: Final = "/api/v1/"

_SESSION_PATH = re.compile(r"/api/v1/sessions/([^/?#]+)")


class Recording(NamedTuple):
    """`records` can be read once, and raise ValueError at the first that cannot be read; `length` is how many there are.

    A timeline has no records: `document` is its JSON, which `mcmock.recordings.timeline` parses.
    """

    kind: str  # in a sentence: "a HAR"
    records: Iterator[Recorded]
    length: int
    document: object = None


def read(text: bytes) -> Recording:
    """The recording in a file. Raises ValueError with one line that says what is wrong, and in which line."""
    text = utf8(text)
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise ValueError("the file is empty")
    if exports.is_ndjson(lines[0]):
        return Recording(
            "a log export", map(exports.recorded, exports.read_ndjson(lines)), len(lines) - exports.is_header(lines[0])
        )
    if _is_object(lines[0]) and not _is_whole(lines[0]):
        return Recording("a recording of a client", _client(lines), len(lines))
    document = _json(text)
    if timeline.is_timeline(document):
        return Recording("a timeline", iter(()), 0, document)
    if exports.is_har(document):
        return Recording("a HAR", exports.read_har(document), _entries(document))
    raise ValueError("it is neither a timeline, nor a HAR, nor a log export, nor a recording of a client")


def _json(text: bytes) -> Any:
    """Raises ValueError naming the line in which it is no JSON."""
    try:
        return json.loads(text.decode())
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}: it is not JSON: {error.msg} (column {error.colno})") from None
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line}: it is not UTF-8: {error.reason}") from None
    except RecursionError:
        raise ValueError("it is JSON nested too deep to be a recording") from None


def _is_object(line: bytes) -> bool:
    """Whether a line is a JSON object by itself: then each line is one."""
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _is_whole(line: bytes) -> bool:
    """Whether a JSON object is a whole file of another kind, written on one line."""
    document = json.loads(line)
    return timeline.is_timeline(document) or exports.is_har(document)


def _entries(document: Any) -> int:
    entries = document["log"]["entries"]
    return len(entries) if isinstance(entries, list) else 0


def _client(lines: Iterable[bytes]) -> Iterator[Recorded]:
    for number, line in enumerate(lines, 1):
        try:
            yield _client_line(json.loads(line))._replace(place=f"line {number}")
        except KeyError as error:
            raise ValueError(f"line {number}: a recorded request needs the key {error.args[0]!r}") from None
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"line {number}: not a recorded request: {error}") from None


def _client_line(sent: Mapping[str, Any]) -> Recorded:
    answer = sent.get("response") or {}
    headers = tuple((name.encode(), value.encode()) for name, value in sent["headers"])
    request = Request(sent["method"], sent["path"], headers, sent["body_raw"].encode())
    location = (("Location", routes.location(answer["sid"])),) if answer.get("sid") else ()
    return Recorded(sent["epoch_ms"] / 1000, request, answer.get("status"), location, b"")


# -- what is in a request -------------------------------------------------------------------------------------------------


def api_target(target: str) -> str:
    """The target from /api/v1 on: behind a host, a scope or whatever prefix the recorded server had."""
    path = target if target.startswith("/") else urlsplit(target)._replace(scheme="", netloc="").geturl()
    found = path.find(API)
    return path[found:] if found > 0 else path


def session_id(path: str | None) -> str | None:
    """The id in the path of a session's events, or in a Location header of any form."""
    found = _SESSION_PATH.search(path) if path else None
    return found[1] if found else None


def location(record: Recorded) -> str | None:
    """The Location header of its answer."""
    return next((value for name, value in record.response_headers if name.lower() == "location"), None)
