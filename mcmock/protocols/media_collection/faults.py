"""What goes wrong with this API between a service and its players: the presets that only who knows its headers can write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from mcmock.protocols.base import FaultPreset, no_cors

# The forms of Location that break Adobe's own SDKs: a list made by trying them (docs/faults.md has it as a table).
_LOCATIONS: Final = {
    "absolute": "http://{host}{value}",
    "prefixed": "/prefix{value}",
    "slash": "{value}/",
    "query": "{value}?x=1",
    "bare": "{session}",
    "missing": None,
}


def _bad_location(form: str, times: int | None) -> Mapping[str, Any]:
    value = _LOCATIONS[form]
    changed = {"type": "set_header", "name": "Location", "value": value}
    return {
        "name": f"bad-location-{form}",
        "effect": {"type": "drop_header", "name": "Location"} if value is None else changed,
        "match": {"kind": "session", "path": {"matches": "/api/v1/"}, **({} if value is None else {"status": 201})},
        "times": times,
    }


def _presets() -> Iterator[FaultPreset]:
    about = "proxies and gateways that rewrite Location: one form for each new session, in turn"
    yield FaultPreset("bad-location", about, tuple(_bad_location(form, 1) for form in _LOCATIONS))
    for form in _LOCATIONS:
        about = f"the same, always in the form {form}"
        yield FaultPreset(f"bad-location-{form}", about, (_bad_location(form, None),))
    yield no_cors()


PRESETS: Final = tuple(_presets())
