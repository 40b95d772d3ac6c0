"""What kind of file a recording is.

A timeline, a HAR (of browsers, proxies, or mcmock's own; in a .zip, too), a log export, a recording of a client, one JSON
object a line, or bodies by themselves. What is something else is named, with what to do about it. HAR files and lines are read
one entry after the other, however long the file is; all else is read as a whole. It opens no file but by the function that it is
given, and judges nothing.
"""

from __future__ import annotations

import codecs
import io
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, Final, NamedTuple

from mcmock.core import json_decoding
from mcmock.core.http import JSON
from mcmock.core.model import Request
from mcmock.core.text import utf8
from mcmock.protocols.base import SID, ApiProtocol
from mcmock.protocols.registry import known_protocols
from mcmock.recordings import timeline
from mcmock.recordings.har import MAX_ATTACHED, Attached, is_har, read_entries, read_har
from mcmock.recordings.har_index import Index, index
from mcmock.recordings.records import Recorded, recorded
from mcmock.serialization import ndjson

UNTIMED: Final = 1_700_000_000.0
"""When a body arrived that says no time itself, in seconds since the epoch; any moment would do."""

Opened = Callable[[], AbstractContextManager[BinaryIO]]
"""Opens a file, at its first byte; as often as it is asked."""

_HEAD: Final = 4096
"""Bytes by which a file of something else is known."""

NO_SESSION: Final = "0" * 64
"""The session of an event whose path nobody wrote down."""

KINDS: Final = "a HAR, a log export, a journal, a timeline, a recording of a client, or the body of a request"


class Recording(NamedTuple):
    """`records` can be read once, and raise ValueError at the first that cannot be read; `length` is how many there are.

    A timeline has no records: `document` is its JSON, which `mcmock.recordings.timeline` parses.
    """

    kind: str  # in a sentence: "a HAR"
    records: Iterator[Recorded]
    length: int
    document: object = None


def read(content: bytes, attached: Attached = lambda _: None) -> Recording:
    """Return the recording in the bytes of a file. `attached` reads a file beside it.

    Raises ValueError with one line that says what is wrong, and in which line, or what the file is instead.
    """
    return read_parts(lambda: io.BytesIO(content), attached)


def read_parts(opened: Opened, attached: Attached = lambda _: None) -> Recording:
    """Return the recording in a file that `opened` opens anew each time: a long one is not held as a whole. Raises ValueError
    as `read` does.
    """
    with opened() as file:
        head = file.read(_HEAD)
        if head.startswith(b"PK\x03\x04"):
            return _zipped(file)
        begins = len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
        if not begins and (text := _as_utf8(head[:4])) != head[:4]:
            text = _as_utf8(head + file.read())
            return _of_text(lambda: io.BytesIO(text), text[:_HEAD], attached)
        file.seek(begins)
        found = index(file) if head[begins:].lstrip()[:1] == b"{" else None
    if found is not None and _is_plain_har(found.document, head[begins:]):
        return Recording("a HAR", _entries(opened, found, attached), len(found.begins))
    return _of_text(opened, head[begins:], attached)


def _is_plain_har(document: Any, head: bytes) -> bool:
    """Return whether a HAR, here without its entries, looks like nothing else at all."""
    try:
        _refuse_other_text(head)
        _refuse_other_document(document)
    except ValueError:
        return False
    return not timeline.is_timeline(document) and not ndjson.is_export(json.dumps(dict.fromkeys(document)))


def _entries(opened: Opened, found: Index, attached: Attached) -> Iterator[Recorded]:
    with opened() as file:
        yield from read_entries(file, found, attached)


def _of_text(opened: Opened, head: bytes, attached: Attached) -> Recording:
    """Return the recording in a file of text that begins with `head`."""
    first, length = b"", 0
    for line in _lines(opened):
        first = first or line
        length += 1
    if not length:
        raise ValueError("the file is empty")
    if ndjson.is_export(first):
        return Recording("a log export", map(recorded, ndjson.read(_lines(opened))), length - ndjson.is_header(first))
    _refuse_other_text(head)
    document = _object_of(first)
    _refuse_other_document(document)
    if document is not None and length > 1 and _protocol_of(document) is not None:
        return Recording("bodies, one a line", _bodies(map(_object_of, _lines(opened)), "line {}"), length)
    if document is not None and not _is_whole(document) and (length > 1 or "headers" in document):
        return Recording("a recording of a client", _client(_lines(opened)), length)
    return _of_document(_json(_all(opened)) if document is None or length > 1 else document, attached)


def _lines(opened: Opened) -> Iterator[bytes]:
    """Yield the lines of a file that are not empty."""
    with opened() as file:
        _skip_mark(file)
        for part in file:
            yield from (line for line in part.splitlines() if line.strip())


def _all(opened: Opened) -> bytes:
    with opened() as file:
        _skip_mark(file)
        return file.read()


def _skip_mark(file: BinaryIO) -> None:
    if file.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
        file.seek(0)


def _of_document(document: Any, attached: Attached) -> Recording:
    if timeline.is_timeline(document):
        return Recording("a timeline", iter(()), 0, document)
    if is_har(document):
        entries = document["log"]["entries"]
        return Recording("a HAR", read_har(document, attached), len(entries) if isinstance(entries, list) else 0)
    if _protocol_of(document) is not None:
        return Recording("the body of a request", _bodies([document], ""), 1)
    _refuse_other_document(document)
    raise ValueError(
        f"it is neither a timeline, nor a HAR, nor a log export, nor a recording of a client: mcmock reads {KINDS}"
    )


# -- from bytes to text ---------------------------------------------------------------------------------------------------


def _as_utf8(content: bytes) -> bytes:
    """Return the text without a byte order mark, in UTF-8: PowerShell writes UTF-16."""
    try:
        return utf8(content)
    except ValueError:
        return content  # which is not UTF-8, and is said to be none


def _json(text: bytes) -> Any:
    """Raises ValueError naming the line in which it is no JSON."""
    try:
        return json_decoding.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}: it is not JSON: {error.msg} (column {error.colno})") from None
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line}: it is not UTF-8: {error.reason}") from None
    except RecursionError:
        raise ValueError("it is JSON nested too deep to be a recording") from None


def _object_of(line: bytes) -> Any:
    """Return the JSON object that a line is by itself; None if it is none."""
    try:
        value = json_decoding.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _is_whole(document: Any) -> bool:
    """Return whether a JSON object is a whole file of another kind, written on one line."""
    return timeline.is_timeline(document) or is_har(document) or _protocol_of(document) is not None


def _zipped(file: BinaryIO) -> Recording:
    """Return a HAR in a .zip, with what was attached to it, as Playwright writes them."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(_from_begin(file)))
        names = [one for one in archive.namelist() if one.endswith(".har")]
        if not names:
            raise ValueError("it is a .zip without a HAR in it" + _zip_hint(archive.namelist()))
        text = archive.read(names[0])
    except _BAD_ZIP as error:
        raise ValueError(f"it is a .zip that cannot be read: {error}") from None
    folder = names[0].rpartition("/")[0]
    return read(text, lambda name: _from_zip(archive, f"{folder}/{name}" if folder else name))


def _from_begin(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()


_BAD_ZIP: Final = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError)


def _from_zip(archive: zipfile.ZipFile, name: str) -> bytes | None:
    try:
        return archive.read(name) if archive.getinfo(name).file_size <= MAX_ATTACHED else None
    except (KeyError, *_BAD_ZIP):
        return None


def _zip_hint(names: Sequence[str]) -> str:
    if any(name.endswith((".trace", ".network")) for name in names):
        return ": it is a trace of Playwright; record a HAR (record_har_path)"
    if any(name.startswith("raw/") for name in names):
        return ": it is a session of Fiddler; export it as HTTPArchive"
    return ""


# -- bodies by themselves, and recordings of clients ------------------------------------------------------------------------


def _protocol_of(document: Any) -> ApiProtocol | None:
    """Return the API that a JSON value is a body of."""
    return next((one for one in known_protocols() if one.is_body(document)), None)


def _bodies(documents: Iterable[Any], place: str) -> Iterator[Recorded]:
    """Requests of which there is nothing but the body: each went where such a body belongs, when it says itself."""
    headers = ((b"Content-Type", JSON.encode()),)
    for number, document in enumerate(documents, 1):
        protocol = _protocol_of(document)
        if protocol is None:
            raise ValueError(f"line {number}: it is not the body of a request, as the lines before it are")
        text = json.dumps(document).encode()
        events = protocol.events(text, 0, UNTIMED)
        told = events[0].sent_ts if events else None
        at = UNTIMED if told is None or not 0 <= told <= 4e12 else told / 1000
        target = protocol.destination(document)[1].replace(SID, NO_SESSION)
        yield Recorded(
            at, Request("POST", target, headers, text), None, (), b"", place.format(number), unaddressed=True
        )


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
    text = answer.get("body")
    body = text.encode() if isinstance(text, str) else b""
    return Recorded(sent["epoch_ms"] / 1000, request, answer.get("status"), (), body, session_id=answer.get("sid"))


# -- what is something else -----------------------------------------------------------------------------------------------

_SERVED: Final = "send its requests to `mcmock serve`, then check the log of that"

_OTHER_STARTS: Final[tuple[tuple[bytes, str, str], ...]] = (
    (b"\x1f\x8b", "a file packed with gzip", "unpack it first"),
    (b"\xac\xed\x00\x05", "a session of Charles", "in Charles, File > Export Session, as HTTP Archive (.har)"),
    (b"\xd4\xc3\xb2\xa1", "a capture of packets", "record a HAR, in the browser or with a proxy"),
    (b"\xa1\xb2\xc3\xd4", "a capture of packets", "record a HAR, in the browser or with a proxy"),
    (b"\x0a\x0d\x0d\x0a", "a capture of packets", "record a HAR, in the browser or with a proxy"),
    (
        b"SQLite format 3\0",
        "a database of SQLite",
        "a journal of mcmock is read from its file, not from standard input",
    ),
    (b"<!doctype html", "a page of HTML", "the download may have failed, or asked for a login"),
    (b"<?xml", "a file of XML", "record a HAR, in the browser or with a proxy"),
    (b"<html", "a page of HTML", "the download may have failed, or asked for a login"),
    (b"curl ", "a command", f"{_SERVED}; or copy as HAR instead of as cURL"),
    (b"fetch(", "a command", f"{_SERVED}; or copy as HAR instead of as fetch"),
    (b"post /", "a raw HTTP request", "put its body alone into a file, or record a HAR"),
)


def _refuse_other_text(text: bytes) -> None:
    """Raises ValueError for what is known by how it begins."""
    start = text[:4096].lstrip().lower()
    if b"<charles-session" in start:
        raise ValueError("it is a session of Charles in XML: in Charles, File > Export Session, as HTTP Archive (.har)")
    for begins, name, hint in _OTHER_STARTS:
        if text.startswith(begins) or start.startswith(begins.lower()):
            raise ValueError(f"it is {name}: {hint}")
    if re.match(rb"\d+:\d+:[a-z_]+;", start):
        raise ValueError("it is a file of flows of mitmproxy: mitmdump -n -r FILE --set hardump=FILE.har")


def _refuse_other_document(document: Any) -> None:
    """Raises ValueError for what is known by its keys."""
    for name, looks_so, hint in _OTHER_DOCUMENTS:
        if looks_so(document):
            raise ValueError(f"it is {name}: {hint}")


def _has(*keys: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(key in value for key in keys)


def _is_charles(value: Any) -> bool:
    first = value[0] if isinstance(value, list) and value else value
    return isinstance(first, dict) and {"times", "protocolVersion", "request"} <= first.keys()


def _is_postman(value: Any) -> bool:
    info = value.get("info") if isinstance(value, dict) else None
    return isinstance(info, dict) and ("postman" in str(info.get("schema")) or "_postman_id" in info or "item" in value)


_OTHER_DOCUMENTS: Final[tuple[tuple[str, Callable[[Any], bool], str], ...]] = (
    ("a Postman collection", _is_postman, f"it holds requests to send, and none that were sent; {_SERVED}"),
    ("a Postman collection", _has("collection", "run"), f"it holds requests to send, and none that were sent; {_SERVED}"),
    ("a Postman environment", _has("_postman_variable_scope"), "it holds no request"),
    ("an export of Insomnia", _has("_type", "resources"), f"it holds requests to send, and none that were sent; {_SERVED}"),
    ("a session of Charles", _is_charles, "in Charles, File > Export Session, as HTTP Archive (.har)"),
    ("an OpenAPI document", _has("openapi", "paths"), "it holds no request"),
    ("a log of Chrome's network (chrome://net-export)", _has("constants", "events"), "record a HAR in the developer tools"),
    ("one entry of a HAR", _has("request", "response", "startedDateTime"), 'put it into {"log": {"entries": […]}}'),
    ("the JSON of a request", _has("method", "url"), "put its body alone into a file, or record a HAR"),
)  # fmt: skip
