"""Words for messages about what somebody wrote: a wrong value, a wrong key, the word that was probably meant.

Whatever the value is, and however large, it makes a short sentence. It knows no option, field or event: callers name them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeGuard

MAX_SHOWN: Final = 200
"""Characters that a message shows of a wrong value."""


def shown(value: object) -> str:
    """Return a wrong value for a message, in short."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an int of 5,000 digits, a list in a list in a list …
        text = f"a {type(value).__name__} beyond measure"
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def named(key: object) -> str:
    """Return a wrong key for a message: itself, unless it is long or unprintable."""
    text = str(key)
    return text if len(text) <= MAX_SHOWN and text.isprintable() else shown(text)


def nearest(word: object, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """Return the known word that a wrong one was probably meant to be. A long one is never compared: it takes its square."""
    from difflib import get_close_matches  # here: a server meets no wrong word as it starts

    text = str(word)
    return next(iter(get_close_matches(text, list(known), 1, likeness)), None) if len(text) <= MAX_SHOWN else None


def did_you_mean(word: object, known: Iterable[str], otherwise: str = "") -> str:
    """Return the hint that follows a wrong word, in brackets; `otherwise` where no known word is near."""
    close = nearest(word, known)
    return f" (did you mean {close}?)" if close else otherwise


def is_whole(value: object) -> TypeGuard[int]:
    """Return whether a value is a whole number; true and false are not numbers."""
    return isinstance(value, int) and not isinstance(value, bool)


def whole_number(value: object, name: str, span: str = "", least: float = float("-inf")) -> int:
    """Return the value. Raises ValueError where it is not a whole number of `least` or more, which `span` says in words."""
    if not is_whole(value) or value < least:
        raise ValueError(f"{name} must be a whole number{span and ' '}{span}, not {shown(value)}")
    return value
