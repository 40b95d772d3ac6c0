"""The garbage collector of a process that is mcmock's own.

It counts what is made and what is freed, and looks when more was made. A log that is full lets one entry go for each that comes,
in the memory of the other: so the collector never looks, until it does for any other reason, and then at a hundred thousand
entries: for 45 ms nobody is answered. Where the process is ours, the log therefore says when it is time.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

LOOKS: Final = (700, 8, 2)
"""What has to be made for a look at what is new; so many of them for a look at what is young, and of those for one at the rest.

What is alive after the last is passed over from then on: ten thousand sessions took it 20 to 30 ms each time."""

THAW: Final = 512
"""Looks at the rest, each at what two thousand requests have left, after which it looks at everything once: cycles that were
alive when they were passed over are let go, whatever they were."""

_OLDEST: Final = len(LOOKS) - 1


class Collector:
    """When it looks. `is_owned` says that the process is mcmock's own: in another it is left alone."""

    def __init__(self) -> None:
        self.is_owned = False
        self._looks = self._whole_looks = 0

    def own(self) -> None:
        """Have it pass over what is loaded by now, which stays, and look at the rest as LOOKS says."""
        self.is_owned = True
        gc.set_threshold(*LOOKS)
        if self._note not in gc.callbacks:
            gc.callbacks.append(self._note)
        self.pass_over()

    def _note(self, phase: str, info: dict[str, int]) -> None:
        """Have it pass over what it has just looked at; once in THAW times, let it look at everything."""
        if phase == "stop" and info["generation"] == _OLDEST:
            self._whole_looks += 1
            if self._whole_looks % THAW:
                self.pass_over()
            else:
                self.take_back()

    def look(self) -> None:
        """Look at what is new, now and then at what is young, and at the rest: it is time."""
        if self.is_owned:
            self._looks += 1
            is_new, is_young = self._looks % LOOKS[1], self._looks % (LOOKS[1] * LOOKS[2])
            gc.collect(0 if is_new else 1 if is_young else _OLDEST)

    def pass_over(self) -> None:
        """Have it pass over what there is by now."""
        if self.is_owned:
            gc.freeze()

    def take_back(self) -> None:
        """Have it look at all that it passed over."""
        if self.is_owned:
            gc.unfreeze()


collector: Final = Collector()
"""That of this process."""


@contextmanager
def no_collection() -> Iterator[None]:
    """Keep the collector off while modules are imported and a server is made: looking at them took a tenth of the time.

    Where this ends, what has been made by then is frozen: else it would all be looked at in one go.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.freeze()
            gc.enable()
