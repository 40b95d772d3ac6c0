"""The garbage collector is off while modules are imported and a server is made: what they make stays, and a tenth of the time
went into looking at it again and again."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

RARELY: Final = 50
"""Looks at what is young, each at some 7,000 objects more, between two at everything: that takes 10 to 50 ms, in which nobody is
answered, and finds hardly anything. Cycles that got old meanwhile are a few dozen megabytes at most."""


@contextmanager
def no_collection() -> Iterator[None]:
    """Keep the collector off. Where this ends, what has been made by then is frozen: else it would all be looked at in one go."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.freeze()
            gc.enable()


def collect_rarely() -> None:
    """Pass over what is loaded by now, which stays, and look at everything else together only now and then."""
    gc.freeze()
    gc.set_threshold(*gc.get_threshold()[:2], RARELY)
