"""The emulated APIs that mcmock has, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from mcmock.core.model import Request
from mcmock.protocols.base import ApiProtocol
from mcmock.protocols.media_collection import MediaCollection
from mcmock.protocols.media_collection.responses import ALLOW_HEADERS

FIRST_PROTOCOL: Final = MediaCollection.name
"""The API of what does not say which one it is of: it was written when there was one."""

DEFAULT_CORS_HEADERS: Final = ALLOW_HEADERS
"""What a browser may send without an option that widens it."""

_MAKERS: Final[Mapping[str, Callable[[str | None, int | None, bool], ApiProtocol]]] = {
    MediaCollection.name: MediaCollection
}


def default_protocols(
    cors_headers: str | None = None, cors_max_age: int | None = None, cors_private_network: bool = False
) -> tuple[ApiProtocol, ...]:
    """Return one of each API. The first answers what none of them knows. The options are Policy's."""
    return tuple(make(cors_headers, cors_max_age, cors_private_network) for make in _MAKERS.values())


def protocol_owning(target: str) -> ApiProtocol | None:
    """Return the API whose path a target, or a whole URL, has in it."""
    request = Request("POST", f"{target}/", (), b"")
    return next((one for one in known_protocols() if one.owns(one.locate(request).target)), None)


@cache
def protocol_named(name: str) -> ApiProtocol:
    """Return the API of that name, to read what it has written. Raises ValueError if there is none."""
    if name not in _MAKERS:
        raise ValueError(f"protocol must be one of {', '.join(_MAKERS)}, not {name!r}")
    return _MAKERS[name](None, None, False)


@cache
def known_protocols() -> tuple[ApiProtocol, ...]:
    """Return all of them, to read what was recorded."""
    return tuple(protocol_named(name) for name in _MAKERS)
