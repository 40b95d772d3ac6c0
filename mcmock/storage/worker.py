"""A thread that makes calls for others."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

_log = logging.getLogger(__name__)


class BackgroundWorker:
    """Makes the calls that are asked for, in their order; one that is asked for again before its turn is made once.

    It waits `rest` seconds before it makes those that have come by then. What a call raises, whatever it is, is logged, and no
    harm to others: the thread ends when it is closed, and not before.
    """

    def __init__(self, name: str, rest: float = 0.0) -> None:
        self._rest = rest
        self._calls: dict[Callable[[], None], None] = {}
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def ask(self, call: Callable[[], None]) -> None:
        with self._changed:
            self._calls[call] = None
            self._changed.notify()

    def close(self, timeout: float) -> None:
        """Make what was asked for up to now, at once, and no more after that."""
        self._closed.set()
        with self._changed:
            self._changed.notify()
        self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._calls or self._closed.is_set())
            if self._rest:
                self._closed.wait(self._rest)
            with self._changed:
                calls, self._calls = self._calls, {}
            if not calls:
                return
            for call in calls:
                try:
                    call()
                except BaseException:
                    _log.exception("a call failed on the thread %s", self._thread.name)
