"""What is wrong with the address of a request that was meant for this API and met no path of it.

It looks at the method, the target and the body, and knows neither sessions nor faults. A request was meant for this API if
its body has an `eventType`, or if its path has a word of the API's paths behind `/api`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import unquote

from mcmock.core import json_decoding
from mcmock.core.http import path_of
from mcmock.core.model import Request
from mcmock.protocols.media_collection import routes

_API: Final = re.compile(r"/api(?![a-z0-9])", re.I)
_WORDS: Final = ("sessions", "events", "downloaded")
_LOCATION: Final = re.compile(r"/+api/+v1/+(?:sessions|downloaded)", re.I)

# What programming languages write where a value was to stand.
_NO_VALUE: Final = re.compile(
    r"(?:undefined|null|none|nil|nan|true|false|\[object \w+\]|optional\(.*\)|\(null\)|<null>|-1)", re.I
)
_TEMPLATE: Final = re.compile(r"\$?\{+[^{}/]*\}+|<[^<>/]*>|:\w+|%[sd@]|\$\w+")
"""A placeholder that nobody filled in."""

LONGEST: Final = 1000
"""Characters of a path that are looked at: what is wrong with a longer one is not worth the time."""

_NEVER_READ: Final = "was Location read (in a browser: Access-Control-Expose-Headers)?"


def is_meant(request: Request) -> bool:
    """Return whether a request that met no path was meant for this API."""
    path = path_of(request.target)
    found = _API.search(path)
    words = path[found.end() :].lower() if found is not None else ""
    return any(word in words for word in _WORDS) or _has_event(request.body)


def _has_event(body: bytes) -> bool:
    if b"eventType" not in body:
        return False
    try:
        value: Any = json_decoding.decode(body)
    except json_decoding.BadJson:
        return b'"eventType"' in body
    items = value if isinstance(value, list) else [value]
    return any(isinstance(item, dict) and "eventType" in item for item in items)


def misdirected(request: Request, allow: str | None = None) -> str | None:
    """Return what is wrong with the address of a request that met no path; None if it was not meant for this API.

    `allow` lists the methods of the path, where only the method is wrong.
    """
    if not is_meant(request):
        return None
    path = path_of(request.target)[:LONGEST]
    if allow is not None:
        wrong = f"{request.method} is not a method of this path; it takes {allow}"
    else:
        wrong = next(
            (message for check in _CHECKS if (message := check(path, request.target))),
            f"no path of this API is like this one; events go to {routes.SESSIONS}/<id>{routes.EVENTS}",
        )
    return wrong + (_PREFLIGHT if request.method == "OPTIONS" else "")


_PREFLIGHT: Final = "; the browser takes this for a refused preflight and sends nothing after it"


def nameless(session_id: str) -> str | None:
    """Return why what stands for a session's id in a path cannot be one; None where it may be."""
    text = unquote(session_id)
    if "/" in text:
        return f"this path holds Location twice, the second one escaped: send to the server's address and {_ONCE}"
    if text.lower() in ("api", "v1", "sessions"):
        return f"the path has {text} where the session's id belongs: {_COUNTED}"
    if _NO_VALUE.fullmatch(text):
        return f"the path has {text} where the session's id belongs: {_NEVER_READ}"
    if _TEMPLATE.fullmatch(text):
        return f"the path has {text} where the session's id belongs: the placeholder was not filled in"
    return None


_COUNTED: Final = "Location was taken apart by counting its slashes; it is a path from the root, /api/v1/sessions/<id>"
_ONCE: Final = f"Location + {routes.EVENTS}"


def _doubled(path: str, target: str) -> str | None:
    if len(_LOCATION.findall(path)) > 1 or (not target.startswith("/") and "//" in path.lstrip("/")):
        return f"this path holds Location twice: Location is a path from the root, so send to the server's address, then {_ONCE}"
    return None


def _absolute(path: str, target: str) -> str | None:
    if found := re.search(r"/?(https?:/+[^/]*)", path, re.I):
        return f"the path holds a whole address, {found[1]}: it was joined to another one"
    return None


def _no_value(path: str, target: str) -> str | None:
    for part in path.split("/"):
        if part and (_NO_VALUE.fullmatch(part) or _TEMPLATE.fullmatch(part)):
            return f"the path holds {part}: a value was missing when it was put together; {_NEVER_READ}"
    if found := re.search(r"undefined|\[object \w+\]", path):
        return f"the path holds {found[0]}: a value was missing when it was put together; {_NEVER_READ}"
    return None


def _no_session(path: str, target: str) -> str | None:
    if re.search(r"/sessions/+events/?$", path, re.I):
        return f"the path has no session id between sessions and events: {_NEVER_READ}"
    return None


def _two_slashes(path: str, target: str) -> str | None:
    if "//" not in path:
        return None
    where = "the base URL ends with one" if path.startswith("//") else "two parts were joined with one each"
    return f"two slashes in the path: {where}"


def _without_slash(path: str, target: str) -> str | None:
    if re.search(r"/api/v1/(?:sessions|downloaded)[^/?s]", path) or re.search(r"/[0-9a-f]{64}events/?$", path):
        return "a slash is missing between two parts of the path"
    return None


def _version(path: str, target: str) -> str | None:
    if found := re.search(r"/api/(?!v1(?:/|$))(?:(v[\w.]*)/)?(?:sessions|downloaded|schemas)", path, re.I):
        return f"the path has the version {found[1]}; it is /api/v1" if found[1] else "the path has no version: /api/v1"
    if re.match(r"/(?:v1/)?(?:sessions|downloaded)(?:/|$)", path, re.I):
        return f"the path begins with {routes.BASE}, which is missing here"
    return None


def _spelling(path: str, target: str) -> str | None:
    if path != path.lower() and routes.route("POST", path.lower()).status is None:
        return "capital letters in the path: paths are written in small ones"
    if re.search(r"/sessions/[^/]+/event/?$", path, re.I):
        return "the path ends in /event; it is /events"
    if re.search(r"/api/v1/session(?:/|$)", path, re.I):
        return "the path has session; it is sessions"
    if re.search(r"/api/v1/(?:downloads?)(?:/|$)", path, re.I):
        return "the path has download; it is downloaded"
    return None


def _whole(path: str, target: str) -> str | None:
    if re.search(r"/sessions/[^/]+/?$", path):
        return f"the path ends with the session's id; events go to Location + {routes.EVENTS}"
    if re.search(r"/api/v1/events?(?:/|$)", path):
        return f"events go to {routes.SESSIONS}/<id>{routes.EVENTS}, the session's Location + {routes.EVENTS}"
    if re.search(r"/sessions/[^/]+/events?/.", path):
        return "the path goes on behind /events"
    if found := re.match(r"(.+?)/api/v1/(?:sessions|downloaded)", path):
        return f"the path has {found[1]} before {routes.BASE}: the base URL is the server's address alone"
    if path.strip("/") == "":
        return f"the path of the API is missing: sessions are opened at {routes.SESSIONS}"
    return None


# The first that has something to say is right: what explains more comes first.
_CHECKS: Final[tuple[Callable[[str, str], str | None], ...]] = (
    _absolute, _doubled, _no_session, _no_value, _two_slashes, _without_slash, _version, _spelling, _whole,
)  # fmt: skip
