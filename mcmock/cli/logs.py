"""The lines that a running server writes to stderr, as text or as JSON: what it has to say, and each request if asked to.

A request's line is written off the request's path: the emulator's listener only notes its number, the loop writes later.
"""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO

from mcmock.core import clock
from mcmock.core.model import Exchange
from mcmock.core.notices import Notice
from mcmock.core.printable import printable, printable_json, printable_word

if TYPE_CHECKING:
    from mcmock.engine import Emulator
    from mcmock.engine.scopes import Scopes

LATER = 0.1
"""Seconds between two writings of request lines."""


class Logs:
    """Writes lines to `out`. `now` is real time, in seconds since the epoch."""

    def __init__(self, form: str, out: TextIO, now: Callable[[], float] | None = None) -> None:
        self._json, self._out, self._now = form == "json", out, now or clock.Clock().now
        self._waiting: list[tuple[Emulator, int]] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def say(self, text: str, level: str = "info", trace: str = "") -> None:
        """Write one line about the server itself; a `trace` stands under it, set in so that it passes for no other line."""
        if self._json:
            facts = {"event": "message", "at": clock.iso(self._now()), "level": level}
            message = "\n".join(filter(None, [text.removeprefix("mcmock: "), trace]))
            self._write([_json_line({**facts, "message": message})])
        else:
            self._write([printable(text), *(f"  {printable(line)}" for line in trace.split("\n") if line)])

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Meanwhile, write what Python's own logging has to say, from warnings on, in the same form."""
        handler = _Handler(self)
        logging.getLogger().addHandler(handler)
        try:
            yield
        finally:
            logging.getLogger().removeHandler(handler)

    def follow(self, scopes: Scopes) -> None:
        """Write a line for each request from now on, in whatever scope. To be called on the server's loop."""
        self._loop = asyncio.get_running_loop()
        scopes.for_each(self._follow)

    def _follow(self, emulator: Emulator) -> None:
        emulator.subscribe(lambda notice: self._note(emulator, notice))

    def _note(self, emulator: Emulator, notice: Notice) -> None:
        """Called under the emulator's lock, on whatever thread: notes, and sees to it that somebody writes."""
        if notice.what != "exchange":
            return
        self._waiting.append((emulator, notice.seq))
        if len(self._waiting) == 1 and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._loop.call_later, LATER, self.flush)

    def flush(self) -> None:
        """Write what was noted."""
        noted, self._waiting = self._waiting, []
        exchanges = (emulator.request(seq) for emulator, seq in noted)
        self._write([self._line(one) for one in exchanges if one is not None])

    def _line(self, exchange: Exchange) -> str:
        facts = request_facts(exchange)
        if self._json:
            return _json_line(facts)
        named = [
            f"{name}={_value(value)}"
            for name, value in facts.items()
            if name not in _PLAIN and value not in (None, [], "")
        ]
        return " ".join(
            [
                facts["at"],
                facts["outcome"].upper(),
                _value(facts["method"]),
                _value(facts["path"]),
                str(facts["status"]),
                *named,
            ]
        )

    def _write(self, lines: list[str]) -> None:
        if not lines:
            return
        with suppress(OSError, ValueError):  # nobody reads stderr any more: no reason to stop serving
            self._out.write("\n".join(lines) + "\n")
            self._out.flush()


def _json_line(facts: dict[str, Any]) -> str:
    return printable_json(json.dumps(facts, ensure_ascii=False))


def _value(value: Any) -> str:
    return printable_word(value) if isinstance(value, str) else printable(str(value))


class _Handler(logging.Handler):
    """Hands the records of Python's logging to Logs."""

    def __init__(self, logs: Logs) -> None:
        super().__init__(logging.WARNING)
        self._logs = logs

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except (TypeError, ValueError) as error:  # the arguments do not fit: the library's mistake, but no end of ours
            message = f"{record.msg} ({error})"
        trace = "".join(traceback.format_exception(*record.exc_info)).rstrip() if record.exc_info else ""
        self._logs.say(f"mcmock: {message}", record.levelname.lower(), trace)


_PLAIN = ("event", "at", "outcome", "method", "path", "status", "sessionId", "verdict", "kind")


def request_facts(exchange: Exchange) -> dict[str, Any]:
    """Return what a line says of a request: names and numbers, no bodies and no headers."""
    return {
        "event": "request",
        "at": clock.iso(exchange.at),
        "scope": exchange.scope if exchange.scope != "default" else None,
        "seq": exchange.seq,
        "kind": exchange.kind,
        "method": exchange.method,
        "path": exchange.path,
        "status": exchange.status,
        "outcome": exchange.outcome,
        "verdict": exchange.verdict,
        "eventType": exchange.event_type,
        "sessionId": exchange.session_id,
        "fault": exchange.fault.rule if exchange.fault is not None else None,
        "findings": [finding.rule for finding in exchange.findings],
    }
