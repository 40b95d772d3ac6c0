"""The garbage collector is off while modules are imported and a server is made: what they make stays, and a tenth of the time
went into looking at it again and again."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

LOOKS: Final = (250, 4, 300)
"""When the collector looks at what is new, at what is young, and at everything: often at little, so that nobody waits longer than
a millisecond for it, and rarely at everything, which takes 10 to 50 and finds hardly anything. Cycles that got old between two of
these are a few dozen megabytes at most: 300,000 objects."""


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


def collect_in_turns() -> None:
    """Have the collector pass over what is loaded by now, which stays, and look at the rest as LOOKS says."""
    gc.freeze()
    gc.set_threshold(*LOOKS)
