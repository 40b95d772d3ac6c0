"""APIs that mcmock does not emulate, and how to tell their traffic: to say what a recording is, where it is of none of ours."""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class _Neighbour(NamedTuple):
    name: str
    target: re.Pattern[str]


_NEIGHBOURS: Final = (
    _Neighbour(
        "Media Analytics' heartbeats", re.compile(r"\bs:(?:event:type|asset:|sc:rsid)|hb\.omtrdc\.net/(?!api/)")
    ),
    _Neighbour("Analytics' own image requests", re.compile(r"/b/ss/")),
)


def api_of_target(target: str) -> str | None:
    """Return which other API a request is to, by its URL; None if it is no API that is known here."""
    return next((one.name for one in _NEIGHBOURS if one.target.search(target)), None)
