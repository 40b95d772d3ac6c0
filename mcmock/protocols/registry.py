"""The emulated APIs that mcmock has, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from mcmock.protocols.base import ApiProtocol
from mcmock.protocols.media_collection import MediaCollection

FIRST_PROTOCOL: Final = MediaCollection.name
"""The API of what does not say which one it is of: it was written when there was one."""

_MAKERS: Final[Mapping[str, Callable[[str | None, int | None], ApiProtocol]]] = {MediaCollection.name: MediaCollection}


def default_protocols(cors_headers: str | None = None, cors_max_age: int | None = None) -> tuple[ApiProtocol, ...]:
    """Return one of each API. The first answers what none of them knows. `cors_headers` and `cors_max_age` are Policy's."""
    return tuple(make(cors_headers, cors_max_age) for make in _MAKERS.values())


@cache
def protocol_named(name: str) -> ApiProtocol:
    """Return the API of that name, to read what it has written. Raises ValueError if there is none."""
    if name not in _MAKERS:
        raise ValueError(f"protocol must be one of {', '.join(_MAKERS)}, not {name!r}")
    return _MAKERS[name](None, None)
