"""HAR 1.2, as browsers, proxies, test tools and mcmock itself write it: the requests in it, in order of time.

Recorders leave things out, each in its own way. Rules of this file:

1. A body that is not there was not recorded, unless the recording itself says that there was none.
2. A body that was split into form fields is put together again; if that makes no sense, it was not recorded.
3. Headers that are not listed were not recorded: the body has the type in `postData`, or else the one that the API asks for.
4. A request without an answer may have arrived, unless the browser says that it stopped it, or found nobody to send it to.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, BinaryIO, Final, NamedTuple
from urllib.parse import SplitResult, quote_plus, unquote_plus, urlsplit

from mcmock.core import clock
from mcmock.core.http import JSON
from mcmock.core.model import TAKEN, Headers
from mcmock.recordings.har_index import Index
from mcmock.recordings.records import Recorded, request_of

Attached = Callable[[str], bytes | None]
"""Returns the content of a file that lies beside a HAR, by its name; None if there is none."""

MAX_ATTACHED: Final = 16 * 2**20
"""Bytes of a body in a file of its own that are read."""

LEFT_OUT: Final = "the recorder left out what was sent"


def is_har(document: object) -> bool:
    """Return whether a JSON value looks like a HAR, and not like another kind of recording."""
    return isinstance(document, dict) and isinstance(document.get("log"), dict) and "entries" in document["log"]


def read_har(document: object, attached: Attached = lambda _: None) -> Iterator[Recorded]:
    """Return the requests of a HAR, in order of time; other hosts' and other paths' are among them.

    Raises ValueError naming the entry that is not one.
    """
    if not is_har(document):
        raise ValueError('no HAR: it must be {"log": {"entries": […]}}')
    entries = document["log"]["entries"]  # type: ignore[index]
    if not isinstance(entries, list):
        raise ValueError("log.entries must be a JSON array")
    read = [_read_entry(entry, place, attached) for place, entry in enumerate(entries)]
    yield from sorted(read, key=lambda one: one.at)


def read_entries(file: BinaryIO, found: Index, attached: Attached = lambda _: None) -> Iterator[Recorded]:
    """Return the requests of a HAR whose entries were `found` in its file, as `read_har` does, one after the other.

    Raises ValueError naming the first entry of the file that is not one.
    """
    for place in found.in_time():
        try:
            yield _read_entry(found.read(file, place), place, attached)
        except ValueError:
            for earlier in range(place):
                _read_entry(found.read(file, earlier), earlier, attached)
            raise


def _read_entry(entry: object, place: int, attached: Attached) -> Recorded:
    where = f"entries[{place}]"
    try:
        return _entry(entry, attached)._replace(place=where)
    except KeyError as error:
        raise ValueError(f"log.{where} needs the key {error.args[0]!r}") from None
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"log.{where} is no HAR entry: {error}") from None


def _entry(entry: Any, attached: Attached) -> Recorded:
    sent, answered, extras = entry["request"], entry.get("response") or {}, entry.get("_mcmock") or {}
    url = _split(str(sent["url"]), ours="path" in extras)
    listed = _pairs(sent.get("headers") or ())
    headers = listed if extras else _with_type(listed, _posted(sent))
    if _first(headers, "host") is None and "path" not in extras:
        headers = (("Host", url.netloc), *headers)
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    body = _body(sent, extras, listed, attached)
    request = request_of(str(sent["method"]), str(extras.get("path", target)), headers, body.content)
    status = int(answered.get("status") or 0)
    failure = "" if status > 0 else _failure(entry, answered)
    return Recorded(
        clock.from_iso(str(entry["startedDateTime"])),
        request._replace(scheme=url.scheme or "http"),
        status if status > 0 else None,
        _pairs(answered.get("headers") or ()),
        _content(answered.get("content") or {}),
        taken=extras["verdict"] in TAKEN if "verdict" in extras else False if _never_left(failure) else None,
        session_id=extras.get("sessionId"),
        faulted=bool(extras.get("fault")),
        body_missing=body.missing,
        failure=failure,
    )


def _split(url: str, *, ours: bool) -> SplitResult:
    """Return the parts of a URL. Raises ValueError if it is none; our own may be, and says the path elsewhere."""
    try:
        return urlsplit(url)
    except ValueError:
        if not ours:
            raise
        return SplitResult("http", "", "", "", "")


def _with_type(headers: Headers, posted: Mapping[str, Any]) -> Headers:
    """Rule 3."""
    if _first(headers, "content-type") is not None:
        return headers
    left_out = posted.get("text") and (not headers or "mimeType" not in posted)
    recorded = str(posted.get("mimeType") or (JSON if left_out else ""))
    return (*headers, ("Content-Type", recorded)) if recorded else headers


def _pairs(listed: Iterable[Mapping[str, Any]]) -> Headers:
    """Return header lines; HTTP/2's pseudo-headers, which some recorders list beside them, are left out."""
    pairs = ((str(one["name"]), str(one["value"])) for one in listed)
    return tuple((name, value) for name, value in pairs if not name.startswith(":"))


def _first(headers: Headers, name: str) -> str | None:
    return next((value for key, value in headers if key.lower() == name), None)


def _content(content: Mapping[str, Any]) -> bytes:
    return _decoded(str(content.get("text") or ""), content)


# -- what was sent --------------------------------------------------------------------------------------------------------


class _Body(NamedTuple):
    content: bytes
    missing: str = ""


def _body(sent: Mapping[str, Any], extras: Mapping[str, Any], headers: Headers, attached: Attached) -> _Body:
    if "bodyBase64" in extras:
        return _Body(base64.b64decode(extras["bodyBase64"]))
    posted = _posted(sent)
    if text := posted.get("text"):
        return _whole(_decoded(text, posted), sent, headers)
    if name := posted.get("_file"):
        content = attached(str(name))
        return _Body(b"", f"{LEFT_OUT}: it is in {name}, which is not there") if content is None else _Body(content)
    if params := posted.get("params"):
        return _put_together(params)
    return _Body(b"", "" if extras or _was_empty(headers) else LEFT_OUT)


def _posted(sent: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a recorder kept of a body; some write the text itself, or the value that it stands for."""
    posted = sent.get("postData") or {}
    if not isinstance(posted, Mapping):
        posted = {"text": posted}
    text, params = posted.get("text") or "", posted.get("params")
    if isinstance(params, Mapping):
        params = [{"name": name, "value": value} for name, value in params.items()]
    return {**posted, "text": text if isinstance(text, str) else json.dumps(text), "params": params}


def _decoded(text: str, posted: Mapping[str, Any]) -> bytes:
    if "base64" in (posted.get("encoding"), posted.get("_encoding")):
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            pass
    return text.encode("utf-8", "replace")


def _whole(content: bytes, sent: Mapping[str, Any], headers: Headers) -> _Body:
    """Return the body, unless it was cut off: it is shorter than what was sent, and not JSON."""
    length = max(_number(_first(headers, "content-length")), _number(sent.get("bodySize")))
    if len(content) >= length or _first(headers, "content-encoding") or _is_json(content):
        return _Body(content)
    return _Body(b"", f"the recorder kept {len(content)} of the {length} bytes that were sent")


def _was_empty(headers: Headers) -> bool:
    """Return whether the request itself said that it has no body. A recorder's `bodySize` of 0 says less: it knew of none."""
    return _first(headers, "content-length") == "0"


def _number(value: object) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True


def _put_together(params: Iterable[Mapping[str, Any]]) -> _Body:
    """Rule 2. A body of JSON under the type of a form is split at its `&` and at the first `=` of each part."""
    pairs = [(str(one.get("name") or ""), one.get("value")) for one in params]
    plain = "&".join(name if value in (None, "") else f"{name}={value}" for name, value in pairs)
    signs = "&".join(f"{name}={value or ''}" for name, value in pairs)
    for text in (plain, signs, unquote_plus(plain), unquote_plus(signs)):
        if _is_json(content := text.encode("utf-8", "replace")):
            return _Body(content)
    if re.match(r"\s*(?:[\[{]|%5B|%7B)", plain, re.I):
        return _Body(b"", f"{LEFT_OUT}: it kept the fields of a form, which do not make up JSON again")
    return _Body("&".join(f"{quote_plus(name)}={quote_plus(str(value or ''))}" for name, value in pairs).encode())


# -- what became of it ----------------------------------------------------------------------------------------------------


def _failure(entry: Mapping[str, Any], answered: Mapping[str, Any]) -> str:
    """Return what the browser says of a request that has no answer."""
    for part in (answered, entry, entry["request"]):
        for key, value in part.items():
            if key in ("_error", "_failureText", "_errorText") and isinstance(value, str) and value:
                return value
            if key.lower().startswith("_blocked") and value and isinstance(value, str | bool):
                return f"blocked: {value}" if isinstance(value, str) else "blocked"
            if key in ("_canceled", "_cancelled", "_aborted") and value is True:
                return "aborted"
    return ""


_ARRIVED: Final = re.compile(r"response|orb\b|corp|coep|content-type|integrity", re.I)
"""What stopped the answer, and not the request."""

_NEVER_LEFT: Final = re.compile(
    r"block|refused|unknown_host|name_not_resolved|name_resolution|hostname could not be found|offline|disconnected"
    r"|unreachable|address_invalid|connection_failed|could not connect|access_denied|access_not_allowed|unsafe_port|proxy"
    r"|tunnel|tracking_uri|csp|mixed|ssl|err_cert|sec_error|pkix|tls|certificate|unknown_url_scheme|disallowed|intercepted"
    r"|connection_timed_out|inspector",
    re.I,
)
"""What browsers say of a request that they stopped, or that found nobody: Chromium, Firefox, WebKit."""


def _never_left(failure: str) -> bool:
    return _NEVER_LEFT.search(failure) is not None and _ARRIVED.search(failure) is None
