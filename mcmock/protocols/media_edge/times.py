"""The time of an event: a date and time with its offset from UTC, as RFC 3339 writes them, and milliseconds."""

from __future__ import annotations

import re
from typing import Final

from mcmock.core import clock

UNPADDED: Final = "https://ns.adobe.com/experience/mobilesdk/roku"
"""The SDK that does not pad milliseconds, as it names itself: its `.72Z` is 72 ms."""

_FORM: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(?::\d\d(?:\.(?P<fraction>\d{1,9}))?)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def ms_of(text: object, sdk: object = None) -> int | None:
    """Return milliseconds since the epoch; None for what is no date and time with an offset.

    A fraction of one or two digits is one of a second, as RFC 3339 has it; `sdk` UNPADDED counts milliseconds there.
    """
    found = _FORM.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    assert isinstance(text, str)
    if sdk == UNPADDED and (fraction := found["fraction"]) is not None and len(fraction) < 3:
        text = f"{text[: found.start('fraction')]}{fraction:0>3}{text[found.end('fraction') :]}"
    try:
        return round(clock.from_iso(text.upper()) * 1000)
    except (ValueError, OverflowError):
        return None


def is_padded(text: str) -> bool:
    """Return whether the fraction of a second is written with three digits at least, or left out: `.5` is 500 ms.

    A client that counts in milliseconds and does not pad them means 5 ms.
    """
    found = _FORM.fullmatch(text)
    return found is None or found["fraction"] is None or len(found["fraction"]) >= 3


def text_of(ms: float) -> str:
    """Return the text of a moment, as clients write it: `2026-01-31T08:15:00.250Z`."""
    return clock.iso(ms / 1000)
