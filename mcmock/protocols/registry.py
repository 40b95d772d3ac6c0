"""The emulated APIs that mcmock has, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Final

from mcmock.core.model import Request
from mcmock.protocols.base import ApiProtocol, FaultPreset, Options
from mcmock.protocols.media_collection import MediaCollection
from mcmock.protocols.media_edge import MediaEdge

FIRST_PROTOCOL: Final = MediaCollection.name
"""The API of what does not say which one it is of: it was written when there was one."""

_APIS: Final = (MediaCollection, MediaEdge)
_MAKERS: Final[Mapping[str, Callable[[Options], ApiProtocol]]] = {api.name: api for api in _APIS}

FAULT_PRESETS: Final[Mapping[str, Sequence[FaultPreset]]] = {api.name: api.presets for api in _APIS}
"""The presets of each API."""

FAULT_FORMS: Final[Mapping[str, str]] = {form: about for api in _APIS for form, about in api.forms.items()}
"""The forms that a fault can give a true answer, of every API, and what each is."""


def default_protocols(options: Options = Options()) -> tuple[ApiProtocol, ...]:  # noqa: B008 -- a value
    """Return one of each API. The first answers what none of them knows."""
    return tuple(make(options) for make in _MAKERS.values())


def protocol_owning(target: str) -> ApiProtocol | None:
    """Return the API whose path a target, or a whole URL, has in it."""
    request = Request("POST", f"{target}/", (), b"")
    return next((one for one in known_protocols() if one.owns(one.locate(request).target)), None)


@cache
def protocol_named(name: str) -> ApiProtocol:
    """Return the API of that name, to read what it has written. Raises ValueError if there is none."""
    if name not in _MAKERS:
        raise ValueError(f"protocol must be one of {', '.join(_MAKERS)}, not {name!r}")
    return _MAKERS[name](Options())


def prepare() -> None:
    """Compile and import now what a first request to any of them would wait for."""
    for protocol in known_protocols():
        protocol.prepare()


@cache
def known_protocols() -> tuple[ApiProtocol, ...]:
    """Return all of them, to read what was recorded."""
    return tuple(protocol_named(name) for name in _MAKERS)
