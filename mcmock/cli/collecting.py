"""The garbage collector is off while modules are imported and a server is made: what they make stays, and a tenth of the time
went into looking at it again and again."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


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
