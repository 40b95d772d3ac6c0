"""APIs that mcmock does not emulate, and how to tell their traffic: to say what a recording is, where it is of none of ours."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple


class _Neighbour(NamedTuple):
    name: str
    target: re.Pattern[str]


_NEIGHBOURS: Final = (
    _Neighbour("the Media Edge API", re.compile(r"/va/v1/\w+")),
    _Neighbour("the Edge Network's interact API", re.compile(r"/ee[\w-]*/(?:\w+/)?v\d/(?:interact|collect)\b")),
    _Neighbour(
        "Media Analytics' heartbeats", re.compile(r"\bs:(?:event:type|asset:|sc:rsid)|hb\.omtrdc\.net/(?!api/)")
    ),
    _Neighbour("Analytics' own image requests", re.compile(r"/b/ss/")),
)


def api_of_target(target: str) -> str | None:
    """Return which other API a request is to, by its URL; None if it is no API that is known here."""
    return next((one.name for one in _NEIGHBOURS if one.target.search(target)), None)


def api_of_body(value: Any) -> str | None:
    """Return which other API a body is of."""
    events = value.get("events") if isinstance(value, dict) else None
    first = events[0] if isinstance(events, list) and events else value
    if isinstance(first, dict) and isinstance(first.get("xdm"), dict):
        return _NEIGHBOURS[0].name
    return None
