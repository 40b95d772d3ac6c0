"""The paths of the API, as one table, and where a request leads.

A path is a base (`/ee`, `/ee-pre-prd`, or any other), a location hint or none, and what this table has. The hint is taken as it
comes: a server of ours is every region.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import parse_qs

from mcmock.core.events import EVENT_TYPES as ALL_TYPES
from mcmock.core.http import path_of
from mcmock.core.model import Kind
from mcmock.protocols.base import Path

BASE: Final = "/ee"
MEDIA: Final = "/va/v1/"
DEFAULT_HINT: Final = "irl1"
"""The region of a request that names none."""
DOWNLOADED: Final = "downloaded"
START: Final = "sessionStart"
INTERACT: Final = "interact"
COLLECT: Final = "collect"

EVENT_TYPES: Final = tuple(name for name in ALL_TYPES if name not in ("stateStart", "stateEnd"))
"""The events of this API: statesUpdate stands for the two that open and close a state."""

FOLDER: Final = "media_edge"
"""Where in schemas/ the files of these events are."""

_KINDS: Final = {START: Kind.SESSION, DOWNLOADED: Kind.DOWNLOADED}
ACQUIRE: Final = "identity/acquire"
CONSENT: Final = "privacy/set-consent"
DOORS: Final = (INTERACT, COLLECT, ACQUIRE, CONSENT)
"""The ends of the paths that are not for one event: any may be sent to the first two, and the others are the Web SDK's own."""


class Route(NamedTuple):
    """Where a request leads. `word` is the path's end: an event type, `downloaded`, or one of DOORS.

    `status` is 404 or 405 where it leads nowhere. `hint` is the segment where a location hint stands, if it may be one.
    """

    kind: Kind
    word: str = ""
    hint: str | None = None
    status: int | None = None
    allow: str | None = None

    @property
    def is_media(self) -> bool:
        """Whether the path itself says which event it is for."""
        return self.word not in DOORS


def _path(template: str, kind: Kind) -> Path:
    return Path(template, {"POST": kind, "OPTIONS": Kind.PREFLIGHT})


PATHS: Final[tuple[Path, ...]] = (
    *(_path(f"{BASE}{MEDIA}{name}", _KINDS.get(name, Kind.EVENT)) for name in (*EVENT_TYPES, DOWNLOADED)),
    *(_path(f"{BASE}/v1/{name}", Kind.INTERACT) for name in DOORS),
)
_METHODS: Final = ", ".join(PATHS[0].methods)
_WORDS: Final = frozenset((*EVENT_TYPES, DOWNLOADED))

_PLACE: Final = re.compile(rf"(?P<before>/.*?)?/(?:va/v1/(?P<event>\w+)|v1/(?P<door>{'|'.join(DOORS)}))/?")
_OWN: Final = re.compile(rf"/ee(?:-[\w-]+)?/|.*/va/v\d|.*/v\d+/(?:{'|'.join(DOORS)})\b")
_HINT: Final = re.compile(r"[a-z0-9]{1,16}")


def owns(target: str) -> bool:
    """Return whether a target is one of this API's, or was meant to be: no other has such words in its paths."""
    return _OWN.match(path_of(target)) is not None


def is_for_media(target: str) -> bool:
    """Return whether a path is one for media events, as far as its words tell."""
    return "/va/" in path_of(target)


def route(method: str, target: str) -> Route:
    """Return the route of a request target as it stood in the request line, query and absolute form included."""
    found = _PLACE.fullmatch(path_of(target))
    if found is None:
        return Route(Kind.OTHER, status=404)
    word = found["event"] or found["door"]
    hint = _hint_in(found["before"] or "")
    if found["event"] and word not in _WORDS:
        return Route(Kind.OTHER, word, hint, 404)
    if method == "POST":
        kind = Kind.INTERACT if found["door"] else _KINDS.get(word, Kind.EVENT)
        return Route(kind, word, hint)
    if method == "OPTIONS":
        return Route(Kind.PREFLIGHT, word, hint)
    return Route(Kind.OTHER, word, hint, 405, _METHODS)


def _hint_in(before: str) -> str | None:
    """Return the last segment before the API's own: a location hint, or the end of the base path."""
    segments = [part for part in before.split("/") if part]
    last = segments[-1] if len(segments) > 1 else ""
    return last if _HINT.fullmatch(last) and not last.startswith("ee") else None


def parameter(target: str, name: str) -> str | None:
    """Return the value of a parameter in a target's query, the first where there are several; None for none."""
    _, mark, query = target.partition("?")
    if not mark or name not in query:
        return None
    try:
        values = parse_qs(query, keep_blank_values=True, errors="replace", max_num_fields=100).get(name)
    except ValueError:  # more fields than any client sends
        return None
    return values[0] if values else None


def path_for(word: str) -> str:
    """Return the path to which a request with this last word goes, without a hint."""
    return f"{BASE}/v1/{word}" if word in DOORS else f"{BASE}{MEDIA}{word}"
